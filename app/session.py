"""What one reader's session has: the record, the model, the language, the name, and what was last done.

The record and the model are loaded once for all sessions of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import streamlit as st
from markupsafe import Markup

import roles
from jobs import Jobs
from presence import Board, Reader
from triage_ml.acceptance import Acceptance
from triage_ml.cases import Case, CaseStore
from triage_ml.cases.database import resolve_url
from triage_ml.cases.findings import assess_case
from triage_ml.home import policy_place, templates_place
from triage_ml.policy import Policy, load_policy
from triage_ml.triage import Assessment, Triage, find_model
from wording import LANGUAGES, Wording, wording
from worklist import Worklist

_Changed = tuple[str, ...]
# How old what is known of answered offers may be: reading a large record takes a while, and one answer more changes little.
_FRESH = timedelta(minutes=10)
# Seconds that the first page waits for it.
_A_MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class Last:
    """The decision that can be taken back with one key."""

    case_id: str
    version: int


@dataclass(slots=True)
class _Answers:
    """What buyers said to the offers of one record, and when it was last asked."""

    acceptance: Acceptance = field(default_factory=Acceptance)
    asked_at: datetime | None = None

    def read(self, store: CaseStore) -> None:
        from triage_ml.insights import learned

        self.acceptance = learned(store)


# --- what all sessions share


def store() -> CaseStore:
    """Return the case record that TRIAGE_DATABASE_URL or TRIAGE_HOME names."""
    return _store(resolve_url().render_as_string(hide_password=False))


@st.cache_resource(show_spinner=False)
def _store(url: str) -> CaseStore:
    return CaseStore.open(url)


def triage() -> Triage:
    """Return the model with the shop's policy, templates and offers, loaded again whenever one of them changed."""
    model, found = find_model(), acceptance()
    changed = (_changed(model), *_rules_changed())
    return _offering(str(model), changed, hash(found.offers), found)


@st.cache_resource(show_spinner=False, max_entries=2)
def _offering(model: str, changed: _Changed, offers: int, _acceptance: Acceptance) -> Triage:  # noqa: ARG001 - the same offers
    loaded = _triage(model, changed)
    return Triage(loaded.judge, loaded.policy, loaded.ranker, _acceptance)


@st.cache_resource(show_spinner=False, max_entries=2)
def _triage(model: str, changed: _Changed) -> Triage:  # noqa: ARG001 - what changed is loaded again
    return Triage.load(model)


def acceptance() -> Acceptance:
    """Return how often offers are accepted, as the record's own say once enough were answered.

    The record is read in the background, again after some minutes; until then the figure before counts.
    """
    url = resolve_url().render_as_string(hide_password=False)
    kept = _answers(url)
    now = datetime.now(UTC)
    if kept.asked_at is None or now - kept.asked_at > _FRESH:
        first, kept.asked_at = kept.asked_at is None, now
        opened = store()
        job = jobs().start(f"acceptance:{url}", say()("policy_offer.pending"), lambda _: kept.read(opened))
        if first:
            job.wait(_A_MOMENT)
    return kept.acceptance


@st.cache_resource(show_spinner=False)
def _answers(url: str) -> _Answers:  # noqa: ARG001 - one for each record
    return _Answers()


def policy() -> Policy:
    """Return the policy that is in force today."""
    return _policy(_rules_changed())


@st.cache_resource(show_spinner=False, max_entries=2)
def _policy(changed: _Changed) -> Policy:  # noqa: ARG001 - what changed is loaded again
    return load_policy()


def _rules_changed() -> _Changed:
    """Return what is different once the policy or the templates are; a dated version may begin to count at midnight."""
    return _changed(policy_place()), _changed(templates_place()), datetime.now(UTC).date().isoformat()


def _changed(place: Path) -> str:
    files = [place, *place.glob("*.toml")] if place.is_dir() else [place]
    return " ".join(f"{file}:{file.stat().st_mtime_ns}" for file in sorted(files) if file.exists())


def seller_zone() -> ZoneInfo:
    """Return where the seller works."""
    return ZoneInfo(policy().time_zone)


def jobs() -> Jobs:
    """Return the long work that runs in the background."""
    return _jobs()


@st.cache_resource(show_spinner=False)
def _jobs() -> Jobs:
    return Jobs()


# --- what one session has


def say() -> Wording:
    """Return the strings in the reader's language."""
    return wording(st.session_state.get("language") or _browser_language())


def _browser_language() -> str:
    code = (st.context.locale or "en").partition("-")[0]
    return code if code in LANGUAGES else "en"


def keep_choices() -> None:
    """Keep what was chosen when the language changes: the browser names options by their words, and these are others then."""
    for key, value in st.session_state.items():
        if isinstance(value, str) and key != "language":  # texts and options; buttons and files cannot be set
            st.session_state[key] = value


def person() -> str:
    """Return who decides, as it stands beside decisions; "" where that is not known."""
    return roles.person()


def session_id() -> str:
    """Return what tells this session from others."""
    return str(st.session_state.setdefault("session_id", uuid4().hex))


def board() -> Board:
    """Return who has which case of this record open."""
    return _board(resolve_url().render_as_string(hide_password=False))


@st.cache_resource(show_spinner=False)
def _board(url: str) -> Board:  # noqa: ARG001 - one for each record
    return Board()


def also_open(case_id: str) -> Reader | None:
    """Return which other person has a case open; the same name in another window is nobody else."""
    other = board().other(case_id, session_id())
    return None if other is None or (other.who and other.who == person()) else other


def open_case(case_id: str) -> None:
    """Let this be the case on the screen, "" for none; its number stands in the address, so that it can be passed on."""
    st.session_state["case"] = case_id
    st.query_params.from_dict({"case": case_id} if case_id else {})


def open_now() -> str:
    """Return the case that is on the screen: the one in the address, else the last one."""
    found = str(st.query_params.get("case") or st.session_state.get("case") or "")
    st.session_state["case"] = found
    return found


def worklist() -> Worklist:
    """Return the list that is being worked through."""
    found: Worklist = st.session_state.setdefault("worklist", Worklist())
    return found


def tell(kind: str, text: str) -> None:
    """Have one sentence shown on the next page; `kind`: "good", "bad" or "note"."""
    st.session_state["told"] = (kind, text)


def show_told() -> None:
    """Show what was told, once."""
    if told := st.session_state.pop("told", None):
        show_note(*told)


def show_note(kind: str, text: str) -> None:
    """Show one sentence as it is written, never as Markdown: it may name what a buyer or an export says."""
    st.html(Markup('<div class="note {}" role="status">{}</div>').format(kind, text))


def titles(prefix: str) -> Mapping[str, str]:
    """Return the strings of one section: "cue" gives each cue its name."""
    start = f"{prefix}."
    return {key.removeprefix(start): text for key, text in say().strings.items() if key.startswith(start)}


# --- a case as it is judged now


def assessment(case: Case) -> Assessment | None:
    """Judge a case as model, policy and templates stand now, with all that its thread tells; None where it was erased.

    Raises
    ------
    TriageError
        Where no model can be loaded.
    """
    loaded = triage()
    key = (case.id, case.version, loaded)
    kept: Any = st.session_state.get("assessed")
    if kept is None or kept[0] != key:
        kept = st.session_state["assessed"] = (key, assess_case(loaded, case))
    found: Assessment | None = kept[1]
    return found


def forget(case_id: str) -> None:
    """Drop what this session still holds of a case whose personal data was erased."""
    drafts: dict[tuple[str, str], str] = st.session_state.get("drafts", {})
    st.session_state["drafts"] = {key: text for key, text in drafts.items() if key[0] != case_id}
    st.session_state.pop("photos", None)
    if st.session_state.get("assessed", [("",)])[0][0] == case_id:
        del st.session_state["assessed"]
