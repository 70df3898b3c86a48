"""Which column of a file means what: by the user's mapping, else by the aliases of `data/columns.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_ORDER_FIELDS = frozenset(
    ["order_id", "sku", "product", "amount", "currency", "quantity", "marketplace", "delivered_at", "personalised",
     "customisation"]
)  # fmt: skip
_ORDER_PARENTS = frozenset(["order", "orderline", "item", "lineitem", "product", "purchase"])
_UNIT = re.compile(r"[\s_(\[（-]*(?:in\s+)?(USD|EUR|GBP|JPY|CNY|CAD|AUD|MXN|SEK|PLN|CHF|€|£|¥|￥|\$|円|元)[\s)\]）]*$", re.I)
_BRACKETS = re.compile(r"[(\[（【].*?[)\]）】]")
_NUMBER_FIELDS = frozenset(["message_id", "thread_id", "order_id", "sku"])
_NUMBER_SIGN = re.compile(r"(?<=[\w)])\s*[(\[（]?\s*[#＃№][\s:.)\]）]*$")
_NUMBERED = re.compile(r"[(\[（【]\s*(?:[#＃№]|n[or°º]?\.?|id|count|number|anzahl|番号|件数|编号|編號|数量)\s*[)\]）】]", re.I)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one kind of table.

    Parameters
    ----------
    name
        "messages" for any table of messages, or the kind of an Amazon report.
    aliases
        For a canonical field the names a column may have, the most specific first.
    marks, marks_needed, marks_required
        An Amazon report is known by so many of the marks, with these fields present.
    """

    name: str
    aliases: Mapping[str, tuple[str, ...]]
    marks: frozenset[str] = frozenset()
    marks_needed: int = 0
    marks_required: frozenset[str] = frozenset()

    def match(self, headers: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
        """Return the file's column for each canonical field that it has; `mapping` wins."""
        headers = list(headers)
        found = {field: header for field, name in mapping.items() if (header := find_header(headers, name))}
        taken = set(found.values())
        named = _named([header for header in headers if header not in taken])
        inside_order = _named_inside_order([header for header in headers if header not in taken])
        signed = [header for header in headers if header not in taken and _NUMBER_SIGN.search(header)]
        numbered = {normal(_NUMBER_SIGN.sub("", header)): header for header in signed}
        for field, aliases in self.aliases.items():
            choices = named | inside_order if field in _ORDER_FIELDS else named
            choices = numbered | choices if field in _NUMBER_FIELDS else choices
            header = next((choices[alias] for alias in aliases if alias in choices), None)
            if field not in mapping and header is not None:
                found[field] = header
        return found

    def fits(self, headers: Iterable[str]) -> bool:
        """Say whether these are the columns of this report."""
        headers = list(headers)
        marks = {normal(header) for header in headers} & self.marks
        return len(marks) >= self.marks_needed > 0 and self.marks_required <= self.match(headers, {}).keys()


@cache
def layouts() -> dict[str, Layout]:
    """Return all layouts by name: "messages" and the Amazon reports."""
    table = tomllib.loads((files("triage_ml") / "data" / "columns.toml").read_text(encoding="utf-8"))
    return {name: _layout(name, dict(section)) for name, section in table.items()}


def _layout(name: str, section: dict[str, list[str]]) -> Layout:
    needed, required = section.pop("marks_needed", 0), section.pop("marks_required", [])
    marks = frozenset(normal(mark) for mark in section.pop("marks", []))
    aliases = {field: tuple(normal(alias) for alias in names) for field, names in section.items()}
    return Layout(name, aliases, marks, int(str(needed)), frozenset(required))


def normal(name: str) -> str:
    """Return a column name without case, accents, spaces and punctuation; "Message #" is "messageno"."""
    decomposed = unicodedata.normalize("NFKD", _NUMBER_SIGN.sub(" no", name).replace("ß", "ss")).casefold()
    bare = re.sub(r"[\W_]+", "", "".join(c for c in decomposed if not unicodedata.combining(c)))
    return bare or name.strip()


def find_header(headers: Iterable[str], name: str) -> str | None:
    """Return the column that a user means by this name: exactly so written, else up to case and spaces."""
    headers = list(headers)
    alike = (header for header in headers if normal(header) == normal(name))
    return name if name in headers else next(alike, None)


def currency_in(header: str) -> str:
    """Return the currency that a column name such as "Amount (EUR)" tells, else ""."""
    match = _UNIT.search(header)
    return match[1].upper() if match and match.start() > 0 else ""


def _named(headers: list[str]) -> dict[str, str]:
    """Return columns by name; of two with the same name the first, and a full name before a shortened one."""
    named: dict[str, str] = {}
    for shorten in (str, lambda header: _BRACKETS.sub("", header), lambda header: _UNIT.sub("", header)):
        for header in headers:
            named.setdefault(normal(header if _NUMBERED.search(header) else shorten(header)), header)
    return named


def _named_inside_order(headers: list[str]) -> dict[str, str]:
    """Return the fields of a nested order, `order.paid.amount`, by their last name."""
    inside: dict[str, str] = {}
    for header in headers:
        parent, _, rest = header.partition(".")
        if rest and normal(parent) in _ORDER_PARENTS:
            inside.setdefault(normal(rest.rpartition(".")[2]), header)
    return inside
