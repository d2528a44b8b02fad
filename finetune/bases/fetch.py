"""From where a base is taken: a folder of this machine, or the model hub."""

from pathlib import Path

from core.errors import RequestRefused, ServiceFailed
from finetune.bases.base import PLAIN

WANTED = ("model.safetensors", "model-*-of-*.safetensors", *PLAIN)
"""All that is downloaded of a model."""


def fetch(source: str) -> Path:
    """The folder that `source` names, downloaded when it is a hub id."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not is_on_hub(source):
        raise RequestRefused(
            f"{source[:200]!r} is neither a folder nor a hub id with a revision.",
            code="bad_source",
            param="source",
            fix="Give a folder, or such as sentence-transformers/all-MiniLM-L12-v2@<commit>.",
        )
    identifier, _, revision = source.partition("@")
    return download(identifier, revision)


def is_on_hub(source: str) -> bool:
    """Whether it reads `owner/name@revision`."""
    identifier, _, revision = source.partition("@")
    is_path = identifier.startswith(("/", ".", "~"))
    return bool(revision) and identifier.count("/") == 1 and not is_path


def download(identifier: str, revision: str) -> Path:
    # Imported here: it costs half a second that only this command has to pay.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(identifier, revision=revision, allow_patterns=list(WANTED)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ServiceFailed(
            f"{identifier}@{revision} could not be downloaded ({type(error).__name__}).",
            code="hub_unreachable",
            fix="Check the id and the network; or copy the model's folder to this machine and "
            "give its path.",
        ) from error
