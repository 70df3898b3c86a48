"""The library of replies: read, with how each fared; a shop's own written, checked, kept and brought back; macros imported."""

from importlib.resources import files
from itertools import product

import pytest
from reading import button, has_button, html_of, text_of, words_of

from triage_ml.cases import Decision, Outcome, OutcomeKind
from triage_ml.language import LANGUAGES
from triage_ml.messages import Category, Claim
from triage_ml.replies.library import load_templates, shipped_text
from triage_ml.replies.slips import Kind
from triage_ml.replies.writing import earlier, own_ids, own_text, save_template
from triage_ml.resolution import RemedyKind

MACROS = """Title,Comment
"Damage: photo","<p>Hi {{ticket.requester.first_name}},</p><p>I am so sorry your mug arrived cracked. Could you reply with a <b>photo</b> of the fault? Then we make it again free of charge or refund you in full.</p>"
"Engraving error","I am sorry that your necklace did not come the way you ordered it, the mistake is ours. We will make it again exactly as ordered and send it to you free of charge. {{dc.sign_off}}"
"Late","I am sorry for the late parcel. Here is a 10% coupon for your next order."
"Empty",""
"""


@pytest.fixture
def own(tmp_path):
    """Where the screen keeps the shop's own templates."""
    return tmp_path / "home" / "templates"


def shipped_with(name, old="", new="", called=""):
    text = shipped_text(name).replace(f'id = "{name}"', f'id = "{called or name}"')
    assert not old or old in text
    return text.replace(old, new) if old else text


def part(at, kind, name):
    """Return a field of the editor."""
    return next(one for one in getattr(at, kind) if (one.key or "").startswith(f"edit-{name}:"))


def show(at, name):
    at.selectbox(key="reply").set_value(name).run()
    return at


def view(at, name):
    at.segmented_control(key="library-view").set_value(name).run()
    assert not at.exception
    return at


def editing(at, name="q_remake", begin="edit-begin"):
    button(show(at, name), begin).click().run()
    assert not at.exception
    return at


def write(at, language, text):
    part(at, "segmented_control", "language").set_value(language).run()
    part(at, "text_area", f"text-{language}").set_value(text).run()
    assert not at.exception
    return at


def save(at):
    button(at, "edit-save").click().run()
    assert not at.exception
    return at


# --- reading


def test_every_reply_reads_in_every_language_without_an_open_field(screen):
    at = screen("replies")
    names = list(load_templates())
    assert f"{len(names)} of {len(names)} replies" in text_of(at)
    for name in sorted(names)[::6]:
        show(at, name)
        assert not at.exception
        for code in load_templates()[name].text:
            at.segmented_control(key=f"preview-{name}").set_value(code).run()
            assert f'lang="{code}"' in html_of(at) and "{{" not in html_of(at)
        assert "finds nothing" in text_of(at), name


def test_the_library_is_narrowed_down(screen):
    at = screen("replies")
    at.selectbox(key="library-claim").set_value(Claim.SUBJECTIVE).run()
    shown = [name for name, template in load_templates().items() if Claim.SUBJECTIVE in template.claims]
    assert f"{len(shown)} of" in text_of(at)
    at.text_input(key="library-search").set_value("zzzz nothing").run()
    assert "No reply fits" in text_of(at)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_purpose_is_in_the_readers_language(screen, language):
    at = screen("replies", language=language)
    assert set(at.selectbox(key="reply").options) == {template.purpose[language] for template in load_templates().values()}


def test_a_shops_own_replies_stand_beside_the_shipped_ones(screen, own):
    save_template(own, "ours", shipped_with("a_close_record", called="ours"), over=None)
    save_template(own, "q_remake", shipped_with("q_remake", "Hello", "Dear buyer"), over=None)
    at = screen("replies")
    assert "your own" in text_of(show(at, "ours")) and "your version of a shipped one" in text_of(show(at, "q_remake"))
    assert "Dear buyer" in words_of(at) and "47 of 47" in text_of(at)


def test_the_library_needs_no_model(screen, tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAGE_MODEL", str(tmp_path / "none"))
    assert "46 of 46 replies" in text_of(screen("replies"))


# --- how they fare


@pytest.fixture
def used(record, arrive):
    """Four replies that were sent, three of them accepted."""
    cases = arrive(*[f"The handle number {n} broke off." for n in range(5)])
    kinds = [OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED, OutcomeKind.DECLINED]
    for number, case in enumerate(cases[:4]):
        made = Decision(
            "Mia", Category.QUALITY, "remake", template_id="q_remake", final_text="We make it again.",
            shown=("q_remake", "q_full_refund"), edited=0.0 if number else 0.4,
        )  # fmt: skip
        record.decide(case, record.case(case).version, made)
        record.outcome(case, Outcome("Mia", kinds[number]))


def test_what_was_counted_is_said_as_it_is(screen, used):
    at = screen("replies")
    assert "Chosen 4 of 4 times it was suggested · sent as it was 3 of 4 times · accepted 3 of 4" in text_of(
        show(at, "q_remake")
    )
    assert "Chosen 0 of 4 times" in text_of(show(at, "q_full_refund"))
    assert "Not suggested in any decision yet" in text_of(show(at, "o_thanks"))
    table = view(at, "usage").dataframe[0].value
    assert table["Name"].tolist() == ["q_remake", "q_full_refund"]
    assert table.iloc[0, 1:8].tolist() == [4, 4, 3, 3, 1, 0, "3 of 4"]
    assert not at.get("vega_lite_chart")
    at.checkbox(key="usage-all").check().run()
    assert len(at.dataframe[0].value) == len(load_templates())


def test_an_interval_is_given_only_where_there_are_enough():
    from replies import faring
    from triage_ml.cases.counts import ReplyUsage

    rate = faring.answers(ReplyUsage(20, 20, 20, accepted=14, declined=4, no_answer=2))
    assert (rate.count, rate.of) == (14, 20) and 0.45 < rate.low < 0.46 and 0.88 < rate.high < 0.89  # Clopper and Pearson
    assert faring.answers(ReplyUsage()).value is None


def test_where_nothing_was_sent_the_page_says_what_to_do(screen):
    assert "Decide some cases with a suggested reply" in text_of(view(screen("replies"), "usage"))
    assert "请先用推荐的回复处理" in text_of(view(screen("replies", language="zh"), "usage"))


# --- writing


def test_a_version_of_a_shipped_reply_is_saved_and_counts_at_once(screen, own, arrive):
    at = editing(screen("replies"))
    before = part(at, "text_area", "text-en").value
    write(at, "en", before.replace("Hello", "Good day"))
    assert "Good day" in words_of(at) and "it can be saved" in text_of(at)
    save(at)
    assert "q_remake is saved" in text_of(at) and at.selectbox(key="reply").value == "q_remake"
    saved = load_templates(own)["q_remake"]
    assert (
        saved.own
        and saved.text["en"].startswith("\n".join(["Good day"]))
        and saved.text["de"] == load_templates()["q_remake"].text["de"]
    )
    assert shipped_text("q_remake").splitlines()[:3] == own_text(own, "q_remake").splitlines()[:3]  # comments too
    (case,) = arrive("The handle broke off after two days. Please send me a new one.")
    assert "Good day" in text_of(screen("case", case))


def test_a_new_reply_in_one_language_is_written_from_nothing(screen, own):
    at = screen("replies")
    button(at, "new-reply").click().run()
    said = words_of(at)
    assert "Still to fill in" in said and "the text" not in said and "Texts" in said
    part(at, "text_input", "name").set_value("own_clasp").run()
    part(at, "text_input", "purpose-en").set_value("The clasp broke: send a new one.").run()
    part(at, "text_input", "purpose-zh").set_value("扣子坏了：补寄新扣子。").run()
    part(at, "multiselect", "claims").set_value([Claim.QUALITY]).run()
    part(at, "multiselect", "remedies").set_value([RemedyKind.SEND_PART]).run()
    part(at, "multiselect", "channels").set_value(["etsy"]).run()
    part(at, "selectbox", "photo").set_value("attached").run()
    text = "Guten Tag{% if buyer_name %} {{ buyer_name }}{% endif %},\n\nich schicke Ihnen heute kostenlos einen neuen Verschluss zur Bestellung {{ order_id }}.\n\n{{ shop }}"
    write(at, "de", text)
    assert "“order_id” is in the German text, but not listed" in text_of(at)
    button(at, "edit-from-texts").click().run()
    assert part(at, "multiselect", "required").value == ["order_id"] and part(at, "multiselect", "optional").value == [
        "buyer_name"
    ]
    save(at)
    made = load_templates(own)["own_clasp"]
    assert (made.languages, made.channels, made.photo, made.tone) == (("de",), ("etsy",), "attached", "neutral")
    assert made.claims == (Claim.QUALITY,) and made.remedies == (RemedyKind.SEND_PART,) and made.text["de"].strip() == text
    assert "only for buyers who write German" in text_of(at) and "47 of 47" in text_of(at)


def test_a_copy_has_a_name_of_its_own(screen, own):
    at = editing(screen("replies"), "q_remake", "edit-copy")
    assert part(at, "text_input", "name").value == "own_q_remake"
    save(at)
    assert own_ids(own) == ("own_q_remake",) and not load_templates(own)["q_remake"].own


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "Still to fill in: Name"), ("../../evil", "small letters, digits"), ("Own Reply", "small letters, digits"),
        ("ours", "You have a reply of this name"),
    ],
)  # fmt: skip
def test_a_name_that_will_not_do_is_told_and_nothing_is_saved(screen, own, name, says, tmp_path):
    ours = shipped_with("a_close_record", called="ours")
    save_template(own, "ours", ours, over=None)
    at = editing(screen("replies"), "q_remake", "edit-copy")
    part(at, "text_input", "name").set_value(name).run()
    assert says in text_of(at)
    save(at)
    assert "Not saved yet" in text_of(at) and own_ids(own) == ("ours",) and own_text(own, "ours") == ours
    assert not list(tmp_path.rglob("evil*"))


def test_a_new_name_that_a_shipped_reply_has_is_told(screen):
    at = editing(screen("replies"), "q_remake", "edit-copy")
    part(at, "text_input", "name").set_value("q_full_refund").run()
    assert "yours will replace it" in text_of(at)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{% if product %}the {{ product }}", "Line 2: {% if product %} has no {% endif %}"),
        ("{{ colour }}", "Line 2: There is no field “colour”"),
        ("{{ product.price }}", "Line 2: “{{ product.price }}”: braces are for fields only"),
        ("{% endif %}", "Line 2: {% endif %} has no {% if field %} before it"),
        ("See www.mugs.example for more.", "“www.mugs.example” on amazon: A link that leads away"),
        ("{% if product %}Here is a coupon for 10% off.{% endif %}", "“coupon” on amazon"),
        (
            "Sehr geehrte Damen und Herren, vielen Dank für Ihre Nachricht zu Ihrer Bestellung, die wir gern für Sie neu anfertigen.",
            "on amazon: ",
        ),
    ],
)
def test_what_does_not_pass_the_check_is_told_as_one_writes_and_not_saved(screen, own, line, says):
    at = editing(screen("replies"))
    part(at, "multiselect", "optional").set_value(["product", "order_id", "buyer_name"]).run()
    write(
        at,
        "en",
        f"Hello,\n{line}\nwe make it again free of charge and send it to you as soon as it is ready.\n\n{{{{ shop }}}}",
    )
    assert says in words_of(at) and "Look at the English text" in text_of(at)
    assert "English ●" in [option.content for option in part(at, "segmented_control", "language").proto.options]
    save(at)
    assert "Not saved yet" in text_of(at) and own_ids(own) == ()


def test_the_preview_shows_what_a_missing_field_leaves(screen):
    at = editing(screen("replies"), "a_close_record")
    assert "about your order 305-1234567-1234567 once more" in words_of(at) and "Hello Emma," in words_of(at)
    part(at, "selectbox", "known").set_value("order_id").run()
    assert "about your order once more" in words_of(at) and "Hello Emma," in words_of(at)
    part(at, "selectbox", "known").set_value("-").run()
    assert "about your order once more" in words_of(at) and "Hello," in words_of(at)
    for code in LANGUAGES:
        part(at, "segmented_control", "language").set_value(code).run()
        assert f'lang="{code}"' in html_of(at) and not at.exception


def test_an_optional_field_outside_its_part_is_pointed_out_and_may_be_saved(screen, own):
    at = editing(screen("replies"), "a_close_record")
    write(
        at,
        "en",
        part(at, "text_area", "text-en").value.replace("{% if buyer_name %} {{ buyer_name }}{% endif %}", " {{ buyer_name }}"),
    )
    assert "Line 1: “buyer_name” may be missing and stands outside" in words_of(at)
    save(at)
    assert own_ids(own) == ("a_close_record",)


def test_what_was_written_is_still_there_after_another_page(screen):
    at = editing(screen("replies"), "a_close_record")
    write(at, "en", "Something else altogether, which is not finished.")
    write(at, "de", "Etwas anderes.")
    at.switch_page("inbox/page.py").run()
    at.switch_page("replies/page.py").run()
    assert part(at, "text_area", "text-de").value == "Etwas anderes."
    part(at, "segmented_control", "language").set_value("en").run()
    assert part(at, "text_area", "text-en").value.startswith("Something else")
    button(at, "edit-leave").click().run()
    assert "46 of 46" in text_of(at)
    assert part(editing(at, "a_close_record"), "text_area", "text-en").value.startswith("Hello{% if buyer_name %}")


def test_what_a_template_says_is_text_never_html_or_markdown(screen, own):
    wild = "<script>alert(1)</script> **bold** [link](javascript:alert(1))"
    text = (
        shipped_with("a_close_record", called="ours")
        .replace("Give the final answer", wild, 1)
        .replace("We have read", f"{wild} We have read", 1)
    )
    own.mkdir(parents=True)
    (own / "ours.toml").write_text(text, "utf-8")
    at = show(screen("replies"), "ours")
    assert "<script>" not in html_of(at) and "&lt;script&gt;" in html_of(at)
    for kind in ("markdown", "caption", "title", "subheader"):
        assert not any("script" in one.value for one in getattr(at, kind))
    assert not any("script" in one.label for one in at.button)
    editing(at, "ours")
    assert "<script>" not in html_of(at) and "&lt;script&gt;" in html_of(at)


# --- two people, earlier versions


def test_the_slower_of_two_is_told_and_may_look_or_save_all_the_same(screen, own):
    ours = shipped_with("a_close_record", called="ours")
    save_template(own, "ours", ours, over=None)
    mia, noah = (editing(screen("replies", person=name), "ours") for name in ("Mia", "Noah"))
    write(mia, "en", part(mia, "text_area", "text-en").value.replace("Hello", "Good day"))
    save(mia)
    write(noah, "en", part(noah, "text_area", "text-en").value.replace("Hello", "Dear customer"))
    save(noah)
    assert "somebody else saved ours" in text_of(noah) and "Good day" in own_text(own, "ours")
    assert "Dear customer" in part(noah, "text_area", "text-en").value
    button(noah, "edit-mine").click().run()
    assert "ours is saved" in text_of(noah) and "Dear customer" in own_text(own, "ours")
    assert [("Good day" in one.text()) for one in earlier(own, "ours")] == [True, False]


def test_the_slower_of_two_may_drop_what_he_wrote(screen, own):
    mia, noah = (editing(screen("replies", person=name)) for name in ("Mia", "Noah"))
    write(mia, "en", part(mia, "text_area", "text-en").value.replace("Hello", "Good day"))
    save(mia)
    save(noah)
    assert "somebody else saved q_remake" in text_of(noah)
    button(noah, "edit-theirs").click().run()
    assert part(noah, "text_area", "text-en").value.startswith("Good day")


def test_back_to_the_earlier_one_and_to_the_shipped_one(screen, own):
    first = shipped_with("q_remake", "Hello", "Dear buyer")
    second = shipped_with("q_remake", "Hello", "Good day")
    save_template(own, "q_remake", first, over=None)
    save_template(own, "q_remake", second, over=first)
    at = show(screen("replies"), "q_remake")
    button(at, "versions-q_remake-take").click().run()
    assert "says again what it said then" in text_of(at) and own_text(own, "q_remake") == first
    assert "Dear buyer" in words_of(at)
    button(at, "edit-remove").click().run()
    assert "so that the shipped one counts again?" in text_of(at) and own_ids(own) == ("q_remake",)
    button(at, "remove-no").click().run()
    assert not has_button(at, "remove-yes")
    button(at, "edit-remove").click().run()
    button(at, "remove-yes").click().run()
    assert own_ids(own) == () and "Hello" in words_of(at) and len(earlier(own, "q_remake")) == 3


def test_a_deleted_reply_can_be_brought_back(screen, own):
    ours = shipped_with("a_close_record", called="ours")
    save_template(own, "ours", ours, over=None)
    at = show(screen("replies"), "ours")
    button(at, "edit-remove").click().run()
    assert "Delete ours?" in text_of(at)
    button(at, "remove-yes").click().run()
    assert "46 of 46" in text_of(at)
    button(at, "versions-removed-take").click().run()
    assert "47 of 47" in text_of(at) and own_text(own, "ours") == ours


def test_somebody_changed_it_between_the_question_and_the_answer(screen, own):
    ours = shipped_with("a_close_record", called="ours")
    save_template(own, "ours", ours, over=None)
    at = show(screen("replies"), "ours")
    button(at, "edit-remove").click().run()
    changed = ours.replace("Hello", "Good day")
    save_template(own, "ours", changed, over=ours)
    button(at, "remove-yes").click().run()
    assert "Not saved" in text_of(at) and own_text(own, "ours") == changed


def test_a_file_that_cannot_be_read_is_told_and_mended_line_by_line(screen, own):
    own.mkdir(parents=True)
    wrong = shipped_with("q_remake", 'tone = "warm"', 'tone = "angry"').replace("claims =", "claim =", 1)
    (own / "q_remake.toml").write_text(wrong, "utf-8")
    at = screen("replies")
    assert "cannot be used" in text_of(at) and "46 of 46" in text_of(at)
    button(at, "mend-q_remake").click().run()
    assert "“claim” is no key" in text_of(at) and "of the file: “angry” is not possible for “Tone”" in text_of(at)
    save(at)
    assert "Not saved yet" in text_of(at)
    part(at, "text_area", "file").set_value(wrong.replace("angry", "warm").replace("claim =", "claims =")).run()
    save(at)
    assert load_templates(own)["q_remake"].own and "cannot be used" not in text_of(at)
    (kept,) = earlier(own, "q_remake")
    assert kept.text() == wrong


def test_a_folder_that_cannot_be_written_is_a_sentence(screen, own):
    at = editing(screen("replies"))
    own.parent.mkdir(exist_ok=True)
    own.write_text("no folder", "utf-8")
    button(at, "edit-save").click().run()
    assert not at.exception and "Not saved." in text_of(at)


# --- who may, and in which words


def test_whoever_is_no_admin_reads_and_changes_nothing(screen, own, monkeypatch):
    import roles

    save_template(own, "ours", shipped_with("a_close_record", called="ours"), over=None)
    at = editing(screen("replies"), "ours")
    monkeypatch.setattr(roles, "access", lambda: roles.Access(roles.Role.REVIEWER))
    save(at)
    assert "Only admins change replies" in text_of(at) and earlier(own) == ()
    at = show(screen("replies"), "ours")
    assert "Only admins change replies" in text_of(at)
    assert not [one for one in at.button if (one.key or "").startswith(("edit", "new", "mend", "versions"))]
    assert len(at.segmented_control(key="library-view").options) == 2


@pytest.mark.parametrize(("kind", "language"), list(product(Kind, ["en", "zh"])))
def test_every_slip_has_words_that_say_what_to_do(screen, kind, language):
    from wording import wording

    said = wording(language)(f"slip.{kind.value}", value="x", key="y", language="z", expected="w")
    assert len(said) > 3 and not any(name in said for name in ("{value}", "{key}"))


def test_the_editor_in_chinese(screen):
    at = editing(screen("replies", language="zh"))
    write(at, "zh", "您好{% if buyer_name %}{{ buyer_name }}，")
    assert "第 1 行：{% if buyer_name %} 没有对应的" in words_of(at) and "请看中文正文" in text_of(at)
    save(at)
    assert "还没有保存" in text_of(at)


def test_our_sections_of_strings_are_ours_alone():
    import tomllib

    from wording import LANGUAGES as SHOWN

    folder = files("triage_ml").parents[1] / "app" / "strings"
    for language in SHOWN:
        sections = [name for file in (folder / language).glob("*.toml") for name in tomllib.loads(file.read_text("utf-8"))]
        ours = tomllib.loads((folder / language / "replies.toml").read_text("utf-8"))
        assert [name for name in ours if sections.count(name) > 1] == []


# --- macros


def imported(at, name="macros.csv", content=MACROS):
    view(at, "macros")
    at.file_uploader(key="macros-file").upload(name, content if isinstance(content, bytes) else content.encode()).run()
    button(at, "macros-read").click().run()
    _wait(at)
    return at.run()


def _wait(at):
    import session

    jobs = session.jobs()
    for key in list(jobs._jobs):
        if key.startswith("macros:"):
            jobs.get(key).wait(60)


def test_macros_are_looked_at_then_kept_edited_or_left_out(screen, own):
    at = imported(screen("replies"))
    assert "macros.csv: 3 of 3 proposals left" in text_of(at) and "a photo of the fault?" in words_of(at)
    assert "Ask for a photo" in text_of(at)
    rejects = at.dataframe[0].value
    assert rejects["Row"].tolist() == [5] and "empty" in rejects["Reason"].tolist()[0]
    button(at, "macro-keep").click().run()
    assert own_ids(own) == ("own_damage_photo",) and "2 of 3" in text_of(at)
    assert "{{dc.sign_off}} is not known here" in words_of(at)
    button(at, "macro-edit").click().run()
    assert part(at, "text_input", "name").value == "own_engraving_error"
    write(at, "en", part(at, "text_area", "text-en").value.replace(" [dc.sign_off]", ""))
    save(at)
    assert own_ids(own) == ("own_damage_photo", "own_engraving_error")
    assert "# Imported from" in own_text(own, "own_engraving_error")
    view(at, "macros")
    assert "1 of 3" in text_of(at) and "“coupon” on amazon" in words_of(at) and button(at, "macro-keep").disabled
    button(at, "macro-leave").click().run()
    assert "0 of 3" in text_of(at) and not has_button(at, "macro-keep") and len(own_ids(own)) == 2


def test_a_macro_of_a_name_that_is_there_does_not_replace_it(screen, own):
    ours = shipped_with("a_close_record", called="own_damage_photo")
    save_template(own, "own_damage_photo", ours, over=None)
    at = imported(screen("replies"))
    assert "You have a reply named own_damage_photo already" in text_of(at) and button(at, "macro-keep").disabled
    assert own_text(own, "own_damage_photo") == ours


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("macros.csv", b"Macro,Usage\nThanks,12\n"),
        ("macros.xlsx", b"not a workbook"),
        ("../../macros.csv", b""),
        ("m.csv", b"\x00\xff" * 50),
    ],
)
def test_a_file_without_macros_is_told_in_a_sentence(screen, own, name, content):
    at = imported(screen("replies"), name, content)
    assert not at.exception and "could not be read" in text_of(at) and "/tmp" not in text_of(at) and own_ids(own) == ()
