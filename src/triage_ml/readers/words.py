"""The writer's own words, cut out of a mail body or a helpdesk comment.

Amazon wraps the buyer's text into a template, mail programs add history, signatures and footers. One way
through all of it: find the text inside the template, then take away what the writer did not write. A step
that would leave nothing is not taken, so a text is never lost to a wrong guess.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from triage_ml.readers.fields import MAX_TEXT

PHRASES: dict[str, Any] = tomllib.loads((files("triage_ml") / "data" / "mail_phrases.toml").read_text("utf-8"))

_FLAGS = re.IGNORECASE | re.MULTILINE
_DASH = "[-‐‑‒–—―−─━]"


def either(patterns: Iterable[str]) -> str:
    """Join regular expressions into one group that matches any of them; of none, one that never matches."""
    return "(?:" + ("|".join(patterns) or r"(?!)") + ")"


def _marker(name: str) -> re.Pattern[str]:
    """Match a phrase between runs of dashes; bilingual templates put a second phrase behind a slash."""
    phrase, dashes = either(PHRASES[name]), rf"(?<!{_DASH}){_DASH}{{3,}}+"
    return re.compile(rf"{dashes}\s*+{phrase}(?:\s*/\s*{phrase})?\s*[:\uff1a]?\s*{_DASH}{{3,}}+", _FLAGS)


def _lines_of(*names: str) -> re.Pattern[str]:
    """Match whole lines that say one of these."""
    return re.compile(rf"^[^\S\n]*{either(p for name in names for p in PHRASES[name])}[^\S\n]*$", _FLAGS)


_START, _END = _marker("start"), _marker("end")
# Templates in a language nobody has seen still have two dashed lines with words in them.
_ANY_MARKER = re.compile(rf"^[^\S\n]*{_DASH}{{8,}}[^\S\n]*[^\W\d_][^\n]{{0,60}}?{_DASH}{{8,}}[^\S\n]*$", _FLAGS)
# The form without dashes: "Message:" ... "View Message".
_LABELLED = re.compile(rf"(?:^|(?<=\s)){either(PHRASES['start'])}\s?[:\uff1a](?=\s)", _FLAGS)
_VIEW = re.compile(rf"(?<=\s){either(PHRASES['view'])}(?!\w)", _FLAGS)
_BUTTON = rf"[^\S\n]*{either(PHRASES['footer_line'] + PHRASES['view'])}"
_FOOTER = re.compile(
    rf"{either(PHRASES['footer'])}|^{_BUTTON}(?:\s{{1,4}}[(<]?https?://\S*|[^\S\n]*\n\s{{0,4}}{_BUTTON})[^\S\n]*$",
    _FLAGS,
)
_HEADER_LINE = _lines_of("header_line")
_TOKEN = re.compile(
    r"\[commMgrTok:[^\]]{0,200}\]|\bSPC-\w*Amazon-?\w*|"
    r"\(?https?://(?:sellercentral[\w-]*|www)\.amazon\.[\w.]+/(?:messaging|gp/communication-manager|gp/satisfaction)\S*",
    _FLAGS,
)
_ORIGINAL = re.compile(rf"^[^\S\n]*[-_=*]{{2,}}\s*{either(PHRASES['original'])}\s*[:\uff1a]?\s*[-_=*]{{2,}}", _FLAGS)


def _attribution(lead: str, verb: str) -> re.Pattern[str]:
    """Match "On ... wrote:", which mail programs wrap; a sentence that ended above is not part of it."""
    line_goes_on = rf"(?!\n[^\S\n]*\n|\n>|[.!?]\n|\n[^\S\n]*(?:{lead})\b)"
    some = rf"(?:{line_goes_on}[\s\S])"
    return re.compile(
        rf"^[^\S\n]*(?:{lead})(?![a-zA-Z]){some}{{1,240}}?(?:{verb}){some}{{0,120}}?\s?[:\uff1a][^\S\n]*$", _FLAGS
    )


_ATTRIBUTIONS = tuple(_attribution(lead, verb) for lead, verb in PHRASES["attribution"])
# What a sentence like "On Monday your colleague wrote:" lacks: an address, a time or a full date.
_STAMP = re.compile(
    r"[@<]|\d[:.h]\s?\d\d\b|\d{1,4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{2,4}|\b(?:19|20)\d\d\s?,|\d{4}年\s?\d{1,2}月"
)
_LABEL = r"^[^\S\n]*[*_]*{}[*_]*\s?[:\uff1a][*_]*[^\S\n]*(\S[^\n]*)?$"
_HEADER_FROM = re.compile(_LABEL.format(either(PHRASES["header_from"])), _FLAGS)
_HEADER_SUBJECT = re.compile(_LABEL.format(either(PHRASES["header_subject"])), _FLAGS)
_HEADER_OTHER = re.compile(_LABEL.format(either(PHRASES["header_other"])), _FLAGS)
_PHONE = _lines_of("phone")
_QUOTE_NEXT = re.compile(r"\s*>")
_SIGNATURE = re.compile(r"^--[^\S\n]?$", _FLAGS)
_LONGEST_SIGNATURE = 400


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML body shows: its text, its `<pre>` blocks, and its table rows as lists of cells."""

    text: str
    pres: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class _Reader(HTMLParser):
    _BLOCKS = frozenset("p div tr li ul ol dl dt dd table h1 h2 h3 h4 h5 h6 hr section header footer center".split())
    _UNSEEN = frozenset("style script title".split())

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.pres: list[str] = []
        self.rows: list[tuple[str, ...]] = []
        self._cells: list[list[str]] = []
        self._open_rows: list[list[str]] = []
        self._quotes = self._unseen = 0
        self._in_pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._UNSEEN:
            self._unseen += 1
        elif tag == "body":
            self._unseen = 0  # a title left open must not swallow the mail
        elif tag == "blockquote":
            self._break()
            self._quotes += 1
        elif tag == "pre":
            self._break()
            self._in_pre = True
            # Mail programs use <pre> for signatures and quotes too; those are not the template's.
            if not self._quotes and "moz-" not in (dict(attrs).get("class") or ""):
                self.pres.append("")
        elif tag == "tr":
            self._open_rows.append([])
        elif tag in ("td", "th"):
            self._cells.append([])
        if tag == "br" or tag in self._BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "blockquote":
            self._break()
            self._quotes = max(0, self._quotes - 1)
        elif tag == "pre":
            self._in_pre = False
            self._break()
        elif tag in ("td", "th") and self._cells:
            cell = "".join(self._cells.pop()).strip()
            if self._open_rows:
                self._open_rows[-1].append(cell)
            self.lines[-1] += "\t" if self.lines[-1].strip() else ""
        elif tag == "tr" and self._open_rows:
            self.rows.append(tuple(self._open_rows.pop()))
        if tag in self._BLOCKS:
            self._break()
            if tag == "p":
                self.lines.append("")

    def handle_data(self, data: str) -> None:
        if self._unseen:
            return
        if self._in_pre:
            if self.pres:
                self.pres[-1] += data
            for number, line in enumerate(data.split("\n")):
                if number:
                    self.lines.append("> " * self._quotes)
                self.lines[-1] += line
            return
        words = re.sub(r"[\s\u200b]+", " ", data)
        if words == " " and not self.lines[-1].strip("> "):
            return
        if not self.lines[-1]:
            self.lines[-1] = "> " * self._quotes
        self.lines[-1] += words
        if self._cells:
            self._cells[-1].append(words)

    def _break(self) -> None:
        if self.lines[-1].strip():
            self.lines.append("")
        if self._cells and self._cells[-1]:
            self._cells[-1].append("\n")


def read_page(html: str) -> Page:
    """Return what an HTML body shows; broken HTML gives what could be seen of it."""
    reader = _Reader()
    try:
        # A `<` before another opens no tag; the parser would look for an end of each, again and again.
        reader.feed(re.sub("<(?=<)", "&lt;", html))
        reader.close()
    except AssertionError:  # html.parser gives up on a broken "<![" declaration; what it saw so far stands
        reader.handle_data(re.sub(r"<[^<>]*>", " ", reader.rawdata))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip(" \t") for line in reader.lines)).strip()
    return Page(text, tuple(pre for pre in reader.pres if pre.strip()), tuple(reader.rows))


def inside_template(plain: str, page: Page) -> str:
    """Return the text that Amazon's template marks as the writer's, or "" where there is no such mark.

    Exactly one `<pre>` holds it in every language; older and plain-text templates put it between dashed
    markers, sometimes all on one line.
    """
    if len(page.pres) == 1:
        return page.pres[0].strip()
    return next((text for body in (plain, page.text) if (text := _between_markers(body))), "")


def own_words(plain: str, page: Page) -> str:
    """Return what the writer wrote, without template, quoted history, signature and footers.

    Parameters
    ----------
    plain
        The plain-text body, "" where there is none.
    page
        The HTML body, read by `read_page`; used where the plain text is missing or less exact.
    """
    if max(len(plain), len(page.text)) > MAX_TEXT:
        return plain or page.text  # no message is that long: it is refused later, with its length
    marked = inside_template(plain, page)
    text = marked or (plain if plain.strip() else page.text).strip()
    steps = _AFTER_WRITING if marked else _AROUND_WRITING + _AFTER_WRITING
    for step in steps:
        text = step(text).strip() or text
    return text


def _between_markers(text: str) -> str:
    start, end = _unquoted(_START, text), _unquoted(_END, text)
    if start and _history_start(text) < start.start():
        return ""  # the template is the quoted mail; the words stand above it
    if start:
        end = _unquoted(_END, text, start.end())
        return text[start.end() : end.start() if end else _cut_at(_FOOTER, text, start.end())].strip()
    if end:
        return _drop_header_lines(text[: end.start()]).strip()
    if (label := _LABELLED.search(text)) and (view := _VIEW.search(text, label.end())):
        return text[label.end() : view.start()].strip()
    marks = [mark for mark in _ANY_MARKER.finditer(text) if not _ORIGINAL.match(mark[0].strip())]
    return text[marks[0].end() : marks[1].start()].strip() if len(marks) == 2 else ""


def _unquoted(pattern: re.Pattern[str], text: str, begin: int = 0) -> re.Match[str] | None:
    """Find the first match that does not stand in a line quoted with `>`."""
    matches = pattern.finditer(text, begin)
    return next((m for m in matches if not text.startswith(">", text.rfind("\n", 0, m.start()) + 1)), None)


def _cut_at(pattern: re.Pattern[str], text: str, begin: int = 0) -> int:
    found = pattern.search(text, begin)
    return found.start() if found else len(text)


def _head(text: str, cut: int) -> str:
    """Return the text before a cut, without the rule that stood above what was cut."""
    return text[:cut].rstrip(" \n\t-–—_=") if cut < len(text) else text


def _drop_footer(text: str) -> str:
    return _head(text, _cut_at(_FOOTER, text))


def _drop_header_lines(text: str) -> str:
    lines = text.split("\n")
    while lines and (not lines[0].strip() or _HEADER_LINE.match(lines[0])):
        del lines[0]
    return "\n".join(lines)


def _drop_tokens(text: str) -> str:
    return _TOKEN.sub("", text)


def _history_start(text: str) -> int:
    """Return where quoted mail begins that runs to the end; words must stand above it."""
    written = len(text) - len(text.lstrip())
    return min((begin for begin in _history_starts(text) if begin > written), default=len(text))


def _history_starts(text: str) -> Iterator[int]:
    yield from (found.start() for found in _ORIGINAL.finditer(text))
    yield from (begin for begin, _, quoted in _attributions(text) if not quoted)
    for found in _HEADER_FROM.finditer(text):
        below = text[found.end() : found.end() + 2000].split("\n", 7)[1:7]
        subject = any(_HEADER_SUBJECT.match(line) for line in below)
        others = [line for line in below if _HEADER_OTHER.match(line)]
        # "From: Grandma / To: Lily / Date: 12.06." may well be an engraving: ask for what only mail has.
        dated = any(re.search(r"\d", line) for line in others)
        if (subject and dated) or ("@" in found[0] and len(others) + subject >= 2):
            yield found.start()


def _attributions(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield begin and end of "On ... wrote:" lines, and whether `>` lines follow."""
    for pattern in _ATTRIBUTIONS:
        for found in pattern.finditer(text):
            quoted = bool(_QUOTE_NEXT.match(text, found.end()))
            if re.search(r"\d", found[0]) and (quoted or _STAMP.search(found[0])):
                yield found.start(), found.end(), quoted


def _drop_history(text: str) -> str:
    return _head(text, _history_start(text))


def _drop_quotes(text: str) -> str:
    """Remove lines quoted with `>`, with the line that says whose they are; answers below them stay."""
    for begin, end, quoted in sorted(_attributions(text), reverse=True):
        if quoted:
            text = text[:begin] + "\n" + text[end:]
    kept: list[str] = []
    listing = False
    for line in text.split("\n"):
        if not line.startswith(">"):
            announced = line.rstrip().endswith((":", "\uff1a")) and not _STAMP.search(line)
            listing = announced or (listing and not line.strip())
        elif not listing and not re.match(r">+\s*[\d=]", line):
            continue
        # The writer's own `>` stays: "> 5 mm", or the items of a list that a colon announced.
        kept.append(line)
    return "\n".join(kept)


def _drop_signature(text: str) -> str:
    """Cut at "-- "; where the blank was lost on the way, only what looks like a name and address is cut."""
    for found in _SIGNATURE.finditer(text):
        below = text[found.end() :].strip()
        exact = found[0] != "--" and len(below) <= _LONGEST_SIGNATURE
        if exact or (below.count("\n") < 6 and not re.search(r"[.!?。！？]\s*$", below, re.MULTILINE)):
            return text[: found.start()]
    return text


def _drop_phone_footer(text: str) -> str:
    head, _, last = text.rstrip().rpartition("\n")
    while head.strip() and (_PHONE.match(last) or not last.strip(" -_*")):
        head, _, last = head.rstrip().rpartition("\n")
    return f"{head}\n{last}"


def _unquote_whole(text: str) -> str:
    """Take the marks off a text quoted from first to last line: then it is the text (Amazon's copies are so)."""
    lines = [line for line in text.split("\n") if line.strip()]
    return re.sub(r"^>[ ]?", "", text, flags=re.MULTILINE) if all(line.startswith(">") for line in lines) else text


_Step = Callable[[str], str]
_AROUND_WRITING: tuple[_Step, ...] = (_drop_footer, _drop_header_lines)
_AFTER_WRITING: tuple[_Step, ...] = (
    _drop_history, _drop_quotes, _drop_signature, _drop_tokens, _drop_phone_footer, _unquote_whole,
)  # fmt: skip
