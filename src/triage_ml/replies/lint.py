"""What must be changed in a reply before it is sent: what platforms or the law forbid, what the resolution does not allow.

The rules, with dates, sources and phrases in seven languages, stand in `data/outgoing.toml` and are loaded by
`triage_ml.replies.rulebook`; here is how they are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from triage_ml.language import LANGUAGES, detect
from triage_ml.messages import Claim, Money
from triage_ml.readers.money import parse_money
from triage_ml.replies.rulebook import EVERYWHERE, NUMBER, SIGN, Application, Rule, Rulebook, Span, load_rulebook

_AMOUNT = re.compile(rf"(?P<before>{SIGN})? ?(?<![\d.,/:-])(?P<number>{NUMBER})(?![/:-]?\d) ?(?=(?P<after>{SIGN})?)")
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

# Signs that mean the same, one for one, so that a place found is a place in the text as it was written.
_SAME = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord(sign): plain
    for signs, plain in (("’‘ʼ´`", "'"), ("‐‑‒–—−", "-"), ("\u00a0\u2007\u2009\u202f\u3000", " "), ("￥", "¥"), ("￡", "£"))
    for sign in signs
}


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
    price
        What the buyer would pay for a remake at cost: this amount is no promise.
    """

    channel: str = ""
    language: str = ""
    claim: Claim | None = None
    order_id: str = ""
    highest: Money | None = None
    full_refund_allowed: bool = False
    personalised: bool = False
    price: Money | None = None


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
        if applied is None or not _meant_for(rule, context):
            continue
        search = _Search(plain, rule, applied, context, book)
        excepted = [span for name in rule.excepts for span in book.spans(name, plain)]
        found = [span for span in _FINDERS.get(rule.id, _by_phrases)(search) if not any(_touch(span, e) for e in excepted)]
        severity = _severity(rule, applied, context)
        findings += [Finding(rule.id, severity, a, b, text[a:b], rule.why, rule.fix, applied.source) for a, b in _joined(found)]
    return sorted(findings, key=lambda f: (f.start, f.end, f.rule))


def _meant_for(rule: Rule, context: Outgoing) -> bool:
    """Say whether the claim and the resolution are such that a rule counts; an unknown claim might be."""
    claim_fits = not rule.claims or context.claim is None or context.claim in rule.claims
    return claim_fits and all(getattr(context, name) is value for name, value in rule.conditions.items())


def _severity(rule: Rule, applied: Application, context: Outgoing) -> str:
    """Return how bad a finding is: what rests on something unknown is only a warning."""
    unsure = any(getattr(context, name) in ("", None) for name in rule.needs)
    unsure |= not context.channel and applied.channel != EVERYWHERE
    return "warning" if unsure else applied.severity


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
        if money == search.context.price:
            continue
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
