"""The numbers that turn scores into decisions, found on texts whose writers the scores do not know."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triage_ml.classifier import ABUSE_WITHOUT_CUE, CLAIMS, Thresholds, calibrated, capped

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Uncalibrated scores of the claims, shape (n, 4), and of abuse, shape (n,).
Logits = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def find_thresholds(
    logits: Logits,
    labels: tuple[NDArray[np.int64], NDArray[np.bool_]],
    pointed: NDArray[np.bool_],
    *,
    coverage: float,
    review_accuracy: float,
    abuse_precision: float,
) -> Thresholds:
    """Find temperatures, conformal thresholds and the two decision thresholds.

    Parameters
    ----------
    logits
        Of n texts, by a model that has not seen their writers.
    labels
        Claims as positions in `CLAIMS`, and abuse, both of shape (n,).
    pointed
        Shape (n,): whether a cue of abuse stands in the text.
    coverage
        Stated coverage of the prediction sets, a fraction.
    review_accuracy, abuse_precision
        What must hold above the review threshold, and of what is decided as abuse; fractions.
    """
    from scipy.optimize import minimize, minimize_scalar

    (claim_logits, abuse_logits), (claims, abuse) = logits, labels
    rows = np.arange(len(claims))

    def claim_loss(temperature: float) -> float:
        p, _ = calibrated(claim_logits, abuse_logits, Thresholds(temperature=temperature))
        return float(-np.log(p[rows, claims] + 1e-12).mean())

    def abuse_loss(values: NDArray[np.float64]) -> float:
        found = Thresholds(abuse_temperature=float(np.exp(values[0])), abuse_bias=float(values[1]))
        _, p = calibrated(claim_logits, abuse_logits, found)
        return float(-np.log(np.where(abuse, p, 1 - p) + 1e-12).mean())

    log_temperature, bias = minimize(abuse_loss, np.zeros(2), method="Nelder-Mead").x
    found = Thresholds(
        temperature=float(minimize_scalar(claim_loss, bounds=(0.05, 20), method="bounded").x),
        abuse_temperature=float(np.exp(log_temperature)),
        abuse_bias=float(bias),
        coverage=coverage,
    )
    p, p_abuse = calibrated(claim_logits, abuse_logits, found)
    p_abuse = capped(p_abuse, pointed)
    decidable = p_abuse > ABUSE_WITHOUT_CUE
    return replace(
        found,
        conformal=_conformal(p, claims, coverage),
        review=_lowest_threshold(p.max(axis=1), p.argmax(axis=1) == claims, review_accuracy, at_least=0),
        abuse=_lowest_threshold(p_abuse[decidable], abuse[decidable], abuse_precision, at_least=10),
    )


def _conformal(p: NDArray[np.float64], claims: NDArray[np.generic], coverage: float) -> tuple[float, ...]:
    """Return, for each class, the probability that all but 1 - coverage of its members reach.

    Class-conditional split conformal prediction (Vovk 2012, doi:10.1007/s10994-013-5355-6), with the finite-sample correction.
    """
    thresholds = []
    for index in range(len(CLAIMS)):
        scores = np.sort(p[claims == index, index])
        thresholds.append(float(scores[max(int(np.floor((1 - coverage) * (len(scores) + 1))) - 1, 0)]))
    return tuple(thresholds)


def _lowest_threshold(scores: NDArray[np.float64], right: NDArray[np.generic], wanted: float, at_least: int) -> float:
    """Return the lowest score such that, among all scores at or above it, the share that is right is at least `wanted`."""
    order = np.argsort(-scores, kind="stable")
    share = np.cumsum(right[order]) / np.arange(1, len(scores) + 1)
    good = np.flatnonzero((share >= wanted) & (np.arange(1, len(scores) + 1) >= at_least))
    return float(scores[order[good[-1]]]) if len(good) else 0.99
