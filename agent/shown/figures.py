"""Figures as people read them."""

from typing import Any


def count(number: float | None) -> str:
    return "–" if number is None else f"{number:,}"


def percent(share: float | None) -> str:
    """`93.4 %` of 0.934."""
    return "–" if share is None else f"{100 * share:.1f} %"


def interval(pair: list[float] | None) -> str:
    """`92.5 – 94.2 %` of [0.925, 0.942]."""
    return "–" if not pair else f"{100 * pair[0]:.1f} – {100 * pair[1]:.1f} %"


def seconds(value: float | None) -> str:
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def minutes(value: float) -> str:
    return seconds(60 * value)


def size(number: float | None) -> str:
    """Bytes in the largest fitting unit."""
    if number is None:
        return "–"
    for unit in ("B", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"


def setting(value: Any) -> str:
    """A parameter's value: 0.0002 as `0.0002`, 1e-06 as it is, text as text."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def excerpt(text: str, most: int = 160) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
