"""The questions every room asks of the records, with the owner in each of them."""

import re
from typing import Any, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.errors import RequestRefused, not_found
from core.identity import Caller
from core.records.tables import Owned

T = TypeVar("T", bound=Owned)
VERSION = re.compile(r"[1-9][0-9]{0,8}")
"""Longer numbers do not fit into the records."""


def owned(table: type[T], caller: Caller) -> Select[T]:
    """All rows of the caller, oldest first; add conditions to it."""
    return (
        select(table)
        .where(table.owner == caller.user, table.project == caller.project)
        .order_by(table.created_at)
    )


def get(session: Session, table: type[T], caller: Caller, identifier: str) -> T:
    """The caller's record with this id; another owner's is as unknown as none."""
    found = session.scalar(owned(table, caller).where(table.id == identifier))
    if found is None:
        known = [row.id for row in session.scalars(owned(table, caller))]
        raise not_found(kind_of(table), identifier, known[::-1])
    return found


def versioned(session: Session, table: Any, caller: Caller, ref: str) -> Any:
    """A dataset or model by `name` (its newest version) or `name@3`."""
    name, at, number = ref.partition("@")
    wanted = owned(table, caller).where(table.name == name)
    if at and not VERSION.fullmatch(number):
        raise RequestRefused(
            f"{ref[:80]!r} is not a version.",
            code="not_found",
            param=kind_of(table),
            fix=f"Write it as {name[:64]}@1.",
        )
    if at:
        wanted = wanted.where(table.version == int(number))
    rows = session.scalars(wanted).all()
    if not rows:
        known = [row.ref for row in session.scalars(owned(table, caller))]
        raise not_found(kind_of(table), ref, known[::-1])
    return max(rows, key=lambda row: row.version)


def next_version(session: Session, table: Any, caller: Caller, name: str) -> int:
    rows = session.scalars(owned(table, caller).where(table.name == name)).all()
    return max((row.version for row in rows), default=0) + 1


def kind_of(table: type[Any]) -> str:
    return table.__name__.lower()


def stamp(caller: Caller) -> dict[str, str]:
    """Owner and project, to spread into a new row."""
    return {"owner": caller.user, "project": caller.project}
