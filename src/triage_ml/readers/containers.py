"""From a file to rows with named cells, whatever holds the table: CSV, TSV, XLSX, JSONL or Parquet.

A workbook is held in memory as a whole; CSV, TSV, JSON Lines and Parquet are read in small parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from triage_ml.errors import FormatError, ReadError
from triage_ml.readers.columns import layouts
from triage_ml.readers.delimited import read_records
from triage_ml.readers.fields import Row, is_blank, printable
from triage_ml.readers.jsontext import flatten, read_objects
from triage_ml.readers.sniff import Source

_HEADER_WITHIN = 15  # records in which the header is looked for
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
    """Split records into header and rows; of several likely headers (a line of group names) take the best known."""
    records = iter(records)
    first = list(islice(records, _HEADER_WITHIN))
    good = [entry for entry in first if not isinstance(entry, ReadError)]
    if not good:
        return (), (entry for entry in chain(first, records) if isinstance(entry, ReadError))
    likely = [entry for entry in good if is_header([str(cell) for cell in entry[1]], entry is good[0])]
    number, cells = max(likely, key=lambda entry: _known_names(entry[1]), default=good[0])
    headers = _unique([printable(cell) for cell in cells])
    rest = [entry for entry in first if isinstance(entry, ReadError) or entry[0] > number]
    return headers, _rows(path, headers, chain(rest, records))


def _known_names(cells: Sequence[object]) -> int:
    return len(layouts()["messages"].match(map(str, cells), {}))


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
        if len(cells) > len(headers) and not all(is_blank(cell) for cell in cells[len(headers) :]):
            reason = f"{len(cells)} cells where the header names {len(headers)}; a cell is shifted"
            yield ReadError(path, number, "", printable(" | ".join(map(str, cells))), reason)
        elif not all(is_blank(cell) for cell in cells):
            yield Row(number, dict(zip(headers, cells, strict=False)))


def _open_workbook(source: Source, is_header: IsHeader) -> Opened:
    """Take all visible sheets that have a header, else the first with any cells.

    A shop may keep a sheet for each marketplace. Where any sheet has a header of several known names, one with
    a single known word ("Comments") is taken for notes. Cells merged over several rows count for each of them.
    """
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    try:
        book = CalamineWorkbook.from_path(source.path)
        names = [
            sheet.name for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]  # fmt: skip
        opened = {name: _with_header(source.path, _sheet_records(book.get_sheet_by_name(name)), is_header) for name in names}
    except (CalamineError, OSError, ValueError) as error:
        raise _damaged(source.path, "workbook", error) from None
    filled = {name: sheet for name, sheet in opened.items() if sheet[0]}
    if not filled:
        raise FormatError(source.path, "a workbook without any cells", "a sheet with a header line", "Export it again.")
    headed = {name: sheet for name, sheet in filled.items() if is_header(sheet[0], True)}
    # one column, or with a single known name: only sheets that look alike
    alike = next(((headers for headers, _ in headed.values())), ())
    chosen = {name: sheet for name, sheet in headed.items() if is_header(sheet[0], False)} or {
        name: sheet for name, sheet in headed.items() if sheet[0] == alike
    }
    if not chosen:
        return next(iter(filled.values()))
    headers = tuple(dict.fromkeys(header for sheet_headers, _ in chosen.values() for header in sheet_headers))
    first = next(iter(chosen))
    rows = (
        rows if name == first else _with_ids(source.path, name, *sheet) for name, sheet in chosen.items() for rows in [sheet[1]]
    )
    return headers, chain.from_iterable(rows)


def _with_ids(path: Path, sheet: str, headers: tuple[str, ...], rows: Rows) -> Rows:
    """Give the rows of a further sheet ids where they have none: file and row number are the first sheet's."""
    column = layouts()["messages"].match(headers, {}).get("message_id", "message_id")
    for row in rows:
        if isinstance(row, Row) and is_blank(row.cells.get(column)):
            row = Row(row.number, row.cells | {column: f"{path.name}:{sheet}:{row.number}"})
        yield row


def _sheet_records(sheet: Any) -> Iterator[tuple[int, Sequence[object]]]:  # noqa: ANN401 calamine ships no types
    table = sheet.to_python(skip_empty_area=False)
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        for cells in table[top + 1 : bottom + 1]:
            cells[left] = table[top][left]
    for number, cells in enumerate(table, 1):
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
