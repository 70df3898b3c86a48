"""Binary files: workbooks and Parquet are told from each other, all else is refused by name."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

from triage_ml.errors import FormatError
from triage_ml.readers.encodings import encoding_by_head

EXPECTED = "an export of messages (CSV, TSV, XLSX, JSONL, Parquet, an Amazon report, mbox, eml or helpdesk JSON)"
EXPORT_AGAIN = "Export the messages again and give that file."

_SAVE_AS = "Open it in a spreadsheet program and save it as .xlsx or .csv."
_UNPACK = "Unpack it and give the file inside."
_OLE, _ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "EncryptedPackage".encode("utf-16-le")
_ZIP, _GZIP, _PARQUET = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b", b"PAR1"
_KNOWN = (
    (b"%PDF", "a PDF document"), (b"\x89PNG", "a picture (PNG)"), (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"), (b"{\\rtf", "a text document (RTF)"), (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"), (b"PARE", "an encrypted Parquet file"), (b"MZ\x90", "a Windows program"),
    (b"\x7fELF", "a program"), (b"!BDN", "an Outlook data file (PST)"),
)  # fmt: skip
_PACKED = (
    (b"7z\xbc\xaf", "an archive (7z)"), (b"Rar!", "an archive (RAR)"), (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ", "a compressed file (xz)"), (b"\x28\xb5\x2f\xfd", "a compressed file (zstd)"),
)  # fmt: skip
_LARGEST_WORKBOOK = 2**31  # bytes unpacked; a workbook is read as a whole


def binary_kind(path: Path, head: bytes, gzipped: bool) -> str:
    """Return "xlsx" or "parquet", or "" for a text file.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes, unpacked where it is gzipped.
    gzipped
        Whether it is.

    Raises
    ------
    FormatError
        For every other binary file, naming it.
    """
    if gzipped and head.startswith((*_ZIP, _PARQUET, _GZIP)):
        raise FormatError(path, "a workbook, archive or Parquet file packed once more", EXPECTED, _UNPACK)
    if head.startswith(_ZIP):
        return _check_workbook(path)
    if head.startswith(_PARQUET):
        return _check_parquet(path)
    if head.startswith(_OLE):
        raise _old_office_file(path)
    for magic, name in _KNOWN:
        if head.startswith(magic):
            raise FormatError(path, name, EXPECTED, EXPORT_AGAIN)
    for magic, name in _PACKED:
        if head.startswith(magic):
            raise FormatError(path, name, EXPECTED, _UNPACK)
    if _looks_binary(head):
        raise FormatError(path, "binary data", EXPECTED, EXPORT_AGAIN)
    return ""


def _check_workbook(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            mimetype = archive.read("mimetype") if "mimetype" in entries else b""
    except (zipfile.BadZipFile, OSError, zlib.error, NotImplementedError, RuntimeError, EOFError):
        raise FormatError(path, "a damaged workbook or zip archive", EXPECTED, EXPORT_AGAIN) from None
    if entries.keys() & {"xl/workbook.xml", "xl/workbook.bin"}:
        if sum(entry.file_size for entry in entries.values()) > _LARGEST_WORKBOOK:
            raise FormatError(path, "a workbook of more than 2 GB", "a smaller one", "Save it as .csv.")
        return "xlsx"
    if b"opendocument" in mimetype:
        raise FormatError(path, "an OpenDocument file (.ods)", "an .xlsx workbook", _SAVE_AS)
    if "word/document.xml" in entries:
        raise FormatError(path, "a Word document", EXPECTED, EXPORT_AGAIN)
    raise FormatError(path, "a zip archive that is no workbook", EXPECTED, _UNPACK)


def _check_parquet(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(-4, io.SEEK_END)
        if file.read() != _PARQUET:
            raise FormatError(path, "a damaged Parquet file (its end is missing)", EXPECTED, EXPORT_AGAIN)
    return "parquet"


def _old_office_file(path: Path) -> FormatError:
    """Tell a password-protected workbook from an old one: both are OLE files."""
    overlap = b""
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            if _ENCRYPTED in overlap + chunk:
                do = "Open it, save it without a password and give that file."
                return FormatError(path, "a workbook protected by a password", "one without a password", do)
            overlap = chunk[-len(_ENCRYPTED) :]
    return FormatError(path, "an old Excel or Office document (.xls)", "an .xlsx workbook", _SAVE_AS)


def _looks_binary(head: bytes) -> bool:
    if encoding_by_head(head).startswith(("utf-16", "utf-32")):
        return False
    strange = sum(head.count(code) for code in [*range(9), *range(14, 27), *range(28, 32)])
    return strange > max(len(head) / 20, 8)  # a stray NUL makes no binary file
