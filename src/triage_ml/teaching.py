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
        pulls = (p * float((least / max(here.get(claim, 0), least)) ** _PULL) for claim, p in prediction.probabilities.items())
        return min(1.0, sum(pulls))


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
    """Return at most n candidates that together teach most, the one to begin with first.

    A label teaches of its text and, the more alike they are, of others. So each time the candidate is taken that adds most to
    the sum over all candidates of value * likeness to the most alike one taken (facility location; Nemhauser et al. 1978,
    doi:10.1007/BF01588971). Of many copies one is taken, and soon, since it stands for all; what is like nothing else waits.
    Of equals the first comes first, so that the same candidates always give the same list.

    Parameters
    ----------
    candidates
        A few hundred; time grows with the square of their number, times n.
    n
        How many are wanted.
    """
    if not candidates:
        return []
    values, alike = np.array([one.value for one in candidates]), likeness(candidates)
    stood_for, waiting = np.zeros(len(candidates)), np.ones(len(candidates), dtype=bool)
    chosen: list[int] = []
    while len(chosen) < min(n, len(candidates)):
        adds = values @ np.maximum(alike - stood_for[:, None], 0)
        best = int(np.argmax(np.where(waiting, adds, -1.0)))
        chosen.append(best)
        waiting[best] = False
        stood_for = np.maximum(stood_for, alike[:, best])
    return [candidates[place] for place in chosen]


def likeness(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return, shape (n, n), how much a label of one of n texts tells of another, 0 to 1.

    The square of the cosine of their runs of letters, so that the little that all texts share counts for next to nothing.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Runs of letters need no tokeniser, so that all languages are served alike. How rare a run is must not count: among
    # many copies of one text, only what differs would be rare.
    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, use_idf=False, dtype=np.float32)
    matrix = runs.fit_transform([f"{one.text} ." for one in candidates])
    cosine = (matrix @ matrix.T).toarray().astype(np.float64)
    shared = np.array([[bool(one.sources & other.sources) for other in candidates] for one in candidates])
    found: NDArray[np.float64] = np.clip(np.maximum(cosine, _SAME_SOURCE * shared), 0, 1) ** 2
    np.fill_diagonal(found, 1)
    return found
