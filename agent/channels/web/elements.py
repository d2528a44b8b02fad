"""Puts the parts of the cards together into the one file that Chainlit's page compiles.

An element of Chainlit is a single file that may only import what Chainlit offers. The cards are
written as small modules in public/cards; their imports are gathered at the head, once.
"""

import re
from collections import defaultdict
from pathlib import Path

from core.errors import SettingsError

SOURCES = ("parts/*.jsx", "kinds/*.jsx", "Card.jsx")
IMPORT = re.compile(r"^import \{(?P<names>[^}]*)\} from '(?P<module>[^']+)'\n", re.MULTILINE)


def assemble(public: Path) -> Path:
    """Write public/elements/Cards.jsx out of public/cards and return its path.

    Raises SettingsError when the parts are not there.
    """
    paths = [path for pattern in SOURCES for path in sorted((public / "cards").glob(pattern))]
    if not paths:
        raise SettingsError(
            f"The parts of the cards are missing in {public / 'cards'}.",
            code="chat_not_installed",
            fix="Install Thimble from a clone of its repository (`make setup`).",
        )
    target = public / "elements" / "Cards.jsx"
    target.write_text(joined([path.read_text(encoding="utf-8") for path in paths]), "utf-8")
    return target


def joined(sources: list[str]) -> str:
    """The sources one after the other, below all that they import."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for found in IMPORT.finditer("".join(sources)):
        names = (name.strip() for name in found["names"].split(","))
        wanted[found["module"]].update(name for name in names if name)
    head = [
        f"import {{ {', '.join(sorted(names))} }} from '{module}'"
        for module, names in sorted(wanted.items())
    ]
    return "\n\n".join(["\n".join(head), *(IMPORT.sub("", source).strip() for source in sources)])
