"""Batch: exports in, one result file out, with a row for each message; read, judged and written in the background."""

from __future__ import annotations

from functools import partial

import streamlit as st
from markupsafe import Markup

import roles
import session
import uploads
import watching
from batch import mapping
from batch.scoring import Order, Scored, Unread, score
from jobs import Job
from triage_ml.batch import ENDINGS
from triage_ml.errors import TriageError


def batch() -> None:
    """Draw the page: files to drop, or how far the work on them is, or what came of it."""
    say, key = session.say(), watching.key("score")
    with st.container(key="page-head"):
        st.title(say("batch.title"))
    job = session.jobs().get(key)
    if job is None:
        drop(key)
    elif not job.done:
        st.text(job.name)
        watching.watch(job, "batch")
        st.caption(say("batch.goes_on"))
    elif isinstance(job.result, Scored):
        show(job.result)
        st.button(say("batch.again"), key="batch-again", on_click=session.jobs().forget, args=(key,))
    elif isinstance(job.result, Unread):
        name_columns(key, job, job.result)
    else:
        session.show_note("note" if job.stopped else "bad", why_nothing(job))
        drop(key)


def why_nothing(job: Job) -> str:
    """Return why nothing came of some work."""
    say = session.say()
    if job.error:
        return say("batch.failed", why=uploads.reason(job.error))
    return say("job.stopped_at_once" if job.stopped else "job.failed")


def drop(key: str) -> None:
    """Draw the place to drop exports, and what is made of them."""
    say, round_ = session.say(), st.session_state.get("batches", 0)
    st.caption(say("batch.intro"))
    files = st.file_uploader(
        say("batch.drop"), accept_multiple_files=True, key=f"batch-{round_}", help=say("batch.help", limit=uploads.limit())
    )
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    ending = left.selectbox(
        say("batch.format"), ENDINGS, key="batch-format", persist_state="session",
        format_func=lambda ending: say(f"batch_format.{ending.removeprefix('.')}"),
    )  # fmt: skip
    record = right.checkbox(say("batch.record"), key="batch-record", help=say("batch.record_help"), persist_state="session")
    problem = uploads.too_large(files) or (say("batch.no_person") if record and not roles.person() else "")
    if problem:
        session.show_note("bad", problem)
    if st.button(say("batch.start"), key="batch-start", type="primary", disabled=not files or bool(problem)):
        try:
            triage = session.triage()
            folder, paths = uploads.keep(files)
        except TriageError as error:
            session.show_note("bad", say("batch.failed", why=uploads.reason(error)))
            return
        st.session_state["batches"] = round_ + 1  # an empty place for the next ones
        begin(key, Order(folder, tuple(paths), ending, triage, session.store() if record else None, roles.person()))


def begin(key: str, order: Order) -> None:
    """Begin the work, and draw the page anew."""
    name = ", ".join(path.name for path in order.inputs)
    session.jobs().start(key, name, partial(score, order), order.folder).wait(watching.AT_ONCE)
    st.rerun()


def name_columns(key: str, job: Job, unread: Unread) -> None:
    """Draw why a file could not be read, and a form that says which of its columns holds what."""
    say = session.say()
    error = unread.error
    session.show_note("bad", say("batch_columns.why", name=error.path.name, expected=say.sentence(error.expected)))
    st.subheader(say("batch_columns.title"))
    st.caption(say("batch_columns.intro"))
    if len(unread.order.inputs) > 1:
        st.caption(say("batch_columns.all_files"))
    st.dataframe(unread.sample, hide_index=True)
    columns = mapping.form(unread.headers, unread.known, unread.likely)
    if columns is not None:
        begin(key, unread.order.reading(columns))
    st.button(say("batch.other_files"), key="batch-other", on_click=session.jobs().forget, args=(key,))


def show(scored: Scored) -> None:
    """Draw what a batch came to."""
    say, summary = session.say(), scored.summary
    if not scored.expected:
        session.show_note("note", say("batch.empty"))
    values = {"done": f"{summary.rows:,}", "all": f"{scored.expected:,}"}
    session.show_note("note" if scored.stopped else "good", say("batch.stopped" if scored.stopped else "batch.done", **values))
    numbers = [("scored", summary.rows), ("rejects", summary.rejects)]
    if scored.recorded:
        numbers += [("messages", scored.recorded.messages), ("cases", scored.recorded.cases)]
    for column, (name, number) in zip(st.columns(4), numbers, strict=False):
        column.metric(say(f"batch.{name}"), f"{number:,}")
    downloads(scored)
    left, right = st.columns(2, gap="large")
    with left:
        bars(say("batch.categories"), {say(f"category.{name}"): n for name, n in summary.categories.most_common()})
    with right:
        bars(say("batch.languages"), {_language(code): n for code, n in summary.languages.most_common()})
    if scored.preview:
        st.subheader(say("batch.preview"))
        st.dataframe(list(scored.preview), hide_index=True, placeholder="–")


def _language(code: str) -> str:
    say = session.say()
    return say(f"languages.{code}") if say.knows(f"languages.{code}") else code


def downloads(scored: Scored) -> None:
    """Draw the buttons that fetch the result and the rows that could not be read."""
    say, output, rejects = session.say(), scored.summary.output, scored.summary.rejects_path
    with st.container(horizontal=True):
        label = say("batch.download", kind=output.suffix[1:].upper(), size=_size(output.stat().st_size))
        data = partial(output.open, "rb")
        st.download_button(label, data, output.name, key="batch-download", type="primary", on_click="ignore")
        if rejects:
            st.download_button(
                say("batch.download_rejects"), partial(rejects.open, "rb"), rejects.name, "text/csv",
                key="batch-rejects", on_click="ignore",
            )  # fmt: skip


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MB" if count >= 2**20 else f"{max(1, round(count / 2**10))} KB"


def bars(title: str, counts: dict[str, int]) -> None:
    """Draw counts as bars."""
    most = max(counts.values(), default=1)
    bar = Markup('<span>{}</span><i style="width:{}%"></i><span>{}</span>')
    lines = Markup("").join(bar.format(name, max(1, round(100 * n / most)), f"{n:,}") for name, n in counts.items())
    st.html(Markup('<b>{}</b><div class="bars">{}</div>').format(title, lines))


batch()
