"""Which language a text or a browser speaks."""

import re

from agent.language.words import Language

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")


def language_of(text: str, otherwise: Language) -> Language:
    """Chinese when the text has a Chinese character in it, otherwise what is given.

    Latin letters say little: half of a Chinese request may be names and parameters.
    """
    return "zh" if HAN.search(text) else otherwise


def language_of_tag(tag: str) -> Language:
    """The language for a tag such as `zh-CN` or `zh_TW.UTF-8`; English for what we do not speak."""
    return "zh" if tag.lower().startswith("zh") else "en"
