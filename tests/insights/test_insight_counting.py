from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from known_shop import EUR_20, NOW, QUARTER

from triage_ml.cases import Decision, Label
from triage_ml.cases.ledger import erase
from triage_ml.errors import CaseError
from triage_ml.insights import By, Insights, Orders
from triage_ml.insights.rates import Basis
from triage_ml.insights.records import ALL, UNKNOWN, Verdict
from triage_ml.messages import Category, Claim, Money

DAY = timedelta(days=1)
BEFORE = QUARTER.since - 10 * DAY


def _insights(store, **options):
    return Insights.of(store, QUARTER.since, QUARTER.until, **options)


def _lines(lines):
    return {(line.group, line.what): line for line in lines}


def test_cases_are_counted_by_their_first_message_and_group(store, say):
    say("The clasp snapped.", at=QUARTER.since)
    say("it leaks", at=QUARTER.since - DAY, order="302-1111111-1111111")
    say("still leaking, please answer", at=QUARTER.since + DAY, order="302-1111111-1111111")
    say("Too small for me.", Claim.SUBJECTIVE, sku="")
    say("Where is my parcel?", Claim.OTHER, at=QUARTER.until)
    found = _insights(store)
    assert (found.cases, found.complaints, found.before) == (2, 2, 1)
    lines = _lines(found.categories)
    assert (lines[ALL, "quality"].now.count, lines[ALL, "quality"].before.count) == (1, 1)
    assert lines["RING-7", "quality"].now.of == 1 and lines[UNKNOWN, "subjective"].now.value == 1
    assert (ALL, "other") not in lines


@pytest.mark.parametrize(
    ("by", "group"), [("sku", "RING-7"), ("marketplace", "de"), ("channel", "amazon"), ("language", "en"), ("product", UNKNOWN)]
)
def test_cases_are_put_together_by_what_was_asked_for(store, say, by, group):
    say("The clasp snapped when she put it on for the first time.")
    found = _insights(store, by=by)
    assert found.by is By(by) and {line.group for line in found.categories} == {ALL, group}


def test_rates_are_per_order_where_orders_are_known(store, say):
    say("The clasp snapped.")
    say("it leaks", at=BEFORE)
    ring = _lines(_insights(store, orders={"RING-7": Orders(50, 40), "MUG-1": Orders(50, 60)}).categories)
    assert (ring["RING-7", "quality"].now.of, ring["RING-7", "quality"].before.of) == (50, 40)
    assert (ring[ALL, "quality"].now.of, ring[ALL, "quality"].before.of) == (100, 100)
    assert ring[ALL, "quality"].now.basis is Basis.ORDERS and ring[ALL, "quality"].now.value == 0.01


def test_orders_of_some_groups_are_not_taken_for_those_of_all(store, say):
    say("The clasp snapped.")
    say("it leaks", sku="MUG-1")
    found = _insights(store, orders={"RING-7": Orders(50)})
    lines = _lines(found.categories)
    assert lines["RING-7", "quality"].now.of == 50 and lines[ALL, "quality"].now.basis is Basis.CASES
    assert "orders_partly" in found.notes and "no_orders" not in found.notes


def test_erased_and_relabelled_cases_still_count(store, say):
    erased, other = say("The clasp snapped."), say("it leaks")
    with store.changing(erased.id) as change:
        erase(change.journal, [store.case(erased.id).messages[0].id], "retention", change.id, "")
    store.label(other.id, Label("Mia", Claim.MISMATCH))
    lines = _lines(_insights(store).categories)
    assert lines[ALL, "quality"].now.count == lines[ALL, "mismatch"].now.count == 1


def test_words_of_few_cases_are_not_shown(store, say):
    for text in ("Too small for me.", "Sadly too small for me", "this one is TOO SMALL for me!", "did not fit Lisbeth at all"):
        say(text, Claim.SUBJECTIVE)
    fit = _lines(_insights(store).causes)[ALL, "fit"]
    assert fit.now.count == 4
    assert {phrase.cases for phrase in fit.phrases} == {3} and "too small for me" in {phrase.words for phrase in fit.phrases}
    assert "lisbeth" not in repr(fit).lower()


def test_expectation_is_a_share_of_the_complaints_that_can_be_read(store, say):
    gone = say("nothing like the picture", Claim.MISMATCH)
    with store.changing(gone.id) as change:
        erase(change.journal, [store.case(gone.id).messages[0].id], "retention", change.id, "")
    say("Feels cheap, I expected more.", Claim.SUBJECTIVE)
    say("not as described at all", Claim.MISMATCH)
    say("The clasp snapped.")
    say("Where is my parcel?", Claim.OTHER)
    expectation = _insights(store).expectation[0]
    assert (expectation.share.count, expectation.share.of, expectation.unreadable) == (2, 3, 1)
    assert expectation.trade == 0.6 and expectation.share.low < 2 / 3 < expectation.share.high


def test_too_few_cases_are_said_to_be_too_few(store, say):
    say("The clasp snapped.")
    say("it leaks", at=BEFORE)
    assert {trend.verdict for trend in _insights(store).trends} == {Verdict.TOO_FEW}


def test_weeks_run_through_even_where_nothing_came(store, say):
    say("The clasp snapped.", at=datetime(2026, 4, 1, tzinfo=UTC))
    say("it leaks", at=datetime(2026, 4, 22, 23, 59, tzinfo=UTC))
    weeks = _insights(store).weeks
    assert [(week.monday.isoformat(), dict(week.cases)) for week in weeks] == [
        ("2026-03-30", {Category.QUALITY: 1}), ("2026-04-06", {}), ("2026-04-13", {}), ("2026-04-20", {Category.QUALITY: 1}),
    ]  # fmt: skip


# --- what to put right first --------------------------------------------------------------------------------------------


def test_what_costs_most_comes_first_and_currencies_are_made_comparable(store, say):
    def pay(text, claim, amount, paid, **options):
        case = say(text, claim, paid=paid, **options)
        store.decide(case.id, case.version, Decision("Mia", Category(claim), "full_refund_keep", amount))

    yen = Money(Decimal(3000), "JPY")
    pay("The clasp snapped.", Claim.QUALITY, Money(Decimal("10.00"), "EUR"), EUR_20)
    pay("nothing like the picture", Claim.MISMATCH, Money(Decimal(600), "JPY"), yen, sku="MUG-1")
    pay("arrived smashed, glass everywhere", Claim.QUALITY, Money(Decimal("20.00"), "EUR"), EUR_20)
    say("Where is my parcel? Tracking says nothing.", Claim.OTHER, paid=None)
    fixes = _insights(store).fixes
    assert [(fix.fix, fix.weight) for fix in fixes] == [
        ("packaging", 1.0), ("workshop", 0.5), ("photo", pytest.approx(0.2)), ("carrier", 0.0),
    ]  # fmt: skip
    assert fixes[2].cost == (Money(Decimal(600), "JPY"),) and fixes[2].groups[0].group == "MUG-1"
    assert fixes[3].unpriced == 1 and sum(fix.share for fix in fixes) == pytest.approx(1)
    assert fixes[0].advice["en"] and fixes[0].advice["zh"]


def test_a_case_of_two_causes_pays_each_half(store, say):
    case = say("The lid is missing and it is nothing like the picture.", Claim.MISMATCH)
    store.decide(case.id, case.version, Decision("Mia", Category.MISMATCH, "full_refund_keep", EUR_20))
    fixes = {fix.fix: fix for fix in _insights(store).fixes}
    assert {name: fix.cost for name, fix in fixes.items()} == {
        "packing": (Money(Decimal("10.00"), "EUR"),), "photo": (Money(Decimal("10.00"), "EUR"),),
    }  # fmt: skip


# --- periods ------------------------------------------------------------------------------------------------------------


def test_the_last_ninety_days_are_looked_at_unless_said_otherwise(store, say):
    say("The clasp snapped.", at=NOW - 89 * DAY)
    say("it leaks", at=NOW - 91 * DAY)
    found = Insights.of(store)
    assert (found.cases, found.before, found.period.until) == (1, 1, NOW)
    assert found.recorded == (NOW - 91 * DAY, NOW - 89 * DAY)


@pytest.mark.parametrize(
    ("since", "until"),
    [(NOW, NOW), (NOW, NOW - DAY), (datetime(2026, 4, 1), NOW)],  # noqa: DTZ001 - what is refused
)
def test_a_period_that_cannot_be_is_refused(store, since, until):
    with pytest.raises(CaseError, match=r"expected two times with a zone.*Give days"):
        Insights.of(store, since, until)


def test_what_to_know_beforehand_is_said(store, say):
    assert Insights.of(store).notes == ("empty",)
    say("The clasp snapped.")
    assert Insights.of(store).notes == ("no_before", "no_orders")
    say("it leaks", at=NOW - 100 * DAY)
    assert Insights.of(store).notes == ("before_cut", "no_orders")
    say("cracked", at=NOW - 500 * DAY)
    assert Insights.of(store, orders={"RING-7": Orders(100, 100)}).notes == ()
