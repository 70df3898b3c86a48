"""A shop's macros become its own templates: one TOML file each, with conditions taken from the shipped template most alike.

Column names and placeholders of helpdesks stand in `data/macros.toml`. What cannot be carried over is shown, never dropped.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from zlib import crc32

from triage_ml.errors import FormatError, ReadError, TemplateError
from triage_ml.language import LANGUAGES, detect
from triage_ml.readers.choices import language_code
from triage_ml.readers.columns import Layout, normal
from triage_ml.readers.containers import open_rows
from triage_ml.readers.fields import Row, as_text, clean_text
from triage_ml.readers.sniff import sniff
from triage_ml.replies.library import forbidden_content, load_templates, parse_template
from triage_ml.replies.templates import ALWAYS_KNOWN, FIELDS, Template

_CONTAINERS = ("csv", "tsv", "xlsx")
_LONGEST_NAME = 40  # characters of a file's name
# Likeness (cosine) below which the conditions taken over are hardly more than a guess: between texts of after-sales and others,
# such as holidays or wholesale prices. Short words of signs share less.
_HARDLY_ALIKE = {"ja": 0.12, "zh": 0.12}
_DEFAULT_HARDLY_ALIKE = 0.3
_PLACEHOLDER = re.compile(r"\{\{+([^{}]{0,200})\}\}+|\{%([^{}%]{0,200})%\}|\{([^{}\n]{1,60})\}")
_BRANCH = re.compile(r"(?:if|elsif|else|unless|case|when|for|assign|capture|comment|end\w+)\b")  # Liquid's own words
_LINK = re.compile(r"<a\b[^<>]*\bhref\s*=\s*[\"']([^\"'<>]*)[\"'][^<>]*>(.*?)</a\s*>", re.IGNORECASE | re.DOTALL)
_PICTURE = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)
_NO_BRACES = str.maketrans("{}", "()")
_NAME = r"\{\{ buyer_name \}\}"
_HONORIFIC = r"(?:[ \u3000]?(?:様|さま|さん))?"


@dataclass(frozen=True, slots=True)
class MacroImport:
    """What came of an import.

    Parameters
    ----------
    written
        The new templates, each in a file of its own (`source`).
    rejects
        Macros that were not written, each with its row and the reason.
    warnings
        What a person should look at in the written ones, each beginning with the file's name: placeholders nobody knows,
        what the outgoing check objects to, conditions that are hardly more than a guess.
    """

    written: tuple[Template, ...]
    rejects: tuple[ReadError, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Macro:
    """One row: its number, the macro's name, its text as plain text with our fields, its language, what to look at."""

    row: int
    name: str
    text: str
    language: str
    notes: tuple[str, ...]


def import_macros(csv_path: Path | str, folder: Path | str) -> MacroImport:
    """Write one template for each macro of an export into a shop's folder; files that are there are left alone.

    Parameters
    ----------
    csv_path
        A table (CSV, TSV or XLSX) with a column for the name and one for the text, as in `data/macros.toml`.
    folder
        Where to write; it is made where it does not exist.

    Raises
    ------
    FormatError
        Where the file as a whole cannot be read, has no such columns, or the folder cannot be written.
    """
    path, folder = Path(csv_path), Path(folder)
    written: list[Template] = []
    rejects: list[ReadError] = []
    warnings: list[str] = []
    library, ids = _Library(load_templates()), set[str]()
    for entry in _macros(path):
        try:
            if isinstance(entry, ReadError):
                raise entry
            name = _unique_id(entry.name, ids)
            models, likeness = library.nearest(entry.language, entry.text)
            written.append(_write(path, entry, models, folder / f"{name}.toml"))
        except ReadError as error:
            rejects.append(error)
            continue
        notes = [*entry.notes]
        if likeness < _HARDLY_ALIKE.get(entry.language, _DEFAULT_HARDLY_ALIKE):
            notes.append(f"no shipped template is much like it; the conditions of {models[0].id} are hardly more than a guess")
        warnings += [f"{name}.toml: {note}" for note in notes] + forbidden_content(written[-1])
    return MacroImport(tuple(written), tuple(rejects), tuple(warnings))


# --- reading -----------------------------------------------------------------------------------------------------------


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / "macros.toml").read_text("utf-8"))


def _macros(path: Path) -> Iterator[_Macro | ReadError]:
    source = sniff(path)
    if source.container not in _CONTAINERS:
        expected = f"a table ({', '.join(_CONTAINERS)}) with the macros"
        raise FormatError(path, f"a file of kind {source.kind}", expected, "Export the macros as CSV.")
    layout = Layout("macros", {field: tuple(map(normal, names)) for field, names in _data()["columns"].items()})
    headers, rows = open_rows(source, lambda cells, _: {"name", "body"} <= layout.match(cells, {}).keys())
    columns = layout.match(headers, {})
    if not {"name", "body"} <= columns.keys():
        raise FormatError(
            path,
            f"the columns {', '.join(headers)}"[:300],
            "one with the macro's name (name, title ...) and one with its text (body, text, content, comment ...)",
            "Rename the columns in the first line.",
        )
    return (row if isinstance(row, ReadError) else _macro(path, row, columns) for row in rows)


def _macro(path: Path, row: Row, columns: Mapping[str, str]) -> _Macro | ReadError:
    cells: dict[str, str] = {}
    for field, column in columns.items():
        try:
            cells[field] = as_text(row.cells.get(column))
        except ValueError as error:
            return ReadError(path, row.number, column, row.cells.get(column), str(error))
        if field != "language" and not cells[field]:
            return ReadError(path, row.number, column, "", "empty; expected the macro's name and its text")
    stated = language_code(cells.get("language", ""))
    if stated and stated not in LANGUAGES:
        return ReadError(path, row.number, columns["language"], cells["language"], f"expected one of {', '.join(LANGUAGES)}")
    text, notes = _with_our_fields(_plain(cells["body"]))
    words = re.sub(r"\{[{%].*?[%}]\}|\[[^\[\]]*\]", " ", text)
    if not re.search(r"[^\W\d_]", words):
        return ReadError(path, row.number, columns["body"], cells["body"], "no words; expected the macro's text")
    if _PICTURE.search(cells["body"]):
        notes.append("a picture was left out; a reply is plain text")
    language = detect(words, stated)
    if stated and language != stated:
        notes.append(f"the column {columns['language']} says {stated}, the text reads {language}")
    return _Macro(row.number, " ".join(clean_text(cells["name"]).split()), text, language, tuple(notes))


def _plain(body: str) -> str:
    """Return a body, HTML or not, as plain text; links keep their address, so that the check can find them."""

    def shown(link: re.Match[str]) -> str:
        return link[2] if link[1] in link[2] else f"{link[2]} ({link[1]})"

    return re.sub(r"\n{3,}", "\n\n", clean_text(_LINK.sub(shown, body)))


# --- placeholders ------------------------------------------------------------------------------------------------------


def _with_our_fields(text: str) -> tuple[str, list[str]]:
    """Turn a helpdesk's placeholders into our fields, unknown ones into "[...]"; return the text and what to look at."""
    notes: list[str] = []
    pieces, end = [], 0
    for match in _PLACEHOLDER.finditer(text):
        pieces += [text[end : match.start()].translate(_NO_BRACES), _field(match, notes)]
        end = match.end()
    whole = "".join(pieces) + text[end:].translate(_NO_BRACES)
    whole = re.sub(r"\{\{ (\w+) \}\}(?: *\{\{ \1 \}\})+", r"{{ \1 }}", whole)  # first and last name are one field
    # Marketplaces hardly ever tell the buyer's name, so the greeting has to do without it.
    whole = re.sub(rf"^({_NAME}{_HONORIFIC}[,，、]? *)", r"{% if buyer_name %}\1{% endif %}", whole, flags=re.MULTILINE)
    whole = re.sub(rf"(?<!%\}})([,，]?[ \u3000]*{_NAME}{_HONORIFIC})", r"{% if buyer_name %}\1{% endif %}", whole)
    return whole, list(dict.fromkeys(notes))


def _field(match: re.Match[str], notes: list[str]) -> str:
    inside = next(group for group in match.groups() if group is not None).strip(" -\n\t")
    name = "" if _BRANCH.match(inside) else re.sub(r"[\s_-]+|\[-?\d*\]", "", re.split(r"[|,]", inside)[0].lower())
    for field in FIELDS:
        if name == field.replace("_", "") or _is_called(name, "placeholders", field):
            return f"{{{{ {field} }}}}"
        if _is_called(name, "unsure", field):
            notes.append(f"{match[0]} became {{{{ {field} }}}}; read the sentence again")
            return f"{{{{ {field} }}}}"
    # As the outgoing check knows a gap that nobody filled: letters first, not too long.
    shown = re.sub(r"[\[\]\n]+|^[\W\d_]+", "", inside)[:40] or "field"
    notes.append(f"{match[0]} is not known here and is shown as [{shown}]")
    return f"[{shown}]"


def _is_called(name: str, table: str, field: str) -> bool:
    pattern = _data()[table].get(field)
    return bool(pattern and re.fullmatch(pattern, name))


# --- writing -----------------------------------------------------------------------------------------------------------


class _Library:
    """The shipped templates, to be compared with a text in any of their languages."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = list(templates.values())
        self._fitted: dict[str, tuple[Any, Any]] = {}

    def nearest(self, language: str, text: str) -> tuple[list[Template], float]:
        """Return the three templates whose texts share most of what is rare, and how much the first does, 0 to 1."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if language not in self._fitted:
            vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
            texts = [template.render(language, {})[0] for template in self._templates]
            self._fitted[language] = vectorizer, vectorizer.fit_transform(texts)
        vectorizer, matrix = self._fitted[language]
        alike = (matrix @ vectorizer.transform([text]).T).toarray().ravel()
        best = alike.argsort(kind="stable")[::-1][:3]
        return [self._templates[place] for place in best], float(alike[best[0]])


def _unique_id(name: str, ids: set[str]) -> str:
    """Return an id that no other macro of this file has, the same in every import."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_LONGEST_NAME].strip("_")
    slug = slug or "macro"
    if sum(map(str.isalnum, plain)) < sum(map(str.isalnum, unicodedata.normalize("NFC", name))):
        slug = f"{slug}_{crc32(name.encode()):08x}"  # letters were lost, so the rest alone may mean any macro
    number, free = 1, f"own_{slug}"
    while free in ids:
        number += 1
        free = f"own_{slug}_{number}"
    ids.add(free)
    return free


def _write(path: Path, macro: _Macro, models: Sequence[Template], file: Path) -> Template:
    text = _toml(path, macro, models, file.stem)
    try:
        template = parse_template(file.name, text, str(file))
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
    except TemplateError as error:
        raise ReadError(path, macro.row, "", macro.name, str(error)) from error
    except FileExistsError as error:
        if not file.is_file():
            raise FormatError(file.parent, "no folder", "a folder for templates", "Name another one.") from error
        reason = f"{file.name} is already there and is not overwritten; rename the macro or the file"
        raise ReadError(path, macro.row, "", macro.name, reason) from error
    except OSError as error:
        raise FormatError(file.parent, str(error.strerror), "a folder that can be written", "Name another one.") from error
    return template


def _toml(path: Path, macro: _Macro, models: Sequence[Template], name: str) -> str:
    model, *others = models
    used = set(re.findall(r"\{\{ (\w+) \}\}", macro.text)) - ALWAYS_KNOWN
    text = macro.text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f"""# Imported from {json.dumps(path.name)}, row {macro.row}.
id = {_quoted(name)}
# claims to tone: taken from {model.id}, check: they decide where this is proposed. Next: {", ".join(t.id for t in others)}.
claims = {_quoted(model.claims)}
remedies = {_quoted(model.remedies)}
abuse = {_quoted(model.abuse)}
stage = {_quoted(model.stage)}
personalised = {_quoted(model.personalised)}
photo = {_quoted(model.photo)}
tone = {_quoted(model.tone)}
languages = {_quoted([macro.language])}
required = {_quoted(sorted(used - {"buyer_name"}))}
optional = {_quoted(sorted(used & {"buyer_name"}))}

[purpose]
en = {_quoted(macro.name)}
zh = {_quoted(macro.name)}

[text]
{macro.language} = \"\"\"
{text}
\"\"\"
"""


def _quoted(value: str | Collection[str]) -> str:
    """Return a text or a list of texts as TOML writes it, which is as JSON does."""
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)
