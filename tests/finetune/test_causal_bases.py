"""Bases of chat models: which are taken, which are refused, and the one that is always there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused, ServiceFailed
from core.storage import Storage
from core.weights import INDEX, file_sha256, weights_sha256
from finetune import tiny_chat
from finetune.bases import Bases
from tests.core.chat.chat_bases import TEMPLATES
from tests.finetune.causal_base import SHAPE, causal_folder, write_weights

GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_embd": 4,
    "n_layer": 1,
    "n_positions": 1024,
}


@pytest.fixture
def bases(tmp_path: Path) -> Bases:
    home = tmp_path / "home"
    home.mkdir()
    Storage(home).prepare()
    return Bases(home)


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_causal_model_is_registered_with_the_hashes_of_what_it_speaks(
    kind: str, bases: Bases, tmp_path: Path
) -> None:
    base = bases.add("mine", str(causal_folder(tmp_path / "model", kind)))
    tokenizer = ChatTokenizer.load(base.path)
    assert (base.kind, base.model_type, base.max_positions) == ("causal", "llama", 2048)
    assert base.vocabulary == tokenizer.vocabulary
    assert base.template_sha256 == tokenizer.template_sha256
    assert base.tokenizer_sha256 == tokenizer.tokenizer_sha256
    assert (base.parameters, base.bytes) == (2, (base.path / "model.safetensors").stat().st_size)
    assert base.ready
    assert (base.path / "chat_template.jinja").is_file()


def test_a_model_in_several_files_is_kept_whole_and_known_by_all_of_them(
    bases: Bases, tmp_path: Path
) -> None:
    source = causal_folder(tmp_path / "model", "chatml", shards=3)
    (source / "consolidated.safetensors").write_bytes(b"another copy")
    base = bases.add("mine", str(source))
    kept = sorted(path.name for path in base.path.glob("*.safetensors*"))
    assert kept == [*(f"model-{n}-of-3.safetensors" for n in (1, 2, 3)), INDEX]
    assert base.sha256 == weights_sha256(base.path)
    assert base.parameters == 6
    write_weights(base.path / "model-2-of-3.safetensors", ["other"])
    with pytest.raises(ServiceFailed, match=r"model-2-of-3\.safetensors of the base"):
        bases.get("mine")


def test_one_weight_file_has_the_hash_that_it_always_had(tmp_path: Path) -> None:
    folder = causal_folder(tmp_path / "model", "chatml")
    assert weights_sha256(folder) == file_sha256(folder / "model.safetensors")


@pytest.mark.parametrize(
    ("index", "why"),
    [
        ({}, "has no weight_map"),
        ([], "has no weight_map"),
        ({"weight_map": {}}, "weight_map is empty"),
        ({"weight_map": {"a": "../../x.safetensors"}}, "is not the name of a safetensors file"),
        ({"weight_map": {"a": "model.bin"}}, "is not the name of a safetensors file"),
        ({"weight_map": {"a": 7}}, "is not the name of a safetensors file"),
        ({"weight_map": {"layer.0": "model-9-of-9.safetensors"}}, "is missing; the index names it"),
        ({"weight_map": {"layer.0": "model-1-of-2.safetensors"}}, None),
        ({"weight_map": {"x": "model-1-of-2.safetensors"}}, "has no 'x'"),
    ],
)
def test_an_index_that_does_not_fit_its_files_is_refused(
    index: Any, why: str | None, bases: Bases, tmp_path: Path
) -> None:
    source = causal_folder(tmp_path / "model", "chatml", shards=2)
    (source / INDEX).write_text(json.dumps(index))
    if why is None:
        assert bases.add("mine", str(source)).parameters == 2
        return
    with pytest.raises(RequestRefused, match=why):
        bases.add("mine", str(source))
    assert bases.names("causal") == ["tiny-chat"]


def test_tensors_that_the_index_does_not_name_are_refused(bases: Bases, tmp_path: Path) -> None:
    source = causal_folder(tmp_path / "model", "chatml", shards=2)
    write_weights(source / "model-1-of-2.safetensors", ["layer.0", "hidden"])
    with pytest.raises(RequestRefused, match="tensors that the index does not name"):
        bases.add("mine", str(source))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "modeling.Evil"}}, "names code to run"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "not a text model of the kind"),
        ({"architectures": ["MistralForCausalLM"]}, "not a text model of the kind"),
        ({"model_type": "mamba", "architectures": ["MambaForCausalLM"]}, "'mamba' cannot be"),
        ({"model_type": "gemma3"}, "'gemma3' cannot be"),
        ({"model_type": ["llama"]}, "cannot be fine-tuned here"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"vocab_size": 10}, "the model knows only 10"),
        ({"vocab_size": None}, "does not say vocab_size"),
        ({"hidden_size": None}, "does not say hidden_size"),
    ],
)
def test_what_cannot_become_a_chat_model_is_refused(
    config: dict[str, Any], why: str, bases: Bases, tmp_path: Path
) -> None:
    with pytest.raises(RequestRefused, match=why):
        bases.add("mine", str(causal_folder(tmp_path / "model", "chatml", **config)))


def test_numbers_of_few_bits_are_refused(bases: Bases, tmp_path: Path) -> None:
    source = causal_folder(tmp_path / "model", "chatml")
    write_weights(source / "model.safetensors", ["layer.0"], dtype="U8")
    with pytest.raises(RequestRefused, match=r"quantised \(U8\)"):
        bases.add("mine", str(source))


def test_a_base_that_was_never_taught_to_chat_is_refused(bases: Bases, tmp_path: Path) -> None:
    source = causal_folder(tmp_path / "model", "mistral")
    (source / "chat_template.jinja").unlink()
    with pytest.raises(RequestRefused, match="without a chat template"):
        bases.add("mine", str(source))


@pytest.mark.parametrize(
    "template", ["{{ 'a' * 10**12 }}", "{% for m in messages %}{% if %}{% endfor %}"]
)
def test_a_broken_template_is_refused_and_a_hostile_one_does_no_harm(
    template: str, bases: Bases, tmp_path: Path
) -> None:
    source = causal_folder(tmp_path / "model", "chatml")
    (source / "chat_template.jinja").write_text(template)
    if "if %}" in template:
        with pytest.raises(RequestRefused, match="template cannot be used"):
            bases.add("mine", str(source))
    else:
        bases.add("mine", str(source))
        with pytest.raises(RequestRefused, match="refuses this conversation"):
            ChatTokenizer.load(source).prompt([{"role": "user", "content": "Hi"}])


def test_older_names_of_the_numbers_are_read(bases: Bases, tmp_path: Path) -> None:
    source = causal_folder(tmp_path / "model", "chatml", **GPT2)
    config = json.loads((source / "config.json").read_text())
    for name in ("hidden_size", "num_hidden_layers", "max_position_embeddings"):
        del config[name]
    (source / "config.json").write_text(json.dumps(config))
    base = bases.add("old", str(source))
    assert (base.hidden_size, base.layers, base.max_positions) == (4, 1, 1024)


def test_tiny_chat_is_there_at_once_and_ready_when_its_weights_are(bases: Bases) -> None:
    base = bases.get("auto", kind="causal")
    assert (base.name, base.ready, base.sha256, base.default) == ("tiny-chat", False, "", True)
    assert ChatTokenizer.load(base.path).template_sha256 == base.template_sha256
    tiny_chat.random_weights(base.path)
    made = bases.get("tiny-chat")
    assert made.ready
    assert made.sha256 == weights_sha256(made.path)
    assert made.parameters > 1_000_000
    assert made.template_sha256 == base.template_sha256


def test_auto_means_the_causal_base_that_was_added_last(bases: Bases, tmp_path: Path) -> None:
    bases.add("b-first", str(causal_folder(tmp_path / "one", "chatml")))
    bases.add("a-second", str(causal_folder(tmp_path / "two", "phi")))
    assert bases.get("auto", kind="causal").name == "a-second"
    assert bases.get("auto").name == "minilm"
    assert bases.names("causal") == ["tiny-chat", "a-second", "b-first"]
    assert [base.name for base in bases.list() if base.default] == ["minilm", "a-second"]


def test_the_process_that_registers_bases_never_loads_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.storage import Storage;"
        "from finetune.bases import Bases; home = Path(sys.argv[1]); Storage(home).prepare();"
        "Bases(home).add('mine', sys.argv[2]);"
        "print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    )
    folder = causal_folder(tmp_path / "model", "llama3")
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(home), str(folder)], capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_shape_of_the_tests_is_one_that_is_known() -> None:
    from finetune.bases.causal import architectures

    assert [architectures()[str(SHAPE["model_type"])]] == SHAPE["architectures"]
