"""What a person's label would teach the model: the less sure it was of a text, the more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from triage_ml.messages import Claim


class Judged(Protocol):
    """What is read of a judgement: a `Prediction`, or one that was stored."""

    @property
    def probabilities(self) -> Mapping[Claim, float]:
        """Calibrated probability of each claim; they sum to 1."""
        ...

    @property
    def abuse(self) -> float:
        """Calibrated probability that the behaviour in the text misuses after-sales."""
        ...


def value(prediction: Judged) -> float:
    """Return what a label of this text would teach, 0 (nothing) to 1 (most).

    Both decisions of the model count: u = 1 - (p1 - p2) with the two likeliest claims, the margin of uncertainty sampling, and
    a = 1 - |2 p - 1| with the probability of abuse; the result 1 - (1 - u)(1 - a) rises with either. That rare claims and
    languages teach more is left out: a prediction does not know how often the corpus has them.

    Parameters
    ----------
    prediction
        What the text was judged to be.
    """
    likeliest, second = sorted((*prediction.probabilities.values(), 0.0, 0.0), reverse=True)[:2]
    claim_unsure = 1 - (likeliest - second)
    abuse_unsure = 1 - abs(2 * prediction.abuse - 1)
    return min(1.0, max(0.0, 1 - (1 - claim_unsure) * (1 - abuse_unsure)))
