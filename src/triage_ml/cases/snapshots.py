"""One moment of a database as a file, and back: SQLite by its online backup, PostgreSQL by its own pg_dump and pg_restore."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import cast

from sqlalchemy import URL, Engine, inspect, text

from triage_ml.errors import CaseError

SQLITE, POSTGRESQL = "database.sqlite", "database.pgdump"
_WAIT_SECONDS = 10
# pg_restore writes each table's rows as "COPY public.cases (id, ...) FROM stdin;", a line a row, and "\." behind the last.
_QUOTED = rb'"(?:[^"]|"")+"|[^". ]+'
_COPY = re.compile(rb"COPY (?:(?:%s)\.)?(?P<table>%s) \(.*\) FROM stdin;\n" % (_QUOTED, _QUOTED))


def take(engine: Engine, folder: Path) -> tuple[Path, dict[str, int]]:
    """Write the database as it is at one moment into a file; it may be in use.

    Parameters
    ----------
    engine
        SQLite or PostgreSQL.
    folder
        Where the file goes; it is named `SQLITE` or `POSTGRESQL`.

    Returns
    -------
    Path, dict
        The file, and the number of rows of each table.

    Raises
    ------
    CaseError
        The database is damaged, or the programs of PostgreSQL are not there or refuse.
    """
    return (
        _take_sqlite(engine, folder / SQLITE)
        if engine.dialect.name == "sqlite"
        else _take_postgresql(engine, folder / POSTGRESQL)
    )


def _take_sqlite(engine: Engine, file: Path) -> tuple[Path, dict[str, int]]:
    try:
        with closing(engine.raw_connection()) as source, closing(sqlite3.connect(file)) as copy:
            cast(sqlite3.Connection, source.driver_connection).backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # the copy shall be one file
        shutil.copymode(str(engine.url.database), file)
    except sqlite3.DatabaseError as error:
        raise CaseError(engine.url.database, str(error), "a SQLite database", "Restore a backup, or check the name.") from error
    return file, rows(file)


def _take_postgresql(engine: Engine, file: Path) -> tuple[Path, dict[str, int]]:
    with engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        # The rows are counted in the moment that is dumped.
        moment = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
        tables = inspect(connection).get_table_names()
        quote = connection.dialect.identifier_preparer.quote
        counts = {t: int(connection.execute(text(f"SELECT count(*) FROM {quote(t)}")).scalar_one()) for t in sorted(tables)}
        _run("pg_dump", engine.url, "--format=custom", f"--snapshot={moment}", f"--file={file}")
    return file, counts


def rows(file: Path) -> dict[str, int]:
    """Check a file that `take` made, and count its rows.

    Returns
    -------
    dict
        The number of rows of each table.

    Raises
    ------
    CaseError
        The file is damaged.
    """
    return _rows_sqlite(file) if file.name == SQLITE else _rows_postgresql(file)


def _rows_sqlite(file: Path) -> dict[str, int]:
    try:
        with closing(sqlite3.connect(file)) as connection:
            if (found := connection.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(found)
            query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
            quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in connection.execute(query).fetchall()}
            return {name: connection.execute(f"SELECT count(*) FROM {q}").fetchone()[0] for name, q in quoted.items()}
    except sqlite3.DatabaseError as error:
        raise CaseError(file.name, f"damage ({error})", "a whole database", "Restore an older backup.") from error


def _rows_postgresql(file: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    command = [_program("pg_restore"), "--data-only", "--file=-", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        table = ""
        for line in process.stdout or ():
            if table and line != b"\\.\n":
                counts[table] += 1
            elif match := _COPY.fullmatch(line):
                table = match["table"].decode().strip('"').replace('""', '"')
                counts[table] = 0
            else:
                table = ""
    if process.returncode:
        raise CaseError(file.name, "a dump that pg_restore cannot read", "a whole one", "Restore an older backup.")
    return counts


def is_empty(engine: Engine) -> bool:
    """Say whether there is nothing that `put_back` would overwrite."""
    if engine.dialect.name == "sqlite":
        return not Path(str(engine.url.database)).exists()
    return not inspect(engine).get_table_names()


def put_back(file: Path, url: URL) -> None:
    """Replace the database at `url` by a file that `take` made, all at once or not at all.

    Raises
    ------
    CaseError
        The database is in use, or PostgreSQL refuses.
    """
    if url.get_backend_name() == "sqlite":
        _put_back_sqlite(file, Path(str(url.database)))
    else:
        environment = {"PGOPTIONS": f"-c lock_timeout={_WAIT_SECONDS}s"}
        flags = ("--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
        _run("pg_restore", url, *flags, str(file), environment=environment)


def _put_back_sqlite(file: Path, target: Path) -> None:
    if target.exists():
        try:
            # A log left behind would be played into the new database. Folding it in also shows whether anybody has it open.
            with closing(sqlite3.connect(target, timeout=1, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=DELETE")
                connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if "locked" in str(error):
                found = "a database that another program has open"
                raise CaseError(target, found, "nobody using it", "Close the other program, then restore again.") from error
            # Damaged otherwise: that is what backups are for.
        shutil.copymode(target, file)
    with file.open("rb+") as copy:
        os.fsync(copy.fileno())
    for suffix in ("-wal", "-shm", "-journal"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    os.replace(file, target)


def _run(program: str, url: URL, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})) -> None:
    """Run one of PostgreSQL's programs; the password goes through the environment, where other users cannot read it."""
    address = url.set(drivername="postgresql")._replace(password=None).render_as_string()  # set() leaves a None alone
    secret = {"PGPASSWORD": str(url.password)} if url.password else {}
    command = [_program(program), f"--dbname={address}", *arguments]
    done = subprocess.run(command, env={**os.environ, **secret, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise CaseError(address, said, f"{program} to succeed", "Mend what it says, then try again.")


def _program(name: str) -> str:
    if found := shutil.which(name):
        return found
    do = "Install PostgreSQL's client programs, not older than the server (Debian: postgresql-client)."
    raise CaseError(name, "no such program", "PostgreSQL's own one on the PATH", do)
