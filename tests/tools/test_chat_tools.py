"""The tools of serving with chat models: deploy, ask, compare, status, a file of prompts."""

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.errors import RequestRefused
from core.identity import API_SCOPES, Caller
from core.records.queries import stamp
from core.records.tables import Json, Run
from launchers.base import Capacity
from serving.predict import write
from serving.supervisor import Supervisor
from tests.serving.artifacts import add_model
from tests.serving.talking import BASE, Bases, TalkingLauncher, add_chat_model
from tools import base
from tools.base import House, ToolContext

OWNER = Caller(scopes=API_SCOPES)


@pytest.fixture
def ctx(house: House) -> Iterator[ToolContext]:
    home = house.settings.home
    launcher = TalkingLauncher(home, os.environ, Capacity(cpus=2), grace_s=2)
    supervisor = Supervisor(house.database, house.storage, launcher, house.bus, Bases(home))
    supervisor.start()
    real = replace(house, launcher=launcher, supervisor=supervisor)
    add_chat_model(house.database, home, OWNER)
    yield base.as_person(ToolContext(real, OWNER))
    supervisor.stop()


@pytest.fixture
def zoo(ctx: ToolContext) -> Json:
    return run(ctx, "deploy_endpoint", model="cat", name="zoo")


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


def upload(ctx: ToolContext, content: str) -> str:
    return ctx.house.files.save_bytes(OWNER, "prompts.csv", content.encode()).id


def rows_of(ctx: ToolContext, result: Json) -> list[dict[str, str]]:
    content = ctx.house.files.path(OWNER, result["file_id"]).read_text()
    return list(csv.DictReader(io.StringIO(content)))


@pytest.mark.parametrize(
    ("recommended", "said"),
    [
        ("base", "the report of run_1 recommends the base as it is instead"),
        ("nearest", "the report of run_1 recommends looking answers up instead"),
        ("frequent", "the report of run_1 recommends one fixed answer instead"),
    ],
)
def test_deploying_a_chat_model_that_the_report_advises_against_says_so(
    ctx: ToolContext, recommended: str, said: str
) -> None:
    found = {"verdict": {"recommend": recommended}}
    fields = {"dataset": "talks@1", "base_model": BASE, "recipe": {}, "result": found}
    with ctx.house.database.write() as session:
        session.add(Run(id="run_1", **fields, **stamp(OWNER)))

    assert ask(ctx, "deploy_endpoint", model="cat")["quote"]["advice"] == said


def test_a_deployed_chat_model_says_how_it_is_called(ctx: ToolContext, zoo: Json) -> None:
    assert (zoo["endpoint"], zoo["model"], zoo["state"]) == ("zoo", "cat@1", "live")
    assert zoo["url"] == "http://127.0.0.1:8000/v1/chat/completions"
    assert '"messages": [{"role": "user"' in zoo["curl"]
    compile(zoo["python"], "snippet", "exec")


def test_the_plan_of_a_deployment_names_the_base(ctx: ToolContext) -> None:
    quote = ask(ctx, "deploy_endpoint", model="cat")["quote"]

    assert (quote["engine"], quote["base_model"]) == ("torch_lm", BASE)


def test_a_chat_endpoint_answers_beside_its_untuned_base(ctx: ToolContext, zoo: Json) -> None:
    result = call(ctx, "ask_endpoint", input="hello you", compare_with="base")

    assert (result["endpoint"], result["task"], result["model"]) == ("zoo", "chat", "cat@1")
    assert result["answer"] == {
        "text": "meow meow",
        "finish_reason": "stop",
        "prompt_tokens": 2,
        "completion_tokens": 2,
    }
    assert 0 <= result["ttft_ms"] <= result["latency_ms"]
    assert result["compared"]["model"] == BASE
    assert result["compared"]["answer"]["text"] == "hello you"


def test_a_chat_endpoint_is_compared_with_another_model_of_its_kind_only(
    ctx: ToolContext, zoo: Json
) -> None:
    add_chat_model(ctx.house.database, ctx.house.settings.home, OWNER, "dog", "woof")
    add_model(ctx.house.database, ctx.house.settings.home, OWNER)

    other = call(ctx, "ask_endpoint", input="hello", compare_with="dog")["compared"]
    with pytest.raises(RequestRefused) as refused:
        call(ctx, "ask_endpoint", input="hello", compare_with="pets")

    assert (other["model"], other["answer"]["text"]) == ("dog@1", "woof")
    assert refused.value.code == "wrong_task"


@pytest.mark.parametrize("text", ["", " ", "x" * 32_001])
def test_a_text_that_cannot_be_asked_is_refused(ctx: ToolContext, zoo: Json, text: str) -> None:
    with pytest.raises(RequestRefused):
        call(ctx, "ask_endpoint", input=text)


def test_the_status_tells_how_fast_it_writes(ctx: ToolContext, zoo: Json) -> None:
    for _ in range(3):
        call(ctx, "ask_endpoint", input="slowly one two")

    status = call(ctx, "endpoint_status")

    assert (status["task"], status["requests"], status["errors"]) == ("chat", 3, 0)
    assert status["writing"]["tokens_per_s"] > 5
    assert status["writing"]["completion_tokens"] == 3
    assert status["url"].endswith("/v1/chat/completions")


def test_a_file_of_prompts_comes_back_with_an_answer_in_each_row(
    ctx: ToolContext, zoo: Json
) -> None:
    file_id = upload(ctx, "id,prompt\n1,hello you\n2,\n3,refuse this\n4,one two three\n")

    result = run(ctx, "predict_file", file_id=file_id)

    rows = rows_of(ctx, result)
    assert [row["answer"] for row in rows] == ["meow meow", "", "", "meow meow meow"]
    assert [row["ended"] for row in rows] == ["stop", "", "prompt_too_long", "stop"]
    assert (result["rows"], result["without_text"], result["answered"]) == (4, 1, 2)
    assert (result["refused"], result["out_of_time"], result["column"]) == (1, 0, "prompt")
    assert result["examples"][0] == {"text": "hello you", "answer": "meow meow"}


def test_a_file_with_more_prompts_than_can_be_answered_is_refused_before_anybody_is_asked(
    ctx: ToolContext, zoo: Json
) -> None:
    file_id = upload(ctx, "prompt\n" + "hello\n" * 1001)

    with pytest.raises(RequestRefused) as refused:
        base.call(ctx, "predict_file", {"file_id": file_id})

    assert refused.value.code == "too_many_rows"


def test_what_time_runs_out_for_stays_without_an_answer() -> None:
    assert write(["a", None, "b"], lambda text: (text, "stop"), limit_s=0) == [None] * 3
    assert write(["a", "", "b"], lambda text: (text, "stop")) == [
        ("a", "stop"),
        None,
        ("b", "stop"),
    ]
