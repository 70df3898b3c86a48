"""The inbox: which cases there are, in the order that matters now, and the way into them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.resources import as_file, files
from math import ceil
from pathlib import Path
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import session
import watching
from inbox import importing, listing
from jobs import new_folder
from triage_ml.cases import CaseState, CaseSummary, Filter, Order
from triage_ml.errors import CaseError, TriageError
from triage_ml.language import LANGUAGES
from triage_ml.marketplaces import country_codes
from triage_ml.messages import Category
from worklist import Worklist, ids_of

_PAGE = 25
_LATE, _ALL = "late", "all"
# What one can look at: the cases of a state, open ones whose time is over, or all.
_SHOWN = (CaseState.OPEN.value, _LATE, *(state.value for state in CaseState if state is not CaseState.OPEN), _ALL)
# The filters where nothing is narrowed down: what is open is what one comes for.
_CLEAR: Mapping[str, object] = {
    "filter-shown": CaseState.OPEN.value, "filter-category": None, "filter-language": None, "filter-marketplace": None,
    "filter-sku": "", "search": "",
}  # fmt: skip
_T = TypeVar("_T")


def inbox() -> None:
    """Draw the inbox."""
    say, store = session.say(), session.store()
    session.board().leave(session.session_id())
    head = st.container(key="page-head", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    head.title(say("inbox.title"), anchor=False)
    session.show_told()
    if not store.cases(limit=1).cases:
        nothing_yet()
        importing.panel(expanded=True)
        return
    where, order, words = chosen()
    total = filters(where)
    if words:
        found(words, where, order, head)
    else:
        listed(where, order, total, head)
    importing.panel(expanded=False)


# --- what is looked at


def chosen() -> tuple[Filter, Order, str]:
    """Return which cases are listed, in what order, and the words that are searched for, "" for none."""
    state = st.session_state
    for key, value in {**_CLEAR, "filter-order": Order.DUE}.items():
        state.setdefault(key, value)
    shown = state["filter-shown"]
    late = shown == _LATE
    where = Filter(
        state=None if shown == _ALL else CaseState.OPEN if late else CaseState(shown),
        category=state["filter-category"],
        language=state["filter-language"],
        marketplace=state["filter-marketplace"],
        sku=state["filter-sku"].strip() or None,
        due_before=session.store().now() if late else None,
    )
    return where, state["filter-order"], state["search"].strip()


def filters(where: Filter) -> int:
    """Draw what narrows the list down, with how many cases there are of each, and return how many are left."""
    say, store = session.say(), session.store()
    cases = store.counts(replace(where, due_before=None))
    late = store.counts(replace(where, state=CaseState.OPEN, due_before=store.now()))
    here = late if where.due_before else cases
    numbers = {state.value: count for state, count in cases.states.items()}
    numbers |= {_LATE: late.total, _ALL: sum(cases.states.values())}
    with st.container(key="pills"):
        _pills("shown", _SHOWN, lambda shown: _counted(say(f"shown.{shown}"), numbers[shown]), required=True)
        _pills("category", list(Category), lambda c: _counted(say(f"category.{c.value}"), here.categories[c]), required=False)
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom"):
        st.text_input(say("inbox.search"), key="search", placeholder=say("inbox.search_hint"), persist_state="session")
        _choice("order", list(Order), lambda order: say(f"order_by.{order.value}"), 220)
        _choice("language", list(LANGUAGES), lambda code: say(f"languages.{code}"), 130)
        _choice("marketplace", list(country_codes()), str.upper, 110)
        st.text_input(say("inbox.sku"), key="filter-sku", width=130, persist_state="session")
        clear = all(st.session_state[key] == value for key, value in _CLEAR.items())
        st.button(say("inbox.clear"), key="clear", disabled=clear, on_click=st.session_state.update, args=(_CLEAR,))
    return here.total


def _counted(name: str, count: int) -> str:
    return f"{name} **{count:,}**"


def _pills(name: str, options: Sequence[_T], shown: Callable[[_T], str], *, required: bool) -> None:
    st.pills(
        session.say()(f"inbox.{name}"), options, key=f"filter-{name}", required=required, format_func=shown,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip


def _choice(name: str, options: Sequence[_T], shown: Callable[[_T], str], width: int) -> None:
    say = session.say()
    st.selectbox(
        say(f"inbox.{name}"), options, key=f"filter-{name}", index=0 if name == "order" else None, format_func=shown,
        width=width, placeholder=say("inbox.any"), persist_state="session",
    )  # fmt: skip


# --- the list


def listed(where: Filter, order: Order, total: int, head: DeltaGenerator) -> None:
    """Draw one page of the list; the pages before it are remembered by where they begin."""
    say, state = session.say(), st.session_state
    asked = (replace(where, due_before=None), where.due_before is not None, order)
    if state.get("listed") != asked:
        state["listed"], state["pages"] = asked, [None]
    page = session.store().cases(where, order, state["pages"][-1], _PAGE)
    if not page.cases:
        is_all_done = where == Filter(state=CaseState.OPEN)
        session.show_note("good" if is_all_done else "note", say("inbox.all_done" if is_all_done else "inbox.nothing"))
        return
    lines([(case, "") for case in page.cases], where, order, head)
    first = len(state["pages"]) == 1
    with st.container(key="pages", horizontal=True, vertical_alignment="center"):
        st.button(say("inbox.first"), key="first", disabled=first, on_click=_turn, args=("first", None))
        st.button(say("inbox.previous"), key="previous", disabled=first, on_click=_turn, args=("back", None))
        st.text(say("inbox.page", page=len(state["pages"]), pages=max(ceil(total / _PAGE), len(state["pages"])), total=total))
        st.button(say("inbox.next"), key="next", disabled=page.next is None, on_click=_turn, args=("on", page.next))


def _turn(way: str, after: str | None) -> None:
    pages = st.session_state["pages"]
    st.session_state["pages"] = [*pages, after] if way == "on" else pages[:-1] if way == "back" else pages[:1]


def found(words: str, where: Filter, order: Order, head: DeltaGenerator) -> None:
    """Draw the cases whose texts hold some words."""
    say = session.say()
    try:
        hits = session.store().search(words)
    except CaseError as error:
        session.show_note("note", say.sentence(str(error)))
        return
    if not hits:
        session.show_note("note", say("inbox.nothing"))
        return
    st.text(say("inbox.found", count=len(hits)))
    lines([(hit.case, listing.words_found(hit.excerpt, words)) for hit in hits], replace(where, state=None), order, head)


def lines(rows: Sequence[tuple[CaseSummary, str]], where: Filter, order: Order, head: DeltaGenerator) -> None:
    """Draw cases, each a button that opens it, and in the page's head one that begins with the first."""
    work = Worklist(where, order, ids_of([case for case, _ in rows]))
    first = next((case.id for case, _ in rows if case.state is work.state), None)
    begin = head.button(session.say()("inbox.start"), key="start", type="primary", shortcut="N", disabled=first is None)
    if (case_id := listing.lines(rows, states=where.state is None) or (first if begin else None)) is not None:
        st.session_state["worklist"] = work
        st.session_state["case"] = case_id
        st.switch_page("case/page.py", query_params={"case": case_id})


# --- before the first case


def nothing_yet() -> None:
    """Say what to do where no message is in yet, and offer a week of sample messages to look around with."""
    say, job = session.say(), session.jobs().get(watching.key("import"))
    if job is not None and not job.done:
        return
    session.show_note("note", say("inbox.empty"))
    if not session.person():
        session.show_note("note", say("import.no_person"))
    if st.button(say("inbox.sample"), key="sample", type="primary", disabled=not session.person()):
        try:
            with st.spinner(say("inbox.preparing")):
                bring_sample()
        except TriageError as error:
            session.show_note("bad", say("import.failed", why=say.sentence(str(error))))
            return
        st.rerun()


def bring_sample() -> None:
    """Begin to import the week of sample messages that comes with the product, from a copy: rejects are written beside it.

    Raises
    ------
    TriageError
        Where no model can be loaded.
    """
    store, triage, folder = session.store(), session.triage(), new_folder()
    with as_file(files("triage_ml") / "data" / "sample" / "week.csv") as sample:
        path = Path(shutil.copy(sample, folder))
    work = partial(importing.bring_in, store, triage, path, session.person())
    session.jobs().start(watching.key("import"), session.say()("inbox.sample_name"), work, folder).wait(watching.AT_ONCE)


inbox()
