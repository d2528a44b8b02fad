import json
from pathlib import Path

import pytest

from core.errors import RequestRefused
from data import child
from data.formats.base import Limits
from data.prepare import prepare
from data.reading import read_table
from data.request import Request, Source


def request(folder: Path, content: str) -> Request:
    upload, target = folder / "upload", folder / "made"
    upload.write_text(content)
    target.mkdir(exist_ok=True)
    main = Source(path=str(upload), filename="a.csv", sha256="0" * 64, param="file_id")
    return Request(
        folder=str(target), main=main, validation=None, test=None, columns={}, seed=3
    )  # fmt: skip


def rows(count: int) -> str:
    return "text,label\n" + "".join(f"sentence number {n},c{n % 2}\n" for n in range(count))


def test_the_child_makes_what_the_same_code_makes_here(tmp_path: Path) -> None:
    asked = request(tmp_path, rows(60))

    assert child.run(asked) == prepare(asked)
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == [
        "meta.json", "test.parquet", "train.parquet", "validation.parquet",
    ]  # fmt: skip


def test_a_request_survives_the_way_to_the_child(tmp_path: Path) -> None:
    asked = request(tmp_path, rows(20))
    assert Request.from_dict(json.loads(json.dumps(asked.as_dict()))) == asked


def test_a_refusal_comes_back_whole(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused) as caught:
        child.run(request(tmp_path, "text,label\na,b\nc\n"))
    assert (caught.value.code, caught.value.param) == ("ragged_row", "file_id")
    assert caught.value.fix


def test_a_file_that_needs_too_much_memory_ends_the_child_and_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, rows(400_000))
    with pytest.raises(RequestRefused, match="memory") as caught:
        child.run(asked, memory_bytes=450 * 2**20)
    assert caught.value.code == "file_too_large"


def test_a_file_that_takes_too_long_ends_the_child_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestRefused, match="time") as caught:
        child.run(request(tmp_path, rows(400_000)), seconds=1)
    assert caught.value.code == "file_too_large"


def test_a_table_read_in_the_child_is_the_one_read_here(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text("text;n\nhé;1\n;2\n", "utf-8")

    table = child.read(upload, "a.csv", Limits())

    here = read_table(upload, "a.csv")
    assert table.columns == here.columns
    assert table.facts.encoding == here.facts.encoding


def test_a_table_of_too_many_texts_is_refused(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.write_text(rows(60))
    with pytest.raises(RequestRefused) as caught:
        child.read(upload, "a.csv", Limits(decoded_bytes=500))
    assert caught.value.code == "file_too_large"


def test_a_file_deleted_while_it_is_read_is_refused(tmp_path: Path) -> None:
    asked = request(tmp_path, rows(60))
    (tmp_path / "upload").unlink()
    with pytest.raises(RequestRefused, match="deleted") as caught:
        child.run(asked)
    assert (caught.value.code, caught.value.param) == ("not_found", "file_id")
    with pytest.raises(RequestRefused, match="deleted"):
        child.read(tmp_path / "upload", "a.csv", Limits())
