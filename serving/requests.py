"""What may be asked of an endpoint, checked once for all who ask."""

from typing import Any

from core.errors import RequestRefused

MAX_TEXTS = 256
MAX_CHARACTERS = 32_000


def check_texts(given: Any) -> list[str]:
    """One text or several, as a list. Raises RequestRefused naming the one that is wrong."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise wrong("input is neither a text nor a list of texts.", "invalid_argument")
    if not 1 <= len(texts) <= MAX_TEXTS:
        raise wrong(f"input has {len(texts)} texts.", "too_many_texts")
    for index, text in enumerate(texts):
        if len(text) > MAX_CHARACTERS:
            raise wrong(f"Text {index} of input has {len(text):,} characters.", "text_too_long")
        if not text.strip():
            raise wrong(f"Text {index} of input is empty.", "empty_text")
        if not is_unicode(text):
            raise wrong(f"Text {index} of input has half a character in it.", "bad_text")
    return texts


def check_text(given: str) -> str:
    """One text. Raises RequestRefused."""
    return check_texts(given)[0]


def is_unicode(text: str) -> bool:
    """JSON can spell lone surrogates, which are no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_top_k(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise RequestRefused(
            f"top_k={str(given)[:40]} is not a whole number above 0.",
            code="invalid_argument",
            param="top_k",
            fix="Give how many labels you want for each text.",
        )
    return given


def wrong(what: str, code: str) -> RequestRefused:
    return RequestRefused(
        what,
        code=code,
        param="input",
        fix=f"Send 1 to {MAX_TEXTS} texts of 1 to {MAX_CHARACTERS:,} characters.",
    )
