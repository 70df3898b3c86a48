"""Champion against challenger on the same texts, none of which either has learned from; and whether to promote.

Both judge every text, whole groups (writers, buyers) are drawn with replacement, and the difference is taken in each draw: a
paired bootstrap of clusters, percentile intervals (Efron & Tibshirani 1993, ISBN 978-0-412-04231-7). "Nowhere worse" is
non-inferiority: the lower end of the interval has to lie above minus the margin.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.classifier import CLAIMS, Prediction
from triage_ml.corpus import LabelledText
from triage_ml.evaluation import BINS, judged
from triage_ml.retraining.behaviour import Check

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLICE, CORPUS = "the shop's slice", "the corpus"
RESAMPLES = 10_000
_AT_A_TIME = 1_000
# With fewer groups than this, drawing groups says nothing; each text is then drawn for itself.
_GROUPS = 10
_MACRO, _CALIBRATION, _PRECISION, _RECALL = "macro-F1", "calibration error", "abuse precision", "abuse recall"
_REPLY = "first reply"


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
class Answers:
    """What a model says of n texts.

    Parameters
    ----------
    probabilities
        Of the claims, shape (n, 4).
    flagged
        What it decided as abuse, shape (n,).
    replied
        Shape (n,): 1 where the likeliest template is one that people would answer with, 0 where it is not, nan where nobody
        said; None where it was not asked.
    """

    probabilities: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    replied: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, rows: Sequence[LabelledText], predictions: Sequence[Prediction]) -> Answers:
        """Take them from n predictions."""
        said = judged(rows, predictions)
        likeliest = [max(one.replies, key=one.replies.__getitem__, default="") for one in predictions]
        replied = [float(best in row.replies) if row.replies else np.nan for row, best in zip(rows, likeliest, strict=True)]
        return cls(said.probabilities, said.flagged, np.array(replied))


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
    first = {one.where: one for one in differences if one.what == _MACRO}
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
    languages = sorted({row.lang for row in pair.rows})
    sums = [_sums(pair.rows, answers, languages) for answers in (pair.champion, pair.challenger)]
    groups = _groups(pair.rows)
    by_group = [_by_group(one, groups) for one in sums]
    drawn = _drawn(by_group, languages)
    champion, challenger = (_figures(one.sum(axis=0, keepdims=True), languages) for one in sums)
    for what, (margin, texts, least) in _asked(pair, languages, margins).items():
        sign = -1 if what == _CALIBRATION else 1
        old, new = float(champion[what][0]), float(challenger[what][0])
        if old != old or new != new:
            continue  # a class nobody labelled, or no decision to judge
        low, high = np.nanpercentile(sign * drawn[what], (2.5, 97.5))
        verdict = Verdict.TOO_FEW if texts < least else Verdict.HOLDS if low > -margin else Verdict.FAILS
        yield Difference(pair.name, what, texts, old, new, sign * (new - old), float(low), float(high), margin, verdict)


def _asked(pair: Pair, languages: Sequence[str], margins: Margins) -> Mapping[str, tuple[float, int, int]]:
    """Return for each figure: its margin, on how many texts it rests, and from how many on it is asked."""
    total, part, precision = margins.texts_overall, margins.texts_part, margins.abuse_precision
    flagged = int(np.minimum(pair.champion.flagged.sum(), pair.challenger.flagged.sum()))
    rows = pair.rows
    return {
        _MACRO: (margins.overall, len(rows), total),
        **{f"accuracy {code}": (margins.part, sum(r.lang == code for r in rows), part) for code in languages},
        **{f"F1 {claim}": (margins.part, sum(r.claim is claim for r in rows), part) for claim in CLAIMS},
        _PRECISION: (precision, flagged, part),
        _RECALL: (margins.part, sum(r.abuse for r in rows), part),
        _CALIBRATION: (margins.calibration, len(rows), total),
        _REPLY: (margins.part, int(_known(pair.champion).sum()), part),
    }


def _known(answers: Answers) -> NDArray[np.bool_]:
    """Say of n texts, shape (n,), whether it is known what they may be answered with."""
    return np.zeros(len(answers.flagged), dtype=bool) if answers.replied is None else ~np.isnan(answers.replied)


def _groups(rows: Sequence[LabelledText]) -> NDArray[np.int64]:
    """Return which group each of n texts belongs to, shape (n,)."""
    _, group = np.unique([row.group for row in rows], return_inverse=True)
    return group if group.max() + 1 >= _GROUPS else np.arange(len(rows))


def _sums(rows: Sequence[LabelledText], answers: Answers, languages: Sequence[str]) -> NDArray[np.float64]:
    """Return, shape (n, k), what has to be summed over texts to give every figure; the order is that of `_figures`."""
    claim = np.array([CLAIMS.index(row.claim) for row in rows])
    abuse = np.array([row.abuse for row in rows], dtype=bool)
    spoken = np.array([languages.index(row.lang) for row in rows])
    guess, confidence = answers.probabilities.argmax(axis=1), answers.probabilities.max(axis=1)
    right = guess == claim
    step = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count, many, known = len(CLAIMS), len(languages), _known(answers)
    columns = [
        np.eye(count * count)[claim * count + guess],
        np.eye(many)[spoken],
        np.eye(many)[spoken] * right[:, None],
        np.column_stack([answers.flagged & abuse, answers.flagged, abuse]),
        np.column_stack([known, known if answers.replied is None else np.nan_to_num(answers.replied)]),
        np.eye(BINS)[step] * (confidence - right)[:, None],
    ]
    return np.hstack(columns)


def _by_group(sums: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    result = np.zeros((int(groups.max()) + 1, sums.shape[1]))
    np.add.at(result, groups, sums)
    return result


def _drawn(by_group: Sequence[NDArray[np.float64]], languages: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return for each figure the differences between the models, shape (RESAMPLES,)."""
    random = np.random.default_rng(0)
    many = len(by_group[0])
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for _ in range(RESAMPLES // _AT_A_TIME):
        times = random.multinomial(many, np.full(many, 1 / many), size=_AT_A_TIME).astype(float)
        champion, challenger = (_figures(times @ one, languages) for one in by_group)
        for what, values in challenger.items():
            parts.setdefault(what, []).append(values - champion[what])
    return {what: np.concatenate(values) for what, values in parts.items()}


def _figures(sums: NDArray[np.float64], languages: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Return every figure of each of m draws, whose sums over texts have the shape (m, k); nan where it is of nothing."""
    count, many = len(CLAIMS), len(languages)
    confusion, texts, right, abuse, replied, bins = np.split(sums, np.cumsum([count * count, many, many, 3, 2]), axis=1)
    confusion = confusion.reshape(-1, count, count)
    is_claim, said_claim = confusion.sum(axis=2), confusion.sum(axis=1)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing
        f1 = np.where(is_claim > 0, 2 * np.diagonal(confusion, axis1=1, axis2=2) / (is_claim + said_claim), np.nan)
        return {
            _MACRO: np.nanmean(f1, axis=1),
            **{f"accuracy {code}": right[:, n] / texts[:, n] for n, code in enumerate(languages)},
            **{f"F1 {claim}": f1[:, n] for n, claim in enumerate(CLAIMS)},
            _PRECISION: abuse[:, 0] / abuse[:, 1],
            _RECALL: abuse[:, 0] / abuse[:, 2],
            _CALIBRATION: np.abs(bins).sum(axis=1) / texts.sum(axis=1),
            _REPLY: replied[:, 1] / replied[:, 0],
        }
