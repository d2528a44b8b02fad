"""The tools for endpoints, through the one door, with true engines."""

import csv
import io
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from core import approvals
from core.errors import RequestRefused
from core.identity import API_SCOPES, Caller
from core.records.queries import stamp
from core.records.tables import Json, Run
from launchers.base import Capacity
from launchers.local.launcher import LocalLauncher
from serving import snippets
from serving.supervisor import Supervisor
from tests.serving.artifacts import add_model
from tests.serving.talking import add_chat_model
from tools import base
from tools.base import House, ToolContext
from tools.deploy_endpoint import how_to_call

OWNER = Caller(scopes=API_SCOPES)


@pytest.fixture
def ctx(house: House) -> Iterator[ToolContext]:
    launcher = LocalLauncher(house.settings.home, os.environ, Capacity(cpus=2), grace_s=2)
    supervisor = Supervisor(house.database, house.storage, launcher, house.bus)
    supervisor.start()
    real = replace(house, launcher=launcher, supervisor=supervisor)
    yield base.as_person(ToolContext(real, OWNER))
    supervisor.stop()


@pytest.fixture
def pets(ctx: ToolContext) -> str:
    """Two models of one run, the tuned one and the untuned; nothing is live."""
    home = ctx.house.settings.home
    add_model(ctx.house.database, home, OWNER, "pets")
    add_model(ctx.house.database, home, OWNER, "pets-frozen", "linear", "frozen", strength=1.0)
    return "pets"


@pytest.fixture
def zoo(ctx: ToolContext, pets: str) -> str:
    run(ctx, "deploy_endpoint", model=pets, name="zoo")
    return "zoo"


def call(ctx: ToolContext, tool: str, **arguments: object) -> Json:
    result = base.call(ctx, tool, arguments).result
    assert result is not None, "this needs approval"
    return result


def ask(ctx: ToolContext, tool: str, **arguments: object) -> Json:
    approval = base.call(ctx, tool, arguments).approval
    assert approval is not None, "this should need approval"
    return approval


def run(ctx: ToolContext, tool: str, **arguments: object) -> Json:
    decided = base.decide(ctx, ask(ctx, tool, **arguments)["id"], "approve")
    assert decided["error"] is None, decided["error"]
    result: Json = decided["result"]
    return result


def upload(ctx: ToolContext, name: str, content: str) -> str:
    return ctx.house.files.save_bytes(OWNER, name, content.encode()).id


def test_deploying_waits_for_approval_with_the_version_and_what_it_replaces(
    ctx: ToolContext, zoo: str
) -> None:
    asked = ask(ctx, "deploy_endpoint", model="pets-frozen", name="zoo")

    assert asked["arguments"] == {"model": "pets-frozen@1", "name": "zoo"}
    assert asked["quote"]["replaces"] == "pets@1"
    assert call(ctx, "endpoint_status", endpoint="zoo")["model"] == "pets@1"


def test_deploying_what_the_report_advises_against_says_so(ctx: ToolContext, pets: str) -> None:
    model = ctx.house.supervisor.endpoints.model(OWNER, pets)
    with ctx.house.database.write() as session:
        session.add(
            Run(
                id=model.run_id,
                dataset="pets@1",
                base_model="minilm",
                recipe={},
                result={"verdict": {"recommend": "frozen"}},
                **stamp(OWNER),
            )
        )

    against = ask(ctx, "deploy_endpoint", model=pets)["quote"]
    advised = ask(ctx, "deploy_endpoint", model="pets-frozen")["quote"]

    assert "recommends its linear model on the frozen base instead" in against["advice"]
    assert "advice" not in advised


def test_a_deployed_endpoint_has_the_name_of_its_model_and_says_how_to_call_it(
    ctx: ToolContext, pets: str
) -> None:
    result = run(ctx, "deploy_endpoint", model=pets)

    assert (result["endpoint"], result["model"], result["state"]) == ("pets", "pets@1", "live")
    assert result["url"] == "http://127.0.0.1:8000/v1/classify"
    assert '"model": "pets"' in result["curl"] and result["url"] in result["curl"]
    compile(result["python"], "snippet", "exec")


def test_the_example_is_in_the_language_of_the_training_texts() -> None:
    how = snippets.how_to_call("http://here", "zoo", with_key=False, scripts={"han": 0.9})

    assert '"input": "你好，我有一个问题"' in how["curl"]
    assert '"input": "你好，我有一个问题"' in how["python"]
    assert "hello" in snippets.how_to_call("http://here", "zoo", with_key=False)["curl"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"model": "nothing"}, "not_found"),
        ({"model": "pets@7"}, "not_found"),
        ({"model": "pets", "name": "../zoo"}, "bad_name"),
        ({}, "missing_argument"),
        ({"model": "pets", "path": "/etc"}, "unknown_argument"),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anybody_is_asked(
    ctx: ToolContext, pets: str, arguments: Json, code: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "deploy_endpoint", arguments)

    assert refused.value.code == code
    assert call(ctx, "list_approvals")["approvals"] == []


def test_running_the_same_approval_again_leaves_one_endpoint(ctx: ToolContext, pets: str) -> None:
    asked = ask(ctx, "deploy_endpoint", model=pets)
    first = base.decide(ctx, asked["id"], "approve")
    again = base.decide(ctx, asked["id"], "approve")

    assert first["result"] == again["result"]
    assert [one["endpoint"] for one in call(ctx, "list_endpoints")["endpoints"]] == ["pets"]


def test_an_endpoint_answers_and_is_compared_with_the_untuned_base(
    ctx: ToolContext, zoo: str
) -> None:
    result = call(ctx, "ask_endpoint", input="the cat says meow", compare_with="base")

    assert result["endpoint"] == "zoo"
    assert result["answer"]["label"] == result["compared"]["answer"]["label"] == "cat"
    assert result["answer"]["score"] > result["compared"]["answer"]["score"]
    assert result["compared"]["model"] == "pets-frozen@1"
    assert result["latency_ms"] > 0
    assert len(result["answer"]["labels"]) == 3


def test_asking_when_nothing_is_live_says_what_to_do(ctx: ToolContext, pets: str) -> None:
    with pytest.raises(RequestRefused, match=r"No endpoint is live\. deploy_endpoint"):
        call(ctx, "ask_endpoint", input="meow")


def test_comparing_with_a_base_that_was_not_kept_is_refused(ctx: ToolContext, zoo: str) -> None:
    add_model(ctx.house.database, ctx.house.settings.home, OWNER, "lone", run_id="run_9")
    run(ctx, "deploy_endpoint", model="lone")

    with pytest.raises(RequestRefused, match="No untuned model"):
        call(ctx, "ask_endpoint", endpoint="lone", input="meow", compare_with="base")


def test_the_status_counts_requests_and_tells_latency(ctx: ToolContext, zoo: str) -> None:
    for _ in range(3):
        call(ctx, "ask_endpoint", endpoint=zoo, input="woof")

    status = call(ctx, "endpoint_status")

    assert (status["endpoint"], status["state"]) == ("zoo", "live")
    assert (status["version"], status["traffic"]) == ("pets@1", 100)
    assert (status["requests"], status["errors"]) == (3, 0)
    assert 0 < status["latency_ms"]["p50"] <= status["latency_ms"]["p95"]


def test_stopping_waits_for_approval_and_then_nothing_answers(ctx: ToolContext, zoo: str) -> None:
    asked = ask(ctx, "stop_endpoint", endpoint=zoo)
    assert call(ctx, "ask_endpoint", endpoint=zoo, input="meow")["answer"]["label"] == "cat"

    stopped = base.decide(ctx, asked["id"], "approve")["result"]

    assert stopped["state"] == "stopped"
    assert call(ctx, "list_endpoints")["endpoints"] == []
    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "stop_endpoint", {"endpoint": zoo})
    assert refused.value.code == "not_found"


def test_stopping_is_bound_to_the_model_that_the_request_named(ctx: ToolContext, zoo: str) -> None:
    asked = ask(ctx, "stop_endpoint", endpoint=zoo)
    run(ctx, "deploy_endpoint", model="pets-frozen", name=zoo)

    decided = base.decide(ctx, asked["id"], "approve")

    assert (decided["state"], decided["error"]["code"]) == ("failed", "approval_mismatch")
    assert call(ctx, "endpoint_status", endpoint=zoo)["model"] == "pets-frozen@1"


def test_stopping_again_after_a_crash_is_the_same_as_once(ctx: ToolContext, zoo: str) -> None:
    asked = ask(ctx, "stop_endpoint", endpoint=zoo)
    first = base.decide(ctx, asked["id"], "approve")

    again = base.run_approved(ctx.house, approvals.get(ctx.house.database, OWNER, asked["id"]))

    assert (again["state"], again["result"]) == ("done", first["result"])


def test_a_file_comes_back_with_a_label_and_a_score_in_each_row(ctx: ToolContext, zoo: str) -> None:
    file_id = upload(ctx, "sounds.csv", 'id,text\n1,"meow, meow"\n2,woof woof\n3,\n4,tweet!\n')

    result = run(ctx, "predict_file", file_id=file_id)

    content = ctx.house.files.path(OWNER, result["file_id"]).read_text()
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["label"] for row in rows] == ["cat", "dog", "", "bird"]
    assert rows[0]["text"] == "meow, meow"
    assert float(rows[1]["score"]) > 0.9
    assert (result["rows"], result["without_text"], result["model"]) == (4, 1, "pets@1")
    assert result["filename"] == "sounds-predictions.csv"


def test_a_file_that_has_labels_keeps_them(ctx: ToolContext, zoo: str) -> None:
    file_id = upload(ctx, "sounds.csv", "text,label\n" + "a meow in the night,dog\n" * 3)

    result = run(ctx, "predict_file", file_id=file_id, model="pets@1")

    content = ctx.house.files.path(OWNER, result["file_id"]).read_text()
    assert content.splitlines()[1].startswith("a meow in the night,dog,cat,0.9")


@pytest.mark.parametrize(
    ("content", "arguments", "code"),
    [
        ("text\nmeow\n", {"column": "body"}, "unknown_column"),
        ("text\nmeow\n", {"model": "nothing"}, "not_found"),
        ("text\nmeow\n", {"endpoint": "nothing"}, "not_found"),
        ("one,two\nmeow here,woof there\nwoof here,meow there\n", {}, "ambiguous_columns"),
        ("text\n", {}, "no_rows"),
    ],
)
def test_a_file_that_cannot_be_predicted_is_refused_before_anybody_is_asked(
    ctx: ToolContext, zoo: str, content: str, arguments: Json, code: str
) -> None:
    file_id = upload(ctx, "sounds.csv", content)

    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "predict_file", {"file_id": file_id, **arguments})

    assert refused.value.code == code


class Echo(BaseHTTPRequestHandler):
    """Answers as the contract says, and remembers who asked how."""

    seen: ClassVar[list[tuple[str, str | None, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"data": [{"label": "cat"}]}')

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.parametrize("with_key", [False, True])
def test_the_snippets_work_as_they_stand(with_key: bool) -> None:
    Echo.seen.clear()
    server = HTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    env = dict(os.environ, THIMBLE_API_KEY="a key; with $igns", no_proxy="127.0.0.1")
    how = snippets.how_to_call(url, "zoo", with_key=with_key)
    lines = [["sh", "-c", how["curl"]], ["python3", "-c", how["python"]]]
    try:
        shown = [
            subprocess.run(line, env=env, capture_output=True, text=True, check=True).stdout
            for line in lines
        ]
    finally:
        server.shutdown()
        server.server_close()

    key = "Bearer a key; with $igns" if with_key else None
    body = b'{"model": "zoo", "input": "hello, I have a question"}'
    assert Echo.seen == [("/v1/classify", key, body)] * 2
    assert all("cat" in text for text in shown)


def test_a_chat_endpoint_is_called_with_a_question_of_its_own_test_rows(ctx: ToolContext) -> None:
    home = ctx.house.settings.home
    rows = [
        [("user", f"Where's card {n}?" + " really" * (n % 2) * 90), ("assistant", f"Here {n}.")]
        for n in range(40)
    ]
    lines = [{"messages": [{"role": r, "content": c} for r, c in row]} for row in rows]
    file_id = upload(ctx, "talks.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    talks = ctx.house.datasets.create(OWNER, name="talks", file_id=file_id)
    add_chat_model(ctx.house.database, home, OWNER, "cat")

    first = next(
        messages[0]["content"]
        for _, messages, _ in ctx.house.datasets.conversations(talks, "test")
        if len(messages[0]["content"]) <= 200
    )
    how = how_to_call(ctx, "zoo", "cat@1")
    assert json.dumps(first) in how["python"] and '"temperature": 0' in how["curl"]

    ctx.house.datasets.delete(OWNER, talks.ref)
    assert "hello, I have a question" in how_to_call(ctx, "zoo", "cat@1")["curl"]
