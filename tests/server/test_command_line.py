"""The command `thimble`: what it refuses, in one line and before it changes anything."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core import home
from core.errors import SettingsError
from core.settings import Settings
from server.examination import marked
from server.serve import listen, refuse_open_door
from tests.finetune.causal_base import causal_folder


def thimble(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        env=os.environ | {"THIMBLE_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
    )


def test_a_taken_port_is_refused_naming_who_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"Port {port} .* process {os.getpid()}\)"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::"])
def test_without_a_key_it_listens_on_this_machine_only(host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="THIMBLE_API_KEY"):
        refuse_open_door(Settings(home=tmp_path), host)
    refuse_open_door(Settings(home=tmp_path, api_key="a-long-enough-key"), host)
    refuse_open_door(Settings(home=tmp_path), "127.0.0.1")


def test_a_second_server_of_a_home_ends_at_once_naming_the_first(tmp_path: Path) -> None:
    lock = home.take(tmp_path)
    lock.announce("http://127.0.0.1:8765")
    done = thimble(tmp_path, "serve")
    lock.release()
    assert done.returncode == 2
    assert (
        f"is in use by the Thimble at http://127.0.0.1:8765 (process {os.getpid()})" in done.stderr
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (("serve",), {"THIMBLE_HOM": "/tmp"}, "Did you mean THIMBLE_HOME?"),
        (("serve",), {"THIMBLE_DATABASE_URL": "postgresql://x"}, "not supported yet"),
        (("serve", "--host", "0.0.0.0"), {}, "would let other machines in"),
        (("tools",), {}, "Start it with `make chat`"),
        (("upload", "no-such.csv"), {}, "No Thimble runs on"),
        (("call", "list_runs", "{}"), {}, "No Thimble runs on"),
        (("doctor", "no-such.csv"), {}, "no-such.csv"),
        (("base", "add", "x", "/no/such/folder"), {}, "/no/such/folder"),
        (("base", "add", "../x", "/tmp"), {}, "cannot be a name"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], says: str
) -> None:
    done = thimble(tmp_path / "home", *arguments, **environment)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_understanding_a_request_needs_no_server(tmp_path: Path) -> None:
    done = thimble(tmp_path, "understand", "what is running?")
    assert done.stdout.startswith('{"steps": [{"tool": "list_runs"')


def test_a_file_of_cases_gives_a_line_for_each(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"text": "what is running?"}\n\n{"text": "thanks"}\n')
    done = thimble(tmp_path, "understand", "--file", str(cases))
    assert len(done.stdout.splitlines()) == 2


def test_a_line_ends_where_json_lines_says_and_nowhere_else(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"text": "what is\u2028running?"}\n', "utf-8")
    done = thimble(tmp_path, "understand", "--file", str(cases))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)


def test_cases_in_another_encoding_are_refused_in_one_line(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_bytes(b'{"text": "caf\xe9"}\n')
    done = thimble(tmp_path, "understand", "--file", str(cases))
    assert done.returncode == 2
    assert "byte 13" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_table_can_be_examined_without_a_server(tmp_path: Path) -> None:
    tickets = Path(__file__).parent.parent / "files" / "tickets.csv"
    done = thimble(tmp_path, "doctor", str(tickets))
    assert '"rows": 150' in done.stdout, done.stderr


def conversations(folder: Path, count: int = 12) -> Path:
    lines = [
        {
            "messages": [
                {"role": "user", "content": f"And {n}?"},
                {"role": "assistant", "content": "Yes"},
            ]
        }
        for n in range(count)
    ]
    file = folder / "talks.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    return file


def test_conversations_are_examined_with_what_would_train(tmp_path: Path) -> None:
    done = thimble(tmp_path / "home", "doctor", str(conversations(tmp_path)), "--row", "3")
    check = json.loads(done.stdout)["check"]
    assert check["base_model"] == "tiny-chat"
    segments = check["preview"][0]["segments"]
    assert [one["text"] for one in segments if one["trained"]] == ["Yes<|im_end|>"]
    assert "And 2?" in segments[0]["text"]
    assert not (tmp_path / "home").exists()


def test_a_table_can_be_read_as_a_base_does(tmp_path: Path) -> None:
    tickets = Path(__file__).parent.parent / "files" / "tickets.csv"
    done = thimble(tmp_path, "doctor", str(tickets), "--base", "minilm")
    assert json.loads(done.stdout)["check"]["tokens"]["limit"] == 512
    refused = thimble(tmp_path, "doctor", str(tickets), "--base", "tiny-chat")
    assert "does not fit this file. Use one of: minilm." in refused.stderr


def test_what_trains_is_underlined_on_a_terminal() -> None:
    row = {
        "row": 3,
        "tokens": 9,
        "trained_tokens": 2,
        "segments": [{"text": "Hi", "trained": False}, {"text": "Yes", "trained": True}],
    }
    shown = "\n".join(marked([row]))
    assert "\x1b[32m\x1b[4mYes" in shown
    assert "Row 3: 2 of 9 tokens train" in shown


def test_a_file_cannot_steer_the_terminal_that_shows_it() -> None:
    said = {"text": "a\x1b]0;mine\x07\x9b2J\n\tb\u202e", "trained": True}
    row = {"row": 1, "tokens": 9, "trained_tokens": 2, "segments": [said]}

    shown = "\n".join(marked([row]))

    assert "a�]0;mine��2J\n\tb�" in shown


def test_a_base_is_added_to_a_home_that_is_not_there_yet_and_listed(tmp_path: Path) -> None:
    folder = causal_folder(tmp_path / "model", "chatml")
    added = thimble(tmp_path / "home", "base", "add", "mine", str(folder))
    assert json.loads(added.stdout)["kind"] == "causal", added.stderr
    listed = thimble(tmp_path / "home", "base", "list")
    for name in ("minilm", "tiny-chat", "mine"):
        assert f'"name": "{name}"' in listed.stdout


@pytest.mark.parametrize("command", ["serve", "upload", "call", "approve", "chat", "understand"])
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = thimble(tmp_path, command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
