"""What stands in the export of a chat model."""

import re

import pytest

from core.records.tables import Model
from finetune import export


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
