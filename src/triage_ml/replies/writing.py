"""A shop's own templates are written: from a form into TOML, only what passes the check, with the earlier versions kept.

Own templates lie in one folder (`triage_ml.home.templates_place`), `<id>.toml` each; what a file said before it was changed or
taken away lies in the folder `earlier` inside it, which no library loads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Any

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.replies.library import CHOICES, Objection, find_slips, objections, parse_template
from triage_ml.replies.slips import Slip
from triage_ml.replies.templates import Template

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# Names of devices, which Windows gives to no file.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d")
_EARLIER = "earlier"
_STAMP = "%Y%m%dT%H%M%S%fZ"
_LISTS = ("claims", "remedies", "channels", "marketplaces", "languages", "required", "optional")
_ALWAYS_SAID = ("id", "claims", "remedies")
# Two people who save at once are one after the other here; they sit before screens of the same server.
_WRITING = Lock()


class TemplateChangedError(TemplateError):
    """Somebody else changed the template since it was read."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check says of the text of one template's file.

    Parameters
    ----------
    template
        What the file says; None where there are slips.
    slips
        What is wrong with its form.
    objections
        What the outgoing check finds in its texts; only those of severity "error" keep it from being saved.
    """

    template: Template | None
    slips: tuple[Slip, ...] = ()
    objections: tuple[Objection, ...] = ()

    @property
    def errors(self) -> tuple[Objection, ...]:
        """What must be changed in the texts."""
        return tuple(one for one in self.objections if one.finding.severity == "error")

    @property
    def ok(self) -> bool:
        """Whether it may be saved."""
        return self.template is not None and not self.errors


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of an own template: its id, until when it counted, and the file that holds it."""

    id: str
    until: datetime
    file: Path

    def text(self) -> str:
        """Return what the file says."""
        return _text(self.file)


# --- reading -----------------------------------------------------------------------------------------------------------


def is_id(name: str) -> bool:
    """Say whether a template can be called so: small letters, digits, "_" and "-", at most 63; so it is never a path."""
    return bool(_ID.fullmatch(name)) and not _DEVICES.fullmatch(name)


def own_ids(folder: Path) -> tuple[str, ...]:
    """Return the names of all template files in a shop's folder, right or wrong."""
    return tuple(sorted(file.stem for file in folder.glob("*.toml") if file.is_file()))


def own_text(folder: Path, name: str) -> str | None:
    """Return what a shop's own file says, None where there is none; signs that are no UTF-8 are shown as question marks."""
    file = _file(folder, name)
    return _text(file) if file.is_file() else None


def earlier(folder: Path, name: str = "") -> tuple[Earlier, ...]:
    """Return the earlier versions of one own template, or of all, newest first."""
    found = []
    for file in (folder / _EARLIER).glob("*.toml"):
        called, _, stamp = file.stem.rpartition(".")
        if is_id(called) and name in ("", called) and re.fullmatch(r"\d{8}T\d{12}Z", stamp):
            found.append(Earlier(called, datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC), file))
    return tuple(sorted(found, key=lambda one: (one.until, one.id), reverse=True))


def check_text(name: str, text: str) -> Checked:
    """Check the text of one template's file: its form, its fields, and what it says on its channels."""
    slips = find_slips(f"{name}.toml", text)
    if slips:
        return Checked(None, slips)
    template = parse_template(f"{name}.toml", text)
    return Checked(template, objections=objections(template))


# --- writing -----------------------------------------------------------------------------------------------------------


def template_text(template: Template, over: str = "") -> str:
    """Return a template as TOML.

    Parameters
    ----------
    template
        What is to be said; its texts without blank lines around them. It need not be right yet.
    over
        The file it is written over: what did not change stays as it is there, comments too.
    """
    import tomlkit

    document = _document(over)
    values = {"id": template.id} | {key: [str(name) for name in getattr(template, key)] for key in _LISTS}
    values |= {key: getattr(template, key) for key in CHOICES}
    for key in ("id", *_LISTS[:2], *CHOICES, *_LISTS[2:]):
        default = CHOICES[key][-1] if key in CHOICES else []
        if key not in document and values[key] == default and key not in _ALWAYS_SAID:
            continue
        if document.get(key) != values[key]:
            document[key] = values[key]
    for key, texts in (("purpose", template.purpose), ("text", template.text)):
        if key not in document:
            document[key] = tomlkit.table()
        _put_texts(document[key], texts, multiline=key == "text")
    return tomlkit.dumps(document)


def save_template(folder: Path, name: str, text: str, *, over: str | None) -> Template:
    """Write a shop's own template, where it passes the check; what the file said before is kept as an earlier version.

    Parameters
    ----------
    folder
        The shop's folder; it is made where it does not exist.
    name
        The id.
    text
        The whole file.
    over
        What `own_text` said when the person began, None where there was no file.

    Raises
    ------
    TemplateChangedError
        Where the file says something else by now.
    TemplateError
        Where the id is none, the text does not pass the check, or the folder cannot be written.
    """
    file, checked = _file(folder, name), check_text(name, text)
    if checked.template is None:
        raise TemplateError(checked.slips[0].said(file.name))
    if checked.errors:
        first = checked.errors[0]
        said = f"found “{first.finding.found}” ({first.finding.rule}); {first.finding.why} {first.finding.fix}"
        raise TemplateError(f"{file.name}, {first.language} text on {first.channel}: {said}")
    with _changing(folder, file, over):
        if text != over:
            _keep(file)
            _replace(file, text)
    return checked.template


def remove_template(folder: Path, name: str, *, over: str) -> None:
    """Take a shop's own template away, so that a shipped one of its id counts again; it is kept as an earlier version.

    Raises
    ------
    TemplateChangedError
        Where the file does not say `over` any more.
    TemplateError
        Where the folder cannot be written.
    """
    file = _file(folder, name)
    with _changing(folder, file, over):
        _keep(file)
        file.unlink()


def _document(over: str) -> TOMLDocument:
    """Return a file to write over; an empty one where there is none, or it is none that can be kept."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(over)
    except TOMLKitError:
        return tomlkit.document()
    tables = all(isinstance(document.get(key, {}), Mapping) for key in ("purpose", "text"))
    return document if tables else tomlkit.document()


def _put_texts(table: Any, texts: Mapping[str, str], *, multiline: bool) -> None:  # noqa: ANN401 - tomlkit has many kinds
    import tomlkit

    for language in [language for language in table if not texts.get(language, "").strip()]:
        del table[language]
    for language in (*LANGUAGES, *(texts.keys() - set(LANGUAGES))):
        said = texts.get(language, "").replace("\r\n", "\n").strip()
        if said and str(table.get(language, "")).strip() != said:
            table[language] = tomlkit.string(f"{said}\n" if multiline else said, multiline=multiline)


def _file(folder: Path, name: str) -> Path:
    if not is_id(name):
        expected = "small letters, digits, _ and -, at most 63, beginning with a letter or a digit"
        raise TemplateError(f"id {name[:80]!r}: found a name that cannot be a template's; expected {expected}.")
    return folder / f"{name}.toml"


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")


@contextmanager
def _changing(folder: Path, file: Path, over: str | None) -> Iterator[None]:
    """Change one file while nobody else does, if it still says what the person saw."""
    try:
        with _WRITING:
            if (_text(file) if file.is_file() else None) != over:
                raise TemplateChangedError(
                    f"{file.name}: found it changed since you began; expected it as you saw it. Look at it again."
                )
            (folder / _EARLIER).mkdir(parents=True, exist_ok=True)
            yield
    except OSError as error:
        raise TemplateError(f"{folder}: found {error.strerror}; expected a folder that can be written.") from error


def _keep(file: Path) -> None:
    """Copy what a file says now to the earlier versions."""
    if file.is_file():
        kept = file.parent / _EARLIER / f"{file.stem}.{datetime.now(UTC).strftime(_STAMP)}.toml"
        with kept.open("xb") as copy:
            copy.write(file.read_bytes())


def _replace(file: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    part = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
