"""What stands in the export of a chat model."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.records.tables import Model
from finetune import export
from tests.serving.tiny_models import write_adapter, write_base


@pytest.fixture
def chat_model() -> Model:
    test = {"rows": 60, "perplexity": 1.234, "perplexity_interval": [1.1, 1.4]}
    return Model(
        name="orders",
        version=1,
        kind="lora",
        engine="torch_lm",
        task="chat",
        run_id="run_1",
        dataset="orders@1",
        base_model="tiny-chat",
        metrics={"test": test},
        passport={"labels": []},
    )


def test_the_readme_of_a_chat_model_tells_its_perplexity_and_its_base(chat_model: Model) -> None:
    readme = export.readme(chat_model)

    assert readme.startswith("# orders@1\n")
    assert "Perplexity on the test rows: 1.23 (95 % interval 1.10 to 1.40)." in readme
    assert "a LoRA adapter of that base" in readme
    assert "Accuracy" not in readme


def test_the_program_in_the_readme_of_a_chat_model_can_be_read(chat_model: Model) -> None:
    program = re.search(
        r"^```python\n(.*?)^```", export.readme(chat_model), re.DOTALL | re.MULTILINE
    )

    assert program is not None
    compile(program[1], "README.md", "exec")


def test_the_program_is_given_the_folder_of_the_base(chat_model: Model) -> None:
    readme = export.readme(chat_model)

    assert "`THIMBLE_HOME/bases/tiny-chat`" in readme
    assert "python ask.py ~/.thimble/bases/tiny-chat" in readme
    assert "base = sys.argv[1]" in readme


def test_a_base_of_the_hub_is_named_and_a_folder_of_the_maker_is_not(chat_model: Model) -> None:
    hub = export.readme(chat_model, "owner/name@abc123")
    own = export.readme(chat_model, "/home/ann/secret/base")

    assert "`owner/name@abc123`" in hub
    assert "hf download owner/name --revision abc123 --local-dir base" in hub
    assert "ann" not in own and "hf download" not in own


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("exact_match", "Answered exactly as expected, 60 test rows: 81.0 %"),
        ("chrf", "Likeness to the expected answers (chrF), 60 test rows: 81.0 %"),
    ],
)
def test_the_measure_of_the_report_stands_beside_the_perplexity(
    chat_model: Model, metric: str, told: str
) -> None:
    answers = {"metric": metric, "rows": 60, "score": 0.81, "interval": [0.7, 0.9]}
    chat_model.metrics = {**chat_model.metrics, "answers": answers}

    assert f"{told} (95 % interval 70.0 to 90.0)." in export.readme(chat_model)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")
def test_the_program_runs_as_it_is_written(chat_model: Model, tmp_path: Path) -> None:
    base = write_base(tmp_path / "base", max_position_embeddings=512)
    write_adapter(tmp_path / "orders-1", base)
    program = re.search(r"^```python\n(.*?)^```", export.readme(chat_model), re.DOTALL | re.M)
    assert program is not None
    (tmp_path / "orders-1" / "ask.py").write_text(program[1])

    done = subprocess.run(
        [sys.executable, "ask.py", str(base)],
        cwd=tmp_path / "orders-1",
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr[-2000:]
