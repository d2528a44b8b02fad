"""A run on its way: one card with a bar, the loss so far, speed and time left."""

from dataclasses import replace
from typing import Any

from agent.channels.web.drawing import Card, Element, escape
from core.records.tables import Run

MAX_POINTS = 120


def progress_card(run: Run, status: Card) -> Card:
    """The status card with its charts replaced by one that moves without flicker."""
    return Card(
        content=f"#### {escape(headline(run))}",
        elements=[Element("custom", "RunProgress", props(run))],
        buttons=[replace(button, icon="square") for button in status.buttons],
        key=run.id,
    )


def headline(run: Run) -> str:
    doing = {"queued": "waits for its turn", "paused": "is paused"}
    return f"{run.id} {doing.get(run.state, 'is fine-tuning')}: {run.dataset} on {run.base_model}"


def props(run: Run) -> dict[str, Any]:
    """What public/elements/RunProgress.jsx draws."""
    progress = run.progress or {}
    return {
        "run": run.id,
        "state": run.state,
        "phase": progress.get("phase"),
        "step": progress.get("step"),
        "totalSteps": progress.get("total_steps"),
        "loss": progress.get("loss"),
        "tokensPerSecond": progress.get("tokens_per_s"),
        "secondsLeft": progress.get("eta_s"),
        "curve": thinned(progress.get("curve") or []),
    }


def thinned(points: list[Any]) -> list[Any]:
    """At most `MAX_POINTS` of them, the newest always among them."""
    every = max(1, -(-len(points) // MAX_POINTS))
    return points[::-1][::every][::-1]
