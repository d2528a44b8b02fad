"""Figures in prose: percentages, decimals, money, durations, sizes, and counts of things we have.

Only what claims something is a figure. The numbers of lists, citations, names, versions, dates,
addresses and code are none; a whole number counts when a word beside it says what it counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["percent", "seconds", "bytes", "plain"]


@dataclass(frozen=True)
class Figure:
    """`start` and `end` count characters of the text, unit included."""

    text: str
    start: int
    end: int
    kind: Kind
    value: float
    """A share for a percentage, seconds for a duration, bytes for a size."""
    step: float
    """What one more in the last digit written is worth: how exact it claims to be."""
    whole: bool = False
    """A count, which is not rounded."""
    parameter: bool = False
    """A setting of a training, such as a rank or a number of epochs."""


NUMBER = re.compile(
    r"\d{1,3}(?:[,，  ]\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[-+]?\d\d?(?!\d))?|\.\d+", re.I
)
NOT_AFTER = re.compile(r"[A-Za-z_@#/\\:](?<!: )$|\d[.,]$|[A-Za-z]-$")
"""What directly before a number makes it a part of something else."""
NOT_BEFORE = re.compile(r"[A-Za-z_@]|[.:/]\d|-[A-Za-z]")

WORDS: tuple[tuple[str, Kind, float], ...] = (
    (r"%|％|percent(?:age points?)?|个百分点", "percent", 0.01),
    (r"milliseconds?|ms|毫秒", "seconds", 0.001),
    (r"seconds?|secs?|s|秒", "seconds", 1.0),
    (r"minutes?|mins?|m(?= ?\d+ ?s)|分钟|分(?= ?\d)", "seconds", 60.0),
    (r"hours?|hrs?|h|个?小时", "seconds", 3_600.0),
    (r"days?|天", "seconds", 86_400.0),
    (r"bytes?|字节", "bytes", 1.0),
    (r"[kK]i?B", "bytes", 1e3),
    (r"[mM]i?B", "bytes", 1e6),
    (r"[gG]i?B", "bytes", 1e9),
    (r"[tT]i?B", "bytes", 1e12),
)
UNITS = [
    (re.compile(rf"[ -]?(?:{words})(?![A-Za-z])"), kind, worth) for words, kind, worth in WORDS
]
MULTIPLE = re.compile(r"[ ]?(k|K|thousand|million|万|亿)(?![A-Za-z])")
WORTH = {"k": 1e3, "K": 1e3, "thousand": 1e3, "million": 1e6, "万": 1e4, "亿": 1e8}
MONEY = re.compile(r"[ ]?(?:USD|EUR|CNY|RMB|GBP|dollars?|euros?|cents?|元|美元|欧元)(?![A-Za-z])")
THINGS = re.compile(
    r"[ -]?(?:(?:[A-Za-z]+[ -]){0,2}?(?:rows?|examples?|samples?|texts?|labels?|class(?:es)?"
    r"|columns?|steps|epochs?|tokens?|requests?|errors?|problems?|duplicates?|conflicts?|runs?"
    r"|models?|datasets?|endpoints?|documents?|passages?|chunks?|files?|approvals?|points?"
    r"|parameters?|intents?|predictions?|mistakes?|times|x)(?![A-Za-z])"
    r"|(?:行|条|列|步|轮|倍)|(?:个|次|项|份|类)?[一-鿿]{0,4}?(?:数据|样本|标签|类别|问题|错误|请求"
    r"|端点|模型|任务|文档|段落|文件|批准))"
)
EPOCHS = re.compile(r"[ -]?(?:[a-z]+ )?(?:epochs?|轮)")
IS = (
    r"(?:\s*(?:of|is|was|are|were|at|to|about|around|only|reached|reaches|=|:|：|为|是|达到|约|到|了))*"
    r"\s*$"
)
PARAMETER = re.compile(
    rf"(?:\brank|\bepochs?|learning rate|batch size|\bseed|\balpha|\bdropout"
    rf"|秩|轮数|学习率|批大小|种子){IS}",
    re.I,
)
MEASURE = re.compile(
    rf"(?:accuracy|\bf1|precision|recall|\bloss|\bscore|probability|confidence|latency|\bp\d\d"
    rf"|\bstep|准确率|损失|概率|置信度|延迟|得分|分数|第){IS}",
    re.I,
)
OUT_OF = re.compile(r"\d (?:of|out of) (?:the )?$")
LARGEST = 1e100
"""What is larger measures nothing; with such numbers no difference would be seen any more."""
FEW_STEPS = 10
"""As many steps may be those of an instruction."""

NO_CLAIM = [
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"```.*?(?:```|\Z)", re.S),
        (r"`[^`\n]*[A-Za-z_一-鿿][^`\n]*`", 0),
        (r"https?://\S+|(?<!\w)/[\w./#?=&-]+", 0),
        (r"[\[【]\d+(?:[,，、 -]+\d+)*[\]】]", 0),
        (r"^[ \t>*#-]*\d+[.)、：](?=\s|\*)", re.M),
        (
            r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{4} ?年(?: ?\d+ ?月)?(?: ?\d+ ?日)?|\d+ ?月 ?\d+ ?日",
            0,
        ),
        (r"\b\d{1,2}:\d{2}(?::\d{2})?\b|\b\d{1,2} ?[ap]\.?m\b", re.I),
        (r"\d+(?:\.\d+){2,}(?::\d+)?|\d+(?:/\d+)+", 0),
        (r"\d+(?:st|nd|rd|th)\b|\d+(?:\.\d+)?[BM]\b", 0),
        # Names with digits in them: run_1, tickets@2, F1, Qwen2.5-7B, int8.
        (r"(?<![A-Za-z0-9])[A-Za-z_][A-Za-z_.@-]*\d[A-Za-z0-9_.@-]*(?<![.-])", 0),
        (r"\b(?:option|question|example|phase|part|section|table|figure|case|chapter) \d+", re.I),
        (r"\bstep \d(?! ?(?:of|/|\d))", re.I),
        (r"第 ?\d+ ?(?:步|个|种|条|点|章|节)", 0),
    )
]


def figures(text: str) -> list[Figure]:
    """The figures of the text, in their order; parts of one duration are one figure."""
    masked = without_names(text)
    each = (figure_at(masked, match) for match in NUMBER.finditer(masked))
    return list(merged(text, [figure for figure in each if figure and figure.value <= LARGEST]))


def without_names(text: str) -> str:
    """The text with blanks for the numbers that claim nothing; every place stays the same."""
    for pattern in NO_CLAIM:
        text = pattern.sub(lambda match: re.sub(r"\S", " ", match[0]), text)
    return text


def figure_at(text: str, match: re.Match[str]) -> Figure | None:
    before, after = text[: match.start()], text[match.end() :]
    if NOT_AFTER.search(before[-3:]):
        return None
    value, step = read(match[0])
    end, worth = match.end(), 1.0
    if multiple := MULTIPLE.match(after):
        worth, end, after = WORTH[multiple[1]], end + multiple.end(), after[multiple.end() :]
    figure = Figure("", match.start(), end, "plain", value * worth, step * worth)
    if unit := unit_of(after):
        length, kind, scale = unit
        worth *= scale
        made = replace(figure, end=end + length, kind=kind, value=value * worth, step=step * worth)
        return replace(made, text=text[made.start : made.end])
    if NOT_BEFORE.match(after):
        return None
    figure = replace(figure, text=text[figure.start : end])
    return counted(figure, before, after, bool(multiple) or not match[0].isdigit())


def read(number: str) -> tuple[float, float]:
    """The value, and what its last digit stands for."""
    plain = re.sub(r"[,，  ]", "", number)
    digits, _, exponent = plain.lower().partition("e")
    decimals = len(digits.partition(".")[2])
    return float(plain), 10.0 ** (int(exponent or 0) - decimals)


def unit_of(after: str) -> tuple[int, Kind, float] | None:
    for pattern, kind, worth in UNITS:
        if match := pattern.match(after):
            return match.end(), kind, worth
    return None


def counted(figure: Figure, before: str, after: str, telling: bool) -> Figure | None:
    """A number without a unit of measure: a figure if it is told what it says.

    Args:
        telling: Whether the way it is written says that it is one: 0.93, 1,200 or 3k.
    """
    whole = figure.step == 1.0
    parameter = bool(PARAMETER.search(before[-40:]) or EPOCHS.match(after))
    money = before.endswith(("$", "€", "£", "¥", "￥")) or MONEY.match(after)
    things = THINGS.match(after)
    if things and whole and figure.value <= FEW_STEPS and re.search(r"steps$|步$", things[0]):
        return None
    part = figure.value > FEW_STEPS and OUT_OF.search(before)
    if telling or part or parameter or money or things or MEASURE.search(before[-40:]):
        return replace(figure, whole=whole, parameter=parameter)
    return None


def merged(text: str, found: list[Figure]) -> Iterator[Figure]:
    """Durations such as `2 min 30 s` as one figure."""
    last: Figure | None = None
    for figure in found:
        if last and goes_on(text, last, figure):
            span = text[last.start : figure.end]
            last = replace(figure, text=span, start=last.start, value=last.value + figure.value)
            continue
        if last:
            yield last
        last = figure
    if last:
        yield last


def goes_on(text: str, one: Figure, other: Figure) -> bool:
    between = text[one.end : other.start].strip()
    both = one.kind == other.kind == "seconds"
    return both and between in ("", "and", "零") and other.step < one.step
