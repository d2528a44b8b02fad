"""Results of every tool in every state, on Chinese data: what must hold for all cards is tried
on these. All that a small house can make is made by it; the rest is as the rooms give it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from agent.language import Words
from agent.shown import approval_view, error_view, view_of
from agent.views import View
from core.identity import ALL_SCOPES, Caller
from core.records.tables import Dataset
from finetune.promote import verdict
from finetune.quote import baselines
from tests.agent import chat_samples
from tests.fakes import train_result
from tools.base import House, ToolContext, call, decide, quote_made

Json = dict[str, Any]
Draw = Callable[[Words], View | None]
OWNER = Caller(scopes=ALL_SCOPES)
AT = 1_780_000_000.0
KINDS = {
    "好评": "房间很干净，床也很舒服，第 {} 次来了，下次还会再来",
    "差评": "空调坏了，等了 {} 天也没有人来修，非常失望",
    "询问": "请问 {} 号那天还有没有空房，可以带小孩吗",
}
GUIDE = "# 退房\n\n退房时间是中午十二点之前，行李可以寄存在前台，不收费用。\n" * 5


def table_of_reviews() -> bytes:
    """160 rows with everything that is worth a remark: copies, contradictions, gaps, a rare one."""
    lines = ["内容,类别,编号"]
    for number in range(150):
        kind = ("好评", "好评", "差评")[number % 3]
        lines.append(f"{KINDS[kind].format(number)},{kind},{number}")
    lines += [f"{KINDS['询问'].format(number)},询问,{number}" for number in range(3)]
    lines += [f"{KINDS['好评'].format(0)},差评,1", f"{KINDS['差评'].format(2)},差评,2", ",好评,3"]
    lines += ["=1+1 房间号写错了,差评,4", f"{'房间很吵。' * 200},差评,5"]
    return "\n".join(lines).encode()


class Samples:
    """What the tools answered, by a name for each."""

    def __init__(self, house: House) -> None:
        self.ctx = ToolContext(house, OWNER, "thread")
        self.drawn: dict[str, Draw] = {}
        self.results: list[tuple[str, Json]] = []
        self.approvals: list[Json] = []
        file = house.files.save(OWNER, "点评.csv", [table_of_reviews()])
        self.tool("create_dataset", name="dianping", file_id=file.id)
        self.data()
        self.plans()
        self.runs()
        self.models()
        self.documents()
        self.by_hand()
        for name, tool, result in chat_samples.results("zh"):
            self.keep(tool, result, name)

    def tool(self, tool: str, **arguments: Any) -> Json:
        result = call(self.ctx, tool, arguments).result
        assert result is not None
        self.keep(tool, result, *map(str, arguments.values()))
        return result

    def keep(self, tool: str, result: Json, *marks: str) -> None:
        self.results.append((tool, result))
        self.drawn[" ".join((tool, *marks))] = lambda w: view_of(tool, result, w)

    def approval(self, approval: Json) -> None:
        self.approvals.append(approval)
        mark = f"approval {approval['tool']} {approval['state']} {approval.get('replaced_by')}"
        self.drawn[mark] = lambda w: approval_view(approval, w)

    def data(self) -> None:
        for tool in ("describe_dataset", "check_dataset", "sample_dataset"):
            self.tool(tool, dataset="dianping")
        self.tool("sample_dataset", dataset="dianping", label="差评", split="train", page=2)
        self.tool("list_datasets")

    def plans(self) -> None:
        house = self.ctx.house
        self.tool("quote_finetune", dataset="dianping", rank=4, epochs=2)
        self.approval(self.asked("start_finetune", dataset="dianping", rank=8))
        self.approval(self.asked("start_finetune", dataset="dianping", rank=4))
        house.follower.tick()
        quote_made(house)
        self.tool("quote_finetune", dataset="dianping", rank=4, seed=3)
        waiting = self.tool("list_approvals")["approvals"][-1]
        self.approval(waiting)
        self.approval(decide(self.ctx, waiting["id"], "approve"))
        for decided in self.tool("list_approvals", all=True)["approvals"]:
            self.approval(decided)
        for state in ("running", "expired", "rejected"):
            self.approval(waiting | {"state": state, "decided_by": "owner (cli)"})
        self.approval(waiting | {"state": "failed", "error": NO_ROOM})

    def asked(self, tool: str, **arguments: Any) -> Json:
        asked = call(self.ctx, tool, arguments).approval
        assert asked is not None
        return asked

    def runs(self) -> None:
        house = self.ctx.house
        going = self.tool("run_status") | {"curve": [[1, 2.0], [5, 1.0]], "seconds": 12.0}
        for phase in ("loading", "baselines", "training", "evaluating", "exporting", "done"):
            moves = {"state": "running", "phase": phase, "step": 5, "total_steps": 20}
            self.keep("run_status", going | moves | {"loss": 1.0, "eta_s": 9000.0}, phase)
        for state in ("queued", "paused", "cancelled"):
            self.keep("run_status", going | {"state": state}, state)
        self.keep("run_status", going | {"cancel_requested": True}, "stopping")
        self.keep("run_status", going | {"state": "failed", "error": NO_ROOM}, "failed")
        self.tool("list_runs")
        house.follower.tick()
        ended = house.runs.report(house.runs.get(OWNER))
        for gain in (5.0, 1.0, -6.0):
            told = with_true_titles(house, train_result(gain=gain))
            report = {"verdict": verdict(told), "baselines": told["baselines"]}
            self.keep("run_status", ended | report, f"{gain}")
        self.approval(self.asked("retry_run", run="last"))
        self.again()

    def again(self) -> None:
        """A second run, to be compared with the first."""
        asked = self.asked("start_finetune", dataset="dianping", rank=16)
        self.ctx.house.follower.tick()
        quote_made(self.ctx.house)
        decide(self.ctx, asked["id"], "approve")
        self.ctx.house.follower.tick()
        self.tool("list_runs")
        self.tool("compare_runs")

    def models(self) -> None:
        self.tool("list_models")
        self.tool("list_models", model="dianping@1")
        self.tool("export_model", model="dianping@1")
        self.approval(self.asked("deploy_endpoint", model="dianping-tfidf@1"))
        self.approval(self.asked("deploy_endpoint", model="dianping@1", name="jiudian"))
        self.approval(self.asked("delete_model", model="dianping-frozen@1"))
        self.approval(self.asked("delete_dataset", dataset="dianping@1"))

    def documents(self) -> None:
        file = self.ctx.house.files.save(OWNER, "须知.md", [GUIDE.encode()])
        self.tool("add_documents", file_id=file.id)
        self.tool("search_docs", query="什么时候退房？")
        self.approval(self.asked("delete_documents", collection="docs"))
        self.approval(self.asked("delete_documents", collection="docs", source="须知.md"))
        self.tool("disk_usage")

    def by_hand(self) -> None:
        for state in ("starting", "live", "stopped", "failed"):
            error = {"error": NO_ROOM} if state == "failed" else {}
            self.keep("endpoint_status", ENDPOINT | {"state": state} | error, state)
        self.keep("list_endpoints", {"endpoints": [ENDPOINT]})
        self.keep("list_endpoints", {"endpoints": []}, "none")
        self.keep("ask_endpoint", ANSWER)
        self.keep("ask_endpoint", ANSWER | {"compared": RIVAL}, "beside")
        self.keep("ask_endpoint", ANSWER | {"compared": RIVAL | {"answer": ANSWER["answer"]}}, "=")
        self.keep("predict_file", PREDICTED)
        self.keep("list_datasets", {"datasets": []}, "none")
        self.keep("list_runs", {"runs": []}, "none")
        self.keep("list_models", {"models": [], "bases": []}, "none")
        self.keep("list_approvals", {"approvals": []}, "none")
        self.keep("search_docs", {"passages": [], "answerable": False}, "none")
        self.approval(
            waiting(
                "stop_endpoint", {"endpoint": "jiudian"}, {"model": "dianping@1", "requests": 12}
            )
        )
        given = {"model": "dianping@1", "column": "内容", "file_id": "file-1"}
        self.approval(
            waiting(
                "predict_file", given, {"rows": 20, "cost": "nothing (it runs on your own machine)"}
            )
        )
        self.drawn["error"] = lambda w: error_view(NO_ROOM, w)

    def views(self, w: Words) -> Iterator[tuple[str, View]]:
        yield from chat_samples.talked("zh", w)
        for name, draw in self.drawn.items():
            view = draw(w)
            assert view is not None, name
            yield name, view


def with_true_titles(house: House, result: Json) -> Json:
    """What a worker says, where the pretended one is brief."""
    true = {
        one["name"]: one["title"]
        for one in baselines(Dataset(task="classification"), house.bases.get().name)
    }
    told = [one | {"title": true[one["name"]]} for one in result["baselines"]]
    return result | {"baselines": told}


def waiting(tool: str, arguments: Json, quote: Json) -> Json:
    return {"id": "ap_9", "tool": tool, "arguments": arguments, "quote": quote, "state": "waiting"}


NO_ROOM: Json = {
    "type": "ServiceFailed",
    "code": "disk_full",
    "message": "The disk has 3 MiB free; this needs 20 MiB and 512 MiB are kept in reserve.",
    "fix": "Free some room; 'what takes room on the disk?' lists what may go.",
}
ENDPOINT: Json = {
    "endpoint": "jiudian",
    "model": "dianping@1",
    "state": "live",
    "traffic": 100,
    "requests": 1234,
    "errors": 2,
    "requests_per_minute": 1.5,
    "latency_ms": {"p50": 4.2, "p95": 9.9},
    "since": AT,
    "error": None,
    "url": "http://127.0.0.1:8000/v1/classify",
    "curl": "curl …",
    "python": "import …",
}
ANSWER: Json = {
    "endpoint": "jiudian",
    "input": "房间很脏",
    "model": "dianping@1",
    "answer": {
        "label": "差评",
        "score": 0.93,
        "labels": [{"label": "差评", "score": 0.93}, {"label": "好评", "score": 0.07}],
    },
    "latency_ms": 4.2,
    "compared": None,
}
RIVAL: Json = {
    "model": "dianping-frozen@1",
    "answer": {"label": "好评", "score": 0.6, "labels": [{"label": "好评", "score": 0.6}]},
    "latency_ms": 3.1,
}
PREDICTED: Json = {
    "file_id": "file-2",
    "filename": "点评-predictions.csv",
    "rows": 20,
    "without_text": 1,
    "labels": [{"label": "差评", "rows": 12}],
    "model": "dianping@1",
    "column": "内容",
}
