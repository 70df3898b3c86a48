import pytest

from triage_ml.classifier import CLAIMS, FixedClassifier
from triage_ml.messages import Category, Claim

TEXTS = ["The ring snapped after two days", "帮我改地址", "Wo bleibt mein Paket?", "", "??", "x" * 20_000]


def test_probabilities_are_probabilities(fitted):
    for prediction in fitted[0].predict_many(TEXTS):
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert 0 <= prediction.abuse <= 1
        assert prediction.claim == max(prediction.probabilities, key=prediction.probabilities.get)
        assert prediction.claim in prediction.claim_set


def test_one_and_many_agree(fitted):
    assert [fitted[0].predict(text) for text in TEXTS] == fitted[0].predict_many(TEXTS)
    assert fitted[0].predict_many([]) == []


def test_plain_cases(fitted):
    wanted = {
        "Arrived cracked and it leaks everywhere, very poor quality": Claim.QUALITY,
        "I ordered the blue one and you sent me a red one": Claim.MISMATCH,
        "It is fine but I changed my mind and no longer need it": Claim.SUBJECTIVE,
        "Where is my parcel? The tracking has not moved since Monday": Claim.OTHER,
    }
    assert [p.claim for p in fitted[0].predict_many(list(wanted))] == list(wanted.values())


def test_what_is_unsure_is_left_to_a_person(fitted):
    classifier = fitted[0]
    for prediction in classifier.predict_many(TEXTS):
        sure = max(prediction.probabilities.values()) >= classifier.thresholds.review
        assert sure or prediction.category in (Category.NEEDS_REVIEW, Category.ABUSE)
    for text in ("12345", "😡😡😡", "??", ""):
        assert classifier.predict(text).category is Category.NEEDS_REVIEW


def test_prediction_sets_of_held_out_writers_cover_every_class_about_as_stated(fitted):
    classifier, held_out = fitted
    for index in range(len(CLAIMS)):
        here = held_out.claim == index
        assert held_out.inside[here, index].mean() >= classifier.thresholds.coverage - 0.05


def test_abuse_of_held_out_writers_is_decided_at_about_the_stated_precision(fitted):
    _, held_out = fitted
    assert held_out.flagged.sum() > 10
    assert held_out.abuse[held_out.flagged].mean() >= 0.9


def test_the_stand_in_says_what_it_is_told():
    prediction = FixedClassifier(Claim.MISMATCH, 0.7).predict_many(["whatever"])[0]
    assert (prediction.claim, prediction.category) == (Claim.MISMATCH, Category.MISMATCH)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
