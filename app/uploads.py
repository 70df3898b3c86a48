"""Files that are dropped on the screen: how large they may be, their names, their way to the disk and out of memory."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Protocol

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

import session
from jobs import new_folder
from triage_ml.errors import FormatError, TriageError

# Bytes of a name: file systems hold 255, and an ending such as ".rejects.csv" comes on top.
_LONGEST_NAME = 150


class Upload(Protocol):
    """A dropped file, as Streamlit hands it over."""

    name: str
    size: int
    file_id: str

    def read(self, size: int = ..., /) -> bytes:
        """Read some of its bytes."""


def limit() -> int:
    """Return how many megabytes a file may have: the server's maxUploadSize."""
    return int(st.get_option("server.maxUploadSize"))


def too_large(files: Iterable[Upload]) -> str:
    """Return a sentence about the first file that is too large, "" where all are fine."""
    found = next((file.name for file in files if file.size > limit() * 2**20), None)
    return session.say()("upload.too_large", name=bare_name(found), limit=limit()) if found is not None else ""


def keep(files: Sequence[Upload]) -> tuple[Path, list[Path]]:
    """Move dropped files from memory to the disk.

    Returns
    -------
    tuple
        A new folder, and the files in its folder "in" under their own names, which tell formats apart.

    Raises
    ------
    TriageError
        Where there is no room for them.
    """
    folder = new_folder()
    place = folder / "in"
    try:
        place.mkdir()
        paths = [_kept(place, file) for file in files]
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TriageError(session.say()("upload.no_room", reason=error.strerror or str(error))) from None
    for file in files:
        _release(file)
    return folder, paths


def _kept(place: Path, file: Upload) -> Path:
    name, number = bare_name(file.name), 1
    path = place / name
    while path.exists():
        number += 1
        path = place / f"{number}-{name}"
    with path.open("wb") as copy:
        shutil.copyfileobj(file, copy)
    return path


def _release(file: Upload) -> None:
    """Take a file out of the server's memory, where Streamlit would hold it as long as the session lasts."""
    context = get_script_run_ctx()
    if context is not None and (remove := getattr(context.uploaded_file_mgr, "remove_file", None)):
        remove(context.session_id, file.file_id)


def bare_name(name: str) -> str:
    """Return a file's name without the path and the signs that no name has, shortened at its beginning."""
    bare = "".join(sign for sign in PurePath(name.replace("\\", "/")).name if sign.isprintable())
    short = bare.encode()[-_LONGEST_NAME:].decode("utf-8", "ignore")
    return short if short.strip(". ") else "export"


def reason(error: TriageError) -> str:
    """Return why it failed; of a file without the place where its copy lies."""
    bare = FormatError(error.path.name, error.found, error.expected, error.do) if isinstance(error, FormatError) else error
    return session.say().sentence(str(bare))
