"""What is true of a marketplace whoever sells there: whose clock and law its buyers live under, what its refund screen allows.

The facts, dated and with sources, stand in `data/marketplaces.toml`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from triage_ml.messages import Money
from triage_ml.readers.money import currency_of

DEFAULT_PLATFORM = "amazon"

_SATURDAY_AND_SUNDAY = (6, 7)
_UNKNOWN = {"zone": "UTC", "region": "other"}


class LawRegion(StrEnum):
    """Whose consumer law holds."""

    EU = "eu"
    UK = "uk"
    US = "us"
    JP = "jp"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ConcessionLimits:
    """The most that the platform's refund screen lets a seller give on top of price and shipping.

    Parameters
    ----------
    other
        The most of any concession but return shipping.
    shipping_times, shipping_plus
        Return shipping: so many times the shipping the buyer paid, plus so much.
    source
        Where that stands.
    effective_from, verified_on
        From when it counts, and when it was last read.
    """

    other: Money
    shipping_times: int
    shipping_plus: Money
    source: str
    effective_from: date
    verified_on: date

    def return_shipping(self, shipping_paid: Decimal) -> Money:
        """Return the most that may be given for return shipping, `shipping_paid` being in the marketplace's currency."""
        return Money(self.shipping_times * shipping_paid + self.shipping_plus.amount, self.shipping_plus.currency)


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One platform in one country.

    Parameters
    ----------
    code
        As it was asked for: "de", "etsy.de".
    platform
        amazon, unless the code names another.
    zone
        The time zone most buyers live in; UTC where the country is unknown.
    currency
        ISO 4217, "" where the country is unknown.
    region
        Whose consumer law holds.
    weekend
        The days that are no business days, 1 is Monday and 7 Sunday.
    concession
        What the refund screen allows at most; None where no limit is known.
    """

    code: str
    platform: str
    zone: ZoneInfo
    currency: str
    region: LawRegion
    weekend: tuple[int, ...]
    concession: ConcessionLimits | None


# A platform's name may come from an export as somebody wrote it, so that not every code ever seen is remembered.
@lru_cache(maxsize=1024)
def marketplace(code: str) -> Marketplace:
    """Return what is known of a marketplace.

    Parameters
    ----------
    code
        The country's short code as `OrderLine.marketplace` holds it ("de", "us"), meaning Amazon; for another platform with its
        name in front ("etsy.de", "ebay." where the country is unknown).

    Returns
    -------
    Marketplace
        For an unknown country a neutral one: UTC, no currency, no limits.
    """
    platform, _, country = code.rpartition(".")
    facts = _data().get(country, _UNKNOWN)
    currency = currency_of(country)
    limits = facts.get("concession") if platform in ("", DEFAULT_PLATFORM) else None
    return Marketplace(
        code=code,
        platform=platform or DEFAULT_PLATFORM,
        zone=ZoneInfo(facts["zone"]),
        currency=currency,
        region=LawRegion(facts["region"]),
        weekend=tuple(facts.get("weekend", _SATURDAY_AND_SUNDAY)),
        concession=_limits(limits, currency) if limits else None,
    )


def country_codes() -> tuple[str, ...]:
    """Return the short codes of all countries something is known of, sorted."""
    return tuple(sorted(_data()))


def _limits(facts: dict[str, Any], currency: str) -> ConcessionLimits:
    money = {key: Money(Decimal(facts[key]), currency) for key in ("other", "shipping_plus")}
    return ConcessionLimits(**{**facts, **money})


@cache
def _data() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("triage_ml") / "data" / "marketplaces.toml").read_text("utf-8"))
