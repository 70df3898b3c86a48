"""The checks of training/behaviour.toml, asked of the shipped model.

A share below 1 stands where single texts may tip over; it is what must not get worse.
"""

from pathlib import Path

import pytest

from triage_ml.classifier import FixedClassifier
from triage_ml.errors import TrainingDataError
from triage_ml.retraining.behaviour import check_behaviour

FILE = Path(__file__).parents[2] / "training" / "behaviour.toml"


@pytest.fixture(scope="module")
def checks(shipped):
    return check_behaviour(shipped, FILE)


@pytest.mark.parametrize(
    ("kind", "count", "share"),
    [
        ("read", 28, 0.95),
        ("frames", 84, 0.95),
        ("forms", 140, 0.95),
        ("added", 14, 1.0),
        ("turned", 7, 1.0),
        ("threat", 7, 1.0),
    ],
)
def test_the_shipped_model_behaves(checks, kind, count, share):
    found = [check for check in checks if check.kind == kind]
    assert len(found) == count
    assert sum(check.passed for check in found) >= share * count, [check for check in found if not check.passed]


def test_a_judge_that_always_says_the_same_fails():
    failed = {check.kind for check in check_behaviour(FixedClassifier(), FILE) if not check.passed}
    assert failed == {"read", "added", "turned", "threat"}


def test_a_file_that_is_none_is_one_sentence(given_file):
    with pytest.raises(TrainingDataError, match="expected the checks"):
        check_behaviour(FixedClassifier(), given_file("[read.en]\nquality = 'x'", "behaviour.toml"))
