"""From labels to a challenger; the champion is never touched."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from labelled_shop import shop_row
from typer.testing import CliRunner

from triage_ml import champions, model_files
from triage_ml.cli import retraining
from triage_ml.corpus import load_corpus
from triage_ml.errors import ModelError, TrainingDataError
from triage_ml.messages import Claim
from triage_ml.retraining.comparison import CORPUS, SLICE
from triage_ml.retraining.labels import learnable
from triage_ml.retraining.run import look, retrain

# MLflow and what it brings warn about each other.
pytestmark = [pytest.mark.usefixtures("own_home"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def retrained(shop, champion, training, tmp_path_factory):
    """One retraining, kept as a run; every test gets a copy of the home it was made in."""
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("retrained")))
        surroundings.delenv("MLFLOW_TRACKING_URI", raising=False)
        said = []
        return retrain(shop, champion, training, say=said.append), champions.models(), said


def test_the_challenger_stands_beside_the_champion(retrained, champion, shop):
    came, models, said = retrained
    assert [place.name for place in models.iterdir() if place.is_dir()] == [came.version] and not (
        models / "promotions.json"
    ).exists()
    assert model_files.load(came.folder).version == came.version != came.champion == model_files.load(champion).version
    about = model_files.facts(came.folder)
    assert about["shop"] == came.counts and about["champion"] == came.champion
    assert about["comparison"]["reasons"] == list(came.comparison.reasons)
    assert not [one.row.group for one in shop if one.row.group in json.dumps(about)]  # no buyer is named in the model's facts
    assert f"{came.counts['learned']} of them a shop's" in (came.folder / "card.md").read_text("utf-8")
    assert said[-1] == "writing the challenger" and came.run_id


def test_the_slice_is_compared_on_and_never_learned_from(retrained, shop, training):
    came, _, _ = retrained
    apart = [one for one in shop if one.apart]
    assert came.counts["apart"] == len(apart) > 0 and came.counts["learned"] == len(learnable(shop))
    by_place = {one.where: one.texts for one in came.comparison.differences if one.what == "macro-F1"}
    assert by_place == {SLICE: len(apart), CORPUS: len(load_corpus(training / "corpus")), "en.jsonl": 340}
    held_out = model_files.held_out(came.folder)
    assert not {one.row.id for one in shop} & held_out.keys() and len(next(iter(held_out.values()))) == 6
    told = model_files.facts(came.folder)["held_out"]["total"]["texts"]
    assert told == len(load_corpus(training / "corpus")) + came.counts["learned"]


def test_no_label_means_nothing_to_learn(champion, training):
    only_apart = [one for one in (shop_row("late", buyer=f"b{n}") for n in range(40)) if one.apart]
    for rows in ([], only_apart):
        came = retrain(rows, champion, training, tracked=False)
        assert came.comparison is None and not came.version and not came.proposed and champions.versions() == []


def test_contradictions_stop_it_before_anything_is_made(shop, champion, training):
    rows = [*shop, shop_row(shop[0].row.text, next(c for c in Claim if c is not shop[0].row.claim), buyer="else")]
    with pytest.raises(TrainingDataError, match="1 groups of messages .* --accept-conflicts"):
        retrain(rows, champion, training, tracked=False)
    assert champions.versions() == [] and [p.name for p in champions.models().iterdir()] == [".retrain.lock"]


def test_what_contradicts_is_left_out_when_accepted(shop, champion, training):
    own = [one for one in shop if not one.apart][:12]
    turned = shop_row(
        own[0].row.text, next(c for c in Claim if c is not own[0].row.claim), buyer=own[0].row.group.partition(" ")[2]
    )
    came = retrain([*own, turned], champion, training, accept_conflicts=True, tracked=False)
    assert came.counts["rows"] == 13 and came.counts["learned"] == 11 and len(came.findings.conflicts) == 1
    again = retrain(own[1:], champion, training, tracked=False)
    assert again.version == came.version and champions.versions() == [came.version]  # the same rows, the same model


def test_looking_lists_what_is_wrong_and_makes_nothing(shop, training):
    turned = shop_row(shop[3].row.text, next(c for c in Claim if c is not shop[3].row.claim), buyer="else")
    found = look([*shop, turned], training)
    assert len(found.conflicts) == 1 and not found.not_looked_at and champions.versions() == []
    assert look([], training).conflicts == ()


def test_two_at_once_are_refused(shop, champion, training):
    with champions.alone(), pytest.raises(ModelError, match="right now"):
        retrain(shop, champion, training, tracked=False)


@pytest.mark.parametrize("moment", ["learning from all texts", "writing the challenger"])
def test_killed_at_any_time_it_leaves_nothing_half(moment, champion, training, own_home):
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[4]); from labelled_shop import shop_row\n"
        "from triage_ml.retraining.run import retrain\n"
        "rows = [shop_row(f'The lid number {n} came loose', buyer=str(n)) for n in range(30)]\n"
        "print('begun', flush=True)\n"
        "retrain(rows, Path(sys.argv[1]), Path(sys.argv[2]), tracked=False, say=lambda what: print(what, flush=True))\n"
    )
    here = __file__.rpartition("/")[0]
    with subprocess.Popen(
        [sys.executable, "-c", code, champion, training, moment, here], stdout=subprocess.PIPE, text=True
    ) as other:
        assert any(line.strip() == moment for line in other.stdout)
        other.send_signal(signal.SIGKILL)
    for version in champions.versions():  # it may have been done just before
        assert model_files.load(champions.folder(version)).version == version
    assert champions.champion() == "" and not champions.history()
    with champions.alone():  # whoever was killed blocks nobody
        pass
    retrain([], champion, training, tracked=False)
    assert not list(champions.models().glob(".retrain-*"))


@pytest.fixture
def command(monkeypatch, training, champion, tmp_path):
    """The commands as they stand below `triage-ml`, in a checkout with a small corpus."""
    shutil.copytree(training, tmp_path / "training")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIAGE_MODEL", str(champion))
    monkeypatch.setenv("COLUMNS", "160")
    app = typer.Typer()
    app.add_typer(retraining.app)
    app.add_typer(retraining.labels_app, name="labels")
    return lambda *words: CliRunner().invoke(app, words)


def test_the_commands_say_what_was_used_and_what_to_do_next(command, shop, own_home):
    own = [one for one in shop if not one.apart][:20]
    lines = [{"id": o.row.id, "text": o.row.text, "claim": o.row.claim.value, "buyer": o.row.group[3:]} for o in own]
    labels = Path("labels.jsonl")
    labels.write_text("\n".join(map(json.dumps, [*lines, {"text": "hm", "claim": "nonsense"}])), "utf-8")
    done = command("retrain", "--labels", "labels.jsonl", "--promote")
    assert "1 rows cannot be learned from" in done.stderr and "20 are learned from" in done.stdout, done.output
    (version,) = champions.versions()
    if "Not proposed" in done.stdout:
        assert done.exit_code == 3 and champions.champion() == "" and f"models compare {version}" in done.stdout
    else:
        assert done.exit_code == 0 and champions.champion() == version and "models rollback" in done.stdout
    nothing = command("retrain")
    assert nothing.exit_code == 0 and "Nothing to learn" in nothing.stdout

    lines.append(lines[0] | {"id": "x", "claim": "other" if lines[0]["claim"] != "other" else "quality"})
    labels.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    stopped = command("retrain", "--labels", "labels.jsonl")
    assert isinstance(stopped.exception, TrainingDataError) and "triage-ml labels check" in str(stopped.exception)
    listed = command("labels", "check", "--labels", "labels.jsonl", "-o", "check.csv")
    assert listed.exit_code == 0 and "1 conflicts" in listed.stdout and Path("check.csv").exists(), listed.output
