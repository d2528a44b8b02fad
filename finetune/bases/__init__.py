"""The base models that can be fine-tuned, under names that the operator registered.

A base is a folder of safetensors, JSON and plain text, copied below THIMBLE_HOME and hashed.
Nothing in it is ever executed. `minilm` is always there, for classification: its weights came
with the installation; so is `tiny-chat`, for chat: its weights are made on this machine.
"""

from finetune.bases.base import Base
from finetune.bases.inspect import MODEL_TYPES
from finetune.bases.shelf import DEFAULT, DEFAULTS, Bases

__all__ = ["DEFAULT", "DEFAULTS", "MODEL_TYPES", "Base", "Bases"]
