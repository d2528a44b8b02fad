"""How to call an endpoint, ready to copy: the lines work as they stand."""

import json
from collections.abc import Mapping

EXAMPLES = {"en": "hello, I have a question", "zh": "你好，我有一个问题"}
HAN_SHARE = 0.3
"""Share of Chinese characters in the training texts from which the example is Chinese."""
KEY = "$THIMBLE_API_KEY"


def how_to_call(
    base_url: str, endpoint: str, *, with_key: bool, scripts: Mapping[str, float] | None = None
) -> dict[str, str]:
    """The part of a tool's result that says how an endpoint is called.

    Args:
        scripts: Shares of the scripts in the texts of the model, such as `{"han": 0.9}`.
    """
    text = example(scripts or {})
    return {
        "url": url(base_url),
        "curl": curl(base_url, endpoint, text, with_key=with_key),
        "python": python(base_url, endpoint, text, with_key=with_key),
    }


def example(scripts: Mapping[str, float]) -> str:
    """A text in the language that the model was trained on."""
    return EXAMPLES["zh" if scripts.get("han", 0.0) >= HAN_SHARE else "en"]


def url(base_url: str) -> str:
    return f"{base_url}/v1/classify"


def curl(base_url: str, endpoint: str, text: str = EXAMPLES["en"], *, with_key: bool) -> str:
    """A shell line; the key, where one is needed, is taken from the environment."""
    body = json.dumps({"model": endpoint, "input": text}, ensure_ascii=False)
    key = f' \\\n  -H "Authorization: Bearer {KEY}"' if with_key else ""
    return f"curl {url(base_url)} -H 'Content-Type: application/json'{key} \\\n  -d '{body}'"


def python(base_url: str, endpoint: str, text: str = EXAMPLES["en"], *, with_key: bool) -> str:
    """A program that needs nothing but Python."""
    head = "import json, os, urllib.request" if with_key else "import json, urllib.request"
    key = ', "Authorization": "Bearer " + os.environ["THIMBLE_API_KEY"]' if with_key else ""
    return (
        f"{head}\n\n"
        f'body = json.dumps({{"model": "{endpoint}", "input": "{text}"}}).encode()\n'
        f'headers = {{"Content-Type": "application/json"{key}}}\n'
        f'request = urllib.request.Request("{url(base_url)}", body, headers)\n'
        'print(json.load(urllib.request.urlopen(request))["data"][0])\n'
    )
