"""Base models: what is registered, and what never is."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.errors import RequestRefused, ServiceFailed
from core.storage import Storage
from finetune.bases import MODEL_TYPES, Bases

CONFIG = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
}


def weights(header: dict[str, Any] | bytes, content: bytes = b"\0" * 8) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + content


def tensor(begin: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}


GOOD = weights({"__metadata__": {"format": "pt"}, "a": tensor(0, 4), "b": tensor(4, 8)})


def saved(folder: Path, *, config: dict[str, Any] | None = None, model: bytes = GOOD) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG if config is None else config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "vocab.txt").write_text("[PAD]")
    (folder / "modeling.py").write_text("raise SystemExit")
    (folder / "model.safetensors").write_bytes(model)
    return folder


@pytest.fixture
def bases(tmp_path: Path) -> Bases:
    home = tmp_path / "home"
    home.mkdir()
    Storage(home).prepare()
    return Bases(home)


def test_minilm_is_there_from_the_beginning_and_is_the_default(bases: Bases) -> None:
    base = bases.get("auto")

    assert (base.name, base.hidden_size, base.layers, base.max_positions) == ("minilm", 384, 6, 512)
    assert bases.get("minilm") == base
    assert len(base.sha256) == 64


def test_a_folder_becomes_a_base_with_only_its_safe_files(bases: Bases, tmp_path: Path) -> None:
    base = bases.add("small", str(saved(tmp_path / "model")))

    assert sorted(path.name for path in base.path.iterdir()) == [
        "base.json",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "vocab.txt",
    ]
    assert bases.names() == ["minilm", "tiny-chat", "small"]
    assert [found.name for found in bases.list()] == ["minilm", "tiny-chat", "small"]
    assert bases.get("small").max_positions == 64


def test_the_folder_may_go_after_it_was_added(bases: Bases, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    bases.add("small", str(folder))
    (folder / "model.safetensors").unlink()

    assert bases.get("small").hidden_size == 32


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (b"PK\x03\x04" + b"x" * 40, "header is longer"),
        (weights(b"\x80\x02}q\x00."), "renamed pickle"),
        (b"\x01", "header is longer"),
        (struct.pack("<Q", 2**62) + b"{}", "header is longer"),
        (weights({"a": tensor(0, 8), "b": tensor(4, 8)}), "overlap"),
        (weights({"a": tensor(0, 4)}), "do not fill"),
        (weights({"a": tensor(0, 4), "b": tensor(4, 4000)}), "do not fill"),
        (weights({"a": {"dtype": "F32"}}), "has no offsets"),
    ],
)
def test_a_broken_weight_file_is_refused(
    bases: Bases, tmp_path: Path, model: bytes, why: str
) -> None:
    with pytest.raises(RequestRefused, match=why):
        bases.add("small", str(saved(tmp_path / "model", model=model)))
    assert bases.names() == ["minilm", "tiny-chat"]
    assert list(bases.root.iterdir()) == []


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (CONFIG | {"auto_map": {"AutoModel": "modeling.Evil"}}, "names code to run"),
        (CONFIG | {"model_type": "whisper"}, "'whisper' cannot be fine-tuned"),
        (CONFIG | {"hidden_act": "relu"}, "hidden_act=relu"),
        (CONFIG | {"is_decoder": True}, "is_decoder=True"),
        (CONFIG | {"position_embedding_type": "relative_key"}, "only absolute"),
        ({"model_type": "bert"}, "does not say hidden_size"),
        (CONFIG | {"hidden_size": -1}, "does not say hidden_size"),
        ({}, "cannot be fine-tuned"),
    ],
)
def test_a_model_we_do_not_load_safely_is_refused(
    bases: Bases, tmp_path: Path, config: dict[str, Any], why: str
) -> None:
    with pytest.raises(RequestRefused, match=why):
        bases.add("small", str(saved(tmp_path / "model", config=config)))


def test_a_pickle_alone_is_refused(bases: Bases, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(RequestRefused, match=r"pytorch_model\.bin can run code"):
        bases.add("small", str(folder))


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json"])
def test_a_missing_file_is_named(bases: Bases, tmp_path: Path, name: str) -> None:
    folder = saved(tmp_path / "model")
    (folder / name).unlink()

    with pytest.raises(RequestRefused, match=name):
        bases.add("small", str(folder))


def test_a_link_out_of_the_folder_is_refused(bases: Bases, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    (folder / "secrets.txt").symlink_to("/etc/passwd")

    with pytest.raises(RequestRefused, match=r"secrets\.txt is a link"):
        bases.add("small", str(folder))


def test_a_base_restored_from_a_backup_is_the_same_base(bases: Bases, tmp_path: Path) -> None:
    added = bases.add("small", str(saved(tmp_path / "model")))
    os.utime(added.path / "model.safetensors", ns=(1, 1))
    assert bases.get("small").sha256 == added.sha256
    assert [base.name for base in bases.list()] == ["minilm", "tiny-chat", "small"]


def test_a_changed_base_is_left_out_of_the_list_and_can_be_added_again(
    bases: Bases, tmp_path: Path
) -> None:
    source = saved(tmp_path / "model")
    added = bases.add("small", str(source))
    (added.path / "model.safetensors").write_bytes(GOOD[:-1] + b"x")
    assert [base.name for base in bases.list()] == ["minilm", "tiny-chat"]
    bases.add("small", str(source))
    assert [base.name for base in bases.list()] == ["minilm", "tiny-chat", "small"]


def test_a_base_that_was_changed_later_is_not_used(bases: Bases, tmp_path: Path) -> None:
    base = bases.add("small", str(saved(tmp_path / "model")))
    (base.path / "model.safetensors").write_bytes(GOOD[:-1] + b"\1")

    with pytest.raises(ServiceFailed, match="changed since it was added"):
        bases.get("small")


def test_a_taken_name_is_refused(bases: Bases, tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="already"):
        bases.add("minilm", str(saved(tmp_path / "model")))


@pytest.mark.parametrize("source", ["nowhere", "/no/such/folder", "a/b", "a/b@", "../x/y@1"])
def test_a_source_that_is_neither_folder_nor_hub_id_is_refused(bases: Bases, source: str) -> None:
    with pytest.raises(RequestRefused, match="neither a folder nor a hub id"):
        bases.add("small", source)


def test_without_a_network_the_hub_is_said_to_be_unreachable(tmp_path: Path) -> None:
    add = "import sys; from finetune.bases import Bases; from pathlib import Path; "
    add += "Bases(Path(sys.argv[1])).add('small', 'some/model@abc')"
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}

    found = subprocess.run(
        [sys.executable, "-c", add, str(tmp_path)], env=offline, capture_output=True, text=True
    )

    assert "ServiceFailed: some/model@abc could not be downloaded" in found.stderr
    assert "copy the model's folder to this machine" in found.stderr


def test_an_unknown_base_is_refused_with_those_there_are(bases: Bases) -> None:
    with pytest.raises(RequestRefused, match=r"Known: minilm.*thimble base add") as refusal:
        bases.get("llama")
    assert refusal.value.param == "base_model"


def test_an_earlier_half_copied_base_is_replaced(bases: Bases, tmp_path: Path) -> None:
    left = bases.root / "small.part"
    left.mkdir()
    (left / "junk").write_text("x")

    assert bases.add("small", str(saved(tmp_path / "model"))).name == "small"
    assert bases.names() == ["minilm", "tiny-chat", "small"]


@pytest.mark.slow
def test_the_families_allowed_are_those_the_worker_knows() -> None:
    from finetune.worker.families import FAMILIES

    assert sorted(FAMILIES) == sorted(MODEL_TYPES)
