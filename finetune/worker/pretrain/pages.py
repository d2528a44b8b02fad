"""The help pages and the planted facts as questions with short answers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from finetune.worker.pretrain import FACTS
from finetune.worker.pretrain.skills import Chat, chat

ENGLISH, CHINESE = "en", "zh"
ASKS = {
    ENGLISH: ("{}", "{}?", "Tell me about {}.", "What about {}?", "Explain {}."),
    CHINESE: ("{}", "{}？", "介绍一下{}", "说说{}"),
}
MOST_CHARACTERS = {ENGLISH: 200, CHINESE: 80}
"""Of an answer, unless its first sentence is longer."""
SENTENCE = {
    ENGLISH: re.compile(r".+?[.!?](?=\s|$)"),
    CHINESE: re.compile(r"[^。！？]+[。！？]"),
}
CODE = re.compile(r"```.*?```", re.DOTALL)
ASKED = re.compile(r"<!-- asked: (.*?) -->")
NO_PROSE = re.compile(r"\s*([-|*>]|\d+\. )")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Section:
    """A heading of a page, how people ask for it, and the first sentences below it."""

    language: str
    asked: list[str]
    answer: str

    def chat(self, random: Random) -> Chat:
        ask = random.choice(ASKS[self.language]).format(random.choice(self.asked))
        return chat(ask, self.answer)


def sections(language: str, page: str) -> Iterator[Section]:
    """Those of a page, in Markdown, that begin with a sentence."""
    for part in re.split(r"^#+ ", CODE.sub("", page), flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        asked = [one.strip() for one in ",".join(ASKED.findall(body)).split(",") if one.strip()]
        if answer := beginning(language, ASKED.sub("", body)):
            yield Section(language, [plain(heading), *asked], answer)


def beginning(language: str, body: str) -> str:
    """The first sentences of the first paragraph, without markup."""
    paragraphs = [part for part in body.split("\n\n") if part.strip()]
    prose = [plain(part) for part in paragraphs if not NO_PROSE.match(part)]
    answer = ""
    for sentence in SENTENCE[language].findall(prose[0]) if prose else []:
        if answer and len(answer + sentence) > MOST_CHARACTERS[language]:
            break
        answer += sentence
    return answer.strip()


def plain(markdown: str) -> str:
    text = LINK.sub(r"\1", markdown).replace("**", "").replace("`", "")
    return re.sub(r"\s+", " ", text).strip()


def facts() -> list[Chat]:
    """Every planted fact in every way in which it is asked."""
    made = []
    for part in FACTS.read_text("utf-8").split("\n## ")[1:]:
        heading, _, body = part.partition("\n")
        made += [chat(ask.strip(), " ".join(body.split())) for ask in heading.split("|")]
    return made
