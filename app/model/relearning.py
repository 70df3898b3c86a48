"""The part of the Model page that learns: the labels there are, a retraining in the background, what a person should settle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
from markupsafe import Markup

import figures
import session
from jobs import Job
from model import retraining
from model.retraining import Labels
from triage_ml import champions
from triage_ml.errors import TriageError
from triage_ml.messages import Claim
from triage_ml.retraining.cleaning import Findings
from triage_ml.retraining.records import ShopRow
from triage_ml.retraining.run import Retraining

# Seconds that the page waits for work it began: what is small is through by then.
AT_ONCE = 0.6
_SHOWN = 20


# --- work in the background


def outcome(what: str) -> Any:  # noqa: ANN401 - whatever the work returns
    """Return what came of a piece of work, None while there is nothing; draw how far it is, or what went wrong."""
    say, job = session.say(), retraining.job(what)
    if job is None:
        return None
    if not job.done:
        watch(what)
    elif job.stopped:
        session.show_note("note", say("model.stopped"))
    elif job.error or job.failed:
        session.show_note("bad", say.sentence(str(job.error)) if job.error else say("model.unforeseen"))
    return job.result


@st.fragment(run_every=1.0)
def watch(what: str) -> None:
    """Draw how far a piece of work is; once it has ended, the page is drawn anew."""
    say, job = session.say(), retraining.job(what)
    if job is None or job.done:
        st.rerun()
    st.progress(job.share, text=say("job.stopping") if job.stopping else job.text or job.name)
    st.button(say("job.stop"), key=f"model-stop-{what}", disabled=job.stopping, help=say("job.stop_help"), on_click=job.stop)


def is_running(job: Job | None) -> bool:
    """Say whether there is work that has not ended."""
    return job is not None and not job.done


# --- retraining


def train() -> None:
    """Draw the labels there are, begin to learn from them, and list what a person should settle."""
    say = session.say()
    labels = labels_now()
    if labels is None:
        return
    if not labels.rows:
        session.show_note("note", say("model_train.no_labels"))
        st.page_link("label/page.py", label=say("model_train.to_label"), icon=":material/label:")
        return
    numbers = labels.counts
    with st.container(horizontal=True):
        for name in ("rows", "label", "decision", "apart"):
            st.metric(
                say(f"model_train.{name}"), f"{numbers[name]:,}", border=True, width="content",
                help=say(f"model_train.{name}_help"),
            )  # fmt: skip
    begin(labels)
    came: Retraining | Findings | None = outcome("train")
    if isinstance(came, Retraining):
        trained(came)
    conflicts(labels)
    if came:
        doubts(came.findings if isinstance(came, Retraining) else came, labels)


def begin(labels: Labels) -> None:
    """Draw what begins a retraining, and what only looks at the labels."""
    say, training = session.say(), retraining.training_folder()
    if training is None:
        session.show_note("note", say("model_train.no_checkout"))
        return
    running = is_running(retraining.job("train"))
    accepts = bool(labels.conflicts) and st.checkbox(say("model_train.accept"), key="model-accept")
    with st.container(horizontal=True):
        st.button(
            say("model_train.start"), key="model-retrain", type="primary",
            disabled=running or bool(labels.conflicts and not accepts),
            on_click=_retrain, args=(training, accepts),
        )  # fmt: skip
        st.button(
            say("model_train.look"), key="model-look", disabled=running, help=say("model_train.look_help"),
            on_click=_look, args=(training,),
        )  # fmt: skip
    figures.quiet(say("model_train.takes"))


def _retrain(training: Path, accept_conflicts: bool) -> None:
    retraining.retrain(training, accept_conflicts=accept_conflicts).wait(AT_ONCE)


def _look(training: Path) -> None:
    retraining.look(training).wait(AT_ONCE)


def _count() -> None:
    retraining.count_labels().wait(AT_ONCE)


def labels_now() -> Labels | None:
    """Return the labels of the record, read again where something was recorded since; None while they are read."""
    job = retraining.job("labels")
    found: Labels | None = job.result if job else None
    if job is None or (found and retraining.are_old(found)):
        with st.spinner(session.say()("model_job.labels")):
            _count()
    latest: Labels | None = outcome("labels")
    if latest is None and not is_running(retraining.job("labels")):
        st.button(session.say()("model.again"), key="model-labels", on_click=_count)
    return latest


def trained(came: Retraining) -> None:
    """Say what came of a retraining."""
    say = session.say()
    if came.comparison is None:
        session.show_note("note", say("model_train.nothing"))
        return
    kind = "proposed" if came.proposed else "not_proposed"
    session.show_note("good" if came.proposed else "note", say(f"model_train.{kind}", version=came.version))
    st.button(say("model_train.see"), key="model-see", on_click=_see, args=(came.version,))


def _see(version: str) -> None:
    st.session_state["model-part"] = "counts"
    if version != champions.champion():
        st.session_state["model-other"] = version


def conflicts(labels: Labels) -> None:
    """Draw groups of messages that say the same and are labelled differently, to settle one by one."""
    say, found = session.say(), labels.conflicts
    if not found:
        return
    st.subheader(say("model_train.conflicts"), anchor=False)
    figures.quiet(say("model_train.conflicts_help", n=len(found)))
    for number, conflict in enumerate(found[:_SHOWN], 1):
        with st.container(border=True):
            figures.quiet(say("model_train.conflict", n=number))
            for row in conflict.rows:
                settle(row, "")
    if len(found) > _SHOWN:
        figures.quiet(say("model_train.more", n=len(found) - _SHOWN))


def doubts(found: Findings, labels: Labels) -> None:
    """Draw labels that are likely wrong; those that were settled since are not shown any more."""
    say = session.say()
    if found.not_looked_at:
        session.show_note("note", say.sentence(found.not_looked_at))
    left = [doubt for doubt in found.doubts if labels.stands(doubt.row)]
    st.subheader(say("model_train.doubts"), anchor=False)
    if not left:
        session.show_note("good", say("model_train.no_doubts"))
        return
    figures.quiet(say("model_train.doubts_help", n=len(left)))
    for doubt in left[:_SHOWN]:
        with st.container(border=True):
            settle(doubt.row, say("model_train.model_says", claim=say(f"claim.{doubt.model.value}")))
    if len(left) > _SHOWN:
        figures.quiet(say("model_train.more", n=len(left) - _SHOWN))


def settle(one: ShopRow, more: str) -> None:
    """Draw one labelled message with its label and who gave it, and another label to give."""
    say, key = session.say(), f"{one.row.id}-{one.at}"
    label = say("label.with_look", claim=say(f"claim.{one.row.claim.value}")) if one.row.abuse else None
    said = [one.case_id, label or say(f"claim.{one.row.claim.value}"), one.by, more]
    words = Markup('<div class="quiet">{}</div><div class="said" lang="{}" dir="auto">{}</div>')
    st.html(words.format(" · ".join(part for part in said if part), one.row.lang, one.row.text))
    with st.container(horizontal=True, vertical_alignment="center"):
        claim = st.selectbox(
            say("model_train.is"), list(Claim), key=f"claim-{key}", index=list(Claim).index(one.row.claim), width=260,
            format_func=lambda claim: say(f"claim.{claim.value}"), label_visibility="collapsed",
        )  # fmt: skip
        abuse = st.checkbox(say("category.abuse"), value=one.row.abuse, key=f"abuse-{key}")
        st.button(
            say("model_train.save"), key=f"settle-{key}", disabled=not session.person(), on_click=_settle,
            args=(one, claim or one.row.claim, abuse),
        )  # fmt: skip


def _settle(one: ShopRow, claim: Claim, abuse: bool) -> None:
    say = session.say()
    try:
        retraining.relabel(one, claim, abuse=abuse)
    except TriageError as error:
        session.tell("bad", say.sentence(str(error)))
        return
    session.tell("good", say("model_train.saved", case=one.case_id, claim=say(f"claim.{claim.value}")))
