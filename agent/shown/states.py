"""What states, splits, severities and phases are called, and the colour of their mark."""

from agent.language import Words
from agent.views import Phase, Tone

ENDED = ("succeeded", "failed", "cancelled")
TONES: dict[str, Tone] = {
    "measuring": "busy",
    "waiting": "wait",
    "ready": "",
    "done": "good",
    "rejected": "quiet",
    "replaced": "quiet",
    "expired": "quiet",
    "queued": "busy",
    "running": "busy",
    "starting": "busy",
    "stopping": "busy",
    "paused": "quiet",
    "succeeded": "good",
    "live": "good",
    "failed": "bad",
    "cancelled": "quiet",
    "stopped": "quiet",
}


def tone(state: str) -> Tone:
    return TONES.get(state, "")


def of_approval(state: str, w: Words) -> str:
    names = {
        "measuring": w("being measured"),
        "waiting": w("waits for you"),
        "running": w("approved, starting"),
        "done": w("approved"),
        "rejected": w("rejected"),
        "replaced": w("replaced"),
        "expired": w("expired"),
        "failed": w("failed"),
    }
    return names.get(state, state)


def of_quote(state: str, w: Words) -> str:
    names = {"measuring": w("being measured"), "ready": w("not started"), "failed": w("failed")}
    return names.get(state, state)


def of_run(state: str, w: Words) -> str:
    names = {
        "queued": w("queued"),
        "running": w("running"),
        "paused": w("paused"),
        "stopping": w("stopping"),
        "succeeded": w("finished"),
        "failed": w("failed"),
        "cancelled": w("cancelled"),
    }
    return names.get(state, state)


def of_endpoint(state: str, w: Words) -> str:
    names = {
        "starting": w("starting"),
        "live": w("live"),
        "stopped": w("stopped"),
        "failed": w("failed"),
    }
    return names.get(state, state)


def of_severity(severity: str, w: Words) -> str:
    names = {"error": w("error"), "warning": w("warning"), "note": w("note")}
    return names.get(severity, severity)


def of_split(split: str, w: Words) -> str:
    names = {"train": w("train"), "validation": w("validation"), "test": w("test")}
    return names.get(split, split)


def of_kind(kind: str, w: Words) -> str:
    """What made a model."""
    names = {
        "lora": w("fine-tuned"),
        "frozen": w("linear on the frozen base"),
        "tfidf": w("TF-IDF + linear"),
        "majority": w("the most frequent label"),
    }
    return names.get(kind, kind)


PHASES = ("queued", "loading", "baselines", "training", "evaluating", "exporting")


def of_phase(phase: str, w: Words) -> str:
    names = {
        "queued": w("Queued"),
        "loading": w("Loading"),
        "baselines": w("Baselines"),
        "training": w("Training"),
        "evaluating": w("Evaluating"),
        "exporting": w("Exporting"),
        "done": w("Finishing"),
    }
    return names.get(phase, phase)


def phases(now: str, w: Words) -> list[Phase]:
    """All phases of a run; those before the present one are done."""
    at = PHASES.index(now) if now in PHASES else len(PHASES)
    return [
        Phase(of_phase(phase, w), "done" if number < at else "now" if number == at else "later")
        for number, phase in enumerate(PHASES)
    ]
