from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from triage_ml.messages import Money


def test_a_share_is_rounded_to_what_the_currency_can_pay():
    assert Money(Decimal("19.99"), "EUR").share(Decimal("0.25")) == Money(Decimal("5.00"), "EUR")
    assert Money(Decimal("3980"), "JPY").share(Decimal("0.25")) == Money(Decimal("995"), "JPY")
    assert str(Money(Decimal("3985"), "JPY").share(Decimal("0.25"))) == "996 JPY"


@given(st.decimals(0, 10_000, places=2), st.decimals(0, 1, places=3), st.sampled_from(["EUR", "USD", "JPY"]))
def test_a_share_never_exceeds_the_amount_by_more_than_rounding(amount, fraction, currency):
    share = Money(amount, currency).share(fraction)
    assert 0 <= share.amount <= amount + Decimal("0.5")
    assert share.currency == currency
