from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import RequestRefused
from core.identity import Caller
from data.files import name_in_form
from tests.data.room import Room

OWNER = Caller()
OTHER = Caller(user="someone else")


def test_an_upload_is_found_again_with_its_bytes(room: Room) -> None:
    saved = room.files.save(OWNER, "a.csv", [b"text,", b"label\n"])

    assert room.files.path(OWNER, saved.id).read_bytes() == b"text,label\n"
    assert room.files.get(OWNER, saved.id).filename == "a.csv"
    assert saved.bytes == 11
    assert [row.id for row in room.files.list(OWNER)] == [saved.id]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("../../x.csv", "path"),
        ("/etc/passwd", "path"),
        ("..\\x.csv", "path"),
        ("a\x00.csv", "control character"),
        ("a\n.csv", "control character"),
        ("invoice\u202evsc.exe", "reading direction"),
        ("é" * 128 + ".csv", "260 bytes"),
        ("%2e%2e%2fx.csv", "path"),
        ("%2e%2e", "is empty"),
        ("a%00.csv", "control character"),
        ("CON", "device"),
        ("lpt1.tar.csv", "device"),
        ("a.csv.", "ends with"),
        ("a.csv ", "ends with"),
        ("", "is empty"),
        ("..", "is empty"),
        ("\ud800.csv", "control character"),
    ],
)
def test_a_misleading_name_is_refused_and_nothing_is_kept(room: Room, name: str, says: str) -> None:
    before = room.everything()
    with pytest.raises(RequestRefused, match=says) as refusal:
        room.files.save_bytes(OWNER, name, b"text,label\n")
    assert refusal.value.code == "bad_filename"
    assert room.everything() == before
    assert room.files.list(OWNER) == []


@pytest.mark.parametrize(
    "name", ["console.csv", "50%.csv", "a%22b.csv", "데이터.csv", "a'; --.csv", "🙂.csv"]
)
def test_a_name_that_is_merely_odd_is_kept_as_text(room: Room, name: str) -> None:
    saved = room.files.save_bytes(OWNER, name, b"x")

    assert room.files.get(OWNER, saved.id).filename == name
    assert room.files.path(OWNER, saved.id).name == saved.id


def test_a_name_from_a_form_is_read_as_browsers_write_it() -> None:
    assert name_in_form("%22my%22 data 50%25.csv") == '"my" data 50%25.csv'
    assert name_in_form("a%0D%0Ab.csv") == "a\r\nb.csv"


def test_an_empty_upload_is_refused_and_leaves_nothing(room: Room) -> None:
    before = room.everything()
    with pytest.raises(RequestRefused, match="empty"):
        room.files.save_bytes(OWNER, "a.csv", b"")
    assert room.everything() == before


def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(room: Room) -> None:
    before = room.everything()
    with pytest.raises(RequestRefused, match="larger than 10 MiB"):
        room.files.save(OWNER, "a.csv", (b"x" * 2**20 for _ in range(20)))
    assert room.everything() == before


def test_an_upload_that_breaks_off_leaves_nothing(room: Room) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError("gone")

    before = room.everything()
    with pytest.raises(ConnectionError):
        room.files.save(OWNER, "a.csv", broken())
    assert room.everything() == before


def test_someone_elses_file_is_as_unknown_as_none(room: Room) -> None:
    saved = room.files.save_bytes(OWNER, "a.csv", b"x")
    for question in (room.files.get, room.files.path, room.files.delete):
        with pytest.raises(RequestRefused, match="There is no file"):
            question(OTHER, saved.id)
    assert room.files.list(OTHER) == []


def test_a_deleted_file_is_gone_from_records_and_disk(room: Room) -> None:
    saved = room.files.save_bytes(OWNER, "a.csv", b"x")
    path: Path = room.files.path(OWNER, saved.id)
    room.files.delete(OWNER, saved.id)

    assert not path.exists()
    with pytest.raises(RequestRefused, match="There is no file"):
        room.files.get(OWNER, saved.id)


def test_a_sweep_removes_only_what_no_record_names(room: Room) -> None:
    saved = room.files.save_bytes(OWNER, "a.csv", b"x")
    orphan = room.storage.path("files", "file-crashed")
    orphan.write_bytes(b"half")

    assert room.files.sweep() == 1
    assert not orphan.exists()
    assert room.files.path(OWNER, saved.id).exists()
