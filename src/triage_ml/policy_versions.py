"""The dated versions of a shop's policy: which there are, what differs between two, and saving a new one.

A version is written over the text of the one it is made from, so that the comments and overrides of a shop stay.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from triage_ml.errors import PolicyError
from triage_ml.home import policy_place
from triage_ml.policy import Policy, parse_policy, read_policy, shipped_policy

_HEAD = (
    "# A version of the shop's policy. What is not stated here is as shipped; `triage-ml policy show` lists all numbers.\n"
    'name = ""\neffective_from = 2000-01-01\n'
)


@dataclass(frozen=True, slots=True)
class Version:
    """One dated set of numbers and the file it stands in; `path` is None for the shipped numbers."""

    policy: Policy
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two policies say differently.

    Parameters
    ----------
    where
        "" for what holds everywhere, else the override's table: "marketplace.jp", "sku_group.rings".
    key
        Dotted key of a number, or "shop.name", "shop.time_zone", "skus" (the patterns of a group).
    before, after
        What each says; None where one has no such override.
    """

    where: str
    key: str
    before: Decimal | str | None
    after: Decimal | str | None


def versions() -> tuple[Version, ...]:
    """Return the shipped numbers, then every version of the shop's own, the earliest first.

    Raises
    ------
    PolicyError
        Names the file that cannot be used.
    """
    place = policy_place()
    paths = sorted(place.glob("*.toml")) if place.is_dir() else [place] if place.exists() else []
    own = sorted((Version(read_policy(path), path) for path in paths), key=lambda version: version.policy.effective_from)
    return (Version(shipped_policy()), *own)


def differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Return what two policies say differently, in the order of the file; names, days and persons are left out."""
    said, says = _statements(before), _statements(after)
    keys = dict.fromkeys((*said, *says))
    return tuple(Difference(*key, said.get(key), says.get(key)) for key in keys if said.get(key) != says.get(key))


def _statements(policy: Policy) -> dict[tuple[str, str], Decimal | str]:
    found: dict[tuple[str, str], Decimal | str] = {
        ("", "shop.name"): policy.shop, ("", "shop.time_zone"): policy.time_zone,
        **{("", key): number for key, number in policy.numbers.items()},
    }  # fmt: skip
    for override in policy.overrides:
        if override.skus:
            found[override.where, "skus"] = ", ".join(override.skus)
        found |= {(override.where, key): number for key, number in override.numbers.items()}
    return found


# --- a new version


def today() -> date:
    """Return the day by which versions begin to count, that of UTC."""
    return datetime.now(UTC).date()


def folder_of_versions() -> Path:
    """Return the folder that new versions go into; it need not be there yet.

    Raises
    ------
    PolicyError
        Where TRIAGE_POLICY names a single file, which holds one version only.
    """
    place = policy_place()
    if place.is_file() or (place.suffix == ".toml" and not place.is_dir()):
        raise PolicyError(
            f"{place}: found a single file; expected a folder that can hold dated versions. "
            "Make a folder, move the file into it, and let TRIAGE_POLICY name the folder."
        )
    return place


def place_of(day: date) -> Path:
    """Return the file that a version of this day goes into: the one that counts from that day on, else a new name.

    Raises
    ------
    PolicyError
        As `folder_of_versions`, or names a version that cannot be read.
    """
    folder = folder_of_versions()
    same_day = [path for path in sorted(folder.glob("*.toml")) if read_policy(path).effective_from == day]
    return same_day[0] if same_day else folder / f"{day.isoformat()}.toml"


def text_of(policy: Policy, base: Version) -> str:
    """Return the text of a new version, checked as `load_policy` checks it.

    Parameters
    ----------
    policy
        What it must say; its overrides are those of `base`.
    base
        The version it is made from: its text stays with all its comments, only what differs is written over it. Of the
        shipped numbers nothing is repeated.

    Raises
    ------
    PolicyError
        Names the key, what was found and what was expected.
    """
    source = f"{policy.effective_from.isoformat()}.toml"
    text = _written(policy, base, source)
    found = parse_policy(source, text)
    if found != policy:
        raise PolicyError(
            f"{base.path or source}: found a way of writing that cannot be changed from here; expected plain tables such as "
            "[offer]. Change the file by hand."
        )
    return text


def save_policy(policy: Policy, base: Version, *, replace: bool = False) -> Path:
    """Save a new version in the shop's own folder; it is there as a whole or not at all.

    Parameters
    ----------
    policy, base
        As in `text_of`.
    replace
        True where the version that counts from the same day on may be replaced.

    Returns
    -------
    Path
        Where it is: `<effective_from>.toml`.

    Raises
    ------
    PolicyError
        A number is wrong, the day is over, there is such a version already, or the folder cannot be written to.
    """
    text = text_of(policy, base)
    if policy.effective_from < today():
        raise PolicyError(
            f"effective_from is {policy.effective_from}; expected {today()} or a later day, "
            "since what was decided before stands in the record."
        )
    path = place_of(policy.effective_from)
    if path.exists() and not replace:
        raise PolicyError(
            f"{path}: found a version that counts from that day on; expected another day, or leave to replace it."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)
    except OSError as error:
        raise PolicyError(f"{path}: found {error}; expected a folder that can be written to.") from error
    return path


def _write(path: Path, text: str) -> None:
    with NamedTemporaryFile("w", encoding="utf-8", newline="\n", dir=path.parent, suffix=".part", delete=False) as part:
        try:
            part.write(text)
            part.flush()
            os.fsync(part.fileno())
            part.close()
            os.replace(part.name, path)
        except OSError:
            Path(part.name).unlink(missing_ok=True)
            raise


# --- the text


def _written(policy: Policy, base: Version, source: str) -> str:
    try:
        document = tomlkit.parse(base.path.read_text("utf-8") if base.path else _HEAD)
        _state(document, policy, base.policy)
        text = tomlkit.dumps(document)
    except (OSError, ValueError, TypeError, TOMLKitError) as error:
        raise PolicyError(f"{base.path or source}: found {error}; expected a policy that can be written over.") from error
    return text if not policy.saved_by or "saved_by" in document else _with_person(text, policy.saved_by)


def _state(document: MutableMapping[str, Any], policy: Policy, before: Policy) -> None:
    """Write what differs from before into the document."""
    document["name"] = policy.name
    document["effective_from"] = policy.effective_from
    if "saved_by" in document and policy.saved_by:
        document["saved_by"] = policy.saved_by
    elif "saved_by" in document:
        del document["saved_by"]
    for key, new, old in (("shop.name", policy.shop, before.shop), ("shop.time_zone", policy.time_zone, before.time_zone)):
        if new != old:
            _put(document, key, tomlkit.string(new))
    for key, number in policy.numbers.items():
        if number != before.numbers.get(key):
            _put(document, key, tomlkit.value(f"{number:f}"))


def _put(document: MutableMapping[str, Any], key: str, value: Item) -> None:
    """Put a value under a dotted key; what is new there gets the comment of the shipped file."""
    *tables, last = key.split(".")
    table = document
    for name in tables:
        if name not in table:
            _append(table, name, tomlkit.inline_table() if isinstance(table, InlineTable) else tomlkit.table())
        table = table[name]
    if last in table:
        table[last] = value  # a comment behind it stays
        return
    if comment := _shipped_comment(tables, last):
        value.comment(comment)
    _append(table, last, value)


def _append(table: MutableMapping[str, Any], key: str, value: Item) -> None:
    """Append to a table, before the empty lines and comments at its end: they belong to what follows."""
    if not isinstance(table, Table):
        table[key] = value
        return
    body, rest = table.value.body, []
    while body and body[-1][0] is None:
        rest.append(body.pop())
    table.append(key, value)
    body.extend(reversed(rest))


def _shipped_comment(tables: list[str], key: str) -> str:
    found: Any = tomlkit.parse((files("triage_ml") / "data" / "policy.toml").read_text("utf-8"))
    for name in tables:
        found = found.get(name, {})
    item = found.item(key) if isinstance(found, Table) and key in found else None
    return item.trivia.comment.lstrip("# ") if isinstance(item, Item) else ""


def _with_person(text: str, person: str) -> str:
    """Put the line that says who saved it below the day, which every policy has."""
    line = f"saved_by = {tomlkit.string(person).as_string()}\n"
    day = re.search(r"^effective_from\b.*\n?", text, re.MULTILINE)
    if day is None:
        return line + text
    return text[: day.end()].removesuffix("\n") + "\n" + line + text[day.end() :]
