"""The task `chat`: answer in conversations as the training rows do."""

from finetune.worker.tasks.chat.probe import run as probe
from finetune.worker.tasks.chat.train import run as train

__all__ = ["probe", "train"]
