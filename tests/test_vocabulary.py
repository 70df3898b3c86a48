"""Unknown words, held against a count by hand."""

import numpy as np
import pytest

from triage_ml.features import make_features
from triage_ml.learning import Parameters
from triage_ml.text import read_many
from triage_ml.vocabulary import unknown_share, unknown_words


def test_the_share_is_that_of_a_model_that_never_saw_the_writer(rows, fitted):
    """A vocabulary fitted anew without each writer of Italian says the same as taking the writer off the model's counts."""
    shares = []
    for writer in sorted({row.group for row in rows if row.lang == "it"}):
        others = [row for row in rows if row.group != writer]
        features = make_features(Parameters().min_word, Parameters().min_character)
        words = features.named_transformers["words"].fit(read_many([r.text for r in others], [r.lang for r in others]))
        own = [row for row in rows if row.group == writer]
        shares += [unknown_share(reading, words.vocabulary_) for reading in read_many([r.text for r in own], ["it"] * len(own))]
    known = [share for share in shares if share is not None]
    assert unknown_words(rows, fitted[0])["it"] == pytest.approx(np.mean(known), abs=1e-4) and 0.05 < np.mean(known) < 0.5


def test_every_language_that_was_learned_has_a_share(rows, fitted):
    found = unknown_words(rows, fitted[0])
    assert found.keys() == {row.lang for row in rows} and all(0 < share < 0.5 for share in found.values())
    assert unknown_words([], fitted[0]) == {}
