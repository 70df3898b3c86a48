import csv
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage_ml.errors import FormatError
from triage_ml.messages import Claim
from triage_ml.replies.library import check_templates, load_templates
from triage_ml.replies.macros import import_macros
from triage_ml.resolution import RemedyKind

ZENDESK = """Title,Active,Comment
"Damage::Ask for a photo",true,"<p>Hi {{ticket.requester.first_name | default: ""there""}},</p><p>I am so sorry your mug arrived cracked. \
Could you reply with a <b>photo</b> of the fault close up and one of the whole piece? Then we make it again free of charge or refund you in full.</p>\
<p>Best wishes,<br>{{ticket.brand.name}}</p>"
"Engraving error",true,"Hi {{ticket.requester.first_name}} {{ticket.requester.last_name}},

I am sorry that your necklace did not come the way you ordered it, the mistake is ours. We will make it again exactly as ordered and send it \
to you free of charge, about order {{ticket.id}}. You do not need to send the first one back. {{dc.sign_off}}

{{current_user.name}}"
"""
GORGIAS = """id;name;language;body_text;body_html
11;Rückgabe Größe;de;"Hallo {{ticket.customer.firstname}}, schade, dass der Ring aus Bestellung {{ticket.customer.integrations.shopify.orders[0].name}} \
nicht passt. Sie können ihn selbstverständlich zurückgeben: Bitte melden Sie die Rückgabe innerhalb von 30 Tagen nach der Lieferung in Ihrer \
Bestellübersicht an, dann erstatte ich Ihnen den Kaufpreis.";"<div>Hallo</div>"
12;Rechnung;de;"Guten Tag, die Rechnung zu Ihrer Bestellung hängt an dieser Nachricht. Soll eine andere Rechnungsanschrift darauf stehen?";
"""
FRESHDESK = """title\tcontent_html
写真のお願い\t<div>{{ticket.requester.name}}様<br><br>このたびは商品に不具合があり、誠に申し訳ございません。不具合の箇所がわかるお写真をお送りいただけますでしょうか。</div>
少寄补发\t<div>{{ticket.requester.name}}您好，<br>很抱歉，订单少寄了东西，缺少的部分我会马上免费补寄给您。麻烦您回复一句，包裹里少了什么。</div>
Missing chain\t<p>I am sorry that something was missing from your order. I will send you what is missing straight away, free of charge.</p>
"""


def _import(tmp_path, text, encoding="utf-8"):
    (tmp_path / "macros.csv").write_bytes(text.encode(encoding))
    return import_macros(tmp_path / "macros.csv", tmp_path / "own")


def test_zendesk_macros_become_templates_that_fill_in(tmp_path):
    found = _import(tmp_path, ZENDESK)
    photo, engraving = found.written
    assert found.rejects == ()
    assert (photo.id, photo.purpose["en"], photo.languages) == (
        "own_damage_ask_for_a_photo",
        "Damage::Ask for a photo",
        ("en",),
    )
    text, missing = photo.render("en", {"shop": "Anna's mugs", "buyer_name": "Kim"})
    assert text.startswith("Hi Kim,\n\nI am so sorry your mug arrived cracked. Could you reply with a photo of the fault")
    assert text.endswith("Best wishes,\nAnna's mugs") and missing == ()
    assert photo.render("en", {"shop": "Anna's mugs"})[0].startswith("Hi,\n\nI am so sorry")
    text, missing = engraving.render("en", {"shop": "Anna's mugs", "buyer_name": "Kim Lee"})
    assert text.startswith("Hi Kim Lee,\n\nI am sorry") and "about order [order_id]" in text and missing == ("order_id",)


def test_conditions_come_from_the_shipped_template_most_alike(tmp_path):
    photo, engraving = _import(tmp_path, ZENDESK).written
    shipped = load_templates()
    for template, model in ((photo, shipped["q_ask_photo"]), (engraving, shipped["m_remake_our_error"])):
        assert f"taken from {model.id}, check" in Path(template.source).read_text("utf-8")
        for key in ("claims", "remedies", "abuse", "stage", "personalised", "photo", "tone"):
            assert getattr(template, key) == getattr(model, key)


def test_what_a_person_should_look_at_is_said(tmp_path):
    warnings = _import(tmp_path, ZENDESK).warnings
    assert warnings == (
        "own_engraving_error.toml: {{ticket.id}} became {{ order_id }}; read the sentence again",
        "own_engraving_error.toml: {{dc.sign_off}} is not known here and is shown as [dc.sign_off]",
        "own_engraving_error.toml: {{current_user.name}} became {{ shop }}; read the sentence again",
    )


def test_gorgias_with_semicolons_in_an_old_encoding(tmp_path):
    found = _import(tmp_path, GORGIAS, "cp1252")
    back, invoice = found.written
    assert (back.id, back.claims, back.remedies) == ("own_ruckgabe_grosse", (Claim.SUBJECTIVE,), (RemedyKind.ACCEPT_RETURN,))
    text, _ = back.render("de", {"order_id": "302-1234567-7654321"})
    assert text.startswith("Hallo, schade, dass der Ring aus Bestellung 302-1234567-7654321 nicht passt.")
    assert (invoice.languages, invoice.claims) == (("de",), (Claim.OTHER,))
    assert found.warnings == ()


def test_freshdesk_html_in_three_languages_that_no_column_names(tmp_path):
    japanese, chinese, english = _import(tmp_path, FRESHDESK).written
    assert [t.languages[0] for t in (japanese, chinese, english)] == ["ja", "zh", "en"]
    assert re.fullmatch(r"own_macro_[0-9a-f]{8}", japanese.id) and japanese.id != chinese.id
    assert japanese.render("ja", {"buyer_name": "田中"})[0].startswith("田中様\n\nこのたびは")
    assert japanese.render("ja", {})[0].startswith("このたびは")
    assert chinese.render("zh", {"buyer_name": "王女士"})[0].startswith("王女士您好，\n很抱歉")
    assert chinese.claims == english.claims == (Claim.MISMATCH,)
    assert chinese.remedies == english.remedies == (RemedyKind.SEND_PART,)


def test_a_macro_that_breaks_a_rule_is_written_and_named(tmp_path):
    found = _import(
        tmp_path,
        "name,text\n"
        '"Sorry","<div>I am sorry for the late parcel. Here is a 10% coupon for your next order: '
        '<a href=""https://annas-mugs.example/thanks"">our shop</a> <img src=""https://annas-mugs.example/c.png""></div>"\n',
    )
    assert "our shop (https://annas-mugs.example/thanks)" in found.written[0].text["en"]
    named = [re.search(r"\((\w+)\); ", warning)[1] for warning in found.warnings if "text on amazon" in warning]
    assert named == ["coupon", "link"]
    assert any("a picture was left out" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Dear {{ticket.requester.last_name}}, hello", "Dear Kim, hello"),
        ("Hello, {{ customer_name }}!", "Hello, Kim!"),
        ("{first_name} {last_name}, hello", "Kim, hello"),
        ("Hi {%customer.firstName,fallback=there%}", "Hi Kim"),
        ("Your {{ticket.customer.integrations.shopify.orders[0].line_items[0].title}} is here", "Your Name mug is here"),
        ("Order {{Order ID}} is here", "Order 302-1 is here"),
        ("Hello {% if ticket.priority %}again{% endif %}", "Hello [if ticket.priority]again[endif]"),
        ("Brand {{ticket.product_name}}", "Brand [ticket.product_name]"),
        ("{ curly } words }}", "[curly] words ))"),
    ],
)
def test_placeholders_of_many_helpdesks(tmp_path, written, shown):
    template = _import(tmp_path, f'name,text\nMacro,"{written}"\n').written[0]
    assert template.render("en", {"buyer_name": "Kim", "product": "Name mug", "order_id": "302-1"})[0] == shown


def test_a_text_unlike_any_shipped_one_says_so(tmp_path):
    found = _import(
        tmp_path, "name,text\nHolidays,We are closed from 24 December to 2 January. Orders placed now ship on 3 January.\n"
    )
    assert len(found.warnings) == 1 and "hardly more than a guess" in found.warnings[0]


def test_files_that_are_there_are_left_alone(tmp_path):
    first = _import(tmp_path, ZENDESK)
    mended = tmp_path / "own" / "own_engraving_error.toml"
    mended.write_text(mended.read_text("utf-8").replace("tone = ", "value = 'large'\ntone = "), "utf-8")
    before = mended.read_bytes()
    again = _import(tmp_path, ZENDESK + 'Thanks,true,"Thank you for the kind words, they made our day."\n')
    assert [t.id for t in again.written] == ["own_thanks"]
    assert [(r.row, r.value) for r in again.rejects] == [(2, "Damage::Ask for a photo"), (3, "Engraving error")]
    assert "own_engraving_error.toml is already there" in str(again.rejects[1])
    assert mended.read_bytes() == before and len(first.written) == 2


def test_the_shop_s_folder_passes_the_check(tmp_path):
    for number, text in enumerate((ZENDESK, GORGIAS, FRESHDESK)):
        (tmp_path / f"{number}.csv").write_text(text, "utf-8")
        import_macros(tmp_path / f"{number}.csv", tmp_path / "own")
    findings = []
    library = check_templates(tmp_path / "own", findings)
    assert findings == [] and len(library) == len(load_templates()) + 7


def test_macros_of_one_name_get_ids_of_their_own(tmp_path):
    found = _import(
        tmp_path, "name,text\nPhoto,Could you send a photo of the fault?\nphoto!,Please send us one picture of it.\n"
    )
    assert [t.id for t in found.written] == ["own_photo", "own_photo_2"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("Photo,", "row 2, text: empty; expected the macro's name and its text"),
        (",Could you send a photo?", "row 2, name: empty"),
        ("Foto,Kunt u een foto sturen?,nl", "row 2, language: expected one of en, de, fr, es, it, ja, zh"),
        ("Photo,{{dc.photo_request}}", "row 2, text: no words; expected the macro's text"),
    ],
)
def test_a_row_that_is_no_macro_is_rejected_with_its_reason(tmp_path, row, says):
    found = _import(tmp_path, f"name,text,language\n{row}\nThanks,Thank you for the lovely words.,en\n")
    assert len(found.rejects) == 1 and says in str(found.rejects[0])
    assert [t.id for t in found.written] == ["own_thanks"]


def test_a_column_that_names_the_wrong_language_is_overruled(tmp_path):
    found = _import(
        tmp_path, "name,text,locale\nFoto,Könnten Sie mir bitte ein Foto von der betroffenen Stelle schicken?,en-US\n"
    )
    assert found.written[0].languages == ("de",)
    assert "own_foto.toml: the column locale says en, the text reads de" in found.warnings


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("macros.csv", "Macro,Usage\nThanks,12\n", "found the columns Macro, Usage; expected one with the macro's name"),
        (
            "macros.json",
            '[{"name": "Thanks", "text": "Thank you"}]',
            "found a file of kind jsonl; expected a table (csv, tsv, xlsx)",
        ),
        ("macros.csv", "", "an empty file"),
    ],
)
def test_a_file_without_macros_is_refused(tmp_path, file, text, says):
    (tmp_path / file).write_text(text, "utf-8")
    with pytest.raises(FormatError, match=re.escape(says)):
        import_macros(tmp_path / file, tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "own").write_text("not a folder", "utf-8")
    with pytest.raises(FormatError, match="Name another one"):
        _import(tmp_path, ZENDESK)


@settings(max_examples=60)
@given(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60),
    st.lists(
        st.sampled_from(["{{", "}}", "{%", "%}", "{", '"""', "\\", "{{ticket.id}}", "{{first_name}}", "{{ x }}", "\n"])
        | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
    ),
)
def test_whatever_a_macro_says_the_file_is_a_template_or_a_reject(tmp_path_factory, name, pieces):
    folder = tmp_path_factory.mktemp("macros")
    with open(folder / "macros.csv", "w", encoding="utf-8", errors="replace", newline="") as file:
        csv.writer(file).writerows(
            [["name", "text"], [name, "The photo: " + "".join(pieces)], ["Thanks", "Thank you so much."]]
        )
    found = import_macros(folder / "macros.csv", folder / "own")
    assert len(found.written) + len(found.rejects) == 2
    for template in found.written:
        assert Path(template.source).read_text("utf-8").startswith("# Imported from")
        text, _ = template.render(template.languages[0], {"order_id": "302-1111111-2222222", "buyer_name": "Kim"})
        assert text.startswith("Thank you" if template.purpose["en"] == "Thanks" else "The photo:")
    findings = []
    assert {template.id for template in found.written} <= set(check_templates(folder / "own", findings))
    assert findings == []
