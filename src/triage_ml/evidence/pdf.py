"""A page as PDF, with the optional extra "pdf" (reportlab); the same page gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from triage_ml.errors import MissingExtraError
from triage_ml.evidence.fonts import BOLD, PLAIN, Fonts, is_unspaced
from triage_ml.evidence.pages import Page, Passage, Section, Table

_MARGIN = 48.0
# A4 in points, less the margins.
_WIDTH, _HEIGHT = 595.0 - 2 * _MARGIN, 842.0 - 2 * _MARGIN
_PICTURE = (380.0, 300.0)
_PIXELS, _QUALITY = 1400, 80
# Larger pictures stay files: unpacking one of them could take all memory.
_MOST_PIXELS = 80_000_000
# Columns share the width by their longest cell, within these numbers of letters; the space between them counts as some more.
_NARROW, _WIDE, _SPACE = 5, 42, 8
_SIZES = {"title": 16.0, "heading": 12.0, "text": 9.0, "head": 8.0, "cell": 8.0, "small": 6.5}
_BEFORE = {"heading": 14.0, "head": 8.0}


def pdf(page: Page, pictures: Mapping[str, Path]) -> bytes:
    """Return a page as PDF.

    Parameters
    ----------
    page
        From `pages.page_of`.
    pictures
        Where the files of its pictures lie, by their path in the bundle; what cannot be read as a picture is left out.

    Raises
    ------
    MissingExtraError
        Where reportlab is not installed.
    """
    if find_spec("reportlab") is None:
        raise MissingExtraError("PDF", "pdf")
    return _Typesetter(page, pictures).bytes()


class _Typesetter:
    def __init__(self, page: Page, pictures: Mapping[str, Path]) -> None:
        self.page, self.pictures, self.fonts = page, pictures, Fonts()

    def bytes(self) -> bytes:
        from reportlab.platypus import SimpleDocTemplate

        story = [flowable for section in self.page.sections for flowable in self._section(section)]
        head = [self._text(self.page.title, "title", BOLD)]
        notes = [self._text(note, "text") for note in self.page.notes]
        # What the fonts lack is known only once everything is set, this page's own words included.
        notes += [
            self._text(self.page.words[name], "text") for name in ("no_font", "not_embedded") if getattr(self.fonts, name)
        ]
        buffer = BytesIO()
        margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN)
        document = SimpleDocTemplate(buffer, pagesize=(595.0, 842.0), title=self.page.title, author="", invariant=1, **margins)
        document.build([*head, *notes, *story], onFirstPage=_number, onLaterPages=_number)
        return buffer.getvalue()

    def _section(self, section: Section) -> list[Any]:
        from reportlab.platypus import CondPageBreak

        parts: list[Any] = [CondPageBreak(80), self._text(section.title, "heading", BOLD)]
        if section.table and section.table.rows:
            parts.append(self._table(section.table))
        for passage in section.passages:
            parts += self._passage(passage)
        for path, shows in section.pictures:
            parts += self._picture(self.pictures.get(path), shows)
        return parts

    def _text(self, text: str, style: str, base: str = PLAIN) -> Any:  # noqa: ANN401 - reportlab is untyped
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph

        size = _SIZES[style]
        look = ParagraphStyle(
            style, fontName=base, fontSize=size, leading=size * 1.4, spaceBefore=_BEFORE.get(style, 0.0), spaceAfter=size * 0.4,
            wordWrap="CJK" if is_unspaced(text) else None, splitLongWords=1,
        )  # fmt: skip
        return Paragraph(self.fonts.markup(text, base), look)

    def _passage(self, passage: Passage) -> list[Any]:
        parts = [self._text(passage.head, "head", BOLD), self._text(passage.text, "text")]
        return parts + [self._text(line, "small") for line in passage.small]

    def _table(self, table: Table) -> Any:  # noqa: ANN401 - reportlab is untyped
        from reportlab.lib.colors import lightgrey
        from reportlab.platypus import LongTable

        cells = [[self._text(cell, "cell", BOLD) for cell in table.headers]] if table.headers else []
        cells += [[self._text(cell, "cell") for cell in row] for row in table.rows]
        look = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, lightgrey),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
        ]
        widths = _widths([*([table.headers] if table.headers else []), *table.rows])
        # A cell may be longer than a page.
        return LongTable(cells, colWidths=widths, repeatRows=bool(table.headers), style=look, splitInRow=1, hAlign="LEFT")

    def _picture(self, path: Path | None, shows: str) -> list[Any]:
        from reportlab.platypus import Image

        found = _small(path) if path else None
        if found is None:
            return [self._text(shows, "small")]
        data, width, height = found
        scale = min(_PICTURE[0] / width, _PICTURE[1] / height, 1.0)
        return [Image(data, width * scale, height * scale, hAlign="LEFT"), self._text(shows, "small")]


def _widths(rows: Sequence[Sequence[str]]) -> list[float]:
    longest = [
        max((len(line) for row in rows for line in row[column].split("\n")), default=0) for column in range(len(rows[0]))
    ]
    shares = [min(max(length, _NARROW), _WIDE) + _SPACE for length in longest]
    return [_WIDTH * share / sum(shares) for share in shares]


def _small(path: Path) -> tuple[BytesIO, int, int] | None:
    """Return a picture as a JPEG small enough to be sent, with width and height; None where it is none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        upright.thumbnail((_PIXELS, _PIXELS))
        data = BytesIO()
        upright.save(data, "JPEG", quality=_QUALITY)
    except (OSError, ValueError, SyntaxError, ArithmeticError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return data, upright.width, upright.height


def _number(canvas: Any, document: Any) -> None:  # noqa: ANN401 - reportlab is untyped
    canvas.setFont(PLAIN, _SIZES["small"])
    canvas.drawRightString(_MARGIN + _WIDTH, _MARGIN / 2, str(document.page))
