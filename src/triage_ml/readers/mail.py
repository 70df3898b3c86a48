"""Mail: mbox and eml of Amazon's Buyer-Seller Messaging, of Etsy and eBay, and of direct customers.

The way of one mail: who sent it (a look-alike of Amazon is refused), which text is shown, whether that is one
of Amazon's notices or a person's words, and what it says of order, product and thread.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message as Mail
from email.utils import parsedate_to_datetime
from pathlib import Path

from triage_ml.errors import ReadError
from triage_ml.messages import Direction, Message, MessageKind
from triage_ml.readers.bodies import Unreadable, attachment_names, header, parse, texts
from triage_ml.readers.fields import build, find_order_id
from triage_ml.readers.notices import Letter, Notice, Sender, recognise
from triage_ml.readers.senders import Party, check_sender, recipients, sender_of
from triage_ml.readers.sniff import Source
from triage_ml.readers.words import PHRASES, either, read_page

MAX_MAIL = 64 * 2**20  # bytes; mail servers stop at 25 to 50 MB, so more is a damaged mbox

_CHUNK = 2**20
_OWN_ADDRESSES = 100
_REMEMBERED = 20_000
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
# A separator line shows an address or a date as the delivering program writes it; "From what I see ..." is text.
_SEPARATOR = re.compile(
    rb"From (?:\S+@\S+\s*$|\S+@\S+\s+\d{4}-\d\d-\d\d|.{0,200}?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +"
    rb"(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2}) .*\d\d:\d\d)"
)
_MESSAGE_ID = re.compile(r"<\s*([^<>\s]+)\s*>")
_ASIN = re.compile(r"(?P<bracket>\[)?\bASIN\s?[:\uff1a]\s*(?P<asin>B0\w{8}|\d{9}[\dX])\b", re.IGNORECASE)
_TO_ORDER_ID = re.compile(r"^.*\d{3}-\d{7}-\d{7}\s*[:\uff1a]?\s*")
_COUNT = re.compile(r"^\s*(?:\d+\s*(?:of/sur|of|von|de|di|sur|van|z|av|x|×|/)|#\s*\d+)\s+")
_FORWARDED = re.compile(either(PHRASES["platform"]["forwarded"]), re.IGNORECASE)
_COLUMNS = {"text": "body", "sent_at": "Date", "message_id": "Message-ID", "subject": "Subject", "sender": "From"}
_INCOMING, _COPY = "BBC_MESSAGE_SENT_TO_MERCHANT", "BBC_MESSAGE_CONFIRMATION_TO_MERCHANT"


def read(source: Source) -> Iterator[Message | ReadError]:
    """Read mails one by one; memory holds one mail at a time.

    Parameters
    ----------
    source
        A file of kind "mbox" or "eml".

    Yields
    ------
    Message or ReadError
        In the file's order; `row` of an error is the number of the mail, from 1.
    """
    mailbox = _Mailbox()
    with source.open_binary() as stream:
        chunks = iter(lambda: stream.readline(_CHUNK), b"")
        mails = _split(chunks) if source.kind == "mbox" else iter([_whole(chunks)])
        for number, data in enumerate(mails, start=1):
            yield _read_mail(source, number, data, mailbox)


def _split(chunks: Iterator[bytes]) -> Iterator[bytes | None]:
    """Yield the mails of an mbox; None for one that is too big to be one."""
    mail: list[bytes] = []
    size, at_line_start = 0, True
    for chunk in chunks:
        if at_line_start and _SEPARATOR.match(chunk):
            if any(part.strip() for part in mail):
                yield _joined(mail, size)
            mail, size = [chunk], 0
        elif size <= MAX_MAIL:
            mail.append(chunk)
        size += len(chunk)
        at_line_start = chunk.endswith(b"\n")
    if any(part.strip() for part in mail):
        yield _joined(mail, size)


def _joined(mail: list[bytes], size: int) -> bytes | None:
    return _ESCAPED_FROM.sub(rb"\1", b"".join(mail)) if size <= MAX_MAIL else None


def _whole(chunks: Iterator[bytes]) -> bytes | None:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > MAX_MAIL:
            return None
    return bytes(data)


def _read_mail(source: Source, number: int, data: bytes | None, mailbox: _Mailbox) -> Message | ReadError:
    if data is None:
        return ReadError(source.path, number, "", "", f"a mail of more than {MAX_MAIL >> 20} MB; expected a message")
    if source.encoding.startswith("utf-16"):  # an eml saved by a text editor
        data = data.decode(source.encoding, "replace").encode()
    try:
        mail = parse(data.lstrip(b"\xef\xbb\xbf\r\n"))
        return _Reading(mail, sender_of(mail)).message(source.path, number, mailbox)
    except Unreadable as problem:
        return ReadError(source.path, number, problem.column, problem.value, problem.reason)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        # The standard library's header parser raises these on headers it did not foresee.
        shown = data[:200].decode("ascii", "replace")
        return ReadError(source.path, number, "", shown, f"broken headers; expected a mail ({error})")


@dataclass(frozen=True, slots=True)
class _Reading:
    """One mail on its way to a message."""

    mail: Mail
    sender: Party

    def message(self, path: Path, number: int, mailbox: _Mailbox) -> Message | ReadError:
        notification = header(self.mail, "X-Space-Notification-Type").upper()
        platform = next((party for party in recipients(self.mail) if party.channel != "mail"), None)
        outgoing = notification == _COPY or self._is_by_shop(platform, mailbox)
        check_sender(self.mail, self.sender, outgoing=outgoing)
        mailbox.learn(self.mail, self.sender, outgoing=outgoing)
        writer, letter = self._letter(notification)
        outgoing = outgoing or letter.is_copy
        notice = None if outgoing else self._notice(letter)
        text, attached = notice.text if notice else letter.words, attachment_names(self.mail)
        if not text and not (notice and "reason_code" in notice.fields):
            only = f"; only attachments: {', '.join(attached)}" if attached else ""
            raise Unreadable("body", "", f"no text{only}")
        other = platform if outgoing and platform else writer
        seen = f"{letter.subject}\n{letter.plain}\n{letter.page.text}"
        order_id = find_order_id(seen)
        raw: dict[str, object] = {
            "message_id": _id(header(self.mail, "Message-ID")),
            "text": text,
            "thread_id": mailbox.thread(self.mail, other, order_id),
            "order_id": order_id,
            "product": _product(seen),
            "marketplace": header(self.mail, "X-Marketplace-ID") or (f"amazon.{other.place}" if other.place else ""),
            "direction": Direction.OUT if outgoing else Direction.IN,
            "channel": other.channel,
            "sent_at": _sent_at(header(self.mail, "Date")),
            "subject": letter.subject,
            "sender": writer.address,
            "attachments": attached,
            "kind": MessageKind.SELLER if outgoing else notice.kind if notice else MessageKind.BUYER,
        }
        return build(path, number, raw | (notice.order_line if notice else {}), names=_COLUMNS)

    def _is_by_shop(self, platform: Party | None, mailbox: _Mailbox) -> bool:
        """Say whether the shop wrote it: to a platform's buyer, or from its own address."""
        # What a shop mails to itself is its contact form, with a buyer's words.
        to_itself = any(party.address in mailbox.own for party in recipients(self.mail))
        by_itself = self.sender.address in mailbox.own and not to_itself
        return self.sender.channel == "mail" and (platform is not None or by_itself)

    def _letter(self, notification: str) -> tuple[Party, Letter]:
        """Return who wrote it, and what; Amazon may name the buyer only as the one to answer."""
        bodies, subject = texts(self.mail), header(self.mail, "Subject")
        plain, page = "\n".join(bodies.plain).strip(), read_page("\n".join(bodies.html))
        letter = Letter(Sender.UNKNOWN, self.sender.address, subject, plain, page)
        sent_for = recipients(self.mail, "Reply-To") if self.sender.place and not self.sender.is_alias else []
        buyer = next((party for party in sent_for if party.is_alias), None)
        if self.sender.is_alias or notification == _INCOMING or (buyer and letter.is_marked):
            return buyer or self.sender, replace(letter, sender=Sender.BUYER)
        return self.sender, replace(letter, sender=Sender.AMAZON) if self.sender.place else letter

    def _notice(self, letter: Letter) -> Notice | None:
        local = self.sender.address.partition("@")[0]
        if self.mail.get_content_type() == "multipart/report" or re.fullmatch("mailer-daemon|postmaster", local):
            return Notice(MessageKind.BOUNCE, letter.body or letter.subject)
        notice = recognise(letter)
        if notice or letter.sender is not Sender.UNKNOWN:
            return notice
        # A machine wrote it: an out-of-office note, a newsletter, a platform's news of a sale.
        automatic = header(self.mail, "Auto-Submitted").lower() not in ("", "no") or (
            self.sender.is_platform_itself and not _FORWARDED.search(letter.subject)
        )
        precedence = header(self.mail, "Precedence").lower() if self.sender.channel == "mail" else ""
        if automatic or precedence in ("bulk", "list", "junk", "auto_reply"):
            return Notice(MessageKind.NOTICE, letter.words)
        return None


class _Mailbox:
    """What a file's earlier mails tell of the later ones: whose mailbox it is, and which mails belong together.

    Answers name the first mail of the thread, which itself names nothing; so that both get one thread id,
    the id that a mail was filed under is kept for those that refer to it, for the last mails of the file.
    """

    def __init__(self) -> None:
        self.own: set[str] = set()
        self._thread_of: OrderedDict[str, str] = OrderedDict()

    def learn(self, mail: Mail, sender: Party, *, outgoing: bool) -> None:
        """Remember the shop's own addresses: Amazon writes to them, servers deliver to them."""
        if outgoing and sender.channel == "mail":
            self.own.add(sender.address)
        elif len(self.own) < _OWN_ADDRESSES:
            names = ("Delivered-To", "X-Original-To", "To") if sender.place else ("Delivered-To", "X-Original-To")
            self.own |= {party.address for party in recipients(mail, *names) if party.channel == "mail"}

    def thread(self, mail: Mail, other: Party, order_id: str) -> str:
        own = _id(header(mail, "Message-ID"))
        referred = _ids(header(mail, "References")) + _ids(header(mail, "In-Reply-To"))
        alone = other.case or (f"{other.address} {order_id}".strip() if other.is_alias or order_id else own)
        known = next((self._thread_of[name] for name in [own, *referred, alone] if name in self._thread_of), "")
        thread = known or next(iter(referred), "") or alone
        for name in filter(None, [own, alone, *referred[:1]]):
            self._thread_of[name] = thread
            self._thread_of.move_to_end(name)
        while len(self._thread_of) > _REMEMBERED:
            self._thread_of.popitem(last=False)
        return thread


def _ids(value: str) -> list[str]:
    return _MESSAGE_ID.findall(value) or value.split()[:1]


def _id(value: str) -> str:
    return next(iter(_ids(value)), "")


def _sent_at(value: str) -> object:
    try:
        return parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return value  # another form than the standard's: `build` reads or refuses it


def _product(seen: str) -> str:
    """Return the title that stands before `[ASIN: ...]`, else the ASIN."""
    found = _ASIN.search(seen)
    if not found:
        return ""
    line = seen[seen.rfind("\n", 0, found.start()) + 1 : found.start()]
    title = _COUNT.sub("", _TO_ORDER_ID.sub("", line)).strip() if found["bracket"] else ""
    return title or found["asin"]
