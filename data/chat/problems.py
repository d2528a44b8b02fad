"""What is wrong or worth knowing about a chat dataset, each with its rows and what to do."""

from typing import Any

from data.chat.splits import Splits
from data.chat.talks import Talks


def find(main: Talks, splits: Splits) -> list[dict[str, Any]]:
    """All problems of the rows, the heavier first."""
    return []
