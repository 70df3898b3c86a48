"""From a helpdesk's JSON file to its tickets, whatever pages, wrappers and side files hold them.

A document is held in memory as a whole, with its side file; JSON Lines are not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from triage_ml.errors import FormatError
from triage_ml.readers.desks import WRAPPERS
from triage_ml.readers.sniff import Source, is_side_file

MAX_DOCUMENT = 512 * 2**20  # characters; in memory a document takes several times that

Json: TypeAlias = Mapping[str, object]

_BETWEEN = re.compile(r"[\s,]*")
_LISTS = ("tickets", "data", "results")
_LIST_START = re.compile(rf'"(?:{"|".join(_LISTS)})"\s*:\s*\[')
_CHILDREN = ("comments", "messages", "conversations")


@dataclass(frozen=True, slots=True)
class Broken:
    """What stands where a ticket or a message should be."""

    name: str
    value: object
    reason: str


def read_tickets(source: Source) -> Iterator[tuple[int, Json | Broken]]:
    """Yield (position, ticket): the line in JSON Lines, else the count in the document.

    Messages that stand beside the tickets, in the document or in `<name>.comments.json`, are put into them;
    users that stand there too are put into each ticket as `people`, by id. Comments without their tickets are
    grouped to tickets; a file `<name>.comments.json` whose tickets lie beside it has none of its own.

    Raises
    ------
    FormatError
        Where a document is no JSON at all, or too big to be loaded.
    """
    if source.kind == "zendesk" and is_side_file(source.path):
        return
    beside = _comments_beside(source)
    position = 0
    for line, document in _documents(source):
        for ticket in _tickets(document, beside):
            position += 1
            yield line or position, ticket


def text_of(value: object) -> str:
    """Return a JSON string or number as text, "" for anything else."""
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def inside(outer: Json, name: str) -> Json:
    """Return the object of that name, an empty one where there is none."""
    value = outer.get(name)
    return value if isinstance(value, dict) else {}


def objects(outer: Json, *names: str) -> list[Json | Broken]:
    """Return what the lists of these names hold; what is no object comes as `Broken`."""
    found: list[Json | Broken] = []
    for name in names:
        value = outer.get(name)
        entries = value if isinstance(value, list) else [] if value is None else [value]
        found += [entry if isinstance(entry, dict) else Broken(name, entry, "expected an object") for entry in entries]
    return found


def _documents(source: Source) -> Iterator[tuple[int, object]]:
    """Yield (line, value) of JSON Lines, (0, value) of a single document."""
    with source.open_text() as stream:
        first = stream.readline(MAX_DOCUMENT)
        value = _parsed(first)
        if not isinstance(value, (dict, list)):
            yield from _one_document(source.path, first + stream.read(MAX_DOCUMENT + 1 - len(first)))
            return
        others = ((number, line) for number, line in enumerate(stream, 2) if line.strip())
        second = next(others, None)
        yield int(second is not None), value
        if second:
            yield second[0], _parsed(second[1])
        yield from ((number, _parsed(line)) for number, line in others)


def _parsed(text: str) -> object:
    try:
        return json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError) as error:
        return Broken("", text, f"broken JSON ({error}); expected a ticket as an object")


def _one_document(path: Path, text: str) -> Iterator[tuple[int, object]]:
    if len(text) > MAX_DOCUMENT:
        found = f"a JSON document of more than {MAX_DOCUMENT >> 20} MB"
        raise FormatError(path, found, "JSON Lines or smaller pages", "Export it in pages, or one ticket on each line.")
    value = _parsed(text)
    if not isinstance(value, Broken):
        yield 0, value
        return
    lines = [(number, _parsed(line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if any(isinstance(parsed, dict) and len(parsed) > 1 for _, parsed in lines):
        yield from lines  # JSON Lines whose first line is damaged
        return
    whole = list(_until_broken(text))
    if len(whole) < 2:
        raise FormatError(path, value.reason.partition(";")[0], "a complete JSON document", "Export it again.")
    yield 0, whole


def _until_broken(text: str) -> Iterator[object]:
    """Yield the tickets of a document that breaks off or is damaged, and last what is broken."""
    start = re.match(r"\s*\[", text) or _LIST_START.search(text)
    position = start.end() if start else len(text)
    while (between := _BETWEEN.match(text, position)) and between.end() < len(text):
        try:
            ticket, position = json.JSONDecoder().raw_decode(text, between.end())
        except (ValueError, RecursionError) as error:
            reason = f"the JSON is broken here ({error}); this ticket and all after it are lost, export them again"
            yield Broken("", text[between.end() : between.end() + 200], reason)
            return
        yield ticket


def _tickets(document: object, beside: Mapping[str, list[object]]) -> Iterator[Json | Broken]:
    if comments := _comments_alone(document):
        document = {**(document if isinstance(document, dict) else {}), "tickets": _regrouped(comments), "comments": []}
    if isinstance(document, list):
        for entry in document:
            yield from _tickets(entry, beside) if isinstance(entry, dict) else [_as_broken(entry)]
        return
    if not isinstance(document, dict):
        yield _as_broken(document)
        return
    page = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), None)
    if page is None and any(isinstance(document.get(name), dict) for name in WRAPPERS):
        page = [document]  # {"ticket": {...}, "comments": [...]}
    # Without a page around it, the document is one ticket, and its lists are its own.
    grouped = {name: _by_ticket(document.get(name)) for name in _CHILDREN} if page is not None else {}
    grouped["comments"] = {**grouped.get("comments", {}), **beside}
    people = {text_of(user.get("id")): user for user in objects(document, "users") if not isinstance(user, Broken)}
    for entry in [document] if page is None else page:
        ticket = next((entry[name] for name in WRAPPERS if name in entry), entry) if isinstance(entry, dict) else entry
        yield _completed(ticket, grouped, people) if isinstance(ticket, dict) else _as_broken(ticket)


def _comments_alone(document: object) -> list[Json]:
    """Return Zendesk's comments where a document holds nothing else: `{"comments": [...]}` or the bare list."""
    if isinstance(document, dict):
        is_ticket = {"id", "tickets", "ticket", "requester_id", "description", "subject"} & document.keys()
        entries = None if is_ticket else document.get("comments")
    else:
        entries = document
    entries = [entry for of in entries.values() for entry in of] if isinstance(entries, dict) else entries
    found: list[Json] = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return found if all("author_id" in entry and "requester_id" not in entry for entry in found) else []


def _regrouped(comments: list[Json]) -> list[Json]:
    """Make tickets of comments; who opened a ticket is taken for its buyer."""
    tickets: dict[object, list[Json]] = {}
    for number, comment in enumerate(comments):
        tickets.setdefault(text_of(comment.get("ticket_id")) or number, []).append(comment)
    return [
        {"id": key if isinstance(key, str) else None, "requester_id": of[0]["author_id"], "comments": of}
        for key, of in tickets.items()
    ]


def _as_broken(value: object) -> Broken:
    return value if isinstance(value, Broken) else Broken("", value, "expected a ticket as an object")


def _by_ticket(entries: object) -> dict[str, list[object]]:
    """Group messages by ticket; they come as one list, or already by ticket id."""
    if isinstance(entries, dict):
        return {ticket: of if isinstance(of, list) else [of] for ticket, of in entries.items()}
    grouped: dict[str, list[object]] = {}
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            grouped.setdefault(text_of(entry.get("ticket_id")), []).append(entry)
    return grouped


def _completed(ticket: Json, grouped: Mapping[str, Mapping[str, list[object]]], people: Json) -> Json:
    """Put into a ticket what stands beside it; a list of ids in the ticket is not the messages themselves."""
    own = text_of(ticket.get("id"))
    added = {
        name: of[own] for name, of in grouped.items()
        if own in of and not any(isinstance(entry, dict) for entry in objects(ticket, name))
    }  # fmt: skip
    return {**ticket, **added, **({"people": people} if people else {})}


def _comments_beside(source: Source) -> dict[str, list[object]]:
    """Read Zendesk's comments from the file next to the tickets, where there is one."""
    names = (source.path.name.partition(".")[0], source.path.stem, source.path.name)
    places = (source.path.with_name(f"{name}.comments.json") for name in names)
    path = next((place for place in places if place.is_file() and place != source.path), None)
    if source.kind != "zendesk" or path is None:
        return {}
    document = _parsed(path.read_text(encoding="utf-8-sig", errors="surrogateescape"))
    if isinstance(document, Broken):
        raise FormatError(path, document.reason.partition(";")[0], "the comments of the tickets", "Export them again.")
    return _by_ticket(document.get("comments", document) if isinstance(document, dict) else document)
