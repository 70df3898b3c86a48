"""Personal data goes when its time is over, from the record and from its backups, and a report says what went.

plan     which cases go on a day, which stay all the same and why (`triage_ml.cases.due`)
purge    erases them (`triage_ml.cases.erasure` says what of a case goes, what stays and why), deletes old backups, reports
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from triage_ml.cases.database import reading, writing
from triage_ml.cases.due import Due, Kept, Plan, Protection, Rule, plan
from triage_ml.cases.erasure import RETENTION, Gone, clean_up, erase_cases, unreported
from triage_ml.cases.ledger import Journal
from triage_ml.cases.schema import CaseRow, LedgerRow
from triage_ml.cases.store import CaseStore
from triage_ml.cases.values import plain
from triage_ml.errors import CaseError

__all__ = [
    "Backup", "Due", "Gone", "Kept", "Plan", "Protection", "PurgeReport", "Rule", "delete_backups", "expired_backups", "plan",
    "purge",
]  # fmt: skip

_KIND = "purge"
_BACKUP = re.compile(r"cases-(\d{8}-\d{6})\.triage-backup")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup: when it was made, the day it goes, and how many cases it holds that were erased since."""

    name: str
    made_at: datetime
    until: date
    cases: int = 0


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge, or a person's request, came to; it names no buyer.

    Parameters
    ----------
    at, by, rule
        When, who, and by what rule.
    gone
        All that was erased since the last report: what a purge had done before it was stopped is in the next one's.
    kept, expired_holds
        As in `Plan`.
    scrubbed
        Whether free pages and the search index are clean; False where another program was in the way: purge again.
    backups_deleted, backups_left
        What became of the backups. Who brings one of them back purges again at once, and repeats the requests made since.
    """

    at: datetime
    by: str
    rule: Rule
    gone: tuple[Gone, ...]
    kept: tuple[Kept, ...] = ()
    expired_holds: tuple[str, ...] = ()
    scrubbed: bool = True
    backups_deleted: tuple[str, ...] = ()
    backups_left: tuple[Backup, ...] = ()

    def json(self) -> str:
        """Return it as JSON."""
        return json.dumps(plain(self), indent=2, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        """Return it as lines to be printed."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.at:%Y-%m-%d %H:%M} UTC, by {self.by}: {len(self.gone)} cases erased, {len(self.kept)} kept"
        for one in self.gone:
            yield f"  {one.case_id}  {one.texts} texts, {one.files} files erased {one.at:%Y-%m-%d} by {one.by}: {one.reason}"
        for kept in self.kept:
            yield f"  {kept.case_id}  kept until {kept.until:%Y-%m-%d %H:%M} UTC: {kept.why}"
        for case_id in self.expired_holds:
            yield f"  {case_id}  its legal hold has expired and protects no more"
        if not self.scrubbed:
            yield "Erased data may still stand in free pages: another program was using the database. Purge again."
        for name in self.backups_deleted:
            yield f"Backup {name} deleted."
        for backup in self.backups_left:
            yield f"Backup {backup.name} holds data of {backup.cases} erased cases until {backup.until}."


def purge(
    store: CaseStore,
    by: str,
    rule: Rule = Rule(),  # noqa: B008 - frozen
    backups: Path | None = None,
) -> PurgeReport:
    """Erase what is due, case by case: a purge that is stopped loses nothing, and the next one goes on.

    Parameters
    ----------
    store
        The case record.
    by
        Who, or which program.
    rule
        When personal data goes.
    backups
        Folder of the backups; those whose time is over are deleted.

    Raises
    ------
    CaseError
        Where a file or a backup cannot be deleted, or another program writes all the time. What was done stays done.
    """
    if backups:
        expired_backups(backups, rule.backup_days)  # a wrong folder is better known before than after
    planned = plan(store, rule=rule)
    versions = {one.case_id: one.version for one in planned.due}
    changed = [Kept(case_id, Protection.CHANGED, store.now()) for case_id in erase_cases(store, versions, by, RETENTION)]
    return finish(store, by, rule, [*planned.kept, *changed], planned.expired_holds, backups)


def finish(
    store: CaseStore,
    by: str,
    rule: Rule,
    kept: Iterable[Kept] = (),
    expired_holds: Iterable[str] = (),
    backups: Path | None = None,
) -> PurgeReport:
    """Clean up after cases were erased, delete old backups, and enter the report into the ledger."""
    with reading(store.engine) as connection:
        last = _last_report(connection)
        gone, through = unreported(connection, last["through"])
    scrubbed = clean_up(store) if gone or not last["scrubbed"] else True
    now = store.now().astimezone(UTC)
    deleted, left = delete_backups(backups, rule.backup_days, now.date()) if backups else ((), ())
    with writing(store.engine) as connection:
        left = tuple(replace(backup, cases=_erased_since(connection, backup)) for backup in left)
        names = tuple(backup.name for backup in deleted)
        report = PurgeReport(now, by, rule, gone, tuple(kept), tuple(expired_holds), scrubbed, names, left)
        facts = plain(report) | {"kept": Counter(one.why for one in report.kept), "through": through}
        journal = Journal(connection, now)
        journal.enter(_KIND, by, "", facts=facts)
        journal.flush()
    return report


def _last_report(connection: Connection) -> dict[str, Any]:
    query = select(LedgerRow.facts).where(LedgerRow.kind == _KIND).order_by(LedgerRow.seq.desc()).limit(1)
    facts = connection.execute(query).scalar()
    return dict(json.loads(facts)) if facts else {"through": 0, "scrubbed": True}


def _erased_since(connection: Connection, backup: Backup) -> int:
    query = select(func.count()).where(CaseRow.created_at <= backup.made_at, CaseRow.pseudonymised_at > backup.made_at)
    return int(connection.execute(query).scalar_one())


def expired_backups(folder: Path, days: int, today: date | None = None) -> tuple[Backup, ...]:
    """Return the backups that are older than may be, oldest first.

    Parameters
    ----------
    folder
        Where they are; what is named otherwise than cases-YYYYmmdd-HHMMSS.triage-backup (UTC) is none.
    days
        How long one may be kept, in days of UTC.
    today
        The day; without it today.

    Raises
    ------
    CaseError
        Where the folder cannot be read.
    """
    today = today or datetime.now(UTC).date()
    return tuple(backup for backup in _backups(folder, days) if backup.until <= today)


def delete_backups(folder: Path, days: int, today: date | None = None) -> tuple[tuple[Backup, ...], tuple[Backup, ...]]:
    """Delete the expired backups, also the last one there is; returns those deleted and those left. Raises as above."""
    expired = expired_backups(folder, days, today)
    for backup in expired:
        try:
            (folder / backup.name).unlink(missing_ok=True)
        except OSError as error:
            raise CaseError(folder / backup.name, str(error.strerror), "a backup that can be deleted", "Delete it.") from error
    return expired, tuple(backup for backup in _backups(folder, days) if backup not in expired)


def _backups(folder: Path, days: int) -> list[Backup]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise CaseError(folder, str(error.strerror), "the folder of the backups", "Check the name.") from error
    found = []
    for name in filter(_BACKUP.fullmatch, names):
        try:
            made_at = datetime.strptime(name[6:21], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            continue  # no time: somebody else's file
        found.append(Backup(name, made_at, made_at.date() + timedelta(days=days)))
    return found
