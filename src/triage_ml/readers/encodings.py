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
_ASCII_AND_LATER = bytes([*range(0x80), *range(0x80, 0xC0)])  # what begins no character of several bytes in UTF-8
_SURROGATE = re.compile("[\ud800-\udfff]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")  # in full width; in half width umlauts look like it
_FREQUENT = frozenset(
    "的了是我不们这订单买货题没给有到和个坏要退款个收请在好子说很也就人都你他们吗"
    "的了是我不們這訂單買貨題沒給有到和個壞要退款收請在好子說很也就人都你他們嗎"
    "品商注文返届壊破損不良日本交換購入希望使用金人出大中小"
)
_EASTERN = ("cp932", "gb18030", "big5", "euc_jp")
# Where the frequent characters stand: (charset, first and last lead byte); punctuation and kana included.
_LEVELS = {
    "cp932": ("euc_jp", (0xA1, 0xCF)), "gb18030": ("gb2312", (0xA1, 0xD7)), "big5": ("big5", (0xA1, 0xC6)),
    "euc_jp": ("euc_jp", (0xA1, 0xCF)),
}  # fmt: skip
_RUN = re.compile(rb"[\x80-\xff]+")
# As cp1252: one accented letter inside a word, or one sign, or two of which one is a typographic sign.
_WESTERN = re.compile(
    rb"(?<![\x80-\xff])(?:(?<=[A-Za-z])[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff]"
    rb"|[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff](?=[A-Za-z])|[\x80\x84\x85\x91-\x97\x99\xa1-\xbf\xe0]"
    rb"|[\x85\x91-\x97][\x80-\xff]|[\x80-\xff][\x85\x91-\x97])(?![\x80-\xff])"
)
_READABLE = re.compile("[\t\r\n -~\xa0-\xff\u2010-\u203a\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]")


def encoding_by_head(head: bytes) -> str:
    """Return the encoding that a byte order mark or the NULs of UTF-16 give away, else ""."""
    marked = next((encoding for mark, encoding in _BOMS if head.startswith(mark)), "")
    even, odd = head[0:4096:2].count(0), head[1:4096:2].count(0)
    if marked or not max(even, odd):
        return marked
    if max(even, odd) * 5 > min(len(head), 4096) and min(even, odd) * 10 <= max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    both = ("utf-16-le", "utf-16-be")  # 退 and others hold a NUL too, so their side says nothing
    return next((encoding for encoding in both if _is_eastern_utf16(head[:4096], encoding)), "")


def _is_eastern_utf16(head: bytes, encoding: str) -> bool:
    """Say whether text with few NULs (few but its separators and line ends have them) is Chinese or Japanese UTF-16."""
    if head.isascii() or _decodes(head, "utf-8"):
        return False  # a text with a stray NUL
    text = head[: len(head) // 2 * 2].decode(encoding, "replace")
    known = sum(char in _FREQUENT for char in text) + len(_KANA.findall(text))
    eastern = sum(char >= "\u3041" for char in text)
    return len(_READABLE.findall(text)) * 100 >= len(text) * 95 and known * 10 >= eastern > 0


def encoding_of(file: IO[bytes]) -> str:
    """Find the encoding of a file without a mark by reading it once.

    It is UTF-8 where the valid characters of several bytes are at least as many as the bytes that are none;
    these are damage then. Lines do not count: a whole JSON document may be one.
    """
    valid, invalid = 0, 0
    sample: list[bytes] = []
    for line in _lines(file):
        if line.isascii():
            continue
        if _decodes(line, "utf-8"):
            valid += len(line.translate(None, _ASCII_AND_LATER))
        else:
            text = line.decode("utf-8", "surrogateescape")
            damaged = len(_SURROGATE.findall(text))
            invalid += damaged
            valid += sum(char > "\x7f" for char in text) - damaged
        if len(sample) < _SAMPLE:
            sample.append(line[:_SAMPLE])
    return "utf-8" if valid >= invalid else _old_encoding(sample)


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
    """Choose by the column names it would have, else by how frequent its characters would be; in doubt cp1252."""
    likely = [encoding for encoding in _EASTERN if sum(_decodes(line, encoding) for line in sample) * 10 >= len(sample) * 8]
    named = {encoding: _known_names(sample[:3], encoding) for encoding in ("cp1252", *likely)}
    most = max(named.values())
    if most and named["cp1252"] == most:
        return "cp1252"
    if most:
        likely = [encoding for encoding in likely if named[encoding] == most]
    elif _western_share(sample) >= 0.4:
        return "cp1252"
    scores = {encoding: _eastern_score(sample, encoding) for encoding in likely}
    best = max(likely, key=lambda encoding: scores[encoding], default="cp1252")
    return best if most or scores.get(best, 0) >= 0.8 else "cp1252"


def _known_names(lines: list[bytes], encoding: str) -> int:
    """Count the column names with other than ASCII characters that these lines hold in this encoding."""
    from triage_ml.readers.columns import layouts, normal

    known = {alias for layout in layouts().values() for aliases in layout.aliases.values() for alias in aliases}
    cells = [cell for line in lines for cell in re.split(r"[,;:\t|\"\r\n]+", line.decode(encoding, "replace"))]
    return sum(normal(cell) in known for cell in cells if not cell.isascii())


def _western_share(sample: list[bytes]) -> float:
    text = b"\n".join(sample).replace(b"\xa0", b" ")
    foreign = sum(map(len, _RUN.findall(text)))
    return sum(len(_RUN.findall(found)[0]) for found in _WESTERN.findall(text)) / max(foreign, 1)


def _eastern_score(sample: list[bytes], encoding: str) -> float:
    """Return the share of everyday characters, the most frequent counted thrice."""
    good = (line for line in sample if _decodes(line, encoding))
    text = [char for line in good for char in line.decode(encoding, "ignore") if char > "\x7f"]
    kana = len(_KANA.findall("".join(text)))
    # Chinese charsets have kana too, but Chinese texts have none; and EUC-JP without any is more likely Chinese
    if (kana * 20 > len(text)) == (encoding in ("gb18030", "big5")) and (kana or encoding == "euc_jp"):
        return 0.0
    if sum("\u3041" <= char <= "\u9fff" for char in text) * 2 < len(text):
        return 0.0  # signs alone, such as what ¡¡ would be
    charset, (first, last) = _LEVELS[encoding]
    leads = ((char.encode(charset, "ignore") or b"\0") for char in text)
    everyday = sum(len(lead) == 2 and first <= lead[0] <= last for lead in leads if lead[0] != 0x8E)
    return (everyday + 2 * (kana + sum(char in _FREQUENT for char in text))) / max(len(text), 1)
