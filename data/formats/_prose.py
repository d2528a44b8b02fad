"""Running text in a file that was taken for a table, for the error message."""

from core.errors import RequestRefused

LINES = 50
LONG = 200
"""Characters of a line on average from which it is a paragraph, no record."""
ARTICLE = 5_000
"""From here a line is a whole article, whatever it ends with."""
SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…", '"', "”")


def refuse(text: str, filename: str) -> None:
    """Raises RequestRefused where most of the first lines are paragraphs."""
    lines = [line.strip() for line in text.split("\n", 4 * LINES) if line.strip()][:LINES]
    sentences = sum(line.endswith(SENTENCE_ENDS) for line in lines)
    mean = sum(map(len, lines)) / max(1, len(lines))
    if mean < LONG or (mean < ARTICLE and sentences < len(lines) / 2):
        return
    raise RequestRefused(
        f"{filename!r} is running text, not a table. A model cannot be trained on texts without "
        "questions or labels so far.",
        code="unsupported_format",
        param="file",
        fix="Give rows with a text and a label, or with a prompt and a completion. To ask "
        "questions about the text, add it to the documents.",
    )
