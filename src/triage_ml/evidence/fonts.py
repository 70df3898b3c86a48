"""Which font has which letter: one of this machine's that can be embedded, else one that PDF readers bring along.

Why reportlab: it is pure Python under a free licence, gives the same bytes for the same page, and knows the CID fonts, so
Japanese and Chinese are in the file even on a machine without any such font. fpdf2 embeds more kinds of fonts, but without one
the letters are lost; weasyprint needs system libraries.
"""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

PLAIN, BOLD = "Vera", "Vera-Bold"
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]")
_CJK = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
_ONE_PLANE = 0xFFFF


class Fonts:
    """The fonts of one document. What it had to leave outside, or could not show at all, is remembered.

    Parameters
    ----------
    folders
        Where fonts are looked for; None: where `data/evidence/fonts.toml` says, and in TRIAGE_FONTS.
    """

    def __init__(self, folders: tuple[Path, ...] | None = None) -> None:
        from reportlab.pdfbase.pdfmetrics import registerFont
        from reportlab.pdfbase.ttfonts import TTFont

        for name, file in ((PLAIN, "Vera.ttf"), (BOLD, "VeraBd.ttf")):
            registerFont(TTFont(name, file))
        self._there = _index(_folders() if folders is None else folders)
        self._found: dict[tuple[str, str], str] = {}
        self.not_embedded = self.no_font = False

    def markup(self, text: str, base: str = PLAIN) -> str:
        """Return a text as reportlab's markup, every letter in a font that has it; what none has as "[U+1F600]".

        Parameters
        ----------
        text
            Whatever anybody wrote; lines stay lines.
        base
            `PLAIN` or `BOLD`, for the letters that has.
        """
        shown = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
        shown = "".join(_visible(sign) for sign in shown)
        script = "ja" if _KANA.search(shown) else "zh"
        parts = []
        for name, signs in groupby(shown, lambda sign: self._font_of(sign, script, base)):
            letters = "".join(signs)
            if not name:
                parts.append("".join(f"[U+{ord(sign):04X}]" for sign in letters))
            else:
                parts.append(escape(letters) if name == base else f'<font name="{name}">{escape(letters)}</font>')
        return "".join(parts).replace("\n", "<br/>")

    def _font_of(self, sign: str, script: str, base: str) -> str:
        """Return the name of the first font that has a letter, "" where none has."""
        if sign == "\n" or _has(base, sign):
            return base
        key = (sign, script)
        if key not in self._found:
            self._found[key] = next(self._candidates(sign, script), "")
        name = self._found[key]
        self.no_font |= not name
        self.not_embedded |= name in _outside_names()
        return name

    def _candidates(self, sign: str, script: str) -> Iterator[str]:
        data = _data()
        if ord(sign) > _ONE_PLANE:
            return  # reportlab writes them so that their text cannot be read out again
        for row in sorted(data["font"], key=lambda row: row["for"] not in ("", script)):
            path = self._there.get(row["file"].lower())
            if path and (name := _embedded(path)) and _has(name, sign):
                yield name
        for row in sorted(data["outside"], key=lambda row: row["for"] != script):
            if _encodes(row["codec"], sign):
                yield _outside(row["name"])


def is_unspaced(text: str) -> bool:
    """Say whether a text has letters between which lines may break anywhere."""
    return bool(_CJK.search(text))


def _visible(sign: str) -> str:
    """Return a sign as it can be shown: signs without a shape are left out, other controls are blanks."""
    category = unicodedata.category(sign)
    if category == "Cf" or "\ufe00" <= sign <= "\ufe0f":
        return ""
    return " " if category == "Cc" and sign != "\n" else sign


def _folders() -> tuple[Path, ...]:
    own = os.environ.get("TRIAGE_FONTS", "")
    return tuple(Path(folder).expanduser() for folder in (*([own] if own else []), *_data()["folders"]))


@cache
def _index(folders: tuple[Path, ...]) -> Mapping[str, Path]:
    """Return where the files that are named in the data lie, by name in lower case; the first folder wins."""
    wanted = {row["file"].lower() for row in _data()["font"]}
    found: dict[str, Path] = {}
    for folder in folders:
        for place, _, names in sorted(os.walk(folder)):
            found = {name.lower(): Path(place, name) for name in names if name.lower() in wanted} | found
    return found


@cache
def _embedded(path: Path) -> str:
    """Make a font file known to reportlab and return its name there, "" where it cannot be embedded."""
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    name = re.sub(r"\W", "-", str(path))
    try:
        registerFont(TTFont(name, str(path)))
    except (TTFError, OSError, ValueError, KeyError, IndexError):
        return ""
    return name


@cache
def _outside(name: str) -> str:
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfbase.pdfmetrics import registerFont

    registerFont(UnicodeCIDFont(name))
    return name


@cache
def _outside_names() -> frozenset[str]:
    return frozenset(row["name"] for row in _data()["outside"])


def _has(name: str, sign: str) -> bool:
    from reportlab.pdfbase.pdfmetrics import getFont

    return ord(sign) in getFont(name).face.charToGlyph


def _encodes(codec: str, sign: str) -> bool:
    try:
        sign.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / "evidence" / "fonts.toml").read_text("utf-8"))
