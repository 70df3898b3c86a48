"""The checklist: what a pack for some purpose should hold, what is there, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from triage_ml.cases.records import Case
from triage_ml.evidence.purposes import Purpose, facts, purpose_named, words
from triage_ml.evidence.record import OFFERS, Record, clean, file_state, is_correspondence
from triage_ml.messages import Direction

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist.

    Parameters
    ----------
    id
        Its name in `purposes.toml`.
    needed
        True where the purpose needs it, False where it only helps.
    found
        What is there, each with the number of its ledger entry; none where it is missing.
    text
        What it is, in English ("en") and Chinese ("zh").
    get
        What to do where it is missing, in both languages.
    source
        Why it is on the list.
    """

    id: str
    needed: bool
    found: tuple[str, ...]
    text: Mapping[str, str]
    get: Mapping[str, str]
    source: str

    @property
    def is_there(self) -> bool:
        """Whether anything of it is in the record."""
        return bool(self.found)


def checklist(case: Case, purpose: Purpose | str) -> tuple[Item, ...]:
    """Return what a pack should hold, what is needed first, and what of it is there.

    Parameters
    ----------
    case
        From the store.
    purpose
        What it is for.

    Raises
    ------
    CaseError
        Where there is no such purpose.
    """
    meant, record = purpose_named(purpose), Record(case)
    items = [_item(row, record, meant) for row in facts()["item"] if _concerns(row, case, meant)]
    return tuple(sorted(items, key=lambda item: not item.needed))


def _concerns(row: Mapping[str, Any], case: Case, purpose: Purpose) -> bool:
    if row.get("personalised") and case.summary.order.personalised is False:
        return False
    return purpose in (*row.get("needed", ()), *row.get("helpful", ()))


def _item(row: Mapping[str, Any], record: Record, purpose: Purpose) -> Item:
    return Item(
        id=row["id"],
        needed=purpose in row.get("needed", ()),
        found=tuple(_found(row, record)),
        text={language: row[language] for language in ("en", "zh")},
        get={language: row[f"get_{language}"] for language in ("en", "zh")},
        source=row["source"],
    )


def _found(row: Mapping[str, Any], record: Record) -> Iterator[str]:
    """Yield what of an item is in the record; each key of the data file is one way for it to be there."""
    yield from _files(row.get("attachments", ()), record)
    yield from _order(row.get("order", ()), record)
    yield from _messages(row.get("messages", ()), record)
    for message in record.case.messages:
        if message.message.kind in row.get("notices", ()):
            yield f"{words('en', 'event')[message.message.kind]} [{message.id}]"
    for event in record.offers():
        offered = row.get("offers") and event.remedy in OFFERS
        if offered or event.what in row.get("outcomes", ()):
            yield f"{event.said('en')} [{event.entry}]"
    if row.get("originals"):
        yield from _originals(record)


def _files(kinds: tuple[str, ...], record: Record) -> Iterator[str]:
    for file in record.case.attachments:
        if file.kind in kinds and not file_state(file, record.erased_at):
            yield f"{clean(file.name, _LONGEST)} [{file.id}]"


def _order(names: tuple[str, ...], record: Record) -> Iterator[str]:
    told = [clean(getattr(record.case.summary.order, name), _LONGEST) for name in names]
    if told and all(told):
        yield f"{', '.join(told)} [{record.entry_of(names[0])}]"


def _messages(directions: tuple[str, ...], record: Record) -> Iterator[str]:
    told = [message.message.direction for message in record.case.messages if is_correspondence(message)]
    counts = {direction: told.count(Direction(direction)) for direction in directions}
    if counts and all(counts.values()):
        yield ", ".join(f"{count} {direction}" for direction, count in counts.items())


def _originals(record: Record) -> Iterator[str]:
    messages = record.case.messages
    if all(message.raw_sha256 for message in messages):
        yield f"{len(messages)} of {len(messages)} messages"
