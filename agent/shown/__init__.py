"""Which result is shown how: a tool's name and its result become a card, in a language.

datasets.py  labels, lengths, checks      chat_datasets.py  the same of conversations
problems.py  what is wrong, what to do    rows.py           rows of a dataset, by pages
masks.py     what a training learns from  conversations.py  messages and answers
plans.py     what a training would take   models.py         versions and their passports
runs.py      progress, reports            chat_runs.py      the report of a chat model
approvals.py what waits for a decision    endpoints.py      endpoints and their answers
documents.py passages and files           disk.py           what takes room
errors.py    what went wrong              cost.py           what an answer took
figures.py   numbers in words             states.py         states in words
"""

from collections.abc import Callable
from typing import Any

from agent.language import Words
from agent.shown import (
    approvals,
    chat_datasets,
    datasets,
    disk,
    documents,
    endpoints,
    models,
    plans,
    rows,
    runs,
)
from agent.shown.approvals import approval_view
from agent.shown.errors import error_view
from agent.shown.runs import run_view
from agent.views import View

__all__ = ["approval_view", "error_view", "run_view", "view_of"]


def dataset_view(result: dict[str, Any], w: Words) -> View:
    """Of labelled texts, or of conversations."""
    if result.get("task") == "chat":
        return chat_datasets.dataset_view(result, w)
    return datasets.dataset_view(result, w)


VIEWS: dict[str, Callable[[dict[str, Any], Words], View]] = {
    "create_dataset": dataset_view,
    "describe_dataset": dataset_view,
    "check_dataset": datasets.check_view,
    "sample_dataset": rows.sample_view,
    "list_datasets": datasets.list_view,
    "quote_finetune": plans.quote_view,
    "start_finetune": runs.run_view,
    "retry_run": runs.run_view,
    "run_status": runs.run_view,
    "cancel_run": runs.run_view,
    "list_runs": runs.list_view,
    "compare_runs": runs.comparison_view,
    "list_models": models.models_view,
    "export_model": documents.export_view,
    "deploy_endpoint": endpoints.endpoint_view,
    "endpoint_status": endpoints.endpoint_view,
    "stop_endpoint": endpoints.endpoint_view,
    "list_endpoints": endpoints.list_view,
    "ask_endpoint": endpoints.answer_view,
    "predict_file": documents.predictions_view,
    "add_documents": documents.added_view,
    "search_docs": documents.passages_view,
    "list_approvals": approvals.list_view,
    "disk_usage": disk.disk_view,
}


def view_of(tool_name: str, result: dict[str, Any], w: Words) -> View | None:
    """The card of a tool's result; None where words are enough."""
    draw = VIEWS.get(tool_name)
    return draw(result, w) if draw else None
