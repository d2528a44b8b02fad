"""Sentences recognised by their template: what was English with values in it becomes Chinese.

The rooms below `agent/` raise, keep and log plain English. A sentence like `Row 7 has 3 fields` is
matched against `Row {} has {} fields`, and its values are put into the pair of that template.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

HOLE = "{}"


@dataclass(frozen=True)
class Template:
    source: str
    target: str

    @property
    def literal(self) -> str:
        """Its longest piece without a hole: what a sentence must contain to be this one."""
        return max(self.source.split(HOLE), key=len)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile("(.*?)".join(map(re.escape, self.source.split(HOLE))), re.DOTALL)


class Recognised:
    """A catalogue of templates. Call it with a sentence to get its pair."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        templates = [Template(source, target) for source, target in pairs.items()]
        self.templates = sorted(templates, key=lambda one: -len(one.source.replace(HOLE, "")))

    def __call__(self, sentence: str) -> str:
        for template in self.templates:
            if template.literal not in sentence:
                continue
            if match := template.pattern.fullmatch(sentence):
                return template.target.format(*map(self, match.groups()))
        return sentence
