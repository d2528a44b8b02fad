"""Small artifacts of every engine that know cats from dogs, made without training."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from core.identity import Caller
from core.records.database import Database, next_id
from core.records.queries import next_version, stamp
from core.records.tables import Model

LABELS = ["bird", "cat", "dog"]
WORDS = {"tweet": 0, "meow": 1, "woof": 2}
"""Word to the number of its label."""
VOCABULARY = ["[PAD]", "[UNK]", *WORDS]
MAX_LENGTH = 16


def write_onnx(folder: Path, strength: float = 4.0, labels: list[str] = LABELS) -> Path:
    """A model that adds up a vector for each known word."""
    folder.mkdir(parents=True)
    table_VC = np.zeros((len(VOCABULARY), 3), dtype=np.float32)
    for word, label in WORDS.items():
        table_VC[VOCABULARY.index(word), label] = strength
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "two"], ["mask3"]),
        helper.make_node("Mul", ["vectors", "mask3"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "one"], ["logits"], keepdims=0),
    ]
    tokens = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "T"])
        for name in ("input_ids", "attention_mask")
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", 3])
    constants = [
        numpy_helper.from_array(table_VC, "table"),
        numpy_helper.from_array(np.array([1]), "one"),
        numpy_helper.from_array(np.array([2]), "two"),
    ]
    graph = helper.make_graph(nodes, "tiny", tokens, [logits], constants)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "model.onnx")
    write_tokenizer(folder)
    write_meta(folder, labels, max_length=MAX_LENGTH)
    return folder


def write_tokenizer(folder: Path) -> None:
    vocabulary = {word: index for index, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))


def write_linear(folder: Path, strength: float = 4.0, labels: list[str] = LABELS) -> Path:
    folder.mkdir(parents=True)
    part = {
        "analyzer": "word",
        "ngram_range": [1, 1],
        "lowercase": True,
        "sublinear_tf": True,
        "token_pattern": r"(?u)\b\w\w+\b",
        "terms": sorted(WORDS),
        "idf": [1.0, 1.0, 1.0],
    }
    (folder / "vectorizer.json").write_text(json.dumps({"format": 1, "parts": [part]}))
    weight_CF = np.zeros((3, 3), dtype=np.float32)
    for index, word in enumerate(sorted(WORDS)):
        weight_CF[WORDS[word], index] = strength
    bias_C = np.zeros(3, dtype=np.float32)
    save_file({"weight": weight_CF, "bias": bias_C}, folder / "weights.safetensors")
    write_meta(folder, labels)
    return folder


def write_meta(folder: Path, labels: list[str], **more: int) -> None:
    meta = {"task": "classify", "labels": labels, "format": 1, **more}
    (folder / "meta.json").write_text(json.dumps(meta))


WRITERS = {"onnx": write_onnx, "linear": write_linear}
"""How to make an artifact of each engine: a new engine adds a line here and is covered."""


def add_model(
    database: Database,
    home: Path,
    caller: Caller,
    name: str = "pets",
    engine: str = "onnx",
    kind: str = "lora",
    run_id: str = "run_1",
    strength: float = 4.0,
) -> Model:
    """A model version in the records with its artifact on the disk."""
    with database.write() as session:
        identifier = next_id(session, "model")
        model = Model(
            id=identifier,
            name=name,
            version=next_version(session, Model, caller, name),
            kind=kind,
            engine=engine,
            task="classify",
            run_id=run_id,
            dataset="pets@1",
            base_model="minilm",
            folder=f"models/{identifier}",
            metrics={"test": {"accuracy": 0.9}},
            passport={},
            **stamp(caller),
        )
        folder = WRITERS[engine](home / model.folder, strength)
        files = folder.iterdir()
        hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
        model.passport = {"files": hashes}
        session.add(model)
    return model
