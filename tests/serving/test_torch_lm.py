"""Many rows and adapters in one batch answer as each would alone in transformers and PEFT."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from serving.engines.torch_lm import Base, Machine, load_base
from tests.serving.tiny_models import FAMILIES, say, write_adapter, write_base

# PEFT asks transformers for what it will no longer have in its next version.
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
FLOAT32 = Machine("cpu", torch.float32)
TEXTS = [
    "Hi",
    "What is the capital of France?",
    "One two three four five six seven eight nine ten eleven twelve thirteen.",
    "喵",
    "x" * 90,
    "What is the capital of Spain?",
]


def alone(model: Any, ids: list[int], max_tokens: int) -> list[int]:
    """The tokens that transformers generates for one prompt by itself."""
    with torch.inference_mode():
        whole = model.generate(
            input_ids=torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=max_tokens,
            do_sample=False,
            eos_token_id=2,
            pad_token_id=0,
        )
    found: list[int] = whole[0, len(ids) :].tolist()
    return found


def base_of(folder: Path, **more: Any) -> Base:
    return load_base(folder, 1, machine=FLOAT32, **more)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mixed_batch_of_rows_and_adapters_says_what_each_would_alone(
    family: str, tmp_path: Path
) -> None:
    folder = write_base(tmp_path / "base", family)
    base = base_of(folder, sha256="of the base")
    adapters = {}
    for number, rank in enumerate((4, 2), start=1):
        adapters[f"a{number}"] = write_adapter(tmp_path / f"a{number}", folder, number, rank)
        base.add(f"a{number}", adapters[f"a{number}"])
    names = [None, "a1", "a2"] * 4
    asked = [
        {"model": name, "messages": say(TEXTS[row % len(TEXTS)]), "max_tokens": 5 + 3 * row}
        for row, name in enumerate(names)
    ]

    answers = base.generate_all(asked)

    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tuned = PeftModel.from_pretrained(plain, adapters["a1"], adapter_name="a1").eval()
    tuned.load_adapter(adapters["a2"], adapter_name="a2")
    for one, answer in zip(asked, answers, strict=True):
        ids = base.tokens.prompt(one["messages"])
        if one["model"] is None:
            with tuned.disable_adapter():
                expected = alone(tuned, ids, one["max_tokens"])
        else:
            tuned.set_adapter(one["model"])
            expected = alone(tuned, ids, one["max_tokens"])
        assert answer.ids == expected
        assert answer.text == base.tokens.decode(expected)


def test_company_changes_nothing_in_bfloat16_either(tmp_path: Path) -> None:
    base = bfloat_base(tmp_path)
    text = "A long story. " * 20
    asked = {"model": "a1", "messages": say(text), "max_tokens": 60, "temperature": 1.0, "seed": 5}
    company = [
        {"model": name, "messages": say(one), "max_tokens": 50, "temperature": 0.7}
        for name in (None, "a1", "a2")
        for one in [*TEXTS, text[:100]]
    ]

    alone = base.generate_all([asked])[0]

    assert base.generate_all([*company, asked])[-1] == alone
    assert base.generate_all([asked, *company, asked])[0] == alone


def bfloat_base(folder: Path) -> Base:
    path = write_base(folder / "base", max_position_embeddings=1024, hidden_size=64)
    base = load_base(path, 1, machine=Machine("cpu", torch.bfloat16))
    for number in (1, 2):
        base.add(f"a{number}", write_adapter(folder / f"a{number}", path, number))
    return base
