"""What is said to `undo that`, and to a request that is taken back: it never stops anything.

A run, an endpoint or a deletion is only touched where it is named or spoken of by what it is.
"""

import re

from agent.understanding import smalltalk
from agent.understanding.plan import Plan, Step
from agent.world import World

LAST = r"(?:刚才|刚刚|上一?步|上一?个|上一?次|之前|前面|最后一?步|这个|那个|它|这次|那次)"
WHAT = r"(?:删除|操作|步骤?|动作|请求|申请|方案|部署|那个|这个|一步|事情?|改动|修改|决定|批准)"
UNDO = re.compile(
    r"(?:(?:please|can you|could you|i want to|can i) )*(?:undo|revert|take back|roll back)"
    r"(?: (?:it|that|this|the last (?:one|step|thing|action)|my last \w+|what (?:i|you) (?:just )?"
    r"did|the (?:deletion|delete)))?(?: please)?|take (?:it|that) back"
    rf"|(?:请|帮我|我要|我想|能|可以)*(?:把)?(?:{LAST}的?(?:那个|这个)?{WHAT}?(?:给)?)?"
    rf"(?:撤销|撤回|撤消|取消(?=刚才|刚刚|上一?步))"
    rf"(?:掉|一下|了)?(?:{LAST}的?(?:那个|这个)?)?{WHAT}?(?:吧|吗|了|一下)*"
)
DROPPED = re.compile(
    r"(?:刚才|刚刚|上面|前面|上一个)(?:的|说的)?(?:那个|这个|那条|那些)?(?:我)?"
    r"(?:不要|不用|不算|取消|作废)(?:了|吧|啦)*"
    r"|(?:i )?(?:do not|no longer) (?:want|need) (?:that|it|the last one)(?: any ?more)?"
)
WAITS = (
    "Nothing of what waits for approval has been done. Press the reject button on its card, or "
    "run `thimble approve ID --reject` in a terminal."
)
NO_UNDO = (
    "I cannot undo what has been done, and I changed nothing now. Say by name what shall stop or "
    "go, such as “cancel run_1” or “stop the endpoint reviews”; what was deleted stays deleted."
)
GOES_ON = "Nothing new was started, and nothing was stopped: what runs goes on."


def taken_back(text: str, world: World) -> Plan | None:
    """The plan for a normal text that only takes back what was said or done, or None."""
    bared = text.strip(" .!?,")
    if UNDO.fullmatch(bared):
        return waiting(world) or Plan(reply=NO_UNDO)
    return nothing_started(world) if DROPPED.fullmatch(bared) else None


def waiting(world: World) -> Plan | None:
    """What waits for approval, with how it is rejected."""
    return Plan([Step("list_approvals")], None, WAITS) if world.approvals else None


def nothing_started(world: World) -> Plan:
    """The plan for words that start nothing: true also while something waits or runs."""
    if plan := waiting(world):
        return plan
    runs = any(run.active for run in world.runs)
    return Plan(reply=GOES_ON if runs else smalltalk.NOTHING)
