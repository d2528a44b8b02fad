"""Tokens of a text in which answers begin at known places.

A text is tokenised whole. A tokenizer may join the last characters of a prompt with the first of
an answer (a line feed and another); a server that has only the prompt would see other tokens than
the training did. There, and only there, the text is cut and both parts are tokenised alone, in
prompts as in rows.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

ANCHOR = "\n"
"""Stands before a part that is tokenised alone, for tokenizers that put a space at the start of
every text; it is taken off again."""


@dataclass(frozen=True)
class Encoded:
    ids: list[int]
    offsets: list[tuple[int, int]]
    at: dict[int, int]
    """Character where an answer begins to its first token; missing where tokens cross it."""

    def before(self, character: int) -> int:
        """How many tokens begin before a character."""
        return bisect_left(self.offsets, character, key=lambda pair: pair[0])


def encode(
    tokenizer: Tokenizer, added: frozenset[int], text: str, begins: Sequence[int]
) -> Encoded:
    """The tokens, with every beginning at a token's edge where that is possible."""
    whole = part(tokenizer, text, anchored=False)
    found = {begin: edge(tokenizer, added, text, whole, begin) for begin in begins}
    cuts = [begin for begin, index in found.items() if index is None]
    if not cuts:
        return Encoded(
            *whole, {begin: index for begin, index in found.items() if index is not None}
        )
    return with_cuts(tokenizer, added, text, sorted(set(begins)), sorted(set(cuts)))


def with_cuts(
    tokenizer: Tokenizer, added: frozenset[int], text: str, begins: list[int], cuts: list[int]
) -> Encoded:
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    at: dict[int, int] = {}
    for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        at[begin] = len(ids)
        inner_ids, inner = part(tokenizer, text[begin:end], anchored=begin > 0)
        for start in begins:
            if begin < start < end:
                index = edge(tokenizer, added, text[begin:end], (inner_ids, inner), start - begin)
                if index is not None:
                    at[start] = len(ids) + index
        ids += inner_ids
        offsets += [(begin + first, begin + last) for first, last in inner]
    return Encoded(ids, offsets, {begin: at[begin] for begin in begins if begin in at})


def part(
    tokenizer: Tokenizer, text: str, anchored: bool
) -> tuple[list[int], list[tuple[int, int]]]:
    """Tokens and offsets of a text that stands alone, or behind another."""
    if anchored and puts_space(tokenizer):
        encoding = tokenizer.encode(ANCHOR + text, add_special_tokens=False)
        kept = [n for n, (begin, _) in enumerate(encoding.offsets) if begin >= len(ANCHOR)]
        offsets = [encoding.offsets[n] for n in kept]
        return [encoding.ids[n] for n in kept], [(a - 1, b - 1) for a, b in offsets]
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return encoding.ids, encoding.offsets


def puts_space(tokenizer: Tokenizer) -> bool:
    """Whether a text's first word becomes another token than the same word inside a text."""
    tokens = tokenizer.encode("a", add_special_tokens=False).tokens
    return bool(tokens) and tokens[0].startswith(("▁", "Ġ"))


def edge(
    tokenizer: Tokenizer,
    added: frozenset[int],
    text: str,
    whole: tuple[list[int], list[tuple[int, int]]],
    begin: int,
) -> int | None:
    """The first token of what begins there, if all before are those of the text before alone.

    Only the part from the last added token on is tokenised again: nothing reaches across one.
    """
    ids, offsets = whole
    upper = bisect_left(offsets, begin, key=lambda pair: pair[0])
    first = next((n for n in range(upper - 1, -1, -1) if ids[n] in added), None)
    from_character = offsets[first][0] if first is not None else 0
    first = first or 0
    alone = tokenizer.encode(text[from_character:begin], add_special_tokens=False).ids
    return first + len(alone) if ids[first : first + len(alone)] == alone else None
