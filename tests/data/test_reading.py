import io
import json
import re
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core import plugins
from core.errors import RequestRefused
from data import formats
from data.formats.base import Limits, Table
from data.reading import read_table

Real = Callable[[str], Path]
ROWS = [("Where is it?", "delivery"), ('He said "no", twice', "refund"), ("two\nlines", "delivery")]


def read(folder: Path, name: str, content: bytes | str, limits: Limits | None = None) -> Table:
    path = folder / "upload"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(path, name, limits)


def refusal(folder: Path, name: str, content: bytes | str) -> RequestRefused:
    with pytest.raises(RequestRefused) as caught:
        read(folder, name, content)
    assert caught.value.fix
    return caught.value


def parquet(columns: dict[str, Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


def written_as(format_name: str) -> bytes:
    texts, labels = [list(column) for column in zip(*ROWS, strict=True)]
    if format_name == "parquet":
        return parquet({"text": texts, "label": labels})
    if format_name == "jsonl":
        return "\n".join(json.dumps({"text": t, "label": lab}) for t, lab in ROWS).encode()
    if format_name == "json":
        return json.dumps([{"text": t, "label": lab} for t, lab in ROWS], indent=1).encode()
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    lines = [f"{text},{label}" for text, label in zip(quoted, labels, strict=True)]
    return "\n".join(["text,label", *lines]).encode()


@pytest.mark.parametrize("format_name", plugins.names(formats))
def test_every_format_gives_the_rows_that_were_written(tmp_path: Path, format_name: str) -> None:
    table = read(tmp_path, f"a.{format_name}", written_as(format_name))

    assert table.facts.format == format_name
    assert list(zip(table.columns["text"], table.columns["label"], strict=True)) == ROWS
    assert table.rows == 3


@pytest.mark.parametrize("format_name", ["json", "jsonl", "parquet"])
def test_a_format_is_known_without_its_ending(tmp_path: Path, format_name: str) -> None:
    assert read(tmp_path, "upload", written_as(format_name)).facts.format == format_name


# --- CSV


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
def test_the_delimiter_is_found_and_explained(tmp_path: Path, mark: str) -> None:
    rows = "".join(f'"a text, or two; number {n}"{mark}c{n % 2}\n' for n in range(9))
    table = read(tmp_path, "a.csv", f"text{mark}label\n{rows}")

    assert table.facts.delimiter == mark
    assert table.columns["text"][3] == "a text, or two; number 3"
    assert any("2 columns" in why for why in table.facts.why)


def test_a_tie_between_delimiters_is_taken_and_noted(tmp_path: Path) -> None:
    table = read(tmp_path, "a.csv", "a;b,c\n1;2,3\n4;5,6\n")

    assert list(table.columns) == ["a;b", "c"]
    assert [note["code"] for note in table.facts.notes] == ["delimiter_tie"]


def test_an_ending_decides_a_tie(tmp_path: Path) -> None:
    table = read(tmp_path, "a.tsv", "a\tb,c\n1\t2,3\n")
    assert list(table.columns) == ["a", "b,c"]


def test_a_file_without_header_is_seen_by_a_value_that_recurs(tmp_path: Path) -> None:
    content = "I love it,good\n" + "".join(f"text {n},{['good', 'bad'][n % 2]}\n" for n in range(9))
    table = read(tmp_path, "a.csv", content)

    assert list(table.columns) == ["column_1", "column_2"]
    assert table.rows == 10
    assert any("'good'" in why for why in table.facts.why)


def test_row_and_line_are_named_also_behind_blank_and_double_lines(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a.csv", 'text,label\n"two\nlines",a\n\nlast one,b,c\n')

    assert error.code == "ragged_row"
    assert "row 2 (line 5) has 3" in error.message


def test_quotes_that_do_not_pair_up_in_tabs_are_ordinary_characters(tmp_path: Path) -> None:
    content = 'text\tlabel\n"odd beginning\ta\nplain\tb\n"so" he said\ta\n'
    table = read(tmp_path, "a.tsv", content)

    assert table.columns["text"] == ['"odd beginning', "plain", '"so" he said']
    assert any("ordinary characters" in why for why in table.facts.why)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "empty_file", "empty"),
        (b"\n\n", "empty_file", "blank lines"),
        ("text,label\na,b\nc\n", "ragged_row", r"row 2 \(line 3\)"),
        ("text,text\na,b\n", "duplicate_header", "columns 1, 2"),
        ('text,label\na,b\nc,"d\ne,f\n', "unclosed_quote", r"row 2 \(line 3\), column 2"),
        ('text,label\n"a"b,c\n', "bad_quote", r"row 1 \(line 2\), column 1"),
        ("text,label\na," + "x" * 1_000_001, "cell_too_long", r"row 1 \(line 2\)"),
        (",".join(f"c{n}" for n in range(100_000)), "too_many_columns", "100,000 columns"),
        (b"text,label\ncaf\xe9,a\n", "bad_encoding", r"byte 14 \(0xe9, on line 2\)"),
        (b"\xef\xbb\xbftext,label\na\x00,b\n", "bad_encoding", "Line 2 holds a NUL"),
        ("text,label\na,b\n".encode("utf-16-le"), "bad_encoding", "UTF-16"),
        (b"\xff\xfet\x00e", "bad_encoding", "does not fit"),
        (b"PK\x03\x04rest", "unsupported_format", "zip archive or an Excel"),
    ],
)
def test_a_broken_csv_is_refused_with_its_place(
    tmp_path: Path, content: bytes | str, code: str, says: str
) -> None:
    error = refusal(tmp_path, "a.csv", content)
    assert error.code == code
    assert re.search(says, error.message), error.message


def test_a_formula_cell_stays_text(tmp_path: Path) -> None:
    table = read(tmp_path, "a.csv", 'text,label\n=1+1,a\n"=HYPERLINK(""x"")",b\n')
    assert table.columns["text"] == ["=1+1", '=HYPERLINK("x")']


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_chinese_is_read_in_the_encodings_it_comes_in(
    tmp_path: Path, samples: Path, encoding: str
) -> None:
    text = (samples / "reviews_zh.csv").read_text(encoding="utf-8")
    table = read(tmp_path, "a.csv", text.encode(encoding))

    assert table.columns["类别"][:3] == ["好评", "差评", "询问"]
    assert table.facts.encoding == encoding.removesuffix("-sig")


# --- JSON Lines


def test_a_key_that_a_line_lacks_is_missing_there(tmp_path: Path) -> None:
    table = read(tmp_path, "a.jsonl", '{"text": "a", "label": 1}\n\n{"text": "b"}\n{"label": 2}\n')

    assert table.columns == {"text": ["a", "b", None], "label": ["1", None, "2"]}
    assert table.place(2) == "row 2 (line 3)"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ('[{"text": "a"}]', "bare_array", "Line 1 begins a list"),
        ('{"a": 1}\n{"a": 2}\n{"a": \n', "broken_line", "Line 3"),
        ('{"a": 1,}\n', "broken_line", "Line 1"),
        ('{"a": NaN}\n', "broken_line", "NaN"),
        ('{"a": 1, "a": 2}\n', "broken_line", "'a' stands twice"),
        ('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}", "broken_line", "nested deeper"),
        ('{"a": 12345678901234567890}', "broken_line", "digits"),
        ('{"a": 1e999}', "broken_line", "too big"),
        ('{"a": "\\ud800"}', "broken_line", "surrogate"),
        ('{"a": 1}\n{"a": "1"}\n', "mixed_types", "a number on line 1 and text on line 2"),
        ('{"a": 1}\n5\n', "broken_line", "Line 2 is '5', not an object"),
    ],
)
def test_loose_json_is_refused_with_its_line(
    tmp_path: Path, content: str, code: str, says: str
) -> None:
    error = refusal(tmp_path, "a.jsonl", content)
    assert error.code == code
    assert says in error.message


# --- JSON


def test_a_list_of_objects_is_read_with_the_line_of_each(tmp_path: Path) -> None:
    table = read(tmp_path, "a.json", '[\n {"a": 1},\n {"a": 2, "b":\n ["x"]}\n, {"b": []} ]\n')

    assert table.columns == {"a": ["1", "2", None], "b": [None, '["x"]', "[]"]}
    assert [table.place(row) for row in (1, 2, 3)] == [
        "row 1 (line 2)", "row 2 (line 3)", "row 3 (line 5)",
    ]  # fmt: skip
    assert table.facts.nested == ("b",)


def test_json_lines_under_the_name_json_are_read_as_they_are(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", '{"a": 1}\n{"a": 2}\n').facts.format == "jsonl"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        ('[{"a": 1}, {"a": 2,}]', "broken_line", "Row 2 (line 1): This is not valid JSON: a key"),
        ('[{"a": 1}\n{"a": 2}]', "broken_line", "Row 1 (line 1): a comma or the end"),
        ('[{"a": 1},\n 5]', "broken_line", "Row 2 (line 2): it is '5', not an object."),
        ('[{"a": 1},]', "broken_line", "Row 2 (line 1)"),
        ('[{"a": 1}', "broken_line", "Row 1 (line 1): a comma or the end"),
        ('[{"a": 1}]\n\n[]', "broken_line", "Line 3: something follows"),
        ('[{"a": 1, "a": 2}]', "broken_line", "'a' stands twice"),
        ('[{"a": NaN}]', "broken_line", "NaN"),
        ('[{"a": "\\ud800"}]', "broken_line", "surrogate"),
        ('[{"a": ' + "[" * 10_000 + "]" * 10_000 + "}]", "broken_line", "nested deeper"),
        ('[{"a": 1},\n{"a": "1"}]', "mixed_types", "a number on line 1 and text on line 2"),
        ('{\n "rows": [], "more": 1}', "bare_object", "one object with the keys 'rows', 'more'"),
        ('{\n "rows": [', "bad_json", "not valid JSON"),
    ],
)
def test_loose_json_lists_are_refused_with_row_and_line(
    tmp_path: Path, content: str, code: str, says: str
) -> None:
    error = refusal(tmp_path, "a.json", content)
    assert error.code == code
    assert says in error.message


# --- Parquet


def test_numbers_dictionaries_and_missing_values_become_text(tmp_path: Path) -> None:
    columns = {
        "text": pa.array(["a", None, "b"]),
        "label": pa.array([1, 0, 1]),
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        "blob": pa.array([b"1", b"2", b"3"]),
    }
    table = read(tmp_path, "a.parquet", parquet(columns))

    assert table.columns["text"] == ["a", None, "b"]
    assert table.columns["label"] == ["1", "0", "1"]
    assert table.columns["kind"] == ["x", "y", "x"]
    assert table.facts.left_out == {"blob": "its type is binary"}


WHOLE = parquet({"text": ["a"], "label": ["b"]})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"text,label\n", "does not begin with PAR1"),
        (WHOLE[:-20], "cut off"),
        (WHOLE[:-8] + struct.pack("<I", 2**31) + b"PAR1", "footer claims 2,147,483,648 bytes"),
        (WHOLE[:4] + b"\xff" * (len(WHOLE) - 12) + WHOLE[-8:], "not a readable"),
    ],
)
def test_a_broken_parquet_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    error = refusal(tmp_path, "a.parquet", content)
    assert error.code == "bad_parquet"
    assert says in error.message


@pytest.mark.parametrize(
    "columns",
    [
        {"text": ["x" * 100_000] * 2_000},
        {f"c{n}": [7] * 30_000 for n in range(100)},
    ],
    ids=["one long text in every row", "many constant columns"],
)
def test_a_parquet_file_of_a_few_bytes_that_repeats_itself_is_refused(
    tmp_path: Path, columns: dict[str, Any]
) -> None:
    content = parquet(columns, compression="zstd")
    assert len(content) < 100_000
    with pytest.raises(RequestRefused) as refused:
        read(tmp_path, "a.parquet", content, Limits(decoded_bytes=2**20, cells=1_000_000))
    assert refused.value.code == "file_too_large"


def test_a_small_parquet_file_that_unpacks_to_gigabytes_is_refused_before_it_does(
    tmp_path: Path,
) -> None:
    content = parquet({"text": ["x" * 10_000_000] * 4}, compression="zstd", use_dictionary=False)
    assert len(content) < 200_000
    with pytest.raises(RequestRefused, match="unpacks to 38 MiB"):
        read(tmp_path, "a.parquet", content, Limits(decoded_bytes=2**20))


# --- Real files


def test_the_csv_spectrum_is_read_as_its_authors_expect(real: Real) -> None:
    folder = real("nasty_csv_spectrum")
    # Two of the expected files do not belong to their CSV: a CR and a number that it has not.
    known_wrong = {"location_coordinates", "newlines_crlf"}
    for path in sorted((folder / "csvs").iterdir()):
        if path.stem in known_wrong:
            continue
        table = read_table(path, path.name)
        rows = [
            dict(zip(table.columns, row, strict=True))
            for row in zip(*table.columns.values(), strict=True)
        ]
        assert rows == json.loads((folder / "json" / f"{path.stem}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("waimai_200_crlf_gbk.csv", "gb18030"),
        ("waimai_200_gb18030.csv", "gb18030"),
        ("waimai_200_utf16le_bom.csv", "utf-16"),
        ("waimai_200_utf8_bom.csv", "utf-8"),
    ],
)
def test_a_chinese_table_reads_the_same_in_every_encoding(
    real: Real, name: str, encoding: str
) -> None:
    table = read_table(real(f"nasty_encodings/{name}"), name)
    plain = read_table(real("nasty_encodings/waimai_200_utf8_bom.csv"), name)

    assert table.facts.encoding == encoding
    assert table.columns["label"] == plain.columns["label"]
    # Whoever made the GBK file left out the few characters that GBK has not.
    assert table.columns["review"][:50] == plain.columns["review"][:50]


@pytest.mark.parametrize(
    "archive",
    [
        "nasty_encodings/chardet_tests.tar.gz",
        "nasty_json_testsuite/json_test_suite.tar.gz",
        "nasty_parquet/parquet_good.tar.gz",
        "nasty_tables_frictionless/frictionless_data.tar.gz",
    ],
)
def test_nasty_files_are_read_or_refused_and_never_break_the_reader(
    real: Real, tmp_path: Path, archive: str
) -> None:
    outcomes = {"read": 0, "refused": 0}
    with tarfile.open(real(archive)) as files:
        for member in files:
            content = files.extractfile(member)
            if content is None:
                continue
            try:
                read(tmp_path, member.name, content.read())
                outcomes["read"] += 1
            except RequestRefused as refusal:
                assert refusal.fix and refusal.code
                outcomes["refused"] += 1
    assert min(outcomes.values()) > 0, outcomes


# --- What is no table


def test_running_text_and_documents_are_refused_as_what_they_are(tmp_path: Path) -> None:
    prose = "\n\n".join(
        "A sentence, and one more, that goes on for a while. " * n for n in (5, 7, 9)
    )
    for name, says in (("a.txt", "running text"), ("a.md", "a document"), ("a.yaml", "settings")):
        error = refusal(tmp_path, name, prose)
        assert error.code == "unsupported_format"
        assert says in error.message
