"""What a mail carries: its headers as text, its bodies decoded, the names of what is attached."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import errors
from email.header import decode_header
from email.message import Message as Mail
from email.parser import BytesParser
from email.policy import EmailPolicy

# What mail programs write, and the codec that holds all they put into it.
_CODECS = {
    "iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "gb2312": "gb18030", "gbk": "gb18030",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "iso-2022-jp": "iso2022_jp_ext",
}  # fmt: skip
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_WHOLE, _BROKEN = re.compile(r"[^\x00-\x7f\udc80-\udcff]"), re.compile(r"[\udc80-\udcff]")
_SHIFTED = re.compile(rb"\x1b\$[@B]")
_LOST = (errors.InvalidBase64LengthDefect, errors.InvalidBase64CharactersDefect)


class Unreadable(Exception):
    """A mail that cannot be read, with the part at fault; becomes the ReadError of its row."""

    def __init__(self, column: str, value: object, reason: str) -> None:
        self.column, self.value, self.reason = column, value, reason
        super().__init__(reason)


@dataclass(slots=True)
class Bodies:
    """The text parts of a mail, in order: plain ones, HTML ones."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)


class _AsWritten(EmailPolicy):
    """Headers as they stand: parsing each by its grammar costs more than all the rest, and fails on bad ones."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


_PARSER = BytesParser(policy=_AsWritten())


def parse(data: bytes) -> Mail:
    """Parse the bytes of one mail."""
    return _PARSER.parsebytes(data)


def header(mail: Mail, name: str) -> str:
    """Return the first header of that name as text, decoded and on one line; "" where there is none."""
    return next(iter(headers(mail, name)), "")


def headers(mail: Mail, name: str, *, raw: bool = False) -> list[str]:
    """Return all headers of that name; `raw` leaves encoded words as they stand."""
    values = [" ".join(_repaired(value).split()) for value in mail.get_all(name, [])]
    return values if raw else [_plain(value) for value in values]


def _repaired(value: str) -> str:
    """Decode the bytes that a careless program put into a header as they were."""
    if not _BROKEN.search(value):
        return value
    return _decoded(value.encode("utf-8", "surrogateescape"), "") or value.encode("ascii", "replace").decode()


def _plain(value: str) -> str:
    """Decode the encoded words of a header (RFC 2047); one that is damaged stays as it stands."""
    try:
        pieces = decode_header(value)
    except errors.HeaderParseError:
        return value
    return "".join(_piece(piece, charset or "") for piece, charset in pieces).strip()


def _piece(piece: str | bytes, charset: str) -> str:
    return piece if isinstance(piece, str) else _decoded(piece, charset) or piece.decode("ascii", "replace")


def texts(mail: Mail) -> Bodies:
    """Decode the texts that are shown.

    Raises
    ------
    Unreadable
        Where the mail's structure is broken, or a text is in no encoding that fits.
    """
    bodies = Bodies()
    for part in _leaves(mail):
        kind = part.get_content_type()
        if kind in ("text/plain", "text/html") and not _is_attached(part):
            (bodies.plain if kind == "text/plain" else bodies.html).append(_text_of(part))
    return bodies


def attachment_names(mail: Mail) -> tuple[str, ...]:
    """Return the names of the attached files; an attached mail is named by its subject."""
    return tuple(name for part in _leaves(mail) if _is_attached(part) and (name := _name_of(part)))


def _leaves(part: Mail) -> Iterator[Mail]:
    """Yield the parts that hold something; an attached mail is one of them, not what is inside it."""
    if part.get_content_maintype() != "multipart":
        yield part
        return
    if not part.is_multipart():
        raise Unreadable("body", part.get("Content-Type", ""), "broken MIME: the parts it announces are not there")
    for inner in part.get_payload():
        if isinstance(inner, Mail):
            yield from _leaves(inner)


def _is_attached(part: Mail) -> bool:
    if part.get_content_maintype() == "message":
        return part.get_content_type() == "message/rfc822"
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _name_of(part: Mail) -> str:
    name = part.get_filename() or ""
    if not name and part.get_content_type() == "message/rfc822" and isinstance(inner := part.get_payload(0), Mail):
        name = header(inner, "Subject") + ".eml"
    # Some programs encode the name like a subject, which the standard does not allow.
    return _plain(_repaired(name))


def _text_of(part: Mail) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        raise Unreadable("body", "", "broken MIME: a text without content")
    if any(isinstance(defect, _LOST) for defect in part.defects):
        raise Unreadable("body", part.get_payload(), "damaged base64: the text cannot be decoded")
    declared = (part.get_content_charset() or "").strip("'\" ")
    text = _decoded(data, declared)
    if text is None:
        shown, charset = data[:200].decode("ascii", "replace"), declared or "utf-8"
        raise Unreadable("body", shown, f"bytes that are not {charset} text; expected a text in its declared charset")
    text = text.replace("\r\n", "\n")
    if str(part.get_param("format", "")).lower() == "flowed":
        return _unflowed(text, joined=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _decoded(data: bytes, declared: str) -> str | None:
    """Decode with the declared charset, else utf-8, else the code pages of Japan and Western Europe."""
    declared = declared.lower()
    declared = "iso-2022-jp" if _SHIFTED.search(data) and not declared.startswith("iso-2022") else declared
    for charset in (_CODECS.get(declared, declared), "utf-8"):
        if (text := _strictly(data, charset)) is not None:
            return text
    # Many letters that are whole in utf-8 do not happen by chance: that is utf-8 with damage, and cp1252
    # would only turn all of it into "Ã¼".
    seen = data.decode("utf-8", "surrogateescape")
    if len(_WHOLE.findall(seen)) > len(_BROKEN.findall(seen)) or declared.startswith("iso-2022"):
        return None
    japanese = _strictly(data, "cp932")
    return japanese if japanese and _KANA.search(japanese) else _strictly(data, "cp1252")


def _strictly(data: bytes, charset: str) -> str | None:
    try:
        codecs.lookup(charset)
        return data.decode(charset)
    except (LookupError, ValueError):  # an unknown charset, or bytes that are not in it
        return None


def _unflowed(text: str, *, joined: bool) -> str:
    """Join the lines of a paragraph again (RFC 3676): a blank at the end says that the line goes on."""
    lines: list[str] = []
    flowing = False
    for line in text.split("\n"):
        # "-- " is the signature; a stuffed blank goes, unless a `>` behind it would then look like a quote.
        line = line[1:] if line.startswith(" ") and not line.startswith(" >") else line
        quoted, goes_on = line.startswith(">"), line.endswith(" ")
        if flowing and quoted == lines[-1].startswith(">") and line != "-- ":
            above = lines.pop()
            line = (above[:-1] if joined else above) + (line.lstrip("> ") if quoted else line)
        lines.append(line)
        flowing = goes_on and line != "-- "
    return "\n".join(lines)
