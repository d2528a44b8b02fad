"""`tiny-chat`: the causal base that is always there, small enough to be built on this machine.

Everything but the weights is made here, in about a second and without torch: tokenizer, template
and configuration. The weights come from a job of kind `base` (finetune/worker/pretrain), which
reads what `write_job` writes. The same sources give the same files.
"""

import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from core.errors import ServiceFailed
from core.job import JOB_FILE, write_bytes, write_json
from finetune.worker import pretrain
from finetune.worker.spec import BaseSpec, to_json

NAME = "tiny-chat"
SOURCE = "built on this machine from the help pages"
WEIGHTS = pretrain.WEIGHTS
HELP = Path(__file__).parents[1] / "knowledge" / "docs"
LEFT_OUT = ("errors.md",)
"""Its hundred short sections, one for each code, would outweigh the pages that explain."""
VOCABULARY = 3072
"""Small, so that little of the brief pre-training is spent on rare tokens."""
POSITIONS = 2048
"""How many tokens it can read. Pre-training sees far shorter ones; tuning may teach more."""
END, PAD, START = "<|im_end|>", "<|endoftext|>", "<|im_start|>"
SPECIALS = (PAD, START, END)
ROLES = ("system", "user", "assistant", "tool")
"""One token each."""
WRITTEN = (
    "tokenizer.json",
    "chat_template.jinja",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "config.json",
    "generation_config.json",
)
PIECES = r"\p{N}|\p{L}+|[^\s\p{L}\p{N}]+|\s+(?!\S)|\s"
"""How text is cut before merging: every digit alone, so that numbers are counted by digit; and a
word without the space before it, so that it is the same tokens wherever it is copied to."""
TEMPLATE = """\
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{%- endif %}
{{- 'Tools:' }}
{%- for tool in tools %}{{- '\\n' + tool | tojson }}{%- endfor %}
{{- '\\nTo call one, write <tool_call>{"name": ..., "arguments": ...}</tool_call>' }}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'system' and loop.first and tools %}
{%- else %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}
{%- if message.content or not loop.first %}{{- '\\n' }}{%- endif %}
{{- '<tool_call>{"name": ' + call.function.name | tojson + ', "arguments": ' }}
{%- if call.function.arguments is string %}{{- call.function.arguments }}
{%- else %}{{- call.function.arguments | tojson }}{%- endif %}
{{- '}</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
"""ChatML with tools; what is in a message stands there unchanged."""
TOKENS = 1_000_000
"""Read in pre-training: about three minutes of one processor core that multiplies bfloat16."""
SHAPE: dict[str, Any] = {
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 5,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "head_dim": 32,
}


def files(folder: Path) -> None:
    """Write everything of the base but its weights into an existing folder."""
    tokenizer = trained_tokenizer()
    identifiers = {name: number for number, name in enumerate(SPECIALS)}
    write_bytes(folder / "tokenizer.json", tokenizer.to_str(pretty=False).encode())
    write_bytes(folder / "chat_template.jinja", TEMPLATE.encode())
    write_json(folder / "tokenizer_config.json", tokenizer_config())
    write_json(folder / "special_tokens_map.json", {"eos_token": END, "pad_token": PAD})
    write_json(folder / "config.json", config(tokenizer.get_vocab_size(), identifiers))
    ends = {"eos_token_id": identifiers[END], "pad_token_id": identifiers[PAD]}
    write_json(folder / "generation_config.json", ends)


def tokenizer_config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [START],
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": POSITIONS,
    }


def config(vocabulary: int, identifiers: dict[str, int]) -> dict[str, Any]:
    """What transformers reads to build the model."""
    return SHAPE | {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocabulary,
        "max_position_embeddings": POSITIONS,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "initializer_range": 0.02,
        "use_cache": True,
        "dtype": "float32",
        "bos_token_id": None,
        "eos_token_id": identifiers[END],
        "pad_token_id": identifiers[PAD],
    }


@cache
def trained_tokenizer() -> Tokenizer:
    """Byte-level BPE of the help pages and the planted facts: any text can be written in it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def texts() -> Iterator[str]:
    """All that the tokenizer learns from."""
    for page in help_pages():
        yield page.read_text("utf-8")
    yield from pretrain.plain_texts()
    yield from ROLES * 50


def help_pages() -> list[Path]:
    """The built-in help, always in the same order."""
    found = [path for path in HELP.glob("*/*.md") if path.name not in LEFT_OUT]
    return sorted(found, key=lambda path: path.relative_to(HELP).as_posix())


def write_job(base: Path, folder: Path, threads: int) -> None:
    """Fill a job folder with what the worker needs to make the weights, `job.json` last.

    Args:
        base: Folder with what `files` wrote.
    """
    (folder / pretrain.BASE).mkdir(parents=True, exist_ok=True)
    for name in WRITTEN:
        shutil.copyfile(base / name, folder / pretrain.BASE / name)
    pages = [
        {"language": page.parent.name, "text": page.read_text("utf-8")} for page in help_pages()
    ]
    write_json(folder / pretrain.PAGES, pages)
    write_json(folder / JOB_FILE, to_json(BaseSpec(tokens=TOKENS, threads=threads)))


def adopt(job_folder: Path, base: Path) -> None:
    """Take over the weights that a job made; they are there whole or not at all.

    Raises:
        ServiceFailed: The base's tokenizer is not the one that they were made for.
    """
    made = job_folder / pretrain.BASE
    for name in WRITTEN:
        if (made / name).read_bytes() != (base / name).read_bytes():
            raise ServiceFailed(
                f"{name} of {NAME} changed while its weights were made.",
                code="base_changed",
                fix="Ask again: it is made anew.",
            )
    write_bytes(base / WEIGHTS, (made / WEIGHTS).read_bytes())


def random_weights(folder: Path, seed: int = 0) -> None:
    """Write weights of the right shape that know nothing. For tests: a second instead of minutes.

    `files` must have been called for the folder.
    """
    shape = json.loads((folder / "config.json").read_bytes())
    random = np.random.default_rng(seed)
    tensors = {
        name: np.ones(size, np.float32)
        if len(size) == 1
        else random.normal(0.0, 0.02, size).astype(np.float32)
        for name, size in pretrain.tensor_sizes(shape).items()
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
