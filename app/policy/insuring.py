"""The sliders of an insurance of returns: whether it pays, from which return rate on, and what luck does to it."""

from __future__ import annotations

from decimal import Decimal

import altair as alt
import streamlit as st

import session
import telling
from policy import expecting
from policy.expecting import Expected, about
from policy.sliders import HEIGHT, LINE, MARK, boxes, orders_slider, paid_slider, percent_slider, roughly, started, values_of
from triage_ml.insurance import Base, Exposure, InsuranceResult, InsuranceTerms, value
from triage_ml.messages import Money
from triage_ml.policy import Policy

_FIRST_RATE = 5.0


@st.fragment
def insurance(policy: Policy) -> None:
    """Draw the insurer's terms and the shop's returns on the left, and on the right what follows from them."""
    say = session.say()
    st.caption(say("policy_insurance.intro"))
    left, right = st.columns([3, 7], gap="large")
    with left:
        terms = _terms()
        exposure = _exposure(policy)
    result = value(terms, exposure)
    here, *others = expecting.insured(terms, exposure, [exposure.return_rate, *expecting.rates_around(exposure.return_rate)])
    with right:
        _verdict(result, exposure, here)
        _figures(result, exposure, here)
        _chart(others, here, exposure.order_value.currency)
        _table(result)
    st.caption(say("policy_insurance.basis"))


def _terms() -> InsuranceTerms:
    say = session.say()
    premium = percent_slider("policy_insurance.premium", 1.0, 3.0, 2.0, "ins-premium", 0.1)
    payout = percent_slider("policy_insurance.payout", 70.0, 90.0, 80.0, "ins-payout")
    base = st.segmented_control(
        say("policy_insurance.base"), list(Base), key="ins-base", default=Base.ORDER_VALUE, required=True,
        format_func=lambda base: say(f"policy_insurance.base_{base.value}"), persist_state="session",
    )  # fmt: skip
    return InsuranceTerms(premium, payout, Base(base or Base.ORDER_VALUE))


def _exposure(policy: Policy) -> Exposure:
    """Draw what would be insured, and return it."""
    say, begin = session.say(), started(policy)
    orders = orders_slider("ins-orders")
    paid = paid_slider("policy_insurance.paid", begin.paid, "ins-paid")
    rate = percent_slider("policy_insurance.rate", 0.5, 40.0, _FIRST_RATE, "ins-rate", 0.5)
    covered = percent_slider(
        "policy_insurance.covered", 0.0, 100.0, float(round(begin.covered * 20) * 5), "ins-covered", 5.0,
        say("policy_insurance.covered_help"),
    )  # fmt: skip
    if begin.cases:
        st.caption(say("policy_insurance.covered_record", share=telling.percent(begin.covered)))
    refunded = expecting.loss_share(policy)
    kind = st.radio(
        say("policy_insurance.loss"), ["refund", "make"], key="ins-loss", persist_state="session",
        format_func=lambda kind: say(f"policy_insurance.loss_{kind}", share=telling.percent(refunded)),
    )  # fmt: skip
    loss = refunded
    if kind == "make":
        made = float(round((policy.numbers["cost.make"] + policy.numbers["cost.send"]) * 100))
        loss = percent_slider("policy_insurance.make", 10.0, 150.0, made, "ins-make")
    return Exposure(orders, paid, rate, covered, loss_share=loss)


def _verdict(result: InsuranceResult, exposure: Exposure, here: Expected) -> None:
    """Draw in a sentence whether it pays, and in another from which return rate on."""
    say, currency = session.say(), exposure.order_value.currency
    kind, verdict = ("good", "pays") if result.pays else ("note", "pays_not")
    if here.low < 0 < here.high:
        kind, verdict = "note", "luck"
    session.show_note(kind, say(f"policy_insurance.{verdict}", result=roughly(here.mean, currency)))
    needed = expecting.needed_rate(result.break_even, exposure.covered_share)
    if result.break_even is None or needed is None:
        session.show_note("note", say("policy_insurance.never"))
        return
    session.show_note(
        "note",
        say(
            "policy_insurance.from_rate", rate=_percent(needed), claims=_percent(result.break_even),
            now=_percent(exposure.return_rate),
        ),
    )  # fmt: skip


def _figures(result: InsuranceResult, exposure: Exposure, here: Expected) -> None:
    say, currency = session.say(), exposure.order_value.currency
    needed = expecting.needed_rate(result.break_even, exposure.covered_share)
    range_ = say("policy_insurance.range", low=about(here.low), high=roughly(here.high, currency))
    from_rate = say("policy_insurance.no_rate") if needed is None else f"≈ {_percent(needed)}"
    now = say("policy_insurance.have", now=_percent(exposure.return_rate))
    boxes(
        (say("policy_insurance.result"), f"≈ {roughly(here.mean, currency)}", range_),
        (say("policy_insurance.needed"), from_rate, now),
        (say("policy_insurance.per_claim"), f"≈ {roughly(result.payout_per_claim.amount, currency)}", ""),
    )


def _percent(share: Decimal) -> str:
    """Return a rate with two leading digits."""
    return f"{about(share * 100)}%"


def _chart(points: list[Expected], here: Expected, currency: str) -> None:
    """Draw the result of a year against the return rate, with the shop's own marked."""
    say = session.say()
    rows = [
        {"rate": float(p.return_rate * 100), "mean": float(p.mean), "low": float(p.low), "high": float(p.high)} for p in points
    ]
    title = say("policy_insurance.chart_result", currency=currency)
    across = alt.X("rate:Q", title=say("policy_insurance.chart_rate"), scale=alt.Scale(nice=False))
    known, own = values_of(*rows), values_of({"rate": float(here.return_rate * 100), "mean": float(here.mean)})
    tips = [
        alt.Tooltip("rate:Q", title=say("policy_insurance.chart_rate"), format=".1f"),
        alt.Tooltip("mean:Q", title=title, format=".2s"),
    ]
    layers = (
        alt.Chart(known).mark_area(color=LINE, opacity=0.18).encode(across, alt.Y("low:Q", title=title), alt.Y2("high:Q")),
        alt.Chart(values_of({"mean": 0})).mark_rule(strokeDash=[5, 4], color="gray").encode(y="mean:Q"),
        alt.Chart(known).mark_line(color=LINE).encode(across, alt.Y("mean:Q", title=title), tooltip=tips),
        alt.Chart(own).mark_rule(color=MARK, strokeWidth=2).encode(across),
        alt.Chart(own).mark_point(color=MARK, filled=True, size=110, opacity=1).encode(across, y="mean:Q"),
    )
    st.altair_chart(alt.layer(*layers).properties(height=HEIGHT), alt=say("policy_insurance.chart_alt"))
    st.caption(say("policy_insurance.chart_legend"))


def _table(result: InsuranceResult) -> None:
    """Draw what returns cost with and without."""
    say = session.say()

    def cell(money: Money) -> str:
        return f"{about(money.amount, 3)} {money.currency}"  # one more digit: with and without differ by little

    insured, uninsured = result.insured, result.uninsured
    rows = [
        {"what": say(f"policy_insurance.row_{name}"), "with": with_, "without": without}
        for name, with_, without in (
            ("premium", cell(result.premium), "–"),
            ("expected", cell(insured.expected), cell(uninsured.expected)),
            ("deviation", cell(insured.standard_deviation), cell(uninsured.standard_deviation)),
            ("worst", cell(insured.worst_case), cell(uninsured.worst_case)),
        )
    ]
    config = {name: st.column_config.TextColumn(say(f"policy_insurance.{name}")) for name in rows[0]}
    st.dataframe(rows, hide_index=True, column_config=config)
