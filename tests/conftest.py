"""Real objects for all tests: a small model trained once, the shipped policy and templates."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from triage_ml.corpus import load_corpus
from triage_ml.learning import Parameters, fit, load_parameters
from triage_ml.model_files import save
from triage_ml.policy import load_policy
from triage_ml.replies.library import load_templates
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage

# Timing is for benchmarks/: a first call loads a lexicon and takes its time.
settings.register_profile("project", deadline=None)
settings.load_profile("project")

CORPUS = Path(__file__).parents[1] / "training" / "corpus"


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory):
    """A home that holds nothing, so that no test depends on what this machine's user keeps."""
    with pytest.MonkeyPatch.context() as surroundings:
        for name in ("TRIAGE_POLICY", "TRIAGE_TEMPLATES", "TRIAGE_DATABASE_URL", "TRIAGE_MODEL"):
            surroundings.delenv(name, raising=False)
        surroundings.setenv("TRIAGE_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture
def given_file(tmp_path):
    """Write a file and return its path."""

    def write(content, name="export.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture(scope="session")
def rows():
    """Every sixth row of the corpus: all languages, claims and writers."""
    return load_corpus(CORPUS)[::6]


@pytest.fixture(scope="session")
def fitted(rows):
    """A real classifier with its held-out predictions, small enough to train in seconds."""
    return fit(rows, Parameters(folds=3))


@pytest.fixture(scope="session")
def model_folder(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "small"
    save(fitted[0], folder, {"rows": "every sixth"}, "# Model card\n")
    return folder


@pytest.fixture(scope="session")
def shipped():
    """The classifier that `triage-ml train` makes, from the whole corpus with the shipped parameters."""
    return fit(load_corpus(CORPUS), load_parameters(CORPUS.parent / "params.toml"))[0]


@pytest.fixture(scope="session")
def policy():
    return load_policy()


@pytest.fixture(scope="session")
def templates():
    return load_templates()


@pytest.fixture(scope="session")
def triage(fitted, policy, templates):
    return Triage(fitted[0], policy, ReplyRanker(templates, policy))


@pytest.fixture
def run(model_folder, tmp_path):
    """Run the real command in an empty folder."""

    def command(*arguments, model=model_folder, **variables):
        environment = {
            **os.environ,
            **variables,
            "TRIAGE_MODEL": str(model),
            "COLUMNS": "120",
            "TRIAGE_HOME": str(tmp_path / "home"),
        }
        code = "from triage_ml.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    return command
