"""The matrix that the fitted transformer of `triage_ml.features` makes of texts, made many times faster and the same.

scikit-learn writes every gram of every text down and looks it up. Here a word's runs of characters are looked up once and
remembered, and pairs of words are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.features import BY_CHARACTER, cue_counts, runs, words_of
from triage_ml.text import Reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS_REMEMBERED, _LONGEST_REMEMBERED = 100_000, 40


class Vectoriser:
    """Makes the matrix that the fitted transformer would make, each word's runs of characters looked up only once.

    Parameters
    ----------
    features
        What `make_features` returned, fitted.
    """

    def __init__(self, features: Any) -> None:  # noqa: ANN401 - scikit-learn
        steps = features.named_transformers
        self._words, self._characters = steps["words"], steps["characters"]
        self._grams = _Grams(self._words.vocabulary_)
        self._cues: dict[str, int] = steps["cues"]["columns"].vocabulary_
        self._runs: dict[str, NDArray[np.int32]] = {}

    def transform(self, readings: Sequence[Reading]) -> Any:  # noqa: ANN401 - scipy
        """Return the sparse matrix, shape (n, n_features), of n readings."""
        from scipy.sparse import hstack

        blocks = [
            _tf_idf(self._grams.count(readings), self._words.idf_),
            _tf_idf(self._counted_runs(readings), self._characters.idf_),
        ]
        return hstack([*blocks, self._cue_block(readings)], format="csr")

    def _counted_runs(self, readings: Sequence[Reading]) -> Any:  # noqa: ANN401 - scipy
        """Count the runs of characters: what words a text has, times what runs a word has."""
        from scipy.sparse import csr_matrix

        numbers: dict[str, int] = {}
        texts = [[numbers.setdefault(word, len(numbers)) for word in words_of(reading)] for reading in readings]
        runs = [self._runs_in(word) for word in numbers]
        columns = np.concatenate(runs) if runs else np.zeros(0, np.int32)
        of_words = csr_matrix(
            (np.ones(len(columns), np.float32), columns, _bounds(runs)), shape=(len(runs), len(self._characters.vocabulary_))
        )
        return _rows(texts, len(numbers)) @ of_words

    def _runs_in(self, word: str) -> NDArray[np.int32]:
        found = self._runs.get(word)
        if found is None:
            vocabulary = self._characters.vocabulary_
            found = np.array([vocabulary[run] for run in runs(word) if run in vocabulary], np.int32)
            # Bounded, since a stream of messages brings new words for ever, and some of them are a whole page.
            if len(self._runs) < _WORDS_REMEMBERED and len(word) <= _LONGEST_REMEMBERED:
                self._runs[word] = found
        return found

    def _cue_block(self, readings: Sequence[Reading]) -> Any:  # noqa: ANN401 - scipy
        from scipy.sparse import csr_matrix

        known = self._cues
        found = [[(known[kind], value) for kind, value in cue_counts(reading).items() if kind in known] for reading in readings]
        pairs = list(chain.from_iterable(found))
        columns, values = [column for column, _ in pairs], [value for _, value in pairs]
        return csr_matrix((np.array(values, np.float32), columns, _bounds(found)), shape=(len(readings), len(known)))


class _Grams:
    """Counts what `word_grams` names, without writing pairs down as text.

    A gram of the vocabulary is numbered by the gram it begins with and its last key; none is there without the shorter one
    that it begins with, since that stands in at least as many texts.
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._keys = {key: number for number, key in enumerate(gram for gram in vocabulary if " " not in gram)}
        self._columns = [np.array([vocabulary[key] for key in self._keys], np.int32)]
        self._codes: list[NDArray[np.int64]] = []
        shorter: Mapping[str, int] = self._keys
        for blanks in (1, 2):
            grams = [gram for gram in vocabulary if gram.count(" ") == blanks]
            parts = [gram.rpartition(" ") for gram in grams]
            codes = np.array([shorter[begin] * len(self._keys) + self._keys[last] for begin, _, last in parts], np.int64)
            order = np.argsort(codes)
            self._codes.append(codes[order])
            self._columns.append(np.array([vocabulary[grams[n]] for n in order], np.int32))
            shorter = {grams[n]: number for number, n in enumerate(order)}

    def count(self, readings: Sequence[Reading]) -> Any:  # noqa: ANN401 - scipy
        """Return the counts, a sparse matrix of shape (n, vocabulary)."""
        from scipy.sparse import csr_matrix

        get = self._keys.get
        bounds = _bounds([reading.keys for reading in readings])
        keys = np.fromiter(
            chain.from_iterable(map(get, reading.keys, repeat(-1)) for reading in readings), np.int64, bounds[-1]
        )
        texts = np.repeat(np.arange(len(readings)), np.diff(bounds))
        threes = np.array([reading.language in BY_CHARACTER for reading in readings], dtype=bool)
        found, rows = [self._columns[0][keys[keys >= 0]]], [texts[keys >= 0]]
        begins = keys
        for longer, (codes, columns) in enumerate(zip(self._codes, self._columns[1:], strict=True), 1):
            begins = self._extend(begins[:-1], keys[longer:], texts[:-longer] == texts[longer:], codes)
            if longer > 1:
                begins = np.where(threes[texts[: len(begins)]], begins, -1)
            found.append(columns[begins[begins >= 0]])
            rows.append(texts[: len(begins)][begins >= 0])
        column, row = np.concatenate(found), np.concatenate(rows)
        width = sum(map(len, self._columns))
        return csr_matrix((np.ones(len(column), np.float32), (row, column)), shape=(len(readings), width))

    def _extend(
        self, begins: NDArray[np.int64], lasts: NDArray[np.int64], together: NDArray[np.bool_], codes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the numbers of the grams one key longer, -1 where there is none."""
        if not len(codes):
            return np.full(len(begins), -1)
        wanted = np.where(together & (begins >= 0) & (lasts >= 0), begins * len(self._keys) + lasts, -1)
        numbers = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[numbers] == wanted, numbers, -1)


def _rows(texts: Sequence[Sequence[int]], width: int) -> Any:  # noqa: ANN401 - scipy
    """Return a matrix with a one for each column that a text names; what is named twice stands there twice."""
    from scipy.sparse import csr_matrix

    bounds = _bounds(texts)
    columns = np.fromiter(chain.from_iterable(texts), np.int32, bounds[-1])
    return csr_matrix((np.ones(len(columns), np.float32), columns, bounds), shape=(len(texts), width))


def _bounds(rows: Sequence[Sized]) -> NDArray[np.int64]:
    """Return where each of n rows begins when they stand behind each other, and where the last one ends."""
    return np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])


def _tf_idf(counts: Any, idf: NDArray[np.float32]) -> Any:  # noqa: ANN401 - scipy
    """Do with counts what scikit-learn's TfidfTransformer does, with sublinear frequencies and rows of length one."""
    values = (np.log(counts.data) + 1) * idf[counts.indices]
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    # Summed in double precision, as scikit-learn does; it is not used itself, since importing it takes nearly a second.
    lengths = np.sqrt(np.bincount(rows, values * values, counts.shape[0]))
    counts.data = (values / lengths[rows]).astype(values.dtype)
    return counts
