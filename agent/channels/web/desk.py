"""What the callbacks work with: the house, who answers, and the chat's own parts."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agent.channels.web.cards import Cards
from agent.channels.web.follow import Follow
from agent.channels.web.history import History
from agent.channels.web.turns import Turns
from agent.events import Event
from agent.language import Language
from agent.memory import FileRef
from core.identity import Caller
from tools.base import House


class Conversation(Protocol):
    def reply(self, text: str, files: Sequence[FileRef] = ()) -> AsyncIterator[Event]: ...


Converse = Callable[[House, Caller, str, Language], Conversation]
"""House, caller, thread and language of the page: `agent.session.Session`."""


@dataclass(frozen=True)
class Desk:
    house: House
    converse: Converse
    history: History
    cards: Cards
    follow: Follow
    turns: Turns = field(default_factory=Turns)
