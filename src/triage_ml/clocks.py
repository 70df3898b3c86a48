"""By when somebody must or may act: the clocks of after-sales, counted right over weekends and daylight saving.

The clocks, dated and with sources, stand in `data/clocks.toml`; `docs/clocks.md` lists them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from triage_ml.errors import PolicyError
from triage_ml.marketplaces import DEFAULT_PLATFORM, Marketplace, marketplace
from triage_ml.messages import Message, OrderLine
from triage_ml.walltime import business_days_later, moment_of, wall_time

ANY_CHANNEL = "any"
REPLY = "reply"

_DELIVERED = "delivered"
_ONE_DAY = timedelta(days=1)
_NO_ORDER = OrderLine()
# Channels and zones may come from outside as somebody wrote them, so that not every one ever seen is remembered.
_REMEMBERED = 1024


class Actor(StrEnum):
    """Who must act, or may."""

    SELLER = "seller"
    BUYER = "buyer"
    PLATFORM = "platform"


class Unit(StrEnum):
    """Elapsed hours, calendar days of the marketplace, or its days without weekends."""

    HOURS = "hours"
    DAYS = "days"
    BUSINESS_DAYS = "business_days"


@dataclass(frozen=True, slots=True)
class Clock:
    """One version of a clock.

    Parameters
    ----------
    id
        Names the clock on every platform ("reply", "return_answer").
    who
        Who must act, or may.
    starts
        What it starts from: the kind of a message (`MessageKind`) or an event, as `data/clocks.toml` lists them.
    length, unit
        How long it runs.
    channel
        The platform it holds on; `ANY_CHANNEL`: wherever none is named.
    effective_from
        From when this version counts.
    source, verified_on
        Where that stands, and when it was last read.
    caution
        What is uncertain.
    text
        One line for the person at the screen, in English ("en") and Chinese ("zh").
    marketplaces
        The short codes it holds for; none: all that no other version names.
    rest_days
        The days that are no business days, 1 is Monday; none: the marketplace's weekend.
    opens
        True where a right begins when the time is over; False where something must be done until then.
    personalised
        True where it holds only for order lines that are really personalised.
    """

    id: str
    who: Actor
    starts: str
    length: int
    unit: Unit
    channel: str
    effective_from: date
    source: str
    verified_on: date
    caution: str
    text: Mapping[str, str]
    marketplaces: tuple[str, ...] = ()
    rest_days: tuple[int, ...] = ()
    opens: bool = False
    personalised: bool = False

    @property
    def binds_seller(self) -> bool:
        """Whether the seller must act until it is over."""
        return self.who is Actor.SELLER and not self.opens


@dataclass(frozen=True, slots=True)
class Deadline:
    """When the time of a clock is over.

    Parameters
    ----------
    clock
        The version that decides.
    due_at
        The moment, in UTC.
    buyer_time, seller_time
        The same moment in the marketplace's zone and in the seller's.
    """

    clock: Clock
    due_at: datetime
    buyer_time: datetime
    seller_time: datetime

    @property
    def clock_id(self) -> str:
        """Which clock it is."""
        return self.clock.id

    @property
    def text(self) -> Mapping[str, str]:
        """What is due, in English ("en") and Chinese ("zh")."""
        return self.clock.text


def all_clocks() -> tuple[Clock, ...]:
    """Return every version of every clock, in the order of the file."""
    return tuple(version for versions in _data().values() for version in versions)


def clock(id: str, marketplace: str, on: date) -> Clock:
    """Return the version of a clock that is in force.

    Parameters
    ----------
    id
        The clock.
    marketplace
        As for `triage_ml.marketplaces.marketplace`: "de", "etsy.de".
    on
        The day. Before the first known version that one is returned, since nothing older is known.

    Raises
    ------
    PolicyError
        Where there is no such clock, or none that holds there.
    """
    versions = _known(id, marketplace)
    return versions[_in_force(versions, on)]


def due(id: str, started_at: datetime, marketplace: str, seller_zone: str = "UTC") -> Deadline:
    """Return when a clock's time is over.

    Hours are elapsed hours. Days are the marketplace's calendar days and end at the same time of day; one that a change of the
    clocks leaves out becomes the moment of the change. Business days leave out weekends: what starts on one counts from the end
    of the last business day. A shorter version that comes into force meanwhile counts too, but ends no time before it does.

    Parameters
    ----------
    id
        The clock.
    started_at
        What it starts from, an aware time.
    marketplace
        As for `triage_ml.marketplaces.marketplace`.
    seller_zone
        Where the seller works, an IANA name.

    Raises
    ------
    PolicyError
        Where the clock or the zone is not known, or the time has no zone.
    """
    return _deadline(_known(id, marketplace), started_at, marketplace, _zone(seller_zone))


def deadlines(
    message: Message, *, reply_hours: Decimal | float | None = None, seller_zone: str = "UTC"
) -> tuple[Deadline, ...]:
    """Return all that is due after one message, soonest first, what is over included.

    Parameters
    ----------
    message
        Its kind and time start some clocks, the delivery of its order others. Without a channel it counts as Amazon's.
    reply_hours
        Within how many hours the seller wants to answer (the policy's `time.reply_hours`); the smaller of that and the
        platform's clock counts.
    seller_zone
        Where the seller works, an IANA name.

    Raises
    ------
    PolicyError
        Where the zone is not known, a time has no zone, or `reply_hours` is not above zero.
    """
    if reply_hours is not None and not reply_hours > 0:
        raise PolicyError(f"reply_hours: found {reply_hours}; expected more than 0 hours.")
    order = message.order or _NO_ORDER
    place, zone = _place(message.channel, order.marketplace), _zone(seller_zone)
    found = []
    if message.sent_at is not None:
        for versions in _starting(message.kind.value, place):
            most = reply_hours if versions[0].id == REPLY else None
            found.append(_deadline(versions, message.sent_at, place, zone, most))
    if order.delivered_at is not None:
        for versions in _starting(_DELIVERED, place):
            if order.personalised or not versions[0].personalised:
                found.append(_deadline(versions, order.delivered_at, place, zone))
    return tuple(sorted(found, key=lambda deadline: deadline.due_at))


def _deadline(
    versions: Sequence[Clock],
    started_at: datetime,
    place: str,
    seller_zone: tzinfo,
    most_hours: Decimal | float | None = None,
) -> Deadline:
    if started_at.tzinfo is None:
        raise PolicyError(
            f"started_at: found {started_at}, a time without a zone; expected an aware time such as {started_at}Z."
        )
    market, start = marketplace(place), started_at.astimezone(UTC)
    decides, due_at = _decide(versions, start, market)
    if most_hours is not None:
        due_at = min(due_at, start + timedelta(hours=float(most_hours)))
    return Deadline(decides, due_at, due_at.astimezone(market.zone), due_at.astimezone(seller_zone))


def _decide(versions: Sequence[Clock], start: datetime, market: Marketplace) -> tuple[Clock, datetime]:
    """Return the version that decides, and the end in UTC."""
    if len(versions) == 1:
        return versions[0], _end(versions[0], start, market)
    first = _in_force(versions, start.astimezone(market.zone).date())
    decides, due_at = versions[first], _end(versions[first], start, market)
    for later in versions[first + 1 :]:
        change = moment_of(datetime.combine(later.effective_from, time.min, market.zone))
        cut = max(_end(later, start, market), change)
        if cut < due_at:
            decides, due_at = later, cut
    return decides, due_at


def _end(version: Clock, start: datetime, market: Marketplace) -> datetime:
    """Return when one version ends, in UTC as its start."""
    if version.unit is Unit.HOURS:
        return start + timedelta(hours=version.length)
    local = wall_time(start, market.zone)
    if version.unit is Unit.DAYS:
        return moment_of(local + version.length * _ONE_DAY)
    return moment_of(business_days_later(local, version.length, version.rest_days or market.weekend))


def _in_force(versions: Sequence[Clock], on: date) -> int:
    return max((number for number, version in enumerate(versions) if version.effective_from <= on), default=0)


def _known(id: str, place: str) -> tuple[Clock, ...]:
    if id not in _data():
        raise PolicyError(f"clock: found {id!r}; expected one of {', '.join(sorted(_data()))}.")
    versions = _versions(id, place)
    if not versions:
        there = sorted({f"{v.channel} ({', '.join(v.marketplaces) or 'all'})" for v in _data()[id]})
        raise PolicyError(f"clock {id!r}: found none for marketplace {place!r}; it is known for {'; '.join(there)}.")
    return versions


@lru_cache(maxsize=_REMEMBERED)
def _versions(id: str, place: str) -> tuple[Clock, ...]:
    """Return the versions that hold at a place, oldest first; one that names its channel or country wins over a general one."""
    market = marketplace(place)
    country = place.rpartition(".")[2]
    holding = [
        version
        for version in _data()[id]
        if version.channel in (market.platform, ANY_CHANNEL) and (not version.marketplaces or country in version.marketplaces)
    ]
    rank = max(map(_rank, holding), default=None)
    return tuple(sorted((v for v in holding if _rank(v) == rank), key=lambda version: version.effective_from))


def _rank(version: Clock) -> tuple[bool, bool]:
    return version.channel != ANY_CHANNEL, bool(version.marketplaces)


@lru_cache(maxsize=_REMEMBERED)
def _starting(event: str, place: str) -> tuple[tuple[Clock, ...], ...]:
    found = (_versions(id, place) for id in _data())
    return tuple(versions for versions in found if versions and versions[0].starts == event)


def _place(channel: str, country: str) -> str:
    return country if channel in ("", DEFAULT_PLATFORM) else f"{channel}.{country}"


@lru_cache(maxsize=_REMEMBERED)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise PolicyError(f'seller_zone: found {name!r}; expected an IANA name such as "Asia/Shanghai".') from error


@cache
def _data() -> dict[str, tuple[Clock, ...]]:
    rows = tomllib.loads((files("triage_ml") / "data" / "clocks.toml").read_text("utf-8"))
    return {id: tuple(_read(id, {**row, **version}) for version in row["version"]) for id, row in rows.items()}


def _read(id: str, row: Mapping[str, Any]) -> Clock:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k != "version"}
    unit = next(unit for unit in Unit if unit in values)
    length, who = values.pop(unit), Actor(values.pop("who"))
    text = {language: values.pop(language) for language in ("en", "zh")}
    return Clock(id=id, who=who, length=length, unit=unit, text=text, **values)
