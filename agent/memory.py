"""What was said in a thread, as records, and as the messages that a model reads.

Messages are kept in our own form and built anew on reading: nothing a user or model wrote is
ever unpickled or revived as an object.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from sqlalchemy import select

from agent import fence
from core.identity import Caller
from core.records import tables
from core.records.database import Database

Json = dict[str, Any]
KEPT_MESSAGES = 80
KEPT_CHARACTERS = 60_000
"""How much of a thread a model reads again; the older part is left out by whole turns."""
OLD_RESULT_CHARACTERS = 2_000
"""Of a result in an earlier turn: what is said about it now is looked up again."""
TIGHT_CHARACTERS = 1_500
"""Of each result, once a model has said that all is more than it can read."""
INTERRUPTED = (
    "This call was interrupted; whether it took effect is not known. Look before repeating."
)


@dataclass(frozen=True)
class Memory:
    """One thread of one owner."""

    database: Database
    caller: Caller
    thread_id: str

    def load(self) -> list[BaseMessage]:
        """The newest messages, the oldest first, beginning with words of the user."""
        mine = (
            tables.Message.owner == self.caller.user,
            tables.Message.project == self.caller.project,
            tables.Message.thread_id == self.thread_id,
        )
        query = select(tables.Message).where(*mine).order_by(tables.Message.id.desc())
        with self.database.read() as session:
            rows = session.scalars(query.limit(KEPT_MESSAGES)).all()
        messages = [from_record(row.content) for row in reversed(rows)]
        return repaired(shortened([cut(message, OLD_RESULT_CHARACTERS) for message in messages]))

    def add(self, messages: Iterable[BaseMessage]) -> None:
        with self.database.write() as session:
            for message in messages:
                session.add(
                    tables.Message(
                        owner=self.caller.user,
                        project=self.caller.project,
                        thread_id=self.thread_id,
                        content=to_record(message),
                    )
                )

    def note(self, text: str) -> None:
        """Remember what was posted to the thread by us, such as the report of a run."""
        self.add([AIMessage(text)])


@dataclass(frozen=True)
class FileRef:
    """A file attached to a message, already uploaded."""

    id: str
    filename: str


def spoken(text: str, files: Sequence[Json] = ()) -> HumanMessage:
    """The user's words; a model reads the names of attached files below them."""
    listed = json.dumps(list(files), ensure_ascii=False)
    shown = f"{text}\n\nAttached files: {listed}" if files else text
    return HumanMessage(shown, additional_kwargs={"said": text, "files": list(files)})


def to_record(message: BaseMessage) -> Json:
    if isinstance(message, HumanMessage):
        extra = message.additional_kwargs
        return {"role": "user", "text": extra["said"], "files": extra["files"]}
    if isinstance(message, ToolMessage):
        return {
            "role": "tool",
            "text": str(message.text),
            "call_id": message.tool_call_id,
            "name": message.name or "",
            "status": message.status,
        }
    assert isinstance(message, AIMessage)
    calls = [{"id": c["id"], "name": c["name"], "args": c["args"]} for c in message.tool_calls]
    return {"role": "assistant", "text": str(message.text), "calls": calls}


def from_record(content: Json) -> BaseMessage:
    if content["role"] == "user":
        return spoken(content["text"], content["files"])
    if content["role"] == "tool":
        return ToolMessage(
            content["text"],
            tool_call_id=content["call_id"],
            name=content["name"],
            status=content["status"],
        )
    return AIMessage(content["text"], tool_calls=content["calls"])


def shortened(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The newest turns that fit, whole."""
    starts = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    for start in starts:
        if sum(map(characters, messages[start:])) <= KEPT_CHARACTERS:
            return messages[start:]
    return messages[starts[-1] :] if starts else []


def characters(message: BaseMessage) -> int:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return len(str(message.text)) + sum(len(str(made["args"])) for made in calls)


def tightened(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """What must be read to answer the last words of the user, for a model that cannot read all.

    Earlier turns go; results of this turn keep their beginning.
    """
    said = [at for at, message in enumerate(messages) if isinstance(message, HumanMessage)]
    start = said[-1] if said else 0
    system = [message for message in messages[:start] if isinstance(message, SystemMessage)]
    return [*system, *(cut(message, TIGHT_CHARACTERS) for message in messages[start:])]


def cut(message: BaseMessage, most: int) -> BaseMessage:
    """The message; a tool's result longer than `most` characters keeps its beginning."""
    if not isinstance(message, ToolMessage) or len(str(message.text)) <= most:
        return message
    return message.model_copy(update={"content": fence.cut(str(message.text), most)})


def repaired(messages: list[BaseMessage]) -> list[BaseMessage]:
    """With an answer to each tool call, and no answer without its call: models insist on both."""
    answers = {m.tool_call_id: m for m in messages if isinstance(m, ToolMessage)}
    whole: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            continue
        whole.append(message)
        for made in message.tool_calls if isinstance(message, AIMessage) else []:
            missing = ToolMessage(
                INTERRUPTED, tool_call_id=made["id"], name=made["name"], status="error"
            )
            whole.append(answers.get(str(made["id"]), missing))
    return [m for m in whole if not empty(m)]


def empty(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) and not message.text and not message.tool_calls
