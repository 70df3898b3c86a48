from datetime import timedelta
from decimal import Decimal

import pytest
from known_shop import NOW, QUARTER

from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.errors import FormatError, PolicyError
from triage_ml.insights import Insights, Orders, load_orders
from triage_ml.insurance import Base, InsuranceTerms
from triage_ml.insurance_by_sku import Verdict
from triage_ml.messages import Category, Claim, Money

DAY = timedelta(days=1)
TERMS = InsuranceTerms(Decimal("0.02"), Decimal("0.8"), Base.ORDER_VALUE)


def test_buyers_are_known_by_hash_and_only_for_a_year(store, say):
    for days, text in enumerate(("The clasp snapped.", "it leaks", "Handle came off in my hand")):
        say(text, at=NOW - (days + 1) * 30 * DAY, sender="anna.berg+4711@marketplace.amazon.de")
    for days, text in enumerate(("Too small for me.", "still too small")):
        say(text, Claim.SUBJECTIVE, NOW - (days + 1) * 10 * DAY, sender="q2w3e4@marketplace.amazon.de")
    say("cracked", at=NOW - 400 * DAY, sender="q2w3e4@marketplace.amazon.de")
    say("Print peels", sender="z9y8x7@marketplace.amazon.de")
    buyers = Insights.of(store, QUARTER.since, QUARTER.until).buyers
    assert (buyers.known, buyers.repeated, buyers.often) == (3, 2, 1)
    (most,) = buyers.most
    assert most.cases == 3 and len(most.case_ids) == 3 and most.categories == {Category.QUALITY: 3}
    assert "anna" not in repr(buyers) and len(most.buyer) == 12


def test_insurance_by_sku_counts_returns_and_what_is_covered(store, say):
    for text in ("Too small for me.", "don't like the colour", "changed my mind, sorry"):
        case = say(text, Claim.SUBJECTIVE, sku="RING-7")
        store.decide(case.id, case.version, Decision("Mia", Category.SUBJECTIVE, "accept_return"))
    store.outcome(say("The clasp snapped.", sku="RING-7").id, Outcome("Mia", OutcomeKind.RETURNED))
    say("cracked glass", sku="RING-7")
    say("", sku="MUG-1", reason_code="CR-DEFECTIVE", claim_hint=Claim.QUALITY)
    orders = {"RING-7": Orders(40), "MUG-1": Orders(400), "NEVER-SEEN": Orders(10)}
    found = Insights.of(store, QUARTER.since, QUARTER.until, orders=orders, terms=TERMS)
    mug, ring = found.insurance
    assert (ring.sku, mug.sku) == ("RING-7", "MUG-1")
    assert ring.result.claim_rate == Decimal(3) / 40 and ring.result.premium == Money(Decimal("16.00"), "EUR")
    assert mug.result.claim_rate == 0 and mug.verdict is Verdict.DO_NOT
    assert "odd_orders" not in found.notes


def test_more_returns_than_orders_are_said_and_left_out(store, say):
    for text in ("Too small for me.", "don't like it"):
        case = say(text, Claim.SUBJECTIVE)
        store.decide(case.id, case.version, Decision("Mia", Category.SUBJECTIVE, "accept_return"))
    found = Insights.of(store, QUARTER.since, QUARTER.until, orders={"RING-7": Orders(1)}, terms=TERMS)
    assert found.insurance == () and "odd_orders" in found.notes


def test_terms_in_another_currency_are_refused(store, say):
    say("Too small for me.", Claim.SUBJECTIVE)
    terms = InsuranceTerms(Decimal("0.02"), Decimal("0.8"), Base.ORDER_VALUE, deductible=Money(Decimal(1), "USD"))
    with pytest.raises(PolicyError, match="USD"):
        Insights.of(store, QUARTER.since, QUARTER.until, orders={"RING-7": Orders(9)}, terms=terms)


# --- the table of orders ------------------------------------------------------------------------------------------------


def test_orders_are_read_from_a_table_and_added_up(given_file):
    path = given_file("\ufeffsku,orders,orders_before\nRING-7,100,90\nRING-7,20,10\nMUG-1,50,\n杯子,7,8\n")
    rejects = []
    assert load_orders(path, rejects.append) == {"RING-7": Orders(120, 100), "MUG-1": Orders(50), "杯子": Orders(7, 8)}
    assert rejects == []


def test_rows_that_cannot_be_read_are_told_with_their_place(given_file):
    rejects = []
    orders = load_orders(given_file("sku,orders\nRING-7,many\nMUG-1,-3\nCUP-2,\nBOX-4,12\n"), rejects.append)
    assert orders == {"BOX-4": Orders(12)}
    assert [(error.row, error.column, error.value) for error in rejects] == [
        (2, "orders", "many"), (3, "orders", "-3"), (4, "orders", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["item,count\nRING-7,3\n", "", b"\xff\xfe\x00sku"])
def test_another_table_is_refused_with_what_was_expected(given_file, content):
    with pytest.raises(FormatError, match="expected"):
        load_orders(given_file(content), print)


def test_the_first_column_is_named_by_what_cases_are_put_together_by(given_file):
    assert load_orders(given_file("marketplace,orders\nde,300\n"), print, by="marketplace") == {"de": Orders(300)}
