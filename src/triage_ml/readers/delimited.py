"""Records of CSV and TSV files, one by one, with one damaged record never costing the next."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import TextIO

from triage_ml.errors import ReadError
from triage_ml.readers.fields import MAX_TEXT, printable
from triage_ml.readers.sniff import Source

_LONGEST_LENIENT = 20_000  # characters; a stray quote in a longer line is not searched for
_STRAY_QUOTE = "a quote that is not closed, or that stands inside a quoted cell without being doubled"

Record = tuple[int, list[str]]


class _Endless(Exception):
    """A record grew beyond what a record can be."""


class _Lines:
    """The lines of a file with a way back: what an unclosed quote swallowed is read again."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.number, self._size = 0, 0
        self.taken: list[str] = []

    def start_record(self) -> int:
        """Forget the lines of the last record and return the number of the next line."""
        self.taken, self._size = [], 0
        return self.number + 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else self._read()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_TEXT:
            raise _Endless
        return line

    def _read(self) -> str:
        line = part = self._text.readline(MAX_TEXT + 1)
        while len(part) > MAX_TEXT and not part.endswith("\n"):  # the rest of such a line is not kept
            part = self._text.readline(MAX_TEXT + 1)
        return line

    def keep_only_first(self) -> str:
        """Give back all lines of this record but the first, and return that."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]
        return self.taken[0]


def read_records(source: Source) -> Iterator[Record | ReadError]:
    """Yield (line where it starts, cells) for each record that is not blank, the header included."""
    with source.open_text() as text:
        lines = _Lines(text)
        reader = _reader(lines, source.delimiter)
        width = 0
        while True:
            number = lines.start_record()
            try:
                cells = _next(reader)
                problem = _STRAY_QUOTE if _swallowed_records(lines.taken, source.delimiter, width) else ""
            except _Endless:
                cells, problem = [], f"more than {MAX_TEXT:,} characters in one row; perhaps a quote is not closed"
            except csv.Error:
                cells, problem = [], _STRAY_QUOTE
            if cells is None:
                return
            if problem:
                reader = _reader(lines, source.delimiter)
                line = lines.keep_only_first()
                cells = _cells_of_line(line, source.delimiter, width)
                if not cells:
                    yield ReadError(source.path, number, "", printable(line), problem)
            if any(cells):
                width = width or len(cells)
                yield number, cells


def _reader(lines: _Lines, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    # the limit belongs to the whole process, so it is only lent for this one record
    before = csv.field_size_limit(2 * MAX_TEXT)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(before)


def _swallowed_records(lines: list[str], delimiter: str, width: int) -> bool:
    """Say whether a record over several lines is really several records, joined by a stray quote.

    A message with line breaks hardly has the file's number of delimiters in each of its lines.
    """
    return len(lines) > 1 and width > 3 and all(line.count(delimiter) == width - 1 for line in lines)


def _cells_of_line(line: str, delimiter: str, width: int) -> list[str]:
    """Read a line with stray quotes as far as that can be done without guessing; no cells if it cannot."""
    if len(line) > _LONGEST_LENIENT:
        return []
    if delimiter == "\t":  # Amazon's reports do not quote: a quote is only a character
        cells = line.rstrip("\r\n").split(delimiter)
    elif line.count('"') % 2:
        return []
    else:
        cells = _split_at_outer_quotes(line.rstrip("\r\n"), delimiter)
    return cells if len(cells) == width or not width else []


def _split_at_outer_quotes(line: str, delimiter: str) -> list[str]:
    """Split a line whose writer forgot to double the quotes inside: only one beside a delimiter closes a cell."""
    edge = re.escape(delimiter)
    cells = re.finditer(rf'(?:^|{edge})(?:"(?P<quoted>.*?)"(?={edge}|$)|(?P<bare>[^{edge}]*))', line)
    return [(cell["quoted"] or cell["bare"] or "").replace('""', '"') for cell in cells]
