"""Champion against challenger on the same texts, none of which either has learned from; and whether to promote.

Both judge every text; the intervals are those of `triage_ml.retraining.bootstrap`, percentiles of its draws. "Nowhere worse" is
non-inferiority: the lower end of the interval has to lie above minus the margin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from triage_ml.classifier import CLAIMS
from triage_ml.corpus import LabelledText
from triage_ml.retraining.behaviour import Check
from triage_ml.retraining.bootstrap import CALIBRATION, MACRO, PRECISION, RECALL, REPLY, Answers, known, paired

SLICE, CORPUS = "the shop's slice", "the corpus"


class Verdict(StrEnum):
    """What an interval says about a margin."""

    HOLDS = "holds"  # surely not worse by more than the margin
    FAILS = "fails"  # that cannot be ruled out
    TOO_FEW = "too few to tell"


@dataclass(frozen=True, slots=True)
class Margins:
    """By how much a challenger may be worse, and from how many texts on that is asked; the one place of these numbers.

    Parameters
    ----------
    overall, part, abuse_precision, calibration
        Margins of macro-F1; of accuracy per language, F1 per class, abuse recall and the first reply; of abuse precision; of
        calibration error.
    equal
        Differences below this are none where "better or equal" is asked.
    behaviour
        How many behaviour checks that the champion passes may be lost.
    slice_enough
        With fewer texts in the shop's slice, the corpus decides instead.
    texts_overall, texts_part
        With fewer texts (of a language, of a class, decided as abuse) a margin is not asked: the interval of a model that is
        just as good would be wider than the margin. At one changed answer in sixteen, 1.96 * sqrt(1/16 / n) is 0.02 at n = 600
        and 0.035 at n = 200.
    """

    overall: float = 0.02
    part: float = 0.04
    abuse_precision: float = 0.02
    calibration: float = 0.02
    equal: float = 0.005
    behaviour: int = 5
    slice_enough: int = 50
    texts_overall: int = 600
    texts_part: int = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """One set of n labelled texts with the answers of both models; `name` says which set."""

    name: str
    rows: Sequence[LabelledText]
    champion: Answers
    challenger: Answers


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the challenger is ahead in one figure on one set of texts.

    Parameters
    ----------
    where, what
        The set, and the figure, such as "accuracy de".
    texts
        How many texts the figure rests on.
    champion, challenger
        Their figures.
    better
        How much better the challenger is; for the calibration error, how much lower.
    low, high
        95 % interval of `better`.
    margin
        What it may lose.
    verdict
        Whether it holds.
    """

    where: str
    what: str
    texts: int
    champion: float
    challenger: float
    better: float
    low: float
    high: float
    margin: float
    verdict: Verdict

    def __str__(self) -> str:
        figures = f"{self.champion:.3f} to {self.challenger:.3f}"
        return f"{self.what} on {self.where} ({self.texts:,} texts): {figures}, better by {self.better:+.3f} [{self.interval}]"

    @property
    def interval(self) -> str:
        """The interval in figures."""
        return f"{self.low:+.3f} to {self.high:+.3f}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    Parameters
    ----------
    differences
        Every figure of every set.
    checks
        How many behaviour checks there are.
    lost, won
        Texts of behaviour checks that only the champion passes, and only the challenger.
    promote
        Whether the challenger is proposed.
    reasons
        Why, a sentence each.
    """

    differences: tuple[Difference, ...]
    checks: int = 0
    lost: tuple[str, ...] = ()
    won: tuple[str, ...] = ()
    promote: bool = False
    reasons: tuple[str, ...] = field(default=())

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Comparison:
        """Read what model.json keeps of it."""
        known: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        known["differences"] = tuple(Difference(**{**one, "verdict": Verdict(one["verdict"])}) for one in known["differences"])
        return cls(**known)


def compare(
    pairs: Sequence[Pair],
    before: Sequence[Check] = (),
    after: Sequence[Check] = (),
    margins: Margins = Margins(),  # noqa: B008 - frozen
) -> Comparison:
    """Compare two models and say whether the challenger should be promoted.

    Parameters
    ----------
    pairs
        Sets of texts; those called `SLICE` and `CORPUS` decide whether it is better or equal.
    before, after
        Behaviour checks of the champion, and the same of the challenger.
    margins
        What may be lost.
    """
    differences = tuple(one for pair in pairs if pair.rows for one in _differences(pair, margins))
    both = list(zip(before, after, strict=True))
    lost = tuple(old.text for old, new in both if old.passed and not new.passed)
    won = tuple(old.text for old, new in both if new.passed and not old.passed)
    ahead, why = _ahead(differences, margins)
    failing = [one for one in differences if one.verdict is Verdict.FAILS]
    promote = ahead and not failing and len(lost) <= margins.behaviour
    reasons = (why, *_reasons(differences, failing), *_on_behaviour(len(both), lost, won, margins))
    return Comparison(differences, len(both), lost, won, promote, reasons)


def _ahead(differences: Sequence[Difference], margins: Margins) -> tuple[bool, str]:
    """Say whether the challenger is better or equal where it counts."""
    first = {one.where: one for one in differences if one.what == MACRO}
    counts = first.get(SLICE)
    if counts is None or counts.texts < margins.slice_enough:
        few = f"the shop's slice has {counts.texts if counts else 0} texts, too few to decide (from {margins.slice_enough} on)"
        counts = first.get(CORPUS)
        if counts is None:
            return False, f"Not shown to be better: {few}, and the champion knows no held-out answers on the corpus."
        few = f" ({few})"
    else:
        few = ""
    ahead = counts.better > -margins.equal
    word = "Better" if counts.better > margins.equal else "Equal" if ahead else "Worse"
    return ahead, f"{word} where it counts: {counts}{few}."


def _reasons(differences: Sequence[Difference], failing: Sequence[Difference]) -> Iterator[str]:
    for one in failing:
        yield f"A loss of more than {one.margin} cannot be ruled out: {one}."
    held = [one for one in differences if one.verdict is Verdict.HOLDS]
    if held:
        nearest = min(held, key=lambda one: one.low + one.margin)
        yield f"{len(held)} figures are surely within their margins; the nearest is {nearest}."
    few = sum(one.verdict is Verdict.TOO_FEW for one in differences)
    if few:
        yield f"{few} figures rest on too few texts to tell and do not count."


def _on_behaviour(checks: int, lost: Sequence[str], won: Sequence[str], margins: Margins) -> Iterator[str]:
    if checks:
        allowed = "within" if len(lost) <= margins.behaviour else "more than"
        yield (
            f"Of {checks:,} behaviour checks the challenger loses {len(lost)} and wins {len(won)}: {allowed} the "
            f"{margins.behaviour} that may be lost."
        )


def _differences(pair: Pair, margins: Margins) -> Iterator[Difference]:
    found = paired(pair.rows, pair.champion, pair.challenger)
    for what, (margin, texts, least) in _asked(pair, margins).items():
        sign = -1 if what == CALIBRATION else 1
        old, new, drawn = found[what]
        if old != old or new != new:
            continue  # a class nobody labelled, or no decision to judge
        low, high = np.nanpercentile(sign * drawn, (2.5, 97.5))
        verdict = Verdict.TOO_FEW if texts < least else Verdict.HOLDS if low > -margin else Verdict.FAILS
        yield Difference(pair.name, what, texts, old, new, sign * (new - old), float(low), float(high), margin, verdict)


def _asked(pair: Pair, margins: Margins) -> Mapping[str, tuple[float, int, int]]:
    """Return for each figure: its margin, on how many texts it rests, and from how many on it is asked."""
    total, part, precision = margins.texts_overall, margins.texts_part, margins.abuse_precision
    flagged = int(np.minimum(pair.champion.flagged.sum(), pair.challenger.flagged.sum()))
    rows = pair.rows
    languages = sorted({row.lang for row in rows})
    return {
        MACRO: (margins.overall, len(rows), total),
        **{f"accuracy {code}": (margins.part, sum(r.lang == code for r in rows), part) for code in languages},
        **{f"F1 {claim}": (margins.part, sum(r.claim is claim for r in rows), part) for claim in CLAIMS},
        PRECISION: (precision, flagged, part),
        RECALL: (margins.part, sum(r.abuse for r in rows), part),
        CALIBRATION: (margins.calibration, len(rows), total),
        REPLY: (margins.part, int(known(pair.champion).sum()), part),
    }
