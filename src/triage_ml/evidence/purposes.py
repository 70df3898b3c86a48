"""What a pack is for, and the words it is made of: `data/evidence/purposes.toml` and `words.toml`, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from triage_ml.errors import CaseError
from triage_ml.language import LANGUAGES

ANY_CHANNEL = "any"


class Purpose(StrEnum):
    """Who is to be convinced of what."""

    A_TO_Z = "a_to_z"
    SAFE_T = "safe_t"
    ABUSE_REPORT = "abuse_report"
    CHARGEBACK = "chargeback"


def purpose_named(name: Purpose | str) -> Purpose:
    """Return the purpose of a name.

    Raises
    ------
    CaseError
        Where there is none.
    """
    if name not in list(Purpose):
        raise CaseError("purpose", repr(str(name)), f"one of {', '.join(Purpose)}", "Correct the purpose.")
    return Purpose(name)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much the platform's box holds.

    Parameters
    ----------
    characters
        The longest text, in characters.
    stated
        True where the source states that number, False where none was found and the shortest known one was taken.
    files, bytes
        The most files, and the most bytes of all of them; None where unknown.
    source, effective_from, verified_on
        Where that stands, from when it counts, when it was last read.
    """

    characters: int
    stated: bool
    source: str
    effective_from: date
    verified_on: date
    files: int | None = None
    bytes: int | None = None


def facts() -> Mapping[str, Any]:
    """Return `purposes.toml` as it stands."""
    return _read("purposes.toml")


def purpose_facts(purpose: Purpose) -> Mapping[str, Any]:
    """Return what `purposes.toml` says of one purpose."""
    found: Mapping[str, Any] = facts()["purpose"][purpose.value]
    return found


def limit(purpose: Purpose, channel: str) -> Limit:
    """Return how much the box holds on a channel ("" where unknown)."""
    rows = {row["channel"]: row for row in facts()["limit"] if row["purpose"] == purpose}
    row = rows.get(channel, rows[ANY_CHANNEL])
    return Limit(**{key: value for key, value in row.items() if key not in ("purpose", "channel")})


def words(language: str, group: str) -> Mapping[str, str]:
    """Return a group of words ("page", "event", "remedy", "file", "tell"); what a language lacks is English."""
    data = _read("words.toml")
    found: Mapping[str, str] = {**data["en"][group], **data[language][group]}
    return found


def language_of(marketplace: str, otherwise: str = "") -> str:
    """Return the language that the marketplace's staff and buyers read, English where it is none of the served ones.

    Parameters
    ----------
    marketplace
        Its short code ("de"), "" where unknown.
    otherwise
        What counts where the marketplace is unknown: the language of the messages.
    """
    if not marketplace and otherwise in LANGUAGES:
        return otherwise
    found: str = facts()["language"].get(marketplace.rpartition(".")[2], "en")
    return found


@cache
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / "evidence" / name).read_text("utf-8"))
