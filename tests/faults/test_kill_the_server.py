"""kill -9 at the worst moments and a restart: was each thing done once, does new work finish?"""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from server.client import Client
from tests.running import RunningThimble

pytestmark = [pytest.mark.faults, pytest.mark.slow]
TICKETS = Path(__file__).parent.parent / "files" / "tickets.csv"


def make_dataset(client: Client, name: str = "tickets") -> str:
    file_id = client.upload(TICKETS)
    return str(client.call("create_dataset", name=name, file_id=file_id)["dataset"])


def wait_for_step(client: Client, run: str) -> dict[str, Any]:
    """Until the run has done a step of its training."""
    while True:
        status = client.call("run_status", run=run)
        if status["step"] or status["state"] not in ("queued", "running"):
            return status
        time.sleep(0.2)


def new_work_finishes(client: Client, dataset: str) -> None:
    run = client.run_approved("start_finetune", dataset=dataset, epochs=1, seed=99)["run"]
    assert client.wait(run)["state"] == "succeeded"


def test_killed_in_the_middle_of_an_upload_it_leaves_no_half_file(home: Path) -> None:
    with RunningThimble(home) as thimble:
        half_an_upload(thimble)
        thimble.start()
        with thimble.client() as client:
            assert client._send("GET", "/v1/files")["data"] == []
            assert list((home / "files").iterdir()) == []
            make_dataset(client)


def half_an_upload(thimble: RunningThimble) -> None:
    """Begin to send a file and stop in the middle of it."""
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n'
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1:{thimble.port}\r\nContent-Length: 9000000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", thimble.port)) as sender:
        sender.sendall(head + part + b"text,label\n" * 200_000)
        time.sleep(0.5)
        thimble.kill()


def test_killed_in_the_middle_of_training_the_run_goes_on_and_is_reported_once(
    home: Path,
) -> None:
    with RunningThimble(home) as thimble:
        with thimble.client() as client:
            dataset = make_dataset(client)
            run = client.run_approved("start_finetune", dataset=dataset, epochs=20)["run"]
            assert wait_for_step(client, run)["state"] == "running"
        thimble.restart()
        with thimble.client() as client:
            status = client.wait(run)
            assert (status["state"], status["attempt"]) == ("succeeded", 1)
            assert len(client.call("list_runs")["runs"]) == 1
            refs = [model["model"] for model in client.call("list_models")["models"]]
            assert len(refs) == len(set(refs)) == 3
            new_work_finishes(client, dataset)


def test_killed_in_the_middle_of_a_deployment_the_endpoint_serves_after_the_restart(
    home: Path,
) -> None:
    with RunningThimble(home) as thimble:
        with thimble.client() as client:
            dataset = make_dataset(client)
            run = client.run_approved("start_finetune", dataset=dataset, epochs=1)["run"]
            model = client.wait(run)["model"]
            asked = client.call("deploy_endpoint", model=model, name="desk")["approval"]
        kill_while_deciding(thimble, asked["id"])
        thimble.start()
        with thimble.client() as client:
            wait_until_live(client, "desk")
            assert client.classify("desk", "where is my card?")["data"][0]["label"]
            assert [one["endpoint"] for one in client.call("list_endpoints")["endpoints"]] == [
                "desk"
            ]
            assert client.approval(asked["id"])["state"] == "done"
            new_work_finishes(client, dataset)


def kill_while_deciding(thimble: RunningThimble, approval_id: str) -> None:
    """Send the decision, and kill the server as soon as the approval is taken."""
    token = (thimble.home / "owner.token").read_text()
    body = b'{"decision": "approve"}'
    request = (
        f"POST /api/approvals/{approval_id} HTTP/1.1\r\nHost: 127.0.0.1:{thimble.port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    with (
        thimble.client() as client,
        socket.create_connection(("127.0.0.1", thimble.port)) as sender,
    ):
        sender.sendall(request + body)
        while client.approval(approval_id)["state"] == "waiting":
            pass
        thimble.kill()


def wait_until_live(client: Client, endpoint: str) -> None:
    end = time.monotonic() + 60
    while client.call("endpoint_status", endpoint=endpoint)["state"] != "live":
        assert time.monotonic() < end
        time.sleep(0.2)


def test_an_endpoint_comes_back_by_itself_after_kill_9(home: Path) -> None:
    with RunningThimble(home) as thimble:
        with thimble.client() as client:
            dataset = make_dataset(client)
            run = client.run_approved("start_finetune", dataset=dataset, epochs=1)["run"]
            model = client.wait(run)["model"]
            client.run_approved("deploy_endpoint", model=model, name="desk")
            before = client.classify("desk", "where is my card?")["data"]
        thimble.restart()
        with thimble.client() as client:
            wait_until_live(client, "desk")
            assert client.classify("desk", "where is my card?")["data"] == before
