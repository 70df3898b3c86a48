"""The seller's own numbers: what a remedy costs, how much may be offered, how long things take.

They come from one TOML file, dated, with overrides per marketplace. What law and platforms demand is not a number of the
seller's and stands in `triage_ml.remedies`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from triage_ml.errors import PolicyError

# Every key with what it may be: (smallest, largest). The bounds keep a slip of the finger from costing money.
_NUMBERS: dict[str, tuple[Decimal, Decimal]] = {
    "offer.low": (Decimal(0), Decimal("0.5")),
    "offer.high": (Decimal(0), Decimal("0.5")),
    "offer.cap": (Decimal(0), Decimal(1)),
    "offer.smallest": (Decimal(0), Decimal(100_000)),
    "offer.subjective.low": (Decimal(0), Decimal("0.5")),
    "offer.subjective.high": (Decimal(0), Decimal("0.5")),
    "cost.remake": (Decimal(0), Decimal(3)),
    "cost.send_part": (Decimal(0), Decimal(3)),
    "cost.fee_credit": (Decimal(0), Decimal("0.5")),
    "cost.return_label": (Decimal(0), Decimal(3)),
    "cost.salvage_personalised": (Decimal(0), Decimal(1)),
    "cost.salvage_other": (Decimal(0), Decimal(1)),
    "cost.escalation": (Decimal(0), Decimal(10)),
    "time.reply_hours": (Decimal(1), Decimal(48)),
    "time.evidence_days": (Decimal(1), Decimal(60)),
    "time.return_days": (Decimal(14), Decimal(365)),
    "shop.remake_days": (Decimal(1), Decimal(90)),
}
_TEXTS = ("name", "effective_from", "shop.name")


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
    numbers
        Dotted key to value, as `data/policy.toml` explains them.
    by_marketplace
        Marketplace code ("de", "jp") to the numbers that differ there.
    """

    name: str
    effective_from: date
    shop: str
    numbers: Mapping[str, Decimal]
    by_marketplace: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """What a record says of the policy it was made under."""
        return f"{self.name} {self.effective_from.isoformat()}"

    def number(self, key: str, marketplace: str = "") -> Decimal:
        """Return one number, the marketplace's own where it has one."""
        return self.by_marketplace.get(marketplace, {}).get(key, self.numbers[key])


def load_policy(path: Path | None = None) -> Policy:
    """Load and check a policy.

    Parameters
    ----------
    path
        A TOML file; without one the file named by the environment variable TRIAGE_POLICY, else the shipped one.

    Raises
    ------
    PolicyError
        Names the file, the key, what was found and what was expected.
    """
    named = path or (Path(os.environ["TRIAGE_POLICY"]) if os.environ.get("TRIAGE_POLICY") else None)
    source = named or files("triage_ml") / "data" / "policy.toml"
    shipped = _flat(tomllib.loads((files("triage_ml") / "data" / "policy.toml").read_text("utf-8"), parse_float=Decimal))
    try:
        values = _flat(tomllib.loads(source.read_text("utf-8"), parse_float=Decimal))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{source}: found {error}; expected a TOML file as `triage-ml policy show` prints it.") from error
    for key in ("name", "effective_from"):
        if key not in values:
            raise PolicyError(f"{source}: found no {key!r}; expected every policy to say its name and from when it counts.")
    return _checked(str(source), {**{k: v for k, v in shipped.items() if not k.startswith("marketplace.")}, **values})


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat


def _checked(source: str, values: Mapping[str, Any]) -> Policy:
    numbers: dict[str, Decimal] = {}
    by_marketplace: dict[str, dict[str, Decimal]] = {}
    for key, value in values.items():
        if key in _TEXTS:
            continue
        market, plain = "", key
        if key.startswith("marketplace."):
            _, market, plain = key.split(".", 2) if key.count(".") >= 2 else ("", "", key)
        if plain not in _NUMBERS:
            raise PolicyError(f"{source}: found unknown key {key!r}; expected one of {', '.join(sorted(_NUMBERS))}.")
        number = _number(source, key, value, *_NUMBERS[plain])
        (by_marketplace.setdefault(market, {}) if market else numbers)[plain] = number
    policy = Policy(
        str(values["name"]), _day(source, values["effective_from"]), str(values["shop.name"]), numbers, by_marketplace
    )
    for market in ("", *by_marketplace):
        _check_order(source, policy, market)
    return policy


def _number(source: str, key: str, value: object, smallest: Decimal, largest: Decimal) -> Decimal:
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        inside = smallest <= number <= largest
    except InvalidOperation:
        inside = False
    if not inside:
        raise PolicyError(f"{source}: {key} is {value!r}; expected a number from {smallest} to {largest}.")
    return number


def _day(source: str, value: object) -> date:
    if type(value) is not date:
        raise PolicyError(f"{source}: effective_from is {value!r}; expected a day such as 2026-11-01, without quotes.")
    return value


def _check_order(source: str, policy: Policy, market: str) -> None:
    where = f"marketplace.{market}." if market else ""
    for low, high in (
        ("offer.low", "offer.high"),
        ("offer.subjective.low", "offer.subjective.high"),
        ("offer.high", "offer.cap"),
    ):
        a, b = policy.number(low, market), policy.number(high, market)
        if a > b:
            raise PolicyError(
                f"{source}: {where}{low} is {a} and {where}{high} is {b}; expected the first not above the second."
            )
