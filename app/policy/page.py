"""The shop's numbers: those in force, what others would bring, the dated versions, and a new one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

import session
from policy import insuring, numbering, sliders, versioning
from triage_ml.errors import PolicyError
from triage_ml.home import policy_place
from triage_ml.policy import Policy, shipped_policy
from triage_ml.policy_versions import Version, differences, today, versions

# Pixels, so that the tables stand below each other in line.
_WIDTHS = {"meaning": 390, "value": 100, "shipped": 100, "key": 250, "file": 400}


def page() -> None:
    """Draw the page."""
    say = session.say()
    st.title(say("app.policy"))
    st.caption(say("policy.intro"))
    session.show_told()
    now, found = known()
    acceptance = sliders.acceptance()
    names = ("numbers", "offer", "insurance", "versions", "new")
    parts = st.tabs([say(f"policy.{name}") for name in names])
    with parts[0]:
        numbers(now)
    with parts[1]:
        sliders.offer(now.policy, acceptance)
    with parts[2]:
        insuring.insurance(now.policy)
    with parts[3]:
        history(found, now)
    with parts[4]:
        versioning.new_version(found, now, acceptance)


def known() -> tuple[Version, tuple[Version, ...]]:
    """Return the version in force and all there are; the shipped numbers, with a sentence, where they cannot be used."""
    try:
        found, policy = versions(), session.policy()
    except PolicyError as error:
        say, shipped = session.say(), Version(shipped_policy())
        session.show_note("bad", say("policy.wrong", why=say.sentence(str(error))))
        st.caption(say("policy.shipped_meanwhile"))
        return shipped, (shipped,)
    return next(version for version in reversed(found) if version.policy == policy), found


# --- the numbers


def numbers(now: Version) -> None:
    """Draw what is in force: where it comes from, every number with what it means, and what holds only somewhere."""
    say, policy, shipped = session.say(), now.policy, shipped_policy()
    facts = [
        ("name", policy.name),
        ("since", policy.effective_from.isoformat()),
        ("saved_by", policy.saved_by or say("policy.not_said") if now.path else ""),
        ("from", str(now.path or say("policy.shipped_with"))),
        ("shop", policy.shop),
        ("zone", policy.time_zone),
    ]
    rows = Markup("").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(say(f"policy.{name}"), value) for name, value in facts if value
    )
    st.html(Markup('<dl class="facts">{}</dl>').format(rows))
    differing = [key for key in policy.numbers if policy.numbers[key] != shipped.numbers[key]]
    if now.path is None:
        session.show_note("note", say("policy.unmeasured"))
    elif differing:
        session.show_note("note", say("policy.some_differ", count=len(differing), all=len(policy.numbers)))
    else:
        session.show_note("note", say("policy.none_differ"))
    st.caption(say("policy.amounts"))
    for group, keys in numbering.groups().items():
        st.subheader(say(f"policy_group.{group}"))
        _table([_number_row(key, policy, shipped) for key in keys], ("meaning", "value", "shipped", "key"))
    st.subheader(say("policy.overrides"))
    overrides(policy)


def _number_row(key: str, policy: Policy, shipped: Policy) -> dict[str, str]:
    say = session.say()
    same = policy.numbers[key] == shipped.numbers[key]
    return {
        "meaning": say(f"policy_number.{key}"),
        "value": numbering.shown(key, policy.numbers[key], say),
        "shipped": "" if same else numbering.shown(key, shipped.numbers[key], say),
        "key": key,
    }


def overrides(policy: Policy) -> None:
    """Draw what holds for a marketplace or a group of SKUs only."""
    say = session.say()
    rows = [
        {
            "where": numbering.where(override.where, say),
            "skus": ", ".join(override.skus),
            "meaning": say(f"policy_number.{key}"),
            "value": numbering.shown(key, number, say),
            "otherwise": numbering.shown(key, policy.numbers[key], say),
        }
        for override in policy.overrides
        for key, number in override.numbers.items()
    ]
    if rows:
        _table(rows, ("where", "skus", "meaning", "value", "otherwise"))
    else:
        session.show_note("note", say("policy.no_overrides"))


def _table(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> None:
    """Draw rows as a table whose columns are named in the reader's language."""
    say = session.say()
    config = {name: st.column_config.TextColumn(say(f"policy.{name}"), width=_WIDTHS.get(name)) for name in columns}
    st.dataframe(list(rows), hide_index=True, column_order=columns, column_config=config, width="stretch")


# --- versions


def history(found: Sequence[Version], now: Version) -> None:
    """Draw every version, and what two of them say differently."""
    say, shipped = session.say(), found[0].policy
    rows = [
        {
            "state": say(f"policy.{_state(version, now)}"),
            "effective_from": version.policy.effective_from.isoformat(),
            "name": version.policy.name,
            "saved_by": version.policy.saved_by or ("" if version.path is None else say("policy.not_said")),
            "differing": str(len(differences(shipped, version.policy))),
            "file": str(version.path or say("policy.shipped_with")),
        }
        for version in reversed(found)
    ]
    _table(rows, ("state", "effective_from", "name", "saved_by", "differing", "file"))
    session.show_note("note", say("policy.place", place=policy_place()))
    if len(found) == 1:
        session.show_note("note", say("policy.one_only"))
        return
    st.subheader(say("policy.compare"))
    left, right = st.columns(2)
    with left:
        before = versioning.choose("policy.before", found, found[-2], "compare-before")
    with right:
        after = versioning.choose("policy.after", found, found[-1], "compare-after")
    versioning.differing(before.policy, after.policy, ("before_column", "after_column"))


def _state(version: Version, now: Version) -> str:
    if version == now:
        return "in_force"
    if version.path is None:
        return "below"
    return "later" if version.policy.effective_from > today() else "earlier"


page()
