"""What a person gives is looked at before it is kept: no programs, no macros, no picture that fills the memory."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Mapping
from email.parser import BytesHeaderParser
from functools import partial
from pathlib import PurePath

LARGEST_MB = 25
LARGEST = LARGEST_MB * 2**20
# A telephone's largest usual picture has 50 million; more may be made to fill the memory.
_MOST_PIXELS = 60_000_000
_THUMBNAIL = (480, 360)
_HEADERS = 64 * 1024
# Bytes of a name; file systems hold 255.
_NAME = 180
_MAIL = frozenset({"from", "to", "date", "subject", "received", "message-id"})
# How programs begin, for Windows, Linux, macOS, Java, Android, and a Windows shortcut.
_PROGRAMS = (
    b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",
)  # fmt: skip
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "\0" not in data.decode("utf-16", "replace")
    return len(data.translate(None, _CONTROLS)) == len(data)


def _is_mail(data: bytes) -> bool:
    return _is_text(data) and len(_MAIL.intersection(map(str.lower, BytesHeaderParser().parsebytes(data[:_HEADERS])))) > 1


def _is_pdf(data: bytes) -> bool:
    return data[:1024].lstrip().startswith(b"%PDF-")


def _is_old_office(data: bytes, stream: str) -> bool:
    """Say whether it is a document with such a stream, and without macros."""
    return data.startswith(_OLE) and stream.encode("utf-16-le") in data and "_VBA_PROJECT".encode("utf-16-le") not in data


def _is_office(data: bytes, part: str) -> bool:
    """Say whether it is a document with such a part, and without macros."""
    names = _members(data)
    return part in names and not any("vbaproject" in name.lower() or name.startswith("Basic/") for name in names)


def _members(data: bytes) -> Collection[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as document:
            return document.namelist()
    except Exception:  # whatever a broken file makes the reader come upon
        return ()


PICTURES: Mapping[str, str] = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".gif": "GIF", ".webp": "WEBP"}
_DOCUMENTS: Mapping[str, Callable[[bytes], bool]] = {
    ".pdf": _is_pdf,
    ".txt": _is_text,
    ".csv": _is_text,
    ".eml": _is_mail,
    ".docx": partial(_is_office, part="word/document.xml"),
    ".xlsx": partial(_is_office, part="xl/workbook.xml"),
    ".pptx": partial(_is_office, part="ppt/presentation.xml"),
    ".odt": partial(_is_office, part="content.xml"),
    ".ods": partial(_is_office, part="content.xml"),
    ".doc": partial(_is_old_office, stream="WordDocument"),
    ".xls": partial(_is_old_office, stream="Workbook"),
    ".ppt": partial(_is_old_office, stream="PowerPoint Document"),
}


def refusal(name: str, data: bytes) -> str:
    """Return why a file is not kept, as the key of a string; "" where it may be."""
    ending = PurePath(name).suffix.lower()
    if not data:
        return "refused_empty"
    if len(data) > LARGEST:
        return "refused_large"
    if data.startswith(b"#!") or (data.startswith(_PROGRAMS) and not _is_text(data)):
        return "refused_program"
    if ending in PICTURES:
        return _picture_refusal(data, PICTURES[ending])
    if ending not in _DOCUMENTS:
        return "refused_ending"
    return "" if _DOCUMENTS[ending](data) else "refused_content"


def _picture_refusal(data: bytes, format: str) -> str:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=[format]) as found:
            if found.width * found.height > _MOST_PIXELS:
                return "refused_pixels"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "refused_pixels"
    except Exception:  # decoders raise whatever they come upon in a file that is not what it should be
        return "refused_content"
    return "" if thumbnail(data) else "refused_broken"


def thumbnail(data: bytes) -> bytes | None:
    """Return a small picture drawn anew, without what else the file may carry; None where it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=list(dict.fromkeys(PICTURES.values()))) as found:
            if found.width * found.height > _MOST_PIXELS:
                return None
            found.thumbnail(_THUMBNAIL)
            upright = ImageOps.exif_transpose(found).convert("RGBA")
            drawn = io.BytesIO()
            # All of one size, so that they stand in rows; what is left over can be seen through.
            ImageOps.pad(upright, _THUMBNAIL, color=(0, 0, 0, 0)).save(drawn, "WEBP", quality=80)
    except Exception:  # as above
        return None
    return drawn.getvalue()


def bare_name(name: str) -> str:
    """Return a file's name without a path or signs that nobody sees, short enough to be kept."""
    bare = "".join(sign for sign in PurePath(name.replace("\\", "/")).name if sign.isprintable())
    short = bare.encode()[-_NAME:].decode("utf-8", "ignore")
    return short if short.strip(". ") else "file"
