"""Which result is shown how: a tool's name and its result become a card.

datasets.py  profiles and problems      runs.py       plans, approvals, runs and reports
endpoints.py endpoints and answers      lists.py      lists, passages, disk
"""

from collections.abc import Callable
from typing import Any

from agent.language import Words
from agent.shown import datasets, endpoints, lists, runs
from agent.shown.runs import approval_view, run_view
from agent.views import View

__all__ = ["approval_view", "run_view", "view_of"]

VIEWS: dict[str, Callable[[dict[str, Any], Words], View]] = {
    "create_dataset": datasets.dataset_view,
    "describe_dataset": datasets.dataset_view,
    "check_dataset": datasets.check_view,
    "sample_dataset": datasets.sample_view,
    "list_datasets": datasets.list_view,
    "quote_finetune": runs.quote_view,
    "start_finetune": runs.run_view,
    "retry_run": runs.run_view,
    "run_status": runs.run_view,
    "cancel_run": runs.run_view,
    "list_runs": lists.runs_view,
    "compare_runs": lists.comparison_view,
    "list_models": lists.models_view,
    "export_model": lists.export_view,
    "deploy_endpoint": endpoints.endpoint_view,
    "endpoint_status": endpoints.status_view,
    "stop_endpoint": endpoints.status_view,
    "list_endpoints": endpoints.list_view,
    "ask_endpoint": endpoints.answer_view,
    "predict_file": endpoints.predictions_view,
    "add_documents": lists.added_view,
    "search_docs": lists.passages_view,
    "list_approvals": lists.approvals_view,
    "disk_usage": lists.disk_view,
}


def view_of(tool_name: str, result: dict[str, Any], w: Words) -> View | None:
    """The card of a tool's result; None where words are enough."""
    draw = VIEWS.get(tool_name)
    return draw(result, w) if draw else None
