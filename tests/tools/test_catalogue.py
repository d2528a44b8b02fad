"""What models and programs see of our tools, pinned: a change here is a change of the product.

After a wanted change: `THIMBLE_TEST_PIN=1 .venv/bin/python -m pytest tests/tools/test_catalogue.py`
writes the file anew; read the difference before it is committed.
"""

import json
import os
from pathlib import Path

import pytest

from core.errors import RequestRefused
from core.schema import arguments_model, summary
from tools import base
from tools.base import House, ToolContext

GOLDEN = Path(__file__).with_name("catalogue.json")
TOOLS = base.catalogue()
CONTRACT = {
    "create_dataset": "writes", "describe_dataset": "reads", "list_datasets": "reads",
    "sample_dataset": "reads",
    "check_dataset": "reads", "delete_dataset": "destroys", "delete_model": "destroys",
    "delete_documents": "destroys", "quote_finetune": "reads", "start_finetune": "spends",
    "list_runs": "reads", "run_status": "reads", "compare_runs": "reads", "cancel_run": "writes",
    "retry_run": "spends", "list_models": "reads", "export_model": "writes",
    "deploy_endpoint": "spends", "list_endpoints": "reads", "endpoint_status": "reads",
    "ask_endpoint": "reads", "predict_file": "spends", "stop_endpoint": "destroys",
    "add_documents": "writes", "search_docs": "reads", "list_approvals": "reads",
    "disk_usage": "reads",
}  # fmt: skip


def test_the_catalogue_is_exactly_the_reviewed_one() -> None:
    seen = [tool.as_dict() for tool in TOOLS]
    if os.environ.get("THIMBLE_TEST_PIN"):
        GOLDEN.write_text(json.dumps(seen, indent=1, ensure_ascii=False) + "\n")
    assert seen == json.loads(GOLDEN.read_text())


def test_the_tools_and_effects_of_the_public_contract_are_all_there() -> None:
    assert {tool.name: str(tool.effect) for tool in TOOLS} == CONTRACT


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_and_argument_is_described(tool: base.Tool) -> None:
    parameters = tool.as_dict()["parameters"]["properties"]
    assert summary(tool.run)
    assert [name for name, schema in parameters.items() if not schema.get("description")] == []


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_no_tool_takes_a_path_a_url_or_a_command(tool: base.Tool) -> None:
    names = set(arguments_model(tool.run).model_fields)
    assert names.isdisjoint({"path", "url", "command", "shell", "code", "env"})


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_every_tool_refuses_an_unknown_argument_and_does_nothing(
    tool: base.Tool, house: House
) -> None:
    ctx = base.as_person(ToolContext(house, base.Caller()))
    needed = {
        name: "x" for name, field in tool.arguments.model_fields.items() if field.is_required()
    }
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, tool.name, needed | {"surprise": 1})
    assert refused.value.code == "unknown_argument"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
@pytest.mark.parametrize("value", ["../../etc/passwd", "no-such-thing", "\x00", "x" * 5000])
def test_every_tool_refuses_names_of_nothing(tool: base.Tool, value: str, house: House) -> None:
    ctx = base.as_person(ToolContext(house, base.Caller()))
    needed = {
        name: value for name, field in tool.arguments.model_fields.items() if field.is_required()
    }
    if not needed:
        return
    try:
        outcome = base.call(ctx, tool.name, needed)
    except RequestRefused as refusal:
        assert refusal.message
    else:
        assert tool.name == "search_docs", f"{tool.name} took {value[:20]!r}: {outcome}"
