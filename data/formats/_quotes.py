"""Finds the cell in which the quoting of a broken CSV record goes wrong, for the error message."""

import io
from itertools import islice


def fault(text: str, line: int, delimiter: str) -> tuple[int, bool]:
    """Column (from 1) of the first fault in the record that begins on `line`.

    The second value tells whether the quote there was closed: False means that it runs to the
    end of the file, True that something other than a delimiter follows the closing quote.
    """
    at, column = start_of(text, line), 1
    while at < len(text):
        if text[at] == '"':
            at = end_of_quoted(text, at)
            if at < 0:
                return column, False
            if at < len(text) and text[at] not in (delimiter, "\r", "\n"):
                return column, True
        while at < len(text) and text[at] not in (delimiter, "\r", "\n"):
            at += 1
        if text[at : at + 1] != delimiter:
            break
        at, column = at + 1, column + 1
    return column, True


def start_of(text: str, line: int) -> int:
    """Where the line (from 1) begins, counting lines as the reader does: CR LF, LF or CR."""
    return sum(map(len, islice(io.StringIO(text, newline=""), line - 1)))


def end_of_quoted(text: str, opening: int) -> int:
    """Just behind the closing quote; -1 when there is none. A doubled quote closes nothing."""
    at = text.find('"', opening + 1)
    while at >= 0 and text[at + 1 : at + 2] == '"':
        at = text.find('"', at + 2)
    return at + 1 if at >= 0 else -1
