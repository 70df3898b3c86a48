"""The files of templates: one TOML file each, readable by a person who does not program, checked before it may be used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.readers.choices import channel_in
from triage_ml.readers.money import marketplace_of
from triage_ml.replies.slips import Kind, Slip, has_choices, text_slips
from triage_ml.replies.templates import ALWAYS_KNOWN, FIELDS, Template
from triage_ml.resolution import RemedyKind

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from triage_ml.replies.lint import Finding, Outgoing

# Of each, the last one holds where a file leaves the key out.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "abuse": ("never", "only", "any"),
    "stage": ("first", "followup", "any"),
    "personalised": ("only", "never", "any"),
    "photo": ("missing", "attached", "any"),
    "value": ("small", "middle", "large", "any"),
    "tone": ("warm", "formal", "firm", "neutral"),
}
# Lists that narrow a template down, nothing where left out; each with what gives a name the form that messages have it in.
_NARROWED: Mapping[str, tuple[Callable[[str], str], str]] = {
    "channels": (lambda name: "shop" if name == "shop" else channel_in(name), "channels such as amazon, etsy, ebay, shop"),
    "marketplaces": (marketplace_of, "codes of marketplaces such as us, uk, de, jp"),
    "languages": (lambda name: name if name in LANGUAGES else "", f"some of {', '.join(LANGUAGES)}"),
}
_NAMES: Mapping[str, type[Claim] | type[RemedyKind]] = {"claims": Claim, "remedies": RemedyKind}
_LISTS = (*_NAMES, "required", "optional", *_NARROWED)
_NEEDED = ("id", "purpose", "claims", "remedies", "text")
_KEYS = frozenset({*_NEEDED, *_LISTS, *CHOICES})
_SHIPPED = files("triage_ml") / "data" / "templates"


@dataclass(frozen=True, slots=True)
class Objection:
    """What the outgoing check says of a template's text, in which language and on which channel."""

    language: str
    channel: str
    finding: Finding


def load_templates(folder: Path | None = None) -> dict[str, Template]:
    """Load the shipped templates and, over them, a shop's own (the same id replaces).

    Raises
    ------
    TemplateError
        Names the first file, and line where there is one, that is wrong.
    """
    findings: list[str] = []
    found = check_templates(folder, findings)
    if findings:
        raise TemplateError(findings[0])
    return found


def check_templates(folder: Path | None, findings: list[str]) -> dict[str, Template]:
    """Load all templates and append every finding ("file, line N: found ..., expected ...") to `findings`."""
    found: dict[str, Template] = {}
    for place, needed in [(_SHIPPED, (*_NEEDED, "tone")), *([(folder, _NEEDED)] if folder else [])]:
        if not place.is_dir():
            findings.append(f"{place}: found no folder; expected one with .toml templates.")
            continue
        for file in sorted((f for f in place.iterdir() if f.name.endswith(".toml") and f.is_file()), key=lambda f: f.name):
            try:
                # The shipped texts are checked by the tests: here it would take a quarter of a second at each start.
                template = _load(file, needed, texts=place is folder)
                found[template.id] = replace(template, own=place is folder)
            except TemplateError as error:
                findings.append(str(error))
    return found


def shipped_text(name: str) -> str | None:
    """Return the file of the shipped template with an id as it stands; None where there is none."""
    found = next((file for file in _SHIPPED.iterdir() if file.name == f"{name}.toml"), None)
    return found.read_text("utf-8") if found else None


# --- what must not be sent ---------------------------------------------------------------------------------------------


def forbidden_content(template: Template) -> list[str]:
    """Return what the outgoing check says against a template on the channels it is meant for, in words.

    Amazon, the strictest platform, where it names none.
    """
    found = [
        f"{template.id}.toml, {one.language} text on {one.channel}: found “{one.finding.found}” ({one.finding.rule}); "
        f"{one.finding.why} {one.finding.fix}"
        for one in objections(template)
        if one.finding.severity == "error"
    ]
    return list(dict.fromkeys(found))


def objections(template: Template) -> tuple[Objection, ...]:
    """Return all that the outgoing check finds in a template's texts, with every part shown and with every part left out.

    On the channels it is meant for, Amazon where it names none. Fields are left open.
    """
    from triage_ml.replies.lint import Outgoing

    today = datetime.now(UTC).date()
    found: dict[tuple[str, ...], Objection] = {}
    for channel, language, personalised in product(template.channels or ("amazon",), template.text, _made_for_one(template)):
        texts = set(_variants(template, language, personalised))
        for text, claim in product(sorted(texts), _unlike_claims(template.claims)):
            context = Outgoing(channel, language, claim, full_refund_allowed=True, personalised=personalised)
            for finding in _found_in(text, context, today):
                if finding.rule != "unfilled":
                    found.setdefault((language, channel, finding.rule, finding.found), Objection(language, channel, finding))
    return tuple(found.values())


def _made_for_one(template: Template) -> tuple[bool, ...]:
    # What is said only of a personalised piece is held against what may be said of one.
    if template.personalised == "only":
        return (True,)
    return (False, True) if "personalised" in template.optional else (False,)


def _variants(template: Template, language: str, personalised: bool) -> Iterator[str]:
    """Yield the texts that a template may become, as far as they differ in what is shown."""
    fixed = {"personalised": "yes"} if personalised else {}
    shown = {name: f"[{name}]" for name in template.optional if name != "personalised"}
    sets = [{}, shown]
    if has_choices(template.text[language]):
        sets += [{name: shown[name]} for name in shown]
        sets += [{other: shown[other] for other in shown if other != name} for name in shown]
    for known in sets:
        yield template.render(language, fixed | known)[0]


def _unlike_claims(claims: tuple[Claim, ...]) -> list[Claim]:
    """Return one claim of each group for which the same rules count."""
    from triage_ml.replies.rulebook import load_rulebook

    rules = load_rulebook().rules
    return list({tuple(claim in rule.claims for rule in rules): claim for claim in reversed(claims)}.values())


@lru_cache(maxsize=4096)  # an editor asks for all texts whenever one of them changed
def _found_in(text: str, context: Outgoing, day: date) -> tuple[Finding, ...]:
    from triage_ml.replies.lint import check

    return tuple(check(text, context, on=day))


# --- one file ----------------------------------------------------------------------------------------------------------


def parse_template(
    name: str, source: str, place: str = "", needed: tuple[str, ...] = _NEEDED, *, texts: bool = True
) -> Template:
    """Check the TOML text of one template and return it.

    Parameters
    ----------
    name
        Its file's name.
    source
        What stands in it.
    place
        Where it is.
    needed
        The keys it needs.
    texts
        Whether its fields are looked at, too, and how its texts use them.

    Raises
    ------
    TemplateError
        Names the file and, where there is one, the line that is wrong.
    """
    reading = _Reading(name, source)
    values = reading.values(needed, texts=texts)
    if reading.slips:
        raise TemplateError(reading.slips[0].said(name))
    read: dict[str, Any] = {key: tuple(kind(value) for value in values[key]) for key, kind in _NAMES.items()}
    read |= {key: tuple(values[key]) for key in _LISTS if key not in _NAMES}
    read |= {key: values[key] for key in ("id", "purpose", "text", *CHOICES)}
    return Template(**read, source=place or name)


def find_slips(name: str, source: str) -> tuple[Slip, ...]:
    """Return all that is wrong in the TOML text of one template (its file's name, what stands in it); empty where it is right.

    What it says, `triage_ml.replies.library.objections` looks at.
    """
    reading = _Reading(name, source)
    reading.values(_NEEDED)
    return tuple(reading.slips)


def _load(file: Traversable | Path, needed: tuple[str, ...], *, texts: bool) -> Template:
    try:
        source = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file.name}: found {error}; expected TOML as in the shipped templates.") from error
    return parse_template(file.name, source, str(file), needed, texts=texts)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads one file; what is wrong in it is kept in `slips`, in the order it was found."""

    name: str
    source: str
    slips: list[Slip] = field(default_factory=list)

    def values(self, needed: tuple[str, ...], *, texts: bool = True) -> dict[str, Any]:
        """Return what the file says, with what it leaves out filled in; of use where there are no slips."""
        try:
            values = tomllib.loads(self.source)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            line = re.search(r"at line (\d+)", str(error))
            expected = "TOML as in the shipped templates"
            self.slips.append(Slip(Kind.NO_TOML, "", "", str(error), expected, line=int(line[1]) if line else 0))
            return {}
        self._keys(values, needed)
        self._lists(values)
        if values.get("purpose"):
            self._languages("purpose", values["purpose"], ("en", "zh"))
        if values.get("text"):
            self._languages("text", values["text"], tuple(values["languages"]) or LANGUAGES)
        if texts:
            self._fields(values)
        return values

    def _keys(self, values: dict[str, Any], needed: tuple[str, ...]) -> None:
        for key in sorted(values.keys() - _KEYS):
            self._slip(Kind.UNKNOWN_KEY, key, key, f"unknown key {key!r}", f"one of {', '.join(sorted(_KEYS))}")
        for key in needed:
            if not values.get(key):
                self._slip(Kind.ABSENT, key, key, f"no {key!r}", "it to be there")
        name = self.name.removesuffix(".toml")
        if values.get("id") and values["id"] != name:
            self._slip(Kind.ID, "id", str(values["id"]), f"id {values['id']!r}", "the file's name without .toml")
        for key, allowed in CHOICES.items():
            if values.setdefault(key, allowed[-1]) not in allowed:
                shown = values[key]
                self._slip(Kind.CHOICE, key, str(shown), f"{key} = {shown!r}", f"one of {', '.join(allowed)}")

    def _lists(self, values: dict[str, Any]) -> None:
        for key in _LISTS:
            stated = values.setdefault(key, [])
            if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
                self._slip(Kind.NO_LIST, key, str(stated), f"{key} = {stated!r}"[:80], 'a list of names, such as ["..."]')
                values[key] = []
        for key, (known_form, expected) in _NARROWED.items():
            for name in values[key]:
                if not name or known_form(name) != name:
                    self._slip(Kind.ENTRY, key, name, f"{name!r} under {key}", expected)
        for key, kind in _NAMES.items():
            for name in values[key]:
                if name not in list(kind):
                    self._slip(Kind.ENTRY, key, name, f"{name!r} under {key}", f"one of {', '.join(kind)}", name)

    def _languages(self, key: str, texts: object, languages: tuple[str, ...]) -> None:
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            self._slip(Kind.NO_TEXTS, key, str(texts), f"{key} = {texts!r}"[:80], "a text for each language", f"[{key}]")
        elif absent := ", ".join(language for language in languages if not texts.get(language, "").strip()):
            expected = f"one in each of {', '.join(languages)}"
            self._slip(Kind.LANGUAGE_ABSENT, key, absent, f"no {key} in {absent}", expected, f"[{key}]")
        elif more := sorted(texts.keys() - set(languages)):
            named = ", ".join(more)
            self._slip(Kind.LANGUAGE_EXTRA, key, named, f"{key} in {named}", f"only {', '.join(languages)}", f"{more[0]} =")

    def _fields(self, values: dict[str, Any]) -> None:
        listed = (*values["required"], *values["optional"])
        for key in ("required", "optional"):
            for name in values[key]:
                if name not in FIELDS:
                    self._slip(Kind.UNKNOWN_FIELD, key, name, f"unknown field {name!r}", f"one of {', '.join(FIELDS)}", name)
        texts = values["text"] if isinstance(values.get("text"), dict) else {}
        for language, text in texts.items():
            if isinstance(text, str) and text.strip():
                known = [name for name in values["required"] if name in FIELDS]
                for slip in text_slips(language, text, known, {*listed, *ALWAYS_KNOWN}):
                    self.slips.append(replace(slip, line=self._line_in_text(language, slip.row)))

    def _slip(self, kind: Kind, key: str, value: str, found: str, expected: str, needle: str = "") -> None:
        self.slips.append(Slip(kind, key, value, found, expected, line=self._line(needle or key)))

    def _line(self, needle: str) -> int:
        lines = self.source.splitlines()
        # A key stands at the start of its line; a field or value anywhere in it.
        starts = (n for n, line in enumerate(lines, 1) if re.match(rf"\s*{re.escape(needle)}(?!\w)", line))
        inside = (n for n, line in enumerate(lines, 1) if needle in line)
        return next(starts, next(inside, 1))

    def _line_in_text(self, language: str, row: int) -> int:
        lines, texts = self.source.split("\n"), self._line("[text]")
        for number, line in enumerate(lines[texts - 1 :], texts):
            if begun := re.match(rf"\s*(?:text\.)?{language}\s*=\s*(\"{{3}}|'{{3}})?(.*)", line):
                return number if not begun[1] else number + max(row, 1) - bool(begun[2].strip())
        return texts
