"""From bytes to text: which encoding, why, and never by silently replacing what does not fit."""

import codecs
from dataclasses import dataclass

from charset_normalizer import from_bytes

from core.errors import RequestRefused

BOMS = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE_BYTES = 32_768
WESTERN = "cp1252"
NO_WORSE = 0.02
LATIN_SHARE = 0.15
"""Fewer bytes beyond ASCII than this mean an alphabet with accents, not another script."""
MIN_EVIDENCE = 24
"""Bytes beyond ASCII that a guess needs. Below it, guesses of charset-normalizer on our test files
were often wrong (Latin-1 as Big5), and a wrong guess would be trained on."""
GUESSED = {
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5",
    "big5hkscs": "big5hkscs",
    "shift_jis": "cp932",
    "cp932": "cp932",
    "euc_jp": "euc_jp",
    "euc_kr": "cp949",
    "cp949": "cp949",
    "latin_1": "cp1252",
    "cp1252": "cp1252",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1253": "cp1253",
    "cp1254": "cp1254",
    "koi8_r": "koi8_r",
    "iso8859_2": "iso8859_2",
    "iso8859_5": "iso8859_5",
    "iso8859_7": "iso8859_7",
    "iso8859_15": "iso8859_15",
}
"""What charset-normalizer names, and the codec that reads it (the wider one of a family)."""


@dataclass(frozen=True)
class Decoded:
    text: str
    encoding: str
    why: str
    guessed: bool = False


def decode(raw: bytes) -> Decoded:
    """The text without its byte order mark.

    Raises RequestRefused, naming the byte, line and character, when no encoding is certain enough.
    """
    for mark, encoding in BOMS:
        if raw.startswith(mark):
            return by_mark(raw, encoding)
    try:
        return Decoded(raw.decode("utf-8"), "utf-8", "every byte is valid UTF-8")
    except UnicodeDecodeError as error:
        return guess(raw) or refuse(raw, error)


def by_mark(raw: bytes, encoding: str) -> Decoded:
    shown = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise RequestRefused(
            f"The file says by its first bytes that it is {shown.upper()}, but byte {error.start} "
            "does not fit that.",
            code="bad_encoding",
            param="file",
            fix="Save it as UTF-8 and upload it again.",
        ) from error
    return Decoded(text, shown, "the file begins with a byte order mark")


def guess(raw: bytes) -> Decoded | None:
    """The text in the most plausible other encoding; None when there is too little to go by."""
    evidence = sum(byte > 127 for byte in raw[: 16 * SAMPLE_BYTES])
    if evidence < MIN_EVIDENCE or b"\x00" in raw:
        return None
    codec = likeliest(telling_lines(raw))
    if codec is None:
        return None
    for attempt in (codec, "latin-1" if codec == WESTERN else codec):
        try:
            why = f"it is not UTF-8, and its {evidence:,} bytes beyond ASCII read best as {attempt}"
            return Decoded(raw.decode(attempt), attempt, why, guessed=True)
        except UnicodeDecodeError:
            continue
    return None


def likeliest(sample: bytes) -> str | None:
    """The codec that makes the most sense.

    In a text that is mostly ASCII all code pages with Latin letters look alike; there it is
    Windows Western, the most frequent, as long as it looks no worse than the best.
    """
    ranked = from_bytes(sample)
    best = ranked.best()
    if best is None:
        return None
    accents = sum(byte > 127 for byte in sample)
    if accents < LATIN_SHARE * len(sample):
        western = [match for match in ranked if match.encoding == WESTERN]
        if western and western[0].chaos <= best.chaos + NO_WORSE:
            return WESTERN
    return GUESSED.get(best.encoding)


def telling_lines(raw: bytes) -> bytes:
    """The first lines that have bytes beyond ASCII: the rest says nothing about the encoding."""
    taken, size = [], 0
    for line in raw.splitlines():
        if not line.isascii():
            taken.append(line)
            size += len(line)
        if size > SAMPLE_BYTES:
            break
    return b"\n".join(taken)


def refuse(raw: bytes, error: UnicodeDecodeError) -> Decoded:
    line = raw.count(b"\n", 0, error.start) + 1
    raise RequestRefused(
        f"The file is not UTF-8: byte {error.start} (0x{raw[error.start]:02x}, on line {line}) "
        "does not fit, and no other encoding is certain.",
        code="bad_encoding",
        param="file",
        fix="Save it as UTF-8 ('CSV UTF-8' in a spreadsheet) and upload it again.",
    ) from error
