"""What the parts of retraining hand to each other: a shop's labelled rows, what was found in them, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage_ml.corpus import LabelledText

# One case that a person of the shop labelled counts as much as this many texts of the corpus (see training/evaluate.py).
OWN_WEIGHT = 5.0
# A decision that agrees with the category it was shown tells less than a correction: it was filled in beforehand.
AGREED = 0.5


class Origin(StrEnum):
    """Where a label comes from."""

    LABEL = "label"  # a person said what the message claims
    DECISION = "decision"  # a person decided the case
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person did with the suggested replies to one message.

    Parameters
    ----------
    shown
        The templates in the order they were shown, the first one open to be read.
    taken
        The template the reply came from, "" where it came from none.
    edited
        Which share of the suggestion was changed, None where unknown.
    answered
        Whether any text was sent; without one, nothing is said of the suggestions.
    """

    shown: tuple[str, ...]
    taken: str = ""
    edited: float | None = None
    answered: bool = True


@dataclass(frozen=True, slots=True)
class ShopRow:
    """One labelled message of the shop.

    Parameters
    ----------
    row
        What may be learned: personal data is taken out, `weight` says how much it counts, `group` holds one buyer together.
    origin
        Where the label comes from.
    case_id
        The case, "" for a row of a file.
    by
        Who said so: a person, or the file and row.
    at
        When, None where unknown.
    apart
        Whether it belongs to the slice that is only for comparing models and never learned from.
    choice
        What was done with the suggested replies, None where that is not recorded.
    """

    row: LabelledText
    origin: Origin
    case_id: str = ""
    by: str = ""
    at: datetime | None = None
    apart: bool = False
    choice: Choice | None = None

    @property
    def label(self) -> str:
        """The label in a word or two, such as "quality, abuse"."""
        return f"{self.row.claim.value}, abuse" if self.row.abuse else self.row.claim.value


def counts(rows: Iterable[ShopRow]) -> Mapping[str, int]:
    """Count rows: all, those set apart, and by origin."""
    rows = list(rows)
    origins = {origin.value: sum(one.origin is origin for one in rows) for origin in Origin}
    return {"rows": len(rows), "apart": sum(one.apart for one in rows), **origins}
