"""Texts that are to be sent to an endpoint, in Chinese requests."""

import re

TARGET = (
    r"(?:它们?|(?:这个|那个|刚才的|刚部署的|部署好的|线上的?)?(?:微调后的?|训练好的?)?(?:(?:对话|聊天)?模型|"
    r"(?:聊天|对话|客服|问答)?(?:机器人|助手)|端点|接口|服务|分类器|api|endpoint|model)|xtargetx)"
)
BIT = r"(?:一下子?|一问|下|一句|看看?|看|试试)"
SENTENCE = (
    r"(?:这句话?|这条(?:消息|留言|文本)?|这段(?:话|文字|文本)?|下面(?:这句话?|的话)|一句话?|"
    r"文本|句子)"
)
JUDGE = (
    r"(?:试(?:一句|试)?|测一句|跑一句|问|判断|识别|分类|归类|预测|回答|处理|看看|分析|评判|"
    r"打标签?|说说|测试|测)(?:一下|下)?"
)
LEAD = (
    r"^(?:(?:请|麻烦|帮我|帮忙|给我|我想|我要|想|现在|再|先|那|就|来|去|你|可以|能不能|能否|"
    r"直接|顺便|也|然后|最后|好的?|嗯)[,\s]*)*"
)
BASE = (
    r"(?:基础|基座|底座|原始|原版|未微调|没微调|没训练|未训练|微调前|没微调过|base) ?(?:的|"
    r"过的)? ?(?:模型|model)?|底模|基模|基线(?:模型)?|base"
)
BY_BASE = rf"(?:用|拿|让|请) ?(?:{BASE})(?:模型)?"
BESIDE = rf"(?:[和跟与同] ?(?:{BASE}))"
HEADS = (
    rf"(?:问问?|询问|测试|测测?|试试?|考考|调用|请求|ask|query|test|"
    rf"try) ?{BIT}? ?{TARGET} ?{BESIDE}? ?{BIT}?(?: ?{JUDGE})?",
    rf"(?:问问?|ask) ?{BIT}?",
    rf"(?:让|叫|用|请|拿) ?{TARGET} ?(?:来|去|给|帮我)? ?{JUDGE}(?: ?{SENTENCE})?",
    rf"(?:把|将|拿)? ?{SENTENCE}(?:话)? ?(?:发|送|传|丢|扔|输入|喂)(?:给|到|进)? ?{TARGET}",
    rf"(?:跟|对|和|向|告诉) ?{TARGET} ?(?:说|讲|聊|道)?(?:一声|一句|一下)?",
    rf"(?:发|发送|输入|送)(?:给|到)? ?{TARGET}? ?{BIT}?(?:{SENTENCE})?",
    rf"(?:试|测|测试|分类|预测|判断|归类|识别)(?:试|一下|下|测)? ?{SENTENCE}?",
    rf"(?:判断|看看?|分析|识别|评判|说说)(?:一下|下)? ?{SENTENCE} ?(?:到底|究竟)?"
    r"(?:是|算|属于)[^:,]{1,12}(?:还是|或)[^:,]{1,12}",
    rf"{BY_BASE} ?(?:也|来|再|同样)*(?:给我|帮我)? ?{JUDGE}(?: ?{SENTENCE})?",
    rf"{TARGET} ?(?:怎么|如何|会怎么|会如何)(?:看|说|分|分类|判断|回答)(?:待)? ?{SENTENCE}?",
)
COLON = re.compile(rf"{LEAD}(?:{'|'.join(HEADS)}) ?[:,] ?(?P<text>.+)$", re.IGNORECASE)
"""Up to a colon or comma: `问它:…`."""

BESIDE_COLON = re.compile(
    rf"{LEAD}(?:{TARGET} ?)?(?:[和跟与同] ?(?:{BASE})(?:模型)? ?(?:做个?|来个?|也)?(?:一下)?"
    rf"(?:比较|对比|比一比|比比|比)|(?:比较|对比)(?:一下)? ?(?:{BASE})(?:模型)?)"
    rf"(?:一下|一比|下|看看|看)*(?:这句话?|{SENTENCE})? ?: ?(?P<text>.+)$",
    re.IGNORECASE,
)
"""Beside the untuned model, up to a colon: `和没微调的模型对比一下:…`."""

OPEN = (
    # 问它 我要退款; 问它我要退款
    rf"{LEAD}(?:(?<!请)问问?|询问|ask) ?{BIT}? ?{TARGET} ?{BIT}?[,\s]*(?P<text>(?!吧|呢|了|啊|"
    rf"和|跟|与|关于).{{2,}})$",
    rf"{LEAD}(?:(?<!请)问|试|测)(?:{BIT}|问|试|测) (?P<text>.{{2,}})$",
    rf"{LEAD}(?:让|用|请|拿) ?{TARGET} ?(?:来|去|给|帮我)? ?{JUDGE}(?: ?{SENTENCE} ?|"
    rf" )(?P<text>.{{2,}})$",
    # 我的卡丢了属于哪类; 如果客户说 … 会分到哪
    rf"{LEAD}(?:如果|要是|假如|比如)? ?(?:客户|用户|顾客|有人|别人|我)(?:说|问|写|"
    rf"发来?)[:,\s]*(?P<text>.+?)[,\s]*{TARGET}? ?"
    r"(?:会|能|应该)?(?:被)?(?:分到|分成|归到|属于|算|判成|判为|识别成?|怎么(?:分|说|回答|"
    r"判断)).*$",
    rf"{LEAD}(?P<text>.{{4,}}?)[,\s]*(?:这句话?|这条|这个)?(?:会|应该)?(?:被)?(?:分到|分成|归到|"
    rf"归为|属于|算是?|是)(?:哪|什么|啥)"
    r"一?(?:个|种)?(?:类别?|标签|意图|分类)\W*$",
    rf"{LEAD}(?P<text>.{{2,}}?)[,\s]*(?:这句话?|这条|它|这个)?(?:应该|算)?是.{{1,8}}还是.{{1,8}}$",
    rf"{LEAD}(?:把|将) ?(?P<text>.{{2,}}?) ?(?:发|送|传|丢|扔|输入|喂)(?:给|到|进) ?{TARGET}\W*$",
)
OPENS = [re.compile(pattern, re.IGNORECASE) for pattern in OPEN]
VERB = re.compile(
    r"问|试|测|发给|发到|发送|输入|属于|分类|预测|分到|分成|归到|归为|归类|判断|识别|判成|"
    r"哪一?[类个种]|类别|意图|怎么[说看分]|标签|如何(?:看|分)|说",
)
"""With one of these a text in quotation marks is for an endpoint."""
BARE = re.compile(
    rf"{LEAD}(?:问问?|试试?|测试|测测?)(?:一下|下)? ?{TARGET}?(?:一下|看看?|吧|看)?\W*$"
)
"""Asks without saying what."""
OTHER = re.compile(
    r"^(?:进度|状态|结果|情况|训练|部署|数据|什么|哪|多少|怎么样|效果|能力|准确率|基础模型|"
    r"延迟)|数据集|微调|训练|文档|手册|部署|端点的?(?:状态|延迟)|"
    r"文件|表格|附件|每一?[行条句]|这些|这批|批准|磁盘"
)
"""Begins no text for an endpoint."""
COMPARING = re.compile(
    rf"[,;.。、\s]*(?:并且?|再|同时|顺便|也|然后)?[,\s]*(?:和|与|跟|同|对比|比较|拿|看看|显示|"
    rf"再问)? ?(?:一下)? ?(?:{BASE})(?:的)?"
    r"(?:结果|回答|输出|预测|答案)?(?:做|进行|来|也)?(?:一下|一个|个)?(?:比较|对比|相比|比一比|"
    r"比比|比|怎么说|回答|的?说法)?(?:一下|看看|下|一比)?$"
)
COMPARED = re.compile(
    rf"{BY_BASE}|(?:和|与|跟|同|对比|比较|比|compare with|compared to) ?(?:一下|下|"
    rf"一比)? ?(?:the )?(?:{BASE})",
    re.I,
)


def asked(plain: str, with_names: str) -> tuple[str, str] | None:
    """The words that ask, and the text; None when the request is about something else.

    Args:
        with_names: The same request with `xtargetx` for each name of an endpoint or model.
    """
    colon = COLON.search(with_names)
    if colon and not of_ours(colon["text"], colon[0]):
        return plain.removesuffix(colon["text"]), colon["text"]
    if beside := BESIDE_COLON.search(with_names):
        return plain.removesuffix(beside["text"]), beside["text"]
    if BARE.match(with_names):
        return plain, ""
    for pattern in OPENS:
        found = pattern.search(with_names)
        said = COMPARING.sub("", found["text"]) if found else ""
        if found and not OTHER.search(said) and "xtargetx" not in found["text"]:
            return plain, found["text"]
    return None


def of_ours(text: str, whole: str) -> bool:
    """Whether what follows a comma is another wish rather than a text: `测试一下,然后部署`."""
    head = whole[: len(whole) - len(text)].rstrip()
    return head.endswith(",") and bool(OTHER.search(text) or "xtargetx" in text)
