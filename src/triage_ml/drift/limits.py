"""From when on a change counts: an alarm must be no chance and large enough to matter. Every number with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.drift.records import Measure

# Over all measures and weeks looked at together: of the looks at a shop in which nothing changes, one in fifty may be false.
ALARM = 0.02
# Half a year: long enough to know how uneven weeks are, short enough that last winter is no yardstick.
REFERENCE = 26
# Fewer weeks do not tell how uneven weeks are.
LEAST_WEEKS = 4
# What changes over some weeks must not be part of its own yardstick.
GAP = 2
# With fewer cases, one case more is five points of a share.
LEAST_CASES = 20
# A jump shows in one week, a smaller change only in two together.
SPANS = (1, 2)
# Texts of a week that are read for unknown words: that tells a share to within a point, and keeps a large record fast.
READ_AT_MOST = 150
# How many cases of each kind are named.
KEPT = 10

# By value of `Measure`. Smaller changes, however certain, ask nobody to do anything.
LEAST_CHANGE: Mapping[str, float] = MappingProxyType(
    {
        "categories": 0.10,  # total variation distance: one case in ten is another one than it was
        "languages": 0.10,  # the same
        "confidence": 0.05,  # of a calibrated model: of a hundred best guesses, five more are wrong
        "abstention": 0.05,  # points: of a hundred cases, five more that a person must judge
        "unknown_words": 1.5,  # times as many; unknown words come in all texts, and vary with what is spoken of
    }
)
# Of a mix, what is named must have grown by this much itself.
LEAST_GROWTH = 0.05
# Where hardly a word is unknown, half as many again is still hardly a word: one in a hundred it must be.
LEAST_WORDS = 0.01


def least_change(measure: Measure) -> float:
    """Return from which size on a change of this measure matters, in the unit of `Check.size`."""
    return LEAST_CHANGE[measure.value]
