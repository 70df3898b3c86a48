"""The formulas, checked against sums done by hand with the shipped numbers."""

from decimal import Decimal

import pytest

from triage_ml.acceptance import Estimate
from triage_ml.costs import Cost, Costs
from triage_ml.messages import Money
from triage_ml.policy import load_policy

FORTY = Costs(load_policy().numbers, Money(Decimal("40.00"), "EUR"))
REFUND = FORTY.refund


@pytest.mark.parametrize(
    ("cost", "amount"),
    [
        (REFUND, "36.16"),  # 40 * (1 - 0.12 + 0.12 * 0.20)
        (FORTY.refund_and_return(personalised=True), "44.16"),  # + 40 * 0.20
        (FORTY.refund_and_return(personalised=False), "20.16"),  # + 40 * (0.20 - 0.60)
        (FORTY.remake(refund_wished=False), "19.92"),  # 0.9 * 18 + 0.1 * (36.16 + 1)
        (FORTY.remake(refund_wished=True), "30.45"),  # 0.35 * 18 + 0.65 * (36.16 + 1)
        (FORTY.send_part, "6.00"),
        (FORTY.part(Decimal("0.25"), Decimal("0.6"), REFUND), "20.74"),  # 0.6 * 8.80 + 0.4 * 36.16 + 1
        (FORTY.explain, "5.02"),  # 0.1 * (36.16 + 14)
        (FORTY.refuse, "30.10"),  # 0.6 * (36.16 + 14)
        (FORTY.paid_remake(own_error=True), "4.01"),  # 0.5 * 5.016 + 1.5
        (FORTY.ask(REFUND), "35.60"),  # 0.95 * 36.16 + 0.05 * 5.016 + 1
        (Cost(Decimal(-1)), "0.00"),
    ],
)
def test_sums_done_by_hand(cost, amount):
    assert str(FORTY.in_money(cost)) == f"{amount} EUR"


def test_without_a_price_there_is_an_order_and_no_amount():
    unknown = Costs(FORTY.numbers, None)
    assert unknown.in_money(REFUND) is None
    assert unknown.total(unknown.remake(False)) < unknown.total(REFUND)
    assert unknown.remake_pays(refund_wished=False) == unknown.photo_pays(REFUND) == ""


def test_the_break_even_of_a_remake_is_where_both_cost_the_same():
    assert FORTY.remake_pays(refund_wished=False) == (
        "A remake pays against the refund as long as making and sending it costs less than 36.05 EUR (now 18.00 EUR)."
    )
    at_the_limit = Costs({**FORTY.numbers, "cost.make": Decimal("36.05") / 40, "cost.send": Decimal(0)}, FORTY.paid)
    assert abs(at_the_limit.total(at_the_limit.remake(False)) - at_the_limit.total(REFUND)) < Decimal("0.01")
    dear = Costs({**FORTY.numbers, "cost.make": Decimal(2)}, FORTY.paid)
    assert dear.remake_pays(refund_wished=False).startswith("A remake would pay")


def test_the_break_even_of_an_offer_is_where_offering_costs_as_much_as_not_offering():
    known = Estimate(0.6, 0.4, 0.8)
    said = FORTY.offer_pays(Decimal("0.25"), REFUND, known, "your cases")
    assert said == "The offer pays where more than 4% accept it; expected: 60%, between 40% and 80% (your cases)."
    needed = Decimal(1) / (FORTY.total(REFUND) - Decimal("8.80"))
    assert abs(FORTY.total(FORTY.part(Decimal("0.25"), needed, REFUND)) - FORTY.total(REFUND)) < Decimal("0.001")
    assert FORTY.offer_pays(Decimal("0.9"), FORTY.explain, known, "x").startswith("The offer costs more than it can save")


def test_the_break_even_of_a_photo():
    assert FORTY.photo_pays(FORTY.remake(False)).startswith("Asking first pays where more than 7% of the photos")
    small = Costs(FORTY.numbers, Money(Decimal("1.00"), "EUR"))
    assert small.photo_pays(small.remake(False)) == ""


def test_what_is_worked_out_for_one_policy_is_not_taken_for_another():
    kept = Costs({**FORTY.numbers, "cost.fee_kept": Decimal(1)}, FORTY.paid)
    assert str(kept.in_money(kept.refund)) == "40.00 EUR"
    assert Costs(FORTY.numbers, Money(Decimal("80.00"), "EUR")).refund == FORTY.refund == REFUND
