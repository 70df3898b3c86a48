"""Which words of a text a model has never learned, and how many are to be expected in texts like those it learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence

import numpy as np

from triage_ml.classifier import Classifier, Judge
from triage_ml.corpus import LabelledText
from triage_ml.features import word_grams
from triage_ml.text import Reading, read_many

# From so many texts of a language on, its share is known to about one in a hundred.
_TEXTS = 500


def vocabulary_of(judge: Judge) -> Container[str] | None:
    """Return the words that a classifier's features were fitted on, None where the judge has none."""
    if not isinstance(judge, Classifier):
        return None
    words: Container[str] = judge.parts.features.named_transformers["words"].vocabulary_
    return words


def unknown_share(reading: Reading, vocabulary: Container[str]) -> float | None:
    """Return which share of the words (of Japanese and Chinese: characters) is unknown, None where there is no word.

    Pairs of words are left out: four in ten are unknown even in texts written like the training data, so that they tell little.
    """
    words = [gram for gram in word_grams(reading) if " " not in gram and any(map(str.isalpha, gram))]
    return sum(word not in vocabulary for word in words) / len(words) if words else None


def unknown_words(rows: Sequence[LabelledText], classifier: Classifier) -> dict[str, float]:
    """Return by language the mean share of words in a text that a model without its writer would never have learned.

    Nothing is learned for it: the model keeps in how many texts each word stood, and a writer's own texts are taken off that.

    Parameters
    ----------
    rows
        All that the model was trained on.
    classifier
        The model.
    """
    times, least = _texts_with(classifier, len(rows))
    shares: dict[str, list[float]] = {}
    for written in _writers(rows):
        readings = read_many([row.text for row in written], [row.lang for row in written])
        own = Counter(gram for reading in readings for gram in set(word_grams(reading)))
        known = {word for word, count in own.items() if times.get(word, 0) - count >= least}
        said = (unknown_share(reading, known) for reading in readings)
        shares.setdefault(written[0].lang, []).extend(share for share in said if share is not None)
    return {language: round(sum(values) / len(values), 4) for language, values in sorted(shares.items()) if values}


def _texts_with(classifier: Classifier, rows: int) -> tuple[dict[str, int], int]:
    """Return in how many of the texts learned from each known word stood, and in how many it had to stand to be learned."""
    words = classifier.parts.features.named_transformers["words"]
    # scikit-learn keeps ln((1 + rows) / (1 + texts with the word)) + 1.
    texts = np.rint((1 + rows) / np.exp(words.idf_.astype(float) - 1) - 1).astype(int)
    return {word: int(texts[column]) for word, column in words.vocabulary_.items()}, int(words.min_df)


def _writers(rows: Sequence[LabelledText]) -> Iterator[list[LabelledText]]:
    """Yield the texts of whole writers, of each language until there are enough.

    Those with few texts come first, which makes many writers, and a shop's own buyers before the writers of the corpus.
    """
    by_writer: dict[tuple[str, str], list[LabelledText]] = {}
    for row in rows:
        by_writer.setdefault((row.lang, row.group), []).append(row)
    read: Counter[str] = Counter()
    for (language, _), written in sorted(by_writer.items(), key=lambda item: (len(item[1]), item[0])):
        if read[language] < _TEXTS:
            read[language] += len(written)
            yield written
