"""Whatever is written properly is read back, and whatever is not is refused: for any input."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import RequestRefused
from data.reading import read_table

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
ROWS = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8)
ANY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
@ANY
@given(rows=ROWS)
def test_any_table_that_is_written_properly_is_read_back(
    tmp_path: Path, mark: str, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=mark, quoting=csv.QUOTE_ALL)
    writer.writerows([("the text", "the label"), *rows])
    path = tmp_path / "upload"
    path.write_bytes(text.getvalue().encode())
    table = read_table(path, "a.csv")

    assert table.facts.delimiter == mark
    assert list(zip(*table.columns.values(), strict=True)) == rows


@ANY
@given(rows=ROWS)
def test_any_json_lines_are_read_back(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / "upload"
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    table = read_table(path, "a.jsonl")

    assert list(zip(table.columns["text"], table.columns["label"], strict=True)) == rows


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a.json", "a.jsonl", "a.parquet", "a"])
@ANY
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet=list('ab,;\t|"\n\r{}[]:1\\u'), max_size=80).map(str.encode),
        st.binary(max_size=60).map(lambda raw: b"PAR1" + raw + b"\x04\x00\x00\x00PAR1"),
    )
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "upload"
    path.write_bytes(content)
    try:
        table = read_table(path, name)
    except RequestRefused as refusal:
        assert refusal.code
        assert refusal.fix
    else:
        assert len({len(values) for values in table.columns.values()}) <= 1
