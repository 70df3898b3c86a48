"""A new version of the policy: its numbers, what they would change, and saving it; only an admin may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import available_timezones

import streamlit as st

import roles
import session
import telling
from policy import expecting, numbering, sliders
from roles import Role
from triage_ml.acceptance import Acceptance
from triage_ml.errors import PolicyError
from triage_ml.policy import BOUNDS, Policy, load_policy, shipped_policy
from triage_ml.policy_versions import (
    Version,
    differences,
    folder_of_versions,
    place_of,
    save_policy,
    text_of,
    today,
)
from triage_ml.resolution import Resolution
from wording import Wording

_LONGEST_NAME = 80
_COLUMNS = 3


def choose(title: str, found: Sequence[Version], first: Version, key: str) -> Version:
    """Draw the choice of a version, and return what was chosen."""
    say = session.say()
    numbers = list(range(len(found)))
    number = st.selectbox(
        say(title), numbers, index=found.index(first), key=key, format_func=lambda number: _named(found[number], say)
    )
    return found[number]


def _named(version: Version, say: Wording) -> str:
    if version.path is None:
        return say("policy.shipped_with")
    return f"{version.policy.effective_from.isoformat()} · {version.policy.name}"


def differing(before: Policy, after: Policy, titles: tuple[str, str]) -> None:
    """Draw what two policies say differently, the columns titled so."""
    say = session.say()
    found = differences(before, after)
    if not found:
        session.show_note("note", say("policy.same"))
        return
    columns = ("where", "meaning", *titles)
    rows = [
        dict(
            zip(
                columns,
                (
                    numbering.where(one.where, say),
                    say(f"policy_number.{one.key}"),
                    numbering.shown(one.key, one.before, say),
                    numbering.shown(one.key, one.after, say),
                ),
                strict=True,
            )
        )
        for one in found
    ]
    config = {name: st.column_config.TextColumn(say(f"policy.{name}")) for name in columns}
    st.dataframe(rows, hide_index=True, column_order=columns, column_config=config)


# --- the new one


@st.fragment
def new_version(found: Sequence[Version], now: Version, acceptance: Acceptance) -> None:
    """Draw the fields of a new version, what it changes, and the button that saves it."""
    say = session.say()
    st.caption(say("policy_new.intro"))
    if problem := _problem():
        session.show_note("note", problem)
        return
    base = choose("policy_new.base", found, now, "new-base")
    st.caption(say("policy_new.base_help"))
    draft = fields(base)
    try:
        text = text_of(draft, base)
        place = place_of(draft.effective_from)
    except PolicyError as error:
        session.show_note("bad", say("policy_new.not_saved", why=say.sentence(str(error))))
        return
    before = _counting_on(draft.effective_from)
    st.subheader(say("policy_new.changes", day=draft.effective_from))
    if not differences(before, draft):
        session.show_note("note", say("policy_new.nothing"))
        return
    differing(before, draft, ("until_then", "from_then"))
    cases(before, draft, acceptance)
    with st.expander(say("policy_new.text")):
        st.code(text, language="toml")
    _saving(draft, base, replaces=place.exists())


def _problem() -> str:
    """Return why nobody can save a version here now, "" where one can."""
    say = session.say()
    if roles.role() < Role.ADMIN:
        return say("policy_new.admin_only")
    if not session.person():
        return say("policy_new.no_person")
    try:
        folder_of_versions()
    except PolicyError as error:
        return say.sentence(str(error))
    return ""


def _counting_on(day: date) -> Policy:
    """Return what would count on a day without the new version."""
    try:
        return load_policy(on=day)
    except PolicyError:
        return shipped_policy()


def fields(base: Version) -> Policy:
    """Draw the fields, filled as the version it is made from says, and return what they say."""
    say, policy = session.say(), base.policy

    def key(part: str) -> str:
        return f"new-{policy.version}-{part}"

    first, second, third, fourth = st.columns(4)
    own = say("policy_new.own_name") if base.path is None else policy.name
    name = first.text_input(say("policy_new.name"), own, key=key("name"), max_chars=_LONGEST_NAME)
    day = second.date_input(
        say("policy_new.effective_from"), today(), min_value=today(), key=key("day"), format="YYYY-MM-DD",
        help=say("policy_new.effective_from_help"),
    )  # fmt: skip
    shop = third.text_input(say("policy_new.shop"), policy.shop, key=key("shop"), max_chars=_LONGEST_NAME)
    zones = sorted(available_timezones() | {policy.time_zone})
    zone = fourth.selectbox(say("policy_new.zone"), zones, index=zones.index(policy.time_zone), key=key("zone"))
    numbers = dict(policy.numbers)
    for group, keys in numbering.groups().items():
        with st.expander(say(f"policy_group.{group}"), expanded=group == "offer"):
            for begin in range(0, len(keys), _COLUMNS):
                line = keys[begin : begin + _COLUMNS]
                for column, number in zip(st.columns(_COLUMNS, vertical_alignment="bottom"), line, strict=False):
                    with column:
                        numbers[number] = _field(number, policy.numbers[number], key(number))
    return replace(
        policy, name=name.strip(), effective_from=day, shop=shop.strip(), time_zone=zone, numbers=numbers,
        saved_by=session.person(),
    )  # fmt: skip


def _field(key: str, number: Decimal, widget: str) -> Decimal:
    say = session.say()
    low, high = BOUNDS[key]
    allowed = say("policy_new.allowed", key=key, low=numbering.shown(key, low, say), high=numbering.shown(key, high, say))
    value = st.number_input(
        numbering.label(key, say), numbering.typed(key, low), numbering.typed(key, high), numbering.typed(key, number),
        step=1.0, format="%g", key=widget, help=allowed,
    )  # fmt: skip
    return numbering.read(key, value, number)


# --- what it changes


def cases(before: Policy, after: Policy, acceptance: Acceptance) -> None:
    """Draw what would be recommended in a few typical cases, before and after."""
    say = session.say()
    st.subheader(say("policy_new.cases"))
    tried = [
        (case, _told(expecting.settled(before, acceptance, case)), _told(expecting.settled(after, acceptance, case)))
        for case in expecting.typical(before, _currency())
    ]
    changed = sum(old != new for _, old, new in tried)
    sentence = say("policy_new.some_cases", count=changed, all=len(tried)) if changed else say("policy_new.same_cases")
    session.show_note("note", sentence)
    for case, old, new in tried:
        changes = say("policy_new.changed") if old != new else ""
        sliders.boxes((changes, "", _case(case)), (say("policy_new.before"), "", old), (say("policy_new.after"), "", new))


def _currency() -> str:
    return expecting.start(session.store(), shipped_policy()).paid.currency


def _case(case: expecting.Situation) -> str:
    say = session.say()
    made = say("policy_new.personalised" if case.personalised else "policy_new.not_personalised")
    told = say("policy_new.case_text", claim=say(f"claim.{case.claim.value}"), paid=case.paid, made=made)
    return told if case.photo else say("policy_new.case_photo", case=told)


def _told(resolution: Resolution) -> str:
    """Return what is recommended with its cost, and what may be offered with its share."""
    say, first, offer = session.say(), resolution.recommended, resolution.offer
    told = " · ".join(filter(None, (telling.remedy_name(first.kind.value, say), str(first.cost or ""))))
    if offer is None or offer.share is None:
        return say("policy_new.no_offer", remedy=told)
    return say("policy_new.with_offer", remedy=told, offer=offer.offer, share=telling.percent(offer.share))


# --- saving


def _saving(draft: Policy, base: Version, *, replaces: bool) -> None:
    say, allowed = session.say(), True
    if replaces:
        session.show_note("note", say("policy_new.exists", day=draft.effective_from))
        allowed = st.checkbox(say("policy_new.replace"), key=f"new-replace-{draft.effective_from}")
    if st.button(say("policy_new.save"), key="save-policy", type="primary", disabled=not allowed):
        _save(draft, base, replace_it=replaces and allowed)


def _save(draft: Policy, base: Version, *, replace_it: bool) -> None:
    say = session.say()
    try:
        path = save_policy(draft, base, replace=replace_it)
    except PolicyError as error:
        session.show_note("bad", say("policy_new.not_saved", why=say.sentence(str(error))))
        return
    session.tell("good", say("policy_new.saved", day=draft.effective_from, file=path))
    st.rerun()
