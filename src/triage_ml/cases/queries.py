"""Listing, searching and opening cases, and streams of what was recorded; nothing here writes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, literal, literal_column, select, text, tuple_

from triage_ml.cases.records import CaseState, CaseSummary
from triage_ml.cases.results import case_number, summary_of
from triage_ml.cases.schema import CaseRow, LedgerRow, PersonalRow
from triage_ml.errors import CaseError
from triage_ml.messages import Category, Claim


class Order(StrEnum):
    """In what order cases are listed."""

    DUE = "due"  # what must be answered first
    SURENESS = "sureness"  # what the model is least sure of
    AT_STAKE = "at_stake"  # what was paid, the largest number first (choose one currency where there are several)
    NEWEST = "newest"  # the newest message first
    TEACHES = "teaches"  # what a label would teach the model most


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases are listed; what is None does not matter.

    Parameters
    ----------
    state, category, claim, sku, marketplace, channel, language, currency, buyer_hash, order_id
        Exactly this value.
    due_before
        Something is due before.
    since, until
        The newest message is from then or later; from before then.
    on_hold
        Whether a legal hold runs.
    """

    state: CaseState | None = None
    category: Category | None = None
    claim: Claim | None = None
    sku: str | None = None
    marketplace: str | None = None
    channel: str | None = None
    language: str | None = None
    currency: str | None = None
    buyer_hash: str | None = None
    order_id: str | None = None
    due_before: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    on_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some cases of a list; `next` is what to ask the following ones with, None at the end."""

    cases: tuple[CaseSummary, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A case whose words were searched for; `seq` is the ledger entry of the newest text with them, `excerpt` its words."""

    case: CaseSummary
    seq: int
    excerpt: str


MOST = 500
_SHORTEST = 2
_EXCERPT = 160
# How many texts with the words are looked at for so many cases: a case may have many.
_PER_HIT = 4

# Column, and whether the largest comes first.
_ORDERS: dict[Order, tuple[Any, bool]] = {
    Order.DUE: (CaseRow.due_at, False),
    Order.SURENESS: (CaseRow.sureness, False),
    Order.AT_STAKE: (CaseRow.paid_amount, True),
    Order.NEWEST: (CaseRow.last_at, True),
    Order.TEACHES: (CaseRow.teaches, True),
}
_EQUAL = ("state", "category", "claim", "sku", "marketplace", "channel", "language", "currency", "buyer_hash", "order_id")


def list_cases(connection: Connection, where: Filter, order: Order, after: str | None, limit: int) -> Page:
    """Return one page of cases.

    Parameters
    ----------
    connection
        From `database.reading`.
    where, order
        Which, and in what order; those that lack what is ordered by come last.
    after
        `Page.next` of the page before; None for the first.
    limit
        How many, at most `MOST`.

    Raises
    ------
    CaseError
        Where `after` is none of ours.
    """
    limit = max(1, min(limit, MOST))
    column, largest_first = _ORDERS[order]
    value, number = _read_cursor(after, order) if after else (_START, 0)
    found: _Marks = []
    if value is not None:
        beyond = () if value is _START else (_beyond(order, value, number),)
        found = _first(connection, where, order, (column.is_not(None), *beyond), limit + 1)
    if len(found) <= limit and column.nullable:
        beyond = (CaseRow.id < number if largest_first else CaseRow.id > number,) if value is None else ()
        found += _first(connection, where, order, (column.is_(None), *beyond), limit + 1 - len(found))
    following = _cursor(order, *found[limit - 1]) if len(found) > limit else None
    rows = connection.execute(select(CaseRow.__table__).where(CaseRow.id.in_([number for _, number in found[:limit]])))
    cases = {row.id: summary_of(row) for row in rows}
    return Page(tuple(cases[number] for _, number in found[:limit]), following)


_START = object()
_Marks = list[tuple[Any, int]]


def _first(connection: Connection, where: Filter, order: Order, begin: tuple[Any, ...], limit: int) -> _Marks:
    """Return the first cases that fit, as what they are ordered by and number.

    The indexes hold the cases of each state and category in order, so the first of each are taken and put together.
    """
    column, largest_first = _ORDERS[order]
    by = (column.desc(), CaseRow.id.desc()) if largest_first else (column, CaseRow.id)
    query = select(column, CaseRow.id).order_by(*by).limit(limit)
    found: _Marks = []
    for part in _parts(where):
        found += [(row[0], row[1]) for row in connection.execute(query.where(*conditions(part), *begin))]
    return sorted(found, reverse=largest_first)[:limit]


def _parts(where: Filter) -> list[Filter]:
    """Return filters that together find the same, each for one state and category; few cases need no parting."""
    if where.sku or where.buyer_hash or where.order_id:
        return [where]
    states = [where.state] if where.state else list(CaseState)
    categories = [where.category] if where.category else list(Category)
    return [replace(where, state=state, category=category) for state in states for category in categories]


def _beyond(order: Order, value: object, number: int) -> ColumnElement[bool]:
    column, largest_first = _ORDERS[order]
    here, mark = tuple_(column, CaseRow.id), tuple_(literal(value, column.type), literal(number))
    compared: ColumnElement[bool] = here < mark if largest_first else here > mark
    return compared


def conditions(where: Filter) -> list[ColumnElement[bool]]:
    """Return a filter as conditions on rows of `cases`."""
    columns = CaseRow.__table__.columns
    conditions = [columns[name] == str(value) for name in _EQUAL if (value := getattr(where, name)) is not None]
    if where.due_before:
        conditions.append(CaseRow.due_at < where.due_before)
    if where.since:
        conditions.append(CaseRow.last_at >= where.since)
    if where.until:
        conditions.append(CaseRow.last_at < where.until)
    if where.on_hold is not None:
        conditions.append((CaseRow.hold_reason != "") if where.on_hold else (CaseRow.hold_reason == ""))
    return conditions


def _cursor(order: Order, value: object, number: int) -> str:
    shown = value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, Decimal) else value
    return base64.urlsafe_b64encode(json.dumps([order.value, shown, number]).encode()).decode()


def _read_cursor(cursor: str, order: Order) -> tuple[Any, int]:
    try:
        named, value, number = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if named != order.value or not isinstance(number, int):
            raise ValueError(cursor)
        if value is not None and order in (Order.DUE, Order.NEWEST):
            value = datetime.fromisoformat(value)
        elif value is not None:
            value = Decimal(value) if order is Order.AT_STAKE else float(value)
    except (ValueError, TypeError, binascii.Error, InvalidOperation) as error:
        do = "Begin with the first page."
        raise CaseError("list of cases", f"the page mark {cursor!r}", "`next` of a page in the same order", do) from error
    return value, number


def walk_cases(connection: Connection, where: Filter) -> Iterator[CaseSummary]:
    """Yield all cases that fit, by their number, with memory that does not grow."""
    query = select(CaseRow.__table__).where(*conditions(where)).order_by(CaseRow.id)
    last = 0
    while rows := connection.execute(query.where(CaseRow.id > last).limit(MOST)).all():
        yield from map(summary_of, rows)
        last = rows[-1].id


def search_cases(connection: Connection, words: str, before: int | None, limit: int) -> list[Hit]:
    """Return the cases whose texts hold all these words, in any language, the newest text first.

    Searched are messages, subjects, senders, orders (number, product, SKU, customisation), sent texts, notes and file names.

    Parameters
    ----------
    connection
        From `database.reading`.
    words
        Parted by blanks; parts of words count, capitals do not. A case's number finds that case.
    before
        Look only at texts recorded before this ledger entry: `Hit.seq` of the last hit finds the following ones.
    limit
        How many, at most `MOST`.

    Raises
    ------
    CaseError
        For a word of one letter.
    """
    limit = max(1, min(limit, MOST))
    parts = words.split()
    if not parts or min(map(len, parts)) < _SHORTEST:
        found = f"{words!r}"
        raise CaseError("search", found, f"words of at least {_SHORTEST} letters", "Write more of the word.")
    find = _sqlite_hits if connection.dialect.name == "sqlite" else _postgresql_hits
    hits: dict[str, tuple[int, str]] = {}
    named = case_number(parts[0]) if before is None and len(parts) == 1 else 0
    while len(hits) < limit:
        found_now = find(connection, parts, before, limit * _PER_HIT)
        for seq, case_id, payload in found_now:
            hits.setdefault(case_id, (seq, _excerpt(payload, parts)))
        if len(found_now) < limit * _PER_HIT:
            break
        before = found_now[-1][0]
    numbers = {case_number(case_id): hit for case_id, hit in list(hits.items())[:limit]}
    if named:
        numbers = {named: (0, "")} | numbers
    rows = connection.execute(select(CaseRow.__table__).where(CaseRow.id.in_(numbers)))
    cases = {row.id: summary_of(row) for row in rows}
    return [Hit(cases[number], seq, excerpt) for number, (seq, excerpt) in numbers.items() if number in cases]


_Found = list[tuple[int, str, str]]


def _sqlite_hits(connection: Connection, parts: list[str], before: int | None, limit: int) -> _Found:
    query = " AND ".join(_match(connection, part) for part in parts)
    statement = text(
        "SELECT l.seq, l.case_id, p.payload FROM search JOIN ledger l ON l.seq = search.rowid JOIN personal p ON p.seq = l.seq"
        " WHERE search MATCH :query AND search.rowid < :before ORDER BY search.rowid DESC LIMIT :limit"
    )
    values = {"query": query, "before": before or 2**62, "limit": limit}
    return [(row[0], row[1], row[2]) for row in connection.execute(statement, values)]


def _match(connection: Connection, part: str) -> str:
    """Return one word as a query. The index knows runs of three letters; a shorter word is any of those it begins."""
    if len(part) > _SHORTEST:
        return _quoted(part)
    start = part.lower()
    query = text("SELECT term FROM search_terms WHERE term >= :start AND term < :end")
    terms = connection.execute(query, {"start": start, "end": f"{start}\U0010ffff"}).scalars().all()
    return f"({' OR '.join(map(_quoted, terms))})" if terms else _quoted(f"{start}\U0010ffff")


def _quoted(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'


def _postgresql_hits(connection: Connection, parts: list[str], before: int | None, limit: int) -> _Found:
    words: ColumnElement[str] = literal_column("personal.words", Text())  # computed by the database
    query = (
        select(LedgerRow.seq, LedgerRow.case_id, PersonalRow.payload)
        .join(LedgerRow, LedgerRow.seq == PersonalRow.seq)
        .where(PersonalRow.seq < (before or 2**62), *(_holds(words, part) for part in parts))
        .order_by(PersonalRow.seq.desc())
        .limit(limit)
    )
    return [(row.seq, row.case_id, row.payload) for row in connection.execute(query)]


def _holds(words: ColumnElement[str], part: str) -> ColumnElement[bool]:
    # Looking for letters without capitals, as in Chinese, is several times faster without regard to them.
    has_capitals = part.lower() != part.upper()
    pattern = "%" + re.sub(r"([\\%_])", r"\\\1", part) + "%"
    return words.ilike(pattern, escape="\\") if has_capitals else words.like(pattern, escape="\\")


def _excerpt(payload: str, parts: list[str]) -> str:
    """Return some words around the first one that was searched for."""
    told = json.loads(payload)
    shown = next((told[key] for key in ("text", "note", "confirmation", "subject", "name") if told.get(key)), "")
    found = re.search("|".join(map(re.escape, parts)), shown, re.IGNORECASE)
    start = max(0, found.start() - _EXCERPT // 2) if found else 0
    cut = " ".join(shown[start : start + _EXCERPT].split())
    return ("… " if start else "") + cut + (" …" if len(shown) > start + _EXCERPT else "")
