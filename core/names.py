"""Names that people give to their datasets, models and endpoints."""

import re
from pathlib import PurePosixPath

from core.errors import RequestRefused

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_name(value: str, param: str = "name") -> str:
    """The name itself, when it is one. Raises RequestRefused with the rule."""
    if not NAME.fullmatch(value) or ".." in value or value.endswith("."):
        raise RequestRefused(
            f"{value[:80]!r} cannot be a name.",
            code="bad_name",
            param=param,
            fix="Use 1 to 64 lower-case letters, digits, '-', '_' or '.', starting with a letter "
            "or digit.",
        )
    return value


def name_from_file(filename: str) -> str:
    """A name that fits, made of a file's: `My Tickets (1).csv` gives `my-tickets-1`."""
    stem = PurePosixPath(filename.replace("\\", "/")).name.rsplit(".", 1)[0]
    cleaned = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:64].strip("-")
    return cleaned or "data"
