"""What is looked up quickly is what scikit-learn writes down slowly."""

import numpy as np
import pytest

from triage_ml.features import make_features
from triage_ml.text import read_many
from triage_ml.vectorising import Vectoriser

LEARNED = [
    ("The handle broke off on day one, the handle!", "en"), ("It broke. It broke again and again", "en"),
    ("Der Henkel ist abgebrochen, der Henkel!", "de"), ("La tasse est arrivée cassée", "fr"),
    ("取っ手が折れていました。取っ手が", "ja"), ("杯子的把手断了，把手断了", "zh"), ("handle broke off", "en"),
]  # fmt: skip
NEW = [
    *LEARNED, ("", "en"), ("!", "de"), ("x", "en"), ("BROKE broke brokebroke " * 30, "en"), ("把手", "zh"), ("断了，把手断了，断了", "zh"),
    ("Nothing of this was ever seen: zygote quux", "en"), ("handle 取っ手が折れ", "en"), ("w" * 200, "en"),
]  # fmt: skip


@pytest.mark.parametrize("least", [1, 2])
def test_the_matrix_is_the_one_that_scikit_learn_makes(least):
    features = make_features(least, least)
    features.fit(read_many(*map(list, zip(*LEARNED, strict=True))))
    readings = read_many(*map(list, zip(*NEW, strict=True)))
    vectoriser = Vectoriser(features)
    for batch in (readings, readings, readings[:1], readings[7:9]):  # the second time from what is remembered
        made, meant = vectoriser.transform(batch), features.transform(batch)
        assert made.shape == meant.shape
        np.testing.assert_allclose(made.toarray(), meant.toarray(), rtol=1e-6, atol=0)


def test_words_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr("triage_ml.vectorising._WORDS_REMEMBERED", 5)
    features = make_features(1, 1)
    features.fit(read_many(*map(list, zip(*LEARNED, strict=True))))
    vectoriser = Vectoriser(features)
    readings = read_many([" ".join(f"word{n}" for n in range(50)), "w" * 200], ["en", "en"])
    np.testing.assert_allclose(vectoriser.transform(readings).toarray(), features.transform(readings).toarray(), rtol=1e-6)
    assert len(vectoriser._runs) == 5
