"""The commands on experiments and on the shop's own models, against a real store and a real case record."""

import io
import json
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from triage_ml import champions, model_files, registry
from triage_ml.cases import CaseStore
from triage_ml.cli import judging
from triage_ml.cli.learning import app

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow and what it brings warn about each other


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A shop that keeps nothing yet."""
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def tracked(tmp_path_factory):
    """A home whose store holds two runs and two registered models; making a store takes seconds, a copy does not."""
    home = tmp_path_factory.mktemp("tracked")
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.setenv("TRIAGE_HOME", str(home))
        surroundings.delenv("MLFLOW_TRACKING_URI", raising=False)
        told = {"strength": 5.0, "folds": 3}
        first = registry.track("train", told, {"macro_f1": 0.7, "language.de.macro_f1": 0.8}, model="aaa", data_sha256="1" * 64)
        registry.track(
            "train",
            {**told, "strength": 2.0},
            {"macro_f1": 0.75, "language.de.macro_f1": 0.8},
            model="bbb",
            data_sha256="2" * 64,
        )
        import mlflow

        client = mlflow.MlflowClient()
        client.create_registered_model("triage_ml")
        for model in ("aaa", "bbb"):
            client.create_model_version("triage_ml", "file:///nowhere", first, tags={"model": model})
    return home


@pytest.fixture
def tracking_shop(shop, tracked):
    shutil.copy(tracked / "mlflow.db", shop)
    return shop


@pytest.fixture
def models(shop, model_folder):
    """Two models of the shop."""
    for version in ("aaa", "bbb"):
        shutil.copytree(model_folder, champions.models() / version)


def ask(*arguments, code=0, on=app):
    done = CliRunner().invoke(on, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def alias():
    import mlflow

    return {name: str(number) for name, number in mlflow.MlflowClient().get_registered_model("triage_ml").aliases.items()}


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A current folder with the smallest corpus that can be learned from."""
    monkeypatch.chdir(tmp_path)
    words = {
        "quality": "it broke and leaks",
        "mismatch": "wrong item was sent",
        "subjective": "do not like the look",
        "other": "where is my parcel",
    }
    rows = [
        {"id": f"{w}{c}{n}", "lang": "en", "text": f"{text} {n} {'or I post a bad review' if n == 0 else ''}", "claim": c, "abuse": n == 0,
         "writer": f"w{w}", "replies": ["q_remake"]}
        for w in range(5) for c, text in words.items() for n in range(4)
    ]  # fmt: skip
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "en.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return tmp_path / "corpus"


def test_training_and_measuring_are_runs_and_the_model_is_registered(corpus, tracking_shop):
    trained = ask("train", "--corpus", "corpus", on=judging.app)
    assert "model triage_ml version 3" in trained.stderr
    ours = model_files.version(tracking_shop / "models" / "default")
    assert alias() == {"champion": "3"} and registry.registered(ours) == "3"  # what was trained to models/default counts
    ask("evaluate", "corpus/en.jsonl", "--json", on=judging.app)
    evaluated, train, *_ = registry.runs(5)
    assert (evaluated.name, train.name) == ("evaluate", "train")
    assert evaluated.tags["model"] == train.tags["model"] == ours
    assert train.metrics["rows.en.quality"] == 20 and evaluated.metrics["texts"] == 80


def test_without_mlflow_one_sentence_says_so_and_nothing_fails(corpus, shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    done = ask("train", "--corpus", "corpus", on=judging.app)
    assert done.stderr.count("No MLflow run is kept") == 1 and (shop / "models" / "default" / "model.skops").exists()
    silent = ask("evaluate", "corpus/en.jsonl", "--no-track", on=judging.app)
    assert "MLflow" not in silent.stderr and not (shop / "mlflow.db").exists()


def test_without_any_run_it_says_how_to_get_one(shop):
    assert "triage-ml train" in ask("experiments").stdout
    assert json.loads(ask("experiments", "--json").stdout) == []
    assert not (shop / "mlflow.db").exists()


def test_experiments_are_listed_the_newest_first(tracking_shop):
    page = ask("experiments").stdout
    assert page.index("bbb") < page.index("aaa") and "0.750" in page and "2222222" in page and "mlflow ui" in page
    (newest,) = json.loads(ask("experiments", "--last", "1", "--json").stdout)
    assert (
        newest["metrics"]["macro_f1"] == 0.75 and newest["parameters"]["strength"] == "2.0" and newest["tags"]["model"] == "bbb"
    )


def test_two_runs_are_compared_where_they_differ(tracking_shop):
    one, other = reversed(registry.runs(2))
    lines = [line.split() for line in ask("experiments", "--compare", one.run_id[:10], other.run_id).stdout.splitlines()]
    assert ["strength", "5.0", "2.0"] in lines and ["macro_f1", "0.7", "0.75", "+0.05"] in lines
    assert not any(line[:1] in (["folds"], ["language.de.macro_f1"]) for line in lines)
    assert len(json.loads(ask("experiments", "--compare", one.run_id, other.run_id, "--json").stdout)) == 2
    wrong = ask("experiments", "--compare", one.run_id, "nothing", code=1)
    assert "'nothing'" in str(wrong.exception)


def test_a_promotion_and_the_way_back(models):
    ask("models", "promote", "bbb", "--why", "better for German", "--by", "Mei")
    assert champions.champion() == "bbb"
    page = ask("models", "list").stdout
    assert "Mei: better for German" in page
    assert [line.split()[:2] for line in page.splitlines() if "champion" in line] == [["bbb", "champion"]]
    assert "now shipped; before it was bbb" in ask("models", "rollback", "--why", "worse for French", "--by", "Jan").stdout
    found = json.loads(ask("models", "list", "--json").stdout)
    assert found["champion"] == "shipped" and {one["version"] for one in found["models"]} == {"aaa", "bbb"}
    assert [(one["step"], one["by"]) for one in found["history"]] == [("promote", "Mei"), ("rollback", "Jan")]


def test_a_model_s_figures_are_those_of_its_folder(shop, fitted, rows):
    from triage_ml.evaluation import as_json, evaluate

    found = as_json(evaluate(rows, fitted[1]))
    model_files.save(fitted[0], champions.models() / "ccc", {"held_out": found, "data_sha256": "3" * 64}, "# Card")
    (model,) = json.loads(ask("models", "list", "--json").stdout)["models"]
    assert model["figures"] == found["total"] and model["data_sha256"] == "3" * 64
    assert f"{found['total']['macro_f1']:.3f}" in ask("models", "list").stdout


def test_a_changed_model_is_listed_with_what_is_wrong(models):
    (champions.folder("aaa") / "card.md").write_text("another")
    done = ask("models", "list")
    assert "aaa" in done.stdout and "changed after saving" in done.stderr


def test_nobody_promotes_without_a_reason(models):
    ask("models", "promote", "bbb", code=2)
    ask("models", "promote", "bbb", "--why", "  ", code=2)
    ask("models", "rollback", code=2)
    assert champions.history() == []


def test_promotions_are_entered_into_the_ledger_of_a_record(models, shop):
    ask("models", "promote", "aaa", "--why", "first", "--by", "Mei")
    assert not (shop / "cases.db").exists()  # no record is made for it
    with CaseStore.open():
        pass
    ask("models", "promote", "bbb", "--why", "better", "--by", "Mei")
    ask("models", "rollback", "--why", "worse", "--by", "Jan")
    exported = io.BytesIO()
    with CaseStore.open() as store:
        assert store.verify().ok
        store.export_ledger(exported)
    entries = [entry for entry in map(json.loads, exported.getvalue().splitlines()) if entry.get("kind") == "promotion"]
    assert [entry["by"] for entry in entries] == ["Mei", "Jan"]
    assert [entry["facts"] for entry in entries] == [
        {"step": "promote", "version": "bbb", "before": "aaa", "why": "better"},
        {"step": "rollback", "version": "aaa", "before": "bbb", "why": "worse"},
    ]


def test_the_alias_follows_the_champion(models, tracking_shop):
    ask("models", "promote", "aaa", "--why", "first")
    assert alias() == {"champion": "1"}
    ask("models", "promote", "bbb", "--why", "better")
    assert alias() == {"champion": "2"}
    ask("models", "rollback", "--why", "worse")
    assert alias() == {"champion": "1"}


def test_an_alias_never_names_a_model_that_does_not_count(models, tracking_shop, model_folder):
    shutil.copytree(model_folder, champions.models() / "ccc")
    ask("models", "promote", "aaa", "--why", "first")
    done = ask("models", "promote", "ccc", "--why", "trained without a run")
    assert "ccc" in done.stderr and alias() == {} and champions.champion() == "ccc"


def test_a_store_that_fails_undoes_no_promotion(models, shop, monkeypatch):
    (shop / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shop}/file/mlflow.db")
    assert "not moved" in ask("models", "promote", "aaa", "--why", "first").stderr
    assert champions.champion() == "aaa"


def test_where_nothing_is_tracked_mlflow_is_not_imported(models):
    code = """import sys; from triage_ml.cli.learning import app
app(["models", "promote", "aaa", "--why", "first"], standalone_mode=False)
print([name for name in ("mlflow", "sklearn", "spacy", "pandas") if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="counts the time of child processes")
def test_promotion_and_the_way_back_take_less_than_five_seconds(models, tracking_shop):
    """Whole processes, with a ledger and MLflow's alias; CPU seconds, since the machine may have other work."""
    import resource

    with CaseStore.open():
        pass
    code = "import sys; from triage_ml.cli.learning import app; app(sys.argv[1:])"
    for words in (("promote", "aaa"), ("promote", "bbb"), ("rollback",)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code, "models", *words, "--why", "measured"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5, words
    assert registry.registered("aaa") == "1"
    assert alias() == {"champion": "1"}
