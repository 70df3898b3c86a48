"""The seller's own numbers: what a remedy costs, how much may be offered, how likely things are, how long they take.

They come from one TOML file, dated, with overrides per marketplace and per group of SKUs. What law and platforms demand is not
a number of the seller's and stands in `triage_ml.remedies`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from triage_ml.errors import PolicyError
from triage_ml.home import own_policy

Numbers = Mapping[str, Decimal]

# Every key with what it may be: (smallest, largest). The bounds keep a slip of the finger from costing money.
BOUNDS: Mapping[str, tuple[Decimal, Decimal]] = {
    "offer.low": (Decimal(0), Decimal("0.5")),
    "offer.high": (Decimal(0), Decimal("0.5")),
    "offer.cap": (Decimal(0), Decimal(1)),
    "offer.smallest": (Decimal(0), Decimal(100_000)),
    "offer.subjective.low": (Decimal(0), Decimal("0.5")),
    "offer.subjective.high": (Decimal(0), Decimal("0.5")),
    "offer.subjective.cap": (Decimal(0), Decimal("0.5")),
    "value.small": (Decimal(0), Decimal(1_000_000)),
    "value.large": (Decimal(0), Decimal(1_000_000)),
    "cost.make": (Decimal(0), Decimal(3)),
    "cost.send": (Decimal(0), Decimal(3)),
    "cost.send_part": (Decimal(0), Decimal(3)),
    "cost.fee_credit": (Decimal(0), Decimal("0.5")),
    "cost.fee_kept": (Decimal(0), Decimal(1)),
    "cost.return_label": (Decimal(0), Decimal(3)),
    "cost.salvage_personalised": (Decimal(0), Decimal(1)),
    "cost.salvage_other": (Decimal(0), Decimal(1)),
    "cost.escalation": (Decimal(0), Decimal(10)),
    "cost.message": (Decimal(0), Decimal(10_000)),
    "chance.remake_taken": (Decimal(0), Decimal(1)),
    "chance.remake_taken_refund_wished": (Decimal(0), Decimal(1)),
    "chance.paid_remake_taken": (Decimal(0), Decimal(1)),
    "chance.paid_remake_taken_own_error": (Decimal(0), Decimal(1)),
    "chance.refusal_escalates": (Decimal(0), Decimal(1)),
    "chance.explanation_escalates": (Decimal(0), Decimal(1)),
    "chance.photo_refutes": (Decimal(0), Decimal(1)),
    "time.reply_hours": (Decimal(1), Decimal(48)),
    "time.evidence_days": (Decimal(1), Decimal(60)),
    "time.return_days": (Decimal(14), Decimal(365)),
    "shop.remake_days": (Decimal(1), Decimal(90)),
    "review.second_person_from": (Decimal(0), Decimal(1_000_000)),
}
_TEXTS = ("name", "effective_from", "saved_by", "shop.name", "shop.time_zone")
_LONGEST_TEXT = 120
# What must not be above what.
_ORDERED = (
    ("offer.low", "offer.high"),
    ("offer.high", "offer.cap"),
    ("offer.subjective.low", "offer.subjective.high"),
    ("offer.subjective.high", "offer.subjective.cap"),
    ("value.small", "value.large"),
)

# A shop has few marketplaces and many SKUs; merged numbers are remembered for as many order lines as this.
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Override:
    """Numbers that differ for one marketplace, one group of SKUs, or one group on one marketplace.

    Parameters
    ----------
    where
        Its table in the file: "marketplace.jp", "sku_group.rings", "sku_group.rings.marketplace.jp".
    marketplace
        Its code, "" for all.
    skus
        Patterns such as "RING-*", upper and lower case alike; none for all SKUs.
    numbers
        Only what differs.
    """

    where: str
    marketplace: str
    skus: tuple[str, ...]
    numbers: Numbers

    def holds(self, marketplace: str, sku: str) -> bool:
        """Return whether it is about such an order line."""
        on_sku = not self.skus or any(fnmatchcase(sku.casefold(), pattern.casefold()) for pattern in self.skus)
        return self.marketplace in ("", marketplace) and on_sku


@dataclass(frozen=True, slots=True)
class Policy:
    """One dated set of the seller's numbers.

    Parameters
    ----------
    name
        Names the set in every record.
    effective_from
        The day it starts to count.
    shop
        The name that signs replies.
    time_zone
        Where the seller works, an IANA name.
    numbers
        Dotted key to value, as `data/policy.toml` explains them.
    overrides
        What differs, in the order in which it is laid over `numbers`: marketplaces, SKU groups, SKU groups on a marketplace.
    saved_by
        Who saved it, "" where the file does not say.
    """

    name: str
    effective_from: date
    shop: str
    time_zone: str
    numbers: Numbers
    overrides: tuple[Override, ...] = ()
    saved_by: str = ""
    _merged: dict[tuple[str, str], Numbers] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def version(self) -> str:
        """What a record says of the policy it was made under."""
        return f"{self.name} {self.effective_from.isoformat()}"

    def numbers_for(self, marketplace: str = "", sku: str = "") -> Numbers:
        """Return all numbers that count for one order line."""
        known = self._merged.get((marketplace, sku))
        if known is None:
            known = dict(self.numbers)
            for override in self.overrides:
                if override.holds(marketplace, sku):
                    known |= override.numbers
            if len(self._merged) >= _REMEMBERED:
                self._merged.clear()
            self._merged[marketplace, sku] = known
        return known

    def number(self, key: str, marketplace: str = "", sku: str = "") -> Decimal:
        """Return one number, the marketplace's or the SKU group's own where there is one."""
        return self.numbers_for(marketplace, sku)[key]


def load_policy(path: Path | None = None, on: date | None = None) -> Policy:
    """Load and check a policy.

    Parameters
    ----------
    path
        A TOML file, or a folder with one file for each version; without it the shop's own (`home.own_policy`), else the
        shipped numbers. What a file does not state is as shipped.
    on
        The day on which it must be in force, of a folder; None: today.

    Raises
    ------
    PolicyError
        Names the file, the key, what was found and what was expected.
    """
    named = path or own_policy()
    if named is None:
        return shipped_policy()
    if not named.is_dir():
        return read_policy(named)
    day = on or datetime.now(UTC).date()
    in_force = [version for version in map(read_policy, sorted(named.glob("*.toml"))) if version.effective_from <= day]
    if in_force:
        return max(in_force, key=lambda version: version.effective_from)
    if path is None and not os.environ.get("TRIAGE_POLICY"):
        return shipped_policy()  # nobody named the folder in the home: until its first version counts, there is none
    raise PolicyError(f"{named}: found no policy in force on {day}; expected a .toml file with an earlier effective_from.")


def shipped_policy() -> Policy:
    """Return the numbers that come with the program."""
    return _checked("the shipped policy.toml", _shipped())


def read_policy(path: Path) -> Policy:
    """Return what one file says, over the shipped numbers; PolicyError as in `load_policy`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _no_policy(str(path), error) from error
    return parse_policy(str(path), text)


def parse_policy(source: str, text: str) -> Policy:
    """Return what the text of a file says, over the shipped numbers; `source` names it in a PolicyError."""
    return _checked(source, _over(_shipped(), _parsed(source, text)))


def _shipped() -> dict[str, Any]:
    return _parsed("the shipped policy.toml", (files("triage_ml") / "data" / "policy.toml").read_text("utf-8"))


def _no_policy(source: str, error: Exception) -> PolicyError:
    return PolicyError(f"{source}: found {error}; expected a TOML file such as the shipped policy.toml.")


def _parsed(source: str, text: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise _no_policy(source, error) from error
    for key in ("name", "effective_from"):
        if key not in values:
            raise PolicyError(f"{source}: found no {key!r}; expected every policy to say its name and from when it counts.")
    return values


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one table over another, table by table, so that a file states only what differs."""
    return {
        **below,
        **{
            key: _over(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
            for key, value in above.items()
        },
    }


def _checked(source: str, values: Mapping[str, Any]) -> Policy:
    marketplaces, groups = (_table(source, values, name) for name in ("marketplace", "sku_group"))
    plain = {key: value for key, value in values.items() if key not in ("marketplace", "sku_group")}
    general = [_override(source, f"marketplace.{code}", code, (), table) for code, table in marketplaces.items()]
    special: list[Override] = []
    for name, table in groups.items():
        where = f"sku_group.{name}"
        skus = _skus(source, where, table.get("skus") if isinstance(table, Mapping) else table)
        inner = {key: value for key, value in table.items() if key not in ("skus", "marketplace")}
        general.append(_override(source, where, "", skus, inner))
        special += [
            _override(source, f"{where}.marketplace.{code}", code, skus, more)
            for code, more in _table(source, table, "marketplace").items()
        ]
    numbers = _numbers(source, "", plain)  # first: it finds what is no table
    policy = Policy(
        name=_text(source, "name", values["name"]),
        effective_from=_day(source, values["effective_from"]),
        shop=_text(source, "shop.name", values["shop"]["name"]),
        time_zone=_zone(source, values["shop"]["time_zone"]),
        numbers=numbers,
        overrides=(*general, *special),
        saved_by=_text(source, "saved_by", values["saved_by"]) if "saved_by" in values else "",
    )
    for override in (None, *policy.overrides):
        _check_order(source, policy, override)
    return policy


def _table(source: str, values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = values.get(key, {})
    if not isinstance(found, Mapping):
        raise PolicyError(f"{source}: {key} is {found!r}; expected a table such as [{key}.NAME.offer].")
    return found


def _override(source: str, where: str, marketplace: str, skus: tuple[str, ...], table: Any) -> Override:  # noqa: ANN401 - from a file
    if not isinstance(table, Mapping):
        raise PolicyError(f"{source}: {where} is {table!r}; expected a table such as [{where}.offer].")
    return Override(where, marketplace, skus, _numbers(source, f"{where}.", table))


def _skus(source: str, where: str, found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not found or not all(isinstance(sku, str) and sku for sku in found):
        raise PolicyError(f'{source}: {where}.skus is {found!r}; expected a list such as ["RING-*", "MUG-RED"].')
    return tuple(found)


def _numbers(source: str, where: str, table: Mapping[str, Any]) -> dict[str, Decimal]:
    numbers = {}
    for key, value in _flat(table).items():
        if not where and key in _TEXTS:
            continue
        if key not in BOUNDS:
            raise PolicyError(f"{source}: found unknown key {where + key!r}; expected one of {', '.join(sorted(BOUNDS))}.")
        numbers[key] = _number(source, where + key, value, *BOUNDS[key])
    return numbers


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _number(source: str, key: str, value: object, smallest: Decimal, largest: Decimal) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        inside = smallest <= number <= largest
    except InvalidOperation:
        inside = False
    if not inside:
        raise PolicyError(f"{source}: {key} is {value!r}; expected a number from {smallest} to {largest}.")
    return number


def _text(source: str, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST_TEXT:
        raise PolicyError(f"{source}: {key} is {value!r}; expected a text in one line of at most {_LONGEST_TEXT} characters.")
    return value


def _day(source: str, value: object) -> date:
    if type(value) is not date:
        raise PolicyError(f"{source}: effective_from is {value!r}; expected a day such as 2026-11-01, without quotes.")
    return value


def _zone(source: str, value: object) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (OSError, ValueError, KeyError) as error:
        raise PolicyError(f'{source}: shop.time_zone is {value!r}; expected an IANA name such as "Asia/Shanghai".') from error


def _check_order(source: str, policy: Policy, override: Override | None) -> None:
    where = f"{override.where}." if override else ""
    numbers = {**policy.numbers, **(override.numbers if override else {})}
    for low, high in _ORDERED:
        if numbers[low] > numbers[high]:
            found = f"{where}{low} is {numbers[low]} and {where}{high} is {numbers[high]}"
            raise PolicyError(f"{source}: {found}; expected the first not above the second.")
