"""Figures as people read them, with their units in the reader's language."""

import time
from collections.abc import Iterable
from typing import Any

from agent.language import Words

NONE = "–"
MIB = 2**20


def count(number: float | None) -> str:
    return NONE if number is None else f"{number:,}"


def percent(share: float | None, w: Words) -> str:
    """`93.4 %` of 0.934."""
    return NONE if share is None else w("{number} %", number=f"{100 * share:.1f}")


def interval(pair: list[float] | None, w: Words) -> str:
    """`92.5 – 94.2 %` of [0.925, 0.942]."""
    if not pair:
        return NONE
    return w("{low} – {high} %", low=f"{100 * pair[0]:.1f}", high=f"{100 * pair[1]:.1f}")


def duration(seconds: float | None, w: Words) -> str:
    """In the unit that fits, with no more digits than anybody wants."""
    if seconds is None:
        return NONE
    if seconds < 120:
        return w("{number} s", number=f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}")
    if seconds < 7200:
        minutes = seconds / 60
        return w("{number} min", number=f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}")
    return w("{number} h", number=f"{seconds / 3600:.1f}")


def milliseconds(value: float | None, w: Words) -> str:
    return NONE if value is None else w("{number} ms", number=f"{value:.1f}")


def size(number: float | None) -> str:
    """Bytes in the largest fitting unit."""
    if number is None:
        return NONE
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def moment(timestamp: float | None, w: Words) -> str:
    """A time as the server's clock had it, such as `3 May 2026, 14:05`."""
    if timestamp is None:
        return NONE
    then = time.localtime(timestamp)
    return w(
        "{day} {month} {year}, {clock}",
        day=then.tm_mday,
        month=months(w)[then.tm_mon - 1],
        year=then.tm_year,
        clock=f"{then.tm_hour:02d}:{then.tm_min:02d}",
    )


def months(w: Words) -> list[str]:
    return [
        *(w("January"), w("February"), w("March"), w("April"), w("May"), w("June")),
        *(w("July"), w("August"), w("September"), w("October"), w("November"), w("December")),
    ]


def setting(value: Any) -> str:
    """A parameter's value: 0.0002 as `0.0002`, 1e-06 as it is, text as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def excerpt(text: str, most: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def joined(parts: Iterable[str], w: Words) -> str:
    """Sentences one after the other; Chinese ones stand without a space between them."""
    return ("" if w.language == "zh" else " ").join(part for part in parts if part)


def listed(parts: Iterable[str], w: Words) -> str:
    return ("、" if w.language == "zh" else ", ").join(part for part in parts if part)
