"""An answer as text while its tokens come: whole characters, and nothing of a stop string.

Tokens may hold parts of characters, and a stop string may be spread over tokens; what is not
decided yet is held back until it is.
"""

from collections.abc import Callable, Sequence

BROKEN = "\N{REPLACEMENT CHARACTER}"
"""What a decoder writes for a part of a character."""
LONGEST_CHARACTER = 4
"""Bytes in UTF-8, so at most as many tokens."""


class Answer:
    """Text of one row.

    Args:
        decode: Tokens to text, without special tokens.
        stop: Texts at which the answer ends; they are not part of it.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = stop
        self._ids: list[int] = []
        self._before = 0
        """Tokens from here on are decoded, those before `_told` only for what joins them."""
        self._told = 0
        self._held = ""
        self.stopped = False
        """Whether a stop string came."""

    def push(self, token: int) -> str:
        """The text that is certain now, after one more token."""
        self._ids.append(token)
        return self._decided(self._new_text(whole=True))

    def finish(self) -> str:
        """What was held back, when no token comes any more."""
        if self.stopped:
            return ""
        text = self._held + self._new_text(whole=False)
        self._held = ""
        cut = self._cut(text)
        return text if cut is None else text[:cut]

    def _new_text(self, *, whole: bool) -> str:
        """What was not told yet; nothing while the last character is not whole."""
        old = self._decode(self._ids[self._before : self._told])
        text = self._decode(self._ids[self._before :])
        waits = whole and len(self._ids) - self._told < LONGEST_CHARACTER
        if len(text) <= len(old) or (text.endswith(BROKEN) and waits):
            return ""
        self._before, self._told = self._told, len(self._ids)
        return text[len(old) :]

    def _decided(self, piece: str) -> str:
        if not self._stop:
            return piece
        text = self._held + piece
        cut = self._cut(text)
        if cut is not None:
            self.stopped, self._held = True, ""
            return text[:cut]
        certain = len(text) - max(begun(text, one) for one in self._stop)
        self._held = text[certain:]
        return text[:certain]

    def _cut(self, text: str) -> int | None:
        """Where the first stop string begins."""
        places = [place for one in self._stop if (place := text.find(one)) >= 0]
        if places:
            self.stopped = True
        return min(places, default=None)


def begun(text: str, stop: str) -> int:
    """How many characters at the end of the text could be the beginning of a stop string."""
    for length in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
