"""Our rendering and tokens against transformers' own, over all templates and kinds of turns."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.chat.tokens import ChatTokenizer
from core.errors import RequestRefused
from tests.core.chat.chat_bases import TEMPLATES, save_chat_files

pytestmark = pytest.mark.slow
ASKED = {"role": "user", "content": "  How are you?\n"}
ANSWERED = {"role": "assistant", "content": "Fine, <b>thank</b> you. 你好 "}
SYSTEM = {"role": "system", "content": "Be brief."}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich & <x>"}}}
CONVERSATIONS: dict[str, list[dict[str, Any]]] = {
    "asked": [ASKED],
    "answered": [ASKED, ANSWERED],
    "several turns": [ASKED, ANSWERED, ASKED, ANSWERED, ASKED],
    "system": [SYSTEM, ASKED, ANSWERED, ASKED],
    "reasoning": [ASKED, ANSWERED | {"reasoning_content": "Hm."}, ASKED, ANSWERED],
    "tools": [
        ASKED,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "7"},
        ANSWERED,
    ],
    "alone": [ANSWERED],
}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "<Wetter>"}}]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[ChatTokenizer, Any]]:
    from transformers import PreTrainedTokenizerFast

    root = tmp_path_factory.mktemp("bases")
    folders = {kind: save_chat_files(root / kind, kind) for kind in TEMPLATES}
    return {
        kind: (ChatTokenizer.load(folder), PreTrainedTokenizerFast.from_pretrained(folder))
        for kind, folder in folders.items()
    }


@pytest.mark.parametrize("generate", [False, True])
@pytest.mark.parametrize("tools", [None, TOOLS])
@pytest.mark.parametrize("said", CONVERSATIONS)
@pytest.mark.parametrize("kind", TEMPLATES)
def test_text_and_tokens_are_those_of_transformers(
    kind: str,
    said: str,
    tools: list[dict[str, Any]] | None,
    generate: bool,
    pairs: dict[str, tuple[ChatTokenizer, Any]],
) -> None:
    from jinja2 import TemplateError

    ours, theirs = pairs[kind]
    messages = CONVERSATIONS[said]
    options = {"tools": tools, "add_generation_prompt": generate}
    try:
        text = theirs.apply_chat_template(messages, tokenize=False, **options)
        ids = theirs.apply_chat_template(messages, return_dict=False, **options)
    except (TemplateError, TypeError):
        with pytest.raises(RequestRefused):
            ours.template(tools).render(messages, generate=generate, tools=tools)
        return
    assert ours.template(tools).render(messages, generate=generate, tools=tools) == text
    assert (ours.prompt(messages, tools) if generate else ours.row(messages, tools).ids) == ids


@pytest.mark.parametrize("kind", TEMPLATES)
def test_texts_come_back_as_transformers_brings_them_back(
    kind: str, pairs: dict[str, tuple[ChatTokenizer, Any]]
) -> None:
    ours, theirs = pairs[kind]
    ids = ours.row(CONVERSATIONS["answered"]).ids
    for skip in (True, False):
        assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip)
    assert ours.plain("Wie geht's, <s>?") == theirs("Wie geht's, <s>?").input_ids


def test_the_known_causal_models_are_those_that_transformers_loads() -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    from finetune.bases.causal import TYPES, architectures

    assert json.loads(Path(TYPES).read_text()) == architectures()
    for model_type, architecture in architectures().items():
        assert MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[model_type] == architecture
