"""The contract over HTTP, against a real server; only training is done by a fake worker."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from agent import preferences
from agent.preferences import Preferences
from core.errors import RequestRefused
from core.identity import Caller
from core.records.tables import Message
from server.client import Client
from tools.base import House

SSE = "text/event-stream; charset=utf-8"
TICKETS = Path(__file__).parent.parent / "files" / "tickets.csv"


@pytest.fixture
def dataset(program: Client) -> str:
    made = program.call("create_dataset", name="tickets", file_id=program.upload(TICKETS))
    return str(made["dataset"])


def test_the_main_job_over_rest_ends_in_a_model(owner: Client, dataset: str) -> None:
    run = owner.run_approved("start_finetune", dataset=dataset, epochs=1)["run"]
    status = owner.wait(run, poll_s=0.05)
    assert status["state"] == "succeeded"
    ids = [model["id"] for model in owner._send("GET", "/v1/models")["data"]]
    assert {"minilm", status["model"]} <= set(ids)


def test_a_file_comes_back_as_it_went_in(owner: Client) -> None:
    identifier = owner.upload(TICKETS)
    assert owner.download(identifier) == TICKETS.read_bytes()


def test_a_deleted_file_is_gone(url: str, owner: Client) -> None:
    identifier = owner.upload(TICKETS)
    assert httpx.delete(f"{url}/v1/files/{identifier}").json()["deleted"] is True
    assert httpx.get(f"{url}/v1/files/{identifier}").status_code == 404


def test_what_spends_answers_202_with_the_approval_that_it_waits_for(
    url: str, dataset: str
) -> None:
    body = {"arguments": {"dataset": dataset}}
    answer = httpx.post(f"{url}/api/tools/start_finetune", json=body)
    approval = answer.json()["approval"]
    assert answer.status_code == 202
    assert {"id", "tool", "arguments", "quote", "expires_at", "state"} <= approval.keys()
    listed = httpx.get(f"{url}/api/approvals").json()["approvals"]
    assert [one["id"] for one in listed] == [approval["id"]]


def test_a_program_without_the_owners_token_cannot_decide(program: Client, dataset: str) -> None:
    asked = program.call("start_finetune", dataset=dataset)["approval"]
    with pytest.raises(RequestRefused) as refused:
        program.approve(asked["id"])
    assert refused.value.code == "forbidden"
    assert program.call("list_runs")["runs"] == []


def test_rejecting_then_approving_answers_409(owner: Client, dataset: str) -> None:
    asked = owner.call("start_finetune", dataset=dataset)["approval"]
    assert owner.reject(asked["id"])["state"] == "rejected"
    with pytest.raises(RequestRefused) as refused:
        owner.approve(asked["id"])
    assert refused.value.code == "already_decided"


def test_a_post_with_the_same_idempotency_key_is_done_once(url: str, house: House) -> None:
    headers = {"Idempotency-Key": "upload-1"}
    answers = [
        httpx.post(
            f"{url}/v1/files",
            files={"file": ("t.csv", TICKETS.read_bytes())},
            headers=headers,
        )
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()
    assert len(httpx.get(f"{url}/v1/files").json()["data"]) == 1


def test_an_idempotency_key_used_for_another_body_is_refused(url: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = httpx.post(f"{url}/api/tools/list_runs", json={"arguments": {}}, headers=headers)
    other = httpx.post(
        f"{url}/api/tools/list_runs", json={"arguments": {"active": True}}, headers=headers
    )
    assert (first.status_code, other.status_code) == (200, 422)
    assert other.json()["error"]["code"] == "idempotency_key_reused"


def test_a_message_with_the_same_idempotency_key_is_said_once(url: str, house: House) -> None:
    body = {"thread_id": "t", "text": "what can you do?"}
    headers = {"Idempotency-Key": "message-1"}
    answers = [httpx.post(f"{url}/api/chat", json=body, headers=headers) for _ in range(2)]
    assert answers[0].text == answers[1].text != ""
    assert [answer.headers["content-type"] for answer in answers] == [SSE, SSE]
    with house.database.read() as session:
        said = session.scalars(select(Message).where(Message.thread_id == "t")).all()
    assert len(said) == 2
    other = httpx.post(f"{url}/api/chat", json=body | {"text": "hello"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def test_a_message_is_answered_to_its_end_when_the_listener_leaves(url: str) -> None:
    body = {"thread_id": "t", "text": "what can you do?"}
    headers = {"Idempotency-Key": "message-1"}
    with httpx.stream("POST", f"{url}/api/chat", json=body, headers=headers) as left:
        assert left.status_code == 200
    again = httpx.post(f"{url}/api/chat", json=body, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert "turn_ended" in again.text


def test_cards_come_in_the_language_that_is_asked_for(url: str) -> None:
    body = {"thread_id": "t", "text": "what is running?", "language": "zh"}
    assert "还没有训练任务" in httpx.post(f"{url}/api/chat", json=body).text


def test_a_language_asked_for_in_a_conversation_wins_over_the_saved_one(
    url: str, house: House
) -> None:
    preferences.save(house.database, Caller(), Preferences(language="en"))
    body = {"thread_id": "t", "text": "what is running?"}

    asked = httpx.post(f"{url}/api/chat", json=body | {"language": "zh"}).text
    hinted = httpx.post(f"{url}/api/chat", json=body | {"page_language": "zh"}).text

    preferences.save(house.database, Caller(), Preferences())
    assert "还没有训练任务" in asked
    assert "还没有训练任务" not in hinted
    free = httpx.post(f"{url}/api/chat", json=body | {"page_language": "zh"}).text
    assert "还没有训练任务" in free


def test_a_quotation_mark_in_a_file_name_is_kept(url: str) -> None:
    files = {"file": ('my "best" 5%25.csv', b"text,label\n")}

    assert httpx.post(f"{url}/v1/files", files=files).json()["filename"] == 'my "best" 5%25.csv'


def test_files_are_listed_in_pages(program: Client, url: str) -> None:
    ids = [program.upload(TICKETS, purpose=word) for word in ("a", "b", "a")]

    def listed(**query: str | int) -> tuple[list[str], bool]:
        found = httpx.get(f"{url}/v1/files", params=query).json()
        return [one["id"] for one in found["data"]], found["has_more"]

    assert listed() == (ids, False)
    assert listed(limit=2) == (ids[:2], True)
    assert listed(limit=2, after=ids[1]) == (ids[2:], False)
    assert listed(order="desc", limit=1) == (ids[2:], True)
    assert listed(purpose="a") == ([ids[0], ids[2]], False)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1000000000", "limit=many", "order=up", "page=-1", "after=no"],
)
def test_a_page_that_cannot_be_is_refused(url: str, query: str) -> None:
    answer = httpx.get(f"{url}/v1/files?{query}")
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["param"] == query.partition("=")[0]
    assert answer.json()["error"]["fix"]


@pytest.mark.parametrize(
    "fields", [{"purpose": "x" * 65}, {"purpose": "a\nb"}, {"expires_after": "1"}, {"a": "1"}]
)
def test_a_field_beside_the_file_that_is_not_read_is_refused(
    url: str, house: House, fields: dict[str, str]
) -> None:
    form = {"file": ("t.csv", TICKETS.read_bytes())}
    answer = httpx.post(f"{url}/v1/files", files=form, data=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in fields
    assert list((house.settings.home / "files").iterdir()) == []


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/tools/no_such_tool", b"{}", 404, "not_found"),
        ("/api/tools/list_runs", b"[]", 400, "bad_json"),
        ("/api/tools/list_runs", b'{"arguments": {}, "arguments": {}}', 400, "bad_json"),
        ("/api/tools/list_runs", b'{"arguments": {"n": NaN}}', 400, "bad_json"),
        ("/api/tools/list_runs", b'{"argumens": {}}', 400, "unknown_argument"),
        ("/api/tools/list_runs", b'{"arguments": []}', 400, "invalid_request"),
        ("/api/tools/list_runs", b"[" * 50_000, 400, "bad_json"),
        ("/api/tools/list_runs", b'"' + b"x" * (2**21 + 1), 413, "too_large"),
        ("/api/tools/describe_dataset", b'{"arguments": {"dataset": "no"}}', 404, "not_found"),
        ("/api/approvals/ap_99", b'{"decision": "reject"}', 403, "forbidden"),
        ("/api/chat", b'{"thread_id": "t", "text": " \\n "}', 400, "invalid_request"),
        ("/api/chat", b'{"text": "hi"}', 400, "invalid_request"),
        ("/api/chat", b'{"thread_id": "t", "text": "hi", "language": 3}', 400, "invalid_argument"),
        ("/api/tools/list_runs", b'{"thread_id": "' + b"x" * 81 + b'"}', 400, "invalid_request"),
        ("/v1/classify", b'{"model": "no-such", "input": "hi"}', 404, "not_found"),
        ("/v1/no_such_route", b"{}", 404, "not_found"),
        ("/v1/files", b"{}", 400, "missing_argument"),
    ],
)
def test_bad_requests_get_a_clear_error_of_one_shape(
    url: str, path: str, body: bytes, status: int, code: str
) -> None:
    answer = httpx.post(url + path, content=body, headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert {"type", "code", "message", "param", "fix", "request_id"} <= error.keys()
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"dataset": "no-such"},
        {"epochs": 0},
        {"epochs": -3},
        {"rank": 10**9},
        {"learning_rate": 1e308},
        {"learning_rate": "fast"},
        {"batch_size": "32"},
        {"seed": -1},
        {"base_model": "../../etc/passwd"},
        {"gpu_type": "A100"},
    ],
)
def test_an_absurd_finetuning_is_refused_and_leaves_nothing_behind(
    url: str, program: Client, dataset: str, house: House, arguments: dict[str, Any]
) -> None:
    before = sorted(path.name for path in (house.settings.home / "jobs").iterdir())
    with pytest.raises(RequestRefused) as refused:
        program.call("start_finetune", {"dataset": dataset} | arguments)
    assert refused.value.message
    assert program.call("list_approvals")["approvals"] == []
    assert sorted(path.name for path in (house.settings.home / "jobs").iterdir()) == before


def test_a_file_over_the_limit_is_refused_and_leaves_nothing_on_the_disk(
    url: str, house: House
) -> None:
    def too_much() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.csv"\r\n\r\n'
        for _ in range(house.settings.max_upload_mb + 2):
            yield b"a" * 2**20
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = httpx.post(f"{url}/v1/files", content=too_much(), headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "file_too_large")
    assert list((house.settings.home / "files").iterdir()) == []


def test_what_is_announced_as_too_large_is_refused_before_it_is_sent(
    url: str, house: House
) -> None:
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 999999999999\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert list((house.settings.home / "files").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../x.csv", "/etc/passwd", "a\\b.csv", "a\x00b.csv", "a\u202eb"]
)
def test_a_file_name_that_could_be_a_path_stays_inside_or_is_refused(
    program: Client, house: House, tmp_path: Path, name: str
) -> None:
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}
    form = {"file": (name, TICKETS.read_bytes())}
    answer = httpx.post(f"{program.url}/v1/files", files=form)
    assert answer.status_code in (200, 400)
    assert {path for path in tmp_path.rglob("*") if "home" not in path.parts} == before
    stored = [path.name for path in (house.settings.home / "files").iterdir()]
    assert all(name.startswith("file-") for name in stored)


def test_health_is_200_only_when_new_work_would_succeed(url: str, house: House) -> None:
    sick = httpx.get(f"{url}/healthz")
    assert sick.status_code == 503
    assert "not built" in sick.json()["checks"]["help"]
    assert sick.json()["checks"]["records"] == "ok"


def test_who_reads_the_chat_is_told_in_both_languages(program: Client) -> None:
    assert "leaves this machine" in program.where_text_goes()
    assert "不会离开这台机器" in program.where_text_goes("zh")
