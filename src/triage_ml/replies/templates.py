"""Reply templates: one TOML file each, readable by a person who does not program, checked before it may be used.

Texts are rendered in Jinja2's sandbox with an allow-list of fields. A buyer's words are only ever a value, never a template.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.remedies import RemedyKind

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FIELDS = (
    "order_id", "product", "customisation", "buyer_name", "shop", "offer", "offer_low", "offer_high",
    "remake_days", "evidence_days", "return_days",
)  # fmt: skip
ALWAYS_KNOWN = frozenset({"shop", "remake_days", "evidence_days", "return_days"})
_CHOICES = {
    "abuse": ("never", "any", "only"),
    "stage": ("first", "followup", "any"),
    "personalised": ("only", "never", "any"),
    "photo": ("missing", "attached", "any"),
}
_KEYS = frozenset({"id", "purpose", "claims", "remedies", "required", "optional", "text", *_CHOICES})
# The only template syntax allowed: a field, or a part that is left out where an optional field is unknown.
_SYNTAX = re.compile(r"\{\{\s*(\w+)\s*\}\}|\{%\s*(?:if\s+(\w+)|else|endif)\s*%\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A reply that a person wrote once, in several languages, with the conditions under which it fits.

    Parameters
    ----------
    id
        Short name, the same as the file's.
    purpose
        One line for the reader, keys "en" and "zh".
    claims
        The claims it answers.
    remedies
        It fits only where the resolution allows one of these.
    abuse, stage, personalised, photo
        Conditions, see `_CHOICES`.
    required, optional
        Fields the text uses; a required one that is unknown is shown as missing.
    text
        Language code to text.
    source
        The file it came from.
    """

    id: str
    purpose: Mapping[str, str]
    claims: tuple[Claim, ...]
    remedies: tuple[RemedyKind, ...]
    abuse: str
    stage: str
    personalised: str
    photo: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    text: Mapping[str, str]
    source: str

    def render(self, language: str, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
        """Fill the template.

        Parameters
        ----------
        language
            The buyer's language; English where the template lacks it.
        values
            Field to text. Unknown fields are absent or empty.

        Returns
        -------
        str, tuple of str
            The text, and the required fields that are unknown, each shown in the text as "[field]".
        """
        missing = tuple(name for name in self.required if not values.get(name))
        filled = {name: values.get(name, "") for name in (*self.required, *self.optional, *ALWAYS_KNOWN)}
        filled |= {name: f"[{name}]" for name in missing}
        compiled = _compiled(self.text.get(language) or self.text["en"])
        return re.sub(r"\n{3,}", "\n\n", compiled.render(filled)).strip(), missing


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
    for place in [shipped, *([folder] if folder else [])]:
        if not place.is_dir():
            findings.append(f"{place}: found no folder; expected one with .toml templates.")
            continue
        for file in sorted((f for f in place.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
            try:
                template = _load(file)
                found[template.id] = template
            except TemplateError as error:
                findings.append(str(error))
    return found


def forbidden_content(template: Template) -> list[str]:
    """Return what the outgoing check says against a template on Amazon, the strictest platform; fields are left open."""
    from triage_ml.replies.lint import Outgoing, check

    found = []
    for language in template.text:
        text, _ = template.render(language, {})
        for claim in template.claims:
            personalised = template.personalised == "only"
            findings = check(text, Outgoing("amazon", language, claim, full_refund_allowed=True, personalised=personalised))
            found += [
                f"{template.id}.toml, {language} text: found “{f.found}” ({f.rule}); {f.why} {f.fix}"
                for f in findings
                if f.severity == "error" and f.rule != "unfilled"
            ]
    return list(dict.fromkeys(found))


def _load(file: Traversable | Path) -> Template:
    try:
        source = file.read_text("utf-8")
        values = tomllib.loads(source)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateError(f"{file.name}: found {error}; expected TOML as in the shipped templates.") from error
    problem = _Problem(file.name, source)
    _check_keys(values, file.name.removesuffix(".toml"), problem)
    required, optional = tuple(values.get("required", ())), tuple(values.get("optional", ()))
    for name in (*required, *optional):
        if name not in FIELDS:
            problem(name, f"unknown field {name!r}", f"one of {', '.join(FIELDS)}")
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
        source=str(file),
        **{key: values[key] for key in _CHOICES},
    )


def _check_keys(values: dict[str, Any], name: str, problem: _Problem) -> None:
    for key in values.keys() - _KEYS:
        problem(key, f"unknown key {key!r}", f"one of {', '.join(sorted(_KEYS))}")
    for key in ("id", "purpose", "claims", "remedies", "text"):
        if not values.get(key):
            problem(key, f"no {key!r}", "it to be there")
    if values["id"] != name:
        problem("id", f"id {values['id']!r}", "the file's name without .toml")
    for key, allowed in _CHOICES.items():
        if values.setdefault(key, "any") not in allowed:
            problem(key, f"{key} = {values[key]!r}", f"one of {', '.join(allowed)}")
    for key, languages in (("purpose", ("en", "zh")), ("text", LANGUAGES)):
        absent = [language for language in languages if not str(values[key].get(language, "")).strip()]
        if absent:
            problem(f"[{key}]", f"no {key} in {', '.join(absent)}", f"one in each of {', '.join(languages)}")


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
        _compiled(text)
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


@cache
def _compiled(text: str) -> Any:  # noqa: ANN401 - a Jinja2 template
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False).from_string(
        text
    )
