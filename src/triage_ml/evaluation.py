"""How right, how sure and how fair a model is on labelled texts it has not learned from.

texts with labels + what a model said -> Judged -> Figures (all, or a part: one language, one voice, one writer)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.classifier import CLAIMS, Prediction
from triage_ml.corpus import LabelledText
from triage_ml.messages import Category

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUREST = 0.8
BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """n labelled texts beside what a model said about each.

    Parameters
    ----------
    claim
        Shape (n,): the labelled claim, as a position in `CLAIMS`.
    probabilities
        Shape (n, 4): probability of each claim.
    inside
        Shape (n, 4): whether the prediction set holds the claim.
    abuse
        Shape (n,): labelled as abuse.
    abuse_probability
        Shape (n,).
    flagged
        Shape (n,): decided as abuse.
    unsure
        Shape (n,): left to a person.
    """

    claim: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    inside: NDArray[np.bool_]
    abuse: NDArray[np.bool_]
    abuse_probability: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    unsure: NDArray[np.bool_]

    def part(self, rows: NDArray[np.bool_]) -> Judged:
        """Return the rows where `rows`, shape (n,), is true."""
        return Judged(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the best guess, shape (n,)."""
        best: NDArray[np.float64] = self.probabilities.max(axis=1)
        return best

    @property
    def guess(self) -> NDArray[np.int64]:
        """The best guess, shape (n,)."""
        guess: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return guess

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the best guess is the label, shape (n,)."""
        right: NDArray[np.bool_] = self.guess == self.claim
        return right


@dataclass(frozen=True, slots=True)
class Figures:
    """What n judged texts come to. Shares are fractions; a share of nothing is nan.

    Parameters
    ----------
    texts
        n.
    macro_f1
        Mean F1 over the claims that occur among the labels.
    f1
        Per claim, those that occur.
    accuracy, accuracy_surest
        Share of best guesses that are right: of all, and of the 80 % with the most probable guess.
    calibration_error
        Expected calibration error of the best guess over ten equal bins (Guo et al. 2017, arXiv:1706.04599).
    coverage, set_size
        Share of prediction sets that hold the label, and how many claims they hold in the mean.
    abuse, flagged
        How many texts are labelled, and how many were decided as abuse.
    abuse_precision, abuse_recall
        Of the decision, not of the probability.
    unsure
        Share left to a person.
    """

    texts: int
    macro_f1: float
    f1: Mapping[str, float]
    accuracy: float
    accuracy_surest: float
    calibration_error: float
    coverage: float
    set_size: float
    abuse: int
    flagged: int
    abuse_precision: float
    abuse_recall: float
    unsure: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of all texts, and parts: `parts["language"]["de"]`, `parts["voice"]["rev"]`, `parts["writer"]["de w4"]`."""

    total: Figures
    parts: Mapping[str, Mapping[str, Figures]]


def evaluate(rows: Sequence[LabelledText], found: Judged) -> Evaluation:
    """Return the figures of n labelled texts and what a model said about them, row for row."""
    names = {
        "language": [r.lang for r in rows],
        "voice": [r.voice or "unknown" for r in rows],
        "writer": [r.group for r in rows],
        "read by cue authors": ["no" if r.fresh else "yes" for r in rows],
        "not read by cue authors, language": [r.lang if r.fresh else "" for r in rows],
    }
    return Evaluation(figures(found), {kind: figures_by(found, values) for kind, values in names.items()})


def judged(rows: Sequence[LabelledText], predictions: Sequence[Prediction]) -> Judged:
    """Put n labelled texts and their n predictions side by side."""
    return Judged(
        claim=np.array([CLAIMS.index(r.claim) for r in rows]),
        probabilities=np.array([[p.probabilities[claim] for claim in CLAIMS] for p in predictions]),
        inside=np.array([[claim in p.claim_set for claim in CLAIMS] for p in predictions]),
        abuse=np.array([r.abuse for r in rows]),
        abuse_probability=np.array([p.abuse for p in predictions]),
        flagged=np.array([p.category is Category.ABUSE for p in predictions]),
        unsure=np.array([p.category is Category.NEEDS_REVIEW for p in predictions]),
    )


def figures(found: Judged) -> Figures:
    """Return the figures of n judged texts, n at least 1."""
    right, confidence = found.right, found.confidence
    surest = np.argsort(-confidence, kind="stable")[: max(int(SUREST * len(right)), 1)]
    f1 = f1_by_claim(found.claim, found.guess)
    return Figures(
        texts=len(right),
        macro_f1=float(np.mean([*f1.values()])),
        f1=f1,
        accuracy=float(right.mean()),
        accuracy_surest=float(right[surest].mean()),
        calibration_error=calibration_error(confidence, right),
        coverage=float(found.inside[np.arange(len(right)), found.claim].mean()),
        set_size=float(found.inside.sum(axis=1).mean()),
        abuse=int(found.abuse.sum()),
        flagged=int(found.flagged.sum()),
        abuse_precision=_share(found.abuse[found.flagged]),
        abuse_recall=_share(found.flagged[found.abuse]),
        unsure=float(found.unsure.mean()),
    )


def figures_by(found: Judged, names: Sequence[str]) -> dict[str, Figures]:
    """Return the figures of each part, where `names` says for each of n texts which it belongs to, "" for none."""
    return {name: figures(found.part(np.array([n == name for n in names]))) for name in sorted(set(names) - {""})}


def f1_by_claim(truth: NDArray[np.int64], guess: NDArray[np.int64]) -> dict[str, float]:
    """Return F1 of every claim that occurs in `truth`, shape (n,); both are positions in `CLAIMS`."""
    found = {}
    for index in np.unique(truth):
        hits = int(((truth == index) & (guess == index)).sum())
        found[str(CLAIMS[index])] = 2 * hits / int((truth == index).sum() + (guess == index).sum())
    return found


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the mean distance between stated and reached accuracy over equal steps of confidence, both shape (n,)."""
    return float(sum(abs(reached - stated) * share for stated, reached, share in reliability(confidence, right)))


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Iterator[tuple[float, float, float]]:
    """Yield, for each bin that is not empty: mean stated probability, share that is right, share of all texts."""
    step = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for index in np.unique(step):
        here = step == index
        yield float(confidence[here].mean()), float(right[here].mean()), float(here.mean())


def errors(rows: Sequence[LabelledText], predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Return every text whose claim was judged wrong, the surest first, with the cues that stood in it."""
    wrong = [(r, p) for r, p in zip(rows, predictions, strict=True) if r.claim != p.claim]
    wrong.sort(key=lambda pair: -pair[1].probabilities[pair[1].claim])
    return [
        {
            "id": r.id,
            "language": r.lang,
            "is": str(r.claim),
            "judged": str(p.claim),
            "probability": p.probabilities[p.claim],
            "text": " ".join(p.text.split()),
            "cues": [f"{c.type}{'!' * c.negated}{'?' * c.asked} “{p.text[c.start : c.end]}”" for c in p.cues],
        }
        for r, p in wrong
    ]


def as_json(found: Any) -> Any:  # noqa: ANN401 - any of the dataclasses above, or a mapping of them
    """Return figures as plain JSON values; nan becomes null."""
    if is_dataclass(found) and not isinstance(found, type):
        found = {f.name: getattr(found, f.name) for f in fields(found)}
    if isinstance(found, Mapping):
        return {key: as_json(one) for key, one in found.items()}
    return None if isinstance(found, float) and found != found else found


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else float("nan")
