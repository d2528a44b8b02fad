"""All that is read in pre-training: conversations as tokens, packed into rows without gaps.

Everything follows from the seed, the pages and the tokenizer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch

from core.chat.tokens import ChatTokenizer
from finetune.worker.pretrain.pages import Section, facts
from finetune.worker.pretrain.skills import SHARES, Chat

LENGTH = 128
"""Tokens of a packed row, and so the most of one conversation."""
ROWS = 24
"""Packed rows in one step."""
READINGS = 8
"""How often the pages and the facts are read."""
ECHOES = 0.03
"""Share of the steps, all at the beginning, that read random tokens over and over."""
OPEN = 24
"""Rows that are filled at the same time."""
NOT_LEARNED = -100
FORBIDDEN = -1e9


@dataclass(frozen=True)
class Piece:
    """One conversation as tokens."""

    ids: list[int]
    learned: list[bool]
    """By position: whether the model is to say this token."""


PackedRow = list[Piece]


@dataclass(frozen=True)
class Batch:
    """Shapes: R rows, L positions."""

    ids_RL: torch.Tensor
    positions_RL: torch.Tensor
    """From 0 in every conversation."""
    mask_R1LL: torch.Tensor
    """0 where a position sees another one of its own conversation, else a large negative number."""
    targets_RL: torch.Tensor
    """The next token, or NOT_LEARNED."""


def steps(
    sections: Sequence[Section], tokenizer: ChatTokenizer, tokens: int, seed: int
) -> list[list[PackedRow]]:
    """The packed rows of every step, for about so many tokens."""
    random = Random(seed)
    pieces = [piece(tokenizer, one) for one in talks(sections, random)]
    left = tokens - sum(len(one.ids) for one in pieces)
    for skill, share in SHARES.items():
        wanted = share * left
        while wanted > 0:
            made = piece(tokenizer, skill(random))
            pieces.append(made)
            wanted -= len(made.ids)
    random.shuffle(pieces)
    rows = packed(pieces)
    random.shuffle(rows)
    first = int(ECHOES * len(rows))
    rows[:first] = [[echo(random, tokenizer.vocabulary)] for _ in range(first)]
    return [rows[start : start + ROWS] for start in range(0, len(rows) - ROWS + 1, ROWS)]


def talks(sections: Sequence[Section], random: Random) -> Iterator[Chat]:
    for _ in range(READINGS):
        yield from facts()
        for section in sections:
            yield section.chat(random)


def piece(tokenizer: ChatTokenizer, chat: Chat) -> Piece:
    """The assistant's part is learned; in a pattern all that follows its first appearance."""
    row = tokenizer.row(chat)
    learned = list(row.trained)
    ends = [place for place, token in enumerate(row.ids) if token in tokenizer.ends]
    if len(ends) > 2:  # more than one question and its answer
        learned[ends[1] + 1 :] = [True] * (len(learned) - ends[1] - 1)
    return Piece(row.ids[:LENGTH], learned[:LENGTH])


def echo(random: Random, vocabulary: int) -> Piece:
    """Random tokens, over and over: every token of the vocabulary is copied sometimes."""
    count = random.randint(5, 50)
    once = [random.randrange(3, vocabulary) for _ in range(count)]
    ids = (once * (LENGTH // count + 1))[:LENGTH]
    return Piece(ids, [place > count for place in range(LENGTH)])


def packed(pieces: Sequence[Piece]) -> list[PackedRow]:
    """Each piece in the first open row with room for it."""
    rows: list[PackedRow] = []
    open_rows: list[tuple[PackedRow, int]] = []
    for one in pieces:
        size = len(one.ids)
        found = next((i for i, (_, room) in enumerate(open_rows) if room >= size), None)
        row, room = open_rows.pop(found) if found is not None else ([], LENGTH)
        if found is None:
            rows.append(row)
        row.append(one)
        open_rows.append((row, room - size))
        del open_rows[:-OPEN]
    return rows


def batch(rows: Sequence[PackedRow], dtype: torch.dtype) -> Batch:
    """Rows as tensors."""
    shape = (len(rows), LENGTH)
    ids, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    owners, targets = torch.full(shape, -1), torch.full(shape, NOT_LEARNED)
    for number, row in enumerate(rows):
        start = 0
        for owner, one in enumerate(row):
            end = start + len(one.ids)
            ids[number, start:end] = torch.tensor(one.ids)
            positions[number, start:end] = torch.arange(end - start)
            owners[number, start:end] = owner
            learned = torch.tensor(one.learned[1:], dtype=torch.bool)
            following = ids[number, start + 1 : end]
            targets[number, start : end - 1] = following.where(learned, NOT_LEARNED)
            start = end
    earlier = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    seen = (owners[:, :, None] == owners[:, None, :]) & earlier
    mask = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, FORBIDDEN)
    return Batch(ids, positions, mask[:, None], targets)
