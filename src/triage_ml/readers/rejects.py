"""Rows that could not be read, kept in a file with the reason each."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from triage_ml.errors import ReadError

_COLUMNS = ("file", "row", "column", "value", "reason")


def as_csv(errors: Iterable[ReadError], *, with_names: bool) -> bytes:
    """Return rows of a rejects file, the names of its columns before them where wanted and where there are any rows."""
    text = io.StringIO(newline="")
    rows = [_row(error) for error in errors]
    csv.writer(text).writerows([_COLUMNS, *rows] if rows and with_names else rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _row(error: ReadError) -> tuple[object, ...]:
    return (error.path, error.row, error.column, error.value, error.reason)


class Rejects:
    """Writes rejected rows beside what they were to become part of; the file is only there if there are any.

    Parameters
    ----------
    output
        What is made of the rows: "result.csv" has its rejects in "result.csv.rejects.csv".
    """

    def __init__(self, output: Path) -> None:
        self.path = output.with_name(output.name + ".rejects.csv")
        self.count = 0
        self._part = self.path.with_name(self.path.name + ".part")
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Rejects:
        return self

    def write(self, error: ReadError) -> None:
        """Keep one row."""
        if self._file is None:
            self._file = self._part.open("wb")
        self._file.write(as_csv([error], with_names=not self.count))
        self.count += 1

    def __exit__(self, failed: object, *_: object) -> None:
        if self._file:
            self._file.close()
        if failed:
            self._part.unlink(missing_ok=True)
        elif self._file:
            os.replace(self._part, self.path)
        else:
            self.path.unlink(missing_ok=True)
