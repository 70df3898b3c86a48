"""The policy's numbers as people read and type them: shares as percent, amounts, hours, days. Nothing here draws."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from triage_ml.policy import BOUNDS
from wording import Wording

_MONEY = frozenset({"value.small", "value.large", "offer.smallest", "cost.message", "review.second_person_from"})
_HUNDRED = Decimal(100)


def unit(key: str) -> str:
    """Return what a number is counted in: "money", "hours", "days" or "percent"."""
    if key in _MONEY:
        return "money"
    return "hours" if key.endswith("_hours") else "days" if key.endswith("_days") else "percent"


def groups(keys: Iterable[str] = BOUNDS) -> dict[str, list[str]]:
    """Return the keys by the table of the file that they stand in, in the file's order."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key.rpartition(".")[0], []).append(key)
    return found


def shown(key: str, number: Decimal | str | None, say: Wording) -> str:
    """Return a number with its unit, a text as it stands, "–" where there is none."""
    if not isinstance(number, Decimal):
        return number or "–"
    if unit(key) == "percent":
        return f"{_plain(number * _HUNDRED)}%"
    return say(f"policy_unit.{unit(key)}", value=_plain(number))


def label(key: str, say: Wording) -> str:
    """Return what stands above the field of a number: its meaning and what it is counted in."""
    kind = unit(key)
    return f"{say(f'policy_number.{key}')} ({say('policy_unit.percent' if kind == 'percent' else f'policy_unit.{kind}_short')})"


def typed(key: str, number: Decimal) -> float:
    """Return a number as its field shows it."""
    return float(number * _HUNDRED) if unit(key) == "percent" else float(number)


def read(key: str, value: float, before: Decimal) -> Decimal:
    """Return what a field holds as a number of the policy; what nobody changed stays as it is written."""
    if value == typed(key, before):
        return before
    number = Decimal(str(value))
    found = number / _HUNDRED if unit(key) == "percent" else number
    return Decimal(_plain(found))


def where(table: str, say: Wording) -> str:
    """Return where an override holds, of its table in the file: "rings · JP" of "sku_group.rings.marketplace.jp"."""
    group, between, code = f".{table}".rpartition(".marketplace.")
    parts = [group or ("" if between else f".{table}"), code.upper() if between else ""]
    return " · ".join(part.removeprefix(".sku_group.") for part in parts if part.strip(".")) or say("policy.everywhere")


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
