"""More than 20,000 cases whose truth is known: what is said of them is true."""

import tracemalloc

import pytest
from known_shop import BROKEN, ORDERS, QUARTER, RATES, SKUS

from triage_ml.insights import Insights, Orders, offers
from triage_ml.insights.records import ALL, Verdict
from triage_ml.messages import Claim

_ALARMS = (Verdict.MORE, Verdict.LESS)


@pytest.fixture(scope="module")
def found(shop):
    return Insights.of(shop, QUARTER.since, QUARTER.until)


@pytest.fixture(scope="module")
def found_per_order(shop):
    orders = {sku: Orders(ORDERS, ORDERS) for sku in SKUS}
    return Insights.of(shop, QUARTER.since, QUARTER.until, orders=orders)


def test_all_cases_are_counted(found):
    assert found.cases + found.before > 20_000
    assert sum(sum(week.cases.values()) for week in found.weeks) == found.cases + found.before
    by_group = sum(line.now.count for line in found.categories if line.group != ALL)
    assert by_group == sum(line.now.count for line in found.categories if line.group == ALL) == found.cases


def test_the_doubled_sku_is_found_and_nothing_else(found):
    alarms = [trend for trend in found.trends if trend.verdict in _ALARMS]
    assert [(alarm.group, alarm.what, alarm.verdict) for alarm in alarms] == [(BROKEN, "quality", Verdict.MORE)]
    assert alarms[0].change.low < 2 < alarms[0].change.high and alarms[0].change.low > 1.5


def test_per_order_it_is_found_too_and_rates_are_the_true_ones(found_per_order):
    alarms = [trend for trend in found_per_order.trends if trend.verdict in _ALARMS]
    assert [(alarm.group, alarm.what, alarm.verdict) for alarm in alarms] == [(BROKEN, "quality", Verdict.MORE)]
    assert "no_orders" not in found_per_order.notes
    rates = {line.what: line.now for line in found_per_order.categories if line.group == "SKU-02"}
    for claim in Claim:
        assert rates[claim.value].low < RATES[claim] < rates[claim.value].high


def test_the_broken_sku_costs_most_behind_the_first_fix(found):
    assert found.fixes[0].fix == "workshop" and found.fixes[0].groups[0].group == BROKEN
    assert found.fixes[0].groups[0].cases > 1.5 * found.fixes[0].groups[1].cases


def test_expectation_is_what_the_texts_say(found):
    # Of four texts of each claim: two mismatches against the listing, and three subjective ones by taste, fit or expectation.
    expected = 0.5 * RATES[Claim.MISMATCH] + 0.75 * RATES[Claim.SUBJECTIVE]
    complaints = sum(rate for claim, rate in RATES.items() if claim is not Claim.OTHER) + RATES[Claim.QUALITY] / len(SKUS)
    share = found.expectation[0].share
    assert share.low < expected / complaints < share.high < found.expectation[0].trade


def test_nothing_new_is_seen_where_nothing_is_new(found):
    assert found.radar.known == found.before and found.radar.themes == ()


def test_without_decisions_there_is_nothing_to_learn_of_them(found, shop):
    assert found.remedies == () and found.offers == () and offers(shop) == []
    assert found.replies[0].within_day.value is None


def test_memory_does_not_grow_with_the_cases(shop, found):
    tracemalloc.start()
    Insights.of(shop, QUARTER.since, QUARTER.until, by="marketplace")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The sample of the radar, and 500 cases at a time; all 24,000 together would be more than 100 MB.
    assert peak < 40_000_000
