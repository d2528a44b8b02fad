"""The parts of the fast path by themselves: attention, scores, packing, rows."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused
from finetune import tiny_chat
from finetune.worker.causal import attention
from finetune.worker.causal.attention import How, attend
from finetune.worker.causal.loss import Head, nll, total_nll
from finetune.worker.causal.packing import ROUND, pieces
from finetune.worker.causal.rows import ChatRows, read_chats
from tests.finetune.worker.causal_bases import packed, random_rows

STARTS = (0, 5, 140, 840)
"""Rows of 5, 135 and 700 tokens: within a tile, over two, and too long for keeping the weights."""


def plain_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, how: How) -> torch.Tensor:
    """[T, heads, D] of one row, as a textbook has it."""
    groups, tokens = q.shape[1] // k.shape[1], len(q)
    q, k, v = (one.transpose(0, 1) for one in (q, k, v))
    k, v = k.repeat_interleave(groups, 0), v.repeat_interleave(groups, 0)
    scores = q @ k.transpose(1, 2) * how.scale
    if how.cap is not None:
        scores = torch.tanh(scores / how.cap) * how.cap
    back = torch.arange(tokens)[:, None] - torch.arange(tokens)[None, :]
    seen = (back >= 0) & (back < (how.window or tokens))
    return (torch.softmax(scores.masked_fill(~seen, -torch.inf), -1) @ v).transpose(0, 1)


@pytest.mark.parametrize(
    "how", [How(0.25), How(0.25, window=40), How(0.5, cap=2.0), How(0.5, window=200, cap=2.0)]
)
def test_attention_and_its_gradient_are_those_of_the_textbook(how: How) -> None:
    chance = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(896, heads, 16, generator=chance).requires_grad_() for heads in (4, 2, 2)
    )
    weigh = torch.randn(840, 4, 16, generator=chance)

    found = attend(q, k, v, STARTS, how)
    rows = [slice(a, b) for a, b in pairwise(STARTS)]
    wanted = torch.cat([plain_attention(q[row], k[row], v[row], how) for row in rows])
    ours = torch.autograd.grad((found[:840] * weigh).sum(), (q, k, v))
    theirs = torch.autograd.grad((wanted * weigh).sum(), (q, k, v))

    assert torch.allclose(found[:840], wanted, atol=1e-5)
    assert not bool(found[840:].any())
    for one, two in zip(ours, theirs, strict=True):
        assert torch.allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("how", [How(0.25), How(0.5, window=40), How(0.5, window=40, cap=2.0)])
def test_row_by_row_is_the_textbook_too_and_keeps_no_mask_of_a_whole_row(how: How) -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(192, heads, 8) for heads in (4, 2, 2))
    starts, kept = (0, 5, 140), attention._drawn_mask.cache_info().currsize

    found = attention._row_by_row(q, k, v, starts, how)

    for one, other in pairwise(starts):
        rows = slice(one, other)
        assert torch.allclose(found[rows], plain_attention(q[rows], k[rows], v[rows], how), 0, 1e-5)
    assert not found[140:].any()
    assert attention._drawn_mask.cache_info().currsize == kept


@pytest.mark.parametrize(
    "options", [{}, {"bias_V": torch.linspace(-1, 1, 31)}, {"scale": 0.3}, {"cap": 1.5}]
)
def test_the_cost_and_its_gradient_are_those_of_cross_entropy(options: dict[str, object]) -> None:
    chance = torch.Generator().manual_seed(0)
    hidden = torch.randn(600, 16, generator=chance).requires_grad_()
    head = Head(torch.randn(31, 16, generator=chance), **options)
    targets = torch.randint(0, 31, (600,), generator=chance)

    scores = hidden @ head.weight_VH.T
    scores = (scores if head.bias_V is None else scores + head.bias_V) * head.scale
    scores = scores if head.cap is None else torch.tanh(scores / head.cap) * head.cap
    wanted = F.cross_entropy(scores, targets, reduction="none")
    found = total_nll(hidden, targets, head)
    (ours,) = torch.autograd.grad(found * 3, hidden)
    (theirs,) = torch.autograd.grad(wanted.sum() * 3, hidden)

    assert torch.allclose(found.detach(), wanted.sum().detach(), rtol=1e-5)
    assert torch.allclose(nll(hidden, targets, head), wanted, atol=1e-5)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_cost_of_a_token_held_for_impossible_is_a_number() -> None:
    head = Head(torch.tensor([[400.0], [-400.0]]))

    found = total_nll(torch.ones(1, 1, requires_grad=True), torch.tensor([1]), head)

    assert found.detach().item() == 800


def test_rows_lie_one_after_another_and_filler_is_asked_nothing() -> None:
    rows = random_rows((30, 7))
    together = packed(rows)

    assert together.starts == (0, 30, 37)
    assert together.tokens == 37
    assert len(together.ids_N) == ROUND
    assert together.positions_N[[0, 29, 30, 36]].tolist() == [0, 29, 0, 6]
    assert together.row_L.tolist() == [0] * len(rows[0].asked()) + [1] * len(rows[1].asked())
    assert together.targets_L.tolist() == [
        int(row.ids[at + 1]) for row in rows for at in row.asked()
    ]


def test_a_long_row_stands_alone_and_no_row_is_lost() -> None:
    assert pieces([5, 5, 20, 3, 3, 3], 10) == [
        slice(0, 2),
        slice(2, 3),
        slice(3, 6),
    ]


def write_split(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def chat(number: int, answer: str, **more: object) -> dict[str, object]:
    asked, said = {"role": "user", "content": "Hello?"}, {"role": "assistant", "content": answer}
    return {"row": number, "messages": [asked, said | more], "tools": None}


@pytest.fixture
def tokenizer(tmp_path: Path) -> ChatTokenizer:
    (tmp_path / "base").mkdir()
    tiny_chat.files(tmp_path / "base")
    return ChatTokenizer.load(tmp_path / "base")


def test_rows_that_cannot_be_learned_are_left_out_and_named(
    tmp_path: Path, tokenizer: ChatTokenizer
) -> None:
    write_split(
        tmp_path,
        "train",
        [chat(4, "Yes."), chat(7, "No.", weight=0), chat(9, "Yes, and much more. " * 30)],
    )
    write_split(tmp_path, "validation", [chat(5, "Yes.")])
    write_split(tmp_path, "test", [chat(6, "Yes.")])

    found = read_chats(tmp_path, tokenizer, 60)["train"]

    assert found.numbers == [4]
    assert found.left_out == [(7, "no_trained_token"), (9, "too_long")]
    row = found.rows[0]
    assert (
        tokenizer.decode(row.ids[row.asked() + 1].tolist(), skip_special=False) == "Yes.<|im_end|>"
    )


def test_a_split_without_a_usable_row_is_refused(tmp_path: Path, tokenizer: ChatTokenizer) -> None:
    for name in ("train", "validation", "test"):
        write_split(tmp_path, name, [chat(1, "Yes, and much more. " * 30)])

    with pytest.raises(RequestRefused, match="1 are longer than 20 tokens") as caught:
        read_chats(tmp_path, tokenizer, 20)

    assert caught.value.code == "no_usable_rows"


@pytest.mark.parametrize("line", ["{", "[]", '{"row": 1}'])
def test_a_line_that_is_no_conversation_is_named(
    tmp_path: Path, tokenizer: ChatTokenizer, line: str
) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n")

    with pytest.raises(RequestRefused, match=r"train\.jsonl line 1 is not"):
        read_chats(tmp_path, tokenizer, 20)


def test_a_sample_keeps_the_numbers_of_its_rows() -> None:
    rows = ChatRows(random_rows((3, 4, 5)), [10, 11, 12], [(13, "too_long")])

    found = rows.sample(2, seed=0)

    assert [len(row.ids) for row in found.rows] == [number - 7 for number in found.numbers]
    assert found.left_out == [(13, "too_long")]


def test_the_first_token_is_never_learned() -> None:
    (row,) = random_rows((4,))
    row.trained[:] = True

    assert row.asked().tolist() == [0, 1, 2]
    assert np.array_equal(packed([row]).targets_L.numpy(), row.ids[1:])
