from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from triage_ml.errors import PolicyError
from triage_ml.insurance import (
    Base,
    Exposure,
    InsuranceTerms,
    Method,
    break_even,
    covered_share,
    value,
)
from triage_ml.insurance_by_sku import SkuCounts, Verdict, by_sku
from triage_ml.messages import Claim, Money


def _d(number):
    return Decimal(str(number))


def _money(amount, currency="USD"):
    return Money(_d(amount), currency)


def _terms(premium, payout, base=Base.LOSS, **more):
    return InsuranceTerms(_d(premium), _d(payout), base, **more)


def _exposure(orders=2000, price=40, returns="0.15", covered="1", **more):
    return Exposure(orders, _money(price), _d(returns), _d(covered), **more)


cents = st.integers(100, 500_000).map(lambda n: Decimal(n) / 100)
shares = st.integers(0, 1000).map(lambda n: Decimal(n) / 1000)
terms = st.builds(
    InsuranceTerms,
    premium_rate=st.integers(0, 100).map(lambda n: Decimal(n) / 1000),
    payout_rate=shares,
    payout_base=st.sampled_from(Base),
    premium_base=st.sampled_from(Base),
    deductible=st.none() | st.builds(Money, st.integers(0, 20).map(Decimal), st.just("EUR")),
    cap=st.none() | st.builds(Money, cents, st.just("EUR")),
)
exposures = st.builds(
    Exposure,
    orders=st.integers(1, 400),
    order_value=st.builds(Money, cents, st.just("EUR")),
    return_rate=shares,
    covered_share=shares,
    loss_share=st.integers(0, 150).map(lambda n: Decimal(n) / 100),
    acceptance=shares,
)


# The worked figures of the trade: base, rate and break-even


@pytest.mark.parametrize(
    ("premium", "payout", "loss_share", "percent"),
    [
        ("0.01", "0.9", "1", "1.11"),
        ("0.02", "0.8", "1", "2.50"),
        ("0.03", "0.7", "1", "4.29"),
        ("0.01", "0.9", "0.2", "5.56"),
        ("0.02", "0.8", "0.2", "12.50"),
        ("0.03", "0.7", "0.2", "21.43"),
        ("0.02", "0.8", "0.4", "6.25"),
    ],
)
def test_the_break_even_of_the_worked_figures(premium, payout, loss_share, percent):
    rate = break_even(_terms(premium, payout), _exposure(loss_share=_d(loss_share)))
    assert round(rate * 100, 2) == _d(percent)


def test_the_published_example_is_reached_only_when_every_return_is_covered():
    result = value(_terms("0.01", "0.9"), _exposure())
    assert (result.payout, result.premium, result.profit) == (_money("10800.00"), _money("800.00"), _money("10000.00"))
    assert result.profit_per_order == _money("5.0000") and result.payout_per_claim == _money("36.00") and result.pays
    fewer = value(_terms("0.01", "0.9"), _exposure(covered="0.05"))
    assert fewer.profit == _money("-260.00") and not fewer.pays


def test_spread_and_worst_case_of_the_published_example():
    result = value(_terms("0.01", "0.9"), _exposure())
    assert result.uninsured.expected == _money("12000.00")
    assert result.uninsured.standard_deviation == _money("638.75")  # sqrt(2000 * 0.15 * 0.85) * 40
    assert result.uninsured.worst_case.amount == 40 * int(binom.ppf(0.95, 2000, 0.15))
    assert result.insured.worst_case.amount == 800 + 4 * int(binom.ppf(0.95, 2000, 0.15))
    assert result.method is Method.EXACT


def test_deductible_and_cap():
    offer = _terms("0.02", "0.8", deductible=_money(5), cap=_money(30))
    assert value(offer, _exposure()).payout_per_claim == _money("19.00")  # 0.8 * 30 - 5
    assert break_even(offer, _exposure()) == _d("0.8") / 19
    assert value(replace(offer, deductible=_money(50)), _exposure()).payout_per_claim == _money("0.00")


def test_an_insurer_who_rejects_half_the_claims_doubles_what_is_needed():
    half = value(_terms("0.02", "0.8"), _exposure(returns="0.06", covered="0.6", acceptance=_d("0.5")))
    assert half.claim_rate == _d("0.018") and not half.pays
    assert value(_terms("0.02", "0.8"), _exposure(returns="0.06", covered="0.6")).pays


def test_a_known_cost_of_a_return_stands_in_for_a_share():
    by_cost = value(_terms("0.01", "0.9"), _exposure(loss=_money(8)))
    assert by_cost == value(_terms("0.01", "0.9"), _exposure(loss_share=_d("0.2")))


def test_the_base_decides():
    exposure = _exposure(loss_share=_d("0.2"), covered="0.3")
    assert value(_terms("0.01", "0.9", Base.ORDER_VALUE), exposure).pays
    assert not value(_terms("0.01", "0.9", Base.LOSS), exposure).pays
    assert value(_terms("0.01", "0.9", premium_base=Base.LOSS), exposure).premium == _money("160.00")


def test_no_rate_is_enough_where_a_claim_brings_less_than_the_premium():
    assert break_even(_terms("0.05", "0.04"), _exposure()) is None
    assert break_even(_terms("0", "0"), _exposure()) is None
    assert not value(_terms("0", "0"), _exposure()).pays


def test_yen_have_no_cents():
    exposure = Exposure(90, Money(Decimal(3980), "JPY"), _d("0.07"), _d("0.35"))
    result = value(_terms("0.015", "0.85"), exposure)
    assert result.premium == Money(Decimal(5373), "JPY") and result.payout_per_claim == Money(Decimal(3383), "JPY")


def test_faults_and_differences_are_excluded():
    returns = {Claim.QUALITY: 12, Claim.MISMATCH: 5, Claim.SUBJECTIVE: 3}
    assert covered_share(returns) == _d("0.15")
    assert covered_share(returns, {Claim.SUBJECTIVE, Claim.QUALITY}) == _d("0.75")
    assert covered_share({}) == 0


# Properties


@given(terms, exposures, shares)
def test_value_is_monotone_in_the_covered_rate(offer, exposure, share):
    low, high = sorted((share, exposure.covered_share))
    less, more = (value(offer, replace(exposure, covered_share=s)) for s in (low, high))
    assert less.profit.amount <= more.profit.amount
    assert less.break_even == more.break_even


@given(terms, exposures, st.integers(1, 50).map(lambda n: Decimal(n) / 1000))
def test_value_falls_with_the_premium(offer, exposure, rise):
    cheap, dear = value(offer, exposure), value(replace(offer, premium_rate=offer.premium_rate + rise), exposure)
    base = exposure.loss_per_return if offer.premium_base is Base.LOSS else exposure.order_value.amount
    fall = cheap.profit.amount - dear.profit.amount
    assert abs(fall - exposure.orders * base * rise) <= _d("0.01")


@given(terms, exposures)
def test_at_the_break_even_the_value_is_nought_and_on_either_side_it_is_not(offer, exposure):
    rate = break_even(offer, exposure)
    if rate is None:
        assert value(offer, replace(exposure, return_rate=Decimal(1), covered_share=Decimal(1))).profit.amount <= 0
        return
    at = replace(exposure, return_rate=rate, covered_share=Decimal(1), acceptance=Decimal(1))
    assert abs(value(offer, at).profit.amount) <= _d("0.01")
    if rate <= _d("0.99"):
        assert value(offer, replace(at, return_rate=rate + _d("0.01"))).pays
    if rate >= _d("0.01"):
        assert not value(offer, replace(at, return_rate=rate - _d("0.01"))).pays


@given(terms, exposures)
def test_insurance_never_makes_the_worst_case_worse_by_more_than_the_premium(offer, exposure):
    result = value(offer, exposure)
    worse = result.insured.worst_case.amount - result.uninsured.worst_case.amount
    assert worse <= result.premium.amount + _d("0.02")  # three amounts, each rounded


@given(st.integers(150_000, 10_000_000), st.integers(5, 90), st.integers(1, 99), terms)
def test_nor_where_the_normal_approximation_speaks(orders, returns, covered, offer):
    exposure = Exposure(orders, Money(_d("29.90"), "EUR"), _d(returns) / 100, _d(covered) / 100)
    result = value(offer, exposure)
    worse = result.insured.worst_case.amount - result.uninsured.worst_case.amount
    assert worse <= result.premium.amount + _d("0.02")


@given(terms, exposures)
def test_the_average_costs_differ_by_the_profit(offer, exposure):
    result = value(offer, exposure)
    saved = result.uninsured.expected.amount - result.insured.expected.amount
    assert abs(saved - result.profit.amount) <= _d("0.02")


# Against what really happens


def test_spread_and_worst_case_are_what_a_simulation_shows():
    offer = _terms("0.02", "0.8", deductible=_money(3))
    exposure = _exposure(orders=300, price=60, returns="0.2", covered="0.4", loss_share=_d("0.7"))
    result = value(offer, exposure)
    draws = np.random.default_rng(7).multinomial(300, [0.12, 0.08, 0.8], size=200_000)
    payout = 0.8 * 42 - 3
    costs = 300 * 60 * 0.02 + draws[:, 0] * 42 + draws[:, 1] * (42 - payout)
    assert float(result.insured.expected.amount) == pytest.approx(costs.mean(), rel=0.002)
    assert float(result.insured.standard_deviation.amount) == pytest.approx(costs.std(), rel=0.01)
    assert (costs <= float(result.insured.worst_case.amount) + 0.005).mean() == pytest.approx(0.95, abs=0.005)


def test_the_approximation_meets_the_exact_count():
    offer = _terms("0.01", "0.9")
    exact = value(offer, _exposure(orders=20_000, covered="0.2"))
    large = value(offer, _exposure(orders=2_000_000, covered="0.2"))
    assert (exact.method, large.method) == (Method.EXACT, Method.NORMAL)
    for few, many in ((exact.insured, large.insured), (exact.uninsured, large.uninsured)):
        over_few, over_many = (float(r.worst_case.amount - r.expected.amount) for r in (few, many))
        assert over_few == pytest.approx(over_many / 10, rel=0.02)  # a spread grows with the root of the orders


# The table by SKU


def test_the_table_says_where_counts_are_enough():
    rows = [
        SkuCounts("MUG-NAME", 4_000, 200, 180, _money("19.90")),
        SkuCounts("RING-ENGRAVED", 3_000, 150, 3, _money("89.00")),
        SkuCounts("SIGN-OAK", 30, 2, 1, _money("45.00")),
    ]
    mug, ring, sign = by_sku(rows, _terms("0.02", "0.8"))
    assert [line.sku for line in (mug, ring, sign)] == ["MUG-NAME", "RING-ENGRAVED", "SIGN-OAK"]
    assert [line.verdict for line in (mug, ring, sign)] == [Verdict.INSURE, Verdict.DO_NOT, Verdict.TOO_FEW]
    assert mug.result.profit == _money("1273.60")  # 180 * 0.8 * 19.90 - 4000 * 0.02 * 19.90
    assert sign.result.pays and ring.result.profit.amount < 0


def test_a_sku_without_returns_or_with_nothing_but_returns():
    none, all_of_them = by_sku(
        [SkuCounts("A", 500, 0, 0, _money(10)), SkuCounts("B", 5, 5, 5, _money(10))], _terms("0.02", "0.8")
    )
    assert none.verdict is Verdict.DO_NOT and none.result.profit == _money("-100.00")
    assert all_of_them.verdict is Verdict.INSURE


def test_where_no_rate_is_enough_no_count_is_needed():
    line = by_sku([SkuCounts("A", 3, 1, 1, _money(10))], _terms("0.5", "0.4"))[0]
    assert line.verdict is Verdict.DO_NOT


# What cannot be


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: _terms("2", "0.8"), "premium_rate: found Decimal('2'); expected a fraction from 0 to 1"),
        (lambda: InsuranceTerms(0.02, _d("0.8"), Base.LOSS), "premium_rate: found 0.02"),
        (lambda: _terms("0.02", "-1"), "payout_rate"),
        (lambda: _terms("0.02", "0.8", cap=_money(-1)), "cap: found Decimal('-1')"),
        (lambda: _terms("0.02", "NaN"), "payout_rate"),
        (lambda: _exposure(orders=0), "orders: found 0"),
        (lambda: _exposure(orders=True), "orders: found True"),
        (lambda: _exposure(returns="15"), "return_rate"),
        (lambda: _exposure(loss=_money(3), loss_share=_d("0.2")), "found both"),
        (lambda: _exposure(loss=_money(3, "EUR")), "loss: found EUR; expected USD"),
        (lambda: value(_terms("0.02", "0.8", cap=_money(3, "EUR")), _exposure()), "cap: found EUR; expected USD"),
        (lambda: by_sku([SkuCounts("A", 5, 6, 1, _money(1))], _terms("0.1", "0.8")), "SKU 'A': found 1 covered returns of 6"),
        (lambda: by_sku([SkuCounts("A", 0, 0, 0, _money(1))], _terms("0.1", "0.8")), "at least one order"),
    ],
)
def test_a_figure_that_cannot_be_is_named(make, says):
    with pytest.raises(PolicyError) as error:
        make()
    assert says in str(error.value)
