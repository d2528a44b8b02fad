"""What a base's folder says of its tokenizer and chat template, read without running anything."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from core.errors import RequestRefused

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""For bases whose tokenizer has the marks of ChatML but that come without a template."""
CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
SPECIALS = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)
"""The special tokens that transformers hands to a template."""


@dataclass(frozen=True, kw_only=True)
class TokenizerFiles:
    tokenizer: Tokenizer
    specials: dict[str, str]
    templates: dict[str, str]
    """By name; `default` is always there, `tool_use` where the base has one."""
    ends: frozenset[int]
    """Ids at which generation stops, as the base's own files say."""
    template_sha256: str
    """Of the templates and the special tokens that they may print."""
    tokenizer_sha256: str
    """Of tokenizer.json."""


def load_files(folder: Any) -> TokenizerFiles:
    """Raises RequestRefused: (codes `no_chat_template`, `bad_tokenizer`)."""
    folder = Path(folder)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    config = read_object(folder / "tokenizer_config.json")
    specials = read_specials(read_object(folder / "special_tokens_map.json") | config)
    templates = find_templates(folder, config, tokenizer)
    printed = json.dumps([templates, specials], sort_keys=True, ensure_ascii=False)
    return TokenizerFiles(
        tokenizer=tokenizer,
        specials=specials,
        templates=templates,
        ends=read_ends(folder),
        template_sha256=hashlib.sha256(printed.encode()).hexdigest(),
        tokenizer_sha256=hashlib.sha256((folder / "tokenizer.json").read_bytes()).hexdigest(),
    )


def load_tokenizer(path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except OSError as error:
        raise bad_tokenizer(f"{path.name} cannot be read: {error.strerror}") from None
    # The library raises plain Exception for a file that it does not understand.
    except Exception as error:  # noqa: BLE001
        raise bad_tokenizer(f"{path.name} is not understood: {str(error)[:200]}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def bad_tokenizer(why: str) -> RequestRefused:
    return RequestRefused(
        f"The base's tokenizer cannot be used: {why}.",
        code="bad_tokenizer",
        param="source",
        fix="Save the base's fast tokenizer (tokenizer.json) beside its weights.",
    )


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no such file."""
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise bad_tokenizer(f"{path.name} is not JSON") from None
    if not isinstance(value, dict):
        raise bad_tokenizer(f"{path.name} is not a JSON object")
    return value


def read_specials(config: dict[str, Any]) -> dict[str, str]:
    """Name to text; a token is saved as text or as an object with its content."""
    found = {}
    for name in SPECIALS:
        match config.get(name):
            case str(text) | {"content": str(text)}:
                found[name] = text
    return found


def find_templates(folder: Path, config: dict[str, Any], tokenizer: Tokenizer) -> dict[str, str]:
    """From where transformers looks: files first, then the tokenizer's own configuration."""
    found = templates_in_config(config.get("chat_template"))
    if not found:
        found = templates_in_config(read_object(folder / "chat_template.json").get("chat_template"))
    main = folder / "chat_template.jinja"
    if main.is_file():
        found = {"default": main.read_text("utf-8")}
    if not found and all(tokenizer.token_to_id(token) is not None for token in CHATML_TOKENS):
        found = {"default": CHATML}
    if "default" not in found:
        raise RequestRefused(
            "This base comes without a chat template, so it was never taught to chat.",
            code="no_chat_template",
            param="base_model",
            fix="Use the chat (instruct) version of this model, or save a chat_template.jinja in "
            "its folder and add it again.",
        )
    return found


def templates_in_config(saved: Any) -> dict[str, str]:
    if isinstance(saved, str):
        return {"default": saved}
    if isinstance(saved, list):
        return {
            entry["name"]: entry["template"]
            for entry in saved
            if isinstance(entry, dict)
            and isinstance(entry.get("name"), str)
            and isinstance(entry.get("template"), str)
        }
    return {}


def read_ends(folder: Path) -> frozenset[int]:
    """The eos ids of generation_config.json, else of config.json."""
    for name in ("generation_config.json", "config.json"):
        match read_object(folder / name).get("eos_token_id"):
            case int(one):
                return frozenset({one})
            case list(several):
                return frozenset(value for value in several if isinstance(value, int))
    return frozenset()
