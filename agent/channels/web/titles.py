"""What a thread is called in the list of conversations, until its owner renames it."""

from collections.abc import Sequence

MOST_CHARACTERS = 60
ENDS = ".?!。？！"


def title_of(text: str, filenames: Sequence[str] = ()) -> str:
    """The first sentence, cut between two words; after the file's name when one came with it."""
    said = " ".join(first_sentence(text).split())
    if not filenames:
        return cut(said)
    more = f" +{len(filenames) - 1}" if len(filenames) > 1 else ""
    return cut(": ".join(part for part in (f"{filenames[0]}{more}", said) if part))


def first_sentence(text: str) -> str:
    """Without the mark at its end; a question keeps its own."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    for at, letter in enumerate(line[:-1]):
        # A point inside of `tickets.csv` or `0.5` ends nothing.
        if letter in ENDS and (letter not in ".!?" or line[at + 1] == " "):
            line = line[: at + 1]
            break
    return line.rstrip(".!。！ ")


def cut(title: str) -> str:
    if len(title) <= MOST_CHARACTERS:
        return title
    shortened = title[: MOST_CHARACTERS - 1]
    words = shortened.rpartition(" ")[0]
    # Chinese has no spaces, and a very long word none to cut at.
    return (words if len(words) > MOST_CHARACTERS // 2 else shortened) + "…"
