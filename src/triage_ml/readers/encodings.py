"""The encoding of a text file: byte order mark, then UTF-8, then what its bytes would say in the old encodings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import IO

_PIECE = 2**16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_SAMPLE = 2000
# Kana in full width: the half-width ones are what Western umlauts look like in cp932.
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]|注文番号|返品日|返品理由|評価")
_CHINESE = re.compile("[的了是我不们这订单买货题没给]")


def encoding_by_head(head: bytes) -> str:
    """Return the encoding that a byte order mark or the NULs of UTF-16 give away, else ""."""
    marked = next((encoding for mark, encoding in _BOMS if head.startswith(mark)), "")
    even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
    if not marked and max(even, odd) * 5 > min(len(head), 4096) and min(even, odd) * 10 <= max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    return marked


def encoding_of(file: IO[bytes]) -> str:
    """Find the encoding of a file without a mark by reading it once.

    Where only a minority of the lines with other than ASCII characters are not UTF-8, it is UTF-8 and those
    lines are damaged.
    """
    lines, failures = 0, 0
    sample: list[bytes] = []
    for line in _lines(file):
        if line.isascii():
            continue
        lines += 1
        failures += not _decodes(line, "utf-8")
        if len(sample) < _SAMPLE:
            sample.append(line[:_SAMPLE])
    return "utf-8" if failures * 2 < lines or not lines else _old_encoding(sample)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield lines; very long ones in pieces, cut before a UTF-8 character and never within one."""
    rest = b""
    while piece := file.readline(_PIECE):
        line, rest = rest + piece, b""
        if not line.endswith(b"\n"):
            last = next((at for at in range(1, min(4, len(line))) if line[-at] >= 0xC0), 0)
            line, rest = line[: len(line) - last], line[len(line) - last :]
        yield line
    yield rest


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        # incremental, because the sample's lines are cut anywhere
        codecs.getincrementaldecoder(encoding)().decode(line)
    except UnicodeDecodeError:
        return False
    return True


def _old_encoding(sample: list[bytes]) -> str:
    """Choose by what the text would say: kana, frequent Chinese characters, else Western Europe."""
    for encoding, sign in (("cp932", _KANA), ("gb18030", _CHINESE)):
        good = [line for line in sample if _decodes(line, encoding)]
        found = len(sign.findall(b"".join(good).decode(encoding, "replace")))
        if len(good) * 10 >= len(sample) * 8 and found * 20 >= len(sample):
            return encoding
    return "cp1252"
