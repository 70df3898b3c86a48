"""What kind of file is this? Decided by its content; what cannot be an export is refused in one sentence."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TextIO, cast

from triage_ml.errors import FormatError
from triage_ml.readers.columns import layouts
from triage_ml.readers.desks import detect
from triage_ml.readers.encodings import encoding_by_head, encoding_of
from triage_ml.readers.foreign import EXPECTED, EXPORT_AGAIN, binary_kind

FORMATS = (
    "csv", "tsv", "xlsx", "jsonl", "parquet", "amazon-fba-returns", "amazon-returns", "amazon-returns-xml",
    "amazon-feedback", "mbox", "eml", "zendesk", "gorgias", "freshdesk", "edesk",
)  # fmt: skip
MAX_LINE = 8 * 2**20  # bytes; a longer first line is no line of an export
ONE_COLUMN = "\x1f"  # the delimiter where the header has none: a sign that no text holds

_HEAD = 2**18
_PAGES = frozenset(["messages", "data", "results", "rows", "records", "reviews", "entries", "items", "comments", "feedback"])
_DECODER = json.JSONDecoder()
_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')
_SIDE = ".comments.json"
_TABLES = ("csv", "tsv", "xlsx", "jsonl", "parquet")
_TABLE_REPORTS = ("amazon-fba-returns", "amazon-returns", "amazon-feedback")
_XML_START = ("<?xml", "<amazonenvelope", "<!--", "<!doctype", "<html", "<table", "<meta")
_MBOX = re.compile(r"From \S.*\r?\n(?:>?From |[!-9;-~]+:)")
_MAIL_HEADER = re.compile(
    r"^(?:from|to|subject|date|message-id|received|return-path|delivered-to|mime-version|content-type|dkim-signature"
    r"|x-[\w-]+):",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read, and how.

    Parameters
    ----------
    path
        The file.
    kind
        One of `FORMATS`. A table may still turn out to be an Amazon report by its columns.
    encoding, delimiter
        Of a text file.
    gzipped
        Whether the bytes are compressed.
    container
        For a table, what holds it: csv, tsv, xlsx, jsonl or parquet; "" otherwise.
    forced
        Whether the caller named the kind.
    watch
        Told how many bytes of the file (compressed ones where it is) are read, often; not for xlsx and Parquet.
    """

    path: Path
    kind: str
    encoding: str = "utf-8"
    delimiter: str = ""
    gzipped: bool = False
    container: str = ""
    forced: bool = False
    watch: Callable[[int], object] | None = field(default=None, compare=False)

    def open_binary(self) -> IO[bytes]:
        """Open the bytes, decompressed."""
        return _open(self.path, self.gzipped, self.watch)

    def open_text(self) -> TextIO:
        """Open the characters; bytes outside the encoding become surrogates, so that one row is lost and not all."""
        errors = "replace" if self.encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        return io.TextIOWrapper(self.open_binary(), encoding=self.encoding, errors=errors, newline="")


def sniff(path: Path | str, format: str | None = None) -> Source:
    """Find out what a file is.

    Parameters
    ----------
    path
        The file.
    format
        One of `FORMATS` where the caller knows better; the content must still be of that family.

    Raises
    ------
    FormatError
        Where the file as a whole cannot be read.
    """
    path = Path(path)
    if format is not None and format not in FORMATS:
        raise FormatError(path, f"the format name {format!r}", "one of " + ", ".join(FORMATS), "Name one of these.")
    gzipped = _first_bytes(path).startswith(b"\x1f\x8b")
    head = _head(path, gzipped)
    kind = binary_kind(path, head, gzipped)
    source = Source(path, kind, container=kind) if kind else _text_source(path, head, gzipped, format)
    return source if format is None else _forced(source, format)


def array_start(text: str) -> int:
    """Return where the entries of an array begin: one alone, or a page's, `{"count": 2, "messages": [`; -1 if none.

    An object that has a text of its own is a message and no page, and one that others follow is a line.
    """
    text = text.lstrip("\ufeff")
    if match := re.match(r"\s*\[", text):
        return match.end()
    if not (match := re.match(r"\s*\{", text)) or _is_line(text, match.end() - 1):
        return -1
    position, empty = match.end(), -1
    while key := _KEY.match(text, position):
        position = key.end()
        if key[1][1:-1] in _PAGES and text[position : position + 1] == "[":
            if not re.match(r"\[\s*\]", text[position:]):
                return position + 1
            empty = max(empty, position + 1)
        try:
            position = _DECODER.raw_decode(text, position)[1]
        except (ValueError, RecursionError):
            break
    return empty


def _is_line(text: str, start: int) -> bool:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return False  # cut off here, so it is far too long for a message
    if text[end:].strip():
        return True
    own = layouts()["messages"].match([key for key, inner in value.items() if isinstance(inner, str)], {})
    entries = [inner[0] for key, inner in value.items() if key in _PAGES and isinstance(inner, list) and inner]
    has_texts = any(isinstance(entry, dict) and "text" in layouts()["messages"].match(entry, {}) for entry in entries)
    return "text" in own and (len(own) > 1 or not has_texts)  # {"message": "OK", "data": [{"text": ...}]} is a page


def is_side_file(path: Path) -> bool:
    """Say whether a file holds the comments of the Zendesk tickets beside it."""
    if not path.name.endswith(_SIDE) or path.name == _SIDE:
        return False
    name = path.name.removesuffix(_SIDE)
    return any(path.with_name(name + end).is_file() for end in ("", ".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz"))


def _first_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise FormatError(path, "a folder", "a file", "Give the files inside, such as folder/*.csv.")
        if not path.exists():
            raise FormatError(path, "no such file", EXPECTED, "Check the name and the folder.")
        if not path.is_file():
            raise FormatError(path, "a device or pipe", "a file", "Save its content into a file first.")
        with path.open("rb") as file:
            first = file.read(8)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(path, f"a file that cannot be opened ({reason})", EXPECTED, "Check its rights.") from None
    if not first:
        raise FormatError(path, "an empty file (0 bytes)", EXPECTED, EXPORT_AGAIN)
    return first


def _open(path: Path, gzipped: bool, watch: Callable[[int], object] | None = None) -> IO[bytes]:
    file = io.BufferedReader(_Watched(path, watch)) if watch else path.open("rb")
    return cast(IO[bytes], _Unpacked(file)) if gzipped else file


class _Unpacked(gzip.GzipFile):
    """A compressed file that closes what it reads from."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


class _Watched(io.FileIO):
    """A file that tells how far it is read."""

    def __init__(self, path: Path, watch: Callable[[int], object]) -> None:
        super().__init__(path)
        self._watch = watch

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever can be written into
        count = super().readinto(buffer)
        self._watch(self.tell())
        return count


def _head(path: Path, gzipped: bool) -> bytes:
    with _open(path, gzipped) as file:
        try:
            head = file.read(_HEAD)
        except (OSError, EOFError, zlib.error):
            raise _damaged_gzip(path) from None
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"):
        raise FormatError(path, "an empty file (nothing but blanks)", EXPECTED, EXPORT_AGAIN)
    return head


def _damaged_gzip(path: Path) -> FormatError:
    return FormatError(path, "a damaged gzip file", EXPECTED, "Download it again, or give it unpacked.")


def _text_source(path: Path, head: bytes, gzipped: bool, format: str | None) -> Source:
    encoding = _encoding(path, gzipped, head)
    text = head.decode(encoding, "replace").lstrip("\ufeff")
    kind = _text_kind(path, text.lstrip(), format)
    source = Source(path, kind, encoding, gzipped=gzipped)
    if kind not in ("csv", "jsonl"):
        return source
    if kind == "csv" or array_start(text) < 0:
        _refuse_endless_line(source)
    if kind == "jsonl":
        return replace(source, container="jsonl")
    delimiter = "\t" if format == "tsv" else _delimiter(text)
    kind = "tsv" if delimiter == "\t" else "csv"
    return replace(source, kind=kind, delimiter=delimiter, container=kind)


def _encoding(path: Path, gzipped: bool, head: bytes) -> str:
    known = encoding_by_head(head)
    if known and not gzipped:
        return known
    with _open(path, gzipped) as file:
        try:
            return known or encoding_of(file)
        except (OSError, EOFError, zlib.error):
            raise _damaged_gzip(path) from None


def _text_kind(path: Path, start: str, format: str | None) -> str:
    """Return the kind of a text file by how it begins; any table is "csv" or "jsonl" here."""
    if start[:20].lower().startswith(_XML_START):
        return _xml_kind(path, start)
    if format in ("csv", "tsv"):
        return "csv"
    if format is not None and format not in (*_TABLE_REPORTS, "xlsx", "parquet"):
        return format  # the caller knows better than the guesses below
    if _MBOX.match(start):
        return "mbox"
    if _MAIL_HEADER.match(start) and len(_MAIL_HEADER.findall(start[:20_000])) > 1:
        return "eml"
    kind = _json_kind(start)
    return "zendesk" if kind and is_side_file(path) else kind or "csv"


def _xml_kind(path: Path, start: str) -> str:
    if "AmazonEnvelope" in start and "<!DOCTYPE" not in start:
        return "amazon-returns-xml"
    is_page = re.search(r"<html|<table|<!doctype html", start[:5000], re.IGNORECASE)
    raise FormatError(path, "a web page (HTML)" if is_page else "an XML file", EXPECTED, EXPORT_AGAIN)


def _json_kind(start: str) -> str:
    """Return a helpdesk's name or "jsonl", "" where it is no JSON. One broken line does not hide the others."""
    lines = [line.strip() for line in start.splitlines()[:20] if line.strip()]
    objects = sum(line.startswith("{") and line.endswith("}") for line in lines)
    if not re.match(r'\[\s*[\[{"\d\]]|\{\s*["}]', start) and objects * 2 < len(lines):
        return ""
    return detect(_begun_json(start)) or "jsonl"


def _begun_json(text: str) -> object:
    """Parse the first JSON value of a text that may be cut off anywhere, as far as it goes; None if broken."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        pass
    open_brackets: list[str] = []
    complete, closing = 0, ""
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', text):
        sign = match[0]
        if sign in ("[", "{"):
            open_brackets.append("]" if sign == "[" else "}")
        elif sign in ("]", "}") and open_brackets:
            open_brackets.pop()
        elif sign == ",":
            complete, closing = match.start(), "".join(reversed(open_brackets[-100:]))
    try:
        return json.loads(text[:complete] + closing)
    except (ValueError, RecursionError):
        return None


def _refuse_endless_line(source: Source) -> None:
    """Refuse a file that begins with a line no export has; where others follow in JSON Lines, that one alone is lost."""
    with source.open_binary() as file:
        line = file.readline(MAX_LINE + 1)
        if len(line) <= MAX_LINE or b"\r" in line:
            return
        while source.kind == "jsonl" and (part := file.readline(_HEAD)):
            if part.endswith(b"\n"):
                return
    found = f"a single line of more than {MAX_LINE >> 20} MB"
    raise FormatError(source.path, found, "one message on each line", EXPORT_AGAIN)


def _delimiter(text: str) -> str:
    """Choose the delimiter that splits the header, and the most rows into equally many cells."""
    lines = [line for line in text[:65_536].splitlines(keepends=True)[:60] if line.strip()]
    if match := re.match(r"sep=([,;\t|])\s*$", lines[0]):
        return match[1]
    best = max(",;\t|", key=lambda delimiter: _evenness(lines, delimiter))
    return best if _evenness(lines, best)[0] else ONE_COLUMN


def _evenness(lines: list[str], delimiter: str) -> tuple[bool, int, int]:
    widths = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            widths.append(len(row))
    except csv.Error:  # a cell longer than the process allows: what came before it is enough
        pass
    header = widths[0] if widths else 0
    return header > 1, Counter(widths)[header], header


def _forced(source: Source, format: str) -> Source:
    """Take the caller's word for the kind, as long as the container can hold it."""
    holders: tuple[str, ...] = ("",)
    if format in _TABLES:
        holders = ("csv", "tsv") if format in ("csv", "tsv") else (format,)
    elif format in _TABLE_REPORTS:
        holders = _TABLES
    is_xml = source.kind == "amazon-returns-xml"
    if source.container not in holders or is_xml != (format == "amazon-returns-xml"):
        found = "an Amazon returns report in XML" if is_xml else f"a file of kind {source.kind}"
        raise FormatError(source.path, found, f"the format {format}", "Leave the format away, or name the right one.")
    return replace(source, kind=format, forced=True)
