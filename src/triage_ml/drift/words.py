"""Which words a judge has learned, and which of a text it has not."""

from __future__ import annotations

from collections.abc import Container

from triage_ml.classifier import Classifier, Judge
from triage_ml.vocabulary import unknown_share

__all__ = ["unknown_share", "vocabulary_of"]


def vocabulary_of(judge: Judge) -> Container[str] | None:
    """Return the words that a classifier's features were fitted on, None where the judge has none."""
    if not isinstance(judge, Classifier):
        return None
    words: Container[str] = judge.parts.features.named_transformers["words"].vocabulary_
    return words
