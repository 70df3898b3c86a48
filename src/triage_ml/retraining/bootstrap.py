"""Every figure of two models on the same texts, and how it varies when other groups of texts are drawn.

A paired bootstrap of clusters (Efron & Tibshirani 1993, ISBN 978-0-412-04231-7): whole writers or buyers are drawn with
replacement, and the difference between the models is taken in each draw.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from triage_ml.classifier import CLAIMS, Prediction
from triage_ml.corpus import LabelledText
from triage_ml.evaluation import BINS, judged

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 10_000
_AT_A_TIME = 1_000
# With fewer groups than this, drawing groups says nothing; each text is then drawn for itself.
_GROUPS = 10
MACRO, CALIBRATION, PRECISION, RECALL = "macro-F1", "calibration error", "abuse precision", "abuse recall"
REPLY = "first reply"


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


def paired(rows: Sequence[LabelledText], old: Answers, new: Answers) -> dict[str, tuple[float, float, NDArray[np.float64]]]:
    """Return each figure of both models on n texts, and how far the new one is ahead in each draw.

    Whole groups are drawn with replacement, for both models alike.

    Returns
    -------
    dict of str to (float, float, array of shape (RESAMPLES,))
        nan where a figure is of nothing.
    """
    languages, groups = sorted({row.lang for row in rows}), _groups(rows)
    sums = [_sums(rows, answers, languages) for answers in (old, new)]
    drawn = _drawn([_by_group(one, groups) for one in sums], languages)
    before, after = (_figures(one.sum(axis=0, keepdims=True), languages) for one in sums)
    return {what: (float(before[what][0]), float(after[what][0]), differences) for what, differences in drawn.items()}


def known(answers: Answers) -> NDArray[np.bool_]:
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
    count, many, told = len(CLAIMS), len(languages), known(answers)
    columns = [
        np.eye(count * count)[claim * count + guess],
        np.eye(many)[spoken],
        np.eye(many)[spoken] * right[:, None],
        np.column_stack([answers.flagged & abuse, answers.flagged, abuse]),
        np.column_stack([told, told if answers.replied is None else np.nan_to_num(answers.replied)]),
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
            MACRO: np.nanmean(f1, axis=1),
            **{f"accuracy {code}": right[:, n] / texts[:, n] for n, code in enumerate(languages)},
            **{f"F1 {claim}": f1[:, n] for n, claim in enumerate(CLAIMS)},
            PRECISION: abuse[:, 0] / abuse[:, 1],
            RECALL: abuse[:, 0] / abuse[:, 2],
            CALIBRATION: np.abs(bins).sum(axis=1) / texts.sum(axis=1),
            REPLY: replied[:, 1] / replied[:, 0],
        }
