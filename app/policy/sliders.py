"""The sliders: what an offer of part of the price, and an insurance, are expected to bring with the shop's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import altair as alt
import streamlit as st
from markupsafe import Markup

import session
import telling
from jobs import Job
from policy import expecting
from policy.expecting import Situation, Start, about
from triage_ml.acceptance import Acceptance
from triage_ml.cases.database import resolve_url
from triage_ml.marketplaces import country_codes, marketplace
from triage_ml.messages import Claim, Money
from triage_ml.policy import Policy
from triage_ml.resolution import Remedy

# Both read well on light and dark.
LINE, MARK = "#14958a", "#c2772b"
HEIGHT = 300
_FRESH = timedelta(minutes=10)
_A_MOMENT = 1.0
_ORDERS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
_FIRST_ORDERS, _FIRST_RATE = 1_000, 5.0
_STEPS_OF_VALUE = 200


# --- what it starts from


def acceptance() -> Acceptance:
    """Return how often offers are accepted: by the record's own where there are any, read in the background."""
    store, jobs, key = session.store(), session.jobs(), f"offers:{resolve_url().render_as_string(hide_password=False)}"

    def work(_: Job) -> tuple[Acceptance, datetime]:
        from triage_ml.insights import offers

        return Acceptance(offers(store)), datetime.now(UTC)

    job = jobs.get(key)
    if job is None or job.stopped or (job.result and datetime.now(UTC) - job.result[1] > _FRESH):
        job = jobs.start(key, session.say()("policy_offer.pending"), work)
        job.wait(_A_MOMENT)
    if not job.done:
        _pending(key)
    elif job.result is None:
        session.show_note("note", session.say()("policy_offer.failed", why=str(job.error or "")))
    found: Acceptance = job.result[0] if job.result else Acceptance()
    return found


@st.fragment(run_every=2)
def _pending(key: str) -> None:
    job = session.jobs().get(key)
    if job is None or job.done:
        st.rerun()
    st.caption(session.say()("policy_offer.pending"))


def started(policy: Policy) -> Start:
    """Return where the sliders stand at first; read once in a while, since a slider draws the page again."""
    return _started(resolve_url().render_as_string(hide_password=False), policy.version, policy)


@st.cache_data(ttl=_FRESH, show_spinner=False)
def _started(url: str, version: str, _policy: Policy) -> Start:  # noqa: ARG001 - what it is kept for
    return expecting.start(session.store(), _policy)


def percent_slider(title: str, low: float, high: float, first: float, key: str, step: float = 1.0, hint: str = "") -> Decimal:
    """Draw a slider in percent, and return the fraction."""
    label = session.say()(title)
    shown = "%.1f%%" if step < 1 else "%.0f%%"
    chosen = st.slider(
        label, low, high, min(max(first, low), high), step, shown, key=key, help=hint or None, persist_state="session"
    )
    return Decimal(str(chosen)) / 100


def paid_slider(title: str, first: Money, key: str) -> Money:
    """Draw a slider of amounts around the one it starts at, in steps that a person would take."""
    step = max(Decimal(1), Decimal(1).scaleb((first.amount * 5 / _STEPS_OF_VALUE).adjusted()))
    most = int((max(first.amount, Decimal(1)) * 5 / step).to_integral_value()) * int(step)
    start = min(max(int((first.amount / step).to_integral_value()) * int(step), int(step)), most)
    label = session.say()(title, currency=first.currency)
    chosen = st.slider(label, int(step), most, start, int(step), key=f"{key}-{first.currency}", persist_state="session")
    return Money(Decimal(chosen), first.currency)


def orders_slider(key: str) -> int:
    """Draw a slider of how many orders a year has."""
    chosen = st.select_slider(
        session.say()("policy_offer.orders"), _ORDERS, _FIRST_ORDERS, key=key, format_func=lambda n: f"{n:,}",
        persist_state="session",
    )  # fmt: skip
    return int(chosen)


def values_of(*rows: Mapping[str, float]) -> alt.InlineData:
    """Return rows as the data of a chart."""
    return alt.InlineData(values=[dict(row) for row in rows])


def roughly(amount: Decimal, currency: str) -> str:
    """Return an amount with its two leading digits and its currency."""
    return f"{about(amount)} {currency}"


# --- part of the price back


@st.fragment
def offer(policy: Policy, accepted: Acceptance) -> None:
    """Draw the sliders of one case on the left, and on the right what follows from them."""
    say = session.say()
    st.caption(say("policy_offer.intro"))
    left, right = st.columns([3, 7], gap="large")
    with left:
        case = _situation(policy)
        low, high = expecting.allowed_range(policy, case)
        best = expecting.settled(policy, accepted, case).offer
        first = best.share if best and best.share is not None else low
        share = percent_slider("policy_offer.share", 1.0, 50.0, float(round(first * 100)), f"sim-share-{case.claim.value}")
    with right:
        _figures(policy, accepted, case, share)
        _chart(policy, accepted, case, share)
        session.show_note("note", say.sentence(expecting.break_even(policy, accepted, case, share)))
    _remedies(policy, accepted, case)
    _year(policy, accepted, case, share)


def _situation(policy: Policy) -> Situation:
    """Draw what a case is about, and return it."""
    say, begin = session.say(), started(policy)
    claim = st.selectbox(
        say("policy_offer.claim"), expecting.CLAIMS, key="sim-claim", format_func=lambda claim: say(f"claim.{claim.value}"),
        persist_state="session",
    )  # fmt: skip
    codes = ["", *country_codes()]
    first = codes.index(begin.marketplace) if begin.marketplace in codes else 0
    code = st.selectbox(
        say("policy_offer.marketplace"), codes, index=first, key="sim-marketplace", persist_state="session",
        format_func=lambda code: code.upper() or say("policy_offer.any"),
    )  # fmt: skip
    sku = ""
    if any(override.skus for override in policy.overrides):
        sku = st.text_input(say("policy_offer.sku"), key="sim-sku", help=say("policy_offer.sku_help"), persist_state="session")
    same = marketplace(code).currency in ("", begin.paid.currency)
    paid = paid_slider("policy_offer.paid", begin.paid if same else expecting.usual(policy, code), "sim-paid")
    st.caption(say("policy_offer.start_record", cases=begin.cases) if begin.cases else say("policy_offer.start_policy"))
    personalised = st.toggle(say("policy_offer.personalised"), True, key="sim-personalised", persist_state="session")
    photo = claim is Claim.SUBJECTIVE or st.toggle(say("policy_offer.photo"), True, key="sim-photo", persist_state="session")
    return Situation(claim, paid, personalised, photo, code, sku.strip())


def boxes(*figures: tuple[str, str, str]) -> None:
    """Draw figures side by side, each with its name above and what is to be said of it below."""
    cell = Markup('<div><small>{}</small><span class="says">{}</span><small>{}</small></div>')
    st.html(Markup('<div class="both">{}</div>').format(Markup("").join(cell.format(*figure) for figure in figures)))


def _figures(policy: Policy, accepted: Acceptance, case: Situation, share: Decimal) -> None:
    """Draw how likely the share is accepted, what it costs, what no offer costs, and the cheapest share."""
    say, point, currency = session.say(), expecting.point(policy, accepted, case, share), case.paid.currency
    chance, without = point.chance, _without(policy, case)
    between = say("policy_offer.accepts_help", low=telling.percent(chance.low), high=telling.percent(chance.high))
    ends = say("policy_offer.cost_help", low=about(point.best.amount), high=roughly(point.worst.amount, currency))
    boxes(
        (say("policy_offer.accepts"), f"≈ {telling.percent(chance.mean)}", between),
        (say("policy_offer.cost"), f"≈ {roughly(point.cost.amount, currency)}", ends),
        (say("policy_offer.without"), f"≈ {roughly(without.amount, currency)}", ""),
    )
    st.caption(say("policy_offer.rests", source=say.sentence(accepted.source(case.claim))))
    low, high = expecting.allowed_range(policy, case)
    best = expecting.settled(policy, accepted, case).offer
    if best and best.share is not None:
        session.show_note("note", say("policy_offer.inside", share=telling.percent(best.share), amount=best.offer))
    if not low <= share <= high:
        shares = {"share": telling.percent(share), "low": telling.percent(low), "high": telling.percent(high)}
        session.show_note("note", say("policy_offer.outside", **shares))


def _without(policy: Policy, case: Situation) -> Money:
    return case.costs(policy).in_money(expecting.without_offer(policy, case)) or case.paid


def _chart(policy: Policy, accepted: Acceptance, case: Situation, share: Decimal) -> None:
    """Draw the expected cost against the share offered, with the chosen share marked."""
    say, currency = session.say(), case.paid.currency
    rows = [
        {
            "share": float(p.share * 100),
            "cost": float(p.cost.amount),
            "best": float(p.best.amount),
            "worst": float(p.worst.amount),
        }
        for p in expecting.points(policy, accepted, case)
    ]
    chosen = expecting.point(policy, accepted, case, share)
    without = _without(policy, case)
    low, high = expecting.allowed_range(policy, case)
    across = alt.X("share:Q", title=say("policy_offer.chart_share"), scale=alt.Scale(domain=[0, 50], nice=False))
    title = say("policy_offer.chart_cost", currency=currency)
    known, spot = values_of(*rows), values_of({"share": float(share * 100), "cost": float(chosen.cost.amount)})
    inside, outlay = values_of({"share": float(low * 100), "to": float(high * 100)}), values_of({"cost": float(without.amount)})
    tips = [alt.Tooltip("share:Q", title=say("policy_offer.chart_share")), alt.Tooltip("cost:Q", title=title, format=".2f")]
    layers = (
        alt.Chart(inside).mark_rect(color="gray", opacity=0.15).encode(across, alt.X2("to:Q")),
        alt.Chart(known).mark_area(color=LINE, opacity=0.18).encode(across, alt.Y("best:Q", title=title), alt.Y2("worst:Q")),
        alt.Chart(outlay).mark_rule(strokeDash=[5, 4], color="gray").encode(y="cost:Q"),
        alt.Chart(known).mark_line(color=LINE).encode(across, alt.Y("cost:Q", title=title), tooltip=tips),
        alt.Chart(spot).mark_rule(color=MARK, strokeWidth=2).encode(across),
        alt.Chart(spot).mark_point(color=MARK, filled=True, size=110, opacity=1).encode(across, y="cost:Q"),
    )
    st.altair_chart(alt.layer(*layers).properties(height=HEIGHT), alt=say("policy_offer.chart_alt"))
    st.caption(say("policy_offer.chart_legend"))


def _remedies(policy: Policy, accepted: Acceptance, case: Situation) -> None:
    """Draw what the library says of every remedy: its standing, what it costs, and from where on it pays."""
    say, found = session.say(), expecting.settled(policy, accepted, case)
    st.subheader(say("policy_offer.remedies"))
    left, right = st.columns(2)
    with left:
        st.html(_remedy(found.recommended, "recommended"))
        for remedy in found.alternatives:
            st.html(_remedy(remedy, "allowed"))
    with right:
        for remedy in found.refused:
            st.html(_remedy(remedy, "refused"))


def _remedy(remedy: Remedy, standing: str) -> Markup:
    """Return one remedy as a box."""
    say = session.say()
    lines = (
        say("remedies.cost", cost=remedy.cost) if remedy.cost else "",
        telling.rule_and_reason(remedy.rule, remedy.why, say),
        say.sentence(remedy.break_even),
    )
    small = Markup("").join(Markup("<small>{}</small>").format(line) for line in lines if line)
    box = '<div class="remedy {}"><b>{}</b> <span class="badge">{}</span>{}</div>'
    first, name = "first" if standing == "recommended" else "", telling.remedy_name(remedy.kind.value, say)
    return Markup(box).format(first, name, say(f"policy_offer.{standing}"), small)


def _year(policy: Policy, accepted: Acceptance, case: Situation, share: Decimal) -> None:
    """Draw what a year of such cases comes to."""
    say, currency = session.say(), case.paid.currency
    st.subheader(say("policy_offer.year"))
    left, right = st.columns(2)
    with left:
        orders = orders_slider("sim-orders")
    with right:
        rate = percent_slider("policy_offer.rate", 0.5, 30.0, _FIRST_RATE, "sim-rate", 0.5)

    def yearly(money: Money) -> str:
        return roughly(expecting.in_a_year(money, orders, rate).amount, currency)

    point = expecting.point(policy, accepted, case, share)
    without = _without(policy, case)
    lines = [
        say("policy_offer.year_cases", cases=about(orders * rate)),
        say(
            "policy_offer.year_cost", share=telling.percent(share), cost=yearly(point.cost), low=yearly(point.best),
            high=yearly(point.worst), without=yearly(without),
        ),
    ]  # fmt: skip
    best = expecting.settled(policy, accepted, case).offer
    if best and best.share is not None and best.cost:
        lines.append(say("policy_offer.year_best", share=telling.percent(best.share), cost=yearly(best.cost)))
    session.show_note("note", " ".join(lines))
    st.caption(say("policy_offer.year_basis"))
