"""Long lists in pages, asked for as OpenAI's clients do: `limit`, `after` and `order`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import RequestRefused, not_found

MAX_LIMIT = 10_000
KNOWN = ("limit", "after", "order", "purpose")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which page."""

    limit: int = MAX_LIMIT
    after: str | None = None
    """The id of the last thing of the page before."""
    newest_first: bool = False
    purpose: str | None = None


def wanted(query: Mapping[str, str]) -> Wanted:
    """The page that a query string asks for. Raises RequestRefused for anything else in it."""
    for name in query:
        if name not in KNOWN:
            raise RequestRefused(
                f"There is no parameter {name[:80]!r} here.",
                code="unknown_argument",
                param=name[:80],
                fix=f"Known: {', '.join(KNOWN)}.",
            )
    order = query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise wrong("order", order, "asc (oldest first) or desc")
    return Wanted(
        limit=limit_of(query.get("limit", str(MAX_LIMIT))),
        after=query.get("after"),
        newest_first=order == "desc",
        purpose=query.get("purpose"),
    )


def limit_of(given: str) -> int:
    number = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
    if not 1 <= number <= MAX_LIMIT:
        raise wrong("limit", given, f"a whole number from 1 to {MAX_LIMIT:,}")
    return number


def page(objects: list[dict[str, Any]], wanted: Wanted) -> dict[str, Any]:
    """OpenAI's list object. Raises RequestRefused when nothing has the id `after`.

    Args:
        objects: All there are, oldest first, each with an `id`.
    """
    ordered = objects[::-1] if wanted.newest_first else objects
    if wanted.after is not None:
        ids = [one["id"] for one in ordered]
        if wanted.after not in ids:
            raise not_found("after", wanted.after, ids)
        ordered = ordered[ids.index(wanted.after) + 1 :]
    left = [one for one in ordered if wanted.purpose in (None, one["purpose"])]
    shown = left[: wanted.limit]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(left) > len(shown),
    }


def wrong(name: str, given: str, rule: str) -> RequestRefused:
    return RequestRefused(
        f"{name}={given[:40]!r} is not {rule}.",
        code="invalid_argument",
        param=name,
        fix=f"Give {rule}, or leave it out.",
    )
