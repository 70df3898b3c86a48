"""The rules for outgoing replies as data: a file such as `data/outgoing.toml`, checked, becomes a Rulebook.

How a rule file is written stands at the head of that file; how its rules are looked for, in `triage_ml.replies.lint`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn

from triage_ml.errors import PolicyError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim

PLATFORMS = ("amazon", "etsy", "ebay")
EVERYWHERE = "any"
# Rules that `triage_ml.replies.lint` looks for with a function of their own; all others list the phrases they look for.
WITHOUT_PHRASES = ("link", "other_order", "amount", "currency", "language", "length", "thanks_only")
_SEVERITIES = ("error", "warning")
_UNSPACED = ("ja", "zh")

# A sentence may run on behind a dot that is none of its end ("12.50", "n.º"). European words are longer than signs.
_GAP = r"(?:[^.!?。\n]|\.(?=\S)){0,%d}?"
_REACH = {"ja": 60, "zh": 60}
_DEFAULT_REACH = 140
NUMBER = r"(?<!\d)(?:\d{1,3}(?:[.,' ]\d{3}){1,3}(?:[.,]\d{1,2})?|\d{1,9}(?:[.,](?:\d{1,2}|-{1,2}))?)(?!\d)"
SIGN = r"(?:[A-Za-z]{0,3}[$€£¥₹₺₪₱₩฿₫₴₽]|[^\W\d_]{1,12})"
_BUILT_IN = {
    "amount": rf"(?:{SIGN} ?{NUMBER}|{NUMBER} ?{SIGN})",
    "number": r"(?!\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?!\d))[+(]?\d(?:[ ./()-]{0,3}\d){6,13}(?!\d)",
}

Span = tuple[int, int]


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
        known = [a for a in self.applies if a.effective_from <= day and (not channel or a.channel in (channel, EVERYWHERE))]
        return max(known, key=lambda a: (a.channel == channel, a.channel == EVERYWHERE, a.effective_from), default=None)


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
        if (named["id"] in WITHOUT_PHRASES) == bool(finds):
            self._fail(where, "finds" if finds else "no finds", f"finds, except in {', '.join(WITHOUT_PHRASES)}")
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
        self._one_of(where, values["channel"], (*PLATFORMS, EVERYWHERE))
        self._one_of(where, values["severity"], _SEVERITIES)
        if type(values["effective_from"]) is not date:
            self._fail(where, f"effective_from {values['effective_from']!r}", "a day such as 2026-11-01, without quotes")
        if ("most" in values) != (where == "rule 'length'") or type(values.get("most", 0)) is not int:
            self._fail(where, f"most {values.get('most')!r}", "a number of characters, for the rule 'length' alone")
        return Application(**values)

    def _pattern(self, where: str, lists: object, words: Mapping[str, Mapping[str, str]]) -> re.Pattern[str]:
        """Join the phrases of one list into one expression: a reply may mix languages, so all of them are looked for."""
        parts = []
        for language, lines in self._table(where, lists, set(), {*LANGUAGES, EVERYWHERE}).items():
            spelt = [self._spelt(line, language, words) for line in self._strings(f"{where}.{language}", lines)]
            joined = "|".join(spelt)
            parts.append(joined if language in (EVERYWHERE, *_UNSPACED) else rf"(?<!\w)(?:{joined})(?!\w)")
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
        if language != EVERYWHERE:
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
