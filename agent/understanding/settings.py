"""Settings of a training inside a request: numbers, and the base model."""

import re

from agent.understanding.plan import Arguments
from agent.understanding.text import normal, tidy, word_set

NUMBER_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "twelve": "12", "sixteen": "16", "twenty": "20",
    "eleven": "11", "fifteen": "15", "forty": "40", "fifty": "50", "hundred": "100",
    "sixty-four": "64", "a dozen": "12", "thirty": "30", "thirty-two": "32", "一": "1",
    "两": "2", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8",
    "九": "9", "十": "10", "二十": "20", "once": "1", "twice": "2",
}  # fmt: skip
NUMERAL = r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?: ?%)?|-?\.\d+"
VALUE = rf"(?P<value>{NUMERAL}|{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})"
KNOBS = {
    "epochs": r"epochs?|\bep|epoches|epocs?|passes|pass|num[_ ]train[_ ]epochs|n[_ ]epochs"
    r"|rounds|times over|个?轮[次数]?|个? ?epochs?|个?周期",
    "rank": r"(?:lora[_ -])?rank|lora[_ ]r|\br|秩",
    "learning_rate": r"learning[_ -]?rate|\blr|step size|(?:learning[_ -]?rate |lr )?(?:of|for) "
    r"the adapter|学习率|学习速率",
    "head_learning_rate": r"(?:classifier[_ ])?head(?:'s)?[_ -](?:learning[_ -]?rate|lr)|"
    r"(?:learning[_ -]?rate|lr) (?:of|for) the head|头部?学习率",
    "batch_size": r"batch(?:es)?[_ -]?(?:size)?s?|\bbs|batch|批大小|批次大小|批次|批量大小|批量",
    "seed": r"(?:random[_ ])?seed|随机种子|种子",
    "max_length": r"max(?:imum)?[_ -]?(?:sequence[_ ]|seq[_ ]|token[_ ]|text[_ ])?(?:length"
    r"|len|tokens)"
    r"|sequence length|(?:cut|truncate|clip|limit)\w*(?: (?:the )?(?:texts?|rows|messages|"
    r"inputs?|it))?"
    r"(?: off)?(?: at| to| after)|最大长度|长度上限",
    "alpha": r"(?:lora[_ ])?alpha",
    "weight_decay": r"weight[_ ]decay|\bwd|权重衰减",
    "dropout": r"(?:lora[_ ])?drop-?out|丢弃率",
    "warmup_ratio": r"warm[- _]?up(?:[_ ]ratio)?|预热(?:比例)?",
    "label_smoothing": r"(?:label[_ -])?smoothing|标签平滑",
    "average": r"(?:weight[_ -])?averag(?:e|ing)|\bema(?: decay)?|权重平均",
    "clip": r"(?:gradient[_ -])?clip(?:ping|ped)?(?: (?:the )?(?:gradients?|norm))?|max[_ "
    r"]grad[_ ]norm|梯度裁剪",
}
LINK = r"\s*(?:=|:|of|to|is|at|as|should be|about|设为|设成|改成|改为|调到|为|是|用)?\s*"
PREFERS_BEFORE = ("epochs",)
"""Said number first: "5 epochs"; the others mostly name first: "rank 8"."""


def number(text: str) -> int | float:
    plain = NUMBER_WORDS.get(text, text).replace(",", "")
    if plain.endswith("%"):
        return round(float(plain.rstrip(" %")) / 100, 10)
    return int(plain) if re.fullmatch(r"-?\d+", plain) else float(plain)


def hyperparameters(text: str) -> Arguments:
    """Only the settings that were given, such as {"rank": 8, "learning_rate": 0.0002}."""
    return knobs(text)[0] | base_model(text)


def without_hyperparameters(text: str) -> str:
    """The normal text without its settings: `weight decay 0.1` is not about weights."""
    return knobs(text)[1]


def knobs(text: str) -> tuple[Arguments, str]:
    """The numbers that were set, and the text without them."""
    rest = re.sub(
        r"(?<=train )(?:it )?twice\b(?! (?:the|as|that))|\b(?:twice|"
        r"once)\b(?=\s+(?:over|through))",
        r"\g<0> epochs",
        normal(text),
    )
    found: Arguments = {}
    for knob in sorted(KNOBS, key=lambda name: name == "learning_rate"):
        after = rf"(?:{KNOBS[knob]})(?![a-z]){LINK}{VALUE}(?![a-z0-9_@])"
        before = (
            rf"(?<![a-z0-9_.@=:-]){VALUE}(?: as (?:the )?| of |[ -]*)"
            rf"(?:{KNOBS[knob]})(?![a-z]|[ =:]*\d)"
        )
        order = (before, after) if knob in PREFERS_BEFORE else (after, before)
        if knob == "rank":
            order = (after, before.replace(r"|\br|", "|"))
        for pattern in order:
            match = re.search(rf"(?<![a-z]){pattern}" if pattern == after else pattern, rest)
            if match:
                found[knob] = number(match["value"])
                rest = rest[: match.start()] + " ; " + rest[match.end() :]
                break
    rest = switched_off(rest, found)
    return {knob: found[knob] for knob in KNOBS if knob in found}, rest


def not_a_number(text: str) -> str:
    """A question about a setting that was given a word for a value, or an empty text."""
    rest = without_hyperparameters(text)
    for knob, form in KNOBS.items():
        match = re.search(
            rf"\bwith (?:a |the )?(?:{form})(?: (?:of|=|:))? (?P<word>[a-z]{{3,}})", rest
        )
        if match and match["word"] not in AFTER_KNOB:
            name = knob.replace("_", " ")
            return f"What should the {name} be? “{match['word']}” is not a number."
    return ""


AFTER_KNOB = word_set(
    "and then for the this that please instead auto default defaults automatic on from as too also "
    "warmup warm decay schedule size length set smaller larger lower higher tuning search"
)


def switched_off(rest: str, found: Arguments) -> str:
    """The text without what is switched off; in `found` that is 0 then."""
    for knob in CAN_BE_OFF - found.keys():
        off = re.search(
            rf"\b(?:without|no|disable|do not (?:use|want|apply)|{OFF}) (?:any "
            rf")?(?:{KNOBS[knob]})(?![a-z])"
            rf"|(?:不要|不用|关闭|去掉|无)(?:{KNOBS[knob]})",
            rest,
        )
        off = off or re.search(rf"\b(?:{KNOBS[knob]}) (?:off|disabled)\b", rest)
        if off:
            found[knob] = 0
            rest = rest[: off.start()] + " ; " + rest[off.end() :]
    return rest


CAN_BE_OFF = {"weight_decay", "dropout", "warmup_ratio", "label_smoothing"}
OFF = r"(?:turn|switch) off(?: the)?"
RELATIVE = re.compile(
    rf"\b(?P<how>double|twice|triple|halve|half)(?: (?:of )?(?:the|as many|as much|that many))?"
    rf" (?P<knob>{'|'.join(f'(?:{pattern})' for pattern in KNOBS.values())})(?![a-z])"
)
NUMBER_ONLY = re.compile(
    rf"(?:(?:no|nope|sorry|make it|use|rather|better|i meant|actually|try|不|改成|用)[, ]*)+{VALUE}"
    r"(?: (?:please|instead|then|rather))*\W*"
)
FACTORS = {"double": 2.0, "twice": 2.0, "triple": 3.0, "halve": 0.5, "half": 0.5}


def relative(text: str, before: Arguments) -> Arguments:
    """`Double the epochs`, or `no, 5`, where it was said before which setting has which value."""
    match = RELATIVE.search(normal(text))
    settings = [knob for knob in KNOBS if knob in before]
    alone = NUMBER_ONLY.fullmatch(normal(text))
    if alone and len(settings) == 1:
        return {settings[0]: number(alone["value"])}
    if not match:
        return {}
    named = (knob for knob, form in KNOBS.items() if re.fullmatch(form, match["knob"]))
    knob = next(named, "")
    if knob not in before:
        return {}
    value = before[knob] * FACTORS[match["how"]]
    return {knob: int(value) if isinstance(before[knob], int) and value == int(value) else value}


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
    known = KNOWN_BASE.search(plain)
    return {"base_model": known["name"].lower().rstrip(".")} if known else {}


KNOWN_BASE = re.compile(
    r"(?<!\bon )(?<!dataset )(?<![\w./-])"
    r"(?P<name>(?:[\w./-]{0,40}(?:bert|minilm|mpnet|electra)|e5-|bge-|gte-)[\w./-]{0,40})",
    re.IGNORECASE,
)
"""A name that only models that read texts have."""
