"""The shop's labelled messages, from the case record or a file, as rows to learn from; and the slice set apart from them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from triage_ml.cases.labelled import LabelledMessage, labelled_messages
from triage_ml.cases.store import CaseStore
from triage_ml.corpus import LabelledText
from triage_ml.errors import FormatError, ReadError
from triage_ml.home import own_templates
from triage_ml.language import LANGUAGES, detect
from triage_ml.messages import Category, Claim
from triage_ml.readers.choices import parse_bool
from triage_ml.readers.containers import open_rows
from triage_ml.readers.fields import Row, as_text, clean_text, is_blank
from triage_ml.readers.rejects import Rejects
from triage_ml.readers.sniff import sniff
from triage_ml.redaction import redact
from triage_ml.replies.library import load_templates
from triage_ml.retraining.choosing import choices, voted
from triage_ml.retraining.records import AGREED, OWN_WEIGHT, Choice, Origin, ShopRow

# One buyer in so many belongs to the slice set apart.
_APART = 5
# What `triage-ml cases labels` writes, beside the names that people are told.
_ALSO_CALLED = {"lang": "language", "writer": "buyer"}
_WANTED = "a table with the columns text and claim (or category)"


def from_record(store: CaseStore) -> list[ShopRow]:
    """Return what people labelled and decided in the case record, redacted, the oldest case first.

    What they chose among the suggested replies counts by the place it stood in (`choosing.voted`).
    """
    chosen = choices(store)
    return voted([_of_record(one, chosen.get(one.row.id)) for one in labelled_messages(store)])


def from_file(path: Path) -> tuple[list[ShopRow], Rejects]:
    """Read labelled messages from CSV, JSONL or another table; what cannot be learned from goes to a rejects file.

    Parameters
    ----------
    path
        With the columns text, claim or category, and, where known, language, abuse, reply, personalised, photo, buyer, id.

    Returns
    -------
    list of ShopRow, Rejects
        The good rows, redacted; how many were bad, and the file that names each with its reason.

    Raises
    ------
    FormatError
        Where the file is no such table.
    """
    source = sniff(path)
    if not source.container:
        raise FormatError(path, f"a file of kind {source.kind}", _WANTED, "Save it as CSV or JSON lines.")
    headers, entries = open_rows(source, lambda cells, _: "text" in map(_name, cells))
    names = {_name(header) for header in headers}
    if headers and not ("text" in names and names & {"claim", "category"}):
        raise FormatError(path, f"the columns {', '.join(headers)[:200]}", _WANTED, "Name the columns so.")
    replies = set(load_templates(own_templates()))
    rows = []
    with Rejects(path) as rejects:
        for entry in entries:
            read = entry if isinstance(entry, ReadError) else _of_file(path, entry, replies)
            if isinstance(read, ReadError):
                rejects.write(read)
            else:
                rows.append(read)
    return rows, rejects


def corrected(rows: Sequence[ShopRow], corrections: Sequence[ShopRow]) -> list[ShopRow]:
    """Return the record's rows with what a file says of them by their id, and the file's further rows behind them."""
    said = {one.row.id: one for one in corrections}
    known = {one.row.id for one in rows}
    own = [_with_label_of(one, said[one.row.id]) if one.row.id in said else one for one in rows]
    return own + [one for one in corrections if one.row.id not in known]


def learnable(rows: Sequence[ShopRow]) -> list[LabelledText]:
    """Return what may be learned from: no row of the slice set apart, nor one that says the same words."""
    apart = {normalised(one.row.text) for one in rows if one.apart}
    return [one.row for one in rows if not one.apart and normalised(one.row.text) not in apart]


def is_apart(group: str) -> bool:
    """Say whether a buyer, named by a group such as "de 4f1c", is in the slice set apart.

    It follows from the buyer alone, so that it needs no memory, stays so for ever, and no buyer is on both sides.
    """
    buyer = group.partition(" ")[2]
    return int(hashlib.sha256(buyer.encode()).hexdigest(), 16) % _APART == 0


def normalised(text: str) -> str:
    """Return the words of a text alone: without case, punctuation and gaps; the text itself where it has no word."""
    return " ".join(re.sub(r"\W+", " ", text.casefold()).split()) or text.strip()


def _of_record(one: LabelledMessage, choice: Choice | None) -> ShopRow:
    weight = OWN_WEIGHT * (AGREED if one.decided and not one.corrected else 1)
    row = replace(one.row, weight=weight, fresh=True, replies=(), votes=())
    origin = Origin.DECISION if one.decided else Origin.LABEL
    return ShopRow(row, origin, one.case_id, one.by, one.at, is_apart(row.group), choice)


def _with_label_of(own: ShopRow, said: ShopRow) -> ShopRow:
    row = replace(own.row, claim=said.row.claim, abuse=said.row.abuse, weight=said.row.weight)
    return replace(own, row=row, origin=said.origin, by=said.by)


def _of_file(path: Path, entry: Row, replies: Collection[str]) -> ShopRow | ReadError:
    cells = {_name(column): value for column, value in entry.cells.items()}
    column = "text"
    read: dict[str, object] = {}
    try:
        for column, value in _values(cells, replies):
            read[column] = value
    except _WrongCell as wrong:
        return ReadError(path, entry.number, wrong.column, cells.get(wrong.column, ""), wrong.reason)
    text, language = str(read["text"]), str(read["language"])
    row = LabelledText(
        id=str(read["id"]) or f"{path.name}:{entry.number}",
        lang=language,
        text=redact(text, language).text,
        claim=Claim(str(read["claim"])),
        abuse=bool(read["abuse"]),
        # Without a buyer, equal words are held together.
        group=f"{language} {read['buyer'] or hashlib.sha256(normalised(text).encode()).hexdigest()[:16]}",
        replies=(str(read["reply"]),) if read["reply"] else (),
        # It fits; of the other templates a file says nothing.
        votes=((str(read["reply"]), OWN_WEIGHT),) if read["reply"] else (),
        personalised=read["personalised"] if isinstance(read["personalised"], bool) else None,
        photo=bool(read["photo"]),
        voice="message",
        weight=OWN_WEIGHT,
        fresh=True,
    )
    return ShopRow(row, Origin.FILE, by=f"{path.name}, row {entry.number}", apart=is_apart(row.group))


class _WrongCell(Exception):
    def __init__(self, column: str, reason: str) -> None:
        self.column, self.reason = column, reason


def _values(cells: dict[str, object], replies: Collection[str]) -> Iterator[tuple[str, object]]:
    """Yield each field with its value, checked."""
    text = clean_text(_text(cells, "text"))
    if not text:
        raise _WrongCell("text", "expected what the buyer wrote")
    yield "text", text
    yield "claim", _claim(cells)
    language = _text(cells, "language").lower()[:2] or detect(text)
    if language not in LANGUAGES:
        raise _WrongCell("language", f"expected one of {', '.join(LANGUAGES)}, or nothing")
    yield "language", language
    for column in ("abuse", "personalised", "photo"):
        try:
            yield column, parse_bool(cells.get(column, ""))
        except ValueError as error:
            raise _WrongCell(column, str(error)) from None
    reply = _text(cells, "reply")
    if reply and reply not in replies:
        raise _WrongCell("reply", "expected the id of a template (triage-ml templates list), or nothing")
    yield "reply", reply
    yield from ((column, _text(cells, column)) for column in ("buyer", "id"))


def _claim(cells: dict[str, object]) -> Claim:
    column = "category" if is_blank(cells.get("claim")) else "claim"
    word = _text(cells, column).lower()
    if word in list(Claim):
        return Claim(word)
    if word == Category.ABUSE:
        raise _WrongCell(column, f"abuse says nothing of the goods; expected claim: {', '.join(Claim)}, and abuse: yes")
    raise _WrongCell(column, f"expected one of {', '.join(Claim)}")


def _text(cells: dict[str, object], column: str) -> str:
    try:
        return "" if is_blank(cells.get(column)) else as_text(cells[column])
    except ValueError as error:
        raise _WrongCell(column, str(error)) from None


def _name(column: object) -> str:
    name = str(column).strip().lower()
    return _ALSO_CALLED.get(name, name)
