"""Values inside a request: columns, given names, collections, numbers of passages."""

import re
from functools import cache
from typing import Any

from agent.understanding import columns_zh
from agent.understanding.plan import Arguments
from agent.understanding.text import HAN, normal, tidy, word_set
from core.names import name_from_file

# Columns -----------------------------------------------------------------------------------

COLUMN = (
    r"[`\"'](?P<quoted>[^`\"']+)[`\"']"
    r"|(?P<bare>(?<![a-zA-Z0-9_.-])[A-Za-z_][\w.-]{0,80}|[\u3400-\u9fff]{1,8})"
)
ROLES = {
    "text": r"texts?|messages?|inputs?|sentences?|content",
    "label": r"labels?|class(?:es)?|categor(?:y|ies)|targets?|answers?|outputs?",
}
ROLE_PREFIX = r"(?:the |my |an? )?"
NOT_COLUMNS = word_set(
    "the a an in as and is are it this that column columns col field text"
    " label labels class "
    "classes category for of to with from on them then file data dataset used by should be your "
    "my test train stored kept held given written which what called named both each one two not"
)


TO_PREDICT = (
    r"(?:want|like|need|try|trying|wish|have|going) to (?:predict|guess|learn|recogni[sz]e)"
)


@cache
def column_patterns(role: str) -> list[re.Pattern[str]]:
    """Ways to say which column plays a role, the most explicit first. COLUMN is the value."""
    word = ROLES[role]
    is_label = role == "label"
    of_column = r"(?:the |my )?(?:columns? |field )?(?:called |named )?"
    patterns = [
        rf"(?:{word}) ?(?:columns?|field) ?(?:is |= ?|: ?|are |should be )?(?:called |named"
        rf" )?(?:{COLUMN})",
        rf"(?:{word})(?: to \w+| column)? (?:is|are)? ?(?:comes?|stands?|stored|kept|held|given|"
        rf"written|lies?|live|lives|sits?|found)? ?"
        rf"(?:in|from|under) {of_column}(?:{COLUMN})",
        rf"(?:{COLUMN}) (?:columns? |field )?(?:as|for) {ROLE_PREFIX}(?:{word})(?= ?(?:[,.;!)]|"
        rf"and\b|column|$))",
        rf"(?:{COLUMN}) (?:columns? |field )?(?:is|are|has|holds|contains)"
        rf" {ROLE_PREFIX}(?:{word})\b",
        rf"(?:{COLUMN}) \((?:the )?(?:{word})\)",
        rf"\b(?:{word}) ?[=:] ?(?:{COLUMN})",
        rf"(?:{word}) (?:is|are) {of_column}(?:{COLUMN})",
        rf"(?:{word})(?:\'s|s are| is|:)? (?:in|from) {of_column}(?:{COLUMN})",
        *(
            [rf"(?:{COLUMN}) (?:column )?is (?:what|the one|the thing) .{{0,20}}\b{TO_PREDICT}"]
            * is_label
        ),
        *([rf"\b{TO_PREDICT} (?:the |my )?(?:column |field )?(?:{COLUMN})"] * is_label),
    ]
    return [re.compile(pattern, re.IGNORECASE) for pattern in patterns]


def without_columns(text: str) -> str:
    """The normal text without the names of columns: a column `verdict` asks for no verdict."""
    if re.search(r"\?\s*$|^(?:which|what|is|are|how|does|do|did)\b", text):
        return text
    named = {value.lower() for value in columns(text).values()}
    return re.sub(
        rf"(?<![\w-])(?:{'|'.join(map(re.escape, named)) or '(?!)'})(?![\w-])", "xcolumnx", text
    )


def columns(text: str) -> dict[str, str]:
    """Role to column as it is spelt, such as {"text": "body", "label": "queue"}."""
    plain = tidy(text)
    found = columns_zh.columns(plain) if HAN.search(plain) else {}
    for role in (role for role in ROLES if role not in found):
        value = first_column(plain, role)
        if value:
            found[role] = value
    return found | {role: value for role, value in by_task(plain).items() if role not in found}


HOW = re.compile(r"\b(?:how|whether|why|if) (?:the |my |all )?$", re.IGNORECASE)
"""Before `labels are distributed`, which names no column."""


def is_column(value: str, said: str) -> bool:
    """Whether a word such as `text` is called a column outright."""
    if value.lower() not in ("text", "label", "class", "category", "target"):
        return False
    return bool(re.search(rf"(?:columns?|fields?):? {value}\b|{value} ?列", said))


def first_column(text: str, role: str) -> str | None:
    for pattern in column_patterns(role):
        for match in pattern.finditer(text):
            value = match["quoted"] or match["bare"]
            if HOW.search(text[: match.start()]):
                continue
            if match["quoted"] or value.lower() not in NOT_COLUMNS or is_column(value, match[0]):
                return value.rstrip(".")
    return None


BY_TASK = re.compile(
    r"\b(?:predict|guess|recognise|recognize|infer)s? (?:the )?(?:column |field "
    r")?(?P<label>[`\"'][^`\"']+[`\"']|\w+)"
    r" (?:column )?(?:from|by|given|out of) (?:the )?(?:column |field "
    r")?(?P<text>[`\"'][^`\"']+[`\"']|\w+)",
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
    r"|name (?:should be|is|it|=)|its name is|the name|name)\s+"
    r"|(?:名为|命名为?|叫做|叫作|叫|取名[为叫]?|起名[为叫]?|起个名字?叫?|名字?[就是叫为用取]*|"
    r"名称[就是叫为用]*|"
    r"name ?[是用叫为]|存为|存成|保存为|导入为|导入成|发布为|上线为|部署为|接口|"
    r"端点名)[:]?\s*(?=[\"'`A-Za-z0-9]))"
    r"(?:as |just |simply )?(?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[a-z0-9_@][a-z0-9_.@-]*))",
    re.IGNORECASE,
)
AS_NAME = re.compile(
    r"(?:\b(?:as|under) (?:an? |the )?(?:(?:new )?(?:endpoint|api|dataset|service|name) )?"
    r"|\b(?:to|on|at|behind|into) (?:an? |the )?(?:endpoint|api|service|dataset) "
    r"|(?<=[部布署线存入建做])(?:成|为|到)\s*(?:端点|接口|服务|数据集)?\s*)"
    r"(?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|(?P<bare>[A-Za-z][\w.-]*))",
    re.IGNORECASE,
)
NOT_NAMES = word_set(
    "it this that the a an text texts label labels column and then soon well"
    " one my dataset model "
    "endpoint api service base baseline usual before is fast possible default data file label test "
    "training train validation input target class category live out off over up down out again on "
    "in of for by using called named please pls plz with via and my our your so where when if "
    "which "
    "thanks pronto asap into onto at from to usable ready set there here now first too again "
    "then out instead today new mine chat"
)


OF_COLUMN = re.compile(
    r"\b(?:columns?|fields?|labels?|texts?)(?: (?:is|are))? $|列\s*$", re.IGNORECASE
)


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


COLLECTION = re.compile(
    r"\bcollection (?:called |named |of )?[\"'`]?(?P<after>[a-z0-9][\w.-]*)"
    r"|\b(?:the|my|our|in|to|into) [\"'`]?(?P<before>[a-z0-9][\w.-]*)[\"'`]? collection\b"
    r"|(?:集合|文档集|collection) ?(?:叫做?|名为|是|为|用|"
    r":)? ?[\"'`]?(?P<chinese>[a-z0-9][a-z0-9_.-]*)"
    r"|(?:到|进|入) ?[\"'`]?(?P<into>[a-z0-9][a-z0-9_.-]*)[\"'`]? ?(?:这个)?(?:集合|文档集|"
    r"collection|知识库)",
    re.IGNORECASE,
)


def collection(text: str) -> str | None:
    """The collection of documents that is named, such as `hr` in `add it to the hr collection`."""
    match = COLLECTION.search(tidy(text))
    name = next((part for part in match.groups() if part), "").lower() if match else ""
    return name if name not in NOT_NAMES and name not in NOT_COLUMNS else None


ROLES_OF_FILES = {
    "test": r"test\w*|eval\w*|held[- ]?out|hold[- ]?out|测试",
    "validation": r"validat\w*|dev\w*|验证",
    "main": r"train\w*|learn\w*|main|训练",
}


def role_of_file(text: str, filename: str) -> str:
    """`test`, `validation` or `main` when the text says what the file is for, else empty."""
    for part in re.split(r"[、,;,;]|\b(?:and|with|while|but|plus)\b|\. ", normal(text)):
        for role, form in ROLES_OF_FILES.items():
            free = part.replace(filename.lower(), "xfilex")
            word = re.search(form, free)
            at = free.find("xfilex")
            if at >= 0 and word and (role != "main" or at < word.start()):
                return role
    return ""


def passages_wanted(text: str) -> int | None:
    """How many passages were asked for: `top 5`, `k=3`, `give me 4 passages`."""
    match = re.search(
        r"\b(?:top|best|k ?=)\s*(\d+)|\b(\d+) (?:passages|results|hits)", normal(text)
    )
    return int(match[1] or match[2]) if match else None


def compact(**arguments: Any) -> Arguments:
    """The arguments that have a value."""
    return {name: value for name, value in arguments.items() if value not in (None, "", {}, [])}
