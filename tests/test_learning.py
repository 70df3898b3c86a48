from dataclasses import replace

import numpy as np
import pytest

from triage_ml.errors import TrainingDataError
from triage_ml.evaluation import figures
from triage_ml.learning import Parameters, fit, load_parameters
from triage_ml.reply_model import Circumstances


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


def test_texts_without_replies_can_be_learned_from(rows):
    classifier, _ = fit([replace(r, replies=()) for r in rows[::2]], Parameters(folds=3))
    assert classifier.predict("The ring broke").replies == {}


def test_circumstances_change_which_reply_fits_and_never_the_claim(fitted):
    text = "I do not like the colour, can I send it back?"
    made, ready = (fitted[0].predict_many([text], None, [Circumstances(personalised)])[0] for personalised in (True, False))
    assert made.probabilities == ready.probabilities
    assert made.replies["s_explain_policy"] > ready.replies["s_explain_policy"]
    assert sum(made.replies.values()) == pytest.approx(1)
