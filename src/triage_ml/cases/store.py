"""The case record as the rest of the product uses it. Every change is one transaction that also appends to the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from triage_ml.cases import additions, counts, ledger, queries, verification
from triage_ml.cases.changes import Change, changing, decide, propose, undo
from triage_ml.cases.checkpoints import Checkpoint, make_checkpoint, public_key
from triage_ml.cases.counts import Counts, ReplyUsage
from triage_ml.cases.database import files_folder, open_engine, reading, tidy, writing
from triage_ml.cases.loading import load_case, stream
from triage_ml.cases.queries import Filter, Hit, Order, Page
from triage_ml.cases.recording import Arrivals, Identities, record_chunk
from triage_ml.cases.records import (
    AttachmentKind,
    Case,
    CaseSummary,
    Decision,
    Hold,
    Label,
    Origin,
    Outcome,
    PhoneNote,
    Recorded,
)
from triage_ml.cases.verification import Verification
from triage_ml.errors import LedgerError

if TYPE_CHECKING:
    from triage_ml.messages import Message
    from triage_ml.triage import Assessment

CHUNK = 512
_T = TypeVar("_T")


class CaseStore:
    """Cases with everything that was said, decided and done about them.

    Parameters
    ----------
    engine
        From `triage_ml.cases.database.open_engine`; `CaseStore.open` does both.
    files
        Folder for kept files and the signing key; without it, beside the database.
    now
        Tells the time.
    """

    def __init__(
        self, engine: Engine, files: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.engine, self.files, self.now = engine, files or files_folder(engine), now

    @classmethod
    def open(cls, url_or_path: str | Path | None = None) -> CaseStore:
        """Open the case record, and make it where there is none.

        Parameters
        ----------
        url_or_path
            A SQLite file or postgresql://...; without one TRIAGE_DATABASE_URL, else `cases.db` in TRIAGE_HOME or the user's
            data folder.

        Raises
        ------
        CaseError
            Where it cannot be opened.
        MissingExtraError
            For PostgreSQL without its driver.
        """
        return cls(open_engine(url_or_path))

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def __enter__(self) -> CaseStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # Messages come in.

    def record(
        self,
        assessments: Iterable[Assessment],
        by: str,
        *,
        origin: Callable[[Message], Origin] | None = None,
        progress: Callable[[Recorded], None] = lambda _: None,
    ) -> Recorded:
        """Bring assessed messages into their cases; what is known changes nothing, in whatever order it comes.

        Parameters
        ----------
        assessments
            As many as one likes: they are taken in chunks of 512, each in one transaction. A program that is stopped in between
            can simply be started again.
        by
            Who, or which program.
        origin
            Says where a message comes from, where the caller knows.
        progress
            Told what it came to so far, after each chunk.

        Returns
        -------
        Recorded
            New messages, new cases, known messages.
        """
        with reading(self.engine) as connection:
            arrivals = Arrivals(Identities.load(connection), origin)
        done, iterator = Recorded(), iter(assessments)
        while chunk := list(islice(iterator, CHUNK)):
            incoming = arrivals(chunk)
            with writing(self.engine) as connection:
                done += record_chunk(connection, incoming, by, self.now())
            done += Recorded(known=len(chunk) - len(incoming))
            progress(done)
        if done.messages > CHUNK:
            tidy(self.engine)
        return done

    # Cases are looked at.

    def cases(self, where: Filter = Filter(), order: Order = Order.DUE, after: str | None = None, limit: int = 50) -> Page:  # noqa: B008 - frozen
        """Return one page of a list of cases.

        Parameters
        ----------
        where, order
            Which, and in what order; those that lack what is ordered by come last.
        after
            `Page.next` of the page before.
        limit
            How many, at most 500.
        """
        with reading(self.engine) as connection:
            return queries.list_cases(connection, where, order, after, limit)

    def counts(self, where: Filter = Filter()) -> Counts:  # noqa: B008 - frozen
        """Return how many cases fit: of each state and category, as the choices of a list show them, overdue, and in all."""
        with reading(self.engine) as connection:
            return counts.count_cases(connection, where, self.now())

    def reply_usage(self, since: datetime | None = None) -> Mapping[str, ReplyUsage]:
        """Return by template how often it was shown and chosen, and what buyers answered.

        Parameters
        ----------
        since
            Of decisions made from then on.
        """
        with reading(self.engine) as connection:
            return counts.count_replies(connection, since)

    def walk(self, where: Filter = Filter()) -> Iterator[CaseSummary]:  # noqa: B008 - frozen
        """Yield all cases that fit, oldest first, with memory that does not grow."""
        with reading(self.engine) as connection:
            yield from queries.walk_cases(connection, where)

    def stream(self, kind: type[_T], since: datetime | None = None) -> Iterator[_T]:
        """Yield everything recorded of one kind, oldest first, with memory that does not grow.

        Parameters
        ----------
        kind
            CaseMessage, CaseDecision, CaseOutcome, CaseLabel or CasePhoneNote.
        since
            Recorded from then on.
        """
        with reading(self.engine) as connection:
            yield from stream(connection, kind, since)

    def case(self, case_id: str) -> Case:
        """Return a case with everything in time order.

        Raises
        ------
        CaseNotFoundError
            Where there is none.
        """
        with reading(self.engine) as connection:
            return load_case(connection, case_id, self.files)

    def search(self, words: str, limit: int = 50, before: int | None = None) -> list[Hit]:
        """Return the cases whose texts hold all these words, the newest text first.

        Parameters
        ----------
        words
            Parted by blanks, each of at least two letters; parts of words count. A case's number finds that case.
        limit
            How many, at most 500.
        before
            `Hit.seq` of the last hit, for the following ones.
        """
        with reading(self.engine) as connection:
            return queries.search_cases(connection, words, before, limit)

    # People work on a case.

    def changing(self, case_id: str, version: int | None = None) -> AbstractContextManager[Change]:
        """Give one case to change, under the lock, in one transaction; what the methods below are made with."""
        return changing(self.engine, case_id, self.now(), version)

    def decide(self, case_id: str, version: int, decision: Decision) -> int:
        """Record what a person chose; it counts as the answer that the clocks wait for.

        Parameters
        ----------
        case_id
            Which case.
        version
            Of the case as the person saw it.
        decision
            What was chosen.

        Returns
        -------
        int
            The case's new version.

        Raises
        ------
        CaseConflictError
            Where somebody was faster.
        CaseError
            Where a second person must look and none is named, or the remedy or the money cannot be. Who proposed the decision
            that stands is the second person where somebody else decides and names nobody.
        """
        with self.changing(case_id, version) as change:
            decide(change, decision)
        return int(change.case["version"])

    def propose(self, case_id: str, version: int, decision: Decision) -> int:
        """Propose a decision that a second person must look at: the case is in review, and nothing counts as answered.

        Proposing again replaces the proposal; `undo` withdraws it, and so does a new message of the buyer. Returns the case's
        new version; raises as `decide` does, but wants no second person yet.
        """
        with self.changing(case_id, version) as change:
            propose(change, decision)
        return int(change.case["version"])

    def undo(self, case_id: str, version: int, by: str) -> int:
        """Withdraw the proposal that stands, else take the newest decision back; the case is open again.

        Returns its new version; raises as `decide` does.
        """
        with self.changing(case_id, version) as change:
            undo(change, by)
        return int(change.case["version"])

    def outcome(self, case_id: str, outcome: Outcome) -> int:
        """Record what came of it. Returns the ledger entry's number."""
        with self.changing(case_id) as change:
            return additions.add_outcome(change, outcome)

    def label(self, case_id: str, label: Label) -> int:
        """Record what a person says a message claims, for training. Returns the ledger entry's number.

        Raises
        ------
        CaseError
            Where the case has no such message.
        """
        with self.changing(case_id) as change:
            return additions.add_label(change, label)

    def note_phone(self, case_id: str, note: PhoneNote) -> int:
        """Record what was said on the telephone. Returns the ledger entry's number."""
        with self.changing(case_id) as change:
            return additions.add_phone_note(change, note)

    def attach(self, case_id: str, path: Path, kind: AttachmentKind, by: str, message_id: int | None = None) -> int:
        """Keep a copy of a file with a case. Returns the ledger entry's number.

        Raises
        ------
        CaseError
            Where the file cannot be read, or the case has no such message.
        """
        with self.changing(case_id) as change:
            return additions.add_file(change, path, kind, by, message_id, self.files)

    def hold(self, case_id: str, hold: Hold, by: str) -> int:
        """Put a legal hold on a case: its data is not erased before it expires. Returns the case's new version."""
        with self.changing(case_id) as change:
            additions.add_hold(change, hold, by)
        return int(change.case["version"])

    def release(self, case_id: str, by: str) -> int:
        """Take the legal hold off. Returns the case's new version."""
        with self.changing(case_id) as change:
            additions.release_hold(change, by)
        return int(change.case["version"])

    # The ledger.

    def verify(self, checkpoints: Sequence[Checkpoint] = (), trusted: Sequence[str] = ()) -> Verification:
        """Check that the record says what was recorded (see `triage_ml.cases.verification`).

        Raises
        ------
        LedgerError
            Where the database itself is damaged.
        """
        try:
            with reading(self.engine) as connection:
                return verification.verify(connection, checkpoints, trusted, self.files)
        except DBAPIError as error:
            found = f"a damaged database ({error.orig})"
            raise LedgerError("ledger", found, "a database that can be read", "Bring back a backup.") from error

    def checkpoint(self) -> Checkpoint:
        """Sign where the ledger stands now, with this installation's key; keep the result somewhere else.

        Raises
        ------
        LedgerError
            Where nothing was recorded yet.
        """
        with reading(self.engine) as connection:
            newest = ledger.head(connection)
        if newest is None:
            raise LedgerError("ledger", "no entry", "at least one", "Record something first.")
        return make_checkpoint(newest, self.files, self.now())

    @property
    def public_key(self) -> str:
        """The installation's public key in hex, "" where no checkpoint was made yet."""
        return public_key(self.files)

    def note_model(self, by: str, facts: Mapping[str, str]) -> int:
        """Record which model counts from now on, and why. Returns the ledger entry's number."""
        with writing(self.engine) as connection:
            journal = ledger.Journal(connection, self.now())
            seq = journal.enter("promotion", by, "", facts=facts)
            journal.flush()
        return seq

    def export_ledger(self, file: IO[bytes]) -> int:
        """Write the chain without personal data, one entry a line. Returns how many entries."""
        with reading(self.engine) as connection:
            return ledger.export(connection, file)
