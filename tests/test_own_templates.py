"""A shop's own templates: what is wrong with one, by line; how one is written, kept, changed by two, and brought back."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.replies.library import (
    CHOICES,
    find_slips,
    forbidden_content,
    load_templates,
    objections,
    parse_template,
    shipped_text,
)
from triage_ml.replies.slips import Kind, fields_of, gaps
from triage_ml.replies.templates import FIELDS
from triage_ml.replies.writing import (
    TemplateChangedError,
    check_text,
    earlier,
    is_id,
    own_ids,
    own_text,
    remove_template,
    save_template,
    template_text,
)
from triage_ml.resolution import RemedyKind

CLASP = '''# Written by Anna in May.
id = "own_clasp"
claims = ["quality"]  # a fault
remedies = ["send_part", "remake"]
languages = ["de"]
optional = ["buyer_name", "product"]

[purpose]
en = "The clasp broke: send a new one."
zh = "扣子坏了：补寄新扣子。"

[text]
# The buyer sees this.
de = """
Guten Tag{% if buyer_name %} {{ buyer_name }}{% endif %},

es tut mir leid, dass der Verschluss Ihrer Kette nicht gehalten hat. Ich schicke Ihnen heute kostenlos einen neuen.

{{ shop }}
"""
'''
SHIPPED = load_templates()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home" / "templates"


# --- what is wrong, and where


def test_all_slips_of_a_file_are_named_with_their_lines():
    wrong = (
        CLASP.replace('["quality"]', '["qualty"]')
        .replace('optional = ["buyer_name", "product"]', 'optional = ["buyer_name", "price"]\ncolour = "red"')
        .replace("{% endif %},", ",")
        .replace("{{ shop }}", "{{ shop }} {{ product }} {name}")
    )
    found = [(slip.kind, slip.value, slip.row, slip.line) for slip in find_slips("own_clasp.toml", wrong)]
    assert found == [
        (Kind.UNKNOWN_KEY, "colour", 0, 7),
        (Kind.ENTRY, "qualty", 0, 3),
        (Kind.UNKNOWN_FIELD, "price", 0, 6),
        (Kind.UNLISTED, "product", 5, 20),
        (Kind.BRACES, "{name}", 5, 20),
        (Kind.OPEN, "{% if buyer_name %}", 1, 16),
    ]
    lines = wrong.splitlines()
    assert "{{ product }}" in lines[19] and "{% if buyer_name %}" in lines[15]


@pytest.mark.parametrize(
    ("text", "kind", "value", "row"),
    [
        ("Hello\n{% if product %}{{ product }}", Kind.OPEN, "{% if product %}", 2),
        ("Hello\n\n{% endif %}", Kind.STRAY, "{% endif %}", 3),
        ("{% else %}Hello", Kind.STRAY, "{% else %}", 1),
        ("{% if product %}a{% else %}b{% else %}c{% endif %}", Kind.STRAY, "{% else %}", 1),
        ("Hello\n{{ colour }}", Kind.UNKNOWN_FIELD, "colour", 2),
        ("Hello {{ order_id }}", Kind.UNLISTED, "order_id", 1),
        ("a\nb {{ product | upper }} c", Kind.BRACES, "{{ product | upper }} c", 2),
        ("{{ self.__init__ }}", Kind.BRACES, "{{ self.__init__ }}", 1),
        ("{# a note #}", Kind.BRACES, "{# a note #}", 1),
        ("{%- if product -%}x{%- endif -%}", Kind.BRACES, "{%- if product -%}x{%- endif -%}", 1),
    ],
)
def test_a_slip_in_a_text_is_named_with_its_line_in_the_text(text, kind, value, row):
    source = template_text(replace(parse_template("own_clasp.toml", CLASP), text={"de": text}))
    (slip,) = find_slips("own_clasp.toml", source)
    assert (slip.kind, slip.value, slip.row, slip.language) == (kind, value, row, "de")
    line = source.splitlines()[slip.line - 1]
    assert text.splitlines()[row - 1] in line


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("id = ", Kind.NO_TOML), ("[" * 5000, Kind.NO_TOML), ("", Kind.ABSENT), ("id = 3", Kind.ID), ('text = "x"', Kind.NO_TEXTS),
        ("text = {de = 3}", Kind.NO_TEXTS), ("purpose = {}", Kind.ABSENT), ("claims = 3", Kind.NO_LIST),
        ("required = [[1]]", Kind.NO_LIST), ('languages = ["nl"]', Kind.ENTRY), ("abuse = []", Kind.CHOICE),
    ],
)  # fmt: skip
def test_whatever_a_file_holds_its_slips_are_found(source, kind):
    assert kind in {slip.kind for slip in find_slips("mine.toml", source)}
    with pytest.raises(TemplateError, match=r"^mine\.toml.*: found .*; expected "):
        parse_template("mine.toml", source)


@given(st.text(max_size=120))
def test_no_text_of_a_file_breaks_the_check(source):
    assert check_text("mine", source).ok is False


@given(
    st.lists(
        st.sampled_from(["{{ product }}", "{% if product %}", "{% else %}", "{% endif %}", "{", "}", "a", "\n"]), max_size=12
    )
)
def test_a_text_without_slips_can_be_filled_in(pieces):
    text = "x" + "".join(pieces) + "y"
    template = replace(parse_template("own_clasp.toml", CLASP), text={"de": text})
    source = template_text(template)
    if not find_slips("own_clasp.toml", source):
        for values in ({}, {"product": "Kette"}):
            assert "{" not in parse_template("own_clasp.toml", source).render("de", values)[0]


def test_the_shipped_ones_have_no_slips_and_leave_no_gaps():
    for name, template in SHIPPED.items():
        assert find_slips(f"{name}.toml", shipped_text(name)) == ()
        for text in template.text.values():
            assert list(gaps(text, template.optional)) == [], name


def test_an_optional_field_outside_its_part_is_a_gap():
    text = "Hello {{ buyer_name }},\n{% if product %}the {{ product }}{% else %}{{ product }}{% endif %}"
    assert list(gaps(text, ("buyer_name", "product"))) == [(1, "buyer_name"), (2, "product")]
    assert list(gaps(text, ())) == []


def test_fields_are_found_in_the_texts():
    texts = [
        "Hi{% if buyer_name %} {{ buyer_name }}{% endif %}, order {{ order_id }} by {{ shop }}, {{ product }}",
        "Hallo, Bestellung {{ order_id }}{% if personalised %} für Sie gemacht{% endif %}",
    ]
    assert fields_of(texts) == (("order_id",), ("product", "buyer_name", "personalised"))
    assert fields_of([]) == ((), ())


def test_what_stands_in_a_part_is_checked_too():
    hidden = CLASP.replace("{{ shop }}", "{% if product %}Unser Gutschein über 10 % gilt bis Mai.{% endif %}")
    assert any("(coupon)" in one for one in forbidden_content(parse_template("own_clasp.toml", hidden)))
    nested = CLASP.replace(
        "{{ shop }}",
        "{% if product %}{{ shop }}{% else %}{% if buyer_name %}Mehr auf www.annas-ketten.example{% endif %}{% endif %}",
    )
    (one,) = [one for one in objections(parse_template("own_clasp.toml", nested)) if one.finding.severity == "error"]
    assert (one.language, one.channel, one.finding.rule) == ("de", "amazon", "link")


# --- from a form into TOML


def _same(one, other):
    def plain(template):
        texts = {code: text.strip() for code, text in template.text.items()}
        return replace(template, source="", own=False, text=texts)

    return plain(one) == plain(other)


def test_what_did_not_change_stays_with_its_comments():
    template = parse_template("own_clasp.toml", CLASP)
    assert template_text(template, CLASP) == CLASP
    changed = template_text(replace(template, claims=(Claim.QUALITY, Claim.MISMATCH), channels=("etsy",)), CLASP)
    assert "# Written by Anna in May." in changed and "# The buyer sees this." in changed and "# a fault" in changed
    assert tomllib.loads(changed)["claims"] == ["quality", "mismatch"] and tomllib.loads(changed)["channels"] == ["etsy"]
    assert [line for line in CLASP.splitlines() if not line.startswith("claims")] == [
        line for line in changed.splitlines() if not line.startswith(("claims", "channels"))
    ]


@pytest.mark.parametrize(
    "over",
    [
        "", "not TOML at all", "purpose = 3\n", 'text.de = "a"\npurpose = { en = "x" }\n', '[text]\nfr = "x"\n[purpose]\nen="x"\n',
        CLASP.replace("\n", "\r\n"),
    ],
)  # fmt: skip
def test_whatever_it_is_written_over_it_says_what_was_meant(over):
    for template in (parse_template("own_clasp.toml", CLASP), SHIPPED["a_close_record"]):
        assert _same(parse_template(f"{template.id}.toml", template_text(template, over)), template)


@st.composite
def _drawn(draw):
    words = st.text(
        st.characters(exclude_categories=("Cs",), exclude_characters="{}\r\x85\u2028\u2029\v\f\x1c\x1d\x1e"), min_size=1
    )
    said = words.map(str.strip).filter(bool)
    base = draw(st.sampled_from(list(SHIPPED.values())))
    languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, unique=True))
    some = st.sets(st.sampled_from(["amazon", "etsy", "ebay", "shop"]))
    return replace(
        base,
        purpose={"en": draw(said), "zh": draw(said)},
        claims=tuple(draw(st.lists(st.sampled_from(list(Claim)), min_size=1, unique=True))),
        remedies=tuple(draw(st.lists(st.sampled_from(list(RemedyKind)), min_size=1, unique=True))),
        channels=tuple(sorted(draw(some))),
        languages=tuple(languages),
        required=(),
        optional=tuple(draw(st.lists(st.sampled_from(FIELDS), unique=True))),
        text={code: draw(said) for code in languages},
        **{key: draw(st.sampled_from(allowed)) for key, allowed in CHOICES.items()},
    )


@given(_drawn(), st.sampled_from(["", CLASP, *map(shipped_text, list(SHIPPED)[:8])]))
def test_a_template_is_read_back_as_it_was_written(template, over):
    assert _same(parse_template(f"{template.id}.toml", template_text(template, over)), template)


# --- saving


def test_one_is_saved_found_and_loaded(folder):
    template = save_template(folder, "own_clasp", CLASP, over=None)
    assert template.id == "own_clasp" and own_ids(folder) == ("own_clasp",)
    assert own_text(folder, "own_clasp") == CLASP and earlier(folder) == ()
    assert load_templates(folder)["own_clasp"].own
    assert [file.name for file in folder.iterdir()] in (["own_clasp.toml", "earlier"], ["earlier", "own_clasp.toml"])


def test_what_it_said_before_is_kept_and_can_be_brought_back(folder):
    save_template(folder, "own_clasp", CLASP, over=None)
    second = CLASP.replace("heute", "morgen")
    save_template(folder, "own_clasp", second, over=CLASP)
    save_template(folder, "own_clasp", second, over=second)  # nothing changed, so nothing is kept
    (first,) = earlier(folder, "own_clasp")
    assert first.text() == CLASP and first.id == "own_clasp"
    save_template(folder, "own_clasp", first.text(), over=second)
    assert own_text(folder, "own_clasp") == CLASP
    assert [one.text() for one in earlier(folder, "own_clasp")] == [second, CLASP]
    assert earlier(folder, "own") == () and load_templates(folder)["own_clasp"].text["de"] == tomllib.loads(CLASP)["text"]["de"]


def test_removed_it_is_the_shipped_one_again_and_stays_among_the_earlier(folder):
    mine = shipped_text("q_remake").replace("Hello", "Hi there")
    save_template(folder, "q_remake", mine, over=None)
    assert load_templates(folder)["q_remake"].own
    remove_template(folder, "q_remake", over=mine)
    assert not load_templates(folder)["q_remake"].own and own_text(folder, "q_remake") is None
    (kept,) = earlier(folder)
    assert kept.text() == mine


def test_the_slower_of_two_is_told_and_nothing_of_the_faster_is_lost(folder):
    save_template(folder, "own_clasp", CLASP, over=None)
    faster, slower = CLASP.replace("heute", "morgen"), CLASP.replace("heute", "am Freitag")
    save_template(folder, "own_clasp", faster, over=CLASP)
    for attempt in (
        lambda: save_template(folder, "own_clasp", slower, over=CLASP),
        lambda: save_template(folder, "own_clasp", slower, over=None),
        lambda: remove_template(folder, "own_clasp", over=CLASP),
    ):
        with pytest.raises(TemplateChangedError, match="Look at it again"):
            attempt()
    assert own_text(folder, "own_clasp") == faster and len(earlier(folder)) == 1
    remove_template(folder, "own_clasp", over=faster)
    with pytest.raises(TemplateChangedError):
        save_template(folder, "own_clasp", slower, over=faster)


def test_of_many_who_save_at_once_one_is_first(folder):
    from concurrent.futures import ThreadPoolExecutor

    def attempt(number):
        try:
            save_template(folder, "own_clasp", CLASP.replace("heute", f"in {number} Tagen"), over=None)
        except TemplateChangedError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(2, 18))) == 1
    assert not [file for file in folder.iterdir() if file.name.endswith(".part")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{% endif %},", ",", "own_clasp.toml, line 15: found {% if buyer_name %} without its {% endif %}"),
        (
            "{{ shop }}",
            "Mehr auf www.annas-ketten.example\n{{ shop }}",
            "de text on amazon: found “www.annas-ketten.example” (link)",
        ),
        ('"own_clasp"', '"q_remake"', "found id 'q_remake'"),
        ("[text]", "[text", "expected TOML"),
    ],
)
def test_what_does_not_pass_the_check_is_not_saved(folder, old, new, says):
    with pytest.raises(TemplateError, match=re.escape(says)):
        save_template(folder, "own_clasp", CLASP.replace(old, new), over=None)
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "..", "../own_clasp", "a/b", "a\\b", "/etc/passwd", "C:own", "own.clasp", "own clasp", "Own", "ünder", "nul", "com1",
        "own\n", "own\x00", "-own", "_own", "a" * 64, "~", "%2e%2e",
    ],
)  # fmt: skip
def test_an_id_is_never_a_path(folder, name):
    assert not is_id(name)
    for attempt in (
        lambda: own_text(folder, name),
        lambda: save_template(folder, name, CLASP, over=None),
        lambda: remove_template(folder, name, over=CLASP),
    ):
        with pytest.raises(TemplateError, match="cannot be a template's"):
            attempt()
    assert not folder.exists()


@given(st.text(max_size=70))
def test_what_may_be_an_id_is_a_plain_file_name(name):
    if is_id(name):
        assert Path(f"{name}.toml").name == f"{name}.toml" and name == name.lower() and name.isascii()


def test_every_shipped_id_may_be_replaced():
    assert [name for name in SHIPPED if not is_id(name)] == []


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "templates").write_text("a file", "utf-8")
    with pytest.raises(TemplateError, match="expected a folder that can be written"):
        save_template(tmp_path / "templates", "own_clasp", CLASP, over=None)


def test_what_is_no_utf_8_can_be_mended_and_is_kept_as_it_was(folder):
    folder.mkdir(parents=True)
    broken = CLASP.encode("cp1252", "replace")
    (folder / "own_clasp.toml").write_bytes(broken.replace(b"heute", b"f\xfcr Sie"))
    shown = own_text(folder, "own_clasp")
    assert "f\ufffdr Sie" in shown
    save_template(folder, "own_clasp", CLASP, over=shown)
    (kept,) = earlier(folder)
    assert kept.file.read_bytes() == broken.replace(b"heute", b"f\xfcr Sie") and own_text(folder, "own_clasp") == CLASP


def test_what_else_lies_in_the_folder_of_earlier_ones_is_left_alone(folder):
    save_template(folder, "own_clasp", CLASP, over=None)
    for name in (
        "notes.toml",
        "own_clasp.2026.toml",
        "Own.20260501T080000000000Z.toml",
        "own_clasp.20260501T080000000000Z.txt",
    ):
        (folder / "earlier" / name).write_text("x", "utf-8")
    (folder / "folder.toml").mkdir()
    assert earlier(folder) == () and own_ids(folder) == ("own_clasp",) and "own_clasp" in load_templates(folder)


def test_the_commands_know_what_was_saved(run, folder):
    save_template(folder, "own_clasp", CLASP, over=None)
    listed = run("templates", "list", TRIAGE_TEMPLATES=str(folder))
    assert listed.returncode == 0 and "own_clasp" in listed.stdout
