"""Values inside a request: hyperparameters, columns, given names, numbers."""

import re
from typing import Any

from agent.understanding.plan import Arguments
from agent.understanding.text import normal, tidy, word_set
from core.names import name_from_file

NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "twelve": "12", "sixteen": "16", "twenty": "20",
    "thirty": "30", "thirty-two": "32", "一": "1", "两": "2", "二": "2", "三": "3", "四": "4",
    "五": "5", "十": "10", "once": "1", "twice": "2",
}  # fmt: skip
NUMERAL = r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?|-?\.\d+"
VALUE = rf"(?P<value>{NUMERAL}|{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})"
KNOBS = {
    "epochs": r"epochs?|passes|pass|num[_ ]train[_ ]epochs|n[_ ]epochs|rounds|轮|个?epoch",
    "rank": r"(?:lora[_ -])?rank|lora[_ ]r|\br|秩",
    "learning_rate": r"learning[_ -]?rate|\blr|step size|学习率",
    "head_learning_rate": r"head[_ ](?:learning[_ -]?rate|lr)",
    "batch_size": r"batch(?:es)?[_ -]?(?:size)?s?|\bbs|批大小|批次大小|批量",
    "seed": r"(?:random[_ ])?seed|随机种子|种子",
    "max_length": r"max(?:imum)?[_ -]?(?:sequence[_ ]|seq[_ ]|token[_ ]|text[_ ])?(?:length"
    r"|len|tokens)"
    r"|sequence length|最大长度",
    "alpha": r"(?:lora[_ ])?alpha",
    "weight_decay": r"weight[_ ]decay",
    "dropout": r"(?:lora[_ ])?dropout",
    "warmup_ratio": r"warm[- _]?up(?:[_ ]ratio)?",
    "label_smoothing": r"label[_ ]smoothing",
    "average": r"(?:weight[_ ])?averag(?:e|ing)",
    "clip": r"(?:gradient[_ ])?clip(?:ping)?",
}
LINK = r"\s*(?:=|:|of|to|is|at|should be|设为|设成|为|是)?\s*"
PREFERS_BEFORE = ("epochs",)
"""Said number first: "5 epochs"; the others mostly name first: "rank 8"."""


def number(text: str) -> int | float:
    plain = NUMBER_WORDS.get(text, text).replace(",", "")
    return int(plain) if re.fullmatch(r"-?\d+", plain) else float(plain)


def hyperparameters(text: str) -> Arguments:
    """Only the settings that were given, such as {"rank": 8, "learning_rate": 0.0002}."""
    return knobs(text)[0] | base_model(text)


def without_hyperparameters(text: str) -> str:
    """The normal text without its settings: `weight decay 0.1` is not about weights."""
    return knobs(text)[1]


def knobs(text: str) -> tuple[Arguments, str]:
    """The numbers that were set, and the text without them."""
    rest = re.sub(r"\btwice\b|\bonce\b(?=\s+(?:over|through))", r"\g<0> epochs", normal(text))
    found: Arguments = {}
    for knob in sorted(KNOBS, key=lambda name: name == "learning_rate"):
        after = rf"(?:{KNOBS[knob]})\b{LINK}{VALUE}(?![a-z0-9_@])"
        before = rf"(?<![a-z0-9_.@-]){VALUE}(?: as (?:the )?|[ -]*)(?:{KNOBS[knob]})(?![a-z])"
        order = (before, after) if knob in PREFERS_BEFORE else (after, before)
        if knob == "rank":
            order = (after, before.replace(r"|\br|", "|"))
        for pattern in order:
            match = re.search(rf"(?<![a-z]){pattern}" if pattern == after else pattern, rest)
            if match:
                found[knob] = number(match["value"])
                rest = rest[: match.start()] + " ; " + rest[match.end() :]
                break
    return {knob: found[knob] for knob in KNOBS if knob in found}, rest


BASE_MODEL = re.compile(
    r"\b(?:base(?: model)?|starting (?:from|with)|on top of|based on|backbone)\s*(?:=|:|is|of)?\s*"
    r"(?:the )?[\"'`]?(?P<name>[a-z][\w./-]*[\w])[\"'`]?(?: base\b)?",
    re.IGNORECASE,
)
NOT_BASES = word_set(
    "it this that these those the a an my model models on too also as and"
    " with for which what is "
    "file data dataset labels text line lines base column"
)


def base_model(text: str) -> Arguments:
    """The base model when one is named: `with base minilm`, `base_model=bert-small`."""
    plain = tidy(text).replace("base_model", "base model")
    for match in BASE_MODEL.finditer(plain):
        name = match["name"].lower()
        if name not in NOT_BASES and not name.startswith("http"):
            return {"base_model": name}
    return {}


# Columns -----------------------------------------------------------------------------------

COLUMN = r"[`\"'](?P<quoted>[^`\"']+)[`\"']|(?P<bare>[A-Za-z_][\w.-]*|[\u3400-\u9fff]{1,8})"
ROLES = {
    "text": r"texts?|messages?|inputs?|sentences?|content|文本",
    "label": r"labels?|class(?:es)?|categor(?:y|ies)|targets?|answers?|标签|类别",
}
ROLE_PREFIX = r"(?:the |my |an? )?"
NOT_COLUMNS = word_set(
    "the a an in as and is are it this that column columns col field text"
    " label labels class "
    "classes category for of to with from on them then file data dataset used by should be your "
    "my test train which what called named both each one two not"
)


def column_patterns(role: str) -> list[str]:
    """Ways to say which column plays a role, the most explicit first. COLUMN is the value."""
    word = ROLES[role]
    of_column = r"(?:the |my )?(?:columns? |field )?(?:called |named )?"
    return [
        rf"(?:{word}) ?(?:columns?|field) ?(?:is |= ?|: ?|are |should be )?(?:called |named"
        rf" )?(?:{COLUMN})",
        rf"(?:{word}) (?:is|are|comes?|stands?|lies?|live|lives|sits?|found)? ?"
        rf"(?:in|from|under) {of_column}(?:{COLUMN})",
        rf"(?:{COLUMN}) (?:columns? |field )?(?:as|for) {ROLE_PREFIX}(?:{word})\b",
        rf"(?:{COLUMN}) (?:columns? |field )?(?:is|are|has|holds|contains)"
        rf" {ROLE_PREFIX}(?:{word})\b",
        rf"(?:{COLUMN}) \((?:the )?(?:{word})\)",
        rf"\b(?:{word}) ?[=:] ?(?:{COLUMN})",
        rf"(?:{word}) (?:is|are) {of_column}(?:{COLUMN})",
        rf"(?:{word})(?:列)?(?:在|是|为|用) ?(?:{COLUMN})(?: ?列)?",
    ]


def columns(text: str) -> dict[str, str]:
    """Role to column as it is spelt, such as {"text": "body", "label": "queue"}."""
    plain = tidy(text)
    found = {}
    for role in ROLES:
        value = first_column(plain, role)
        if value:
            found[role] = value
    return found | {role: value for role, value in by_task(plain).items() if role not in found}


def first_column(text: str, role: str) -> str | None:
    for pattern in column_patterns(role):
        for match in re.finditer(pattern, text, re.IGNORECASE):
            value = match["quoted"] or match["bare"]
            if match["quoted"] or value.lower() not in NOT_COLUMNS:
                return value.rstrip(".")
    return None


BY_TASK = re.compile(
    r"\b(?:predict|guess|recognise|recognize|infer)s? (?:the )?(?P<label>[`\"'][^`\"']+[`\"']|\w+)"
    r" (?:column )?(?:from|by|given|out of) (?:the )?(?P<text>[`\"'][^`\"']+[`\"']|\w+)",
    re.IGNORECASE,
)


def by_task(text: str) -> dict[str, str]:
    """`predict queue from body` names both columns."""
    match = BY_TASK.search(text)
    if not match:
        return {}
    pair = {role: match[role].strip("`\"'") for role in ("text", "label")}
    return {} if {value.lower() for value in pair.values()} & NOT_COLUMNS else pair


# Names that are given ----------------------------------------------------------------------

GIVEN = re.compile(
    r"(?:\b(?:call|name|label|title) (?:it|this|that|them|the \w+|this \w+|my \w+) "
    r"|\b(?:called|named|titled|nam(?:e|ing) ?[=:]|under the name(?: of)?|with the name|by the name"
    r"|name (?:should be|is|it)|its name is|the name)\s+|(?:名为|命名为|叫做|叫|取名|名字是)\s*)"
    r"(?:as |just |simply )?(?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[\w@][\w.@-]*))",
    re.IGNORECASE,
)
AS_NAME = re.compile(
    r"\b(?:as|under) (?:an? |the )?(?:(?:endpoint|api|dataset|service|name) )?"
    r"(?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[A-Za-z][\w.-]*))",
    re.IGNORECASE,
)
NOT_NAMES = word_set(
    "it this that the a an text texts label labels column and then soon well"
    " one my dataset model "
    "endpoint api service base baseline usual before is fast possible default data file label test "
    "training train validation input target class category live out off over up down out again on "
    "in of for by using called named please now first too again then out instead today new mine"
)


OF_COLUMN = re.compile(r"\b(?:columns?|fields?|labels?|texts?)(?: (?:is|are))? $", re.IGNORECASE)


def given_name(text: str, *, after_as: bool = False) -> str | None:
    """The name to give: `call it tickets`; with `after_as` also `deploy it as support`.

    Made to fit the rule of names, as a file's would be.
    """
    text = tidy(text)
    patterns = [GIVEN, AS_NAME] if after_as else [GIVEN]
    for pattern in patterns:
        for match in pattern.finditer(text):
            value = match["quoted"] or match["bare"].rstrip(".")
            about_column = OF_COLUMN.search(text[: match.start()])
            if not about_column and (match["quoted"] or value.lower() not in NOT_NAMES):
                return fitted(value)
    return None


def fitted(value: str) -> str:
    """The value as a name; dots and underscores that a name may have are kept."""
    lowered = value.lower().strip()
    kept = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", lowered)
    return lowered.rstrip(".") if kept else name_from_file(value + ".")


def passages_wanted(text: str) -> int | None:
    """How many passages were asked for: `top 5`, `k=3`, `give me 4 passages`."""
    match = re.search(
        r"\b(?:top|best|k ?=)\s*(\d+)|\b(\d+) (?:passages|results|hits)", normal(text)
    )
    return int(match[1] or match[2]) if match else None


def compact(**arguments: Any) -> Arguments:
    """The arguments that have a value."""
    return {name: value for name, value in arguments.items() if value not in (None, "", {}, [])}
