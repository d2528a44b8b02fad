"""How to call an endpoint, ready to copy: the lines work as they stand."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

EXAMPLES = {"en": "hello, I have a question", "zh": "你好，我有一个问题"}
HAN_SHARE = 0.3
"""Share of Chinese characters in the training texts from which the example is Chinese."""
KEY = "$THIMBLE_API_KEY"


def how_to_call(
    base_url: str,
    endpoint: str,
    *,
    with_key: bool,
    task: str = "classify",
    scripts: Mapping[str, float] | None = None,
    text: str = "",
) -> dict[str, str]:
    """The part of a tool's result that says how an endpoint is called.

    Args:
        task: What its model does: `classify` or `chat`.
        scripts: Shares of the scripts in the texts of the model, such as `{"han": 0.9}`.
        text: What is asked; without it, a greeting in the language of the scripts.
    """
    call = CALLS[task]
    body = json.dumps(
        {"model": endpoint} | call.asks(text or example(scripts or {})), ensure_ascii=False
    )
    url = f"{base_url}{call.path}"
    return {
        "url": url,
        "curl": curl(url, body, with_key=with_key),
        "python": python(url, body, call.reads, with_key=with_key),
    }


@dataclass(frozen=True)
class Call:
    """How models of one task are asked."""

    path: str
    asks: Callable[[str], dict[str, Any]]
    """Fields of the body beside the model, for a text."""
    reads: str
    """Python that finds the answer in the response."""


CALLS = {
    "classify": Call("/v1/classify", lambda text: {"input": text}, '["data"][0]'),
    "chat": Call(
        "/v1/chat/completions",
        # As the report was made: without chance, so that the first answer is one that it counts.
        lambda text: {"messages": [{"role": "user", "content": text}], "temperature": 0},
        '["choices"][0]["message"]["content"]',
    ),
}


def example(scripts: Mapping[str, float]) -> str:
    """A text in the language that the model was trained on."""
    return EXAMPLES["zh" if scripts.get("han", 0.0) >= HAN_SHARE else "en"]


def curl(url: str, body: str, *, with_key: bool) -> str:
    """A shell line; the key, where one is needed, is taken from the environment."""
    key = f' \\\n  -H "Authorization: Bearer {KEY}"' if with_key else ""
    return f"curl {url} -H 'Content-Type: application/json'{key} \\\n  -d {shlex.quote(body)}"


def python(url: str, body: str, reads: str, *, with_key: bool) -> str:
    """A program that needs nothing but Python. JSON without true, false and null is Python too."""
    head = "import json, os, urllib.request" if with_key else "import json, urllib.request"
    key = ', "Authorization": "Bearer " + os.environ["THIMBLE_API_KEY"]' if with_key else ""
    return (
        f"{head}\n\n"
        f"body = json.dumps({body}).encode()\n"
        f'headers = {{"Content-Type": "application/json"{key}}}\n'
        f'request = urllib.request.Request("{url}", body, headers)\n'
        f"print(json.load(urllib.request.urlopen(request)){reads})\n"
    )
