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
    told = of_chat(model) if model.task == "chat" else of_classifier(model)
    return f"""# {model.ref}

{told}
`passport.json` has the hashes of the data, of the base model and of every file here, the recipe
with its seed, and the versions it was made with.
"""


def of_chat(model: tables.Model) -> str:
    test = model.metrics["test"]
    low, high = test["perplexity_interval"]
    return f"""A chat model made by {model.run_id} from the dataset {model.dataset} with the base
model {model.base_model}: a LoRA adapter of that base, which is not in here.

Perplexity on the test rows: {test["perplexity"]:.2f} (95 % interval {low:.2f} to {high:.2f}).

{RUN_PEFT}"""


def of_classifier(model: tables.Model) -> str:
    test = model.metrics["test"]
    low, high = test["interval"]
    return f"""A text classifier ({model.kind}) made by {model.run_id} from the dataset
{model.dataset} with the base model {model.base_model}. It knows
{len(model.passport["labels"])} labels.

Accuracy on the test rows: {100 * test["accuracy"]:.1f} % (95 % interval {100 * low:.1f} to
{100 * high:.1f}), macro F1 {100 * test["macro_f1"]:.1f}.

{USES[model.engine]}{ADAPTER if model.kind == "lora" else ""}"""


RUN_PEFT = """With PyTorch, transformers and PEFT, in this folder; `base` is the base model's:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("base")
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("base"), ".")
messages = [{"role": "user", "content": "your text here"}]
prompt = tokenizer.apply_chat_template(
    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
written = model.generate(**prompt, max_new_tokens=100, do_sample=False)[0]
print(tokenizer.decode(written[prompt["input_ids"].shape[1] :], skip_special_tokens=True))
```
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
