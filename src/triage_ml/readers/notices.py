"""Amazon's notices: mails that no buyer wrote, known for what they are before anything is classified.

Subjects are translated and sometimes broken, senders change, so no single sign decides: a kind is taken when
its signs together weigh enough (see `data/mail_phrases.toml`). In a buyer's mail only Amazon's own wording
counts; a buyer may speak of refunds and guarantees as he likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from triage_ml.messages import MessageKind
from triage_ml.readers.words import PHRASES, Page, either, inside_template, own_words

_FLAGS = re.IGNORECASE | re.MULTILINE
_SUBJECT, _SENDER, _DECISIVE, _FORM = 3, 2, 2, 1  # what each sign weighs
_ENOUGH = 2


class Sender(Enum):
    """Who a text comes from, as far as its sender shows."""

    AMAZON = "amazon"
    BUYER = "buyer"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail or helpdesk comment, as much of it as tells a notice from a buyer's text."""

    sender: Sender
    address: str
    subject: str
    plain: str
    page: Page

    @property
    def body(self) -> str:
        """The text as shown, whatever its form."""
        return self.plain if self.plain.strip() else self.page.text

    @property
    def words(self) -> str:
        """What the writer wrote, see `words.own_words`."""
        return own_words(self.plain, self.page)

    @property
    def is_marked(self) -> bool:
        """Whether Amazon's template marks a text in it as a person's, see `words.inside_template`."""
        return bool(inside_template(self.plain, self.page))

    @property
    def is_copy(self) -> bool:
        """Whether it is the copy Amazon sends a seller of his own message, its header being lost."""
        return self.sender is Sender.AMAZON and bool(_COPY.match(self.subject)) and self.is_marked


@dataclass(frozen=True, slots=True)
class Notice:
    """A recognised notice: its kind, its text for a person, and what a return request tells of the order line."""

    kind: MessageKind
    text: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def order_line(self) -> dict[str, object]:
        """What it tells of the order line; the ASIN stands for a product without title."""
        named = {"product": self.fields["asin"]} if "asin" in self.fields else {}
        return {**named, **{name: value for name, value in self.fields.items() if name != "asin"}}


@dataclass(frozen=True, slots=True)
class _Signs:
    kind: MessageKind
    senders: re.Pattern[str]
    subjects: re.Pattern[str]
    forms: tuple[re.Pattern[str], ...]
    decisive: re.Pattern[str]

    def weigh(self, letter: Letter) -> int:
        local = letter.address.partition("@")[0]
        return (
            _SUBJECT * bool(self.subjects.search(letter.subject))
            + _SENDER * bool(self.senders.fullmatch(local))
            + _DECISIVE * bool(self.decisive.search(letter.body))
            + _FORM * sum(bool(form.search(letter.body)) for form in self.forms)
        )


def _compile(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(either(patterns), _FLAGS)


_SIGNS = tuple(
    _Signs(
        MessageKind(name), _compile(signs["senders"]), _compile(signs["subjects"]),
        tuple(re.compile(form, _FLAGS) for form in signs["forms"]), _compile(signs.get("decisive", ())),
    )
    for name, signs in PHRASES["notice"].items()
)  # fmt: skip
_BY_KIND = {signs.kind: signs for signs in _SIGNS}
_RELAYS = tuple(tuple(re.compile(part, _FLAGS) for part in parts) for parts in PHRASES["relay"].values())
_COPY = _compile(PHRASES["copy"]["subjects"])
_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|rv|res|odp|回复|回覆|返信)\s*[:\uff1a]", _FLAGS)
_LABELS = {name: _compile(labels) for name, labels in PHRASES["label"].items()}
_LABEL = either(label for labels in PHRASES["label"].values() for label in labels)
_LABEL_LINE = re.compile(rf"[^\S\n]*(?P<label>{_LABEL})\s?[:\uff1a#][^\S\n]*(?P<value>.*)", _FLAGS)
# A table flattened to one line: title ASIN SKU quantity reason comment.
_FLAT_ROW = re.compile(
    rf"(?:{either(PHRASES['label']['text'])}\s+(?P<product>.{{1,300}}?)\s+)?"
    r"\b(?P<asin>B0\w{8})\s+(?P<sku>\S+)\s+(?P<quantity>\d+)\s+"
    rf"(?P<reason_code>{either(PHRASES['reasons']['en'])})\s*(?P<text>.*)",
    _FLAGS,
)
_CLOSING = re.compile(r"using your manage returns|(?:thank you|sincerely|regards),?\s+(?:the )?amazon", _FLAGS)
_HAND = re.compile(
    r"sellercentral\.amazon|seller central|manage returns|amazon (?:services|payments|marketplace|seller)", _FLAGS
)
_TOLD = ("product", "asin", "sku", "quantity", "reason_code")


def recognise(letter: Letter) -> Notice | None:
    """Say which notice this is, None where a person wrote it."""
    text = letter.words or letter.subject
    kind = _kind(letter, text)
    if kind is None:
        return None
    if kind is not MessageKind.RETURN_REQUEST:
        return Notice(kind, text)
    fields = _return_fields(letter)
    comment = fields.pop("text", "")
    summary = f"Return requested: {fields['reason_code']}" if "reason_code" in fields else letter.subject or text
    return Notice(kind, comment or summary, fields)


def _kind(letter: Letter, text: str) -> MessageKind | None:
    if any(all(part.search(text) for part in relay) for relay in _RELAYS):
        return MessageKind.NOTICE
    if letter.sender is Sender.BUYER:
        return _kind_from_buyer(letter)
    best = max(_SIGNS, key=lambda signs: signs.weigh(letter))  # the first of equals: the file's order
    if letter.sender is Sender.AMAZON:
        return best.kind if best.weigh(letter) >= _ENOUGH else MessageKind.NOTICE
    # Without Amazon's address the subject may be a buyer's own; Amazon's form and hand must show too.
    told = best.subjects.search(letter.subject) and best.weigh(letter) > _SUBJECT and _HAND.search(letter.body)
    return best.kind if told and not letter.is_marked and not _REPLY.match(letter.subject) else None


def _kind_from_buyer(letter: Letter) -> MessageKind | None:
    """Amazon sends a few notices from the buyer's alias; only its own wording makes them."""
    cancellation = _BY_KIND[MessageKind.CANCELLATION_REQUEST]
    if cancellation.subjects.search(letter.subject) and not _REPLY.match(letter.subject):
        return cancellation.kind
    if letter.is_marked:
        return None
    told = (kind for kind in (MessageKind.OPT_OUT, MessageKind.BOUNCE) if _BY_KIND[kind].decisive.search(letter.body))
    return next(told, None)


def _return_fields(letter: Letter) -> dict[str, str]:
    """Return what a return request says, by canonical field name; the comments of several items together."""
    lines = letter.body.split("\n")
    cells = [re.split(r"\t|\s*\|\s*", line.strip(" |")) for line in lines]
    readings = (
        _from_table(letter.page.rows), _from_table(cells), _from_labels(lines), _from_columns(lines),
        _from_flat_line(letter.body),
    )  # fmt: skip
    return next((found for found in readings if "reason_code" in found), {})


def _field_of(label: str) -> str:
    label = re.sub(r"[\s:\uff1a#]+$", "", label.strip())
    return next((name for name, labels in _LABELS.items() if labels.fullmatch(label)), "")


def _from_table(rows: Iterable[tuple[str, ...] | list[str]]) -> dict[str, str]:
    """Read a table with a head row and one row per item, or rows of label and value."""
    found: dict[str, list[str]] = {}
    head: list[str] = []
    for row in rows:
        names = [_field_of(cell) for cell in row]
        if sum(map(bool, names)) >= 3:
            head = names
        elif head and len(row) == len(head):
            for name, cell in zip(head, row, strict=True):
                found.setdefault(name, []).append(cell.strip())
        elif len(row) == 2 and names[0]:
            found.setdefault(names[0], []).append(row[1].strip())
    return _joined(found)


def _from_labels(lines: list[str]) -> dict[str, str]:
    """Read "Label: value" lines; a comment may run over several lines, to the next label or an empty line."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if match := _LABEL_LINE.fullmatch(line):
            name = _field_of(match["label"])
            found.setdefault(name, []).append(match["value"].strip())
        elif line.strip() and name:
            found[name][-1] = f"{found[name][-1]}\n{line.strip()}".strip()
        else:
            name = "" if not name or found[name][-1] else name
    return _joined(found)


def _from_columns(lines: list[str]) -> dict[str, str]:
    """Read a table whose cells stand one below the other: all labels, then all values."""
    lines = [line.strip() for line in lines if line.strip()]
    names = [_field_of(line) for line in lines]
    begin = next((i for i in range(len(lines) - 3) if all(names[i : i + 4])), len(lines))
    end = next((i for i in range(begin, len(lines)) if not names[i]), len(lines))
    found = {name: [value] for name, value in zip(names[begin:end], lines[end:], strict=False)}
    return _joined(found)


def _from_flat_line(body: str) -> dict[str, str]:
    found = _FLAT_ROW.search(re.sub(r"\s+", " ", body))
    return _joined({name: [value or ""] for name, value in found.groupdict().items()}) if found else {}


def _joined(found: dict[str, list[str]]) -> dict[str, str]:
    """Keep the first item's fields and all comments; Amazon's closing words are no comment."""
    texts = [_CLOSING.split(text)[0].strip() for text in found.pop("text", [])]
    fields = {name: values[0].split("\n")[0] for name, values in found.items() if name in _TOLD and values[0]}
    comment = "\n".join(text for text in texts if text)
    return fields | ({"text": comment} if comment else {})
