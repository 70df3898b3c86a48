import re

import pytest

from triage_ml.errors import TemplateError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.replies.templates import ALWAYS_KNOWN, FIELDS, check_templates, load_templates

# The ids that labelled replies use, with those found missing while labelling.
IDS = """
q_ask_photo q_remake q_full_refund q_choice_partial q_send_part q_care_fix q_ask_what
m_ask_photo_order m_remake_our_error m_refund_our_error m_send_missing m_choice_partial m_order_shows_typed
s_explain_policy s_goodwill_partial s_paid_remake s_accept_return s_use_tips
a_restate_remedy a_decline_extra a_request_proof a_close_record
o_where_is_order o_delivered_not_found o_late_apology o_change_before_production o_cancel_request o_address_change o_invoice
o_presale_question o_usage_question o_refund_status o_thanks o_price_drop o_account_platform o_service_apology o_design_approval
f_photo_received f_remake_on_way f_escalation_apology
""".split()
FULL = {name: f"[{name}]" for name in FIELDS}
# "Not returnable" in any wording, for R1; and what Amazon forbids in a buyer message.
REFUSAL = re.compile(
    r"cannot be (returned|taken back)|not returnable|non-returnable|no returns|no refunds"
    r"|vom Umtausch ausgeschlossen|Rückgabe (ist )?ausgeschlossen|nicht zurücknehmen|keine Rücknahme"
    r"|ne (sont|peuvent|peut|pouvons)[^.]{0,40}(repris|retourné|reprendre)|no se (admiten|aceptan) devoluciones|no (admite|admitimos) devoluci"
    r"|non (può|possono|possiamo)[^.]{0,40}(restitui|rimborsa|rese|reso)|返品(は|を)?(お受け|承って)[^。]{0,6}(でき|おりません|ません)|不(能|可|支持|接受)退",
    re.IGNORECASE,
)
FORBIDDEN = re.compile(
    r"https?:|www\.|@|\+\d{6,}|<[a-z/]|coupon|voucher|gutschein|promo|bon d'achat|cupón|buono sconto|クーポン|割引券|优惠券|代金券"
    r"|\breviews?\b|\bratings?\b|feedback|bewertung|(?<!d')\bavis\b|reseña|valoración|recension|レビュー|評価|评价|差评|好评|[\U0001f300-\U0001faff]",
    re.IGNORECASE,
)


def test_every_labelled_reply_has_its_template(templates):
    assert set(IDS) <= set(templates)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_renders_with_all_fields_and_with_hardly_any(templates, language):
    for template in templates.values():
        for values in (FULL, {name: FULL[name] for name in ALWAYS_KNOWN}):
            text, missing = template.render(language, values)
            assert len(text) > (20 if language in ("ja", "zh") else 60)
            assert set(missing) == {name for name in template.required if name not in values}
            assert not re.search(r"[{}]|\n{3,}|  ", text), (template.id, text)
            assert not FORBIDDEN.search(text), (template.id, FORBIDDEN.search(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_r1_no_answer_to_a_fault_or_difference_calls_goods_not_returnable(templates, language):
    for template in templates.values():
        if {Claim.QUALITY, Claim.MISMATCH} & set(template.claims):
            assert not REFUSAL.search(template.render(language, FULL)[0]), template.id


def test_a_buyer_s_words_are_never_a_template(templates):
    text, _ = templates["q_remake"].render("en", {"product": "{{ 7 * 7 }}{% if x %}"})
    assert "{{ 7 * 7 }}" in text and "49" not in text


def test_a_missing_field_is_shown(templates):
    template = templates["q_choice_partial"]
    text, missing = template.render("de", {})
    assert missing == ("offer",)
    assert "[offer]" in text


GOOD = """id = "mine"
claims = ["quality"]
remedies = ["remake"]
purpose = { en = "x", zh = "x" }
required = ["product"]
[text]
""" + "\n".join(f'{language} = "about {{{{ product }}}}"' for language in LANGUAGES)


def _check(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    findings = []
    return check_templates(tmp_path, findings), findings


def test_a_shop_s_own_template_is_taken_and_may_replace_a_shipped_one(tmp_path):
    found, findings = _check(tmp_path, GOOD)
    assert findings == [] and found["mine"].claims == (Claim.QUALITY,)
    (tmp_path / "mine.toml").rename(tmp_path / "q_remake.toml")
    (tmp_path / "q_remake.toml").write_text(GOOD.replace('"mine"', '"q_remake"'), "utf-8")
    assert load_templates(tmp_path)["q_remake"].text["en"] == "about {{ product }}"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[text]", 'claim = "x"\n[text]', "mine.toml, line 6: found unknown key 'claim'"),
        ('["product"]', '["price"]', "unknown field 'price'"),
        ("about {{ product }}", "about {{ order_id }}", "field 'order_id' in the en text"),
        ("about {{ product }}", "about it", "required field 'product' not used in the en text"),
        ("about {{ product }}", "{{ product.__class__ }}", "braces in the en text"),
        ("about {{ product }}", "{% for x in product %}{{ product }}", "braces in the en text"),
        ("about {{ product }}", "{% if product %}{{ product }}", "in the en text; expected every {% if %}"),
        ('de = "', 'xx = "', "no text in de"),
        ('["quality"]', '["qualty"]', "'qualty' under claims"),
        ('["remake"]', '["coupon"]', "'coupon' under remedies"),
        ('id = "mine"', 'id = "other"', "id 'other'"),
        ("[text]", "[text", "expected TOML"),
    ],
)
def test_a_slip_is_named_with_its_line(tmp_path, old, new, says):
    _, findings = _check(tmp_path, GOOD.replace(old, new, 1))
    assert len(findings) == 1 and says in findings[0]
    with pytest.raises(TemplateError):
        load_templates(tmp_path)
