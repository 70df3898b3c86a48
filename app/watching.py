"""What a person sees of work in the background: how far it is, how long it still takes, and a button that stops it."""

from __future__ import annotations

import streamlit as st

import roles
import session
from jobs import Job
from triage_ml.cases.database import resolve_url
from wording import Wording

# Seconds that a page waits for work it began: what is small is through by then.
AT_ONCE = 0.5
_SOON, _MINUTES, _HOURS = 10, 90, 90 * 60


def key(what: str) -> str:
    """Return what finds a piece of work of this person on this record again: also after the page was loaded anew."""
    who = "" if roles.way() is roles.Way.ALONE else roles.person()
    return f"{what}:{who}:{resolve_url().render_as_string()}"


@st.fragment(run_every=1)
def watch(job: Job, name: str) -> None:
    """Draw how far a piece of work is, and draw the whole page again once it has ended.

    Parameters
    ----------
    job
        The work.
    name
        What it is called in the keys of what is drawn, such as "import".
    """
    say = session.say()
    if job.done:
        st.rerun()
    st.progress(job.share, text=how_far(job, say))
    st.button(say("job.stop"), key=f"{name}-stop", disabled=job.stopping, help=say("job.stop_help"), on_click=job.stop)


def how_far(job: Job, say: Wording) -> str:
    """Return how far a piece of work is, in words."""
    if job.stopping:
        return say("job.stopping")
    if job.waits:
        return say("job.waits")
    if job.expected is None:
        return say("job.reading", count=f"{job.reached:,}")
    parts = [say("job.reached", done=f"{job.reached:,}", all=f"{job.expected:,}")]
    if job.pace:
        parts.append(say("job.pace", count=f"{job.pace:,.0f}"))
    if job.seconds_left is not None:
        parts.append(time_left(job.seconds_left, say))
    return " · ".join(parts)


def time_left(seconds: float, say: Wording) -> str:
    """Return how long something still takes, in words: no more exact than anybody can know."""
    if seconds < _SOON:
        return say("job.soon")
    if seconds < _MINUTES:
        return say("job.seconds", n=10 * round(seconds / 10))
    if seconds < _HOURS:
        return say("job.minutes", n=round(seconds / 60))
    return say("job.hours", n=round(seconds / 3600))
