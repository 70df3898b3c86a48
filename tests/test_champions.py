"""Which model counts, and the way back."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml import champions
from triage_ml.errors import ModelError, ModelNotFoundError, UntrustedModelError


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))


@pytest.fixture
def models(model_folder):
    """Three models of a shop."""
    for version in "abc":
        shutil.copytree(model_folder, champions.models() / version)


def test_without_any_promotion_the_shipped_model_counts():
    assert (champions.champion(), champions.before(), champions.versions(), champions.history()) == ("", None, [], [])


def test_a_model_is_promoted_with_who_and_why(models):
    champions.promote("b", "Mei", "better for German")
    assert champions.champion() == "b" and champions.before() == ""
    assert [(one.version, one.by, one.why) for one in champions.history()] == [("b", "Mei", "better for German")]


def test_each_rollback_goes_one_further_back(models):
    for version in "abc":
        champions.promote(version, "Mei", "new")
    counts = []
    while champions.before() is not None:
        champions.rollback("Jan", "worse")
        counts.append(champions.champion())
    assert counts == ["b", "a", ""]
    with pytest.raises(ModelError, match="no promotion"):
        champions.rollback("Jan", "worse")


@given(steps=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12))
def test_the_champion_is_the_last_one_that_was_not_taken_back(steps, tmp_path_factory, model_folder):
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("home")))
        for version in "abc":
            shutil.copytree(model_folder, champions.models() / version)
        stack = [""]
        for step in steps:
            if step is None and len(stack) > 1:
                stack.pop()
                champions.rollback("Jan", "")
            elif step is not None and step != stack[-1]:
                stack.append(step)
                champions.promote(step, "Mei", "")
            assert champions.champion() == stack[-1]


def test_what_counts_already_is_not_promoted_again(models):
    champions.promote("a", "Mei", "")
    with pytest.raises(ModelError, match="is the champion"):
        champions.promote("a", "Jan", "")
    assert len(champions.history()) == 1


def test_a_model_that_is_not_there_or_was_changed_is_not_promoted(models):
    with pytest.raises(ModelNotFoundError, match="expected one of: a, b, c"):
        champions.promote("../elsewhere", "Mei", "")
    (champions.models() / "b" / "card.md").write_text("another")
    with pytest.raises(UntrustedModelError):
        champions.promote("b", "Mei", "")
    assert champions.champion() == ""


def test_a_broken_file_is_one_sentence(models):
    (champions.models() / "promotions.json").write_text('[{"step": "promote"}]')
    with pytest.raises(ModelError, match=r"promotions\.json: found"):
        champions.champion()


def test_the_file_says_it_in_json(models):
    champions.promote("c", "美", "更准")
    (entry,) = json.loads((champions.models() / "promotions.json").read_text("utf-8"))
    assert entry["by"] == "美" and entry["step"] == "promote"


def test_two_at_once_are_refused_and_a_killed_one_blocks_nobody():
    code = "import time; from triage_ml.champions import alone\nwith alone(): print('in', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(ModelError, match="right now"), champions.alone():
            pass
        other.kill()
    with champions.alone():
        pass
