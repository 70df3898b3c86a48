"""What one person asks for: what is stored about me, a copy of it, and its deletion.

Nothing but a person can say whether two cases are the same buyer's, so `find_person` only proposes; the ids of the cases that
are really theirs go into `export_person` and `delete_person`.
"""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, select

from triage_ml.cases.database import reading, writing
from triage_ml.cases.due import Kept, Protection, Rule, candidates
from triage_ml.cases.erasure import erase_cases
from triage_ml.cases.ledger import Journal
from triage_ml.cases.loading import case_row
from triage_ml.cases.queries import MOST, Filter
from triage_ml.cases.recording import Identities
from triage_ml.cases.records import Attachment, Case, CaseSummary
from triage_ml.cases.results import case_number, public_id
from triage_ml.cases.retention import PurgeReport, expired_backups, finish
from triage_ml.cases.schema import CaseRow, ThreadRow
from triage_ml.cases.store import CaseStore
from triage_ml.cases.threads import thread_keys
from triage_ml.cases.values import plain
from triage_ml.errors import CaseError
from triage_ml.messages import Message, OrderLine

# The ledger names nobody, and where a file stands here means nothing elsewhere.
_SAID = {
    "Case": tuple(field.name for field in fields(Case) if field.name != "entries"),
    "Attachment": tuple(field.name for field in fields(Attachment) if field.name != "path"),
}
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_MINE = 0o600


class Reason(StrEnum):
    """Why a person's data goes before its time. It enters the ledger for ever, so it is none of their words."""

    REQUEST = "request"
    OBJECTION = "objection"
    CONSENT_WITHDRAWN = "consent withdrawn"
    MISTAKE = "recorded by mistake"
    RESTORED = "came back with a backup"


class FoundBy(StrEnum):
    """What a case has in common with what was looked for."""

    ORDER = "order"
    ALIAS = "alias"
    WORDS = "words"
    SAME_BUYER = "same buyer"


@dataclass(frozen=True, slots=True)
class Match:
    """A case that may be the person's, and why."""

    case: CaseSummary
    found_by: tuple[FoundBy, ...]


def find_person(store: CaseStore, *, order_id: str = "", alias: str = "", words: str = "") -> tuple[Match, ...]:
    """Return the cases that may be one person's, also those whose personal data is gone, by their numbers.

    Parameters
    ----------
    store
        The case record.
    order_id
        The number of an order of theirs.
    alias
        The address or name under which they write, as in the export.
    words
        Words that only they would use, such as a name that was engraved; at most 500 cases are found by them.

    Returns
    -------
    tuple of Match
        What was asked for, and the other cases of the buyers found by order and alias. Look at each: shared addresses,
        presents and common words bring other people's cases.

    Raises
    ------
    CaseError
        Where nothing is asked for, or for a word of one letter.
    """
    order_id, alias = order_id.strip(), alias.strip()
    if not (order_id or alias or words.strip()):
        raise CaseError("person", "nothing to look for", "an order's number, an alias or words", "Name one of them.")
    found: dict[str, set[FoundBy]] = defaultdict(set)
    with reading(store.engine) as connection:
        for how, case_ids in _by_hash(connection, order_id, alias):
            for case_id in case_ids:
                found[case_id].add(how)
    for how, said in ((FoundBy.ORDER, order_id), (FoundBy.ALIAS, alias), (FoundBy.WORDS, words)):
        # What has a letter standing alone, such as "J. Weber", only the hashes can find.
        searchable = said.strip() and (how is FoundBy.WORDS or min(map(len, said.split())) > 1)
        for hit in store.search(said, MOST) if searchable else ():
            found[hit.case.id].add(how)
    summaries = {case_id: store.case(case_id).summary for case_id in found}
    sure = [case for case_id, case in summaries.items() if found[case_id] - {FoundBy.WORDS}]
    for buyer in {case.buyer_hash for case in sure if case.buyer_hash}:
        for case in store.walk(Filter(buyer_hash=buyer)):
            if case.id not in summaries:
                summaries[case.id] = case
                found[case.id].add(FoundBy.SAME_BUYER)
    order = sorted(summaries, key=case_number)
    return tuple(Match(summaries[case_id], tuple(sorted(found[case_id]))) for case_id in order)


def _by_hash(connection: Connection, order_id: str, alias: str) -> Iterable[tuple[FoundBy, list[str]]]:
    """Return what the keyed hashes know, which stay when the words are gone."""
    identities = Identities.load(connection)
    line = OrderLine(order_id) if order_id else None
    buyer = identities.buyer(Message("", "", line, sender=alias))
    same_buyer = select(CaseRow.id).where(CaseRow.buyer_hash == buyer, CaseRow.buyer_hash != "")
    channels = connection.execute(select(CaseRow.channel).distinct()).scalars().all() if line else []
    keys = {
        identities.hash("thread", key) for channel in channels for key in thread_keys(Message("", "", line, channel=channel))
    }
    same_order = select(ThreadRow.case_id).where(ThreadRow.key.in_(keys))
    for how, query in ((FoundBy.ALIAS, same_buyer), (FoundBy.ORDER, same_order)):
        yield how, [public_id(number) for number in connection.execute(query).scalars()]


def export_person(store: CaseStore, case_ids: Sequence[str], path: Path, by: str) -> int:
    """Write all that is stored of a person's cases into a ZIP file: `data.json`, and the files that were kept.

    The ledger records that it was done. Only the owner of the file may read it.

    Parameters
    ----------
    store
        The case record.
    case_ids
        The person's cases, from `find_person`.
    path
        Where to; there must be no such file yet.
    by
        Who exports.

    Returns
    -------
    int
        How many kept files are in it.

    Raises
    ------
    CaseError
        Where a case is not there, or the file cannot be written.
    """
    cases = [store.case(case_id) for case_id in _chosen(case_ids)]
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MINE), "wb") as file:
            _enter_export(store, cases, by)
            return _write(file, cases, plain(store.now()))
    except OSError as error:
        if not isinstance(error, FileExistsError):
            path.unlink(missing_ok=True)
        raise CaseError(path, str(error.strerror), "a new file, and room for it", "Choose another name.") from error


def _enter_export(store: CaseStore, cases: Sequence[Case], by: str) -> None:
    with writing(store.engine) as connection:
        journal = Journal(connection, store.now())
        for case in cases:
            journal.enter("export", by, case.id)
        journal.flush()


def _write(file: IO[bytes], cases: Sequence[Case], now: str) -> int:
    told, count = [], 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for case in cases:
            said = plain(case, _SAID)
            for attachment, entry in zip(case.attachments, said["attachments"], strict=True):
                name = f"attachments/{case.id}/{attachment.id}-{_UNSAFE.sub('_', attachment.name)}"
                there = Path(attachment.path).is_file()
                entry["file"] = name if there else None
                if there:
                    package.write(attachment.path, name)
                    count += 1
            told.append(said)
        data = {"exported_at": now, "cases": told}
        package.writestr("data.json", json.dumps(data, indent=2, ensure_ascii=False))
    return count


def delete_person(
    store: CaseStore,
    case_ids: Sequence[str],
    by: str,
    reason: Reason = Reason.REQUEST,
    rule: Rule = Rule(),  # noqa: B008 - frozen
    backups: Path | None = None,
) -> PurgeReport:
    """Erase a person's cases at once, and the hashes that tie them to the buyer; holds and open disputes protect.

    Parameters
    ----------
    store
        The case record.
    case_ids
        The person's cases, from `find_person`.
    by, reason
        Who does it, and why.
    rule
        For disputes and backups; `dispute_days=None` erases cases in dispute too. That a message waits for an answer does
        not count.
    backups
        Folder of the backups.

    Returns
    -------
    PurgeReport
        What went; what stays, why and until when, in the record and in backups. See `triage_ml.cases.erasure` for what stays
        of a case that went. A case that changed meanwhile is kept: ask again.

    Raises
    ------
    CaseError
        Where a case is not there (nothing is erased then), or as `purge` does.
    """
    if backups:
        expired_backups(backups, rule.backup_days)
    now = store.now()
    versions, kept, expired = {}, [], []
    with reading(store.engine) as connection:
        numbers = [int(case_row(connection, case_id)["id"]) for case_id in _chosen(case_ids)]
        for one in candidates(connection, CaseRow.id.in_(numbers)):
            if one.hold_expired(now):
                expired.append(one.id)
            if protected := one.protection(now, replace(rule, answer_days=0)):
                kept.append(protected)
            else:
                versions[one.id] = one.case["version"]
    for case_id in erase_cases(store, versions, by, reason.value, forget=True):
        kept.append(Kept(case_id, Protection.CHANGED, store.now()))
    return finish(store, by, rule, kept, expired, backups)


def _chosen(case_ids: Sequence[str]) -> list[str]:
    if not case_ids:
        raise CaseError("person", "no case", "the numbers of their cases", "Look them up first.")
    return list(dict.fromkeys(case_ids))
