"""Parquet through pyarrow, after its own account of its size has been checked."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import RequestRefused
from data.formats.base import (
    Facts,
    Limits,
    Table,
    cell_too_long,
    place,
    too_many_columns,
    too_many_rows,
)

MAGIC = b"PAR1"
SMALLEST = 12
FIX = "Write it again, for example with pandas' to_parquet, or upload CSV."


def matches(name: str, head: bytes) -> float:
    if head.startswith(MAGIC):
        return 1.0
    return 0.95 if name.lower().endswith((".parquet", ".pq")) else 0.0


def read(path: Path, filename: str, limits: Limits) -> Table:
    """Raises RequestRefused for a broken file, and before decoding one that would be too big."""
    check_footer(path)
    try:
        with pq.ParquetFile(path) as file:
            check_size(file.metadata, limits)
            wanted, left_out = readable(file.schema_arrow)
            inside = nested_in(file.schema_arrow)
            repeated = [field.name for field in file.schema_arrow if is_text(field.type)]
        # Each different text is read once: a few hundred bytes can repeat one a million times.
        with pq.ParquetFile(
            path, read_dictionary=repeated, page_checksum_verification=True
        ) as file:
            table = file.read(columns=wanted, use_threads=False)
        refuse_too_large(sum(map(spelled_out, table.columns)), limits)
        columns = {name: texts(table.column(name), name, limits) for name in wanted}
    except RequestRefused:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise broken(str(error)) from error
    return Table(columns, Facts(format="parquet", left_out=left_out, nested=inside))


def check_footer(path: Path) -> None:
    """The file's ends, looked at by ourselves: a wrong length must not reach the library."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(max(0, size - 8))
        tail = file.read(8)
    if size < SMALLEST or head != MAGIC:
        raise broken("it does not begin with PAR1")
    if tail[4:] != MAGIC:
        raise broken("it does not end with PAR1; it may be cut off")
    footer = int.from_bytes(tail[:4], "little")
    if footer > size - SMALLEST:
        raise broken(f"its footer claims {footer:,} bytes, the file has {size:,}")


def check_size(metadata: Any, limits: Limits) -> None:
    if metadata.num_columns > limits.columns:
        raise too_many_columns(metadata.num_columns, limits)
    if metadata.num_rows > limits.rows:
        raise too_many_rows(limits)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    refuse_too_large(sum(group.total_byte_size for group in groups), limits)
    cells = metadata.num_rows * metadata.num_columns
    if cells > limits.cells:
        raise RequestRefused(
            f"The file has {metadata.num_rows:,} rows of {metadata.num_columns:,} columns; at "
            f"most {limits.cells:,} cells are taken.",
            code="file_too_large",
            param="file",
            fix="Keep the text and the label column and leave out the others.",
        )


def spelled_out(column: Any) -> int:
    """Bytes of a column's texts when each row has its own."""
    if not is_repeated_text(column.type):
        return 0
    lengths = [
        pc.sum(pc.binary_length(chunk.dictionary.cast(pa.large_string())).take(chunk.indices))
        for chunk in column.chunks
    ]
    return sum(length.as_py() or 0 for length in lengths)


def refuse_too_large(decoded: int, limits: Limits) -> None:
    if decoded > limits.decoded_bytes:
        raise RequestRefused(
            f"The file unpacks to {decoded >> 20:,} MiB; at most {limits.decoded_bytes >> 20:,} "
            "MiB are taken.",
            code="file_too_large",
            param="file",
            fix="Upload a part of it, or only the text and the label column.",
        )


def readable(schema: Any) -> tuple[list[str], dict[str, str]]:
    """Columns that can be shown as text, and the others with the reason."""
    names = list(schema.names)
    if len(set(names)) < len(names):
        double = next(name for name in names if names.count(name) > 1)
        raise RequestRefused(
            f"Two columns are named {double!r}.",
            code="duplicate_header",
            param="file",
            fix="Rename one of them.",
        )
    left_out = {
        field.name: f"its type is {field.type}" for field in schema if not is_plain(field.type)
    }
    return [name for name in names if name not in left_out], left_out


def nested_in(schema: Any) -> tuple[str, ...]:
    """Columns of lists or objects that can be shown."""
    return tuple(f.name for f in schema if pa.types.is_nested(f.type) and is_plain(f.type))


def is_text(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_repeated_text(kind: Any) -> bool:
    return pa.types.is_dictionary(kind) and is_text(kind.value_type)


def is_plain(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    text = is_text(kind)
    number = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    nested = types.is_list(kind) or types.is_large_list(kind) or types.is_struct(kind)
    return bool(text or number or types.is_boolean(kind) or types.is_temporal(kind) or nested)


def texts(column: Any, name: str, limits: Limits) -> list[str | None]:
    values = shown(column)
    for row, value in enumerate(values, start=1):
        if value is not None and len(value) > limits.cell_characters:
            raise cell_too_long(f"{place(row, None)}, column {name!r}", limits)
    return values


def shown(column: Any) -> list[str | None]:
    """The values as text; lists and structs as JSON."""
    if is_repeated_text(column.type):
        return [value for chunk in column.chunks for value in looked_up(chunk)]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_nested(column.type):
        return [nested(value) for value in column.to_pylist()]
    return list(column.cast(pa.large_string()).to_pylist())


def looked_up(chunk: Any) -> list[str | None]:
    values = chunk.dictionary.cast(pa.large_string()).to_pylist()
    return [None if at is None else values[at] for at in chunk.indices.to_pylist()]


def nested(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def broken(why: str) -> RequestRefused:
    first_line = why.splitlines()[0][:200].rstrip(".") if why else "it cannot be read"
    return RequestRefused(
        f"This is not a readable Parquet file: {first_line}.",
        code="bad_parquet",
        param="file",
        fix=FIX,
    )
