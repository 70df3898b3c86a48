"""Backups of the case record: database and files of one moment in one encrypted file, read back before it counts.

    cases-20261123-143000.triage-backup     age format, under a passphrase (`triage_ml.cases.encryption`)
    └── a .tar.gz
        ├── database.sqlite or .pgdump      `triage_ml.cases.snapshots`
        ├── files/...                       attachments, and the ledger's keys
        └── manifest.json                   when, how many rows, the SHA-256 of every file

Without this product: `age -d -o backup.tar.gz cases-....triage-backup`, then unpack it.
One folder holds the backups of one database.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError

from triage_ml.cases.archive import FILES, Manifest, pack, regular_files, unpack
from triage_ml.cases.database import files_folder, resolve_url
from triage_ml.cases.encryption import WORK_FACTOR, decrypt_file, encrypt_file
from triage_ml.cases.snapshots import POSTGRESQL, SQLITE, is_empty, put_back, rows, take
from triage_ml.errors import CaseError, MissingExtraError

_NAME = re.compile(r"cases-\d{8}-\d{6}\.triage-backup")
_WORKPLACE = ".triage-backup-"
_LOCK = ".triage-backup.lock"
_A_MINUTE, _A_DAY = 60, 24 * 60 * 60  # in seconds


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that was written, or read: its file, size in bytes, contents, and the older backups that went for it."""

    file: Path
    size: int
    manifest: Manifest
    deleted: tuple[Path, ...] = ()

    def __str__(self) -> str:
        """Return it as lines to be printed."""
        lines = [f"{self.file}: {self.size / 1e6:.1f} MB, made {self.manifest.made_at}, read back and whole"]
        counts = self.manifest.rows
        lines.append(f"  {sum(counts.values())} rows in {len(counts)} tables, {len(self.manifest.files) - 1} files")
        return "\n".join([*lines, *(f"  deleted {path.name}" for path in self.deleted)])


def backup(
    database: Engine | str | Path,
    folder: Path,
    passphrase: str,
    keep: int = 7,
    *,
    files: Path | None = None,
    work_factor: int = WORK_FACTOR,
) -> BackupReport:
    """Write a backup, read it back, and only then give it its name and delete the oldest. The database may be in use.

    Needs free space beside the database of twice its size with its files, for a moment and unencrypted as it is itself.

    Parameters
    ----------
    database
        Engine, URL, or path of a SQLite file.
    folder
        Where backups are kept; made if it is not there.
    passphrase
        Without it nobody opens the backup: keep it elsewhere.
    keep
        How many backups stay; the new one always does.
    files
        Folder of the files; without it `triage_ml.cases.database.files_folder`.
    work_factor
        As in `encrypt_file`.

    Raises
    ------
    CaseError
        There is nothing to back up or no room, or what was written is not what is read. Older backups stay as they are then.
    """
    if keep < 1:
        raise CaseError("keep", f"{keep}", "1 or more", "Say how many backups shall stay.")
    with _opened(database) as engine, _system_errors(folder):
        if is_empty(engine):
            raise CaseError(engine.url.render_as_string(), "nothing", "a database of cases", "Check the name.")
        files = files or files_folder(engine)
        if folder.resolve().is_relative_to(files.resolve()):
            raise CaseError(folder, "a folder whose files are backed up", "another one", "Choose a folder elsewhere.")
        folder.mkdir(parents=True, exist_ok=True)
        with _workplace(_beside(engine)) as work:
            made_at = datetime.now(UTC)
            copy, counts = take(engine, work)
            # After the database, so that every file it knows is there.
            manifest = Manifest(made_at.isoformat(timespec="seconds"), copy.name, counts)
            packed = work / "backup.tar.gz"
            pack(packed, copy, files, manifest)
            copy.unlink()
            part = _free_name(folder, made_at)
            try:
                encrypt_file(packed, part, passphrase, work_factor=work_factor)
                packed.unlink()
                _check(part, passphrase, work, manifest)
                final = part.with_suffix("")
                os.rename(part, final)
                _sync(folder)
            finally:
                part.unlink(missing_ok=True)
        return BackupReport(final, final.stat().st_size, manifest, _rotated(folder, final, keep))


def verify(file: Path, passphrase: str) -> BackupReport:
    """Read a backup through and check all that is in it; nothing is restored.

    Raises
    ------
    CaseError
        The passphrase is another one, or the backup is damaged.
    """
    with _system_errors(file), TemporaryDirectory(prefix=_WORKPLACE) as work:
        return BackupReport(file, file.stat().st_size, _check(file, passphrase, Path(work)))


def restore(
    file: Path, target: Engine | str | Path, passphrase: str, overwrite: bool = False, *, files: Path | None = None
) -> BackupReport:
    """Put a backup in the place of a database: checked first, then exchanged in one step.

    What was erased since the backup was made is back afterwards: purge again, and repeat the requests made since.

    Parameters
    ----------
    file
        The backup.
    target
        Engine, URL, or path of a SQLite file. Nobody may have it open.
    passphrase
        What the backup was made with.
    overwrite
        Whether what is there may be replaced.
    files
        As in `backup`; what is in there and not in the backup goes.

    Raises
    ------
    CaseError
        There is something and `overwrite` was not said, it is in use, the passphrase is another one, the backup is damaged, or
        of another kind of database. What was there stays as it was.
    """
    with _opened(target) as engine, _system_errors(file):
        if not overwrite and not is_empty(engine):
            found, do = "a database that would be lost", "Choose another place, or say that it may be overwritten."
            raise CaseError(engine.url.render_as_string(), found, "an empty place", do)
        files = files or files_folder(engine)
        with _workplace(_beside(engine)) as work:
            manifest = _check(file, passphrase, work)
            if manifest.database != (SQLITE if engine.dialect.name == "sqlite" else POSTGRESQL):
                raise CaseError(file, f"a {manifest.database}", f"one for {engine.dialect.name}", "Name the right database.")
            names = {name.removeprefix(FILES) for name in manifest.files if name.startswith(FILES)}
            there = {path.relative_to(files).as_posix() for path in regular_files(files)}
            # What is stopped in between leaves a database all of whose files are there, the old one or the new one.
            _move(names - there, work / FILES, files)
            engine.dispose()
            put_back(work / manifest.database, engine.url)
            _move(names & there, work / FILES, files)
            for name in there - names:
                (files / name).unlink()
            _sync(_beside(engine))
        return BackupReport(file, file.stat().st_size, manifest)


def _check(file: Path, passphrase: str, work: Path, expected: Manifest | None = None) -> Manifest:
    """Unpack a backup into `work` and hold what came out against what its manifest, and the caller, say."""
    packed = work / "read-back.tar.gz"
    decrypt_file(file, packed, passphrase)
    manifest = unpack(packed, work)
    packed.unlink()
    if rows(work / manifest.database) != manifest.rows or expected not in (None, manifest):
        raise CaseError(file, "other contents than were written", "the same", "Check the disk, then make a new backup.")
    return manifest


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source / name, target / name)


def _free_name(folder: Path, made_at: datetime) -> Path:
    """Return the path to write to: the name of the moment and ".part".

    In one second with another backup it is a second more than that one, so that the order of names is the order in time.
    """
    for path in folder.glob("cases-*.triage-backup.part"):
        if path.stat().st_mtime < made_at.timestamp() - _A_DAY:
            path.unlink()  # of a program that was killed
    taken = {path.name.removesuffix(".part") for path in folder.iterdir()}
    soon = [made_at + timedelta(seconds=later) for later in range(_A_MINUTE)]
    last = max((later for later, at in enumerate(soon) if _name(at) in taken), default=-1)
    return folder / (_name(made_at + timedelta(seconds=last + 1)) + ".part")


def _name(made_at: datetime) -> str:
    return f"cases-{made_at:%Y%m%d-%H%M%S}.triage-backup"


def _rotated(folder: Path, newest: Path, keep: int) -> tuple[Path, ...]:
    """Delete the oldest; `newest` was read back just now and stays, also where a clock was put back."""
    others = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path != newest)
    oldest = tuple(others[: max(0, len(others) - (keep - 1))])
    for path in oldest:
        path.unlink()
    return oldest


# --- places and errors ---------------------------------------------------------------------------------------------------


@contextmanager
def _opened(database: Engine | str | Path) -> Iterator[Engine]:
    if isinstance(database, Engine):
        yield database
        return
    try:
        engine = create_engine(resolve_url(database))
    except ImportError as error:
        raise MissingExtraError("PostgreSQL", "postgresql") from error
    try:
        yield engine
    finally:
        engine.dispose()


def _beside(engine: Engine) -> Path:
    """Return the folder beside the database, where a plain copy is as safe as the database is."""
    if engine.dialect.name == "sqlite":
        return Path(str(engine.url.database)).absolute().parent
    return files_folder(engine).parent


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """Give an empty folder that is gone afterwards, and by the next time if this program is killed.

    Raises
    ------
    CaseError
        Another program is making or restoring a backup there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # SQLite's lock holds on every system, and ends with the program that has it.
    with closing(sqlite3.connect(folder / _LOCK, timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            found = "another backup or restore at work"
            raise CaseError(folder, found, "one at a time", "Wait for it to end, then try again.") from error
        for left in folder.glob(f"{_WORKPLACE}*"):
            if left.is_dir():
                shutil.rmtree(left)
        with TemporaryDirectory(prefix=_WORKPLACE, dir=folder) as work:
            yield Path(work)


@contextmanager
def _system_errors(place: Path) -> Iterator[None]:
    """Say in a sentence what the system or the server refuses: room, rights, a disk that went away."""
    try:
        yield
    except DBAPIError as error:
        found = str(error.orig).strip().splitlines()[0]
        raise CaseError("database", found, "a database that answers", "Check the name, the rights and the server.") from error
    except OSError as error:
        expected, do = "a place that can be read and written, with room", "Check the name, the rights and the free space."
        raise CaseError(error.filename or place, str(error.strerror or error), expected, do) from error


def _sync(folder: Path) -> None:
    """Have the folder's names on the disk; Windows knows no such thing and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
