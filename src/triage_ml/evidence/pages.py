"""A bundle to read: its parts as titles, tables and texts, the same for HTML and for PDF, and the HTML itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from triage_ml.cases.records import AttachmentKind
from triage_ml.evidence.purposes import words
from triage_ml.evidence.telling import Deadline, Evidence, File, PlatformEvidence, Text

if TYPE_CHECKING:
    from jinja2 import Template

_PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
# What shows how the piece was ordered and made.
_MADE = (AttachmentKind.DESIGN_APPROVAL, AttachmentKind.PRODUCTION_PHOTO)
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts under headers, which may be none."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of any length: its head in one line, the text, and small print."""

    head: str
    text: str
    small: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a page; `pictures` are paths in the bundle with what they show."""

    title: str
    table: Table | None = None
    passages: tuple[Passage, ...] = ()
    pictures: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.table and self.table.rows) and not self.passages and not self.pictures


@dataclass(frozen=True, slots=True)
class Page:
    """A bundle to read. `notes` stand under the title; `words` are the language's labels."""

    language: str
    title: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    words: Mapping[str, str]


def page_of(evidence: Evidence) -> Page:
    """Return what a bundle says as a page."""
    writer = _Writer(evidence)
    sections = (*writer.common(), *(_PlatformWriter(evidence).own() if isinstance(evidence, PlatformEvidence) else ()))
    shown = tuple(section for section in sections if not section.is_empty)
    return Page(evidence.language, writer.title(), tuple(writer.notes()), shown, writer.words)


def html(page: Page) -> str:
    """Return a page as HTML; what anybody wrote is text in it and nothing else."""
    return _template().render(page=page)


class _Writer:
    """Writes down what both bundles have."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence, self.words = evidence, words(evidence.language, "page")
        self.zone = ZoneInfo(evidence.zone)

    def title(self) -> str:
        name = "platform_title" if isinstance(self.evidence, PlatformEvidence) else "buyer_title"
        return self.words[name].format(order=self.evidence.order.order_id).replace("  ", " ")

    def notes(self) -> Iterator[str]:
        evidence = self.evidence
        yield self.words["as_of"].format(at=utc(evidence.as_of))
        if evidence.since:
            marks = [*(e.new for e in evidence.events), *(t.new for t in evidence.texts), *(f.new for f in evidence.files)]
            yield self.words["since" if any(marks) else "nothing_new"].format(at=utc(evidence.since))

    def common(self) -> Iterator[Section]:
        yield self._order()
        yield self._made()
        yield self._timeline()
        yield self._offers()
        yield Section(self.words["messages"], passages=tuple(self._message(text) for text in self.evidence.texts))
        yield self._files()

    def _order(self) -> Section:
        order, w = self.evidence.order, self.words
        delivered = order.delivered_at
        rows = [
            (w["order_id"], order.order_id),
            (w["product"], order.product),
            (w["sku"], order.sku),
            (w["paid"], str(order.paid or "")),
            (w["marketplace"], order.marketplace),
            (w["delivered"], f"{utc(delivered)}; {local(delivered, self.zone)}" if delivered else ""),
            (w["entry"], str(order.entry)),
        ]
        return Section(w["order"], Table((), tuple(row for row in rows if row[1])))

    def _made(self) -> Section:
        evidence, w = self.evidence, self.words
        made = [file for file in evidence.files if file.kind in _MADE and file.path]
        files = "\n".join(f"{self._shows(file)} [{file.entry}]" for file in made)
        headers: tuple[str, ...] = (w["entry"], w["ordered"], w["made"])
        rows: list[tuple[str, ...]] = []
        if evidence.order.customisation or made:
            rows.append((str(evidence.order.entry), evidence.order.customisation or _UNKNOWN, files or _UNKNOWN))
        if isinstance(evidence, PlatformEvidence) and evidence.differences:
            headers = (*headers, w["made_says"], w["wanted_says"])
            rows = [(*row, "", "") for row in rows]
            rows += [(str(d.entry), d.ordered, "", d.made, d.wanted) for d in evidence.differences]
        pictures = tuple((file.path, f"{self._shows(file)} [{file.entry}]") for file in made if is_picture(file))
        return Section(w["ordered_and_made"], Table(headers, tuple(rows)), pictures=pictures)

    def _timeline(self) -> Section:
        w, evidence = self.words, self.evidence
        zones = {w["at_buyer"]: self.zone}
        if isinstance(evidence, PlatformEvidence):
            zones[w["at_seller"]] = ZoneInfo(evidence.seller_zone)
        headers = (w["at_utc"], *(label.format(zone=zone.key) for label, zone in zones.items()), w["event"], w["entry"])
        rows = []
        for event in evidence.events:
            times = [utc(event.at), *(local(event.at, zone) for zone in zones.values())]
            rows.append((*times, event.said(evidence.language), self._number(event.entry, event.new)))
        return Section(w["timeline"], Table(headers, tuple(rows)))

    def _offers(self) -> Section:
        w, kinds = self.words, ("offered", "asked", "accepted", "declined", "no_answer", "refunded", "remade", "returned")
        told = [event for event in self.evidence.events if event.what in kinds]
        rows = [(utc(e.at), e.said(self.evidence.language), self._number(e.entry, e.new)) for e in told]
        written = tuple(Passage(f"[{e.entry}] · {e.said(self.evidence.language)}", e.text) for e in told if e.text)
        return Section(w["offers"], Table((w["at"], w["event"], w["entry"]), tuple(rows)), written)

    def _message(self, text: Text) -> Passage:
        w = self.words
        head = [f"[{text.entry}]", utc(text.at) if text.at else _UNKNOWN, w[text.sender], w["new"] if text.new else ""]
        said = w["erased"].format(at=utc(text.erased_at)) if text.erased_at else text.text
        small = [text.reason_code, ", ".join(text.attachments), text.subject, text.message_id]
        small += [f"{w['text_sha256']}: {text.text_sha256}"] if text.text_sha256 else []
        small += [f"{w['raw_sha256']}: {text.raw_sha256}"] if text.raw_sha256 else []
        return Passage(" · ".join(filter(None, head)), said, tuple(filter(None, small)))

    def _files(self) -> Section:
        w = self.words
        headers = (w["entry"], w["file"], w["shows"], w["bytes"], w["recorded"], w["sha256"])
        rows = []
        for file in self.evidence.files:
            state = w[file.state].format(at=utc(file.erased_at) if file.erased_at else "") if file.state else ""
            place = " – ".join(filter(None, (file.path, file.name, state)))
            number = self._number(file.entry, file.new)
            rows.append((number, place, self._shows(file), str(file.size), utc(file.recorded_at), file.sha256))
        return Section(w["files"], Table(headers, tuple(rows)))

    def _shows(self, file: File) -> str:
        return words(self.evidence.language, "file")[file.kind]

    def _number(self, number: int, new: bool) -> str:
        return f"{number} ({self.words['new']})" if new else str(number)


class _PlatformWriter:
    """Writes down what only the platform's bundle has."""

    def __init__(self, evidence: PlatformEvidence) -> None:
        self.evidence, self.words = evidence, words(evidence.language, "page")

    def own(self) -> Iterator[Section]:
        w, evidence = self.words, self.evidence
        for draft in evidence.drafts:
            rows = tuple((s.text, ", ".join(map(str, s.entries))) for s in draft.sentences)
            yield Section(f"{w['summary']} ({draft.language})", Table((w["sentence"], w["sources"]), rows))
        clocks = tuple(self._deadline(one) for one in evidence.deadlines)
        yield Section(w["deadlines"], Table((w["clock"], w["due"], w["state"]), clocks))
        rules = [("", policy) for policy in evidence.policies] + list(evidence.rules.items())
        yield Section(w["rules"], Table((w["rule"], w["text"]), tuple(rules)))
        calls = [
            Passage(f"[{c.entry}] · {utc(c.at)}", f"{w['said']}: {c.said}", self._confirmed(c.confirmation))
            for c in evidence.calls
        ]
        yield Section(w["phone"], passages=tuple(calls))

    def _deadline(self, one: Deadline) -> tuple[str, str, str]:
        if one.due_at is None:
            return one.text["en"], _UNKNOWN, self.words["depends"].format(starts=one.starts.replace("_", " "))
        zones = (ZoneInfo(self.evidence.zone), ZoneInfo(self.evidence.seller_zone))
        due = "; ".join(dict.fromkeys((utc(one.due_at), *(local(one.due_at, zone) for zone in zones))))
        state = "open" if one.is_open(self.evidence.as_of) else "over"
        return one.text["en"], due, self.words["met"].format(at=utc(one.met_at)) if one.met_at else self.words[state]

    def _confirmed(self, text: str) -> tuple[str, ...]:
        return (f"{self.words['confirmation']}: {text}",) if text else ()


def is_picture(file: File) -> bool:
    """Say whether a page can show a file."""
    return file.path.endswith(_PICTURES)


def utc(moment: datetime) -> str:
    """Say a moment in UTC: "2026-04-02 12:00:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def local(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment in a zone: "2026-04-02 14:00:00 +0200"."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %z}"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string((files("triage_ml") / "data" / "evidence" / "page.html").read_text("utf-8"))
