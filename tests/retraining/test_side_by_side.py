"""Two models of a shop compared, from the command and below it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from triage_ml import champions, model_files
from triage_ml.cli import app
from triage_ml.errors import ModelNotFoundError
from triage_ml.retraining.comparison import CORPUS, SLICE
from triage_ml.retraining.run import retrain
from triage_ml.retraining.side_by_side import Contender, side_by_side, stored

pytestmark = [pytest.mark.usefixtures("own_home"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def came(shop, champion, training, tmp_path_factory):
    """A retraining, and the folder of its challenger."""
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("compared")))
        return retrain(shop, champion, training, tracked=False)


def test_comparing_anew_says_what_was_stored(came, shop, champion, training):
    kept = stored(came.folder, came.champion)
    assert kept == came.comparison
    anew = side_by_side(Contender.load(champion), Contender.load(came.folder), shop, training)
    # held_out.json keeps four digits, and the first comparison knew all of them.
    assert [one.verdict for one in anew.differences] == [one.verdict for one in kept.differences]
    assert [one.better for one in anew.differences] == pytest.approx([one.better for one in kept.differences], abs=1e-3)
    assert (anew.promote, anew.lost, anew.won, anew.checks) == (kept.promote, kept.lost, kept.won, kept.checks)


def test_nothing_is_stored_about_another_champion_or_a_model_that_was_not_retrained(came, champion):
    assert stored(came.folder, "another") is None and stored(champion, came.version) is None


@pytest.fixture
def ask(came, champion, training, tmp_path, monkeypatch):
    """The commands in a checkout with a small corpus, where both models are the shop's."""
    old = champions.models() / came.champion
    shutil.copytree(champion, old)
    shutil.copytree(came.folder, champions.models() / came.version)
    shutil.copytree(training, tmp_path / "training")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    champions.promote(came.champion, "Mei", "the first")
    return lambda *words: CliRunner().invoke(app, ["models", "compare", *words])


def test_the_champion_is_what_it_is_compared_with_unless_another_is_named(ask, came):
    page = ask(came.version)
    assert page.exit_code == 0 and f"As it was when {came.version} was made" in page.stdout, page.output
    told = json.loads(ask(came.version, came.champion, "--json").stdout)
    assert (told["challenger"], told["champion"], told["stored"]) == (came.version, came.champion, True)
    assert told["reasons"] == list(came.comparison.reasons) and len(told["differences"]) == len(came.comparison.differences)
    for where in (SLICE, CORPUS):
        assert where in page.stdout and any(one["where"] == where for one in told["differences"])


def test_what_was_not_compared_is_compared_now_the_other_way_round_too(ask, came, shop):
    lines = [{"text": o.row.text, "claim": o.row.claim.value, "buyer": o.row.group[3:], "id": o.row.id} for o in shop]
    Path("labels.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    told = json.loads(ask(came.champion, came.version, "--labels", "labels.jsonl", "--json").stdout)
    forth = {(one.where, one.what): one.better for one in came.comparison.differences}
    back = {(one["where"], one["what"]): one["better"] for one in told["differences"] if one["where"] != SLICE}
    assert not told["stored"] and back == pytest.approx({key: -forth[key] for key in back}, abs=1e-3)
    assert any(one["where"] == SLICE for one in told["differences"])
    again = ask(came.version, "--again")
    assert again.exit_code == 0 and "As it was" not in again.stdout and "would" in again.stdout


def test_the_shipped_model_can_be_named(ask, came, champion):
    shutil.copytree(champion, Path("models/default"))
    assert json.loads(ask(came.version, "shipped", "--json").stdout)["champion"] == model_files.version(champion)


def test_a_model_is_not_compared_with_itself_and_one_that_is_not_there_is_named(ask, came):
    assert ask(came.champion).exit_code == 2 and "twice" in ask(came.champion).output.replace("\n", " ")
    assert isinstance(ask("nothing").exception, ModelNotFoundError)
