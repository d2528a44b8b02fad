"""Tiny tokenizers, and chat templates in the manner of the known families, for the tests.

The templates are written for these tests; they copy how a family behaves (trimming, tools, system
messages, thinking, what closes a turn), not its text.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CHATML = """\
{%- if tools %}<|im_start|>system
Tools:
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' and message.tool_calls %}
{{- '<|im_start|>assistant\\n' + message.content }}
{%- for call in message.tool_calls %}
{{- '\\n<tool_call>' }}{{ call.function | tojson }}{{ '</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- else %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
LLAMA = """\
{{- bos_token }}
{%- set loop_messages = messages %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system = messages[0]['content'] | trim %}
    {%- set loop_messages = messages[1:] %}
{%- else %}{%- set system = '' %}{%- endif %}
{%- if tools or system %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}
{%- if tools %}{{ 'Date: ' + strftime_now('%d %b %Y') + '\\n' + (tools | tojson(indent=4)) }}\
{%- endif %}
{{- system + '<|eot_id|>' }}
{%- endif %}
{%- for message in loop_messages %}
    {%- if message.tool_calls %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
        {{- '{"name": "' + call.name + '", "parameters": ' }}
        {{- call.arguments | tojson }}{{ '}<|eom_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}
        {{- message['content'] | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}"""
GEMMA = """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}\
{{ raise_exception('System role not supported') }}{% endif %}\
{% for message in messages %}\
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}\
{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}\
{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}\
{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}\
{% endfor %}\
{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"""
MISTRAL = """\
{%- set ns = namespace(system='') -%}
{{- bos_token }}
{%- for message in messages %}
{%- if message.role == 'system' %}{%- set ns.system = message.content %}
{%- elif message.role == 'user' %}
{{- '[INST] ' + (ns.system + '\\n\\n' if loop.last and ns.system else '') }}
{{- message.content + '[/INST]' }}
{%- elif message.role == 'assistant' %}{{ ' ' + message.content | trim + eos_token }}
{%- else %}{{ raise_exception('Only user, system and assistant roles are supported') }}
{%- endif %}
{%- endfor %}"""
PHI = """\
{% for message in messages %}{% if message['role'] == 'system' %}\
{{ '<|system|>\\n' + message['content'] + '<|end|>\\n' }}\
{% elif message['role'] == 'user' %}{{ '<|user|>\\n' + message['content'] + '<|end|>\\n' }}\
{% elif message['role'] == 'assistant' %}\
{{ '<|assistant|>\\n' + message['content'] + '<|end|>\\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}"""
QWEN3 = """\
{%- set ns = namespace(last=-1) %}
{%- for message in messages[::-1] %}
{%- if ns.last == -1 and message.role == 'user' %}
{%- set ns.last = messages | length - 1 - loop.index0 %}{%- endif %}
{%- endfor %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{%- set content = message.content %}
{%- set thought = message.reasoning_content if message.reasoning_content is string else '' %}
{{- '<|im_start|>assistant\\n' }}
{%- if loop.index0 > ns.last %}
{{- '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
{%- else %}{{ content }}{%- endif %}
{{- '<|im_end|>\\n' }}
{%- else %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}"""
PLAIN = """\
{% for m in messages %}{{ m.role + ':\\n\\n' + m.content + '\\n\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ 'assistant:\\n\\n' }}{% endif %}"""
"""No special token anywhere, and a prompt that ends in line feeds."""
TEMPLATES = {
    "chatml": CHATML,
    "llama3": LLAMA,
    "gemma": GEMMA,
    "mistral": MISTRAL,
    "phi": PHI,
    "qwen3": QWEN3,
}
SPECIALS = {
    "chatml": ["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
    "llama3": [
        "<|begin_of_text|>",
        "<|eot_id|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eom_id|>",
    ],
    "gemma": ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
    "mistral": ["<s>", "</s>", "[INST]", "[/INST]"],
    "phi": ["<|endoftext|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"],
    "qwen3": ["<|im_start|>", "<|im_end|>", "<|endoftext|>"],
    "plain": ["<|endoftext|>"],
}
BOS = {"llama3": "<|begin_of_text|>", "gemma": "<bos>", "mistral": "<s>"}
EOS = {
    "chatml": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "gemma": "<eos>",
    "mistral": "</s>",
    "phi": "<|endoftext|>",
    "qwen3": "<|im_end|>",
    "plain": "<|endoftext|>",
}
WORDS = """The quick brown fox jumps over the lazy dog. What is the capital of France? Paris.
How are you?\n\nI am fine, thank you!  {"name": "weather", "arguments": {"city": "Bern"}}
assistant\n\nsystem\nuser\n 你好，世界。 été Grüße 1234567890"""
LLAMA_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+"


def byte_tokenizer(kind: str) -> Tokenizer:
    """Byte-level BPE, split as GPT-2 does or, for the Llama manner, as that family does."""
    tokenizer = Tokenizer(models.BPE())
    gpt = pre_tokenizers.ByteLevel(add_prefix_space=False)
    split = pre_tokenizers.Split(Regex(LLAMA_SPLIT), "isolated")
    bare = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = (
        pre_tokenizers.Sequence([split, bare]) if kind in ("llama3", "qwen3") else gpt
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([WORDS] * 20, trainer)
    strips = kind == "phi"
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, rstrip=strips) for text in SPECIALS[kind]]
    )
    if kind == "qwen3":
        tokenizer.add_tokens(["<think>", "</think>"])
    return tokenizer


def sentence_tokenizer(kind: str) -> Tokenizer:
    """BPE over words that begin with ▁, with bytes for what it does not know, as in Llama 2."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<unk>", *[f"<0x{byte:02X}>" for byte in range(256)]],
        show_progress=False,
    )
    tokenizer.train_from_iterator([line for line in WORDS.split("\n") if line], trainer)
    tokenizer.add_special_tokens(SPECIALS[kind])
    return tokenizer


def save_chat_files(folder: Path, kind: str, source: str | None = None) -> Path:
    """tokenizer.json, tokenizer_config.json and chat_template.jinja of a family's manner."""
    folder.mkdir(parents=True, exist_ok=True)
    made = sentence_tokenizer(kind) if kind in ("gemma", "mistral") else byte_tokenizer(kind)
    made.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS.get(kind),
        "eos_token": EOS[kind],
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    source = source or TEMPLATES.get(kind, PLAIN)
    (folder / "chat_template.jinja").write_text(source, "utf-8")
    return folder
