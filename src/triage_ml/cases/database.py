"""Opening the database: SQLite in a file, or PostgreSQL by URL; one writer at a time, readers see one moment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from triage_ml.cases.values import canonical
from triage_ml.errors import CaseError, MissingExtraError
from triage_ml.home import home

if TYPE_CHECKING:
    from sqlalchemy import URL

# The newest of migrations/versions; a test holds it against Alembic.
SCHEMA = "0002"
WAIT_SECONDS = 10
# Any number will do, as long as nothing else in the database locks the same one.
_LOCK = 7_427_310_921


def resolve_url(url_or_path: str | Path | None = None) -> URL:
    """Return the database's URL.

    Parameters
    ----------
    url_or_path
        A URL, or the path of a SQLite file. Without one: TRIAGE_DATABASE_URL, else `cases.db` in `home()`.

    Raises
    ------
    CaseError
        Where it is a URL that cannot be, or of another kind of database.
    """
    given = str(url_or_path or os.environ.get("TRIAGE_DATABASE_URL") or home() / "cases.db")
    if "://" not in given:
        return make_url("sqlite://").set(database=str(Path(given).expanduser().absolute()))
    try:
        url = make_url(given)
    except ArgumentError:
        raise CaseError("database", "a URL that cannot be read", _EXPECTED, _DO) from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite" or not url.database or url.database == ":memory:":
        raise CaseError("database", f"{url.render_as_string()!r}", _EXPECTED, _DO)
    return url.set(drivername="sqlite", database=str(Path(url.database).absolute()))


_EXPECTED = "the path of a SQLite file, or postgresql://user@host/name"
_DO = "Name one of them, or set TRIAGE_DATABASE_URL."


def exists(url_or_path: str | Path | None = None) -> bool:
    """Say whether the SQLite file is there; a PostgreSQL database counts as there."""
    url = resolve_url(url_or_path)
    return url.drivername != "sqlite" or Path(str(url.database)).is_file()


def open_engine(url_or_path: str | Path | None = None) -> Engine:
    """Open the database, make the file where there is none, and bring its tables up to date.

    Parameters
    ----------
    url_or_path
        As in `resolve_url`.

    Raises
    ------
    CaseError
        Where it cannot be opened, or was made by a newer version.
    MissingExtraError
        For PostgreSQL without its driver.
    """
    url = resolve_url(url_or_path)
    engine = _sqlite(url) if url.drivername == "sqlite" else _postgresql(url)
    try:
        upgrade(engine)
    except Exception as error:
        engine.dispose()
        if not isinstance(error, DBAPIError):
            raise
        shown = url.render_as_string(hide_password=True)
        found = str(error.orig).strip().splitlines()[0]
        raise CaseError(shown, found, "a database of cases, or leave to make one", "Check the name and the rights.") from error
    return engine


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CaseError(path, str(error.strerror), "a folder that can be written to", "Choose another place.") from error
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS}, json_serializer=_json)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that first reads must not find, when it writes, that somebody else wrote in between.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    if find_spec("psycopg") is None:
        raise MissingExtraError("PostgreSQL", "postgresql")
    try:
        return create_engine(url, connect_args={"connect_timeout": WAIT_SECONDS}, pool_pre_ping=True, json_serializer=_json)
    except (NoSuchModuleError, ImportError) as error:
        raise MissingExtraError("PostgreSQL", "postgresql") from error


def _json(value: object) -> str:
    return canonical(value).decode()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees the database as it is at one moment."""
    options: dict[str, Any] = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with engine.execution_options(**options).connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection that alone may write; what it did counts when the block ends, or not at all.

    Raises
    ------
    CaseError
        Where another writer does not finish within `WAIT_SECONDS`.
    """
    try:
        with engine.execution_options(writes=True).connect() as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    except DBAPIError as error:
        if "database is locked" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "55P03":
            found = f"another program writing for more than {WAIT_SECONDS} seconds"
            raise CaseError("database", found, "short changes", "Wait for it to end, then try again.") from error
        raise


def upgrade(engine: Engine) -> None:
    """Make the tables, or bring those of an older version up to date; nothing happens where they are.

    Raises
    ------
    CaseError
        Where a newer version of the product made them.
    """
    before = revision(engine)
    if before == SCHEMA:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, SCHEMA)
            if before:
                _analyze(connection)  # an index nobody has looked into seems cheaper than those that are known
        except CommandError as error:
            found = f"tables of version {revision(engine)}"
            raise CaseError("database", found, f"version {SCHEMA} or older", "Install the newer triage-ml.") from error


def revision(engine: Engine) -> str:
    """Return the version of the tables, "" where there are none."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def tidy(engine: Engine) -> None:
    """Let the database look at what its tables hold now, so that it chooses the right index."""
    with writing(engine) as connection:
        _analyze(connection)


def _analyze(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
    for table in ("cases", "personal"):
        connection.exec_driver_sql(f"ANALYZE {table}")


def files_folder(engine: Engine) -> Path:
    """Return where files, keys and what else does not fit into tables stands: beside the SQLite file, else in `home()`."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        return path.with_name(path.name + ".files")
    return home() / f"{engine.url.database}.files"


def scrub(engine: Engine) -> None:
    """Take what was erased out of SQLite's free pages and search index too; PostgreSQL does that by itself in time.

    Rewrites the whole file, so it wants as much free space again.
    """
    if engine.dialect.name != "sqlite":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM personal, cases")
        return
    raw = engine.raw_connection()  # VACUUM may stand in no transaction
    try:
        for statement in ("INSERT INTO search(search) VALUES ('rebuild')", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            raw.cursor().execute(statement)
    finally:
        raw.close()
