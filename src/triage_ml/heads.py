"""The linear heads of a model, laid out once so that one product with a sparse matrix serves all of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Heads:
    """The weights of all heads; `known`, shape (13, templates), are those of `triage_ml.reply_model.beside`.

    Parameters
    ----------
    claim, abuse, reply_words, reply_choice
        As in `triage_ml.classifier.Parts`.
    cues
        How many columns are cues; they stand behind those that `reply_words` looks at.
    """

    def __init__(self, claim: Any, abuse: Any, reply_words: Any, reply_choice: Any, cues: int) -> None:  # noqa: ANN401
        words = reply_words.n_features_in_
        self._claims, self._claims_bias = _laid_out([claim, abuse], np.float64)
        # Eighty outputs for each of a text's words: in single precision, which moves the chances by some millionths.
        self._words, self._words_bias = _laid_out([reply_words], np.float32)
        self._cues = slice(words, words + cues)
        self._choice = None
        self.known = np.zeros((0, 0))
        if reply_choice is not None:
            self._choice, self._choice_bias = _laid_out([reply_choice], np.float64)
            self._choice, self.known = self._choice[:cues], self._choice[cues:]

    def scores(self, matrix: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]:  # noqa: ANN401 - scipy
        """Return logits of claims (n, 4) and abuse (n,), and what the reply experts get out of words and of cues."""
        judged = matrix @ self._claims + self._claims_bias
        regressed = matrix[:, : len(self._words)] @ self._words + self._words_bias
        from_cues = None if self._choice is None else matrix[:, self._cues] @ self._choice + self._choice_bias
        return judged[:, :-1], judged[:, -1], regressed, from_cues


def _laid_out(models: Sequence[Any], precision: type[np.floating[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the weights of linear models, shape (n_features, outputs), and their biases."""
    weights = np.vstack([np.atleast_2d(model.coef_) for model in models])
    biases = np.concatenate([np.atleast_1d(model.intercept_) for model in models])
    return np.ascontiguousarray(weights.T, dtype=precision), biases.astype(precision)
