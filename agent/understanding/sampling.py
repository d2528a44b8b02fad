"""Which rows of a dataset are to be shown: how many, from which split, with which label."""

import re

from agent.understanding.forms_zh import FEW, THING
from agent.understanding.names import mentions
from agent.understanding.numerals import VALUE, number
from agent.understanding.plan import Arguments, Plan, Step
from agent.understanding.slots import compact
from agent.understanding.text import normal, tidy, word_set
from agent.world import World

THINGS = (
    r"(?:rows?|lines|examples?|samples?|texts|records|messages|entries|sentences|conversations?"
    r"|dialog(?:ue)?s?|chats)"
)
FORMS = (
    r"\b(?:some|few|several|first|last|top|random|typical|actual|real|sample|more|next|raw|\d+|two"
    rf"|three|four|five|six|eight|ten|twenty)(?: of the| random| real| raw| more| \w+)? {THINGS}\b",
    rf"\b{THINGS} (?:of|from|with|for|in|labell?ed|tagged|where|under)\b",
    r"\b(?:the|all|only|just|me) \w+ (?:examples|rows|samples)\b",
    r"\b(?:an?|one) (?:example|sample|random|typical) (?:conversation|dialog(?:ue)?|chat)\b",
    r"^(?:(?:an?|one|another|more) )?(?:\w+ )?(?:examples?|samples?)\W*$|^(?:please )?sample\b",
    rf"\btake a sample\b|\b(?:show|read|see)(?: me)?(?: the)? {THINGS}\b|\bone example\b",
    rf"\b(?:which|what(?: kinds? of)?) {THINGS} (?:are|is|were) (?:in|labell?ed|tagged|called)\b",
    r"\b(?:raw|actual|original) (?:data|texts?|content|messages)\b",
    r"\bin (?:the )?[\w-]+ (?:class|label|category)\b",
    r"\b(?:page \d+|(?:next|previous) page|page (?:one|two|three))\b|\bpage through\b",
    r"\bbrowse (?:my|the) (?:data|rows|dataset)|\bflip through\b|\beyeball\b",
)
"""Sentences that ask for rows themselves, in English."""
CHOICE = re.compile(
    r"(?:\b(?:of|for|with|where|under|in|the|by|only|and) (?:the )?(?:label|class|category|tag|"
    r"intent)(?:s|es)?"
    r"|\b(?:label|tagg?)(?:led|ed))(?: column)?"
    r"(?: (?:is|as|of|called|named|equals)| ?[=:])? ?(?:\"[^\"]+\"|\w+)?"
    r"|\b(?:test(?:ing)?|train(?:ing)?|validation|dev)\b"
    r"(?= (?:set|split|rows|examples|samples|data|texts|part))"
)
SPLITS = {
    "validation": r"\b(?:validation|valid|dev)\b|验证(?:集|数据|部分)",
    "test": r"\btest(?:ing)?(?: set| split| rows| part| data| examples| samples)\b"
    r"|\btest\b(?= rows|$)"
    r"|(?:of|from|in) (?:the )?test\b|测试(?:集|数据|部分)|\btest\b(?= ?(?:的|集|部分|split))",
    "train": r"\btrain(?:ing)?(?: set| split| rows| part| data| examples| samples)\b"
    r"|(?:of|from|in) (?:the )?train(?:ing)?\b|训练(?:集|数据|部分)|\btrain\b(?= ?(?:的|集|部分))",
}
COUNT = re.compile(
    rf"(?<!page )(?<!第)(?<!第 ){VALUE} ?(?:(?:of the|of them|of those|[a-z]+|最新的?|随机的?) )?"
    rf"(?:{THINGS}|个?(?:条|行|笔|例|句|份|样本|样例|例子|示例)|个 ?(?:examples?|samples?|rows?))"
    rf"|{VALUE.replace('value', 'some')} of (?:them|those|these|it)"
)
PAGE = re.compile(rf"\bpage (?:number |no\.? ?)?{VALUE}|第 ?{VALUE.replace('value', 'nth')} ?页")
MARK = r"[\"'`]"
LABEL = re.compile(
    rf"(?:\b(?:label(?:led|ed|s)?|class(?:ed)?|category|tag(?:ged)?|"
    rf"intent)(?: column)?(?: (?:is|as|of|called|named|with|equals))?"
    rf"|标签|类别|分类)(?:列)?\s*(?:=|:|为|是|叫|等于|标为|标成)?\s*"
    rf"(?:{MARK}(?P<quoted>[^\"'`]+){MARK}|(?P<bare>[a-z0-9][\w./-]*|"
    rf"[\u3400-\u9fff]{{1,8}}?(?=的|这|$|类|\W)))",
    re.IGNORECASE,
)
CLASS = re.compile(
    rf"\b(?:in|of|from|under|with) (?:the )?(?:{MARK}(?P<quoted>[^\"'`]+){MARK}|"
    rf"(?P<bare>[a-z][\w-]*))"
    r" (?:class|label|category)\b",
    re.IGNORECASE,
)
OF = re.compile(
    rf"\b(?:rows?|examples?|samples?|texts?|messages?|lines?|records?|sentences?) (?:of|for|"
    rf"about|with|in|under|on|from|tagged"
    rf"|where it is) (?:the |class |label )*(?:{MARK}(?P<quoted>[^\"'`]+){MARK}|"
    rf"(?P<bare>[a-z][\w./-]*))",
    re.IGNORECASE,
)
BEFORE = re.compile(
    rf"(?:(?:请|给我|帮我)*(?:看一?看|看一下|看|显示|列出|找出?|来)(?:[几两]?[条行个])?)?(?:{MARK}(?P<quoted>[^\"'`]+){MARK}|(?P<bare>[a-z][\w./-]*|[\u3400-\u9fff]{{2,6}}?))"
    r"(?: (?:rows|examples|samples)\b| ?(?:这[个一]?)?(?:类|"
    r"标签)?(?:别)?的 ?(?:\w{0,4}?)(?:留言|消息|评论|记录|样本|"
    r"样例|例子|例句|示例|数据|rows|examples"
    r"|文本|句子|内容|[几两]?[条行个]|都是|有哪些|\W*$))",
    re.IGNORECASE,
)
COUNTED = re.compile(
    rf"{FEW} ?(?:条|个|句)(?!{THING}|标签|类别)(?P<quoted>)"
    rf"(?P<bare>[\u3400-\u9fff]{{2,6}}?)(?:看看?|吧|瞧瞧)?\W*$"
)
"""`三条差评`."""
NOT_LABELS = word_set(
    "the a an is are it this that these those my our some few more first last next random "
    "typical raw real actual data dataset set file split rows row text texts label labels of "
    "in from with for and me you them all any each every class classes example examples "
    "sample samples train training test testing validation dev valid show see give list "
    "conversation conversations chats dialogue dialogues dialogs 对话 聊天 聊天记录 会话 "
    "please xnamex column several here there which what how many no not same wrong bad "
    "duplicate duplicates empty other such few only just page two three five ten twenty "
    "different 看看 看 显示 给我 几条 列出 分布 数据 数据集 标签 类别 里面 其中 具体 真实 "
    "原始 全部 所有 训练 验证 测试 训练集 验证集 测试集 这个 那个 它 随机 前面 后面 更多 一些 "
    "这些 那些 有关 相关 标注 错误 重复"
)


def slots(raw: str, world: World) -> Arguments:
    """The arguments of sample_dataset that the words give, but for the dataset."""
    text = mentions(raw, world).masked
    return compact(
        split=split_in(text),
        label=label_in(tidy(raw), text),
        page=page_in(text),
        rows=rows_in(text),
    )


def without_choice(text: str) -> str:
    """The text without which rows are meant: `test rows` tests nothing, `label` labels nothing."""
    return CHOICE.sub(" ", text)


def by_marked_label(said: str) -> bool:
    """Whether what is in quotation marks is the label of rows that are to be shown."""
    marked = re.search(
        rf"(?:label|class|category|tag|标签|类别|类)\w{{0,4}} ?(?:is|=|:|为|是|叫)? ?{MARK}",
        tidy(said),
        re.I,
    )
    return bool(marked and re.search(rf"\b{THINGS}\b|看|显示|列|条|行|样|例|页", said, re.I))


def split_in(text: str) -> str:
    return next((name for name, form in SPLITS.items() if re.search(form, text)), "")


def page_in(text: str) -> int | None:
    match = PAGE.search(text)
    return int(number(match["value"] or match["nth"])) if match else None


def rows_in(text: str) -> int | None:
    match = COUNT.search(text)
    count = number(match["value"] or match["some"]) if match else 0
    return int(count) if match and count == int(count) > 0 else None


def label_in(raw: str, text: str) -> str:
    """The label as it was written; `text` has the names of known things masked."""
    for pattern in (LABEL, CLASS, OF, BEFORE, COUNTED):
        for match in pattern.finditer(raw):
            value = (match["quoted"] or match["bare"]).strip(" .,")
            if value and (match["quoted"] or names_a_label(value, text, pattern is LABEL)):
                return value
    return ""


def names_a_label(value: str, text: str, marked: bool) -> bool:
    """Whether an unquoted word is a label rather than a word of ours."""
    spoken = normal(value)
    if VAGUE.search(value) or re.fullmatch(r"[\d.]+", value) or spoken not in text:
        return False
    return spoken not in NOT_LABELS or (marked and spoken == "other")


VAGUE = re.compile(r"[数看显里集几给我行条训测验标随抽这那出来个些把请的第页]|类别|分布")
"""In no label that is not marked as one."""

NEXT = re.compile(
    r"(?:(?:the )?next (?:page|ones|rows|\d+)|more(?: rows| examples| please| of them)?|"
    r"(?:show )?(?:me )?(?:some )?more(?: rows"
    r"| examples)?|another page|下一?页|再(?:看|来|给我看)?(?:几|一些|点|一页)[条行个]?|"
    r"还有(?:吗|呢)|更多|继续看?|往下看?|翻页|后面的呢?)\W*"
)
PREVIOUS = re.compile(r"(?:the )?(?:previous|last) page|(?:go )?back|上一?页|往回(?:翻|看)?|前一页")


ONLY = re.compile(
    r"(?:那|再|也|只|仅|就|单独|换成|给我|我要|我想)*(?:看看?|要|显示|留下?)? ?(?:标签|类别|"
    r"label)? ?(?:是|为)? ?"
    r"(?P<label>[a-z][\w.-]*|[\u3400-\u9fff]{2,8}?) ?(?:这)?(?:一)?(?:类|标签)?(?:的)?(?:呢|吧|"
    r"看看)?\W*|only (?P<english>[\w-]+)\W*"
)


def only_label(spoken: str) -> Arguments:
    """`只看 refund 的` after rows were shown."""
    match = ONLY.fullmatch(spoken)
    label = (match["label"] or match["english"]) if match else ""
    fits = label and label not in NOT_LABELS and not VAGUE.search(label)
    return {"label": label} if fits and re.match(r".*(?:只|仅|类|标签|only|的)", spoken) else {}


def another_page(spoken: str, world: World, call: Step) -> Plan | None:
    """`Next page`, `page 3`, `only refund`, after rows were shown: the same rows otherwise."""
    page = int(call.arguments.get("page", 1))
    if NEXT.fullmatch(spoken):
        return Plan([Step(call.tool, call.arguments | {"page": page + 1})])
    if PREVIOUS.fullmatch(spoken.strip(" .!,")):
        return Plan([Step(call.tool, call.arguments | {"page": max(1, page - 1)})])
    changes = slots(spoken, world) or only_label(spoken)
    if not changes or mentions(spoken, world).tags or len(spoken) > 60:
        return None
    kept = {name: value for name, value in call.arguments.items() if name != "page"}
    return Plan([Step(call.tool, kept | changes)])
