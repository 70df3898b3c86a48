"""Which of the European languages texts are in: py3langid's model, walked through for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from unicodedata import normalize

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EUROPEAN = ("en", "de", "fr", "es", "it")
# So many bytes py3langid's automaton looks back.
_DEPTH = 6
# No byte of a text in UTF-8: it takes the automaton back to its start.
_BREAK = b"\xff"


def classify_many(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Return what py3langid's `classify` says of n texts, a language and its probability for each.

    It walks through a text byte by byte, which takes longer than anything else here. Where its automaton stands depends on the
    last few bytes alone, so all the bytes of all texts are walked through at once.
    """
    from scipy.sparse import csr_matrix

    walk = _walk()
    # As the library does it.
    encoded = [normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "surrogatepass") for text in texts]
    read = np.frombuffer(_BREAK * _DEPTH + _BREAK.join(encoded), dtype=np.uint8)
    state = np.zeros(len(read) - _DEPTH, dtype=np.int32)
    for back in range(_DEPTH):
        state = walk.following[(walk.rows[state] << 8) + read[back + 1 : len(read) - _DEPTH + back + 1]]
    feature = walk.features[state]
    lengths = np.array([len(one) for one in encoded])
    ends = np.cumsum(lengths + 1) - 1
    counted = np.concatenate([[0], np.cumsum(feature >= 0)])
    feature = feature[feature >= 0]
    bounds = counted[np.concatenate([[0], np.minimum(ends, len(state))])]
    counts = csr_matrix((np.ones(len(feature), np.float32), feature, bounds), shape=(len(texts), len(walk.weights)))
    counts.sum_duplicates()
    counts.data = np.log1p(counts.data)
    scores = (counts @ walk.weights + walk.prior * (np.diff(bounds) > 0)[:, None]) / np.sqrt(np.maximum(lengths, 1))[:, None]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    best = likely.argmax(axis=1)
    return [(walk.languages[n], float(likely[row, n])) for row, n in enumerate(best)]


@dataclass(frozen=True, slots=True)
class _Walk:
    """py3langid's automaton and weights as arrays: `following[(rows[state] << 8) + byte]` is the next state.

    `features` has the feature that a state stands for, -1 for none; `weights`, shape (features, languages), and `prior`
    score it.
    """

    following: NDArray[np.int32]
    rows: NDArray[np.int32]
    features: NDArray[np.int32]
    weights: NDArray[np.float32]
    prior: NDArray[np.float32]
    languages: Sequence[str]


@cache
def _walk() -> _Walk:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(list(EUROPEAN))
    following, rows, features = (np.array(one, np.int32) for one in (model.tk_nextmove, model.tk_row, model.tk_output))
    weights, prior = model.nb_ptc.astype(np.float32), model.nb_pc.astype(np.float32)
    return _Walk(following, rows, features, weights, prior, model.nb_classes)
