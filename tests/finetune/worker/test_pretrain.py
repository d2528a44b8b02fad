"""How the built-in chat model is made: what it reads, how it starts, and what a step computes."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from core.chat.tokens import ChatTokenizer
from core.job import read_json, write_json
from finetune import tiny_chat
from finetune.worker import pretrain
from finetune.worker.__main__ import main
from finetune.worker.pretrain import corpus, model, pages, skills, start, train

PAGE = """# Tea and cake

Tea is made of [leaves](tea.md) and **hot** water. It is drunk hot! Some like it cold.

<!-- asked: what is tea, how is tea made -->

## A list only

- no sentence here
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_chat.files(folder)
    tiny_chat.random_weights(folder)
    return folder


@pytest.fixture(scope="module")
def shape(base: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((base / "config.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> ChatTokenizer:
    return ChatTokenizer.load(base)


def some_pieces(tokenizer: ChatTokenizer, count: int = 4) -> list[corpus.Piece]:
    random = Random(1)
    made = [skill(random) for skill in skills.SHARES for _ in range(count)]
    return [corpus.piece(tokenizer, chat) for chat in made]


def test_a_section_is_asked_for_by_its_words_and_answered_with_its_first_sentences() -> None:
    found = list(pages.sections("en", PAGE))

    assert len(found) == 1
    assert found[0].asked == ["Tea and cake", "what is tea", "how is tea made"]
    assert found[0].answer.startswith("Tea is made of leaves and hot water. It is drunk hot!")


def test_every_page_of_the_help_has_something_to_say() -> None:
    for path in tiny_chat.help_pages():
        assert list(pages.sections(path.parent.name, path.read_text("utf-8"))), path


def test_the_planted_facts_are_questions_with_one_answer() -> None:
    found = pages.facts()

    asked = [chat[0]["content"] for chat in found]
    assert len(asked) == len(set(asked)) > 100
    assert all(chat[1]["content"] for chat in found)


@pytest.mark.parametrize("skill", list(skills.SHARES), ids=lambda skill: skill.__name__)
def test_a_skill_is_the_same_conversation_for_the_same_seed(skill: Any) -> None:
    made = [[skill(random) for _ in range(20)] for random in (Random(5), Random(5), Random(6))]

    assert made[0] == made[1] != made[2]


def test_a_pattern_is_learned_only_after_it_was_shown(tokenizer: ChatTokenizer) -> None:
    chat = skills.chat("a 1", "1=a", "b 2", "2=b")
    chat[1]["weight"] = 0

    piece = corpus.piece(tokenizer, chat)

    said = [token for token, learned in zip(piece.ids, piece.learned, strict=True) if learned]
    assert "2=b" in tokenizer.decode(said)
    assert "1=a" not in tokenizer.decode(said)


def test_packed_rows_hold_every_piece_once_and_are_nearly_full(tokenizer: ChatTokenizer) -> None:
    pieces = some_pieces(tokenizer, count=40)

    rows = corpus.packed(pieces)

    assert sorted(id(one) for row in rows for one in row) == sorted(id(one) for one in pieces)
    filled = [sum(len(one.ids) for one in row) for row in rows]
    assert max(filled) <= corpus.LENGTH
    assert sum(filled) > 0.85 * corpus.LENGTH * len(rows)


def test_a_step_computes_what_transformers_computes(
    base: Path, shape: dict[str, Any], tokenizer: ChatTokenizer
) -> None:
    pieces = some_pieces(tokenizer, count=1)
    weights = load_file(base / tiny_chat.WEIGHTS)
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    batch = corpus.batch(corpus.packed(pieces), torch.float32)

    with torch.no_grad():
        ours = float(model.loss(weights, shape, batch))
        theirs = [by_transformers(plain, one) for one in pieces]

    total = sum(loss for loss, _ in theirs) / sum(count for _, count in theirs)
    assert ours == pytest.approx(total, rel=1e-5)


def by_transformers(plain: Any, piece: corpus.Piece) -> tuple[float, int]:
    """Sum of the negative log-likelihoods of one piece alone, and over how many tokens."""
    scores = plain(torch.tensor([piece.ids])).logits[0, :-1]
    learned = torch.tensor(piece.learned[1:])
    targets = torch.tensor(piece.ids[1:])
    losses = torch.nn.functional.cross_entropy(scores, targets, reduction="none")[learned]
    return float(losses.sum()), len(losses)


def test_it_copies_before_it_has_learned_anything(
    shape: dict[str, Any], tokenizer: ChatTokenizer
) -> None:
    weights, random = start.first_weights(shape, seed=0), Random(2)
    rows = [[corpus.echo(random, tokenizer.vocabulary)] for _ in range(8)]
    batch = corpus.batch(rows, torch.float32)

    with torch.no_grad():
        hidden = model.hidden_states(weights, shape, batch)
        said = (hidden @ weights[model.EMBEDDING].T).argmax(-1)

    learned = batch.targets_RL != corpus.NOT_LEARNED
    right = (said == batch.targets_RL)[learned].float().mean()
    assert right > 0.6


def job(folder: Path, base: Path, tokens: int) -> Path:
    folder.mkdir()
    tiny_chat.write_job(base, folder, threads=1)
    content = read_json(folder / "job.json")
    write_json(folder / "job.json", content | {"tokens": tokens})
    write_json(folder / pretrain.PAGES, [{"language": "en", "text": PAGE}])
    return folder


@pytest.mark.slow
def test_the_same_job_gives_the_same_bytes(base: Path, tmp_path: Path) -> None:
    folders = [job(tmp_path / name, base, tokens=30_000) for name in "ab"]

    assert [main([str(folder)]) for folder in folders] == [0, 0]

    results = [read_json(folder / "result.json") for folder in folders]
    assert results[0]["sha256"] == results[1]["sha256"]
    assert results[0]["steps"] > 1
    made = load_file(folders[0] / pretrain.BASE / pretrain.WEIGHTS)
    known = load_file(base / tiny_chat.WEIGHTS)
    assert {name: value.shape for name, value in made.items()} == {
        name: value.shape for name, value in known.items()
    }


def test_the_rate_rises_stays_and_falls() -> None:
    shares = [train.rate_share(step, 300) for step in range(1, 301)]

    assert shares[0] == pytest.approx(1 / train.WARM_STEPS)
    assert shares[100] == 1.0
    assert 0 < shares[-1] < 0.01


def test_a_job_without_pages_says_so(base: Path, tmp_path: Path) -> None:
    folder = job(tmp_path / "job", base, tokens=1000)
    (folder / pretrain.PAGES).unlink()

    assert main([str(folder)]) == 1
    assert "pages.json" in (folder / "events.jsonl").read_text()
