"""Settings of a training inside a request: numbers, and the base model."""

import re
from functools import cache, lru_cache

from agent.understanding.numerals import VALUE, number
from agent.understanding.plan import Arguments
from agent.understanding.text import normal, tidy, word_set
from finetune import config

KNOBS = {
    "epochs": r"epochs?|\bep|epoches|epocs?|passes|pass|num[_ ]train[_ ]epochs|n[_ ]epochs"
    r"|rounds|times over|(?:训练)?轮[次数]|个?轮|个? ?epochs?|个?周期|个?回合",
    "rank": r"(?:lora[_ -])?rank|lora[_ ]r|\br|(?:lora ?的?)?秩(?:数|大小)?",
    "learning_rate": r"learning[_ -]?rate|\blr|step size|(?:learning[_ -]?rate |lr )?(?:of|for) "
    r"the adapter|学习速?率",
    "head_learning_rate": r"(?:classifier[_ ])?head(?:'s)?[_ -](?:learning[_ -]?rate|lr)|"
    r"(?:learning[_ -]?rate|lr) (?:of|for) the head|(?:分类)?头部?的?(?:学习率|lr)",
    "batch_size": r"batch(?:es)?[_ -]?(?:size)?s?|\bbs|batch"
    r"|批(?:次|量|处理)?(?:的)?大小|批次(?!预测|分类|打)"
    r"|批量(?!预测|分类|打|处理|跑|推理)|每批(?:次|量)?",
    "seed": r"(?:random[_ ])?seed|(?:随机)?种子|随机数",
    "max_length": r"max(?:imum)?[_ -]?(?:sequence[_ ]|seq[_ ]|token[_ ]|text[_ ])?(?:length"
    r"|len|tokens)"
    r"|sequence length|(?:cut|truncate|clip|limit)\w*(?: (?:the )?(?:texts?|rows|messages|"
    r"inputs?|it))?"
    r"(?: off)?(?: at| to| after)|最大(?:文本|序列)?长度|最长|长度(?:上限|限制|截断)|"
    r"截断(?:长度)?|截到",
    "alpha": r"(?:lora[_ ])?alpha|缩放系数",
    "weight_decay": r"weight[_ ]decay|\bwd|(?:权重|权值)衰减",
    "dropout": r"(?:lora[_ ])?drop-?out|丢弃(?:率|比例)|随机失活",
    "warmup_ratio": r"warm[- _]?up(?:[_ ]ratio)?|(?:学习率)?预热(?:比例|步数比例)?",
    "label_smoothing": r"(?:label[_ -])?smoothing|标签平滑",
    "average": r"(?:weight[_ -])?averag(?:e|ing)|\bema(?: decay)?|(?:权重|参数)平均(?:系数)?",
    "frozen_layers": r"frozen[_ ]layers|(?:freez(?:e|ing)|frozen)(?= (?:the )?(?:\w+ )?[\w-]+ "
    r"layers\b)(?: the)?(?: (?:lowest|first|bottom|lower))?|冻结的?层数?|"
    r"冻结(?:前|底部|最低|最下面|下面)?(?:的)?(?= ?[\d一二三四五六七八九十]+ ?层)",
    "clip": r"(?:gradient[_ -])?clip(?:ping|ped)?(?: (?:the )?(?:gradients?|norm))?|max[_ "
    r"]grad[_ ]norm|梯度(?:裁剪|截断)",
}
SET = (
    "固定[为成在]|定在|设[为成到定]?为?|设置[为成]|改[为成到用]|换[成为]|调[到成为]|调小到|调大到|变成|降到|升到|提到|"
    "限制?[在为到]|控制在|取|选用?|用|给|定[为成]|来个|跑|要|等于|为|是|到|在|成"
)
LINK = (
    r"\s*(?:=|:|of|to|is|at|as|should be|about|"
    r"(?:呢[, ]*)?(?:也|都|再|还是|直接|给我)?(?:(?:改|调|换|设)?一?下[,: ]*)?(?:调|改|"
    r"再)?(?:(?:小|大|高|"
    r"低|少|多|短|长)(?:一点|一些|"
    r"点)[,: ]*)?"
    rf"(?:可以|就|也|都)?(?:{SET})?(?:个|它)?)\s*"
)
PREFERS_BEFORE = ("epochs",)
"""Said number first: "5 epochs"; the others mostly name first: "rank 8"."""


def hyperparameters(text: str) -> Arguments:
    """Only the settings that were given, such as {"rank": 8, "learning_rate": 0.0002}."""
    return knobs(text)[0] | base_model(text)


def without_hyperparameters(text: str) -> str:
    """The normal text without its settings: `weight decay 0.1` is not about weights."""
    return knobs(text)[1]


@cache
def knob_patterns(knob: str) -> tuple[re.Pattern[str], ...]:
    """The value after the name, and before it; first the way that is more usual."""
    form = KNOBS[knob]
    # `3 r` is no rank.
    alone = form.replace(r"|\br|", "|") if knob == "rank" else form
    after = rf"(?<![a-z])(?:{form})(?![a-z]){LINK}{VALUE}(?![a-z0-9_@])"
    before = (
        rf"(?<![a-z0-9_.@=:第-]){VALUE}(?: as (?:the )?| of | ?的 ?|[ -]*)"
        rf"(?:{alone})(?![a-z]|[ =:]*\d)"
    )
    order = (before, after) if knob in PREFERS_BEFORE else (after, before)
    return tuple(re.compile(pattern) for pattern in order)


TWICE = re.compile(
    r"(?<=train )(?:it )?twice\b(?! (?:the|as|that))|\b(?:twice|once)\b(?=\s+(?:over|through))"
)


TOO = re.compile(
    rf"{VALUE} ?\w{{0,3}}(?:有点|实在|还是)?太(?:少|多|大|小|高|低|长|短|慢|快|久)了?"
    rf"|(?:不要|别|不是) ?{VALUE.replace('value', 'not')} ?个?轮"
)
"""A value that is not wanted."""


@lru_cache(maxsize=2048)
def knobs(text: str) -> tuple[Arguments, str]:
    """The numbers that were set, and the text without them."""
    rest = TOO.sub(" ", TWICE.sub(r"\g<0> epochs", normal(text)))
    found: Arguments = {}
    for knob in sorted(KNOBS, key=lambda name: name == "learning_rate"):
        matches = (pattern.search(rest) for pattern in knob_patterns(knob))
        match = next(filter(None, matches), None)
        if match:
            found[knob] = number(match["value"])
            rest = rest[: match.start()] + " ; " + rest[match.end() :]
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
            return f"What should {knob} be? “{match['word']}” is not a number."
    return ""


MORE = r"(?:大|小|高|低|多|少|长|短)(?:一点|一些|点|些)"
UP = r"(?:bigger|larger|smaller|higher|lower|longer|shorter)"
TO = r"(?:改|设|调|换|定|变|设置)(?:成|为|到|定为|置为)|=|:|是"


WORD = r"(?!auto|default)[a-z]{2,}"
CHANGES = re.compile(rf"{MORE}|\b{UP}\b|(?:{TO})\s*(?:{WORD}|负|零下)|\bset .* to {WORD}")


@cache
def unfit_pattern(knob: str) -> re.Pattern[str]:
    """The setting made `a bit larger`, or changed to what is no number."""
    form = KNOBS[knob]
    vague = rf"{MORE}的? ?(?:{form})|(?:{form})(?:再|调|加|改|设)?{MORE}|\b{UP} (?:{form})\b"
    wrong = rf"(?:{form})\s*(?:{TO})\s*(?:{WORD}|负|零下)|\bset (?:the )?(?:{form}) to {WORD}"
    return re.compile(rf"(?<![a-z])(?:{vague}|{wrong})")


def unfit(text: str) -> str:
    """A question about a setting to be changed to no value that it can have, or an empty text."""
    if not CHANGES.search(normal(text)):
        return ""
    spoken, limits = without_hyperparameters(text), config.every_limit()
    for knob in KNOBS:
        if knob in limits and unfit_pattern(knob).search(spoken):
            return f"What should {knob} be? Say its name and {limits[knob].rule()}."
    return ""


AFTER_KNOB = word_set(
    "and then for the this that please instead auto default defaults automatic on from as too also "
    "warmup warm decay schedule size length set smaller larger lower higher tuning search"
)


@cache
def off_pattern(knob: str) -> re.Pattern[str]:
    form = KNOBS[knob]
    return re.compile(
        rf"\b(?:without|no|disable|do not (?:use|want|apply)|{OFF}) (?:any )?(?:{form})(?![a-z])"
        rf"|(?:不要|不用|不加|关闭|关掉|去掉|无|别用|别加|取消) ?(?:{form})(?! ?=| ?\d)"
        rf"|\b(?:{form}) (?:off|disabled)\b"
    )


def switched_off(rest: str, found: Arguments) -> str:
    """The text without what is switched off; in `found` that is 0 then."""
    for knob in CAN_BE_OFF:
        off = None if knob in found else off_pattern(knob).search(rest)
        if off:
            found[knob] = 0
            rest = rest[: off.start()] + " ; " + rest[off.end() :]
    return rest


CAN_BE_OFF = ("weight_decay", "dropout", "warmup_ratio", "label_smoothing")
OFF = r"(?:turn|switch) off(?: the)?"
ANY_KNOB = "|".join(f"(?:{pattern})" for pattern in KNOBS.values())
RELATIVE = re.compile(
    rf"\b(?P<how>double|twice|triple|halve|half)(?: (?:of )?(?:the|as many|as much|that many))?"
    rf" (?P<knob>{ANY_KNOB})(?![a-z])"
    rf"|(?P<knob_zh>{ANY_KNOB}) ?(?:再|也|给我|直接)?(?P<how_zh>翻一?倍|翻番|翻一番|加倍|加一倍|"
    rf"减半|减一半|砍半|三倍|乘以?二|除以?二)"
)
NUMBER_ONLY = re.compile(
    r"(?:(?:no|nope|sorry|make it|use|rather|better|i meant|actually|try"
    r"|and|with|what about|how about|if"
    rf"|不对?|不是|改成|改为|换成|还是|那就|那|用|是)[, ]*)+{VALUE}"
    r"(?: ?(?:please|instead|then|rather|吧|好了|呢|行吗|可以吗))*\W*"
)
FACTORS = {"double": 2.0, "twice": 2.0, "triple": 3.0, "halve": 0.5, "half": 0.5, "三倍": 3.0}
FACTORS |= dict.fromkeys(("减半", "减一半", "砍半", "除二", "除以二"), 0.5)


def relative(text: str, before: Arguments) -> Arguments:
    """`Double the epochs`, or `no, 5`, where it was said before which setting has which value."""
    match = RELATIVE.search(normal(text))
    settings = [knob for knob in KNOBS if knob in before]
    alone = NUMBER_ONLY.fullmatch(normal(text))
    if alone and len(settings) == 1:
        return {settings[0]: number(alone["value"])}
    if not match:
        return {}
    said = match["knob"] or match["knob_zh"]
    named = (knob for knob, form in KNOBS.items() if re.fullmatch(form, said))
    knob = next(named, "")
    if knob not in before:
        return {}
    value = before[knob] * FACTORS.get(match["how"] or match["how_zh"], 2.0)
    return {knob: int(value) if isinstance(before[knob], int) and value == int(value) else value}


BASE_MODEL = re.compile(
    r"\b(?:base(?: model)?|starting (?:from|with)|on top of|based on|backbone)\s*(?:=|:|is|of)?\s*"
    r"(?:the )?[\"'`]?(?P<name>[a-z][a-z0-9_./-]*[a-z0-9_])[\"'`]?(?: base\b)?"
    r"|(?:基础模型|底座(?:模型)?|基座(?:模型)?|底模)\s*(?:=|:|用|选|换成|设为|改成|改用|是|为)?\s*"
    r"[\"'`]?(?P<chinese>[a-z][a-z0-9_./-]*[a-z0-9_])",
    re.IGNORECASE,
)
NOT_BASES = word_set(
    "it this that these those the a an my model models on too also as and"
    " with for which what is "
    "file data dataset labels text line lines base column side too beside say says "
    "instead answer answers answered"
)


def base_model(text: str) -> Arguments:
    """The base model when one is named: `with base minilm`, `base_model=bert-small`."""
    plain = tidy(text).replace("base_model", "base model")
    for match in BASE_MODEL.finditer(plain):
        name = (match["name"] or match["chinese"]).lower()
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
