from hypothesis import given
from hypothesis import strategies as st

from triage_ml.classifier import FixedClassifier
from triage_ml.messages import Claim
from triage_ml.teaching import value

TEXT = "Der Henkel war schon beim Auspacken ab."


class Judged:
    """Probabilities of the four claims in their order, and of abuse."""

    def __init__(self, probabilities, abuse=0.0):
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
