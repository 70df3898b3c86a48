"""From labels to a challenger; the champion is never touched."""

import io
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import typer
from labelled_shop import shop_row
from typer.testing import CliRunner

from triage_ml import champions, model_files, registry
from triage_ml.cli import retraining
from triage_ml.corpus import load_corpus
from triage_ml.errors import TrainingDataError
from triage_ml.messages import Claim
from triage_ml.retraining.cleaning import Findings
from triage_ml.retraining.comparison import CORPUS, SLICE
from triage_ml.retraining.labels import learnable
from triage_ml.retraining.run import look, retrain
from triage_ml.triage import find_model

# MLflow and what it brings warn about each other.
pytestmark = [pytest.mark.usefixtures("own_home"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def retrained(shop, champion, training, tmp_path_factory):
    """One retraining, kept as a run; every test gets a copy of the home it was made in."""
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("retrained")))
        surroundings.delenv("MLFLOW_TRACKING_URI", raising=False)
        said = []
        return retrain(shop, champion, training, say=said.append, heed=said.append), champions.models(), said


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


def test_likely_errors_are_told_before_anything_is_learned_from_all(retrained):
    came, _, said = retrained
    (told,) = [one for one in said if isinstance(one, Findings)]
    assert told == came.findings and not told.not_looked_at
    assert said.index(told) < said.index("learning from all texts")


def test_whoever_looks_at_the_doubts_may_end_it(shop, champion, training):
    turned = [replace(one, row=replace(one.row, claim=_other(one.row.claim))) for one in shop]
    told = []

    def heed(found):
        told.extend(found.doubts)
        raise TrainingDataError("stopped")

    with pytest.raises(TrainingDataError, match="stopped"):
        retrain(turned, champion, training, tracked=False, heed=heed)
    assert told and {doubt.row.row.id for doubt in told} <= {one.row.id for one in turned if not one.apart}
    assert [place.name for place in champions.models().iterdir()] == [".retrain.lock"]


def _other(claim):
    return next(one for one in Claim if one is not claim)


def test_a_run_keeps_all_that_is_known_of_it_and_no_pickle(retrained, training):
    import mlflow

    came, models, _ = retrained
    store = models.parent
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    mlflow.set_registry_uri(f"sqlite:///{store}/mlflow.db")
    run, client = mlflow.get_run(came.run_id), mlflow.MlflowClient()
    about = model_files.facts(came.folder)
    assert run.info.run_name == "retrain"
    assert registry.code_version().keys() | {"champion", "proposed"} <= run.data.tags.keys()
    assert run.data.tags["model"] == came.version and run.data.tags["data_sha256"] == about["data_sha256"]
    assert run.data.params["folds"] == "3" and run.data.params["shop_learned"] == str(came.counts["learned"])
    figures = about["held_out"]["parts"]["language"]["en"]
    assert run.data.metrics["language.en.f1.quality"] == figures["f1"]["quality"]
    assert run.data.metrics["rows.en.quality"] == about["counts"]["en"]["quality"]
    assert {"better.slice.macro-F1", "better.corpus.accuracy_de", "better.corpus.F1_other"} <= run.data.metrics.keys()
    kept = {file.path for file in client.list_artifacts(came.run_id)}
    drawings = {f"1-{name}.png" for name in ("confusion", "reliability", "risk-coverage", "abuse")}
    assert {"card.md", "report.html", "figures.json"} | drawings <= kept
    registered = client.get_model_version_by_alias("triage_ml", "challenger")
    assert registered.run_id == came.run_id and registered.tags["model"] == came.version
    for path in (path for path in [*store.glob("mlartifacts/**/*"), *models.glob("**/*")] if path.is_file()):
        _is_no_pickle(path.name, path.read_bytes())


def _is_no_pickle(name, content):
    assert not name.endswith((".pkl", ".pickle", ".joblib", ".cloudpickle", ".pt")) and content[:1] != b"\x80", name
    if content[:2] == b"PK":  # skops: a ZIP of JSON and arrays
        with ZipFile(io.BytesIO(content)) as packed:
            for inner in packed.namelist():
                _is_no_pickle(inner, packed.read(inner))
    if name.endswith(".npy"):
        np.load(io.BytesIO(content), allow_pickle=False)  # an array of objects would be pickled inside


def test_where_the_store_cannot_be_reached_the_model_is_kept_and_why_no_run_is(shop, champion, training, own_home, monkeypatch):
    (own_home / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{own_home}/file/mlflow.db")
    came = retrain([one for one in shop if not one.apart][:12], champion, training)
    assert "Check MLFLOW_TRACKING_URI" in came.untracked and not came.run_id and champions.versions() == [came.version]


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


def test_of_two_processes_at_once_one_is_refused_and_the_other_makes_its_model(champion, training):
    with _process(champion, training) as first:
        assert any(line.strip() == "learning from all texts" for line in first.stdout)
        with _process(champion, training) as second:
            _, refused = second.communicate(timeout=120)
        first.communicate(timeout=300)
    assert second.returncode == 1 and "somebody else does the same (retrain) right now" in refused
    assert first.returncode == 0
    (version,) = champions.versions()
    assert model_files.load(champions.folder(version)).version == version
    assert sorted(place.name for place in champions.models().iterdir()) == [".retrain.lock", version]
    assert champions.champion() == ""


def test_a_promotion_meanwhile_disturbs_neither(champion, training):
    shutil.copytree(champion, champions.models() / "before")
    with _process(champion, training) as other:
        assert any(line.strip() == "learning from all texts" for line in other.stdout)
        champions.promote("before", "Mei", "meanwhile")
        other.communicate(timeout=300)
    assert other.returncode == 0 and champions.champion() == "before" and len(champions.versions()) == 2


def _process(champion, training):
    """Retrain on thirty messages in another process, which says what it does line by line."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[3]); from labelled_shop import shop_row\n"
        "from triage_ml.retraining.run import retrain\n"
        "rows = [shop_row(f'The lid number {n} came loose', buyer=str(n)) for n in range(30)]\n"
        "retrain(rows, Path(sys.argv[1]), Path(sys.argv[2]), tracked=False, say=lambda what: print(what, flush=True))\n"
    )
    command = [sys.executable, "-c", code, champion, training, __file__.rpartition("/")[0]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", ["learning from all texts", "writing the challenger"])
def test_killed_at_any_time_it_leaves_nothing_half(moment, champion, training):
    shutil.copytree(champion, champions.models() / "counts")
    champions.promote("counts", "Mei", "the one that counts")
    with _process(champion, training) as other:
        assert any(line.strip() == moment for line in other.stdout)
        other.send_signal(signal.SIGKILL)
    (left_behind := champions.models() / ".retrain-0").mkdir()  # as if it had been killed while it wrote
    (left_behind / "half").write_text("a model")
    for version in set(champions.versions()) - {"counts"}:  # it may have been done just before
        assert model_files.load(champions.folder(version)).version == version
    assert champions.champion() == "counts" and len(champions.history()) == 1
    model_files.load(find_model())
    champions.rollback("Mei", "still works")
    came = retrain([], champion, training, tracked=False)  # whoever was killed blocks nobody
    assert came.champion and not list(champions.models().glob(".retrain-*"))


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
    assert "conflict 1" in stopped.stdout
    listed = command("labels", "check", "--labels", "labels.jsonl", "-o", "check.csv")
    assert listed.exit_code == 0 and "1 conflicts" in listed.stdout and Path("check.csv").exists(), listed.output
