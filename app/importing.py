"""An export that is dropped on the inbox comes into the record; rows that cannot be read are shown with their reasons."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import IO

import streamlit as st

import session
from triage_ml.cases import Recorded
from triage_ml.cases.importing import import_export
from triage_ml.errors import FormatError, ReadError, TriageError
from triage_ml.readers import read_messages
from triage_ml.readers.rejects import Rejects

_REJECTS_SHOWN = 100
# Row, column, value and reason.
_Row = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class Import:
    """What an import came to: what was recorded, the rows that could not be read, the first of them, and the file of all."""

    name: str
    recorded: Recorded
    rejected: int
    rows: tuple[_Row, ...]
    file: bytes


def panel(*, expanded: bool) -> None:
    """Draw the place to drop an export, and what came of the last one."""
    say = session.say()
    with st.expander(say("import.title"), expanded=expanded or "imported" in st.session_state):
        dropped = st.file_uploader(say("import.drop"), key="export", help=say("import.help"))
        ready = dropped is not None and bool(session.person())
        if dropped is not None and not session.person():
            session.show_note("note", say("import.no_person"))
        if st.button(say("import.start"), key="import", disabled=not ready, type="primary") and dropped is not None:
            _run(dropped.name, dropped)
        if done := st.session_state.get("imported"):
            show(done)


def _run(name: str, content: IO[bytes]) -> None:
    """Import one file with progress; a file that cannot be read, or stops in between, is told in a sentence."""
    say = session.say()
    st.session_state.pop("imported", None)
    done = Recorded()
    bar = st.progress(0.0, text=say("import.reading"))

    def progress(so_far: Recorded, share: float, text: str) -> None:
        nonlocal done
        done = so_far
        bar.progress(share, text=text)

    try:
        st.session_state["imported"] = bring_in(name, content, progress)
    except TriageError as error:
        key = "import.stopped" if done.messages else "import.failed"
        session.show_note("bad", say(key, why=_reason(error)))
    else:
        st.rerun()
    finally:
        bar.empty()


def bring_in(name: str, content: IO[bytes], progress: Callable[[Recorded, float, str], None]) -> Import:
    """Read a dropped file twice, first to count and check it, then to record it.

    Raises
    ------
    TriageError
        Where the file cannot be read, or the model or the record not be opened.
    """
    say, store, triage = session.say(), session.store(), session.triage()
    with TemporaryDirectory() as folder:
        # The name tells formats apart and stands in the record; whatever path it may carry is left out.
        path = Path(folder) / (PurePath(name.replace("\\", "/")).name or "export")
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
        count, rejected, rows, file = _looked_through(path)
        done = import_export(
            store, triage, path, session.person(), lambda _: None,
            lambda so_far, reached: progress(so_far, reached / count, say("import.working", done=reached, all=count)),
        )  # fmt: skip
    return Import(path.name, done, rejected, rows, file)


def _looked_through(path: Path) -> tuple[int, int, tuple[_Row, ...], bytes]:
    """Return how many messages a file has, how many rows cannot be read, the first of those, and a file of all of them."""
    rows: list[_Row] = []

    def reject(error: ReadError) -> None:
        error.path = Path(path.name)  # not where the copy happens to lie
        rejects.write(error)
        if len(rows) < _REJECTS_SHOWN:
            rows.append((error.row, error.column, error.value, error.reason))

    with Rejects(path) as rejects:
        count = sum(1 for _ in read_messages(path, on_reject=reject))
    file = rejects.path.read_bytes() if rejects.count else b""
    return count, rejects.count, tuple(rows), file


def _reason(error: TriageError) -> str:
    """Return why it failed; of a file without the place where its copy lay."""
    return f"{error.found}; {error.expected}. {error.do}" if isinstance(error, FormatError) else str(error)


def show(done: Import) -> None:
    """Draw what an import came to; rejected rows as a table, which shows text as text, and all of them as a file."""
    say, recorded = session.say(), done.recorded
    counts = {"messages": recorded.messages, "cases": recorded.cases, "known": recorded.known}
    session.show_note("good", f"{done.name}: " + say("import.done", **counts))
    if not done.rejected:
        return
    session.show_note("note", say("import.rejects", count=done.rejected))
    names = [say(f"import.{column}") for column in ("row", "column", "value", "reason")]
    st.dataframe([dict(zip(names, row, strict=True)) for row in done.rows], hide_index=True)
    if done.rejected > len(done.rows):
        st.caption(say("import.rejects_more", shown=len(done.rows)))
    st.download_button(say("import.download"), done.file, file_name=f"{done.name}.rejects.csv", mime="text/csv")
