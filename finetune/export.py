"""A model version as one zip to download: what an engine loads, the adapter, and its passport."""

import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from core.records import tables
from finetune.bases.fetch import is_on_hub

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


def archive(model: tables.Model, folder: Path, source: str = "") -> Iterator[bytes]:
    """The zip, piece by piece; it never stands in memory as a whole.

    Args:
        folder: Of the model's files.
        source: Where the base of a chat model was taken from, for the README.
    """
    top = f"{model.name}-{model.version}"
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            packed.writestr(f"{top}/README.md", readme(model, source))
            packed.writestr(f"{top}/passport.json", json.dumps(model.passport, indent=2))
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    packed.write(path, f"{top}/{path.relative_to(folder).as_posix()}")
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def readme(model: tables.Model, source: str = "") -> str:
    """For whoever unpacks it: what it is, how good it is, and how to use it."""
    told = of_chat(model, source) if model.task == "chat" else of_classifier(model)
    return f"""# {model.ref}

{told}
`passport.json` has the hashes of the data, of the base model and of every file here, the recipe
with its seed, and the versions it was made with.
"""


def of_chat(model: tables.Model, source: str) -> str:
    test = model.metrics["test"]
    low, high = test["perplexity_interval"]
    base = model.base_model
    return f"""A chat model made by {model.run_id} from the dataset {model.dataset} with the base
model {base}: a LoRA adapter of that base, which is not in here.

Perplexity on the test rows: {test["perplexity"]:.2f} (95 % interval {low:.2f} to {high:.2f}).
{answered(model)}
The base is a folder: `THIMBLE_HOME/bases/{base}` on the machine that made this model, which is
`~/.thimble/bases/{base}` where THIMBLE_HOME is not set.{from_hub(source)}

{RUN_PEFT.replace("BASE", base)}"""


def answered(model: tables.Model) -> str:
    """How good its answers are, by the measure of its report; empty where none were written."""
    answers = model.metrics.get("answers")
    if not answers:
        return ""
    low, high = answers["interval"]
    exact = answers["metric"] == "exact_match"
    name = "Answered exactly as expected" if exact else "Likeness to the expected answers (chrF)"
    interval = f"95 % interval {100 * low:.1f} to {100 * high:.1f}"
    return f"{name}, {answers['rows']} test rows: {100 * answers['score']:.1f} % ({interval}).\n"


def from_hub(source: str) -> str:
    """Where anybody gets the base. A folder of the maker's machine is nobody else's business."""
    if not is_on_hub(source):
        return ""
    identifier, _, revision = source.partition("@")
    return f"""
It came from the model hub, as `{source}`; elsewhere, download it into a folder:
`hf download {identifier} --revision {revision} --local-dir base`."""


def of_classifier(model: tables.Model) -> str:
    test = model.metrics["test"]
    low, high = test["interval"]
    return f"""A text classifier ({model.kind}) made by {model.run_id} from the dataset
{model.dataset} with the base model {model.base_model}. It knows
{len(model.passport["labels"])} labels.

Accuracy on the test rows: {100 * test["accuracy"]:.1f} % (95 % interval {100 * low:.1f} to
{100 * high:.1f}), macro F1 {100 * test["macro_f1"]:.1f}.

{USES[model.engine]}{ADAPTER if model.kind == "lora" else ""}"""


RUN_PEFT = """With PyTorch, transformers and PEFT: save this as `ask.py` in this folder, and run
`python ask.py ~/.thimble/bases/BASE` there, or with the folder where you have the base.

```python
import sys

from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), ".")
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
