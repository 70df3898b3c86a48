"""Each week against those before it: a change is told from what weeks differ by anyhow.

Shares are compared on the arcsine scale (Anscombe 1948), where the noise of n cases is 1 / 4n whatever the share. Weeks differ
by more than that: how much more is estimated from the weeks of the reference by moments, as DerSimonian and Laird (1986) do, so
that the test is that of an overdispersed binomial, with a t distribution of as many degrees of freedom as those weeks allow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from triage_ml.drift.counting import Values, WeekCount
from triage_ml.drift.limits import (
    ALARM,
    GAP,
    LEAST_CASES,
    LEAST_GROWTH,
    LEAST_WEEKS,
    LEAST_WORDS,
    REFERENCE,
    SPANS,
    least_change,
)
from triage_ml.drift.records import Check, Measure
from triage_ml.insights.rates import adjusted

_ARCSINE_NOISE = 0.25
# Of one number; a model that always says the same must not make a difference in the sixth digit certain.
_LEAST_NOISE = 1e-4

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """One number a week.

    Parameters
    ----------
    values, counts
        The number, and from how many cases it is; shapes (weeks,).
    """

    values: _Array
    counts: _Array

    @property
    def mean(self) -> float:
        """The mean over all cases."""
        return float(self.values @ self.counts / self.counts.sum())

    def noise(self, between: float) -> float:
        """Return the variance of the mean in units of one case's, where weeks differ by `between` of such units."""
        total = self.counts.sum()
        return float(1 / total + between * (self.counts**2).sum() / total**2)


@dataclass(frozen=True, slots=True)
class _Compared:
    """The weeks that a check is about, and those they are compared with."""

    measure: Measure
    model: str
    now: Sequence[WeekCount]
    before: Sequence[WeekCount]


def checks(weeks: Sequence[WeekCount], looked_at: int, learned: Mapping[str, float]) -> tuple[Check, ...]:
    """Check all measures in all weeks looked at for which there is enough.

    Parameters
    ----------
    weeks
        Weeks one after another, the running one last.
    looked_at
        How many before the running one are checked.
    learned
        Share of unknown words in texts like the training data, by language.
    """
    last = len(weeks) - 1
    found = [
        check
        for place in range(max(last - looked_at, 0), last)
        for measure in Measure
        if (check := _check(weeks, place, measure, learned))
    ]
    return tuple(
        replace(check, adjusted=value, is_alarm=value <= ALARM and _matters(check))
        for check, value in zip(found, adjusted([check.p for check in found]), strict=True)
    )


def _matters(check: Check) -> bool:
    if check.measure is Measure.UNKNOWN_WORDS and check.now - check.before < LEAST_WORDS:
        return False
    return check.size >= least_change(check.measure)


def _check(weeks: Sequence[WeekCount], place: int, measure: Measure, learned: Mapping[str, float]) -> Check | None:
    """Check one measure in one week, alone and with the week before it; None where there is too little."""
    model, least = weeks[place].model, partial(_enough, measure, weeks[place].model)
    before = [week for week in weeks[max(place - GAP - REFERENCE, 0) : max(place - GAP, 0)] if least(week)]
    if len(before) < LEAST_WEEKS:
        return None
    found = []
    for span in SPANS:
        now = weeks[max(place - span + 1, 0) : place + 1]
        if len(now) == span and all(map(least, now)):
            found.append(_tested(_Compared(measure, model, now, before), learned))
    best = min(found, key=lambda check: check.p, default=None)
    return best and replace(best, p=min(1.0, len(SPANS) * best.p))


def _enough(measure: Measure, model: str, week: WeekCount) -> bool:
    return _count(week, measure, model) >= LEAST_CASES


def _count(week: WeekCount, measure: Measure, model: str) -> int:
    """Return how many cases, or texts, a measure has in a week."""
    if measure is Measure.UNKNOWN_WORDS:
        return sum(values.count for values in week.unknown.values())
    return week.models[model] if measure.of_model else week.cases


def _tested(of: _Compared, learned: Mapping[str, float]) -> Check:
    if of.measure is Measure.UNKNOWN_WORDS:
        return _of_words(of, learned)
    if of.measure is Measure.CONFIDENCE:
        return _of_confidence(of)
    return _of_shares(of)


def _made(of: _Compared, what: str, now: float, before: float, size: float, p: float) -> Check:
    """Return a check that is not yet adjusted."""
    cases = sum(_count(week, of.measure, of.model) for week in of.now)
    return Check(of.measure, of.now[-1].monday, len(of.now), cases, what, now, before, size, len(of.before), p, p, False)


def _of_shares(of: _Compared) -> Check:
    """Check what grew most surely, over as many tests as a mix has parts; of abstentions there is one."""
    now, before = _Counts.of(of.now, of), _Counts.of(of.before, of)
    parts = ["yes"] if of.measure is Measure.ABSTENTION else sorted(now.together.keys() | before.together.keys())
    grown = {part: now.share(part) - before.share(part) for part in parts}
    tests = {part: rise(now.series(part), before.series(part), _ARCSINE_NOISE) for part in parts}
    # A part that grew by little is named only where none grew by more; then the change is not taken for one.
    named = [part for part in parts if len(parts) == 1 or grown[part] >= LEAST_GROWTH]
    part = min(named or parts, key=lambda part: (tests[part], part))
    p = min(1.0, len(parts) * tests[part]) if named else 1.0
    if of.measure is Measure.ABSTENTION:
        return _made(of, "", now.share(part), before.share(part), grown[part], p)
    return _made(of, part, now.share(part), before.share(part), sum(map(abs, grown.values())) / 2, p)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Cases by what they are, by week, and of how many; `sizes` has the shape (weeks,)."""

    weeks: Sequence[Counter[str]]
    together: Counter[str]
    sizes: _Array

    @classmethod
    def of(cls, weeks: Sequence[WeekCount], of: _Compared) -> _Counts:
        counters = [_counter(week, of) for week in weeks]
        sizes = np.array([_count(week, of.measure, of.model) for week in weeks], float)
        return cls(counters, sum(counters, Counter()), sizes)

    def share(self, part: str) -> float:
        return float(self.together[part] / self.sizes.sum())

    def series(self, part: str) -> Series:
        counts = np.array([week[part] for week in self.weeks])
        return Series(np.arcsin(np.sqrt((counts + 3 / 8) / (self.sizes + 3 / 4))), self.sizes)


def _counter(week: WeekCount, of: _Compared) -> Counter[str]:
    if of.measure is Measure.CATEGORIES:
        return week.categories[of.model]
    if of.measure is Measure.LANGUAGES:
        return week.languages
    unsure = week.unsure[of.model]
    return Counter({"yes": unsure, "no": week.models[of.model] - unsure})


def _of_confidence(of: _Compared) -> Check:
    now, before = ([week.confidence[of.model] for week in weeks] for weeks in (of.now, of.before))
    # A fall is the rise of what it is short of.
    p = rise(_means(now, -1), _means(before, -1), _noise([*now, *before]))
    is_now, was = sum(now, Values()).mean, sum(before, Values()).mean
    return _made(of, "", is_now, was, was - is_now, p)


def _of_words(of: _Compared, learned: Mapping[str, float]) -> Check:
    """Check unknown words against what their languages let expect, so that more German alone is no new vocabulary."""
    known = _usual(of.before, learned)
    now, before = ([_beyond(week, known) for week in weeks] for weeks in (of.now, of.before))
    # Where every language of these weeks was measured on texts like the training data, more than in those is what counts.
    against = 0.0 if {language for week in of.now for language in week.unknown} <= learned.keys() else None
    p = rise(_means(now), _means(before), _noise([*now, *before]), against)
    share = _together(of.now).mean
    expected = share - (
        sum(now, Values()).mean if against is not None else sum(now, Values()).mean - sum(before, Values()).mean
    )
    return _made(of, "", share, expected, share / max(expected, LEAST_WORDS), p)


def _usual(before: Sequence[WeekCount], learned: Mapping[str, float]) -> dict[str, float]:
    """Return the usual share of unknown words by language, under "" that of all."""
    by_language: dict[str, Values] = {}
    for week in before:
        for language, values in week.unknown.items():
            by_language[language] = by_language.get(language, Values()) + values
    # Of a language hardly seen, the share is taken to be that of all.
    usual = {language: values.mean for language, values in by_language.items() if values.count >= LEAST_CASES}
    return {"": _together(before).mean, **usual, **learned}


def _together(weeks: Sequence[WeekCount]) -> Values:
    return sum((values for week in weeks for values in week.unknown.values()), Values())


def _beyond(week: WeekCount, usual: Mapping[str, float]) -> Values:
    """Return a week's shares of unknown words, each less what is usual in its language."""
    return sum((values.less(usual.get(language, usual[""])) for language, values in week.unknown.items()), Values())


def _means(weeks: Sequence[Values], sign: float = 1) -> Series:
    return Series(np.array([sign * week.mean for week in weeks]), np.array([week.count for week in weeks], float))


def _noise(weeks: Sequence[Values]) -> float:
    """Return the variance of one number within a week."""
    spare = sum(week.count - 1 for week in weeks)
    return max(sum(week.spread for week in weeks) / spare, _LEAST_NOISE)


def rise(now: Series, before: Series, noise: float, against: float | None = None) -> float:
    """Return the probability of so high a mean now, or a higher one, where it is what it was.

    Parameters
    ----------
    now
        One week or more.
    before
        The reference, at least two weeks.
    noise
        Variance of one case within its week.
    against
        What the mean should be; without it, that of the reference, which is uncertain itself.
    """
    from scipy.special import stdtr

    total, freedom = before.counts.sum(), len(before.counts) - 1
    scatter = float(before.counts @ (before.values - before.mean) ** 2) / noise
    between = max(0.0, (scatter - freedom) / float(total - (before.counts**2).sum() / total))
    # Two weeks next to each other are uneven together, in a season or a sale: the second does not average the first out.
    variance = 1 / now.counts.sum() + between + (before.noise(between) if against is None else 0.0)
    far = (now.mean - (before.mean if against is None else against)) / np.sqrt(noise * variance)
    return float(stdtr(freedom, -far))


def alarming(found: Sequence[Check]) -> Iterator[Check]:
    """Yield the checks that fired, the newest week first, the surest of it first."""
    yield from sorted((c for c in found if c.is_alarm), key=lambda c: (-c.monday.toordinal(), c.adjusted, c.measure.value))
