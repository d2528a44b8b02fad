"""A name that nothing has: said so, beside the names there are. It never becomes another thing."""

import re

from agent.understanding.names import mentions, root
from agent.understanding.scene import Scene
from agent.understanding.sentence import tags_in
from agent.understanding.slots import columns
from agent.understanding.text import normal, tidy, word_set
from agent.understanding.wish import Answer, Wish, which

UNKNOWN = re.compile(
    r"\b(?:(?:fine-?\s?tun\w+|train\w*|classifier|model)(?: \w+){0,3}? on|dataset|deploy"
    r"|describe|check|delete|drop|remove|export|download|table)"
    r" (?:the |my |dataset |model |table |a )*[\"'`]?(?P<name>[A-Za-z][\w.-]*(?:@\d+)?)[\"'`]?"
    r"(?= (?:with|for|and|dataset|using|at|as|now|please)\b|[,.?!;]|$)",
    re.IGNORECASE,
)
A_NAME = r"[\"'`]?(?P<name>[A-Za-z][\w.-]*(?:@\d+)?)[\"'`]?"
UNKNOWN_CHINESE = (
    re.compile(
        rf"(?:在|(?<![字称叫])用|对|数据集|数据集叫)\s*{A_NAME}(?:\s*(?:上|来|训练|微调)|\W*$)"
    ),
    re.compile(
        r"(?<!一个)(?<!个)(?:叫做?|名叫|名为)\s*[\"'`]?(?P<name>[^\s\"'`,]{1,40}?)[\"'`]?\s*的?\s*"
        r"(?:这个)?数据集"
    ),
    re.compile(
        r"(?:看一?看|看一?下|查看|看|打开|显示|描述|介绍|介绍一下|检查|检查一下|微调|训练|部署|上线|"
        r"发布|导出|下载|删除|删掉|删了|删)(?:一下)?(?:模型|数据集)?\s*"
        rf"{A_NAME}\s*(?:这个)?(?:数据集|模型|的?(?:前|后|最后)|的?\W*$)"
    ),
    re.compile(rf"(?<![\w.-]){A_NAME}\s*(?:这个|这份)?数据集"),
)
UNKNOWN_OF = {
    "model": re.compile(
        r"(?<!一个)(?<!个)(?:叫做?|名叫|名为)\s*(?P<name>[^\s\"'`,]{1,40}?)\s*的?\s*模型|"
        r"(?:\bmodel (?:called|named)|\b(?:deploy|delete|export|remove) model) "
        r"[\"'`]?(?P<english>[a-z][\w.-]*(?:@\d+)?)"
        r"(?= (?:with|for|and|as|now|please)\b|[,.?!;]|$)"
    ),
    "endpoint": re.compile(
        r"(?<![\w.-])(?P<name>[a-z][\w.-]*)\s*(?:这个)?(?:端点|接口|服务)|"
        r"(?:\bendpoint (?:called|named)|\b(?:stop|delete|check|is) endpoint) "
        r"[\"'`]?(?P<english>[a-z][\w.-]*)"
        r"(?= (?:with|for|and|as|now|please)\b|[,.?!;]|$)"
    ),
}
NOT_THERE = re.compile(
    r"不存在的?(?:数据集|模型)|\b(?:dataset|model) that does ?(?:not|n't) exist|"
    r"\bnon-?existent (?:dataset|model)"
)
NAMED_TOOLS = (
    "start_finetune",
    "quote_finetune",
    "describe_dataset",
    "check_dataset",
    "sample_dataset",
    "deploy_endpoint",
    "delete_dataset",
    "delete_model",
    "export_model",
    "stop_endpoint",
    "endpoint_status",
)


KINDS = dict.fromkeys(("deploy_endpoint", "export_model", "delete_model"), "model")
KINDS |= dict.fromkeys(("stop_endpoint", "endpoint_status"), "endpoint")


def unknown_name(wish: Wish, scene: Scene) -> Answer | None:
    """A question when the request clearly names something that does not exist."""
    if wish.named.tags or wish.intent not in NAMED_TOOLS or scene.made_dataset:
        return None
    kind = KINDS.get(wish.intent, "dataset")
    name = name_in(tidy(wish.raw), kind)
    if name is None or scene.tables() or columns(wish.raw):
        return None
    known = {"model": scene.models, "dataset": scene.datasets, "endpoint": scene.live}[kind]()
    if not known or root(name.lower()) in [*scene.stems(), *scene.world.bases]:
        return None
    unknown = f"There is no {kind} “{name}”." if name else f"There is no such {kind}."
    return Answer(ask=f"{unknown} {which(kind, known, '').ask}")


def name_in(text: str, kind: str) -> str | None:
    """What stands where a name would; an empty text where it is said that there is none."""
    of_kind = [UNKNOWN_OF[kind]] if kind in UNKNOWN_OF else []
    for pattern in (*of_kind, *(() if kind == "endpoint" else (UNKNOWN, *UNKNOWN_CHINESE))):
        match = pattern.search(text)
        found = match.groupdict() if match else {}
        name = found.get("name") or found.get("english") or ""
        if name and not tags_in(normal(name)) - {"OUTSIDE"} and not not_a_name(name):
            return name
    return "" if NOT_THERE.search(normal(text)) else None


VERSION = re.compile(r"(?<![\w.@-])[a-z][\w.-]*@\d+\b", re.IGNORECASE)


def unknown_version(said: str, scene: Scene) -> str:
    """What to say where all that was understood is `foo@2`, which nothing is called."""
    match = VERSION.search(tidy(said))
    known = scene.datasets()
    if not match or not known or mentions(said, scene.world).tags:
        return ""
    return f"There is no dataset “{match[0]}”. {which('dataset', known, '').ask}"


def not_a_name(word: str) -> bool:
    return word.lower() in word_set(
        "it this that them these those mine one all both now again"
        " please top my the a an newest "
        "latest last new old same other first second everything yet soon here there cpu gpu "
        "machine "
        "computer laptop server mac pc desktop http https rest web off up down away instead"
    )
