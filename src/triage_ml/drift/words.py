"""Which words of a text the model has never learned."""

from __future__ import annotations

from collections.abc import Container

from triage_ml.classifier import Classifier, Judge
from triage_ml.features import word_grams
from triage_ml.text import Reading


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
