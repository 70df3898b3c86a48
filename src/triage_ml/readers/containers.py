"""From a file to rows with named cells, whatever holds the table: CSV, TSV, XLSX, JSONL or Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from triage_ml.errors import FormatError, ReadError
from triage_ml.readers.delimited import read_records
from triage_ml.readers.fields import Row, is_blank, printable
from triage_ml.readers.jsontext import flatten, read_objects
from triage_ml.readers.sniff import Source

_HEADER_WITHIN = 10  # records in which the header is looked for
_BATCH = 512  # rows of Parquet that are in memory at once

# Given the cells of a record, and whether it is the first of the file.
IsHeader = Callable[[Sequence[str], bool], bool]
Rows = Iterator[Row | ReadError]
Opened = tuple[tuple[str, ...], Rows]
Records = Iterable[tuple[int, Sequence[object]] | ReadError]


def open_rows(source: Source, is_header: IsHeader) -> Opened:
    """Open a table.

    Parameters
    ----------
    source
        A source with a container.
    is_header
        Knows a header line when it sees one; blank lines and titles may stand above it.

    Returns
    -------
    tuple
        The column names, each once (none where every row brings its own, as in JSON), and all rows.

    Raises
    ------
    FormatError
        Where the container is damaged.
    """
    if source.container == "xlsx":
        return _open_workbook(source, is_header)
    if source.container == "parquet":
        return _open_parquet(source)
    if source.container == "jsonl":
        return (), read_objects(source)
    return _with_header(source.path, read_records(source), is_header)


def _with_header(path: Path, records: Records, is_header: IsHeader) -> Opened:
    """Split records into header and rows."""
    records = iter(records)
    first = list(islice(records, _HEADER_WITHIN))
    good = [entry for entry in first if not isinstance(entry, ReadError)]
    if not good:
        return (), (entry for entry in chain(first, records) if isinstance(entry, ReadError))
    likely = (entry for entry in good if is_header([str(cell) for cell in entry[1]], entry is good[0]))
    number, cells = next(likely, good[0])
    headers = _unique([printable(cell) for cell in cells])
    rest = [entry for entry in first if isinstance(entry, ReadError) or entry[0] > number]
    return headers, _rows(path, headers, chain(rest, records))


def _unique(names: list[str]) -> tuple[str, ...]:
    """Give columns without a name one, and the second of two alike a number."""
    seen: Counter[str] = Counter()
    result = []
    for position, name in enumerate(names, 1):
        name = name or f"column {position}"
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(result)


def _rows(path: Path, headers: tuple[str, ...], records: Records) -> Rows:
    for entry in records:
        if isinstance(entry, ReadError):
            yield entry
            continue
        number, cells = entry
        if not all(is_blank(cell) for cell in cells[len(headers) :]):
            reason = f"{len(cells)} cells where the header names {len(headers)}; a cell is shifted"
            yield ReadError(path, number, "", printable(" | ".join(map(str, cells))), reason)
        elif not all(is_blank(cell) for cell in cells):
            yield Row(number, dict(zip(headers, cells, strict=False)))


def _open_workbook(source: Source, is_header: IsHeader) -> Opened:
    """Take the first visible sheet that has a header, else the first with any cells."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(source.path)
        opened = [
            _with_header(source.path, _sheet_records(book.get_sheet_by_name(sheet.name)), is_header)
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
    except (CalamineError, OSError, ValueError) as error:
        raise _damaged(source.path, "workbook", error) from None
    filled = [sheet for sheet in opened if sheet[0]]
    if not filled:
        raise FormatError(source.path, "a workbook without any cells", "a sheet with a header line", "Export it again.")
    return next((sheet for sheet in filled if is_header(sheet[0], True)), filled[0])


def _sheet_records(sheet: Any) -> Iterator[tuple[int, Sequence[object]]]:  # noqa: ANN401 calamine ships no types
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), 1):
        if not all(is_blank(cell) for cell in cells):
            yield number, cells


def _open_parquet(source: Source) -> Opened:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(source.path) as file:
            names = tuple(file.schema_arrow.names)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _damaged(source.path, "Parquet file", error) from None
    rows = _parquet_rows(source)
    first = next(rows, None)
    # nested columns have their full names in the rows
    return (names, rows) if first is None else ((), chain([first], rows))


def _parquet_rows(source: Source) -> Rows:
    import pyarrow
    from pyarrow import parquet

    number = 0
    with parquet.ParquetFile(source.path) as file:
        try:
            for batch in map(_in_microseconds, file.iter_batches(batch_size=_BATCH)):
                for position in range(batch.num_rows):
                    number += 1
                    yield _parquet_row(source.path, number, batch.slice(position, 1))
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _damaged(source.path, "Parquet file", error) from None


def _in_microseconds(batch: Any) -> Any:  # noqa: ANN401 pyarrow ships no types
    """Return a batch whose times Python can hold: pandas writes nanoseconds."""
    import pyarrow

    for position, field in enumerate(batch.schema):
        if pyarrow.types.is_timestamp(field.type) and field.type.unit == "ns":
            times = batch.column(position).cast(pyarrow.timestamp("us", field.type.tz), safe=False)
            batch = batch.set_column(position, field.name, times)
    return batch


def _parquet_row(path: Path, number: int, batch: Any) -> Row | ReadError:  # noqa: ANN401 pyarrow ships no types
    try:
        return Row(number, flatten(batch.to_pylist()[0]))
    except (ValueError, OverflowError) as error:  # bytes that are no text, dates beyond the calendar
        return ReadError(path, number, "", "", f"a value that cannot be read ({str(error)[:100]})")


def _damaged(path: Path, what: str, error: Exception) -> FormatError:
    cause = str(error).partition("\n")[0][:120]
    return FormatError(path, f"a damaged {what} ({cause})", "a whole one", "Export the messages again.")
