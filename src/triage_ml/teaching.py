"""What a person's label would teach the model: a text it is unsure of, and of many such texts those that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from triage_ml.messages import Claim

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A text from the same buyer, or about the same product, counts as at least so alike (cosine of two texts, 0 to 1).
_SAME_SOURCE = 0.3
# How strongly what the corpus has little of is preferred: weight = (smallest count / count) ** _PULL.
_PULL = 0.25


class Judged(Protocol):
    """What is read of a judgement: a `Prediction`, or one that was stored."""

    @property
    def language(self) -> str:
        """ISO 639-1 code the text was read in."""
        ...

    @property
    def probabilities(self) -> Mapping[Claim, float]:
        """Calibrated probability of each claim; they sum to 1."""
        ...

    @property
    def abuse(self) -> float:
        """Calibrated probability that the behaviour in the text misuses after-sales."""
        ...


@dataclass(frozen=True, slots=True)
class Teaching:
    """Values a label by how unsure the model is, and by how little of its sort the model was trained with.

    Parameters
    ----------
    counts
        Language to claim to number of training texts, as a model's facts hold it ("counts"); none: all sorts count alike.
    """

    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def value(self, prediction: Judged) -> float:
        """Return what a label of this text would teach, 0 (nothing) to 1 (most)."""
        return value(prediction) * self._rarity(prediction)

    def _rarity(self, prediction: Judged) -> float:
        """Return 1 for what the model was trained with least, less for what it knows more of; expected over the claims."""
        known = [count for claims in self.counts.values() for count in claims.values() if count]
        if not known:
            return 1.0
        here, least = self.counts.get(prediction.language, {}), min(known)
        return sum(p * (least / max(here.get(claim, 0), least)) ** _PULL for claim, p in prediction.probabilities.items())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that might be labelled.

    Parameters
    ----------
    id
        Names it.
    text
        As it was written.
    value
        What a label would teach, 0 to 1.
    sources
        Who wrote it, what it is about: texts that share one are taken to be more alike than their words say.
    """

    id: str
    text: str
    value: float
    sources: frozenset[str] = frozenset()


def value(prediction: Judged) -> float:
    """Return what a label of this text would teach, 0 (nothing) to 1 (most), by how unsure the model is.

    Both decisions of the model count: u = 1 - (p1 - p2) with the two likeliest claims, the margin of uncertainty sampling, and
    a = 1 - |2 p - 1| with the probability of abuse; the result 1 - (1 - u)(1 - a) rises with either.

    Parameters
    ----------
    prediction
        What the text was judged to be.
    """
    likeliest, second = sorted((*prediction.probabilities.values(), 0.0, 0.0), reverse=True)[:2]
    claim_unsure = 1 - (likeliest - second)
    abuse_unsure = 1 - abs(2 * prediction.abuse - 1)
    return min(1.0, max(0.0, 1 - (1 - claim_unsure) * (1 - abuse_unsure)))


def choose(candidates: Sequence[Candidate], n: int) -> list[Candidate]:
    """Return at most n candidates that teach much and differ from each other, the one to begin with first.

    Greedy: each time the candidate with the largest value * (1 - likeness) is taken, where likeness is that to the most alike
    one taken before (maximal marginal relevance, Carbonell & Goldstein 1998, doi:10.1145/290941.291025). Of equals the
    first comes first, so that the same candidates always give the same list.

    Parameters
    ----------
    candidates
        A few hundred; time and memory grow with their number times n.
    n
        How many are wanted.
    """
    values = np.array([one.value for one in candidates], dtype=np.float64)
    alike, waiting = np.zeros(len(candidates)), np.ones(len(candidates), dtype=bool)
    likeness = _Likeness(candidates) if candidates else None
    chosen: list[int] = []
    while likeness and len(chosen) < min(n, len(candidates)):
        best = int(np.argmax(np.where(waiting, values * (1 - alike), -1.0)))
        chosen.append(best)
        waiting[best] = False
        alike = np.maximum(alike, likeness.to(best))
    return [candidates[place] for place in chosen]


class _Likeness:
    """How alike texts are: the cosine of their runs of letters, at least `_SAME_SOURCE` where they share a source."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        # Runs of letters need no tokeniser, so that all languages are served alike; "." keeps a text that has none.
        runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
        self._runs = runs.fit_transform([one.text or "." for one in candidates])
        self._sources = [one.sources for one in candidates]

    def to(self, place: int) -> NDArray[np.float64]:
        """Return, shape (n,), how alike each candidate is to one of them, 0 to 1."""
        cosine = np.asarray((self._runs @ self._runs[place].T).todense(), dtype=np.float64).ravel()
        shared = np.array([bool(sources & self._sources[place]) for sources in self._sources])
        return np.clip(np.maximum(cosine, _SAME_SOURCE * shared), 0, 1)
