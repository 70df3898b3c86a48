"""Helpdesk exports in JSON: Zendesk, Gorgias, Freshdesk, eDesk.

A document is held in memory as a whole, up to 512 MB, because a page of JSON cannot be read in part; JSON Lines are
read line by line, which is the way for anything bigger. Every public message of a ticket becomes one
`Message`; private notes are no messages and are passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from triage_ml.errors import ReadError
from triage_ml.messages import Direction, Message, MessageKind
from triage_ml.readers.fields import build, find_order_id
from triage_ml.readers.notices import Letter, Sender, recognise
from triage_ml.readers.senders import imitation, party_of
from triage_ml.readers.sniff import Source
from triage_ml.readers.tickets import Broken, Json, inside, objects, read_tickets, text_of
from triage_ml.readers.words import read_page

_CHANNELS = {
    "email": "mail", "e-mail": "mail", "messaging": "chat", "native_messaging": "chat", "any_channel": "", "api": "",
}  # fmt: skip
_FRESHDESK_CHANNELS = {"1": "mail", "2": "portal", "3": "phone", "7": "chat", "9": "widget", "10": "mail"}
_SENT = ("sent_datetime", "created_datetime", "created_at", "sent_at", "date")
_AGENT_OPENED = "10"  # Freshdesk's source of a ticket that an agent opened by writing to the buyer


@dataclass(frozen=True, slots=True)
class _Entry:
    """One public message of a ticket: its bodies, who wrote it, the rest by canonical field name.

    `address` is the writer's, `buyer` that of the ticket's buyer, "" where unknown.
    """

    plain: str
    html: str
    address: str
    buyer: str
    incoming: bool
    is_first: bool
    raw: dict[str, object]


_Found: TypeAlias = Iterator[_Entry | Broken]


def read(source: Source) -> Iterator[Message | ReadError]:
    """Read the public messages of all tickets.

    Parameters
    ----------
    source
        A file of kind "zendesk", "gorgias", "freshdesk" or "edesk". Zendesk's comments may stand in the
        tickets, beside them in the same document, or in a file `<name>.comments.json` next to it.

    Yields
    ------
    Message or ReadError
        In the file's order; `row` of an error is the ticket's position in the file (in JSON Lines the line).

    Raises
    ------
    FormatError
        Where the document as a whole is no JSON, or too big.
    """
    entries_of = _HELPDESKS[source.kind]
    for row, ticket in read_tickets(source):
        for entry in [ticket] if isinstance(ticket, Broken) else entries_of(ticket):
            if isinstance(entry, Broken):
                shown = str(entry.value)[:200].strip().encode("utf-8", "replace").decode()
                yield ReadError(source.path, row, entry.name, shown, entry.reason)
            else:
                yield _message(source.path, row, entry)


def _message(path: Path, row: int, entry: _Entry) -> Message | ReadError:
    writer, buyer = party_of(entry.address or (entry.buyer if entry.incoming else "")), party_of(entry.buyer)
    page, raw = read_page(entry.html), entry.raw
    if entry.incoming and (reason := imitation(writer)):
        return ReadError(path, row, "sender", writer.address, reason)
    role = Sender.BUYER if writer.is_alias else Sender.AMAZON if writer.place else Sender.UNKNOWN
    # The subject is the ticket's: of its later messages it says nothing.
    subject = text_of(raw.get("subject")) if entry.is_first else ""
    letter = Letter(role, writer.address, subject, entry.plain, page)
    notice = recognise(letter) if entry.incoming else None
    text = notice.text if notice else letter.words
    if not text and raw.get("attachments"):
        return ReadError(path, row, "text", "", "no text, only attachments")
    person = MessageKind.BUYER if entry.incoming else MessageKind.SELLER
    seen = f"{text_of(raw.get('subject'))}\n{letter.body}"
    own: dict[str, object] = {
        "text": text,
        "kind": notice.kind if notice else person,
        "direction": Direction.IN if entry.incoming else Direction.OUT,
        "order_id": raw.get("order_id") or find_order_id(seen),
        "channel": raw.get("channel") if buyer.channel == "mail" else buyer.channel,
        "marketplace": f"amazon.{buyer.place}" if buyer.place else raw.get("marketplace"),
        "sender": writer.address or raw.get("sender"),
    }
    return build(path, row, raw | own | (notice.order_line if notice else {}))


def _zendesk(ticket: Json) -> _Found:
    via, people = inside(ticket, "via"), inside(ticket, "people")
    buyer_id = text_of(ticket.get("requester_id") or inside(ticket, "requester").get("id"))
    buyer = inside(ticket, "requester") or inside(people, buyer_id)
    address = _sent_from(ticket) or text_of(buyer.get("email"))
    shared = _shared(ticket) | {"order_id": _order_id(ticket.get("custom_fields")), "channel": _channel(via)}
    comments = _with_description(ticket, objects(ticket, "comments"))
    if not comments:
        yield Broken("comments", "", "a ticket without description and comments; export its comments too")
    for number, comment in enumerate(comments):
        if isinstance(comment, Broken):
            yield comment
        elif comment.get("public") is not False:
            author_id = text_of(comment.get("author_id"))
            author = inside(comment, "author") or inside(people, author_id)
            by_buyer = not buyer_id or buyer_id in (author_id, text_of(author.get("id")))
            yield _Entry(
                text_of(comment.get("plain_body") or comment.get("body")),
                text_of(comment.get("html_body")),
                _sent_from(comment) or text_of(author.get("email")),
                address,
                by_buyer or author.get("role") == "end-user",
                number == 0,
                shared | _own(comment) | {"sender": author.get("name")},
            )


def _sent_from(entry: Json) -> str:
    return text_of(inside(inside(inside(entry, "via"), "source"), "from").get("address"))


def _with_description(ticket: Json, comments: list[Json | Broken]) -> list[Json | Broken]:
    """Put the description first, where it is not what it nearly always is: the first comment once more."""
    description, told_at = text_of(ticket.get("description")), ticket.get("created_at")
    known = [comment for comment in comments if not isinstance(comment, Broken)]
    said = {" ".join(text_of(comment.get(name)).split()) for comment in known for name in ("plain_body", "body")}
    repeated = " ".join(description.split()) in said or any(c.get("created_at") == told_at for c in known if told_at)
    if repeated or not description.strip():
        return comments
    writer = ticket.get("submitter_id") or ticket.get("requester_id") or inside(ticket, "requester").get("id")
    opening = {"id": ticket.get("id"), "author_id": writer, "plain_body": description, "created_at": told_at}
    return [opening, *comments]


def _gorgias(ticket: Json) -> _Found:
    alone = "messages" not in ticket and ("from_agent" in ticket or "body_text" in ticket)
    messages = [ticket] if alone else objects(ticket, "messages")
    if not messages:
        yield Broken("messages", "", "a ticket without its messages; export them too")
    for number, message in enumerate(messages):
        if isinstance(message, Broken):
            yield message
        elif message.get("public") is not False:
            sender, sent_from = inside(message, "sender"), inside(inside(message, "source"), "from")
            details = [outer.get(name) for outer in (ticket, message) for name in ("custom_fields", "meta")]
            yield _Entry(
                text_of(message.get("body_text") or message.get("stripped_text")),
                text_of(message.get("body_html") or message.get("stripped_html")),
                text_of(sent_from.get("address") or sender.get("email")),
                text_of(inside(ticket, "customer").get("email")),
                not message.get("from_agent"),
                number == 0,
                _shared(ticket) | _own(message) | {
                    "order_id": _order_id(details),
                    "channel": _channel(message) or _channel(ticket),
                    "sender": sender.get("name"),
                },
            )  # fmt: skip


def _freshdesk(ticket: Json) -> _Found:
    requester = inside(ticket, "requester")
    address, source = text_of(requester.get("email") or ticket.get("email")), text_of(ticket.get("source"))
    details = [ticket.get("custom_fields"), ticket.get("custom_field")]
    shared = _shared(ticket) | {"order_id": _order_id(details), "channel": _FRESHDESK_CHANNELS.get(source, "")}
    opening: Json = {
        "id": ticket.get("id"), "created_at": ticket.get("created_at"), "attachments": ticket.get("attachments"),
        "body_text": ticket.get("description_text"),
        "body": ticket.get("description_html") or ticket.get("description"),
        "incoming": source != _AGENT_OPENED,
    }  # fmt: skip
    told = bool(text_of(opening["body_text"]).strip() or text_of(opening["body"]).strip())
    notes = [*([opening] if told else []), *objects(ticket, "conversations", "notes")]
    if not notes:
        yield Broken("description", "", "a ticket without text")
    for number, wrapped in enumerate(notes):
        note = wrapped if isinstance(wrapped, Broken) else inside(wrapped, "note") or wrapped
        if isinstance(note, Broken):
            yield note
        elif not note.get("private"):
            incoming = bool(note.get("incoming"))
            yield _Entry(
                text_of(note.get("body_text")),
                text_of(note.get("body") or note.get("body_html")),
                text_of(note.get("from_email")),
                address,
                incoming,
                number == 0,
                shared | _own(note) | {"sender": requester.get("name") if incoming else ""},
            )


def _edesk(ticket: Json) -> _Found:
    alone = "messages" not in ticket and "body" in ticket
    messages = [ticket] if alone else objects(ticket, "messages")
    channel = inside(ticket, "sales_channel") or inside(ticket, "channel")
    shop = text_of(channel.get("name") or ticket.get("sales_channel") or ticket.get("channel"))
    order = inside(ticket, "order") or inside(ticket, "sales_order")
    if not messages:
        yield Broken("messages", "", "a ticket without its messages; export them too")
    for number, message in enumerate(messages):
        if isinstance(message, Broken):
            yield Broken("messages", message.value, "expected a message, not an id; export the messages too")
        elif not _is_note(message):
            author = inside(message, "author")
            yield _Entry(
                text_of(message.get("body") or message.get("body_text")),
                text_of(message.get("body_html")),
                text_of(author.get("email")),
                text_of(inside(ticket, "customer").get("email")),
                _is_incoming(text_of(message.get("direction") or author.get("type") or author.get("role"))),
                number == 0,
                _shared(ticket) | _own(message) | {
                    "order_id": ticket.get("seller_order_id") or order.get("seller_order_id"),
                    "channel": _channel({"channel": channel.get("type") or shop}),
                    "marketplace": shop,
                    "sender": author.get("name") or text_of(message.get("author")),
                },
            )  # fmt: skip


_HELPDESKS: Mapping[str, Callable[[Json], _Found]] = {
    "zendesk": _zendesk, "gorgias": _gorgias, "freshdesk": _freshdesk, "edesk": _edesk,
}  # fmt: skip


def _is_note(message: Json) -> bool:
    return text_of(message.get("type")).lower().startswith(("note", "internal"))


def _is_incoming(stated: str) -> bool:
    return not re.match(r"(?:out|sent|to|agent|seller|staff|user|reply)", stated, re.IGNORECASE)


def _shared(ticket: Json) -> dict[str, object]:
    return {
        "thread_id": ticket.get("id"),
        "subject": ticket.get("subject") or ticket.get("raw_subject"),
        "language": text_of(ticket.get("language") or ticket.get("locale")),
    }


def _own(message: Json) -> dict[str, object]:
    """Return what a message itself tells; it wins over the ticket's where both do."""
    own = {
        "message_id": message.get("id"),
        "thread_id": message.get("ticket_id"),
        "subject": message.get("subject"),
        "sent_at": next((message[key] for key in _SENT if message.get(key)), None),
        "attachments": message.get("attachments"),
    }
    return {name: value for name, value in own.items() if value is not None}


def _channel(place: Json) -> str:
    name = text_of(place.get("channel") or place.get("via")).lower()
    # An integration names its marketplace somewhere inside; a mail's addresses must not be taken for that.
    seen = str(place).lower() if name in ("any_channel", "api") else name
    return next((shop for shop in ("amazon", "etsy", "ebay") if shop in seen), _CHANNELS.get(name, name))


def _order_id(details: object) -> str:
    """Find the order id in custom fields, whose names every team chooses itself."""
    return find_order_id(json.dumps(details, default=str))
