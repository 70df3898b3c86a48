"""Against a real MLflow store on disk."""

import math

import pytest

from triage_ml.errors import MissingExtraError
from triage_ml.evaluation import evaluate
from triage_ml.registry import metrics_of, track

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and what it brings warn about each other


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_keeps_parameters_metrics_and_files(store):
    import mlflow

    (store / "files").mkdir()
    (store / "files" / "report.html").write_text("<p>")
    run = track("evaluate", {"model": "m1"}, {"macro_f1": 0.7, "nothing": math.nan}, store / "files", texts="dev")
    kept = mlflow.get_run(run)
    assert kept.data.params == {"model": "m1"}
    assert kept.data.metrics == {"macro_f1": 0.7}
    assert kept.data.tags["texts"] == "dev"
    assert [f.path for f in mlflow.MlflowClient().list_artifacts(run)] == ["report.html"]


def test_every_figure_has_a_flat_name(rows, fitted):
    found = evaluate(rows, fitted[1])
    flat = metrics_of(found)
    assert flat["macro_f1"] == found.total.macro_f1
    assert flat["language.de.f1.quality"] == found.parts["language"]["de"].f1["quality"]
    assert all(isinstance(value, float) for value in flat.values())


def test_without_mlflow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"mlflow"):
        track("evaluate", {}, {})
