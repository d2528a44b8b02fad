"""The chat files of other projects: each is read whole, or refused as what it is.

From the folders `llamafactory_data` and `openai_format` of THIMBLE_TEST_DATA.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import RequestRefused
from data.examine import examine
from tests.data.talk import jsonl, sums

Real = Callable[[str], Path]
READ = {
    "alpaca_en_demo.json": ("json", "alpaca", 999),
    "alpaca_zh_demo.json": ("json", "alpaca", 1_000),
    "glaive_toolcall_en_demo.json": ("json", "sharegpt", 300),
    "glaive_toolcall_zh_demo.json": ("json", "sharegpt", 300),
    "identity.json": ("json", "alpaca", 91),
    "reason_tool_use_demo_50.jsonl": ("jsonl", "llamafactory_v1", 50),
    "v1_sft_demo.jsonl": ("jsonl", "llamafactory_v1", 500),
}
REFUSED = {
    "README.md": ("unsupported_format", "a document"),
    "README_zh.md": ("unsupported_format", "a document"),
    "c4_demo.jsonl": ("unsupported_task", "plain texts only (column 'text')"),
    "dataset_info.json": ("bare_object", "one object with the keys 'identity'"),
    "dpo_en_demo.json": ("unsupported_task", "('chosen' and 'rejected'), as for DPO"),
    "dpo_zh_demo.json": ("unsupported_task", "('chosen' and 'rejected'), as for DPO"),
    "kto_en_demo.json": ("unsupported_task", "'label' says true or false to each, as for KTO"),
    "mllm_audio_demo.json": ("unsupported_task", "sound (column 'audios')"),
    "mllm_demo.json": ("unsupported_task", "pictures (column 'images')"),
    "mllm_video_audio_demo.json": ("unsupported_task", "video (column 'videos')"),
    "mllm_video_demo.json": ("unsupported_task", "video (column 'videos')"),
    "v1_dpo_demo.jsonl": ("unsupported_task", "('chosen_messages' and 'rejected_messages')"),
    "v1_dpo_demo.yaml": ("unsupported_format", "a file of settings"),
    "v1_multimodal_demo.jsonl": ("not_text", "Row 1 (line 1), message 1: the field 'content'"),
    "v1_multimodal_demo.yaml": ("unsupported_format", "a file of settings"),
    "v1_sft_demo.yaml": ("unsupported_format", "a file of settings"),
    "wiki_demo.txt": ("unsupported_format", "running text"),
}


def test_the_tables_name_every_text_file_of_the_peer_s_demos(real: Real) -> None:
    files = {path.name for path in real("llamafactory_data").iterdir() if path.is_file()}
    assert files == READ.keys() | REFUSED.keys()


@pytest.mark.parametrize("name", READ)
def test_a_peer_s_chat_file_is_read_whole(real: Real, name: str) -> None:
    made = examine(real(f"llamafactory_data/{name}"))
    profile = made["profile"]

    assert made["task"] == "chat"
    assert (profile["format"], profile["shape"], profile["rows"]) == READ[name]
    assert profile["source_rows"] == profile["rows"]
    assert sum(made["splits"].values()) == profile["rows"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_peer_s_other_file_is_refused_as_what_it_is(real: Real, name: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        examine(real(f"llamafactory_data/{name}"))
    assert (caught.value.code, True) == (REFUSED[name][0], REFUSED[name][1] in caught.value.message)
    assert caught.value.fix


def test_openai_s_own_example_is_refused_only_for_its_five_rows(real: Real, tmp_path: Path) -> None:
    path = real("openai_format/toy_chat_fine_tuning.jsonl")
    with pytest.raises(RequestRefused, match="5 usable rows") as caught:
        examine(path)
    assert caught.value.code == "too_few_rows"

    longer = tmp_path / "longer.jsonl"
    longer.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + jsonl(sums(20)), "utf-8")
    made = examine(longer)
    assert made["rows"] == 25
    assert [p["rows"] for p in made["problems"] if p["code"] == "assistant_first"] == [[4]]
