"""Which templates people would answer a text with: learned from labelled texts, before any condition is looked at.

Two experts again, added: one sees the words (ridge regression of how well each template fits), one sees the cues, what is known
beside the words, and what the text claims (multinomial logistic regression over the templates). Of a shop's text mostly one
template is known to fit and one or two not to: what is known of each pair of text and template carries a weight of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How good the second and third acceptable template of a labelled text are, against the first.
_WORTH = (1.0, 0.7, 0.5)
# What one unit of the word expert's regression is worth in log-odds; chosen on held-out writers (4 to 14 do alike).
_WORDS_WEIGHT = 8.0
# A shop's export often does not say whether goods were personalised: so often is it hidden in learning.
_UNKNOWN = 0.3


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a message beside its words.

    Parameters
    ----------
    personalised
        Whether the goods were made for this buyer; None where the order does not say.
    photo
        Whether a photo came with the message.
    """

    personalised: bool | None = None
    photo: bool = False


def fit_replies(
    matrix: Any,  # noqa: ANN401 - scipy
    widths: Sequence[int],
    replies: NDArray[np.float32],
    known: NDArray[np.float32],
    judged: tuple[NDArray[np.float64], NDArray[np.float64]],
    circumstances: Sequence[Circumstances],
    alpha: float,
) -> tuple[Any, Any]:
    """Fit the two experts.

    Parameters
    ----------
    matrix
        Sparse, shape (n, n_features), words first and cues next.
    widths
        How many columns are words, how many are cues, then others.
    replies
        Shape (n, templates + 1): worth of each template for each text, 0 where it does not fit; last column "is a follow-up".
    known
        Shape (n, templates + 1): how much each entry of `replies` counts, in texts of the corpus; 0 where it is not known.
    judged
        Held-out probabilities of the claims, shape (n, 4), and of abuse, shape (n,): what the model will know of a new text.
    circumstances
        n of them.
    alpha
        Regularisation of the word expert.

    Returns
    -------
    Ridge, LogisticRegression or None
        The expert on words (its last output is "is a follow-up"), and the one on all else; None where the texts were answered
        with fewer than two templates.
    """
    from sklearn.linear_model import LogisticRegression

    words = _fit_words(matrix[:, : widths[0]], replies, known, alpha)
    hidden = np.random.default_rng(0).random(len(circumstances)) < _UNKNOWN
    told = [Circumstances(None, c.photo) if hide else c for c, hide in zip(circumstances, hidden, strict=True)]
    rows, templates = np.nonzero(replies[:, :-1])
    if len(np.unique(templates)) < 2:
        return words, None
    others = _others(matrix, widths, judged, told)
    choice = LogisticRegression(max_iter=2000, tol=1e-3)
    # Every acceptable template is an example of its own, worth less the later it was named.
    choice.fit(others[rows], templates, (replies * known)[rows, templates])
    return words, choice


def _fit_words(matrix: Any, replies: NDArray[np.float32], known: NDArray[np.float32], alpha: float) -> Any:  # noqa: ANN401 - scipy
    """Fit a ridge regression for each template on the texts that tell something of it, and hold them as one."""
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-2)
    if (known == 1).all():
        return ridge.fit(matrix, replies)
    coefficients, intercepts = [], []
    for worths, weights in zip(replies.T, known.T, strict=True):
        told = weights > 0
        ridge.fit(matrix[told], worths[told], weights[told])
        coefficients.append(ridge.coef_)
        intercepts.append(ridge.intercept_)
    ridge.coef_, ridge.intercept_ = np.vstack(coefficients), np.array(intercepts)
    return ridge


def worth(
    names: Sequence[str], votes: Sequence[tuple[str, float]] | None, ids: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Return how well each of the templates `ids` answers a text, and how much is known of that.

    Parameters
    ----------
    names
        The acceptable templates, best first, where they are all known.
    votes
        Else what speaks for (above 0) and against (below 0) single ones; None where `names` says all.
    ids
        Templates.
    """
    if votes is None:
        return [_WORTH[min(names.index(name), len(_WORTH) - 1)] if name in names else 0.0 for name in ids], [1.0] * len(ids)
    said = dict(votes)
    return [float(said.get(name, 0) > 0) for name in ids], [abs(said.get(name, 0)) for name in ids]


def fitting(
    experts: tuple[Any, Any],
    matrix: Any,  # noqa: ANN401 - scipy
    widths: Sequence[int],
    judged: tuple[NDArray[np.float64], NDArray[np.float64]],
    circumstances: Sequence[Circumstances],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of each template, shape (n, templates), and of being a follow-up, shape (n,).

    Parameters are those of `fit_replies`; `experts` is what it returned.
    """
    words, choice = experts
    regressed = words.predict(matrix[:, : widths[0]]).reshape(matrix.shape[0], -1)
    return chances(regressed, choice and choice.decision_function(_others(matrix, widths, judged, circumstances)))


def chances(
    regressed: NDArray[np.floating[Any]], choice: NDArray[np.floating[Any]] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add what the two experts said, shapes (n, templates + 1) and (n, templates); returns what `fitting` does."""
    scores = _WORDS_WEIGHT * regressed[:, :-1]
    if choice is not None:  # then each template has answered some text, and has its column
        scores += np.log(_softmax(choice) + 1e-9)
    return _softmax(scores), np.clip(regressed[:, -1], 0, 1)


def _softmax(scores: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    exp = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf if scores.shape[1] else 0))
    found: NDArray[np.float64] = exp / exp.sum(axis=1, keepdims=True)
    return found


def _others(
    matrix: Any,  # noqa: ANN401 - scipy
    widths: Sequence[int],
    judged: tuple[NDArray[np.float64], NDArray[np.float64]],
    circumstances: Sequence[Circumstances],
) -> Any:  # noqa: ANN401 - scipy
    """Return cues, circumstances, and the logarithms of what was judged, side by side."""
    from scipy.sparse import csr_matrix, hstack

    return hstack([matrix[:, widths[0] : widths[0] + widths[1]], csr_matrix(beside(judged, circumstances))], format="csr")


def beside(
    judged: tuple[NDArray[np.float64], NDArray[np.float64]], circumstances: Sequence[Circumstances]
) -> NDArray[np.float64]:
    """Return what is known beside words and cues, shape (n, 13): circumstances, and the logarithms of what was judged."""
    claims, abuse = judged
    known = [(c.personalised is True, c.personalised is False, c.photo) for c in circumstances]
    return np.column_stack([np.array(known, dtype=float), np.log(claims + 1e-3), abuse, np.log(abuse + 1e-3)])
