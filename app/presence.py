"""Who has which case open in this process, so that two people do not write the same reply.

It locks nothing: the record itself refuses the second decision. With several processes only the record's refusal is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

# Who has not touched the page for so long is taken to have left.
_LEFT_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Reader:
    """One session that has a case open: its name, since when, and when it was last active."""

    session: str
    who: str
    since: datetime
    active: datetime


class Board:
    """Says who has which case open.

    Parameters
    ----------
    now
        Tells the time.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self._cases: dict[str, tuple[Reader, str]] = {}  # by session: each has one case open
        self._lock = Lock()

    def enter(self, case_id: str, session: str, who: str) -> None:
        """Note that a session has a case open, and no other."""
        moment = self.now()
        with self._lock:
            reader, before = self._cases.get(session, (None, ""))
            since = reader.since if reader and before == case_id else moment
            self._cases[session] = (Reader(session, who, since, moment), case_id)
            self._cases = {s: kept for s, kept in self._cases.items() if moment - kept[0].active < _LEFT_AFTER}

    def leave(self, session: str) -> None:
        """Note that a session has no case open any more."""
        with self._lock:
            self._cases.pop(session, None)

    def other(self, case_id: str, session: str) -> Reader | None:
        """Return who else has the case open, the first of several; one's own earlier sessions are nobody else."""
        moment = self.now()
        with self._lock:
            own = self._cases[session][0].who if session in self._cases else None
            readers = [r for r, at in self._cases.values() if at == case_id and r.session != session and r.who != own]
        active = (reader for reader in readers if moment - reader.active < _LEFT_AFTER)
        return min(active, key=lambda reader: reader.since, default=None)
