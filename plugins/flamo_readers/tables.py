"""Tables in text: comments, separators, decimal marks, a header."""

from __future__ import annotations

import csv
import re
from typing import NamedTuple

from flamo_readers.text import is_number, numbered, wrong

_COMMENT = re.compile(r"\s*[*#;]")
_BEGINS_WITH_NUMBER = re.compile(r"""[\s"']*[-+]?[.,]?\d""")
_DECIMAL_COMMAS = re.compile(r"\s*[-+]?\d+(,\d+)?\s+[-+]?\d+(,\d+)?(\s|$)")
FREQUENCY = re.compile(r"freq|f$|hz")
"""Names of a column of frequencies, in lower case."""


class Table(NamedTuple):
    """Names of the columns, in lower case, empty where there are none; rows with their lines, with decimal points."""

    names: list[str]
    rows: list[tuple[int, list[str]]]


def table(text: str) -> Table:
    """What is in a table.

    Lines that begin with ``*``, ``#`` or ``;`` are comments; what stands before the first row of numbers are banners
    and, last, the header, which may be such a comment. The separator is what most rows have of tab, semicolon, bar,
    comma and blanks, in this order; beside any other, a comma is the decimal mark.

    Raises:
        InputError: a line that no table has.

    >>> table("* level\\nHz;dB\\n20,5; -3,1\\n30; 0")
    Table(names=['hz', 'db'], rows=[(3, ['20.5', '-3.1']), (4, ['30', '0'])])
    """
    lines = numbered(text)
    text_lines = [line for _, line in lines]
    separator = _separator(list(filter(_BEGINS_WITH_NUMBER.match, text_lines)) or text_lines)
    banners, comments, rows = list[list[str]](), list[list[str]](), list[tuple[int, list[str]]]()
    for n, line in lines:
        if _COMMENT.match(line):
            if not rows:
                comments.append(_cells(n, line.lstrip(" \t*#;"), separator))
            continue
        cells = _cells(n, line, separator)
        if rows or _BEGINS_WITH_NUMBER.match(line) or (separator != " " and any(map(is_number, cells))):
            rows.append((n, cells if separator == "," else [cell.replace(",", ".") for cell in cells]))
        else:
            banners.append(cells)
    width = len(rows[0][1]) if rows else 0
    return Table(_names(banners, comments, width, separator), rows)


def _separator(rows: list[str]) -> str:
    def in_most(mark: str) -> bool:
        return sum(mark in row.strip() for row in rows) > len(rows) / 2

    found = next((mark for mark in "\t;|," if in_most(mark)), " ")
    if found == "," and sum(map(bool, map(_DECIMAL_COMMAS.match, rows))) > len(rows) / 2:
        return " "
    return found


def _cells(n: int, line: str, separator: str) -> list[str]:
    if separator == " ":
        return [cell.strip("\"'") for cell in line.split()]
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]
    except csv.Error as error:
        raise wrong(n, f"not a row of a table: {error}") from error


def _names(banners: list[list[str]], comments: list[list[str]], width: int, separator: str) -> list[str]:
    """The header: the last line before the rows if it fits them, else the last comment if it speaks of frequencies."""
    for cells, is_comment in ((banners[-1:], False), (comments[-1:], True)):
        names = [cell.lower() for cell in cells[0]] if cells else []
        has_frequency = any(map(FREQUENCY.match, names))
        fits = len(names) == width or (separator != " " and has_frequency)
        if names and (has_frequency or not is_comment) and (fits or not width):
            return names
    return [""] * width
