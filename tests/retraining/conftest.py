"""A shop with labels, a folder to train from, and a champion, all small and real."""

import json
import shutil
from pathlib import Path

import pytest
from labelled_shop import shop_row

from triage_ml import champions
from triage_ml.corpus import load_corpus
from triage_ml.learning import Parameters, fit
from triage_ml.messages import Claim
from triage_ml.model_files import save
from triage_ml.training_run import by_id

TRAINING = Path(__file__).parents[2] / "training"


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    """A home of this test's own, with its own store of runs."""
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    champions.models().mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def training(tmp_path_factory):
    """What a checkout has in `training`, with every eighteenth row of the corpus."""
    folder = tmp_path_factory.mktemp("checkout") / "training"
    shutil.copytree(TRAINING, folder, ignore=shutil.ignore_patterns("corpus", "__pycache__", "*.py"))
    (folder / "params.toml").write_text("folds = 3\n", "utf-8")
    (folder / "corpus").mkdir()
    lines = [line for path in sorted((TRAINING / "corpus").glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    (folder / "corpus" / "all.jsonl").write_text("\n".join(lines[::18]), "utf-8")
    return folder


@pytest.fixture(scope="session")
def learned(training):
    """The rows of that corpus, a classifier learned from them, and its held-out judgements."""
    rows = load_corpus(training / "corpus")
    return rows, *fit(rows, Parameters(folds=3))


@pytest.fixture(scope="session")
def champion(learned, tmp_path_factory):
    """The model that counts, with what it said of held-out writers."""
    rows, classifier, judged = learned
    folder = tmp_path_factory.mktemp("champion") / "small"
    save(classifier, folder, {}, "# Card\n", by_id(rows, judged))
    return folder


@pytest.fixture(scope="session")
def shop():
    """Two hundred messages of a hundred buyers of one shop: texts of the corpus that the small corpus does not have."""
    lines = (TRAINING / "corpus" / "en.jsonl").read_text("utf-8").splitlines()[3:1203:6]
    texts = [json.loads(line) for line in lines]
    return [
        shop_row(one["text"], Claim(one["claim"]), f"buyer {n // 2}", id=f"s{n}", abuse=one["abuse"], weight=5.0, fresh=True)
        for n, one in enumerate(texts)
    ]
