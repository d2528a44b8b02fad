"""The task `classify`: give each text one of a fixed set of labels."""

from finetune.worker.tasks.classify.probe import run as probe
from finetune.worker.tasks.classify.train import run as train

__all__ = ["probe", "train"]
