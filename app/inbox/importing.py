"""An export that is dropped on the inbox comes into the record; rows that cannot be read are shown with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

import roles
import session
import uploads
import watching
from jobs import Job, StoppedError
from triage_ml.cases import CaseStore, Recorded
from triage_ml.cases.importing import import_export
from triage_ml.errors import ReadError, TriageError
from triage_ml.readers import read_messages
from triage_ml.readers.rejects import Rejects
from triage_ml.triage import Triage

_REJECTS_SHOWN = 100
_TOLD_EVERY = 500  # messages
# Row, column, value and reason.
_Row = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class Import:
    """What an import came to.

    Parameters
    ----------
    name
        The file.
    recorded
        What was recorded.
    rejected, rows, file
        How many rows could not be read, the first of them, and a file of all; None where there are none.
    stopped
        Whether it was stopped before the end.
    """

    name: str
    recorded: Recorded
    rejected: int
    rows: tuple[_Row, ...]
    file: Path | None
    stopped: bool = False


def panel(*, expanded: bool) -> None:
    """Draw the place to drop an export, how far its import is, and what came of it."""
    say, key = session.say(), watching.key("import")
    job = session.jobs().get(key)
    with st.expander(say("import.title"), expanded=expanded or job is not None):
        if job is not None and not job.done:
            st.text(job.name)
            watching.watch(job, "import")
            return
        if job is not None:
            outcome(job)
            st.button(say("job.close"), key="import-close", on_click=session.jobs().forget, args=(key,))
        drop(key)


def drop(key: str) -> None:
    """Draw the place to drop an export."""
    say, round_ = session.say(), st.session_state.get("exports", 0)
    dropped = st.file_uploader(say("import.drop"), key=f"export-{round_}", help=say("import.help"))
    problem = uploads.too_large([dropped]) if dropped is not None else ""
    if problem:
        session.show_note("bad", problem)
    if dropped is not None and not roles.person():
        session.show_note("note", say("import.no_person"))
    ready = dropped is not None and not problem and bool(roles.person())
    if st.button(say("import.start"), key="import", disabled=not ready, type="primary") and dropped is not None:
        try:
            store, triage = session.store(), session.triage()
            folder, (path,) = uploads.keep([dropped])
        except TriageError as error:
            session.show_note("bad", say("import.failed", why=uploads.reason(error)))
            return
        st.session_state["exports"] = round_ + 1  # an empty place for the next one
        job = session.jobs().start(key, path.name, partial(bring_in, store, triage, path, roles.person()), folder)
        job.wait(watching.AT_ONCE)
        st.rerun()


def outcome(job: Job) -> None:
    """Draw what came of an import."""
    say = session.say()
    if job.error:
        # What was read before the error is recorded.
        key = "import.stopped" if job.reached and job.expected else "import.failed"
        session.show_note("bad", say(key, why=uploads.reason(job.error)))
    elif job.stopped:
        session.show_note("note", say("job.stopped_at_once"))
    elif job.result is None:
        session.show_note("bad", say("job.failed"))
    else:
        show(job.result)


def bring_in(store: CaseStore, triage: Triage, path: Path, by: str, job: Job) -> Import:
    """Read a file twice, first to count and check it, then to record it.

    Raises
    ------
    TriageError
        Where the file cannot be read, or the record not be written.
    StoppedError
        Where it was stopped before anything was recorded.
    """
    rows: list[_Row] = []

    def reject(error: ReadError) -> None:
        error.path = Path(path.name)  # not where the copy happens to lie
        rejects.write(error)
        if len(rows) < _REJECTS_SHOWN:
            rows.append((error.row, error.column, error.value, error.reason))

    with Rejects(path) as rejects:
        job.expect(counted(path, reject, job))
    ended = partial(Import, path.name, rejected=rejects.count, rows=tuple(rows), file=rejects.path if rows else None)
    done = Recorded()

    def progress(so_far: Recorded, reached: int) -> None:
        nonlocal done
        done = so_far
        job.reach(reached)
        job.check()

    try:
        import_export(store, triage, path, by, lambda _: None, progress)
    except StoppedError:
        return ended(recorded=done, stopped=done.messages + done.known < (job.expected or 0))
    return ended(recorded=done)


def counted(path: Path, reject: Callable[[ReadError], object], job: Job, columns: Mapping[str, str] | None = None) -> int:
    """Return how many messages a file has; the job is told on the way, and may end it."""
    before, count = job.reached, 0
    for count, _ in enumerate(read_messages(path, columns=columns, on_reject=reject), 1):
        if count % _TOLD_EVERY == 0:
            job.reached = before + count
            job.check()
    job.reached = before + count
    return count


def show(done: Import) -> None:
    """Draw what was imported; rejected rows as a table, which shows text as text, and all of them as a file."""
    say, recorded = session.say(), done.recorded
    counts = {"messages": recorded.messages, "cases": recorded.cases, "known": recorded.known}
    session.show_note("note" if done.stopped else "good", f"{done.name}: " + say("import.done", **counts))
    if done.stopped:
        session.show_note("note", say("import.stopped", why=""))
    if not done.rejected:
        return
    session.show_note("note", say("import.rejects", count=done.rejected))
    names = [say(f"import.{column}") for column in ("row", "column", "value", "reason")]
    said = [(row, column, value, say.sentence(reason)) for row, column, value, reason in done.rows]
    st.dataframe([dict(zip(names, row, strict=True)) for row in said], hide_index=True)
    if done.rejected > len(done.rows):
        st.caption(say("import.rejects_more", shown=len(done.rows)))
    if (file := done.file) is not None:
        data = partial(file.open, "rb")
        st.download_button(say("import.download"), data, f"{done.name}.rejects.csv", "text/csv", on_click="ignore")
