from collections import Counter
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_shop import QUARTER
from scipy.stats import binom, hypergeom

from triage_ml.insights.causes import Facts
from triage_ml.insights.counting import TESTED, Counting
from triage_ml.insights.orders import Orders
from triage_ml.insights.rates import adjusted, compare, per_order, share
from triage_ml.insights.records import ALL, Verdict
from triage_ml.insights.sums import Frequent, Purse
from triage_ml.messages import Category, Claim

counts = st.integers(0, 60)


def test_shares_and_rates_are_those_of_the_textbooks():
    of_cases = share(7, 20)
    assert (of_cases.value, of_cases.low, of_cases.high) == (
        0.35,
        pytest.approx(0.1539, abs=1e-4),
        pytest.approx(0.5922, abs=1e-4),
    )
    by_order = per_order(10, 1000)
    assert (by_order.low, by_order.high) == (pytest.approx(0.004795, abs=1e-6), pytest.approx(0.018390, abs=1e-6))
    assert share(0, 0).value is None and per_order(3, 0).value is None


def test_changes_are_those_of_the_textbooks():
    # 21 against 11 events in equal times: exact binomial, p = 0.1102.
    change = compare(per_order(21, 500), per_order(11, 500))
    assert change.p == pytest.approx(0.1102, abs=1e-4) and change.ratio == pytest.approx(21 / 11)
    # Fisher's tea: 3 of 4 against 1 of 4, with twice the smaller tail of 0.2429; the interval is R's.
    tea = compare(share(3, 4), share(1, 4))
    assert tea.p == pytest.approx(2 * 17 / 70) and tea.ratio == 9
    assert (tea.low, tea.high) == (pytest.approx(0.2117, abs=1e-3), pytest.approx(621.93, rel=1e-2))


@given(counts, counts, st.integers(1, 500), st.integers(1, 500))
def test_per_order_p_and_interval_agree_whatever_the_counts(now, before, orders, orders_before):
    change = compare(per_order(now, orders), per_order(before, orders_before))
    excluded = change.low > 1 or (change.high is not None and change.high < 1)
    assert 0 <= change.p <= 1
    if abs(change.p - 0.05) > 1e-6:
        assert excluded == (change.p < 0.05)
    turned = compare(per_order(before, orders_before), per_order(now, orders))
    assert turned.p == pytest.approx(change.p)


@settings(max_examples=60)
@given(
    st.tuples(counts, counts, counts, counts).filter(
        lambda cells: cells[0] + cells[2] and cells[0] + cells[1] and cells[2] + cells[3]
    )
)
def test_of_cases_p_and_interval_agree_whatever_the_counts(cells):
    now, rest, before, rest_before = cells
    change = compare(share(now, now + rest), share(before, before + rest_before))
    excluded = change.low > 1 or (change.high is not None and change.high < 1)
    if abs(change.p - 0.05) > 1e-3:
        assert excluded == (change.p < 0.05)


def test_large_and_small_counts_give_the_same_interval_where_they_meet():
    exact, normal = compare(share(99, 400), share(140, 420)), compare(share(100, 400), share(140, 420))
    assert normal.low == pytest.approx(exact.low, rel=0.03) and normal.high == pytest.approx(exact.high, rel=0.03)


@pytest.mark.parametrize(("cases", "cases_before", "total"), [(12, 15, 9), (200, 180, 40), (40, 400, 30)])
def test_a_steady_share_alarms_at_most_one_time_in_twenty_exactly(cases, cases_before, total):
    alarms = 0.0
    for now in range(max(0, total - cases_before), min(cases, total) + 1):
        if compare(share(now, cases), share(total - now, cases_before)).p <= 0.05:
            alarms += hypergeom.pmf(now, cases + cases_before, total, cases)
    assert alarms <= 0.05


@pytest.mark.parametrize(("orders", "orders_before", "total"), [(100, 100, 12), (1000, 700, 60)])
def test_a_steady_rate_alarms_at_most_one_time_in_twenty_exactly(orders, orders_before, total):
    changes = [compare(per_order(now, orders), per_order(total - now, orders_before)) for now in range(total + 1)]
    alarms = sum(binom.pmf(n, total, orders / (orders + orders_before)) for n, change in enumerate(changes) if change.p <= 0.05)
    assert 0 < alarms <= 0.05


def test_p_is_adjusted_for_the_number_of_tests():
    assert adjusted([]) == []
    assert adjusted([0.01, 0.04, 0.03, 0.2]) == pytest.approx([0.04, 0.0533, 0.0533, 0.2], abs=1e-4)


# --- whole streams --------------------------------------------------------------------------------------------------------

_RATES = {Category.QUALITY: 0.035, Category.MISMATCH: 0.02, Category.SUBJECTIVE: 0.04, Category.OTHER: 0.055}
_ORDERS = 2_000


def _alarms(draw, times):
    """What is said of twenty SKUs over two quarters, of one of which the quality cases come so many times as often."""
    skus = [f"SKU-{n}" for n in range(20)]
    counting = Counting(QUARTER, {sku: Orders(_ORDERS, _ORDERS) for sku in skus})
    for inside in (True, False):
        at = QUARTER.since + timedelta(days=1) * (1 if inside else -1)
        for sku in skus:
            for category, rate in _RATES.items():
                more = times if inside and sku == "SKU-7" and category is Category.QUALITY else 1
                for _ in range(draw.poisson(_ORDERS * rate * more)):
                    counting.add(Facts(at, category, Claim(category), ("fault",), frozenset(), None, None, frozenset()), sku)
    return [t for t in counting.trends() if t.group != ALL and t.verdict in (Verdict.MORE, Verdict.LESS)]


def test_stable_streams_seldom_alarm():
    draw = np.random.default_rng(11)
    assert sum(bool(_alarms(draw, 1)) for _ in range(40)) <= 5  # 2 expected; more than 5 would come once in 70 times


def test_a_doubled_rate_is_found_and_hardly_anything_else():
    draw = np.random.default_rng(12)
    found = [_alarms(draw, 2) for _ in range(20)]
    right = [any((t.group, t.what, t.verdict) == ("SKU-7", "quality", Verdict.MORE) for t in alarms) for alarms in found]
    assert sum(right) >= 17
    wrong = [sum(t.group != "SKU-7" for t in alarms) / max(len(alarms), 1) for alarms in found]
    assert sum(wrong) / len(wrong) <= 0.15  # 0.05 expected at most, from 20 streams


def test_what_is_tested_is_what_can_grow():
    assert set(TESTED) == {"complaint", "quality", "mismatch", "subjective", "abuse", "needs_review"}


# --- sums -----------------------------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abcdefgh"), max_size=300), st.integers(1, 6))
def test_frequent_texts_are_never_counted_too_high_and_hardly_too_low(texts, size):
    frequent = Frequent(size)
    for text in texts:
        frequent.add(text)
    told, true = {phrase.words: phrase.cases for phrase in frequent.most(99, 1)}, Counter(texts)
    assert len(told) <= size
    for text, cases in true.items():
        assert cases - len(texts) / (size + 1) <= told.get(text, 0) <= cases


def test_money_is_added_by_currency_and_exact():
    from decimal import Decimal

    from triage_ml.messages import Money

    purse = Purse()
    for amount, currency in (("0.10", "EUR"), ("0.20", "EUR"), ("350", "JPY")):
        purse.add(Money(Decimal(amount), currency))
    assert purse.money() == (Money(Decimal("0.30"), "EUR"), Money(Decimal("350"), "JPY"))
    assert purse.money({"EUR": 2, "JPY": 1})[0] == Money(Decimal("0.15"), "EUR")
    assert purse.weight({"EUR": Decimal("0.1"), "JPY": Decimal(175)}) == 5
