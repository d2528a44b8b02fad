"""Numbers of a model's config.json, under whichever name its family writes them."""

from typing import Any

from finetune.bases.safetensors import refused


def whole(config: dict[str, Any], *names: str) -> int:
    """The first of these that is there. Raises RequestRefused when none is."""
    found = whole_or_none(config, *names)
    if found is None:
        raise refused(f"Its config.json does not say {names[0]}.", "Give the complete config.")
    return found


def whole_or_none(config: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and 0 < value < 100_000_000:
            return value
    return None
