"""Which column holds the text and which the label, said in Chinese."""

import re
from functools import cache

ROLES = {
    "text": r"文本|文字|正文|输入|text",
    "label": r"标签|类别|分类|目标|label",
}
COLUMN = r"(?:列名?|字段名?|栏位?|column|field)"
NAME = (
    r"(?:[\"'`](?P<quoted>[^\"'`]+)[\"'`]|"
    r"(?P<latin>(?<![A-Za-z0-9_.-])[A-Za-z_][A-Za-z0-9_.-]{0,80})"
    r"|(?P<han>[\u3400-\u9fffA-Za-z0-9_]{1,12}?))"
)
END = r"(?=$|[\s,.;!)、]|和|与|以及|这|那|列|字段|栏|作|当|做|吧|的)"
THIS = rf"(?:这|那)?(?:一|个|1)?{COLUMN}?"
LINK = r"(?:就|应该)?(?:是|为|叫做?|用|在|=|:|取自?|来自|名为|选|对应|存在|放在|位于)"
HOLDS = (
    r"(?:里面?|中)?(?:的)?(?:内容)?(?:就)?(?:是|为|作为?|当作?|做|用作|存的是|放的是|存放|表示|"
    r"对应|当成)"
)


@cache
def patterns(role: str) -> list[re.Pattern[str]]:
    """Ways to say which column plays a role, the most explicit first."""
    word = ROLES[role]
    ways = [
        rf"(?<![A-Za-z])(?:{word}) ?的?(?:那|这)?(?:一|个)?{COLUMN} ?(?!作|当)"
        rf"(?:{LINK})? ?{NAME} ?{THIS}{END}",
        rf"(?:^|[\s,.;:(把用以拿将])(?<!xx){NAME} ?{THIS} ?{HOLDS} ?(?:{word}) ?{COLUMN}?(?=$|"
        rf"[\s,.;!)]|和|与|吧)",
        rf"(?:{word}) ?{LINK} ?{NAME} ?{THIS}{END}",
    ]
    return [re.compile(way, re.IGNORECASE) for way in ways]


NOT_NAMES = re.compile(
    r"^(?:这|那|哪|里|它|其|什么|啥|多少|几|怎|数据|文件|表|列|字段|是|的|我|请|帮|做|导入|创建|"
    r"建|看|分布|均衡|吗|呢|没|不|有|和|错|对|否"
    r"|一)|吗$|^(?:column|is|the|csv|file|dataset)$"
)


def columns(plain: str) -> dict[str, str]:
    """Role to column as it is spelt, such as {"text": "内容", "label": "类别"}."""
    found = {}
    for role in ROLES:
        value = first(plain, role)
        if value:
            found[role] = value
    return found


def first(plain: str, role: str) -> str | None:
    others = ROLES["label" if role == "text" else "text"]
    for pattern in patterns(role):
        for match in pattern.finditer(plain):
            if match["quoted"]:
                return match["quoted"]
            value = (match["latin"] or match["han"]).rstrip(".")
            named = re.search(COLUMN, match[0]) or match["latin"] or "=" in match[0]
            taken = re.fullmatch(rf"{ROLES[role]}|{others}", value, re.IGNORECASE)
            explicit = named and re.search(rf"{COLUMN}|[=:]", match[0])
            if (explicit if taken else named) and not NOT_NAMES.search(value):
                return value
    return None
