import tomllib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.marketplaces import LawRegion, country_codes, marketplace
from triage_ml.messages import Money
from triage_ml.readers.money import marketplace_of

DATA = files("triage_ml") / "data"


def _toml(name):
    return tomllib.loads((DATA / name).read_text("utf-8"))


def test_every_marketplace_that_the_readers_can_name_is_known():
    domains = _toml("outgoing.toml")["own_links"]["amazon"]
    named = {marketplace_of(domain) for domain in domains}
    assert "" not in named and named == set(country_codes())


@pytest.mark.parametrize("code", country_codes())
def test_every_country_has_a_zone_a_currency_and_a_weekend(code):
    found = marketplace(code)
    assert found.platform == "amazon" and found.code == code
    assert str(found.zone) in available_timezones()
    assert len(found.currency) == 3
    assert 1 <= len(found.weekend) <= 2 and set(found.weekend) <= set(range(1, 8))


@pytest.mark.parametrize(
    ("code", "january", "july"),
    [("us", -5, -4), ("uk", 0, 1), ("de", 1, 2), ("ie", 0, 1), ("jp", 9, 9), ("in", 5.5, 5.5), ("au", 11, 10), ("ae", 4, 4), ("br", -3, -3)],
)  # fmt: skip
def test_the_zone_is_that_of_the_buyers(code, january, july):
    for month, hours in ((1, january), (7, july)):
        noon = datetime(2026, month, 15, 12, tzinfo=UTC).astimezone(marketplace(code).zone)
        assert noon.utcoffset() == timedelta(hours=hours)


def test_the_law_is_the_one_that_the_notices_rest_on():
    regions = _toml("notices.toml")["region"]
    checked = [(code, name) for name, region in regions.items() for code in region["marketplaces"] if code in country_codes()]
    assert len(checked) >= 12
    for code, name in checked:
        assert marketplace(code).region == name
    assert marketplace("sg").region is LawRegion.OTHER


def test_the_limits_of_the_refund_screen():
    japan, singapore = marketplace("jp").concession, marketplace("sg").concession
    assert japan.other == Money(Decimal(12_000), "JPY")
    assert japan.return_shipping(Decimal(500)) == Money(Decimal(2_000), "JPY")
    assert singapore.other == Money(Decimal(150), "SGD")
    assert singapore.return_shipping(Decimal("4.50")) == Money(Decimal("19.00"), "SGD")
    for limits in (japan, singapore):
        assert "200359070" in limits.source
        assert date(2000, 1, 1) < limits.effective_from <= limits.verified_on


def test_where_no_limit_was_found_there_is_none():
    assert [code for code in country_codes() if marketplace(code).concession] == ["jp", "sg"]
    assert marketplace("etsy.jp").concession is None and marketplace("ebay.sg").concession is None
    assert marketplace("amazon.jp").concession == marketplace("jp").concession


def test_another_platform_shares_the_country():
    found, amazon = marketplace("etsy.de"), marketplace("de")
    assert found.platform == "etsy" and amazon.platform == "amazon"
    assert (found.zone, found.currency, found.region) == (amazon.zone, amazon.currency, amazon.region)


@pytest.mark.parametrize(
    ("code", "platform"), [("", "amazon"), ("xx", "amazon"), ("ebay.", "ebay"), ("temu.xx", "temu"), ("DE", "amazon")]
)
def test_an_unknown_country_is_neutral(code, platform):
    found = marketplace(code)
    assert found.platform == platform and str(found.zone) == "UTC" and found.currency == ""
    assert found.region is LawRegion.OTHER and found.concession is None and found.weekend == (6, 7)


def test_where_the_weekend_is_another():
    assert marketplace("sa").weekend == marketplace("eg").weekend == (5, 6)
    assert marketplace("ae").weekend == marketplace("de").weekend == (6, 7)


@given(st.sampled_from(["jp", "sg"]), st.decimals(0, 10_000, places=2), st.decimals(0, 10_000, places=2))
def test_more_shipping_paid_never_lowers_what_may_be_given(code, one, other):
    limits = marketplace(code).concession
    low, high = sorted((one, other))
    assert limits.shipping_plus.amount <= limits.return_shipping(low).amount <= limits.return_shipping(high).amount
