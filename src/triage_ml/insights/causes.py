"""What one case says for statistics: when it began, what it claims, what it comes from, and what it costs.

Causes, the words that part them and where they are put right stand in `data/insights/causes.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from triage_ml.cases.histories import History, Said
from triage_ml.messages import Category, Claim, Direction, MessageKind, Money
from triage_ml.text import Cue, clean

COMPLAINTS = (Claim.QUALITY, Claim.MISMATCH, Claim.SUBJECTIVE)
_CLAIMS = frozenset(claim.value for claim in Claim)
_DIFFERS, _FROM_ORDER = "differs", "differs_order"
_FROM_LISTING = frozenset({"differs_listing", "differs_picture"})
_KINDS = ("own", "picture", "listing")
_BY_CHARACTER = frozenset({"ja", "zh"})
_WHOLE = 3
_LONGEST_PHRASE = 60
_NEAR, _NEAR_BY_CHARACTER = 20, 6
_SENTENCE_END = re.compile(r"[.!?;\n。！？；…]")
# Texts that ask the seller for something: with the first of them a case begins.
_ASKING = frozenset({
    MessageKind.BUYER, MessageKind.RETURN_REQUEST, MessageKind.A_TO_Z, MessageKind.CANCELLATION_REQUEST, MessageKind.CHARGEBACK,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """What a complaint comes from.

    Parameters
    ----------
    id
        The type of cue, with its part for `differs`.
    claim
        It counts for cases with this claim.
    fix
        Where it is put right, "" for what is no problem.
    expectation
        Whether it is expectation against reality.
    codes
        Return reasons that stand in where no words do, with `*` for anything.
    names
        In English ("en") and Chinese ("zh").
    """

    id: str
    claim: Claim
    fix: str
    expectation: bool
    codes: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fix:
    """Where something is put right, and what to look at first; both in English ("en") and Chinese ("zh")."""

    id: str
    names: Mapping[str, str]
    advice: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """What one case says.

    Parameters
    ----------
    at
        When it began: the first message that asks something.
    category, claim
        As a person decided or labelled it, else as it was judged.
    causes
        What it comes from, at least one.
    phrases
        The words each cause stands on, lower case.
    expectation
        Whether it comes from expectation against reality; None for what is no complaint, or has no words left to tell it by.
    cost
        What it cost or is expected to cost; None where unknown.
    models
        The models that judged its messages.
    case_id
        Which case it is.
    """

    at: datetime
    category: Category
    claim: Claim
    causes: tuple[str, ...]
    phrases: frozenset[tuple[str, str]]
    expectation: bool | None
    cost: Money | None
    models: frozenset[str]
    case_id: str = ""

    @property
    def complains(self) -> bool:
        """Whether it is a complaint about goods that came."""
        return self.claim in COMPLAINTS


def asked(history: History) -> list[Said]:
    """Return the messages of a case that ask the seller for something."""
    return [said for said in history.messages if said.direction is Direction.IN and said.kind in _ASKING]


def facts_of(history: History) -> Facts | None:
    """Return what a case says; None where the buyer asked nothing."""
    messages = asked(history)
    if not messages:
        return None
    category, claim = _settled(history)
    phrases = frozenset(phrase for said in messages for phrase in _phrases(said))
    causes = _causes(claim, phrases, messages)
    readable = claim in COMPLAINTS and any(said.text.strip() for said in messages)
    # By words alone: return reasons are chosen by who pays the postage.
    stated = {cause for cause, _ in phrases}.intersection(causes)
    expectation = any(load_causes()[cause].expectation for cause in stated) if readable else None
    fitting = frozenset((cause, words) for cause, words in phrases if cause in causes and words)
    models = frozenset(said.model for said in messages)
    cost = _cost(history, messages)
    return Facts(messages[0].at, category, claim, causes, fitting, expectation, cost, models, history.case.id)


def _settled(history: History) -> tuple[Category, Claim]:
    """Return category and claim; the newest word of a person counts, else the judgement."""
    standing = [one for one in history.decisions if one.undone_at is None]
    said = [(one.id, one.decision.category.value) for one in standing if one.decision.category is not Category.NEEDS_REVIEW]
    said += [(one.id, Category.ABUSE if one.label.abuse else one.label.claim.value) for one in history.labels]
    category = Category(max(said)[1]) if said else history.case.category
    if category.value in _CLAIMS:
        return category, Claim(category)
    # What is claimed below a category that says nothing of it.
    return category, history.labels[-1].label.claim if history.labels else history.case.claim


def _phrases(said: Said) -> Iterator[tuple[str, str]]:
    """Yield each cause that is stated in a message, with its words; "" where they were erased, or are many."""
    text, known, order = clean(said.text), load_causes(), list(load_causes())
    stated = [(cue, _cause(cue, text, said.language)) for cue in said.cues if not (cue.negated or cue.asked)]
    taken: dict[tuple[Claim, int], str] = {}
    for cue, cause in sorted((one for one in stated if one[1] in known), key=lambda one: (order.index(one[1]), one[0])):
        letters = [(known[cause].claim, letter) for letter in range(cue.start, cue.end)]
        if all(taken.get(letter, cause) == cause for letter in letters):
            taken |= dict.fromkeys(letters, cause)
            words = _words(text, cue)
            yield cause, words if len(words) <= _LONGEST_PHRASE else ""


def _cause(cue: Cue, text: str, language: str) -> str:
    """Return the cause a cue speaks for; of a difference, what from: the pictures, the listing's text, or the order."""
    if cue.type != _DIFFERS or not text:
        return cue.type
    own, picture, listing = _expressions(language)
    near = _NEAR_BY_CHARACTER if language in _BY_CHARACTER else _NEAR
    words, around = _words(text, cue), _around(text, cue, near)
    if picture.search(around) and not own.search(words):
        return "differs_picture"
    return "differs_listing" if listing.search(around) else _FROM_ORDER


def _words(text: str, cue: Cue) -> str:
    return " ".join(text[cue.start : cue.end].casefold().split())


def _around(text: str, cue: Cue, near: int) -> str:
    """Return the words of a cue with some more of its sentence: "anders als auf dem" goes on with "Bild"."""
    before, after = text[max(0, cue.start - near) : cue.start], text[cue.end : cue.end + near]
    return (_SENTENCE_END.split(before)[-1] + text[cue.start : cue.end] + _SENTENCE_END.split(after)[0]).casefold()


def _causes(claim: Claim, phrases: frozenset[tuple[str, str]], messages: list[Said]) -> tuple[str, ...]:
    known = load_causes()
    stated = sorted({cause for cause, _ in phrases if known[cause].claim is claim})
    if _FROM_LISTING.intersection(stated):
        # What is said of it beside ("this is plastic") belongs to the same difference.
        stated = [cause for cause in stated if cause not in (_DIFFERS, _FROM_ORDER)]
    if not stated:
        codes = {re.sub(r"[\s-]+", "_", said.reason_code.upper()) for said in messages} - {""}
        stated = [cause.id for cause in known.values() if cause.claim is claim and _names(cause, codes)][:1]
    return tuple(stated) or (f"unnamed_{claim}",)


def _names(cause: Cause, codes: set[str]) -> bool:
    return any(fnmatchcase(code, f"*{pattern}") for pattern in cause.codes for code in codes)


def _cost(history: History, messages: list[Said]) -> Money | None:
    """Return what was spent; else what was decided on; else what the recommended remedy is expected to cost."""
    spent = [one.outcome.spent for one in history.outcomes if one.outcome.spent]
    if spent:
        amounts = [money.amount for money in spent if money.currency == spent[-1].currency]
        return Money(sum(amounts, Decimal(0)), spent[-1].currency)
    standing = [one.decision.amount for one in history.decisions if one.undone_at is None]
    if standing and standing[-1]:
        return standing[-1]
    # As the case itself does: the newest message with a claim other than `other`, else the newest.
    claiming = [said for said in messages if said.claim is not Claim.OTHER] or messages
    return claiming[-1].cost


@cache
def load_causes() -> Mapping[str, Cause]:
    """Return all causes by id, in the order of the file."""
    return {
        id: Cause(
            id,
            Claim(row["claim"]),
            row.get("fix", ""),
            row.get("expectation", False),
            tuple(row.get("codes", ())),
            _in_both(row),
        )
        for id, row in _data()["cause"].items()
    }


@cache
def load_fixes() -> Mapping[str, Fix]:
    """Return all places where something is put right, by id."""
    return {id: Fix(id, _in_both(row), _in_both(row, "advice_")) for id, row in _data()["fix"].items()}


def trade_says() -> float:
    """Return the share of complaints that, the trade says, come from expectation against reality."""
    return float(_data()["trade_says"])


def _in_both(row: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    return {language: row[prefix + language] for language in ("en", "zh")}


@cache
def _expressions(language: str) -> tuple[re.Pattern[str], ...]:
    """Return what finds own, picture and listing words of a language; English's where it has none."""
    words = _data()["words"]
    known = language if language in words else "en"
    return tuple(re.compile("|".join(_expression(word, known) for word in words[known][kind])) for kind in _KINDS)


def _expression(word: str, language: str) -> str:
    if language in _BY_CHARACTER:
        return re.escape(word)
    return rf"\b{re.escape(word)}" + (r"\b" if len(word) <= _WHOLE else "")


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / "insights" / "causes.toml").read_text("utf-8"))
