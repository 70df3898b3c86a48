"""Files with a manifest in one .tar.gz, and out again: what the inside of a backup looks like."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, cast

from triage_ml.errors import CaseError

FORMAT = 1
FILES = "files/"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Parameters
    ----------
    made_at
        When, in UTC.
    database
        Name of the database's file within.
    rows
        Table to number of rows.
    files
        Name within to SHA-256, the database's among them.
    format
        Of the container; raised when an older version could not read it.
    """

    made_at: str
    database: str
    rows: Mapping[str, int]
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


class _Hashed:
    """A file whose SHA-256 is known when it was read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sha256 = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self.file.read(size)
        self.sha256.update(chunk)
        return chunk


def pack(packed: Path, copy: Path, files: Path, manifest: Manifest) -> None:
    """Write the archive `packed` of the database's `copy` and the folder `files`, and into the manifest what is in it."""
    with tarfile.open(packed, "w:gz", compresslevel=3, dereference=True) as archive:
        _add(archive, copy, copy.name, manifest)
        for path in regular_files(files):
            with suppress(FileNotFoundError):  # erased meanwhile
                _add(archive, path, f"{FILES}{path.relative_to(files).as_posix()}", manifest)
        written = packed.with_name(_MANIFEST)
        written.write_text(json.dumps(asdict(manifest), indent=2, ensure_ascii=False), "utf-8")
        archive.add(written, _MANIFEST, filter=_nobody_s)


def _add(archive: tarfile.TarFile, path: Path, name: str, manifest: Manifest) -> None:
    with path.open("rb") as file:
        content = _Hashed(file)
        # Only its read() is called.
        archive.addfile(_nobody_s(archive.gettarinfo(arcname=name, fileobj=file)), cast(IO[bytes], content))
    manifest.files[name] = content.sha256.hexdigest()


def _nobody_s(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Leave out the names of people on this machine."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def regular_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and those below, links left out; none where there is no folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def unpack(packed: Path, folder: Path) -> Manifest:
    """Unpack an archive and hold its files against its manifest.

    Raises
    ------
    CaseError
        It holds something else than its manifest says, or is no such archive.
    """
    try:
        hashes = _unpacked(packed, folder)
        told = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if told["format"] != FORMAT:
            do = "Use the version of triage-ml that made it."
            raise CaseError("backup", f"format {told['format']}", f"format {FORMAT}", do)
        manifest = Manifest(**told)
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, FileNotFoundError) as error:
        raise CaseError("backup", f"something else inside ({error})", "a backup of cases", "Take another file.") from error
    del hashes[_MANIFEST]
    if hashes != manifest.files:
        raise CaseError("backup", "other files than its manifest names", "the same", "Take another file.")
    return manifest


def _unpacked(packed: Path, work: Path) -> dict[str, str]:
    """Unpack and return the SHA-256 of each file."""
    hashes = {}
    with tarfile.open(packed, "r:gz") as archive:
        for info in archive:
            name = PurePosixPath(info.name)
            if not info.isfile() or name.is_absolute() or ".." in name.parts:
                raise tarfile.TarError(f"{info.name!r} is no plain file")
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = _Hashed(cast(IO[bytes], archive.extractfile(info)))
            with path.open("wb") as unpacked:
                shutil.copyfileobj(content, unpacked)
            path.chmod(info.mode & 0o777)  # a key stays its owner's
            hashes[info.name] = content.sha256.hexdigest()
    return hashes
