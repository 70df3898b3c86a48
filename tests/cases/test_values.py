import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.cases.values import canonical, digest, plain, row_digest
from triage_ml.messages import Claim, Money

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@dataclass(frozen=True)
class Offer:
    amount: Money
    claims: tuple[Claim, ...]
    until: datetime


def test_dataclasses_amounts_and_times():
    tokyo = timezone(timedelta(hours=9))
    offer = Offer(Money(Decimal("12.50"), "EUR"), (Claim.QUALITY,), datetime(2026, 4, 2, 9, tzinfo=tokyo))
    assert plain(offer) == {
        "amount": {"amount": "12.50", "currency": "EUR"}, "claims": ["quality"], "until": "2026-04-02T00:00:00+00:00",
    }  # fmt: skip
    assert plain({Claim.OTHER: date(2026, 4, 2)}) == {"other": "2026-04-02"}
    assert plain(offer, {"Money": ("currency",)})["amount"] == {"currency": "EUR"}


def test_what_has_no_form_is_refused():
    with pytest.raises(TypeError, match="object"):
        plain(object())
    with pytest.raises(ValueError, match="no time zone"):
        plain(datetime(2026, 4, 2, tzinfo=UTC).replace(tzinfo=None))
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


@given(JSON)
def test_the_canonical_form_is_one_and_says_the_same(value):
    written = canonical(plain(value))
    assert canonical(json.loads(written)) == written
    assert json.loads(written) == plain(value)


@given(st.text(st.characters(), max_size=30))
def test_any_text_can_be_stored(text):
    stored = plain(text)
    assert "\x00" not in stored and len(stored) == len(text)
    assert stored.encode().decode() == stored


def test_a_known_digest():
    """Of `printf '{"a":[1,null],"b":"é"}' | sha256sum`."""
    assert digest({"b": "é", "a": [1, None]}) == "e03c3c1ebb5fccd76e3bd35b9a86169f35e6f1b069645d48ac278175f54c4208"


@given(st.decimals(-(10**9), 10**9, places=4))
def test_a_row_s_digest_does_not_see_how_many_zeros_a_database_shows(amount):
    assert row_digest({"amount": amount}) == row_digest({"amount": amount.quantize(Decimal("0.000001"))})
    assert row_digest({"amount": -amount + 0}) == row_digest({"amount": -amount})
    assert row_digest({"amount": amount}) != row_digest({"amount": amount + 1})
