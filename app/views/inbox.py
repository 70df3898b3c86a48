"""The inbox: which cases there are, in the order that matters now, and the way into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

import importing
import panels
import session
from triage_ml.cases import CaseState, CaseSummary, Filter, Order
from triage_ml.errors import CaseError
from triage_ml.language import LANGUAGES
from triage_ml.marketplaces import country_codes
from triage_ml.messages import Category
from worklist import Worklist, ids_of

_PAGE = 25
_T = TypeVar("_T")


def inbox() -> None:
    """Draw the inbox."""
    say, store = session.say(), session.store()
    st.title(say("inbox.title"))
    session.show_told()
    session.board().leave(session.session_id())
    where, order = filters()
    words = st.text_input(say("inbox.search"), key="search", placeholder=say("inbox.search_hint"), persist_state="session")
    if words.strip():
        found(words.strip(), where, order)
    else:
        listed(where, order)
    importing.panel(expanded=not store.cases(limit=1).cases)


def filters() -> tuple[Filter, Order]:
    """Draw what narrows the list down, and return it."""
    say = session.say()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = _choice("order", list(Order), lambda o: say(f"order_by.{o.value}"), optional=False) or Order.DUE
        state = _choice("state", list(CaseState), lambda s: say(f"state.{s.value}"))
        category = _choice("category", list(Category), lambda c: say(f"category.{c.value}"))
        language = _choice("language", list(LANGUAGES), lambda code: say(f"languages.{code}"))
        marketplace = _choice("marketplace", list(country_codes()), str.upper)
        sku = st.text_input(say("inbox.sku"), key="filter-sku", width=150, persist_state="session").strip()
    return Filter(state=state, category=category, language=language, marketplace=marketplace, sku=sku or None), order


def _choice(name: str, options: Sequence[_T], shown: Callable[[_T], str], *, optional: bool = True) -> _T | None:
    say, key = session.say(), f"filter-{name}"
    if name == "state":  # what is open is what one comes for
        st.session_state.setdefault(key, CaseState.OPEN)
    choices: list[_T | None] = [None, *options] if optional else list(options)

    def named(option: _T | None) -> str:
        return say("inbox.any") if option is None else shown(option)

    chosen = st.selectbox(say(f"inbox.{name}"), choices, key=key, format_func=named, width=170, persist_state="session")
    return chosen


def listed(where: Filter, order: Order) -> None:
    """Draw one page of the list; the pages before it are remembered by where they begin."""
    say, state = session.say(), st.session_state
    if state.get("listed") != (where, order):
        state["listed"], state["pages"] = (where, order), [None]
    page = session.store().cases(where, order, state["pages"][-1], _PAGE)
    if not page.cases:
        session.show_note("note", say("inbox.nothing" if _any_case() else "inbox.empty"))
        return
    begin(page.cases, where, order)
    lines([(case, "") for case in page.cases], where, order)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(say("inbox.first"), key="first", disabled=len(state["pages"]) == 1, on_click=_turn, args=("first", None))
        st.button(say("inbox.previous"), key="previous", disabled=len(state["pages"]) == 1, on_click=_turn, args=("back", None))
        st.caption(say("inbox.page", page=len(state["pages"])))
        st.button(say("inbox.next"), key="next", disabled=page.next is None, on_click=_turn, args=("on", page.next))


def _any_case() -> bool:
    return bool(session.store().cases(limit=1).cases)


def _turn(way: str, after: str | None) -> None:
    pages = st.session_state["pages"]
    st.session_state["pages"] = [*pages, after] if way == "on" else pages[:-1] if way == "back" else pages[:1]


def found(words: str, where: Filter, order: Order) -> None:
    """Draw the cases whose texts hold some words."""
    say = session.say()
    try:
        hits = session.store().search(words)
    except CaseError as error:
        session.show_note("note", str(error))
        return
    if not hits:
        session.show_note("note", say("inbox.nothing"))
        return
    st.caption(say("inbox.found"))
    lines([(hit.case, hit.excerpt) for hit in hits], where, order)


def begin(cases: Sequence[CaseSummary], where: Filter, order: Order) -> None:
    """Draw the button that begins with the first open case of the list."""
    first = next((case.id for case in cases if case.state is CaseState.OPEN), None)
    if st.button(session.say()("inbox.start"), key="start", type="primary", shortcut="N", disabled=first is None) and first:
        go(first, ids_of(cases), where, order)


def lines(rows: Sequence[tuple[CaseSummary, str]], where: Filter, order: Order) -> None:
    """Draw cases, each with a button that opens it."""
    ids = ids_of([case for case, _ in rows])
    for case, excerpt in rows:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(case.id, key=f"open-{case.id}", type="tertiary", width=90):
                go(case.id, ids, where, order)
            st.html(panels.list_line(case, excerpt))


def go(case_id: str, ids: Sequence[str], where: Filter, order: Order) -> None:
    """Open a case; the list it was opened from is worked through next."""
    st.session_state["worklist"] = Worklist(where, order, ids)
    st.session_state["case"] = case_id
    st.switch_page("views/case.py", query_params={"case": case_id})


inbox()
