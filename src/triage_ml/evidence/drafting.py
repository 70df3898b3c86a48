"""The text for the platform's box: facts of the record in short sentences, each with the ledger entries it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from triage_ml.cases.records import Case, CaseMessage
from triage_ml.evidence.purposes import Limit, Purpose, limit, purpose_facts, purpose_named, words
from triage_ml.evidence.record import OFFERS, Event, Record, clean, file_state, is_visible, offer
from triage_ml.messages import MessageKind

_UNSPACED = frozenset({"ja", "zh"})
# How much of a text is quoted: enough to know it again in the log, where it stands whole.
_QUOTED, _NAMED = 160, 80
# The notice that a request answers.
_NOTICE = {
    Purpose.A_TO_Z: MessageKind.A_TO_Z,
    Purpose.SAFE_T: MessageKind.REFUND,
    Purpose.CHARGEBACK: MessageKind.CHARGEBACK,
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a draft.

    Parameters
    ----------
    what
        Its key in the group "tell" of `words.toml`.
    text
        The sentence.
    entries
        Numbers of the ledger entries it rests on, never none.
    new
        Whether one of them was made after the earlier pack.
    """

    what: str
    text: str
    entries: tuple[int, ...]
    new: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What goes into the box.

    Parameters
    ----------
    language
        ISO 639-1.
    limit
        How much the box holds.
    sentences
        In the order of the text.
    left_out
        What the box has no room for.
    """

    language: str
    limit: Limit
    sentences: tuple[Sentence, ...]
    left_out: tuple[Sentence, ...] = ()

    @property
    def text(self) -> str:
        """The text to paste, never longer than the limit."""
        return _joined(self.sentences, self.language)

    @property
    def footnoted(self) -> str:
        """The same with the numbers of the ledger entries, for the one who checks it."""
        numbered = [replace(s, text=f"{s.text} [{', '.join(map(str, s.entries))}]") for s in self.sentences]
        return _joined(numbered, self.language)


def draft(case: Case, purpose: Purpose | str, language: str = "", known: Collection[int] | None = None) -> Draft:
    """Draft the text for the platform's box.

    Parameters
    ----------
    case
        From the store.
    purpose
        What it is for.
    language
        One of `triage_ml.language.LANGUAGES`; "" is the marketplace's.
    known
        Numbers of the ledger entries an earlier pack holds (`manifest.Manifest.known`): what is newer comes first.

    Raises
    ------
    CaseError
        Where there is no such purpose.
    """
    meant, record = purpose_named(purpose), Record(case, known)
    spoken = language or record.language
    room = limit(meant, case.summary.channel)
    told = list(_Teller(record, meant, spoken).sentences())
    opening = [s for s in told if s.what == "order"]
    news = [s for s in told if s.new and s.what != "order"]
    lead = _lead(record, news, spoken)
    story = [*opening, *lead, *news, *(s for s in told if s not in opening and s not in news)]
    chosen = _fitting(story, meant, room.characters, spoken)
    return Draft(spoken, room, tuple(s for s in story if s in chosen), tuple(s for s in told if s not in chosen))


def _lead(record: Record, news: list[Sentence], language: str) -> list[Sentence]:
    """Return the words before what is new."""
    old = [datetime.fromisoformat(entry.at) for entry in record.case.entries if not record.is_new(entry.seq)]
    if not news or not old:
        return []
    entries = tuple(sorted({entry for sentence in news for entry in sentence.entries if record.is_new(entry)}))
    text = words(language, "tell")["new"].format(at=at_place(max(old), record.zone))
    return [Sentence("new", text, entries, new=True)]


def _fitting(story: list[Sentence], purpose: Purpose, most: int, language: str) -> list[Sentence]:
    """Choose what fits: what is new first, then by the purpose's order of importance, of one sort the latest first."""
    tells = ["new", *purpose_facts(purpose)["tells"]]
    ranked = sorted(reversed(story), key=lambda s: (s.what != "order", not s.new, tells.index(s.what)))
    chosen: list[Sentence] = []
    for sentence in ranked:
        if len(_joined([*chosen, sentence], language)) <= most:
            chosen.append(sentence)
    # "New since ...:" alone says nothing.
    told = [s for s in chosen if s.what not in ("new", "order") and s.new]
    return chosen if told else [s for s in chosen if s.what != "new"]


def _joined(sentences: Collection[Sentence], language: str) -> str:
    return ("" if language in _UNSPACED else " ").join(sentence.text for sentence in sentences)


def at_place(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment in the marketplace's time: "2026-04-02 14:00 CEST"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"


class _Teller:
    """Tells a record sentence by sentence, in one language."""

    def __init__(self, record: Record, purpose: Purpose, language: str) -> None:
        self.record, self.purpose, self.language = record, purpose, language

    def sentences(self) -> Iterator[Sentence]:
        """Yield all there is to tell, in the order it is told in: the order, what happened, the documents, the request."""
        yield from self._order()
        for _, sentence in sorted(self._happenings(), key=lambda one: (one[0], one[1].entries)):
            yield sentence
        yield from self._exchange()
        yield from self._files()
        yield from self._request()

    def _say(self, what: str, entries: tuple[int, ...], template: str = "", **values: str) -> Sentence:
        text = words(self.language, "tell")[template or what].format(**values)
        return Sentence(what, text, entries, any(map(self.record.is_new, entries)))

    def _at(self, moment: datetime) -> str:
        return at_place(moment, self.record.zone)

    def _order(self) -> Iterator[Sentence]:
        order, entry_of = self.record.case.summary.order, self.record.entry_of
        known = [clean(order.order_id, _NAMED), clean(order.product, _NAMED), str(order.paid) if order.paid else ""]
        if any(known):
            yield self._say("order", (entry_of("order_id"),), order=", ".join(filter(None, known)))
        if order.customisation:
            yield self._say("customisation", (entry_of("customisation"),), text=clean(order.customisation, _QUOTED))

    def _happenings(self) -> Iterator[tuple[datetime, Sentence]]:
        record, delivered_at = self.record, self.record.case.summary.order.delivered_at
        if delivered_at:
            day = f"{delivered_at.astimezone(record.zone):%Y-%m-%d}"
            yield delivered_at, self._say("delivered", (record.entry_of("delivered_at"),), at=day)
        yield from self._words()
        for event in record.offers():
            if event.what in purpose_facts(self.purpose)["tells"]:
                yield event.at, self._event(event)

    def _words(self) -> Iterator[tuple[datetime, Sentence]]:
        """Yield what the buyer wrote first and last, and the first answer."""
        said = [one for one in self.record.buyers if one.message.text.strip()]
        for one in {one.id: one for one in (*said[:1], *said[-1:])}.values():
            sent_at = _sent(one)
            quote = clean(one.message.text, _QUOTED)
            yield sent_at, self._say("wrote", (one.id,), at=self._at(sent_at), text=quote)
        first = _sent(said[0]) if said else datetime.min.replace(tzinfo=self.record.zone)
        for answer in [one for one in self.record.answers if _sent(one) >= first][:1]:
            yield _sent(answer), self._say("answered", (answer.id,), at=self._at(_sent(answer)))

    def _event(self, event: Event) -> Sentence:
        values = {"at": self._at(event.at), "amount": str(event.amount or "")}
        if event.remedy in OFFERS:
            values["remedy"] = offer(event.remedy, event.amount, self.language)
        unknown = event.what == "refunded" and event.amount is None
        return self._say(event.what, (event.entry,), "refunded_some" if unknown else "", **values)

    def _exchange(self) -> Iterator[Sentence]:
        buyer, seller = self.record.buyers, self.record.answers
        if buyer and seller:
            both = sorted([*buyer, *seller], key=_sent)
            counts = {"buyer": str(len(buyer)), "seller": str(len(seller))}
            days = {"first": self._day(both[0]), "last": self._day(both[-1])}
            yield self._say("exchange", tuple(one.id for one in both), **counts, **days)

    def _day(self, message: CaseMessage) -> str:
        return f"{_sent(message).astimezone(self.record.zone):%Y-%m-%d}"

    def _files(self) -> Iterator[Sentence]:
        apart = purpose_facts(self.purpose)["apart"]
        given = [
            file for file in self.record.case.attachments
            if not file_state(file, self.record.erased_at) and (is_visible(file) or not apart) and file.kind != "other"
        ]  # fmt: skip
        if given:
            counts = Counter(words(self.language, "file")[file.kind] for file in given)
            named = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
            entries = tuple(file.id for file in given)
            yield self._say("files", entries, "files_apart" if apart else "files", files=named)

    def _request(self) -> Iterator[Sentence]:
        """Yield what is asked for, where the notice that it answers is in the record."""
        kind = _NOTICE.get(self.purpose)
        notices = self.record.timed((kind,)) if kind else self.record.buyers
        for notice in notices[-1:]:
            yield self._say("request", (notice.id,), self.purpose, at=self._at(_sent(notice)))


def _sent(message: CaseMessage) -> datetime:
    return message.message.sent_at or message.recorded_at
