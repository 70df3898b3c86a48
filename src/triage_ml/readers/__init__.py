"""Exports become messages: `read_messages(path)` for every kind of file in `FORMATS`.

sniff                         what kind of file is this (encodings, desks; foreign: what is refused)
tables, amazon                rows become messages (containers, delimited, jsontext: rows of a file; columns: their names)
mail, helpdesk                letters and tickets become messages (bodies, words: the writer's own words; senders: who wrote;
notices: what no buyer wrote; tickets: pages of JSON)
fields                        the border: raw values become a Message, or an error that names column and value
(money, dates, choices, reasons: one kind of value each)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Message, OrderLine
from triage_ml.readers.sniff import FORMATS, Source, sniff

__all__ = ["FORMATS", "entries", "read_messages", "read_order"]


def read_messages(
    path: Path | str,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    on_reject: Callable[[ReadError], object] | None = None,
) -> Iterator[Message]:
    """Yield the messages of an export in their order.

    Parameters
    ----------
    path
        The file. Its kind is found by its content.
    format
        One of `FORMATS` where the content does not tell.
    columns
        For tables: canonical field (`triage_ml.readers.fields.FIELDS`) to column name; wins over the aliases.
    on_reject
        Called with the error of each row that cannot be read. Without it, the first one is raised.

    Raises
    ------
    FormatError
        Where the file as a whole cannot be read.
    ReadError
        Where a row cannot be read and there is no `on_reject`.
    """
    for entry in entries(sniff(path, format), columns or {}):
        if isinstance(entry, Message):
            yield entry
        elif on_reject is None:
            raise entry
        else:
            on_reject(entry)


def read_order(path: Path | str) -> tuple[OrderLine | None, str]:
    """Read one order line from a JSON file, by the same aliases and with the same checks as a row of an export.

    Parameters
    ----------
    path
        The file: one JSON object such as {"order_id": ..., "sku": ..., "amount": "12,50 €"}.

    Returns
    -------
    tuple
        The order line, None where the object says nothing of it; and the channel, "" where unknown.

    Raises
    ------
    FormatError
        Where it is no JSON object.
    ReadError
        Where a value of it cannot be.
    """
    from triage_ml.readers.tables import read_order_object

    message = read_order_object(sniff(path, "jsonl"))
    return message.order, message.channel


def entries(source: Source, columns: Mapping[str, str]) -> Iterator[Message | ReadError]:
    """Yield the messages of an export, and between them the errors of the rows that cannot be read.

    Parameters
    ----------
    source
        What `triage_ml.readers.sniff.sniff` found.
    columns
        As in `read_messages`.

    Raises
    ------
    FormatError
        Where the file as a whole cannot be read.
    """
    if source.container:
        return _read_table(source, columns)
    if columns:
        found = f"a mapping of columns for a file of kind {source.kind}"
        raise FormatError(source.path, found, "a table (CSV, TSV, XLSX, JSONL, Parquet)", "Leave the mapping away.")
    if source.kind == "amazon-returns-xml":
        from triage_ml.readers import amazon

        return amazon.read_xml(source)
    if source.kind in ("mbox", "eml"):
        from triage_ml.readers import mail

        return mail.read(source)
    from triage_ml.readers import helpdesk

    return helpdesk.read(source)


def _read_table(source: Source, columns: Mapping[str, str]) -> Iterator[Message | ReadError]:
    """Read a table by its columns: Amazon's reports come in every container."""
    from triage_ml.readers import amazon, tables
    from triage_ml.readers.columns import layouts

    table = tables.open_table(source, columns)
    if source.kind in amazon.REPORTS:
        report = source.kind
    else:
        report = "" if source.forced else amazon.report_of(table.headers)
    if report:
        return amazon.messages(table, report, columns)
    return tables.messages(table, layouts()["messages"], columns)
