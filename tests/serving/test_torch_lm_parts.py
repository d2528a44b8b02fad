"""The parts of the chat engine one by one: text as it comes, drawing tokens, adapters, slots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from safetensors.torch import load_file, save_file

from core.errors import RequestRefused
from serving.engines.torch_lm import Base, Limits, Machine, load_base
from serving.engines.torch_lm.answer import Answer
from serving.engines.torch_lm.sampling import Choice, choose
from tests.serving.tiny_models import say, write_adapter, write_base

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
FLOAT32 = Machine("cpu", torch.float32)


def as_bytes(ids: Sequence[int]) -> str:
    """A token for each byte, as the hardest tokenizers have it."""
    return bytes(ids).decode(errors="replace")


@given(some.text(max_size=30))
def test_pieces_add_up_to_the_text_and_never_hold_half_a_character(text: str) -> None:
    answer = Answer(as_bytes)
    pieces = [answer.push(byte) for byte in text.encode()]

    assert "".join([*pieces, answer.finish()]) == text
    assert all(piece in text for piece in pieces)


def test_bytes_that_never_become_a_character_do_not_hold_the_text_up() -> None:
    answer = Answer(as_bytes)
    pieces = [answer.push(byte) for byte in [0xFF, 0xFF, 0xFF, 0xFF, *b"ok"]]

    assert "".join([*pieces, answer.finish()]).endswith("ok")
    assert pieces[-1] == "k"


@given(
    some.text("ab", max_size=20),
    some.lists(some.text("ab", min_size=1, max_size=4), min_size=1, max_size=3),
)
@settings(max_examples=300)
def test_an_answer_ends_before_the_first_stop_string_wherever_tokens_end(
    text: str, stop: list[str]
) -> None:
    answer = Answer(as_bytes, stop)
    told = ""
    for byte in text.encode():
        told += answer.push(byte)
        if answer.stopped:
            break
    told += answer.finish()

    # The first to be whole ends it; no text of it was told before.
    ends = [text.index(one) + len(one) for one in stop if one in text]
    expected = text
    if ends:
        whole = text[: min(ends)]
        expected = whole[: min(whole.index(one) for one in stop if one in whole)]
    assert told == expected
    assert answer.stopped == bool(ends)


def test_the_likeliest_token_is_chosen_without_temperature_and_no_number_is_told() -> None:
    logits_RV = torch.tensor([[0.0, 2.0, 1.0], [float("nan")] * 3, [5.0, 2.0, 1.0]])
    choices = [Choice(0, 1, None), Choice(1, 1, 3), Choice(0, 1, None)]

    assert choose(logits_RV, choices) == [1, -1, 0]


@pytest.mark.parametrize("size", [8, 600])
def test_drawn_tokens_have_their_shares_and_top_p_leaves_out_the_rest(size: int) -> None:
    shares_V = torch.full((size,), 0.2 / (size - 2))
    shares_V[[3, 6]] = torch.tensor([0.5, 0.3])
    draws = 1500
    logits_RV = shares_V.log().expand(draws, -1)

    every = choose(logits_RV, [Choice(1, 1, seed) for seed in range(draws)])
    likely = choose(logits_RV, [Choice(1, 0.79, seed) for seed in range(draws)])
    first = choose(logits_RV, [Choice(1, 0.4, seed) for seed in range(draws)])

    assert abs(every.count(3) / draws - 0.5) < 0.05
    assert abs(every.count(6) / draws - 0.3) < 0.05
    assert set(likely) == {3, 6}
    assert abs(likely.count(3) / draws - 0.625) < 0.05
    assert set(first) == {3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base in `base` and an adapter in `adapter`."""
    made = tmp_path_factory.mktemp("models")
    write_adapter(made / "adapter", write_base(made / "base"))
    return made


@pytest.fixture
def base(folder: Path) -> Base:
    return load_base(folder / "base", 1, sha256="of the base", machine=FLOAT32)


@pytest.fixture
def adapter(folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    for one in (folder / "adapter").iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    return tmp_path


def test_a_full_house_answers_as_an_empty_one_whoever_leaves_first(base: Base) -> None:
    asked = [
        {"messages": say("x" * (1 + 7 * (n % 30))), "max_tokens": 1 + n % 13} for n in range(50)
    ]

    together = base.generate_all(asked)

    assert together == [base.generate_all([one])[0] for one in asked]


def test_a_prompt_that_was_read_is_not_read_again(base: Base) -> None:
    talk: list[dict[str, str]] = say("A long beginning that both have in common. " * 4)
    first = base.generate_all([{"messages": talk, "max_tokens": 20}])[0]
    more = [*talk, {"role": "assistant", "content": first.text}, *say("And?")]
    read: list[int] = []
    model, before = base._model, base._model.step

    def counting(slots: Any, answering: Any, pieces: Any) -> Any:
        read.extend(piece.length for piece in pieces)
        return before(slots, answering, pieces)

    model.step = counting  # type: ignore[method-assign]
    again = base.generate_all([{"messages": more, "max_tokens": 20}])[0]

    assert sum(read) < 60 < len(base.tokens.prompt(more))
    fresh = load_base_again(base, more)
    assert again == fresh


def load_base_again(base: Base, messages: list[dict[str, str]]) -> Any:
    """The answer of a base that has read nothing yet."""
    new = Base(base._model, base.tokens)
    del new._model.step
    return new.generate_all([{"messages": messages, "max_tokens": 20}])[0]


def test_stop_strings_end_answers_and_are_not_part_of_them(base: Base) -> None:
    whole = base.generate_all([{"messages": say("Hi"), "max_tokens": 30}])[0]
    stop = whole.text[8:10]

    cut = base.generate_all([{"messages": say("Hi"), "max_tokens": 30, "stop": stop}])[0]

    assert cut.finish_reason == "stop"
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert len(cut.ids) < len(whole.ids)


def test_what_is_not_answered_in_time_comes_as_it_is(base: Base) -> None:
    asked = [{"messages": say("Hi"), "max_tokens": 200}] * 40

    answers = base.generate_all(asked, seconds=0.05)

    assert "time" in {one.finish_reason for one in answers}
    assert len(base.generate_all(asked[:1])[0].ids) > 0


def test_rows_and_tokens_stay_within_what_was_stated(folder: Path) -> None:
    base = load_base(folder / "base", 1, machine=FLOAT32, limits=Limits(2, 64, 0))

    answers = base.generate_all([{"messages": say("Hi"), "max_tokens": 5}] * 7)

    assert len({tuple(one.ids) for one in answers}) == 1
    with pytest.raises(RequestRefused, match="together may have 64") as error:
        base.generate_all([{"messages": say("x" * 64)}])
    assert error.value.code == "prompt_too_long"


def test_a_removed_adapter_answers_those_who_have_it_and_its_place_is_used_again(
    base: Base, folder: Path, tmp_path: Path
) -> None:
    other = write_adapter(tmp_path / "other", folder / "base", seed=9, rank=6)
    base.add("one", folder / "adapter")
    asked = {"model": "one", "messages": say("Hello there, how are you?"), "max_tokens": 8}
    expected = base.generate_all([asked])
    row = base._row("one", {"messages": asked["messages"], "max_tokens": 8})
    base._join(row)
    base._step()

    base.remove("one")
    base.add("two", other)
    while not row.ended:
        base._step()
    base.add("three", folder / "adapter")

    assert base.tokens.decode(row.answered) == expected[0].text
    assert base.adapters == ["three", "two"]
    assert len(base._lanes) == 2
    assert base.generate_all([asked | {"model": "three"}]) == expected
    with pytest.raises(RequestRefused, match="not loaded"):
        base.generate_all([asked])


def test_what_a_removed_adapter_read_is_never_gone_on_with(base: Base, folder: Path) -> None:
    talk = say("A long beginning that whoever asks next has too. " * 3)
    base.add("one", folder / "adapter")
    row = base._row("one", {"messages": talk, "max_tokens": 4})
    base._join(row)
    base._step()

    base.remove("one")
    while not row.ended:
        base._step()

    asked = {"messages": talk, "max_tokens": 12}
    untouched = Base(base._model, base.tokens)
    assert base.generate_all([asked]) == untouched.generate_all([asked])


def test_an_adapter_that_goes_while_a_prompt_is_read_answers_nobody(
    base: Base, folder: Path, tmp_path: Path
) -> None:
    other = write_adapter(tmp_path / "other", folder / "base", seed=9)
    base.add("one", folder / "adapter")
    row = base._row("one", {"messages": say("Hello"), "max_tokens": 4})

    base.remove("one")
    base.add("two", other)

    with pytest.raises(RequestRefused, match="not loaded") as error:
        base._join(row)
    assert error.value.code == "not_loaded"
    assert not base.busy


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"base": {"name": "tiny", "sha256": "another"}}, "another base model"),
        ({"template_sha256": "another"}, "another chat template"),
        ({"tokenizer_sha256": "another"}, "another tokenizer"),
        ({"task": "classify"}, "for 'chat'"),
        ({"format": 2}, "format 2"),
    ],
)
def test_an_adapter_of_another_base_template_or_tokenizer_is_refused(
    base: Base, adapter: Path, change: dict[str, Any], wrong: str
) -> None:
    meta = json.loads((adapter / "meta.json").read_text())
    (adapter / "meta.json").write_text(json.dumps(meta | change))

    with pytest.raises(RequestRefused, match=wrong):
        base.add("one", adapter)
    assert base.adapters == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"peft_type": "IA3"}, "'IA3'"),
        ({"lora_alpha": None}, "lora_alpha"),
    ],
)
def test_an_adapter_that_computes_something_else_is_refused(
    base: Base, adapter: Path, change: dict[str, Any], wrong: str
) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | change))

    with pytest.raises(RequestRefused, match=wrong):
        base.add("one", adapter)


def test_broken_weights_are_refused_and_the_base_goes_on(base: Base, adapter: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(iter(tensors))
    spoiled = {
        "not all numbers": tensors | {name: tensors[name] * float("nan")},
        "no matrix of a LoRA": tensors | {"base_model.model.lm_head.weight": torch.zeros(2)},
        "is missing": {key: one for key, one in tensors.items() if key != name},
        "outputs, and its matrices": tensors | {name: torch.zeros(4, 7)},
        "which no adapter": {
            key.replace("layers.0", "layers.77"): one for key, one in tensors.items()
        },
    }
    for wrong, content in spoiled.items():
        save_file({key: one.contiguous() for key, one in content.items()}, path)
        with pytest.raises(RequestRefused, match=wrong):
            base.add("one", adapter)
    path.write_bytes(b"\x80\x02cos\nsystem\n")
    with pytest.raises(RequestRefused, match="cannot be read"):
        base.add("one", adapter)

    assert base._lanes == [None]
    assert base.generate_all([{"messages": say("Hi"), "max_tokens": 3}])[0].ids


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "evil.Model"}}, "code of its own"),
        ({"model_type": "nothing-we-know"}, "transformers cannot load it"),
        ({"layer_types": ["chunked_attention"] * 3}, "chunked_attention|cannot load"),
    ],
)
def test_a_base_that_we_cannot_compute_is_refused(
    folder: Path, tmp_path: Path, change: dict[str, Any], wrong: str
) -> None:
    for one in (folder / "base").iterdir():
        (tmp_path / one.name).write_bytes(one.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))

    with pytest.raises(RequestRefused, match=wrong) as error:
        load_base(tmp_path, 1, machine=FLOAT32)
    assert error.value.code == "base_unsupported"


def test_weights_that_are_no_safetensors_are_refused(folder: Path, tmp_path: Path) -> None:
    for one in (folder / "base").glob("*.json"):
        (tmp_path / one.name).write_bytes(one.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02cos\nsystem\n")

    with pytest.raises(RequestRefused, match="cannot load it"):
        load_base(tmp_path, 1, machine=FLOAT32)
