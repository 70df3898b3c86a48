"""The files of templates: one TOML file each, readable by a person who does not program, checked before it may be used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.readers.choices import channel_in
from triage_ml.readers.money import marketplace_of
from triage_ml.replies.templates import ALWAYS_KNOWN, FIELDS, Template, compiled
from triage_ml.resolution import RemedyKind

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# Of each, the last one holds where a file leaves the key out.
_CHOICES = {
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
_LISTS = ("claims", "remedies", "required", "optional", *_NARROWED)
_NEEDED = ("id", "purpose", "claims", "remedies", "text")
_KEYS = frozenset({*_NEEDED, *_LISTS, *_CHOICES})
# The only template syntax allowed: a field, or a part that is left out where an optional field is unknown.
_SYNTAX = re.compile(r"\{\{\s*(\w+)\s*\}\}|\{%\s*(?:if\s+(\w+)|else|endif)\s*%\}")


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
    shipped = files("triage_ml") / "data" / "templates"
    for place, needed in [(shipped, (*_NEEDED, "tone")), *([(folder, _NEEDED)] if folder else [])]:
        if not place.is_dir():
            findings.append(f"{place}: found no folder; expected one with .toml templates.")
            continue
        for file in sorted((f for f in place.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
            try:
                template = _load(file, needed)
                found[template.id] = replace(template, own=place is folder)
            except TemplateError as error:
                findings.append(str(error))
    return found


def forbidden_content(template: Template) -> list[str]:
    """Return what the outgoing check says against a template on the channels it is meant for; fields are left open.

    Amazon, the strictest platform, where it names none.
    """
    from triage_ml.replies.lint import Outgoing, check

    # What is said only of a personalised piece is held against what may be said of one.
    made_for_one = (
        (True,) if template.personalised == "only" else (False, True) if "personalised" in template.optional else (False,)
    )
    found = []
    for channel, language, claim, personalised in product(
        template.channels or ("amazon",), template.text, template.claims, made_for_one
    ):
        text, _ = template.render(language, {"personalised": "yes"} if personalised else {})
        findings = check(text, Outgoing(channel, language, claim, full_refund_allowed=True, personalised=personalised))
        found += [
            f"{template.id}.toml, {language} text on {channel}: found “{f.found}” ({f.rule}); {f.why} {f.fix}"
            for f in findings
            if f.severity == "error" and f.rule != "unfilled"
        ]
    return list(dict.fromkeys(found))


def parse_template(name: str, source: str, place: str = "", needed: tuple[str, ...] = _NEEDED) -> Template:
    """Check the TOML text of one template (its file's name, what stands in it, where it is, the keys it needs) and return it.

    Raises
    ------
    TemplateError
        Names the file and, where there is one, the line that is wrong.
    """
    try:
        values = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise TemplateError(f"{name}: found {error}; expected TOML as in the shipped templates.") from error
    problem = _Problem(name, source)
    _check_keys(values, name.removesuffix(".toml"), needed, problem)
    required, optional = tuple(values["required"]), tuple(values["optional"])
    for field in (*required, *optional):
        if field not in FIELDS:
            problem(field, f"unknown field {field!r}", f"one of {', '.join(FIELDS)}")
    for language, text in values["text"].items():
        _check_text(language, text, required, {*required, *optional, *ALWAYS_KNOWN}, problem)
    return Template(
        id=values["id"],
        purpose=values["purpose"],
        claims=tuple(problem.read(Claim, c, "claims") for c in values["claims"]),
        remedies=tuple(problem.read(RemedyKind, r, "remedies") for r in values["remedies"]),
        required=required,
        optional=optional,
        text=values["text"],
        source=place or name,
        **{key: values[key] for key in _CHOICES} | {key: tuple(values[key]) for key in _NARROWED},
    )


def _load(file: Traversable | Path, needed: tuple[str, ...] = _NEEDED) -> Template:
    try:
        source = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise TemplateError(f"{file.name}: found {error}; expected TOML as in the shipped templates.") from error
    return parse_template(file.name, source, str(file), needed)


def _check_keys(values: dict[str, Any], name: str, needed: tuple[str, ...], problem: _Problem) -> None:
    for key in values.keys() - _KEYS:
        problem(key, f"unknown key {key!r}", f"one of {', '.join(sorted(_KEYS))}")
    for key in needed:
        if not values.get(key):
            problem(key, f"no {key!r}", "it to be there")
    if values["id"] != name:
        problem("id", f"id {values['id']!r}", "the file's name without .toml")
    for key, allowed in _CHOICES.items():
        if values.setdefault(key, allowed[-1]) not in allowed:
            problem(key, f"{key} = {values[key]!r}", f"one of {', '.join(allowed)}")
    _check_lists(values, problem)
    _check_languages("purpose", values["purpose"], ("en", "zh"), problem)
    _check_languages("text", values["text"], tuple(values["languages"]) or LANGUAGES, problem)


def _check_lists(values: dict[str, Any], problem: _Problem) -> None:
    for key in _LISTS:
        stated = values.setdefault(key, [])
        if not isinstance(stated, list) or not all(isinstance(name, str) for name in stated):
            problem(key, f"{key} = {stated!r}", 'a list of names, such as ["..."]')
    for key, (known_form, expected) in _NARROWED.items():
        for name in values[key]:
            if not name or known_form(name) != name:
                problem(key, f"{name!r} under {key}", expected)


def _check_languages(key: str, texts: object, languages: tuple[str, ...], problem: _Problem) -> None:
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        problem(f"[{key}]", f"{key} = {texts!r}"[:80], "a text for each language")
    elif absent := [language for language in languages if not texts.get(language, "").strip()]:
        problem(f"[{key}]", f"no {key} in {', '.join(absent)}", f"one in each of {', '.join(languages)}")
    elif more := sorted(texts.keys() - set(languages)):
        problem(f"{more[0]} =", f"{key} in {', '.join(more)}", f"only {', '.join(languages)}")


def _check_text(language: str, text: str, required: tuple[str, ...], fields: set[str], problem: _Problem) -> None:
    here = f"{language} ="
    for match in _SYNTAX.finditer(text):
        name = match[1] or match[2]
        if name and name not in fields:
            problem(match[0], f"field {name!r} in the {language} text", "it to be listed under required or optional")
    if re.search(r"[{}]", _SYNTAX.sub("", text)):
        problem(here, f"braces in the {language} text", "only {{ field }}, {% if field %}, {% else %}, {% endif %}")
    for name in required:
        if not re.search(r"\{\{\s*" + name + r"\s*\}\}", text):
            problem(here, f"required field {name!r} not used in the {language} text", "it to be used, or optional")
    try:
        compiled(text)
    except Exception as error:  # Jinja2 has a tree of its own; here it is only a finding
        problem(here, f"{error} in the {language} text", "every {% if %} to have its {% endif %}")


@dataclass(frozen=True, slots=True)
class _Problem:
    """Raises a TemplateError that names file and line."""

    name: str
    source: str

    def __call__(self, needle: str, found: str, expected: str) -> None:
        lines = self.source.splitlines()
        # A key stands at the start of its line; a field or value anywhere in it.
        starts = (n for n, line in enumerate(lines, 1) if re.match(rf"\s*{re.escape(needle)}(?!\w)", line))
        inside = (n for n, line in enumerate(lines, 1) if needle in line)
        raise TemplateError(f"{self.name}, line {next(starts, next(inside, 1))}: found {found}; expected {expected}.")

    def read(self, kind: Any, value: object, key: str) -> Any:  # noqa: ANN401 - one of two enums
        try:
            return kind(value)
        except ValueError:
            self(str(value), f"{value!r} under {key}", f"one of {', '.join(kind)}")
