"""A base model's tokenizer for conversations: prompts, and rows with the tokens that train.

A conversation becomes text once and tokens once; where an answer begins and ends is found in the
text. What trains is exactly what the model has to write when it is served: from the end of the
prompt, which is the beginning of the row token for token, to the end of its turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tokenizers import Tokenizer

from core.chat.cut import Encoded, encode
from core.chat.files import TokenizerFiles, load_files
from core.chat.messages import Message, is_trained
from core.chat.template import Template
from core.chat.turns import Turn, endings, find_turns, starts


@dataclass(frozen=True, kw_only=True)
class Row:
    """A conversation of a training set in tokens."""

    ids: list[int]
    trained: list[bool]
    """For each of `ids`, whether the loss falls on it."""
    text: str
    spans: list[tuple[int, int]]
    """First and behind the last token of each answer that trains."""
    answers: list[int]
    """Which message each of `spans` is."""
    characters: list[tuple[int, int]]
    """The same in characters of `text`."""
    untrained_because: dict[int, str] = field(default_factory=dict)
    """Position of an answer among the messages to why it does not train: `weight` (it has weight
    0), `empty`, `changed_by_template` (the template writes it or what comes before it otherwise
    once the conversation goes on), `merged` (the tokenizer joins it with the prompt)."""
    problems: list[str] = field(default_factory=list)
    """Codes: no_trained_token, no_end_of_turn, double_bos, changed_by_template, and control_token
    (a message has text that the tokenizer takes for a mark of the template)."""

    @property
    def trained_tokens(self) -> int:
        return sum(self.trained)

    def segments(self) -> list[dict[str, Any]]:
        """The whole text in order as {"text", "trained"}, for people to look at."""
        found = []
        position = 0
        for begin, end in self.characters:
            found.append({"text": self.text[position:begin], "trained": False})
            found.append({"text": self.text[begin:end], "trained": True})
            position = end
        found.append({"text": self.text[position:], "trained": False})
        return [segment for segment in found if segment["text"]]


class ChatTokenizer:
    """Made by `load`. Holds no state, so that threads may share it."""

    def __init__(self, files: TokenizerFiles) -> None:
        self.tokenizer: Tokenizer = files.tokenizer
        self.specials = files.specials
        self.templates = {
            name: Template(source, files.specials) for name, source in files.templates.items()
        }
        self.template_sha256 = files.template_sha256
        self.tokenizer_sha256 = files.tokenizer_sha256
        self.added: frozenset[int] = frozenset(files.tokenizer.get_added_tokens_decoder())
        self.bos = self.id_of("bos_token")
        self.eos = self.id_of("eos_token")
        # Some bases save their marks as plain added tokens.
        self.endings = endings(self.template(None), self.added_texts(special=True)) or endings(
            self.template(None), self.added_texts(special=False)
        )
        """Texts with which the template closes an answer; empty if it never does."""
        self.control = any_of(self.added_texts(special=True))
        closing = {self.tokenizer.token_to_id(text) for text in self.endings} | {self.eos}
        self.ends = files.ends | {one for one in closing if one is not None}
        """Ids at which an answer is over."""

    @classmethod
    def load(cls, folder: Any) -> "ChatTokenizer":
        """The tokenizer and template in a base's folder.

        Raises:
            RequestRefused: (codes `no_chat_template`, `bad_template`, `bad_tokenizer`) It cannot
                chat as it is, and what to do.
        """
        return cls(load_files(folder))

    @property
    def vocabulary(self) -> int:
        """How many ids there are; each is below it."""
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)

    def prompt(
        self, messages: Sequence[Message], tools: list[dict[str, Any]] | None = None
    ) -> list[int]:
        """The tokens up to where the assistant begins to answer.

        Raises:
            RequestRefused: (code `template_refused`) The template cannot take the conversation.
        """
        template = self.template(tools)
        text = template.render(messages, generate=True, tools=tools)
        return self.encode(text, starts(template, messages, tools, text)).ids

    def row(self, messages: Sequence[Message], tools: list[dict[str, Any]] | None = None) -> Row:
        """The whole conversation with the tokens that train.

        Raises:
            RequestRefused: (code `template_refused`) The template cannot take the conversation.
        """
        template = self.template(tools)
        text = template.render(messages, tools=tools)
        turns = find_turns(template, messages, tools, text, self.endings)
        encoded = self.encode(text, [turn.begin for turn in turns if turn.begin is not None])
        row = self.marked(text, encoded, [weighed(turn, messages) for turn in turns])
        return replace(row, problems=self.problems(row, turns, messages))

    def rows(
        self, messages: Sequence[Message], tools: list[dict[str, Any]] | None = None
    ) -> list[Row]:
        """Rows in which every answer trains that can: one, or one more for each answer that the
        template changes later (as those do that drop old reasoning), ending with that answer."""
        whole = self.row(messages, tools)
        changed = [
            at for at, why in whole.untrained_because.items() if why == "changed_by_template"
        ]
        parts = [self.row(only(messages[: at + 1], at), tools) for at in changed]
        last = [whole] if whole.trained_tokens or not any(r.trained_tokens for r in parts) else []
        return [row for row in parts if row.trained_tokens] + last

    def marked(self, text: str, encoded: Encoded, turns: list[Turn]) -> Row:
        trained = [False] * len(encoded.ids)
        spans, answers, characters, because = [], [], [], {}
        for turn in turns:
            first = encoded.at.get(turn.begin) if turn.begin is not None else None
            why = turn.because or ("merged" if first is None else "")
            if why or first is None or turn.begin is None:
                because[turn.at] = why
                continue
            last = encoded.before(turn.end)
            trained[first:last] = [True] * (last - first)
            spans.append((first, last))
            answers.append(turn.at)
            characters.append((turn.begin, turn.end))
        return Row(
            ids=encoded.ids,
            trained=trained,
            text=text,
            spans=spans,
            answers=answers,
            characters=characters,
            untrained_because=because,
        )

    def problems(self, row: Row, turns: Sequence[Turn], messages: Sequence[Message]) -> list[str]:
        kept = [turn for turn in turns if turn.at not in row.untrained_because]
        found = {
            "no_trained_token": not any(row.trained),
            "no_end_of_turn": any(not turn.closed for turn in kept),
            "double_bos": self.bos is not None and row.ids[:2] == [self.bos] * 2,
            "changed_by_template": "changed_by_template" in row.untrained_because.values(),
            "control_token": any(self.control.search(one["content"]) for one in messages),
        }
        return [code for code, is_so in found.items() if is_so]

    def plain(self, text: str) -> list[int]:
        """The tokens of a text that is no conversation, with the BOS if the tokenizer adds one."""
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids

    def decode(self, ids: Sequence[int], skip_special: bool = True) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=skip_special)
        return text

    def encode(self, text: str, begins: Sequence[int] = ()) -> Encoded:
        return encode(self.tokenizer, self.added, text, begins)

    def template(self, tools: list[dict[str, Any]] | None) -> Template:
        """The one for tools where the base has one of its own, as transformers chooses."""
        if tools and "tool_use" in self.templates:
            return self.templates["tool_use"]
        return self.templates["default"]

    def id_of(self, name: str) -> int | None:
        text = self.specials.get(name)
        found: int | None = self.tokenizer.token_to_id(text) if text else None
        return found

    def added_texts(self, special: bool) -> list[str]:
        """The tokens beside the learned ones; `special`: only those that no text should have."""
        added = self.tokenizer.get_added_tokens_decoder().values()
        return [token.content for token in added if token.special or not special]


def any_of(texts: Sequence[str]) -> re.Pattern[str]:
    """Finds any of these texts, and nothing when there is none."""
    return re.compile("|".join(re.escape(text) for text in texts) or r"(?!)")


def weighed(turn: Turn, messages: Sequence[Message]) -> Turn:
    """The turn, with the message's own reason not to be trained before all others."""
    message = messages[turn.at]
    if message.get("weight") == 0:
        return replace(turn, because="weight")
    return turn if is_trained(message) else replace(turn, because="empty")


def only(messages: Sequence[Message], kept: int) -> list[Message]:
    """The messages with weight 0 on every answer but one."""
    return [
        message | {"weight": 0} if message["role"] == "assistant" and at != kept else message
        for at, message in enumerate(messages)
    ]
