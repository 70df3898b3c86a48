"""Read, judge, write: exports in, one result out, with a row for each message, in order.

Rows that cannot be read go to `<output>.rejects.csv` with the reason, and the rest goes on.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from triage_ml.batch.checkpoint import Checkpoint, Done, Summary
from triage_ml.batch.files import FORMS, Form
from triage_ml.batch.judging import Judged, Judging
from triage_ml.batch.workers import Here, Workers
from triage_ml.errors import FormatError, ReadError, RunError
from triage_ml.messages import Message
from triage_ml.readers import entries
from triage_ml.readers.rejects import as_csv
from triage_ml.readers.sniff import Source, sniff
from triage_ml.triage import Assessment, Triage

CHUNK = 512

Progress = Callable[[int, float], object]


def score(
    inputs: Sequence[Path],
    output: Path,
    triage: Triage,
    *,
    format: str | None = None,  # noqa: A002 - the name a person knows from --format
    columns: Mapping[str, str] | None = None,
    jobs: int = 1,
    resume: bool = False,
    progress: Progress = lambda *_: None,
    assessed: Callable[[Sequence[Assessment]], object] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Assess every message of some exports and write one row for each.

    Parameters
    ----------
    inputs
        Files, read one after another.
    output
        .csv, .jsonl, .parquet or .xlsx. It appears when it is complete; until then the work is in the folder `<output>.part`.
    triage
        What assesses.
    format, columns
        As in `read_messages`.
    jobs
        How many processes judge; with 1 it is this one. The result is the same.
    resume
        Go on with a run that was killed or stopped, if there is one; the result is the same.
    progress
        Told after each chunk how many messages are done, and which share of the inputs (0 where that cannot be said).
    assessed
        Given each chunk of assessments, to be kept elsewhere too. After a kill, the last ones come once more.
    stop
        Asked after each chunk whether to end here; what is done is then a file `<name>.partial<ending>`.

    Returns
    -------
    Summary

    Raises
    ------
    FormatError
        A whole input cannot be read, or the output's ending is not one of the four.
    RunError
        There is an unfinished run that was not asked for, or that is another one; or a worker died.
    """
    form = _form(output)
    for path in inputs:
        if path.resolve() == output.resolve():
            raise FormatError(output, "the output named like an input", "another file", "Choose another name after -o.")
    sources = [sniff(path, format) for path in inputs]  # one that cannot be read stops the run before anything is written
    run = _identity(inputs, triage, {"format": format, "columns": dict(columns or {}), "ending": output.suffix.lower()})
    judging = Judging(triage, output.suffix.lower(), with_assessments=assessed is not None)
    try:
        with Checkpoint(output, form, run, resume) as checkpoint:
            for chunk, judged in _judged(sources, columns or {}, checkpoint, judging, jobs):
                if assessed is not None and judged.assessments:
                    assessed(judged.assessments)
                _write(checkpoint, chunk, judged)
                progress(checkpoint.done.rows, chunk.share)
                if stop():
                    return checkpoint.publish_partial()
            return checkpoint.publish()
    except OSError as error:
        do = "Give it room or rights, then run the same command with --resume."
        raise RunError(output, f"a file that cannot be used ({error})", "files that can be read and written", do) from error


def chunks(messages: Iterable[Message], size: int) -> Iterator[list[Message]]:
    """Yield the messages in lists of this size, the last one shorter."""
    iterator = iter(messages)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _form(output: Path) -> Form:
    """Return how the output is to be written, as far as it can be."""
    form = FORMS.get(output.suffix.lower())
    if form is None:
        found = f"the ending {output.suffix!r}" if output.suffix else "no ending"
        raise FormatError(output, found, " or ".join(FORMS), "Choose one of them after -o.")
    if output.is_dir():
        raise FormatError(output, "a folder", "the name of a file", "Name a file inside it after -o.")
    if not output.parent.is_dir():
        raise FormatError(output, f"no folder {output.parent}", "an existing folder", "Make it first, or choose another.")
    return form


# --- reading


@dataclass
class _Chunk:
    """Some entries of the inputs, in order.

    `places` holds file and number of each message; `source`, `entries` say where the reading stands behind them, as in `Done`;
    `share` which part of all inputs was read by then.
    """

    messages: list[Message] = field(default_factory=list)
    places: list[tuple[Path, int]] = field(default_factory=list)
    rejects: list[ReadError] = field(default_factory=list)
    source: int = 0
    entries: int = 0
    share: float = 0.0


class _Reading:
    """Reads the inputs from where an unfinished run stands."""

    def __init__(self, sources: Sequence[Source], columns: Mapping[str, str], done: Done) -> None:
        self._sources, self._columns = sources, columns
        self._first, self._skip = done.source, done.entries
        self._sizes = [source.path.stat().st_size for source in sources]
        self._read = 0

    def chunks(self) -> Iterator[_Chunk]:
        """Yield chunks of `CHUNK` entries, the last one shorter."""
        found = self._entries()
        while part := list(islice(found, CHUNK)):
            chunk = _Chunk(source=part[-1][0], entries=part[-1][1], share=self._share(part[-1][0]))
            for source, number, entry in part:
                if isinstance(entry, Message):
                    chunk.messages.append(entry)
                    chunk.places.append((self._sources[source].path, number))
                else:
                    chunk.rejects.append(entry)
            yield chunk

    def _entries(self) -> Iterator[tuple[int, int, Message | ReadError]]:
        """Yield the input's number, the entry's number in it from 1, and the entry."""
        for number, source in enumerate(self._sources[self._first :], self._first):
            self._read = 0
            watched = replace(source, watch=self._watch)
            skip = self._skip if number == self._first else 0
            for at, entry in islice(enumerate(entries(watched, self._columns), 1), skip, None):
                yield number, at, entry

    def _watch(self, position: int) -> None:
        self._read = position

    def _share(self, source: int) -> float:
        return (sum(self._sizes[:source]) + self._read) / max(sum(self._sizes), 1)


def _judged(
    sources: Sequence[Source], columns: Mapping[str, str], checkpoint: Checkpoint, judging: Judging, jobs: int
) -> Iterator[tuple[_Chunk, Judged]]:
    """Yield what an unfinished run has yet to do, chunk by chunk, each with what came of it."""
    if checkpoint.done.complete:
        return
    try:
        with closing(Workers(judging, jobs) if jobs > 1 else Here(judging)) as workers:
            yield from _in_order(_Reading(sources, columns, checkpoint.done).chunks(), workers)
    except FormatError:
        checkpoint.discard()  # a half result helps nobody
        raise


def _in_order(found: Iterator[_Chunk], workers: Here | Workers) -> Iterator[tuple[_Chunk, Judged]]:
    """Yield the chunks with what came of them; no more of them are in memory than there is work for."""
    waiting: deque[tuple[_Chunk, Any]] = deque()
    for chunk in found:
        waiting.append((chunk, workers.submit(chunk.messages)))
        if len(waiting) > workers.ahead:
            first, future = waiting.popleft()
            yield first, future.result()
    while waiting:
        first, future = waiting.popleft()
        yield first, future.result()


def _write(checkpoint: Checkpoint, chunk: _Chunk, judged: Judged) -> None:
    """Put a chunk to what is done."""
    rejects = [*chunk.rejects, *(_unjudged(chunk, *failed) for failed in judged.failed)]
    done = checkpoint.done
    checkpoint.add(judged.body, as_csv(rejects, with_names=not done.rejects))
    done.source, done.entries = chunk.source, chunk.entries
    done.rows += judged.rows
    done.rejects += len(rejects)
    done.categories.update(judged.categories)
    done.languages.update(judged.languages)
    checkpoint.save_if_due()


def _unjudged(chunk: _Chunk, place: int, why: str) -> ReadError:
    path, number = chunk.places[place]
    return ReadError(path, number, "message_id", chunk.messages[place].message_id, why)


# --- which run it is


def _identity(inputs: Sequence[Path], triage: Triage, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run that goes on must have in common with the one before, by the names that a person knows."""
    return {
        "inputs": [[str(path), _sha256(path)] for path in inputs],
        "options": {**options, "chunk": CHUNK},
        "model": triage.judge.version,
        "policy": [triage.policy.version, _digest(triage.policy)],
        "templates": _digest(triage.ranker.templates),
        "offers": _digest(triage.acceptance.offers),
        "version of triage-ml": version("triage-ml"),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(value: object) -> str:
    return hashlib.sha256(repr(_ordered(value)).encode()).hexdigest()[:12]


def _ordered(value: Any) -> object:  # noqa: ANN401 - whatever a policy and templates are made of
    """Return a value so that its `repr` is the same in every process."""
    if is_dataclass(value) and not isinstance(value, type):
        return [(one.name, _ordered(getattr(value, one.name))) for one in fields(value) if one.compare]
    if isinstance(value, Mapping):
        return sorted((repr(_ordered(key)), _ordered(inner)) for key, inner in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(repr(_ordered(one)) for one in value)
    return [_ordered(one) for one in value] if isinstance(value, (list, tuple)) else value
