"""An export comes into the record: read, assessed and recorded chunk by chunk, with memory that does not grow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from triage_ml.batch import CHUNK, chunks
from triage_ml.cases.records import Origin, Recorded
from triage_ml.cases.store import CaseStore
from triage_ml.errors import ReadError
from triage_ml.readers import read_messages
from triage_ml.triage import Triage


def import_export(
    store: CaseStore,
    triage: Triage,
    path: Path,
    by: str,
    on_reject: Callable[[ReadError], None],
    progress: Callable[[Recorded, int], None] = lambda *_: None,
) -> Recorded:
    """Bring one file into the record; each message keeps the file's name and the hash of its bytes.

    Parameters
    ----------
    store, triage
        Where to, and what assesses.
    path
        The export.
    by
        Who does it.
    on_reject
        Told of each row that cannot be read.
    progress
        Told what it came to so far and how many messages were read, after each chunk.

    Raises
    ------
    FormatError
        The file cannot be read.
    """
    with path.open("rb") as file:
        origin = Origin(path.name, None, hashlib.file_digest(file, "sha256").hexdigest())
    done, reached = Recorded(), 0
    for chunk in chunks(read_messages(path, on_reject=on_reject), CHUNK):
        done += store.record(triage.assess_many(chunk), by, origin=lambda _: origin)
        reached += len(chunk)
        progress(done, reached)
    return done
