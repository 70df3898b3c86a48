"""Against a real MLflow store on disk."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from triage_ml import model_files, registry
from triage_ml.classifier import CLAIMS
from triage_ml.errors import MissingExtraError, TriageError, UntrustedModelError
from triage_ml.evaluation import errors, evaluate
from triage_ml.evaluation_report import Section
from triage_ml.learning import Parameters
from triage_ml.tracking import held_out, track_evaluation, track_training
from triage_ml.training_run import by_id, card, facts_of

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and what it brings warn about each other


@pytest.fixture(scope="module")
def trained(rows, fitted, tmp_path_factory):
    """A model folder as `triage-ml train` writes it."""
    classifier, judged = fitted
    facts = facts_of(rows, Parameters(folds=3), evaluate(rows, judged), classifier)
    folder = tmp_path_factory.mktemp("made") / "own model"
    model_files.save(classifier, folder, facts, card(evaluate(rows, judged), facts, ""), by_id(rows, judged))
    return folder


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A store that MLflow has made: that takes seconds, a copy does not."""
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("template")))
        registry.registered("none")
        yield registry.home() / "mlflow.db"


@pytest.fixture
def shop(tmp_path, empty_store, monkeypatch):
    """A home with a store, and a current folder that must stay empty."""
    place, here = tmp_path / "a home", tmp_path / "here"
    place.mkdir()
    here.mkdir()
    shutil.copy(empty_store, place)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("TRIAGE_HOME", str(place))
    monkeypatch.chdir(here)
    yield place
    assert list(here.iterdir()) == []


def test_a_run_keeps_parameters_metrics_and_files(shop, tmp_path):
    import mlflow

    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "report.html").write_text("<p>")
    (tmp_path / "card.md").write_text("# Card")
    files = [tmp_path / "files", tmp_path / "card.md"]
    run = registry.track("evaluate", {"model": "m1"}, {"macro_f1": 0.7, "nothing": math.nan}, files, texts="dev")
    kept = mlflow.get_run(run)
    assert kept.data.params == {"model": "m1"}
    assert kept.data.metrics == {"macro_f1": 0.7}
    assert kept.data.tags["texts"] == "dev" and kept.data.tags["version"]
    assert {f.path for f in mlflow.MlflowClient().list_artifacts(run)} == {"report.html", "card.md"}
    assert kept.info.artifact_uri.startswith((shop / "mlartifacts").as_uri())


def test_nothing_is_sent_to_anybody(shop):
    registry.runs(1)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_every_figure_has_a_flat_name(rows, fitted):
    found = evaluate(rows, fitted[1])
    flat = registry.metrics_of(found)
    assert flat["macro_f1"] == found.total.macro_f1
    assert flat["language.de.f1.quality"] == found.parts["language"]["de"].f1["quality"]
    assert flat["language.zh.abuse_precision"] == found.parts["language"]["zh"].abuse_precision
    assert all(isinstance(value, float) for value in flat.values())
    assert not any(name.startswith("writer") for name in flat)


def test_without_mlflow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"mlflow"):
        registry.track("evaluate", {}, {})


def test_a_store_that_cannot_be_opened_is_one_sentence(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/mlflow.db")
    with pytest.raises(TriageError, match="Check MLFLOW_TRACKING_URI") as raised:
        registry.track("evaluate", {}, {})
    assert "\n" not in str(raised.value)


def test_a_sentence_about_a_store_tells_no_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+nothing://mei:s3cret@127.0.0.1:1/mlflow")
    with pytest.raises(TriageError, match="127.0.0.1") as raised:
        registry.track("evaluate", {}, {})
    assert "s3cret" not in str(raised.value)


def test_looking_makes_no_store(monkeypatch, tmp_path):
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not registry.in_use() and registry.runs(5) == []
    assert not list(tmp_path.glob("ml*"))


def test_runs_come_back_the_newest_first_and_by_the_start_of_their_id(shop):
    made = [registry.track(name, {"n": n}, {"macro_f1": n / 10}, model="m") for n, name in enumerate(("train", "evaluate"))]
    found = registry.runs(5)
    assert [run.run_id for run in found] == made[::-1] and [run.name for run in found] == ["evaluate", "train"]
    assert found[0].parameters == {"n": "1"} and found[0].metrics == {"macro_f1": 0.1} and found[0].tags["model"] == "m"
    assert [run.run_id for run in registry.runs(1)] == made[1:]
    assert registry.find_run(made[0][:12]) == found[1]
    for start in ("", "no such"):
        with pytest.raises(TriageError, match="expected one"):
            registry.find_run(start)


def test_a_training_keeps_what_made_the_model_and_how_good_it_is(shop, trained, rows):
    import mlflow

    run = mlflow.get_run(track_training(trained, rows))
    about = model_files.facts(trained)
    assert run.info.run_name == "train"
    assert run.data.params["folds"] == "3"
    assert run.data.tags["data_sha256"] == about["data_sha256"] and run.data.tags["model"] == model_files.version(trained)
    assert run.data.metrics["language.ja.f1.quality"] == about["held_out"]["parts"]["language"]["ja"]["f1"]["quality"]
    assert run.data.metrics["rows.fr.mismatch"] == about["counts"]["fr"]["mismatch"]
    kept = {f.path for f in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"card.md", "report.html", "figures.json", "1-confusion.png", "1-reliability.png"} <= kept


def test_what_was_held_out_is_drawn_as_it_was_measured(trained, rows, fitted):
    section, judged = held_out(trained, rows), fitted[1]
    times = [sum(other.id == row.id for other in rows) for row in rows]
    assert set(times) == {1}
    assert abs(section.judged.probabilities - judged.probabilities).max() < 1e-4
    assert (section.judged.claim == judged.claim).all() and (section.judged.flagged == judged.flagged).all()
    assert section.evaluation.total == evaluate(rows, judged).total
    assert section.evaluation.parts["language"] == evaluate(rows, judged).parts["language"]


def test_an_evaluation_is_a_run_with_figures(shop, trained, rows, fitted):
    import mlflow

    some = rows[:40]
    judged = held_out(trained, some).judged
    section = Section(
        "mine.jsonl", evaluate(some, judged), judged, errors(some, fitted[0].predict_many([r.text for r in some]))
    )
    run = mlflow.get_run(track_evaluation(trained, section, some))
    assert run.data.params == {"texts": "mine.jsonl"} and run.data.metrics["texts"] == 40
    assert sum(value for name, value in run.data.metrics.items() if name.startswith("rows.")) == 40
    page = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/report.html")
    assert "mine.jsonl" in page and model_files.version(trained) in page


def test_a_registered_model_brings_no_pickle_and_names_no_host(shop, trained):
    import mlflow

    run = registry.track("train", {}, {})
    number = registry.register(trained, run)
    version = mlflow.MlflowClient().get_model_version("triage_ml", number)
    assert version.run_id == run and version.tags["model"] == model_files.version(trained)
    files = {path.name: path for path in shop.glob("mlartifacts/models/*/artifacts/**/*") if path.is_file()}
    assert {"model.skops", "model.json", "manifest.json", "served.py", "MLmodel", "input_example.json"} <= files.keys()
    for path in files.values():
        assert path.suffix not in (".pkl", ".pickle", ".joblib", ".cloudpickle", ".pt", ".npy")
        assert not path.read_bytes().startswith(b"\x80"), path  # how every pickle since protocol 2 begins
    assert files["served.py"].read_bytes() == (Path(registry.__file__).parent / "served.py").read_bytes()
    wanted = files["requirements.txt"].read_text().splitlines()
    assert [line.partition("==")[0] for line in wanted] == ["triage-ml", "mlflow"]
    assert not any("://" in files[name].read_text() for name in ("requirements.txt", "conda.yaml", "python_env.yaml"))


def test_its_signature_names_what_goes_in_and_what_comes_out(shop, trained):
    import mlflow

    number = registry.register(trained, registry.track("train", {}, {}))
    signature = mlflow.models.get_model_info(f"models:/triage_ml/{number}").signature
    assert signature.inputs.required_input_names() == ["text"] and "personalised" in signature.inputs.optional_input_names()
    assert [f"p_{claim}" in signature.outputs.input_names() for claim in CLAIMS] == [True] * 4


def test_a_changed_folder_is_not_registered(shop, trained, tmp_path):
    import mlflow

    folder = shutil.copytree(trained, tmp_path / "changed")
    about = json.loads((folder / "model.json").read_text("utf-8"))
    (folder / "model.json").write_text(json.dumps({**about, "thresholds": {**about["thresholds"], "abuse": 0.0}}), "utf-8")
    with pytest.raises(UntrustedModelError):
        registry.register(folder, registry.track("train", {}, {}))
    assert mlflow.MlflowClient().search_registered_models() == []


def test_an_alias_names_the_model_of_our_version_or_nothing(shop, trained):
    import mlflow

    ours = model_files.version(trained)
    assert registry.point("champion", ours) == ""  # nothing is registered at all
    client = mlflow.MlflowClient()
    run = registry.track("train", {}, {})
    client.create_registered_model("triage_ml")
    for model in (ours, "another", ours):  # the same model twice: the newest counts
        client.create_model_version("triage_ml", "file:///nowhere", run, tags={"model": model})
    assert registry.point("champion", ours) == "3" and registry.point("challenger", "another") == "2"
    assert str(client.get_model_version_by_alias("triage_ml", "champion").version) == "3"
    assert registry.point("champion", "unknown") == ""
    assert client.get_registered_model("triage_ml").aliases.keys() == {"challenger"}


def test_the_commit_is_named_where_there_is_one():
    found = registry.code_version()
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=os.path.dirname(__file__), capture_output=True, text=True, check=False
    )
    assert found["version"]
    assert found.get("commit", "").removesuffix("-dirty") == head.stdout.strip()


def test_the_store_of_one_home_is_not_left_to_the_next(shop, tmp_path, monkeypatch):
    registry.track("train", {}, {})
    assert "MLFLOW_TRACKING_URI" not in os.environ
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "another"))
    assert registry.runs(1) == [] and not registry.in_use()
