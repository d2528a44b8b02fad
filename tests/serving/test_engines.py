"""Every engine keeps the promises of `serving.engines.base`; a new one is covered by its writer."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import serving.engines
from core import plugins
from core.errors import RequestRefused
from serving.engines.base import Model
from tests.serving.artifacts import LABELS, WRITERS

ENGINES = sorted(WRITERS)
SPEAKING = ["torch_lm"]
"""Engines that do not classify; tests/serving/test_torch_lm.py has their contract."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(engine: str, tmp_path: Path) -> Path:
    return WRITERS[engine](tmp_path / "model")


def load(engine: str, folder: Path) -> Model:
    model: Model = plugins.load(serving.engines, engine).load(folder, 1)
    return model


def test_the_right_label_is_the_likeliest_and_shares_add_up_to_one(
    engine: str, folder: Path
) -> None:
    model = load(engine, folder)

    scores_BC = np.array(model.classify(["meow", "WOOF woof", "tweet tweet", "what?"]))

    assert model.labels == LABELS
    assert [model.labels[index] for index in scores_BC[:3].argmax(1)] == ["cat", "dog", "bird"]
    assert np.allclose(scores_BC.sum(1), 1)
    assert np.allclose(scores_BC[3], 1 / 3)


def test_an_answer_does_not_depend_on_its_neighbours(engine: str, folder: Path) -> None:
    model = load(engine, folder)
    texts = ["meow", "woof meow meow", "a long text about nothing " * 50, "tweet"]

    assert model.classify(texts) == [model.classify([text])[0] for text in texts]


def test_any_text_gets_an_answer(engine: str, folder: Path) -> None:
    odd = ["", " ", "\0", "喵" * 5000, "meow " * 5000, "🐈", "<script>", "a\nb"]

    assert all(len(scores) == 3 for scores in load(engine, folder).classify(odd))


@pytest.mark.parametrize(
    "meta, wrong",
    [
        ({"task": "chat", "labels": LABELS, "format": 1, "max_length": 16}, "'chat'"),
        ({"task": "classify", "labels": LABELS, "format": 2, "max_length": 16}, "format 2"),
        ({"task": "classify", "labels": ["a", "a"], "format": 1, "max_length": 16}, "different"),
        ({"task": "classify", "labels": ["a", "b"], "format": 1, "max_length": 16}, "2 labels"),
        ([], "no meta.json"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(
    engine: str, folder: Path, meta: object, wrong: str
) -> None:
    (folder / "meta.json").write_text(json.dumps(meta))

    with pytest.raises(RequestRefused, match=wrong):
        load(engine, folder)


def test_each_missing_or_broken_file_is_refused_by_name(engine: str, folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(RequestRefused, match=path.name):
            load(engine, folder)
        if path.suffix != ".json" or path.name == "tokenizer.json":
            path.write_bytes(b"\x80\x02cos\nsystem\n" + content[:20])
            with pytest.raises(RequestRefused, match=path.name):
                load(engine, folder)
        path.write_bytes(content)
    load(engine, folder)


def test_every_engine_keeps_a_contract() -> None:
    assert sorted(ENGINES + SPEAKING) == plugins.names(serving.engines)


def test_no_classifier_brings_torch_into_its_process() -> None:
    code = (
        "import importlib, sys, serving.engines.__main__\n"
        f"for name in {ENGINES!r}: importlib.import_module('serving.engines.' + name)\n"
        "print(sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
