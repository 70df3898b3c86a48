"""What must be changed in a reply before it is sent: what platforms or the law forbid, what the resolution does not allow.

The rules, with dates, sources and phrases in seven languages, stand in `data/outgoing.toml`; here is how they are looked for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from triage_ml.errors import PolicyError
from triage_ml.language import LANGUAGES, detect
from triage_ml.messages import Claim, Money
from triage_ml.readers.money import parse_money

PLATFORMS = ("amazon", "etsy", "ebay")
_EVERYWHERE = "any"
_SEVERITIES = ("error", "warning")
_UNSPACED = ("ja", "zh")

# A sentence may run on behind a dot that is none of its end ("12.50", "n.º"). European words are longer than signs.
_GAP = r"(?:[^.!?。\n]|\.(?=\S)){0,%d}?"
_REACH = {"ja": 60, "zh": 60}
_DEFAULT_REACH = 140
_NUMBER = r"(?<!\d)(?:\d{1,3}(?:[.,' ]\d{3}){1,3}(?:[.,]\d{1,2})?|\d{1,9}(?:[.,](?:\d{1,2}|-{1,2}))?)(?!\d)"
_SIGN = r"(?:[A-Za-z]{0,3}[$€£¥₹₺₪₱₩฿₫₴₽]|[^\W\d_]{1,12})"
_BUILT_IN = {
    "amount": rf"(?:{_SIGN} ?{_NUMBER}|{_NUMBER} ?{_SIGN})",
    "number": r"(?!\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d))[+(]?\d(?:[ ./()-]{0,3}\d){6,13}(?!\d)",
}
_AMOUNT = re.compile(rf"(?P<before>{_SIGN})? ?(?<![\d.,/:-])(?P<number>{_NUMBER})(?![/:-]?\d) ?(?=(?P<after>{_SIGN})?)")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

# Signs that mean the same, one for one, so that a place found is a place in the text as it was written.
_SAME = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord(sign): plain
    for signs, plain in (("’‘ʼ´`", "'"), ("‐‑‒–—−", "-"), ("\u00a0\u2007\u2009\u202f\u3000", " "), ("￥", "¥"), ("￡", "£"))
    for sign in signs
}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is known of the message that is about to be sent.

    Parameters
    ----------
    channel
        "amazon", "etsy", "ebay", "" where unknown: then what only a platform forbids is a warning. On any other channel only
        the rules that hold everywhere are checked.
    language
        The buyer's (ISO 639-1), "" where unknown.
    claim
        What the buyer claims, None where unknown.
    order_id
        The order the message is about, as the platform writes it.
    highest
        The most that may be promised as an amount: the whole price where a full refund is allowed. None where no amount is
        known to be allowed: then every amount is a warning.
    full_refund_allowed
        Whether all the money may be promised back.
    personalised
        Whether the order line was made for this buyer alone.
    """

    channel: str = ""
    language: str = ""
    claim: Claim | None = None
    order_id: str = ""
    highest: Money | None = None
    full_refund_allowed: bool = False
    personalised: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One place in a reply that a rule objects to.

    Parameters
    ----------
    rule
        Id of the rule in `data/outgoing.toml`.
    severity
        "error": do not send it like this. "warning": a person should look.
    start, end
        Where it stands, characters from 0, `end` exclusive; never empty, and the whole text where it is about the whole.
    found
        The words at that place.
    why, fix
        What is wrong and what to do, in plain words.
    source
        Where the rule comes from.
    """

    rule: str
    severity: str
    start: int
    end: int
    found: str
    why: str
    fix: str
    source: str


@dataclass(frozen=True, slots=True)
class Application:
    """Where and from when a rule holds; `most` is the longest text allowed, only for the rule `length`."""

    channel: str
    severity: str
    effective_from: date
    source: str
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, as the head of `data/outgoing.toml` explains it."""

    id: str
    why: str
    fix: str
    applies: tuple[Application, ...]
    finds: tuple[tuple[str, ...], ...] = ()
    excepts: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    conditions: Mapping[str, bool] = field(default_factory=dict)
    needs: tuple[str, ...] = ()

    def application(self, channel: str, day: date) -> Application | None:
        """Return what holds on a channel on that day, the platform's own before what holds everywhere; None for nothing."""
        known = [a for a in self.applies if a.effective_from <= day and (not channel or a.channel in (channel, _EVERYWHERE))]
        return max(known, key=lambda a: (a.channel == channel, a.channel == _EVERYWHERE, a.effective_from), default=None)

    def meant_for(self, context: Outgoing) -> bool:
        """Say whether the claim and the resolution are such that this rule counts; an unknown claim might be."""
        claim_fits = not self.claims or context.claim is None or context.claim in self.claims
        return claim_fits and all(getattr(context, name) is value for name, value in self.conditions.items())

    def severity(self, applied: Application, context: Outgoing) -> str:
        """Return how bad a finding is: what rests on something unknown is only a warning."""
        unsure = any(getattr(context, name) in ("", None) for name in self.needs)
        unsure |= not context.channel and applied.channel != _EVERYWHERE
        return "warning" if unsure else applied.severity


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules with the phrases they look for."""

    rules: tuple[Rule, ...]
    phrases: Mapping[str, re.Pattern[str]]
    own_links: Mapping[str, tuple[str, ...]]
    currency_words: Mapping[str, str]

    def spans(self, name: str, text: str) -> Iterator[Span]:
        """Yield where phrases of one list stand."""
        return (match.span() for match in self.phrases[name].finditer(text) if match.end() > match.start())


@dataclass(frozen=True, slots=True)
class _Search:
    """What a finder looks through: the text with plain signs, one rule, and what is known."""

    text: str
    rule: Rule
    applied: Application
    context: Outgoing
    book: Rulebook


def check(text: str, context: Outgoing, *, book: Rulebook | None = None, on: date | None = None) -> list[Finding]:
    """Find what must not be sent like this.

    Parameters
    ----------
    text
        The reply as it would be sent.
    context
        To whom, where, and what the resolution allows.
    book
        The rules; the shipped ones without it.
    on
        The day it is sent, today without it: rules count from their `effective_from`.

    Returns
    -------
    list of Finding
        In the order of the text; empty where nothing was found, which is no promise that nothing is wrong.
    """
    book, day = book or load_rulebook(), on or datetime.now(UTC).date()
    plain = text.translate(_SAME)
    findings = []
    for rule in book.rules:
        applied = rule.application(context.channel, day)
        if applied is None or not rule.meant_for(context):
            continue
        search = _Search(plain, rule, applied, context, book)
        excepted = [span for name in rule.excepts for span in book.spans(name, plain)]
        found = [span for span in _FINDERS.get(rule.id, _by_phrases)(search) if not any(_touch(span, e) for e in excepted)]
        severity = rule.severity(applied, context)
        findings += [Finding(rule.id, severity, a, b, text[a:b], rule.why, rule.fix, applied.source) for a, b in _joined(found)]
    return sorted(findings, key=lambda f: (f.start, f.end, f.rule))


def _touch(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, overlapping ones made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


# --- finders: where a rule is broken -----------------------------------------------------------------------------------


def _by_phrases(search: _Search) -> Iterator[Span]:
    for shown, *others in search.rule.finds:
        if all(search.book.phrases[name].search(search.text) for name in others):
            yield from search.book.spans(shown, search.text)


def _links(search: _Search) -> Iterator[Span]:
    own = search.book.own_links
    homes = own.get(search.context.channel, ()) if search.context.channel else tuple(h for hosts in own.values() for h in hosts)
    for start, end in search.book.spans("link", search.text):
        end = start + len(search.text[start:end].rstrip(".,;:!?)]}'\""))
        # What stands before the path, without the port and what pretends to be a user name ("amazon.de@elsewhere.com").
        host = re.split(r"[/?#\\]", re.sub(r"^https?://", "", search.text[start:end].lower()), maxsplit=1)[0]
        host = host.rpartition("@")[2].partition(":")[0]
        if not any(host == home or host.endswith("." + home) for home in homes):
            yield start, end


def _other_orders(search: _Search) -> Iterator[Span]:
    given = re.sub(r"\W", "", search.context.order_id).upper()
    for start, end in search.book.spans("order_id", search.text):
        number = re.search(r"D?\d[\d-]+\Z", search.text[start:end].upper())
        if number and number[0].replace("-", "") != given:
            yield start, end


def _amounts(search: _Search) -> Iterator[Span]:
    highest = search.context.highest
    for span, money in _money_in(search):
        if highest is None or (money.currency == highest.currency and money.amount > highest.amount):
            yield span


def _currencies(search: _Search) -> Iterator[Span]:
    highest = search.context.highest
    for span, money in _money_in(search):
        if highest is not None and money.currency != highest.currency:
            yield span


def _money_in(search: _Search) -> Iterator[tuple[Span, Money]]:
    """Yield all amounts of a text; a sign that several currencies share ("$") is the order's own where it can be."""
    default = search.context.highest.currency if search.context.highest else ""
    for match in _AMOUNT.finditer(search.text):
        for sign, span in _signs(match):
            money = _money(match["number"], search.book.currency_words.get(sign.casefold(), sign), default)
            if money is not None:
                yield span, money
                break


def _signs(match: re.Match[str]) -> Iterator[tuple[str, Span]]:
    """Yield what may name the currency beside a number, with the span of both."""
    before, after = match["before"] or "", match["after"] or ""
    for length in _lengths(before):
        yield before[-length:], (match.end("before") - length, match.end("number"))
    for length in _lengths(after):
        yield after[:length], (match.start("number"), match.start("after") + length)


def _lengths(run: str) -> Iterable[int]:
    """Return how much of a run of letters may be a sign: all of it; in Japanese and Chinese, that put no blanks, up to four."""
    return range(min(len(run), 4), 0, -1) if _HAN.search(run) else (len(run),) if run else ()


def _money(number: str, sign: str, default: str) -> Money | None:
    # "all 12", "size US 9": of letters, only three capitals are a code in running text.
    if sign.isascii() and sign.isalpha() and not (sign.isupper() and len(sign) == 3):
        return None
    try:
        return parse_money(f"{number} {sign}", default=default)
    except ValueError:
        return None


def _foreign(search: _Search) -> Iterator[Span]:
    wanted = search.context.language
    if wanted not in LANGUAGES or not re.search(r"[^\W\d_]{2}", search.text):
        return
    if detect(search.text, wanted) != wanted:
        yield 0, len(search.text)
        return
    for match in re.finditer(r"\S[^\n]*", search.text):
        letters = len(re.findall(r"[^\W\d_]", match[0]))
        # What the buyer wants engraved may be in any language; a whole paragraph of the letter may not.
        if letters > (30 if _HAN.search(match[0]) else 80) and detect(match[0], wanted) != wanted:
            yield match.span()


def _too_long(search: _Search) -> Iterator[Span]:
    most = search.applied.most
    if most is not None and len(search.text) > most:
        yield most, len(search.text)


def _only_thanks(search: _Search) -> Iterator[Span]:
    phrases, text = search.book.phrases, search.text
    if not phrases["thanks"].search(text) or phrases["money"].search(text) or re.search(r"[?\d]", text):
        return
    sentences = [sentence for sentence in re.split(r"[.!。\n]+", text) if re.search(r"\w", sentence)]
    if all(_says_nothing(sentence, phrases) for sentence in sentences):
        yield 0, len(text)


def _says_nothing(sentence: str, phrases: Mapping[str, re.Pattern[str]]) -> bool:
    """Say whether it is thanks, courtesy or a signature, and too short to say something else besides."""
    unspaced = bool(_HAN.search(sentence))
    words = len(sentence) // 3 if unspaced else len(sentence.split())
    polite = phrases["thanks"].search(sentence) or phrases["courtesy"].search(sentence)
    return words <= 14 if polite else words <= 3 and not unspaced


_FINDERS: Mapping[str, Callable[[_Search], Iterator[Span]]] = {
    "link": _links,
    "other_order": _other_orders,
    "amount": _amounts,
    "currency": _currencies,
    "language": _foreign,
    "length": _too_long,
    "thanks_only": _only_thanks,
}


# --- the file ----------------------------------------------------------------------------------------------------------


def load_rulebook(path: Path | None = None) -> Rulebook:
    """Load and check a rule file, each file once.

    Parameters
    ----------
    path
        A TOML file such as the shipped `data/outgoing.toml`, which is taken without it.

    Raises
    ------
    PolicyError
        Names the file, the place, what was found and what was expected.
    """
    return _loaded(str(path or files("triage_ml") / "data" / "outgoing.toml"))


@cache
def _loaded(path: str) -> Rulebook:
    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{path}: found {error}; expected a TOML file such as the shipped data/outgoing.toml.") from error
    return _Reader(path).rulebook(table)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns the tables of one file into a rulebook, or says what is wrong where."""

    path: str

    def rulebook(self, table: object) -> Rulebook:
        whole = self._table("the file", table, {"rule", "phrases", "words", "own_links", "currency_words"})
        languages = self._table("words", whole["words"], set(), set(LANGUAGES))
        words = {language: self._texts(f"words.{language}", named) for language, named in languages.items()}
        lists = self._table("phrases", whole["phrases"], {"link", "order_id", "thanks", "courtesy", "money"}, None)
        phrases = {name: self._pattern(f"phrases.{name}", lines, words) for name, lines in lists.items()}
        rules = tuple(self._rule(rule, phrases) for rule in self._list("rule", whole["rule"]))
        if len({rule.id for rule in rules}) < len(rules):
            self._fail("rule", "an id twice", "each rule once, with several [[rule.applies]]")
        hosts = self._table("own_links", whole["own_links"], set(PLATFORMS))
        own_links = {platform: self._strings(f"own_links.{platform}", names) for platform, names in hosts.items()}
        return Rulebook(rules, phrases, own_links, self._texts("currency_words", whole["currency_words"]))

    def _rule(self, table: object, phrases: Mapping[str, object]) -> Rule:
        where = f"rule {table.get('id')!r}" if isinstance(table, Mapping) else "rule"
        values = self._table(where, table, {"id", "why", "fix", "applies"}, {"finds", "except", "when", "needs"})
        named = self._texts(where, {key: values[key] for key in ("id", "why", "fix")})
        when = self._table(f"{where}, when", values.get("when", {}), set(), {"claims", "full_refund_allowed", "personalised"})
        conditions = {name: value for name, value in when.items() if name != "claims"}
        if not all(isinstance(value, bool) for value in conditions.values()):
            self._fail(f"{where}, when", repr(conditions), "true or false")
        claims = self._strings(f"{where}, claims", when.get("claims", []), tuple(Claim))
        needs = self._strings(f"{where}, needs", values.get("needs", []), ("claim", "highest", "order_id"))
        finds = tuple(self._strings(f"{where}, finds", names, phrases) for names in self._list(where, values.get("finds", [])))
        if (named["id"] in _FINDERS) == bool(finds):
            self._fail(where, "finds" if finds else "no finds", f"finds, except in {', '.join(_FINDERS)}")
        return Rule(
            **named,
            applies=tuple(self._application(where, entry) for entry in self._list(where, values["applies"])),
            finds=finds,
            excepts=self._strings(f"{where}, except", values.get("except", []), phrases),
            claims=tuple(Claim(claim) for claim in claims),
            conditions=conditions,
            needs=needs,
        )

    def _application(self, where: str, table: object) -> Application:
        values = self._table(f"{where}, applies", table, {"channel", "severity", "effective_from", "source"}, {"most"})
        self._one_of(where, values["channel"], (*PLATFORMS, _EVERYWHERE))
        self._one_of(where, values["severity"], _SEVERITIES)
        if type(values["effective_from"]) is not date:
            self._fail(where, f"effective_from {values['effective_from']!r}", "a day such as 2026-11-01, without quotes")
        if ("most" in values) != (where == "rule 'length'") or type(values.get("most", 0)) is not int:
            self._fail(where, f"most {values.get('most')!r}", "a number of characters, for the rule 'length' alone")
        return Application(**values)

    def _pattern(self, where: str, lists: object, words: Mapping[str, Mapping[str, str]]) -> re.Pattern[str]:
        """Join the phrases of one list into one expression: a reply may mix languages, so all of them are looked for."""
        parts = []
        for language, lines in self._table(where, lists, set(), {*LANGUAGES, _EVERYWHERE}).items():
            spelt = [self._spelt(line, language, words) for line in self._strings(f"{where}.{language}", lines)]
            joined = "|".join(spelt)
            parts.append(joined if language in (_EVERYWHERE, *_UNSPACED) else rf"(?<!\w)(?:{joined})(?!\w)")
        return re.compile("|".join(parts), re.IGNORECASE)

    def _spelt(self, phrase: str, language: str, words: Mapping[str, Mapping[str, str]]) -> str:
        """Return the regular expression that a phrase stands for."""
        where = f"phrase {phrase!r} ({language})"
        known = words.get(language, {})

        def word(match: re.Match[str]) -> str:
            if match[1] in _BUILT_IN:
                return _BUILT_IN[match[1]]
            self._one_of(where, match[1], known)
            inner = self._spelt(known[match[1]], language, words)
            return f"(?:{inner})" if language in _UNSPACED else rf"(?<!\w)(?:{inner})(?!\w)"

        spelt = phrase
        if language != _EVERYWHERE:
            spelt = re.sub(r"<([a-z_]+)>", word, phrase.replace(" ", r"\s"))
            spelt = spelt.replace("…", _GAP % _REACH.get(language, _DEFAULT_REACH))
        try:
            re.compile(spelt)
        except re.error as error:
            self._fail(where, str(error), "a regular expression")
        return spelt

    def _table(self, where: str, value: object, needed: Set[str], allowed: Set[str] | None = frozenset()) -> dict[str, Any]:
        """Return a table that has all the needed keys, and besides them only allowed ones; None allows any."""
        if not isinstance(value, Mapping):
            self._fail(where, repr(value), "a table")
        for key in value.keys() - needed - allowed if allowed is not None else ():
            self._fail(where, f"unknown key {key!r}", f"one of {', '.join(sorted(needed | (allowed or frozenset())))}")
        for key in sorted(needed - value.keys()):
            self._fail(where, f"no {key!r}", "it to be there")
        return dict(value)

    def _texts(self, where: str, value: object) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(text, str) and text for text in value.values()):
            self._fail(where, repr(value), "a text for each key")
        return dict(value)

    def _list(self, where: str, value: object) -> list[Any]:
        if not isinstance(value, list):
            self._fail(where, repr(value), "a list")
        return value

    def _strings(self, where: str, value: object, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
        texts = self._list(where, value)
        if not all(isinstance(text, str) and text for text in texts):
            self._fail(where, repr(texts), "a list of texts")
        for text in texts if allowed is not None else ():
            self._one_of(where, text, allowed or ())
        return tuple(texts)

    def _one_of(self, where: str, value: object, allowed: Iterable[str]) -> None:
        names = tuple(allowed)
        if value not in names:
            self._fail(where, repr(value), f"one of {', '.join(names)}")

    def _fail(self, where: str, found: str, expected: str) -> NoReturn:
        raise PolicyError(f"{self.path}, {where}: found {found}; expected {expected}.")
