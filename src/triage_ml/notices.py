"""The notice that what is made for one buyer cannot come back for a change of mind: where it stands, and whether it is lawful.

Texts, sources and the words a listing is read by are data (`data/notices.toml`); nothing here is legal advice.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES

CHANNELS = ("amazon", "ebay", "etsy", "shop")

_BY_CHARACTER = frozenset({"ja", "zh"})
_GROUPS = (
    "refusal", "absolute", "exception", "disclaimer", "claims", "fault", "remedy", "mends", "also", "own", "guarantee",
    "generic", "ordered", "strong", "weak",
)  # fmt: skip
# A question stays with the sentence that answers it: "Arrived broken? We replace it."
_SENTENCE = re.compile(r"[^\n。！]+?(?:[.!](?=\s|$)|[。！\n]|$)")
_APOSTROPHES = str.maketrans("’‘´`", "''''")


class Place(StrEnum):
    """Where the buyer reads the notice."""

    LISTING = "listing"
    CONFIRMATION = "confirmation"
    ANSWER = "answer"


class FindingKind(StrEnum):
    """What can be wrong with a listing."""

    NOTICE_MISSING = "notice_missing"
    ABSOLUTE_REFUSAL = "absolute_refusal"
    FAULT_REFUSAL = "fault_refusal"
    FAULT_REMEDY_MISSING = "fault_remedy_missing"
    GENERIC_OPTION = "generic_option"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice, ready to be used.

    Parameters
    ----------
    text
        What the buyer reads. It always says that faults are put right as well.
    basis, source
        The rule it rests on, and where that stands.
    effective_from
        Since when the rule counts.
    caution
        What the seller must heed at this place and on this channel.
    """

    text: str
    basis: str
    source: str
    effective_from: date
    caution: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a listing: its kind, the sentence that shows it ("" where one is missing), what to do."""

    kind: FindingKind
    quote: str
    advice: str


def notice(place: str, language: str, marketplace: str) -> Notice:
    """Return the notice for one place, in the buyer's language, lawful on that marketplace.

    Parameters
    ----------
    place
        One of `Place`: the listing, the order confirmation, the first answer to a buyer who changed his mind.
    language
        One of `triage_ml.language.LANGUAGES`.
    marketplace
        Its short code ("de", "us"), meaning Amazon; for another channel with its name in front ("etsy.de", "shop.jp").

    Raises
    ------
    TemplateError
        Where a place, language, channel or marketplace is not known; there is no notice for a law nobody looked up.
    """
    if place not in list(Place):
        raise TemplateError(f"place: found {place!r}; expected one of {', '.join(Place)}.")
    _check_language(language)
    region, channel = _market(marketplace)
    data = _data()
    cautions = data["place"][place]
    return Notice(
        text=data["text"][place][region["wording"]][language],
        basis=region["basis"],
        source=region["source"],
        effective_from=region["effective_from"],
        caution=" ".join(filter(None, (cautions["any"], cautions.get(channel, ""), region["caution"]))),
    )


def check_listing(text: str, language: str, marketplace: str) -> list[Finding]:
    """Say whether the notice stands in a listing, and whether what it says of returns is lawful.

    The words decide, sentence by sentence; nothing is understood. No finding is no proof of a lawful listing.

    Parameters
    ----------
    text
        The listing: title, bullets, description.
    language
        The language it is written in, one of `triage_ml.language.LANGUAGES`.
    marketplace
        As for `notice`.

    Returns
    -------
    list of Finding
        At most one of each kind, the first place quoted; empty where nothing was found.

    Raises
    ------
    TemplateError
        Where a language, channel or marketplace is not known.
    """
    _check_language(language)
    region, channel = _market(marketplace)
    ordinary_returns = region["ordinary_returns"] or channel == "amazon"
    found = _read(text, language).findings(ordinary_returns)
    return [Finding(kind, quote, _data()["advice"][kind]) for kind, quote in found.items()]


class _Words:
    """The words of one language, a pattern for each group."""

    def __init__(self, language: str) -> None:
        start = "" if language in _BY_CHARACTER else r"(?<!\w)"
        groups = _data()["words"][language]
        self._patterns = {name: re.compile(f"{start}(?:{'|'.join(groups[name])})", re.IGNORECASE) for name in _GROUPS}

    def say(self, group: str, text: str) -> bool:
        return self._patterns[group].search(text) is not None

    def without_refusals(self, text: str) -> str:
        return self._patterns["refusal"].sub(" ", text)


@dataclass(frozen=True, slots=True)
class _Sentence:
    """One sentence of a listing, with those around it: the one before may begin what it says, the one after may finish it."""

    text: str
    before: str
    following: str
    words: _Words

    def says(self, group: str) -> bool:
        return self.words.say(group, self.text)

    @property
    def refuses(self) -> bool:
        return self.says("refusal") or self.says("claims")

    @property
    def puts_faults_right(self) -> bool | None:
        """Whether faults are put right (True) or refused (False); None where the sentence says nothing of it."""
        rest = self.words.without_refusals(self.text)
        fault, guarantee = self.words.say("fault", rest), self.words.say("guarantee", rest)
        refused = None if self.says("own") else False  # the buyer's own slips may be refused
        if self.says("claims") or ((fault or guarantee) and self.says("disclaimer")):
            return refused
        if guarantee or self.words.say("mends", rest) or (fault and self.words.say("remedy", rest)):
            return True
        if not fault:
            return None
        if self.refuses:
            return self.says("exception") or refused
        if self.words.say("remedy", self.words.without_refusals(self.following)):
            return True
        goes_on = self.words.say("refusal", self.before) and self.says("also")
        return refused if goes_on or self.words.say("disclaimer", self.following) else None

    @property
    def refuses_without_limit(self) -> bool:
        if not self.refuses or self.puts_faults_right or self.says("exception"):
            return False
        goes_on = not self.words.say("fault", self.following) and self.words.say("absolute", self.following)
        return self.says("absolute") or goes_on


@dataclass(frozen=True, slots=True)
class _Listing:
    """A listing, cut into sentences."""

    sentences: tuple[_Sentence, ...]

    def says(self, group: str) -> bool:
        return any(sentence.says(group) for sentence in self.sentences)

    @property
    def personalises(self) -> bool:
        """Whether it offers real personalisation; "custom" beside a choice of sizes, or made to order, is none."""
        return self.says("strong") or (self.says("weak") and not self.says("generic") and not self.says("ordered"))

    @property
    def claims_to_be_special(self) -> bool:
        return self.says("weak") or self.says("ordered")

    def findings(self, ordinary_returns: bool) -> dict[FindingKind, str]:
        """Return each kind found with the sentence that shows it.

        `ordinary_returns` says that what is not personalised may be sent back there, whatever the listing says.
        """
        found: dict[FindingKind, str] = {}
        on_faults = {sentence.puts_faults_right for sentence in self.sentences}
        refusals = [sentence for sentence in self.sentences if sentence.refuses]
        if not refusals and self.personalises:
            found[FindingKind.NOTICE_MISSING] = ""
        for sentence in self.sentences:
            if sentence.refuses_without_limit:
                found.setdefault(FindingKind.ABSOLUTE_REFUSAL, sentence.text)
            if sentence.puts_faults_right is False:
                found.setdefault(FindingKind.FAULT_REFUSAL, sentence.text)
        if ordinary_returns:
            self._add_what_must_be_taken_back(refusals, found)
        if refusals and not on_faults & {True, False}:
            found[FindingKind.FAULT_REMEDY_MISSING] = ""
        return found

    def _add_what_must_be_taken_back(self, refusals: list[_Sentence], found: dict[FindingKind, str]) -> None:
        """Add the refusals of what is not personalised; those of faults are found already."""
        personalises = self.personalises
        kind = FindingKind.GENERIC_OPTION if personalises or self.claims_to_be_special else FindingKind.ABSOLUTE_REFUSAL
        for sentence in refusals:
            generic_only = sentence.says("generic") and sentence.says("weak") and not sentence.says("strong")
            if sentence.puts_faults_right is not False and (generic_only or not personalises):
                found.setdefault(kind, sentence.text)


def _read(text: str, language: str) -> _Listing:
    words = _words(language)
    plain = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    parts = [part for part in (match[0].strip() for match in _SENTENCE.finditer(plain)) if part]
    around = ["", *parts, ""]
    return _Listing(tuple(_Sentence(part, around[i], around[i + 2], words) for i, part in enumerate(parts)))


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise TemplateError(f"language: found {language!r}; expected one of {', '.join(LANGUAGES)}.")


def _market(marketplace: str) -> tuple[dict[str, Any], str]:
    """Return the region a marketplace lies in, and its channel."""
    channel, _, code = marketplace.rpartition(".")
    channel = channel or "amazon"
    if channel not in CHANNELS:
        raise TemplateError(
            f"marketplace: found channel {channel!r} in {marketplace!r}; "
            f"expected one of {', '.join(CHANNELS)} before the dot, such as etsy.de."
        )
    regions = _data()["region"].values()
    for region in regions:
        if code in region["marketplaces"]:
            return region, channel
    known = ", ".join(sorted(code for region in regions for code in region["marketplaces"]))
    raise TemplateError(
        f"marketplace: found {marketplace!r}; expected one whose law was looked up ({known}). "
        "Have a notice for another one written by somebody who knows its law."
    )


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / "notices.toml").read_text("utf-8"))


@cache
def _words(language: str) -> _Words:
    return _Words(language)
