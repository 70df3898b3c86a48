import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.classifier import FixedClassifier
from triage_ml.messages import Claim
from triage_ml.teaching import Candidate, Teaching, choose, value

TEXT = "Der Henkel war schon beim Auspacken ab."


class Judged:
    """Probabilities of the four claims in their order, and of abuse."""

    def __init__(self, probabilities, abuse=0.0, language="en"):
        self.language = language
        self.probabilities, self.abuse = dict(zip(Claim, probabilities, strict=True)), abuse


def _weights():
    return st.lists(st.floats(0.001, 1), min_size=4, max_size=4)


def test_what_is_plain_teaches_nothing_and_what_is_open_most():
    assert value(Judged((1.0, 0.0, 0.0, 0.0))) == 0
    assert value(Judged((0.5, 0.5, 0.0, 0.0))) == 1
    assert value(Judged((1.0, 0.0, 0.0, 0.0), abuse=0.5)) == 1


def test_the_gap_between_the_two_likeliest_counts_and_not_the_largest_alone():
    assert value(Judged((0.5, 0.48, 0.01, 0.01))) > value(Judged((0.5, 0.2, 0.2, 0.1)))


def test_abuse_that_may_be_adds():
    sure = value(Judged((0.8, 0.1, 0.05, 0.05), abuse=0.02))
    assert sure < value(Judged((0.8, 0.1, 0.05, 0.05), abuse=0.4))
    assert sure < value(Judged((0.8, 0.1, 0.05, 0.05), abuse=0.6)) == value(Judged((0.8, 0.1, 0.05, 0.05), abuse=0.4))


def test_a_real_prediction():
    (prediction,) = FixedClassifier(Claim.QUALITY, 0.91, 0.01).predict_many([TEXT])
    assert abs(value(prediction) - (1 - 0.88 * 0.98)) < 1e-9


@given(_weights(), st.floats(0, 1))
def test_it_is_a_share_and_the_order_of_claims_does_not_matter(weights, abuse):
    probabilities = [weight / sum(weights) for weight in weights]
    found = value(Judged(probabilities, abuse))
    assert 0 <= found <= 1
    assert found == value(Judged(probabilities[::-1], abuse))


@given(_weights(), st.floats(0, 0.5), st.floats(0, 0.5))
def test_it_rises_as_abuse_comes_nearer_to_an_even_chance(weights, one, other):
    probabilities = [weight / sum(weights) for weight in weights]
    less, more = sorted((one, other))
    assert value(Judged(probabilities, less)) <= value(Judged(probabilities, more)) + 1e-12


# --- what the model was trained with


COUNTS = {"en": dict.fromkeys(map(str, Claim), 1600), "ja": dict.fromkeys(map(str, Claim), 100)}


def test_a_label_of_a_sort_that_the_model_has_little_of_teaches_more():
    unsure = (0.5, 0.5, 0.0, 0.0)
    teaching = Teaching(COUNTS)
    common, rare, unknown = (teaching.value(Judged(unsure, language=code)) for code in ("en", "ja", "it"))
    assert common == pytest.approx(0.5) and rare == unknown == 1


def test_the_rare_claim_counts_within_a_language():
    teaching = Teaching({"en": {"quality": 1600, "mismatch": 1600, "subjective": 100, "other": 1600}})
    assert teaching.value(Judged((0.1, 0.1, 0.5, 0.3))) > teaching.value(Judged((0.5, 0.1, 0.1, 0.3)))


@pytest.mark.parametrize("counts", [{}, {"en": {}}, {"en": {"quality": 0}}])
def test_without_counts_only_being_unsure_counts(counts):
    judged = Judged((0.6, 0.3, 0.1, 0.0), 0.2)
    assert Teaching(counts).value(judged) == value(judged)


@given(_weights(), st.floats(0, 1), st.sampled_from(["en", "ja", "xx"]))
def test_with_counts_it_is_a_share_too(weights, abuse, language):
    judged = Judged([weight / sum(weights) for weight in weights], abuse, language)
    assert 0 <= Teaching(COUNTS).value(judged) <= value(judged) + 1e-12


# --- choosing


MESSAGES = (
    "The handle broke off after two days.",
    "Where is my parcel? It says delivered since Monday.",
    "Die Farbe ist ganz anders als auf dem Foto.",
    "杯子收到的时候已经碎了",
    "刻印の名前が間違っています",
)


def _candidates(texts, values=None):
    values = values or [0.5] * len(texts)
    return [Candidate(str(n), text, worth) for n, (text, worth) in enumerate(zip(texts, values, strict=True))]


def test_one_of_many_copies_is_chosen_and_the_others_come_last():
    copies = [f"My ring arrived scratched, order {n}, please send another." for n in range(20)]
    chosen = choose(_candidates([*copies, *MESSAGES]), 6)
    assert "ring" in chosen[0].text  # it stands for all twenty
    assert {one.text for one in chosen[1:]} == set(MESSAGES)


def test_copies_of_chinese_are_seen_too():
    chosen = choose(
        _candidates(["杯子收到的时候已经碎了！", "杯子收到的时候已经碎了", "颜色和图片完全不一样", "Farbe falsch"]), 3
    )
    assert chosen[0].id in "01" and {one.id for one in chosen[1:]} == {"2", "3"}


def test_another_buyer_goes_before_one_that_was_chosen():
    first, second, third, *_ = MESSAGES
    candidates = [
        Candidate("a", first, 0.9, frozenset({"buyer 1", "product mug"})),
        Candidate("b", second, 0.8, frozenset({"buyer 1", "product ring"})),
        Candidate("c", third, 0.75, frozenset({"buyer 2", "product lamp"})),
    ]
    assert [one.id for one in choose(candidates, 3)] == ["a", "c", "b"]


def test_what_teaches_most_begins_and_what_differs_keeps_its_order():
    values = [0.2, 0.9, 0.6, 0.4, 0.7]
    assert [one.id for one in choose(_candidates(MESSAGES, values), 5)] == ["1", "4", "2", "3", "0"]


@given(st.lists(st.tuples(st.text(max_size=30), st.floats(0, 1)), max_size=12), st.integers(0, 15))
def test_each_is_chosen_once_and_always_the_same(drawn, n):
    candidates = [Candidate(str(place), text, worth) for place, (text, worth) in enumerate(drawn)]
    chosen = choose(candidates, n)
    assert len(chosen) == len({one.id for one in chosen}) == min(n, len(candidates))
    assert chosen == choose(candidates, n)
