"""What the language model took, in tokens and money: counted, kept, and held below a limit."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, BaseMessage
from sqlalchemy import func, select

from agent.events import Spent
from agent.language.detect import HAN
from agent.trouble import OverLimit
from core.identity import Caller
from core.records.database import Database
from core.records.tables import Usage
from core.settings import Price

LATIN_PER_TOKEN = 4
"""Characters; a Chinese character is about one token."""


@dataclass(frozen=True)
class Use:
    """Tokens of one request to the model."""

    input: int
    output: int
    estimated: bool = False
    """The server did not say, so it was counted from the texts."""


def estimated(text: str) -> int:
    """About how many tokens a text is."""
    han = len(HAN.findall(text))
    return han + (len(text) - han + LATIN_PER_TOKEN - 1) // LATIN_PER_TOKEN


def estimated_input(messages: Sequence[BaseMessage]) -> int:
    return sum(estimated(read_by_model(message)) for message in messages)


def read_by_model(message: BaseMessage) -> str:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return f"{message.text}{calls or ''}"


@dataclass
class Ledger:
    """The uses of one turn. `add` as they come, `keep` now and then: that writes to the records."""

    database: Database
    caller: Caller
    thread_id: str
    model: str
    price: Price | None
    uses: list[Use] = field(default_factory=list)
    kept: int = 0

    def add(self, use: Use) -> None:
        self.uses.append(use)

    def keep(self) -> None:
        """Write down what was not yet: one row for each request, so that a crash forgets none."""
        fresh, self.kept = self.uses[self.kept :], len(self.uses)
        if not fresh:
            return
        with self.database.write() as session:
            session.add_all(self.row(use) for use in fresh)

    def row(self, use: Use) -> Usage:
        return Usage(
            owner=self.caller.user,
            project=self.caller.project,
            thread_id=self.thread_id,
            model=self.model,
            input_tokens=use.input,
            output_tokens=use.output,
            cost=self.price.of(use.input, use.output) if self.price else None,
            currency=self.price.currency if self.price else None,
        )

    def spent(self) -> Spent | None:
        """The sum of the turn; None when nothing was asked of the model."""
        if not self.uses:
            return None
        tokens = sum(use.input for use in self.uses), sum(use.output for use in self.uses)
        return Spent(
            model=self.model,
            input_tokens=tokens[0],
            output_tokens=tokens[1],
            cost=self.price.of(*tokens) if self.price else None,
            currency=self.price.currency if self.price else None,
            estimated=any(use.estimated for use in self.uses),
        )


def check_limit(ledger: Ledger, limit: float | None) -> None:
    """Raises OverLimit when the caller has used up today what `limit` allows."""
    if limit is None:
        return
    ledger.keep()
    used = used_today(ledger.database, ledger.caller, ledger.price)
    if used >= limit:
        raise OverLimit(used, limit, ledger.price.currency if ledger.price else None)


def used_today(database: Database, caller: Caller, price: Price | None) -> float:
    """Since midnight here: money in the price's currency, or thousands of tokens without one."""
    total = func.sum(Usage.cost if price else Usage.input_tokens + Usage.output_tokens)
    query = select(total).where(
        Usage.owner == caller.user,
        Usage.project == caller.project,
        Usage.at >= midnight(),
    )
    if price is not None:
        query = query.where(Usage.currency == price.currency)
    with database.read() as session:
        used = float(session.scalar(query) or 0)
    return used if price else used / 1_000


def midnight() -> float:
    now = datetime.datetime.now().astimezone()
    return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
