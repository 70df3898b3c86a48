"""From read texts to numbers: words, runs of characters and cues, one column each, and the vectors of an encoder.

What the transformer calls are functions by name, so that skops can save it; `triage_ml.model_audit` knows these by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from triage_ml.encoders import Encoder, vectors_of
from triage_ml.text import Reading

CLAIM_CUES = frozenset({
    "fault", "damage", "stopped", "differs", "missing", "own_error", "taste", "fit", "expectation", "changed_mind",
})  # fmt: skip
_BESIDE_CLAIMS = {
    "wish": frozenset({"wish_replacement", "wish_return", "wish_refund", "wish_partial", "wish_repair"}),
    "process": frozenset({"delivery", "service", "account", "question"}),
    "good": frozenset({"praise", "no_fault", "resolved"}),
}
BY_CHARACTER = frozenset({"ja", "zh"})


def make_features(min_word: int, min_character: int) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    """Return the unfitted transformer from readings to features; the columns of the cues stand last."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.preprocessing import FunctionTransformer

    vectoriser = partial(TfidfVectorizer, sublinear_tf=True, dtype=np.float32)
    cues = Pipeline([("count", FunctionTransformer(as_is)), ("columns", DictVectorizer(dtype=np.float32))])
    return FeatureUnion(
        [
            ("words", vectoriser(analyzer=word_grams, min_df=min_word)),
            ("characters", vectoriser(analyzer=character_grams, min_df=min_character)),
            ("cues", cues),
        ]
    )


def cue_columns(features: Any) -> list[str]:  # noqa: ANN401 - scikit-learn
    """Return the names of the columns that the fitted transformer makes of cues."""
    names: list[str] = features.named_transformers["cues"]["columns"].feature_names_
    return names


def with_vectors(matrix: Any, encoder: Encoder | None, readings: Sequence[Reading]) -> Any:  # noqa: ANN401 - scipy
    """Put the vectors of an encoder, if there is one, to the right of a sparse matrix with one row a reading."""
    if encoder is None:
        return matrix
    from scipy.sparse import csr_matrix, hstack

    vectors = vectors_of(encoder, [r.text for r in readings], [r.language for r in readings])
    return hstack([matrix, csr_matrix(vectors)], format="csr")


def word_grams(reading: Reading) -> list[str]:
    """Return stems and pairs of stems; for Japanese and Chinese runs of one to three characters."""
    keys = reading.keys
    grams = list(keys) + [f"{a} {b}" for a, b in zip(keys, keys[1:], strict=False)]
    if reading.language in BY_CHARACTER:
        grams += [f"{a} {b} {c}" for a, b, c in zip(keys, keys[1:], keys[2:], strict=False)]
    return grams


def character_grams(reading: Reading) -> Iterator[str]:
    """Yield runs of three to five characters inside words, which see through typing errors and compounds."""
    for word in words_of(reading):
        yield from runs(word)


def words_of(reading: Reading) -> list[str]:
    """Return the words whose runs of characters count; none of Japanese and Chinese texts."""
    return [] if reading.language in BY_CHARACTER else reading.text.lower().split()


def runs(word: str) -> Iterator[str]:
    """Yield the runs of three to five characters of one word."""
    padded = f" {word} "
    for size in (3, 4, 5):
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


def cue_counts(reading: Reading) -> dict[str, float]:
    """Return how often each kind of cue stands in a text, alike for all languages.

    Negated cues and cues in questions are kinds of their own, and so are cues before and after the last "but": in "lovely
    ring, but it snapped" and "it snapped, but I love it" the same cues stand the other way round.
    """
    counts: Counter[str] = Counter()
    for cue in reading.cues:
        kind = f"{cue.type}{'!' * cue.negated}{'?' * cue.asked}"
        counts[kind] += 1
        if reading.turn >= 0 and not cue.asked:
            counts[f"{kind} {'after' if cue.start >= reading.turn else 'before'} but"] += 1
    stated = {cue.type for cue in reading.cues if not cue.negated and not cue.asked}
    if not stated & CLAIM_CUES:
        # A wish, praise or a question says little of the goods when nothing else does, and much when something does.
        counts["nothing claimed"] = 1
        named = {cue.type for cue in reading.cues}
        for name, types in _BESIDE_CLAIMS.items():
            if named & types:
                # True, not 1: of a bool NumPy takes the logarithm in half precision, and the figures were measured with that.
                counts[f"nothing claimed, {name}"] = True
    if not reading.cues:
        counts["no cue"] = 1
    values = {kind: _log1p(count) for kind, count in counts.items()}
    values["length"] = _log1p(len(reading.text)) / 5
    values[f"language {reading.language}"] = 1.0
    return values


@lru_cache(maxsize=4096, typed=True)
def _log1p(count: int) -> float:
    return float(np.log1p(count))


def as_is(values: Sequence[Reading]) -> list[dict[str, float]]:
    """Return the cue counts of n readings (a function by name, for skops)."""
    return [cue_counts(reading) for reading in values]
