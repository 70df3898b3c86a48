"""The work behind the batch page: read the files through once to count, then judge and write them, until somebody stops it."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from inbox.importing import counted
from jobs import Job
from triage_ml.batch import Summary, to_row
from triage_ml.batch import score as score_batch
from triage_ml.cases import CaseStore, Recorded
from triage_ml.errors import FormatError
from triage_ml.readers.columns import layouts
from triage_ml.readers.sniff import sniff
from triage_ml.readers.tables import open_table
from triage_ml.triage import Assessment, Triage

_PREVIEW = 50  # rows
_SAMPLE = 5  # rows of a file whose columns are to be named
_WORDS = 12  # characters that a column of texts has on average at least


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Parameters
    ----------
    folder
        Where the result goes.
    inputs
        The exports.
    ending
        One of `triage_ml.batch.ENDINGS`.
    triage
        What judges.
    store, by
        The record that the messages come into, too, and who brings them; None for no record.
    columns
        Which column holds what, as `read_messages` takes it.
    """

    folder: Path
    inputs: tuple[Path, ...]
    ending: str
    triage: Triage
    store: CaseStore | None = None
    by: str = ""
    columns: Mapping[str, str] | None = None

    def reading(self, columns: Mapping[str, str]) -> Order:
        """Return the same with columns that a person named."""
        return replace(self, columns=columns)


@dataclass(frozen=True, slots=True)
class Scored:
    """What came of it.

    Parameters
    ----------
    summary
        What the batch came to.
    expected
        How many messages the files have.
    preview
        The first rows of the result.
    recorded
        What came into the record, None where nothing was to.
    """

    summary: Summary
    expected: int
    preview: tuple[dict[str, object], ...]
    recorded: Recorded | None

    @property
    def stopped(self) -> bool:
        """Whether it was stopped before the end."""
        return not self.summary.complete


@dataclass(frozen=True, slots=True)
class Unread:
    """A table that could not be read; a person can say which column holds what.

    Parameters
    ----------
    order
        What was to be done.
    error
        Why it could not be read.
    headers
        The table's columns.
    known
        Canonical field to column, as far as they were recognised.
    sample
        The first rows, as text.
    likely
        The column that looks like the buyers' words, "" for none.
    """

    order: Order
    error: FormatError
    headers: tuple[str, ...]
    known: Mapping[str, str]
    sample: tuple[dict[str, str], ...]
    likely: str


def score(order: Order, job: Job) -> Scored | Unread:
    """Score some exports.

    Raises
    ------
    TriageError
        Where a file cannot be read and naming its columns would not help, or the record not be written.
    StoppedError
        Where it was stopped before anything was judged.
    """
    try:
        expected = sum(counted(path, lambda _: None, job, order.columns) for path in order.inputs)
    except FormatError as error:
        unread = _nameable(order, error)
        if unread is None:
            raise
        return unread
    job.expect(expected)
    preview: list[dict[str, object]] = []
    recorded = Recorded()

    def keep(assessments: Sequence[Assessment]) -> None:
        nonlocal recorded
        preview.extend(to_row(one) for one in islice(assessments, _PREVIEW - len(preview)))
        if order.store is not None:
            recorded += order.store.record(assessments, order.by)

    place = order.folder / "out"
    place.mkdir(exist_ok=True)
    summary = score_batch(
        order.inputs, place / f"{order.inputs[0].stem}-scored{order.ending}", order.triage,
        columns=order.columns, progress=lambda rows, _: job.reach(rows), assessed=keep, stop=lambda: job.stopping,
    )  # fmt: skip
    if summary.rejects_path:
        _without_folders(summary.rejects_path)
    return Scored(summary, expected, tuple(preview), recorded if order.store is not None else None)


def _nameable(order: Order, error: FormatError) -> Unread | None:
    """Return what a person needs to name the columns of a file, None where it is no table."""
    try:
        source = sniff(error.path)
        if not source.container:
            return None
        table = open_table(source, {})
    except FormatError:
        return None
    known = layouts()["messages"].match(table.headers, {})
    sample = tuple({name: str(row.cells.get(name, "")) for name in table.headers} for row in table.head[:_SAMPLE])
    return Unread(order, error, table.headers, known, sample, _longest(table.headers, sample)) if table.headers else None


def _longest(headers: Sequence[str], sample: Sequence[Mapping[str, str]]) -> str:
    """Return the column with the longest texts, "" where none holds more than a few words."""
    lengths = {name: sum(len(row[name]) for row in sample) / max(len(sample), 1) for name in headers}
    found = max(headers, key=lengths.__getitem__)
    return found if lengths[found] >= _WORDS else ""


def _without_folders(rejects: Path) -> None:
    """Let the file of rejected rows name each export, not where its copy lay."""
    plain = rejects.with_suffix(".part")
    with rejects.open(newline="", encoding="utf-8") as old, plain.open("w", newline="", encoding="utf-8") as new:
        rows, write = csv.reader(old), csv.writer(new).writerow
        write(next(rows))
        for path, *rest in rows:
            write([Path(path).name, *rest])
    os.replace(plain, rejects)
