from io import BytesIO

import pytest
from pypdf import PdfReader

from triage_ml.evidence.fonts import BOLD, PLAIN, Fonts, is_unspaced
from triage_ml.evidence.pages import Page, Passage, Section, Table
from triage_ml.evidence.pdf import pdf
from triage_ml.evidence.purposes import words

NOTHING = ()  # no folder: a machine without fonts


def test_letters_without_a_font_here_are_left_to_the_reader_by_script():
    fonts = Fonts(NOTHING)
    assert fonts.markup("Größe 7 & <b>") == "Größe 7 &amp; &lt;b&gt;" and not fonts.not_embedded
    assert fonts.markup("指輪です") == '<font name="HeiseiKakuGo-W5">指輪です</font>'
    assert fonts.markup("戒指断了") == '<font name="STSong-Light">戒指断了</font>'
    assert fonts.markup("반지") == '<font name="HYSMyeongJo-Medium">반지</font>'
    assert fonts.markup("7号", BOLD) == '7<font name="STSong-Light">号</font>'
    assert fonts.not_embedded and not fonts.no_font


def test_what_no_font_has_is_named_and_nothing_is_lost():
    fonts = Fonts(NOTHING)
    assert fonts.markup("ok 😀 \u0e01") == "ok [U+1F600] [U+0E01]" and fonts.no_font
    assert fonts.markup("a\u200bb\ufe0f\x07c\r\nd\re") == "ab c<br/>d<br/>e"
    assert fonts.markup("Cafe\u0301") == "Café"


@pytest.fixture
def font_folder(tmp_path):
    """A folder with a TrueType font that has three letters, called like one that the data knows."""
    builder = pytest.importorskip("fontTools.fontBuilder").FontBuilder(1000, isTTF=True)
    pen_class = pytest.importorskip("fontTools.pens.ttGlyphPen").TTGlyphPen
    names = [".notdef", "ring", "finger", "ze"]
    glyphs = {}
    for number, name in enumerate(names):
        pen = pen_class(None)
        pen.moveTo((0, 0))
        pen.lineTo((0, 500 + number))
        pen.lineTo((500, 500))
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord("輪"): "ring", ord("指"): "finger", ord("Ж"): "ze"})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({name: (600, 0) for name in names})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test Gothic", "styleName": "Regular", "psName": "TestGothic-Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    folder = tmp_path / "fonts" / "deep"
    folder.mkdir(parents=True)
    builder.save(folder / "IPAG.ttf")
    (folder / "msgothic.ttc").write_bytes(b"no font at all")
    return tmp_path / "fonts"


def test_a_font_of_the_machine_is_embedded(font_folder, monkeypatch):
    fonts = Fonts((font_folder,))
    assert "IPAG-ttf" in fonts.markup("指輪Ж") and not fonts.not_embedded
    assert "HeiseiKakuGo" in fonts.markup("指輪が") and fonts.not_embedded  # a letter it lacks
    monkeypatch.setenv("TRIAGE_FONTS", str(font_folder))
    page = Page("ja", "指輪", (), (Section("指輪", passages=(Passage("1", "指輪"),)),), words("ja", "page"))
    data = pdf(page, {})
    assert b"/FontFile2" in data and pdf(page, {}) == data
    assert PdfReader(BytesIO(data)).pages[0].extract_text().count("指輪") == 3


def test_a_pdf_says_what_its_fonts_lack(monkeypatch, tmp_path):
    monkeypatch.setenv("TRIAGE_FONTS", str(tmp_path))
    table = Table(("a", "b"), (("x" * 300, "😀"), ("", "y\nz")))
    page = Page(
        "en",
        "Record",
        ("note",),
        (Section("one", table, pictures=(("attachments/none.jpg", "a photo"),)),),
        words("en", "page"),
    )
    text = PdfReader(BytesIO(pdf(page, {}))).pages[0].extract_text()
    assert "Letters shown as [U+....] have no font here" in text and "not embedded" not in text
    assert text.replace("\n", "").count("x") == 300 and "a photo" in text
    assert PLAIN in ("Vera",) and is_unspaced("銀の指輪") and not is_unspaced("silver ring")


def test_what_is_no_picture_is_named_only(tmp_path):
    broken, huge = tmp_path / "broken.jpg", tmp_path / "huge.png"
    broken.write_bytes(b"\xff\xd8\xff\xe0 broken")
    # A PNG that says it is 60,000 by 60,000 pixels.
    huge.write_bytes(bytes.fromhex("89504e470d0a1a0a0000000d494844520000ea600000ea600802000000") + b"\x00" * 40)
    pictures = {"attachments/broken.jpg": broken, "attachments/huge.png": huge}
    sections = (Section("files", pictures=tuple((path, f"shows {path}") for path in pictures)),)
    text = PdfReader(BytesIO(pdf(Page("en", "Record", (), sections, words("en", "page")), pictures))).pages[0].extract_text()
    assert "shows attachments/broken.jpg" in text and "shows attachments/huge.png" in text
