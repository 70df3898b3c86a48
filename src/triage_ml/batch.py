"""A whole export: messages in, one result row out for each, in order, with memory that does not grow.

Rows that cannot be read go to `<output>.rejects.csv` with the reason, and the rest goes on.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from triage_ml.errors import FormatError
from triage_ml.messages import Claim, Message, Money
from triage_ml.readers import read_messages
from triage_ml.readers.rejects import Rejects
from triage_ml.readers.sniff import sniff
from triage_ml.triage import Assessment, Triage

CHUNK = 512
ENDINGS = (".csv", ".jsonl", ".parquet", ".xlsx")
_REPLIES = (1, 2, 3)
# Column name to its type in Parquet; also the order of the columns everywhere.
COLUMNS: Mapping[str, type] = {
    "message_id": str,
    "thread_id": str,
    "order_id": str,
    "language": str,
    "category": str,
    "claim": str,
    "claim_set": str,
    **{f"p_{claim.value}": float for claim in Claim},
    "p_abuse": float,
    "remedy": str,
    "remedy_rule": str,
    "remedy_cost": float,
    "runner_up": str,
    "runner_up_cost": float,
    "break_even": str,
    "whose_error": str,
    "offer": float,
    "offer_low": float,
    "offer_high": float,
    "currency": str,
    "due_at": str,
    "due_buyer_time": str,
    "due_seller_time": str,
    **{f"reply_{n}": str for n in _REPLIES},
    **{f"reply_{n}_score": float for n in _REPLIES},
    "reply_1_text": str,
    "reasons": str,
    "model": str,
    "policy": str,
}
_EXCEL_ROWS = 1_048_576


@dataclass
class Summary:
    """What a batch came to.

    `rows` counts messages scored, `rejects` rows that could not be read; `categories`, `languages` count messages;
    `rejects_path` is None where nothing was rejected.
    """

    output: Path
    rows: int = 0
    rejects: int = 0
    rejects_path: Path | None = None
    categories: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)


def score(
    inputs: Sequence[Path],
    output: Path,
    triage: Triage,
    *,
    format: str | None = None,  # noqa: A002 - the name a person knows from --format
    columns: Mapping[str, str] | None = None,
    progress: Callable[[int], None] = lambda _: None,
    assessed: Callable[[Sequence[Assessment]], object] = lambda _: None,
) -> Summary:
    """Assess every message of some exports and write one row for each.

    Parameters
    ----------
    inputs
        Files, read one after another.
    output
        .csv, .jsonl, .parquet or .xlsx. It appears when it is complete; until then its name ends in `.part`.
    triage
        What assesses.
    format, columns
        As in `read_messages`.
    progress
        Told how many messages are done, after each chunk.
    assessed
        Given each chunk of assessments, to be kept elsewhere too.

    Returns
    -------
    Summary

    Raises
    ------
    FormatError
        A whole input cannot be read, or the output's ending is not one of the four.
    """
    for path in inputs:
        if path.resolve() == output.resolve():
            raise FormatError(output, "the output named like an input", "another file", "Choose another name after -o.")
        sniff(path, format)  # a file that cannot be read stops the run before anything is written
    summary = Summary(output)
    with Rejects(output) as rejects, _open(output) as write:
        messages = (m for path in inputs for m in read_messages(path, format=format, columns=columns, on_reject=rejects.write))
        for chunk in chunks(messages, CHUNK):
            assessments = triage.assess_many(chunk)
            write([to_row(a) for a in assessments])
            assessed(assessments)
            summary.rows += len(assessments)
            summary.categories.update(a.category.value for a in assessments)
            summary.languages.update(a.prediction.language for a in assessments)
            progress(summary.rows)
    if rejects.count:
        summary.rejects, summary.rejects_path = rejects.count, rejects.path
    return summary


def to_row(assessment: Assessment) -> dict[str, object]:
    """Return an assessment as one flat row, keys as in `COLUMNS`; None where there is nothing to say."""
    message, prediction, resolution = assessment.message, assessment.prediction, assessment.resolution
    offer, second = resolution.offer, resolution.runner_up
    paid = message.order.paid if message.order else None
    comparison, due = assessment.comparison, resolution.due
    row: dict[str, object] = {
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "order_id": message.order.order_id if message.order else "",
        "language": prediction.language,
        "category": prediction.category.value,
        "claim": prediction.claim.value,
        "claim_set": "|".join(prediction.claim_set),
        **{f"p_{claim.value}": round(p, 4) for claim, p in prediction.probabilities.items()},
        "p_abuse": round(prediction.abuse, 4),
        "remedy": resolution.recommended.kind.value,
        "remedy_rule": resolution.recommended.rule,
        "remedy_cost": _amount(resolution.recommended.cost),
        "runner_up": second.kind.value if second else "",
        "runner_up_cost": _amount(second.cost) if second else None,
        "break_even": resolution.recommended.break_even or (second.break_even if second else ""),
        "whose_error": comparison.verdict.value if comparison else "",
        **{key: _amount(getattr(offer, key)) if offer else None for key in ("offer", "offer_low", "offer_high")},
        "currency": paid.currency if paid else "",
        "due_at": due.due_at.isoformat() if due else "",
        "due_buyer_time": due.buyer_time.isoformat() if due else "",
        "due_seller_time": due.seller_time.isoformat() if due else "",
    }
    for n in _REPLIES:
        reply = assessment.replies[n - 1] if len(assessment.replies) >= n else None
        row[f"reply_{n}"] = reply.template_id if reply else ""
        row[f"reply_{n}_score"] = reply.score if reply else None
    row["reply_1_text"] = assessment.replies[0].text if assessment.replies else ""
    row |= {"reasons": "; ".join(assessment.reasons), "model": assessment.model, "policy": assessment.policy}
    return {name: row[name] for name in COLUMNS}


def _amount(money: Money | None) -> float | None:
    return float(money.amount) if money else None


def chunks(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    """Yield the messages in lists of this size, the last one shorter."""
    iterator = iter(messages)
    while chunk := list(islice(iterator, size)):
        yield chunk


class _Writer(Protocol):
    def __call__(self, rows: list[dict[str, object]]) -> None: ...

    def close(self) -> None: ...


class _open:  # noqa: N801 - a context manager, used like a function
    """Opens the writer that the output's ending asks for, under a name of its own until it is complete."""

    def __init__(self, output: Path) -> None:
        kinds: dict[str, Callable[[Path], _Writer]] = dict(
            zip(ENDINGS, (_CsvWriter, _JsonlWriter, _ParquetWriter, _XlsxWriter), strict=True)
        )
        kind = kinds.get(output.suffix.lower())
        if kind is None:
            found = f"the ending {output.suffix!r}" if output.suffix else "no ending"
            raise FormatError(output, found, " or ".join(kinds), "Choose one of them after -o.")
        if output.is_dir():
            raise FormatError(output, "a folder", "the name of a file", "Name a file inside it after -o.")
        if not output.parent.is_dir():
            raise FormatError(output, f"no folder {output.parent}", "an existing folder", "Make it first, or choose another.")
        self.output, self.part = output, output.with_name(output.name + ".part")
        self.make = kind

    def __enter__(self) -> _Writer:
        self.writer = self.make(self.part)
        return self.writer

    def __exit__(self, failed: object, *_: object) -> None:
        self.writer.close()
        if failed:
            with suppress(OSError):
                self.part.unlink()
        else:
            os.replace(self.part, self.output)


class _CsvWriter:
    def __init__(self, path: Path) -> None:
        self.file = path.open("w", newline="", encoding="utf-8")
        self.table = csv.DictWriter(self.file, COLUMNS)
        self.table.writeheader()

    def __call__(self, rows: list[dict[str, object]]) -> None:
        self.table.writerows(rows)

    def close(self) -> None:
        self.file.close()


class _JsonlWriter:
    def __init__(self, path: Path) -> None:
        self.file = path.open("w", newline="\n", encoding="utf-8")

    def __call__(self, rows: list[dict[str, object]]) -> None:
        self.file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def close(self) -> None:
        self.file.close()


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        kinds = {str: pa.string(), float: pa.float64()}
        self.schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
        self.to_table = pa.Table.from_pylist
        self.file = pq.ParquetWriter(path, self.schema)

    def __call__(self, rows: list[dict[str, object]]) -> None:
        self.file.write_table(self.to_table(rows, schema=self.schema))

    def close(self) -> None:
        self.file.close()


class _XlsxWriter:
    def __init__(self, path: Path) -> None:
        import xlsxwriter

        # Constant memory: rows are written to disk as they come. Strings are never read as formulas or links.
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self.book, self.row = xlsxwriter.Workbook(str(path), options), 0
        # A fixed date, so that the same messages give the same bytes.
        self.book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
        self._sheet()

    def _sheet(self) -> None:
        self.sheet: Any = self.book.add_worksheet()
        self.sheet.freeze_panes(1, 1)
        self.sheet.write_row(0, 0, list(COLUMNS))
        self.row = 1

    def __call__(self, rows: list[dict[str, object]]) -> None:
        for row in rows:
            if self.row >= _EXCEL_ROWS:
                self._sheet()
            for column, value in enumerate(row.values()):
                if isinstance(value, str):
                    self.sheet.write_string(self.row, column, value[:32_767])
                elif value is not None:
                    self.sheet.write(self.row, column, value)
            self.row += 1

    def close(self) -> None:
        self.book.close()
