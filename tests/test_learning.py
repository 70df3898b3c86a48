import numpy as np
import pytest

from triage_ml.errors import TrainingDataError
from triage_ml.evaluation import figures
from triage_ml.learning import Parameters, fit, load_parameters


def test_the_same_rows_give_the_same_model(rows, fitted):
    texts = [r.text for r in rows[:40]]
    again, _ = fit(rows, Parameters(folds=3))
    assert again.predict_many(texts) == fitted[0].predict_many(texts)


def test_held_out_writers_are_judged_better_than_chance(rows, fitted):
    _, held_out = fitted
    assert figures(held_out).macro_f1 > 0.45  # four classes: guessing reaches 0.25
    assert held_out.probabilities.shape == (len(rows), 4)
    assert np.allclose(held_out.probabilities.sum(axis=1), 1)


def test_rows_without_a_class_are_refused(rows):
    with pytest.raises(TrainingDataError, match="mismatch"):
        fit([r for r in rows if r.claim != "mismatch"], Parameters(folds=3))


def test_an_unknown_parameter_is_named(tmp_path):
    (tmp_path / "p.toml").write_text("strenght = 1.0", "utf-8")
    with pytest.raises(TrainingDataError, match="strenght"):
        load_parameters(tmp_path / "p.toml")
