import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from triage_ml import cases
from triage_ml.cases import database, schema
from triage_ml.cases.database import open_engine, reading, resolve_url, writing
from triage_ml.cases.schema import CaseRow, LedgerRow, MessageRow
from triage_ml.cases.store import CaseStore
from triage_ml.errors import CaseError

WRITER = Path(__file__).with_name("writer.py")
CHUNK = 32


def _start(url, prefix, count):
    arguments = [sys.executable, str(WRITER), url, prefix, str(count), str(CHUNK)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)


def _finish(process):
    lines = process.communicate(timeout=120)[0].split()
    return int(lines[-1]) if len(lines) > 1 else 0


def _counts(engine):
    with reading(engine) as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar() for table in (MessageRow, LedgerRow, CaseRow)
        ]


def test_models_and_migrations_agree(url):
    engine = open_engine(url)
    with engine.connect() as connection:
        # What searching keeps for itself is none of ours; on PostgreSQL an index is there with pg_trgm only.
        hidden = ("search", "personal_words", "words")
        options = {"include_object": lambda thing, name, *_: not str(name).startswith(hidden)}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), schema.Base.metadata) == []
    engine.dispose()


def test_the_newest_migration_is_the_one_the_code_expects(url):
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_heads() == [database.SCHEMA]
    engine = open_engine(url)
    assert database.revision(engine) == database.SCHEMA
    engine.dispose()


def test_opening_again_changes_nothing_and_a_newer_version_is_refused(url):
    open_engine(url).dispose()
    engine = open_engine(url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(CaseError, match="9999.*newer triage-ml"):
        open_engine(url)


def test_what_is_no_database_says_so(tmp_path):
    (tmp_path / "letter.db").write_text("Dear seller, this is a letter and not a database. " * 100)
    with pytest.raises(CaseError, match=r"letter\.db: found file is not a database"):
        open_engine(tmp_path / "letter.db")
    with pytest.raises(CaseError, match="expected a folder"):
        open_engine(tmp_path / "letter.db" / "below.db")
    with pytest.raises(CaseError, match="mysql"):
        open_engine("mysql://nobody@nowhere/none")


def test_a_server_that_is_not_there_says_so():
    with pytest.raises(CaseError, match="expected a database of cases"):
        open_engine("postgresql://nobody@127.0.0.1:1/none")


def test_where_the_record_is_kept(tmp_path, monkeypatch):
    for name in ("TRIAGE_DATABASE_URL", "TRIAGE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert resolve_url().database == str(tmp_path / "data" / "triage-ml" / "cases.db")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert resolve_url().database == str(tmp_path / "local" / "triage-ml" / "cases.db")
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    assert resolve_url().database == str(tmp_path / "home" / "cases.db")
    assert not database.exists()
    monkeypatch.setenv("TRIAGE_DATABASE_URL", "postgres://mia@db/cases")
    assert resolve_url().render_as_string() == "postgresql+psycopg://mia@db/cases"


def test_the_ledger_can_only_grow(store, assess):
    from triage_ml.messages import Message

    store.record(assess(Message("a", "The lid does not close.", thread_id="1")), "Mia")
    for statement in ("UPDATE ledger SET by = 'Tom'", "DELETE FROM ledger"):
        with pytest.raises(DBAPIError, match="append-only"), writing(store.engine) as connection:
            connection.execute(text(statement.replace("SET by", 'SET "by"')))


def test_two_programs_write_at_once(url):
    open_engine(url).dispose()
    both = [_start(url, prefix, 320) for prefix in ("anna", "bert")]
    assert [_finish(process) for process in both] == [320, 320]
    with CaseStore(open_engine(url)) as store:
        assert _counts(store.engine) == [640, 640, 214]
        assert store.verify().ok
        writers = [entry.by for hit in store.cases(limit=500).cases for entry in store.case(hit.id).entries]
        assert {writers.count(name) for name in ("anna", "bert")} == {320}


def test_two_programs_may_both_make_the_tables(url):
    both = [_start(url, prefix, CHUNK) for prefix in ("anna", "bert")]
    assert [_finish(process) for process in both] == [CHUNK, CHUNK]


def test_a_program_killed_in_an_import_loses_nothing_that_was_in(url):
    open_engine(url).dispose()
    chance, total, said = random.Random(5), 3_000, 0
    for _ in range(4):
        process = _start(url, "anna", total)
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.01, 0.4))
        process.send_signal(signal.SIGKILL)
        said = max(said, _finish(process))
        with CaseStore(open_engine(url)) as store:
            messages, entries, _ = _counts(store.engine)
            assert said <= messages == entries
            assert messages % CHUNK == 0 or messages == total  # a quick machine may be through before it is killed
            assert store.verify().ok
    assert _finish(_start(url, "anna", total)) == total
    with CaseStore(open_engine(url)) as store:
        assert _counts(store.engine) == [total, total, total // 3]
        assert store.verify().ok


def test_a_writer_that_waits_too_long_says_so(url, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 1)
    first, second = open_engine(url), open_engine(url)
    with writing(first), pytest.raises(CaseError, match="another program writing"), writing(second):
        pass
    with writing(second) as connection:
        assert connection.execute(select(func.count()).select_from(LedgerRow)).scalar() == 0
    first.dispose()
    second.dispose()


def test_what_fails_in_the_middle_leaves_nothing(store, assess):
    from triage_ml.messages import Message

    store.record(assess(Message("a", "The lid does not close.", thread_id="1")), "Mia")
    before = _counts(store.engine)
    with pytest.raises(RuntimeError), store.changing("C-000001") as change:
        change.journal.enter("hold", "Mia", change.id)
        change.journal.flush()
        raise RuntimeError
    assert _counts(store.engine) == before and store.verify().ok


def test_importing_the_package_does_not_import_sqlalchemy():
    code = "import sys, triage_ml.cases as c; c.Decision; print('sqlalchemy' in sys.modules); c.CaseStore, c.Filter"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_public_names_are_there():
    assert cases.__all__ == sorted(cases.__all__)
    assert all(getattr(cases, name).__doc__ for name in cases.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = cases.nonsense
