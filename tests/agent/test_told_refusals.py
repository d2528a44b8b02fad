"""Refusals as people really get them, through the tools and from files: each is told in Chinese."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.language import words_in
from core import settings, strict_json
from core.errors import RequestRefused, ServiceFailed, ThimbleError
from core.identity import Caller
from data.files import check_filename
from data.formats.base import Limits
from data.prepare import Prepared, Request, Source, prepare
from data.reading import read_table
from serving.requests import check_texts, check_top_k
from tools import base
from tools.base import House, ToolContext

w = words_in("zh")
GOOD = "text,label\n" + "".join(f"text number {n},{'ab'[n % 2]}\n" for n in range(20))
NAMES = re.compile(r"“[^”]*”|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\{[^{}]*\}")
"""What people and programs named, quoted or as code."""
OURS = set(
    re.findall(
        r"\w+",
        """
        a an and are as at be begins below by cannot comma does each first for from give had has
        have header in is it its known line may more must no none not of on only or out row
        semicolon that than the them there they this to too was were which with you your
        """,
    )
)
"""Words that only sentences have. Others may be a column's, a label's or a parameter's name."""


def english_words(text: str) -> list[str]:
    words = re.findall(r"[A-Za-z0-9_.-]+", NAMES.sub(" ", text))
    return [word for word in words if word.lower().strip(".") in OURS]


def assert_is_chinese(error: ThimbleError) -> None:
    for sentence in (error.message, error.fix or ""):
        told = w.told(sentence)
        assert english_words(told) == [], f"{sentence!r} is told as {told!r}"
        assert not sentence or re.search(r"[\u3400-\u9fff]", told), sentence
    whole = w.told(str(error))
    assert whole == "".join(w.told(part) for part in (error.message, error.fix) if part)


# Files -----------------------------------------------------------------------------------------

FILES: dict[str, tuple[str, bytes]] = {
    "nothing": ("a.csv", b""),
    "blank lines": ("a.csv", b"\n\n\n"),
    "a header only": ("a.csv", b"text,label\n"),
    "one column": ("a.csv", b"text\n" + b"word word\n" * 20),
    "too few rows": ("a.csv", b"text,label\none,a\ntwo,b\n"),
    "one class": ("a.csv", b"text,label\n" + b"".join(b"row %d,a\n" % n for n in range(20))),
    "a ragged row": ("a.csv", GOOD.encode() + b"one,two,three\n"),
    "an open quote": ("a.csv", b'text,label\n"one,a\ntwo,b\n'),
    "text behind a quote": ("a.csv", b'text,label\n"one" x,a\ntwo,b\n'),
    "two columns of one name": ("a.csv", b"text,text\none,a\ntwo,b\n"),
    "no labels": ("a.csv", GOOD.encode() + b"one,\ntwo,\n" * 8),
    "long labels": ("a.csv", GOOD.encode() + b"one," + b"x" * 300 + b"\n"),
    "no text": ("a.csv", GOOD.encode() + b",a\n,b\n" * 8),
    "a class for each row": (
        "a.csv",
        b"text,label\n" + b"".join(b"a b,%d\n" % n for n in range(20)),
    ),
    "several texts": (
        "a.csv",
        b"one,two,label\n"
        + b"".join(b"first text %d,second text %d,%d\n" % (n, n, n % 2) for n in range(20)),
    ),
    "zeros": ("a.csv", b"text,label\none\x00,a\n"),
    "no known encoding": ("a.csv", b"text,label\none,a\n\xff\xfe\xfa,b\n"),
    "half a UTF-16": ("a.csv", b"\xff\xfet\x00e\x00\x00"),
    "a zip": ("a.xlsx", b"PK\x03\x04rest"),
    "a PDF": ("a.csv", b"%PDF-1.4"),
    "a list in JSON": ("a.jsonl", b'[{"text": "one", "label": "a"}]\n'),
    "a broken line": ("a.jsonl", b'{"text": "one", "label": "a"\n'),
    "a key twice": ("a.jsonl", b'{"text": "one", "text": "two"}\n'),
    "a number for a line": ("a.jsonl", b"7\n"),
    "two kinds": ("a.jsonl", b'{"text": "one", "label": 1}\n{"text": "two", "label": "b"}\n'),
    "lists": ("a.jsonl", b'{"text": "one", "label": [1]}\n{"text": "two", "label": "b"}\n'),
    "conversations": ("a.jsonl", b'{"messages": [{"role": "user"}]}\n' * 12),
    "no Parquet": ("a.parquet", b"PAR1" + b"x" * 40),
    "a cut Parquet": ("a.parquet", b"PAR1" + b"x" * 40 + b"\xff\xff\xff\x7fPAR1"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_used_is_explained_in_chinese(tmp_path: Path, kind: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        made_of(tmp_path, *FILES[kind])

    assert_is_chinese(caught.value)


def made_of(folder: Path, name: str, content: bytes, **columns: str) -> Prepared:
    """What a dataset made of the file would be."""
    (folder / "file").write_bytes(content)
    main = Source(path=str(folder / "file"), filename=name, sha256="", param="file_id")
    return prepare(
        Request(folder=str(folder), main=main, validation=None, test=None, columns=columns, seed=0)
    )


@pytest.mark.parametrize(
    "name", ["", "../a.csv", "a\u202ecsv.exe", "a\x07.csv", "nul.csv", "a.csv.", "x" * 300]
)
def test_a_file_name_that_cannot_be_used_is_explained_in_chinese(name: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        check_filename(name)

    assert_is_chinese(caught.value)


@pytest.mark.parametrize("limits", [Limits(columns=1), Limits(rows=3), Limits(cell_characters=5)])
def test_limits_of_files_are_explained_in_chinese(tmp_path: Path, limits: Limits) -> None:
    (tmp_path / "a.csv").write_text(GOOD)

    with pytest.raises(RequestRefused) as caught:
        read_table(tmp_path / "a.csv", "a.csv", limits)

    assert_is_chinese(caught.value)


@pytest.mark.parametrize(
    "columns", [{"text": "nowhere"}, {"role": "text"}, {"text": "label", "label": "label"}]
)
def test_columns_that_a_file_has_not_are_explained_in_chinese(
    tmp_path: Path, columns: dict[str, str]
) -> None:
    with pytest.raises(RequestRefused) as caught:
        made_of(tmp_path, "a.csv", GOOD.encode(), **columns)

    assert_is_chinese(caught.value)


def test_columns_of_another_type_are_explained_in_chinese(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["one"] * 20, "label": [b"raw"] * 20}), buffer)

    with pytest.raises(RequestRefused) as caught:
        made_of(tmp_path, "a.parquet", buffer.getvalue())

    assert_is_chinese(caught.value)
    assert "“label”未被采用：它的类型是 binary。" in w.told(str(caught.value))


def test_archives_that_are_unsafe_are_explained_in_chinese(house: House) -> None:
    for name in ("../out.md", "a\x07.md", "folder/picture.bin"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, "text")
        file_id = house.files.save_bytes(OWNER, "a.zip", buffer.getvalue()).id
        with pytest.raises(RequestRefused) as caught:
            call(house, "add_documents", file_id=file_id)
        assert_is_chinese(caught.value)


# Calls -----------------------------------------------------------------------------------------

OWNER = Caller(scopes=frozenset(("read", "write", "approve", "infer")))
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("nowhere", {}),
    ("create_dataset", {"name": "A b", "file_id": "file-1"}),
    ("create_dataset", {"name": "a", "file_id": "file-1"}),
    ("create_dataset", {"name": "a", "file_id": "file-1", "task": "ranking"}),
    ("create_dataset", {"name": "a", "file_id": "file-1", "seed": -1}),
    ("create_dataset", {"name": "a"}),
    ("create_dataset", {"name": 7, "file_id": "file-1"}),
    ("create_dataset", {"name": "a", "file_id": "file-1", "columns": "text"}),
    ("create_dataset", {"name": "a", "file_id": "file-1", "colour": "red"}),
    ("describe_dataset", {"dataset": "nowhere"}),
    ("describe_dataset", {"dataset": "tickets@9"}),
    ("describe_dataset", {"dataset": "tickets@new"}),
    ("describe_dataset", {"dataset": "x" * 2_000_000}),
    ("sample_dataset", {"dataset": "tickets", "split": "rest"}),
    ("sample_dataset", {"dataset": "tickets", "label": "nowhere"}),
    ("sample_dataset", {"dataset": "tickets", "page": 900}),
    ("sample_dataset", {"dataset": "tickets", "rows": 900}),
    ("start_finetune", {"dataset": "nowhere"}),
    ("start_finetune", {"dataset": "tickets", "rank": 999}),
    ("start_finetune", {"dataset": "tickets", "epochs": 2.5}),
    ("start_finetune", {"dataset": "tickets", "seed": 10**40}),
    ("start_finetune", {"dataset": "tickets", "learning_rate": "quick"}),
    ("start_finetune", {"dataset": "tickets", "rank": [1]}),
    ("start_finetune", {"dataset": "tickets", "base_model": "nowhere"}),
    ("run_status", {}),
    ("run_status", {"run": "run_9"}),
    ("cancel_run", {"run": "run_9"}),
    ("compare_runs", {}),
    ("compare_runs", {"runs": "run_1"}),
    ("list_models", {"model": "nowhere"}),
    ("deploy_endpoint", {"model": "nowhere"}),
    ("delete_model", {"model": "nowhere@1"}),
    ("endpoint_status", {}),
    ("endpoint_status", {"endpoint": "nowhere"}),
    ("ask_endpoint", {"input": "hello"}),
    ("search_docs", {"query": ""}),
    ("search_docs", {"query": "x" * 10_000}),
    ("search_docs", {"query": "what", "k": 0}),
    ("search_docs", {"query": "what", "collection": "nowhere"}),
    ("add_documents", {"file_id": "file-1"}),
    ("delete_documents", {"collection": "help"}),
    ("delete_documents", {"collection": "nowhere"}),
    ("list_runs", {"active": "yes"}),
]


def call(house: House, tool: str, /, **arguments: Any) -> Any:
    return base.call(ToolContext(house, OWNER), tool, arguments)


def test_calls_that_cannot_be_done_are_explained_in_chinese(house: House, tickets: str) -> None:
    for tool, arguments in CALLS:
        with pytest.raises(ThimbleError) as caught:
            call(house, tool, **arguments)
        assert_is_chinese(caught.value)


def test_approvals_that_cannot_be_decided_are_explained_in_chinese(
    house: House, tickets: str
) -> None:
    asked = call(house, "delete_dataset", dataset="tickets").approval["id"]
    ctx = ToolContext(house, OWNER)
    for refused in refusals(ctx, asked):
        with pytest.raises(RequestRefused) as caught:
            refused()
        assert_is_chinese(caught.value)


def refusals(ctx: ToolContext, asked: str) -> Iterator[Callable[[], object]]:
    reader = ToolContext(ctx.house, Caller(scopes=frozenset(("read",))))
    yield lambda: base.decide(ctx, asked, "perhaps")
    yield lambda: base.decide(ctx, "ap_99", "approve")
    yield lambda: base.decide(reader, asked, "approve")
    yield lambda: base.call(reader, "delete_dataset", {"dataset": "tickets"})
    yield lambda: base.call(ctx, "delete_dataset", {"dataset": "other"}, asked)
    base.decide(ctx, asked, "reject")
    yield lambda: base.decide(ctx, asked, "approve")


# What is checked before a tool ------------------------------------------------------------------

CHECKS: dict[str, Callable[[], object]] = {
    "no text": lambda: check_texts(7),
    "no texts": lambda: check_texts([]),
    "an empty text": lambda: check_texts(["a", " "]),
    "half a character": lambda: check_texts(["\ud800"]),
    "a long text": lambda: check_texts("x" * 40_000),
    "no labels": lambda: check_top_k(0),
    "a short key": lambda: settings.read({"THIMBLE_API_KEY": "abc"}),
    "an unknown setting": lambda: settings.read({"THIMBLE_HOMER": "x"}),
    "a setting for later": lambda: settings.read({"THIMBLE_DATABASE_URL": "x"}),
    "another launcher": lambda: settings.read({"THIMBLE_LAUNCHER": "ray"}),
    "no number": lambda: settings.read({"THIMBLE_MAX_UPLOAD_MB": "many"}),
}
JSON = [
    '{"a" 1}',
    '{"a":1,}',
    "[1 2]",
    "{} x",
    '"a\nb"',
    r'"\q"',
    r'"\u12"',
    '"abc',
    "nul",
    '{"a":',
]
JSON += ["NaN", "1" * 30, "[" * 200 + "]" * 200, '"\\ud800"', '{"a": 1, "a": 2}']


@pytest.mark.parametrize("kind", CHECKS)
def test_what_is_asked_wrongly_is_explained_in_chinese(kind: str) -> None:
    with pytest.raises(ThimbleError) as caught:
        CHECKS[kind]()

    assert_is_chinese(caught.value)


@pytest.mark.parametrize("text", JSON)
def test_broken_json_is_explained_in_chinese(text: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        strict_json.parse_object(text)

    assert_is_chinese(caught.value)


def test_a_disk_without_room_is_explained_in_chinese(house: House) -> None:
    with pytest.raises(ServiceFailed) as caught:
        house.storage.need_room(2**60)

    assert_is_chinese(caught.value)
