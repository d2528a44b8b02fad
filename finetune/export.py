"""A model version as one zip to download: what an engine loads, the adapter, and its passport."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from core.records import tables

CHUNK_BYTES = 2**20
RUN_ONNX = """\
import json
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

meta = json.load(open("meta.json"))
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.enable_truncation(meta["max_length"])
session = onnxruntime.InferenceSession("model.onnx")
encoded = tokenizer.encode("your text here")
inputs = {
    "input_ids": np.array([encoded.ids], dtype=np.int64),
    "attention_mask": np.array([encoded.attention_mask], dtype=np.int64),
}
logits = session.run(["logits"], inputs)[0][0]
print(meta["labels"][int(logits.argmax())])
"""


def filename(model: tables.Model) -> str:
    return f"{model.name}-{model.version}.zip"


def archive(model: tables.Model, folder: Path) -> Iterator[bytes]:
    """The zip, piece by piece; it never stands in memory as a whole."""
    top = f"{model.name}-{model.version}"
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            packed.writestr(f"{top}/README.md", readme(model))
            packed.writestr(f"{top}/passport.json", json.dumps(model.passport, indent=2))
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    packed.write(path, f"{top}/{path.relative_to(folder).as_posix()}")
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def readme(model: tables.Model) -> str:
    """For whoever unpacks it: what it is, how good it is, and how to use it."""
    test = model.metrics["test"]
    low, high = test["interval"]
    return f"""# {model.ref}

A text classifier ({model.kind}) made by {model.run_id} from the dataset {model.dataset} with the
base model {model.base_model}. It knows {len(model.passport["labels"])} labels.

Accuracy on the test rows: {100 * test["accuracy"]:.1f} % (95 % interval {100 * low:.1f} to
{100 * high:.1f}), macro F1 {100 * test["macro_f1"]:.1f}.

{USES[model.engine]}{ADAPTER if model.kind == "lora" else ""}
`passport.json` has the hashes of the data, of the base model and of every file here, the recipe
with its seed, and the versions it was made with.
"""


USES = {
    "onnx": f"""`model.onnx` (8-bit) runs without PyTorch. In this folder:

```python
{RUN_ONNX}```
""",
    "linear": """`vectorizer.json` and `weights.safetensors` hold a TF-IDF vectorizer and a linear
layer: logits = weight · features + bias.
""",
}
ADAPTER = """
`adapter/` is a LoRA adapter that PEFT loads on the base model; `head.safetensors` in it holds the
classification head over the mean of the token vectors.
"""
