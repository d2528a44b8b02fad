"""What serving needs of the bases that write, from the room that keeps them."""

from core.errors import RequestRefused
from finetune.bases import Base, Bases
from serving.process import BaseFiles


def base_files(bases: Bases, name: str) -> BaseFiles:
    """The files of a causal base, unchanged since it was registered.

    Raises:
        RequestRefused: There is no base of this name, it cannot write, or its weights are not made.
        ServiceFailed: Its files were changed on the disk.
    """
    if name not in bases.names():
        raise RequestRefused(f"There is no base {name[:80]!r}.", code="not_found", param="model")
    base = bases.get(name)
    need_writer(base)
    files = {file: known["sha256"] for file, known in base.files.items()}
    return BaseFiles(base.name, base.path, base.sha256, files)


def need_writer(base: Base) -> None:
    if base.kind != "causal":
        raise RequestRefused(
            f"{base.name} reads texts and cannot write.",
            code="wrong_task",
            param="model",
            fix="Ask a chat model, or a base that GET /v1/models lists as causal.",
        )
    if not base.ready:
        raise RequestRefused(
            f"The weights of {base.name} are not made yet.",
            code="base_not_ready",
            param="model",
            fix="The first fine-tuning on it makes them; quote_finetune begins with that.",
        )
