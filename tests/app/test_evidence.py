"""The evidence page: which case, what is missing, files, the text for the platform, the pack."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mug import MUG, NOW
from PIL import Image
from reading import button, has_button, html_of, text_of, words_of
from sqlalchemy import text

import file_checks
import session
from triage_ml.cases import AttachmentKind, Decision, Hold, Outcome, OutcomeKind, ledger
from triage_ml.evidence.purposes import Purpose, facts, purpose_facts
from triage_ml.messages import Category, Direction, Message, MessageKind
from wording import wording

BROKEN = "The handle broke off after two days. Please send me a new one."
WRONG = "I ordered the blue one and got red. Can you make it again?"
PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF"


def picture(format="JPEG", size=(64, 48), **more):
    drawn = io.BytesIO()
    Image.new("RGB", size, "teal").save(drawn, format, **more)
    return drawn.getvalue()


def huge(width, height):
    """A small file that says of itself that it holds a huge picture."""
    data = bytearray(picture("GIF"))
    data[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return bytes(data)


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return packed.getvalue()


def erase(record, case_id):
    with record.changing(case_id) as change:
        seqs = [entry.seq for entry in ledger.entries_of(change.connection, change.id)]
        ledger.erase(change.journal, seqs, "retention", change.id, "30 days after delivery")


def files_of(at):
    return next(one for one in at.file_uploader if one.key.startswith("evidence-files"))


def give(at, *files, kind=None):
    if kind:
        next(one for one in at.selectbox if one.key.startswith("evidence-kind")).set_value(kind).run()
    for name, data in files:
        files_of(at).upload(name, data)
    at.run()
    return button(at, "evidence-keep").click().run()


def keep(record, tmp_path, case_id, name, data, kind="production_photo"):
    path = tmp_path / name
    path.write_bytes(data)
    return record.attach(case_id, path, AttachmentKind(kind), "Noah")


def draft_of(at):
    return next(one for one in at.text_area if one.key.startswith("evidence-text"))


def choose_purpose(at, purpose):
    return next(one for one in at.segmented_control if one.key.startswith("evidence-purpose")).set_value(purpose).run()


def built(at):
    button(at, "evidence-build").click().run()
    job = session.jobs().get(f"pack:{at.session_state['session_id']}")
    job.wait(60)
    return at.run() and job.result.report


def downloads(at):
    return [one.proto.label for one in at.get("download_button")]


# --- which case


def test_without_any_case_the_page_says_what_to_do(screen):
    at = screen("evidence")
    assert "No case is open" in text_of(at) and "None at the moment" in at.selectbox(key="evidence-stake").proto.placeholder


def test_what_is_at_stake_is_listed_and_opened(screen, arrive, record):
    claimed, held, other = arrive(BROKEN, WRONG, "Where is it?")
    record.outcome(claimed, Outcome("Mia", OutcomeKind.A_TO_Z))
    record.hold(held, Hold("Dispute", "Ms Kern", datetime.now(UTC) + timedelta(days=9)), "Mia")
    at = screen("evidence")
    assert "No case is open" in text_of(at) and has_button(at, f"evidence-open-{held}")
    assert at.selectbox(key="evidence-stake").options == [f"{claimed} · A-to-z claim", f"{held} · kept on hold"]
    assert not has_button(at, f"evidence-open-{other}")
    at.selectbox(key="evidence-stake").set_value(claimed).run()
    assert f"<h3>{claimed}" in html_of(at) and at.query_params["case"] == claimed


@pytest.mark.parametrize("written", ["2", "C-000002", "c-2", "Ｃ－２".replace("－", "-"), "305-0000001-1234567"])
def test_a_case_is_found_by_its_number_or_its_orders(screen, arrive, written):
    _, second = arrive(BROKEN, WRONG)
    at = screen("evidence")
    at.text_input(key="evidence-number").set_value(written).run()
    assert f"<h3>{second}" in html_of(at) and at.text_input(key="evidence-number").value == ""


def test_a_number_that_there_is_not_is_told(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    at.text_input(key="evidence-number").set_value("<b>305</b>").run()
    assert "no case and no order with the number <b>305</b>" in text_of(at) and "<b>305" not in html_of(at)
    at.text_input(key="evidence-number").set_value("999999999999999").run()
    assert "There is no case C-999999999999999" in text_of(at)


def test_the_address_names_the_case(screen, arrive):
    _, second = arrive(BROKEN, WRONG)
    at = screen("inbox")
    at.query_params["case"] = second
    at.switch_page("evidence/page.py").run()
    assert f"<h3>{second}" in html_of(at)


# --- what for, what is missing


def test_every_item_and_every_clock_is_explained_in_both_languages():
    for language in ("en", "zh"):
        say = wording(language)
        assert [item["id"] for item in facts()["item"] if not say.knows(f"evidence_why.{item['id']}")] == []
        assert [kind.value for kind in AttachmentKind if not say.knows(f"evidence_kind.{kind.value}")] == []
        assert [one.value for one in Purpose if not say.knows(f"evidence_purpose.{one.value}")] == []


def test_every_purpose_is_drawn_for_every_marketplace_with_its_clocks(screen, arrive, record):
    from dataclasses import replace

    orders = [replace(MUG, marketplace=code) for code in ("us", "ae", "xx")]
    cases = [arrive(BROKEN, order=order)[0] for order in [*orders, None]]
    for case_id in cases:
        at = screen("evidence", case_id)
        for purpose in Purpose:
            choose_purpose(at, purpose)
            assert not at.exception and purpose_facts(purpose)["steps"]["en"][0] in text_of(at)
    at = screen("evidence", cases[0])
    choose_purpose(at, Purpose.SAFE_T)
    assert "30 days from the notice of the refund" in text_of(at)


def test_a_notice_chooses_the_purpose_and_starts_the_clock(screen, record, judge):
    said = [
        Message("1", BROKEN, MUG, "t", channel="amazon", sent_at=NOW - timedelta(hours=30)),
        Message("2", "We make it again.", MUG, "t", Direction.OUT, MessageKind.SELLER, "amazon", sent_at=NOW - timedelta(hours=20)),
        Message("3", "Chargeback", MUG, "t", kind=MessageKind.CHARGEBACK, channel="amazon", sent_at=NOW - timedelta(hours=2)),
    ]  # fmt: skip
    record.record(judge.assess_many(said), "import")
    at = screen("evidence", record.cases().cases[0].id)
    seen = text_of(at)
    assert "For the bank of the buyer" in seen and "in 45 h" in seen.replace("in 46 h", "in 45 h")
    assert seen.index("Proof of delivery") < seen.index("The notice of the chargeback")  # missing first, there below


def test_the_next_missing_thing_is_first_and_its_kind_is_chosen_until_it_is_there(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    assert html_of(at).count('class="remedy first"') == 1
    kind = next(one for one in at.selectbox if one.key.startswith("evidence-kind"))
    assert kind.value is AttachmentKind.LISTING_SNAPSHOT
    give(at, ("listing.pdf", PDF))
    assert "3 of 8 needed things are there" in text_of(at)
    kind = next(one for one in at.selectbox if one.key.startswith("evidence-kind"))
    assert kind.value is AttachmentKind.PRODUCTION_PHOTO and "✓ The listing as it was" in text_of(at)


# --- giving files


def test_several_files_are_kept_and_the_checklist_and_the_text_follow(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    give(at, ("front.jpg", picture()), ("back.png", picture("PNG")), kind=AttachmentKind.PRODUCTION_PHOTO)
    assert [(one.name, one.kind.value, one.added_by) for one in record.case(only).attachments] == [
        ("front.jpg", "production_photo", "Mia"), ("back.png", "production_photo", "Mia"),
    ]  # fmt: skip
    seen = text_of(at)
    assert "front.jpg is kept as: Photo of the finished piece." in seen and "Kept files (2)" in seen
    assert "front.jpg [2] · back.png [3]" in seen and "Foto aus der Fertigung (2)" in draft_of(at).value
    assert len(at.get("image")) == 2 and not files_of(at).value
    assert "is kept as" not in text_of(at.run())


def test_a_file_is_kept_once(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    give(at, ("a.pdf", PDF), ("b.pdf", PDF))
    assert "a.pdf is kept as" in text_of(at) and "b.pdf is kept already (entry 2)" in text_of(at)
    give(at, ("c.pdf", PDF))
    assert "c.pdf is kept already" in text_of(at) and len(record.case(only).attachments) == 1


def test_what_is_not_what_it_says_is_refused_in_a_sentence_and_the_rest_is_kept(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    give(
        at,
        ("<b>x</b>.pdf", b"MZ\x90\x00\x03"),
        ("photo.jpg", picture("PNG")),
        ("ok.pdf", PDF),
        ("big.pdf", b"%PDF" + bytes(26 * 2**20)),
    )
    seen = text_of(at)
    assert "b>.pdf was not kept: it is a program" in seen and "<b>x" not in html_of(at)
    assert "photo.jpg was not kept: what is in it is not what the ending .jpg says" in seen
    assert "big.pdf was not kept: a file may have at most 25 MB" in seen
    assert [one.name for one in record.case(only).attachments] == ["ok.pdf"]


MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: Tasse\r\n\r\nHallo"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.jpg", picture(), ""),
        ("A.JPEG", picture(), ""),
        ("a.png", picture("PNG"), ""),
        ("a.gif", picture("GIF"), ""),
        ("a.webp", picture("WEBP"), ""),
        ("a.pdf", PDF, ""),
        ("a.txt", "Größe 7, 刻印なし".encode(), ""),
        ("a.txt", "Größe".encode("utf-16"), ""),
        ("a.txt", "刻印".encode("iso2022_jp"), ""),
        ("a.txt", b"MZ 12 ordered twice", ""),
        ("a.csv", b"order;day\n1;2\n", ""),
        ("a.eml", MAIL, ""),
        ("a.docx", zipped(word__document_DOT_xml="x"), ""),
        ("a.xlsx", zipped(xl__workbook_DOT_xml="x"), ""),
        ("a.odt", zipped(content_DOT_xml="x"), ""),
        ("a.doc", OLE + "WordDocument".encode("utf-16-le"), ""),
        ("a.pdf", b"", "refused_empty"),
        ("a.exe", b"MZ\x90\x00", "refused_program"),
        ("a.pdf", b"\x7fELF\x02\x01\x01\x00", "refused_program"),
        ("a.txt", b"#!/bin/sh\nrm -rf /", "refused_program"),
        ("a.heic", b"\x00\x00\x00\x18ftypheic", "refused_ending"),
        ("a.html", b"<script>alert(1)</script>", "refused_ending"),
        ("a.svg", b"<svg onload='alert(1)'/>", "refused_ending"),
        ("noending", b"x", "refused_ending"),
        ("a.jpg.exe", b"text", "refused_ending"),
        ("a.pdf", picture(), "refused_content"),
        ("a.jpg", PDF, "refused_content"),
        ("a.jpg", picture("PNG"), "refused_content"),
        ("a.txt", b"a\x00b", "refused_content"),
        ("a.eml", b"just words", "refused_content"),
        ("a.docx", zipped(xl__workbook_DOT_xml="x"), "refused_content"),
        ("a.docx", zipped(word__document_DOT_xml="x", word__vbaProject_DOT_bin="x"), "refused_content"),
        ("a.docx", b"PK\x03\x04 cut off", "refused_content"),
        ("a.doc", OLE, "refused_content"),
        ("a.doc", OLE + "WordDocument_VBA_PROJECT".encode("utf-16-le"), "refused_content"),
        ("a.jpg", picture(size=(640, 480))[:700], "refused_broken"),
        ("a.gif", huge(7800, 7800), "refused_pixels"),
        ("a.gif", huge(16000, 12000), "refused_pixels"),
    ],
)  # fmt: skip
def test_what_may_be_kept(name, data, why):
    assert file_checks.refusal(name, data) == why
    for language in ("en", "zh"):
        assert not why or wording(language).knows(f"evidence_file.{why}")


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("../../etc/a.pdf", "a.pdf"),
        ("C:\\Users\\Mia\\b.jpg", "b.jpg"),
        ("evil\u202egpj.pdf", "evilgpj.pdf"),
        ("..", "file"),
        ("写真.jpg", "写真.jpg"),
    ],
)
def test_a_name_has_no_path_and_nothing_that_hides(name, bare):
    assert file_checks.bare_name(name) == bare
    assert len(file_checks.bare_name("語" * 300 + ".jpg").encode()) <= 180 and file_checks.bare_name(
        "語" * 300 + ".jpg"
    ).endswith(".jpg")


def test_without_a_name_nothing_is_kept(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only, person="")
    files_of(at).upload("a.pdf", PDF)
    at.run()
    assert "Write your name in the side bar" in text_of(at) and button(at, "evidence-keep").disabled


def test_a_file_goes_in_whatever_others_do_meanwhile(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    record.decide(only, record.case(only).version, Decision("Noah", Category.QUALITY, "remake", final_text="We make it again."))
    give(at, ("a.pdf", PDF))
    assert [one.name for one in record.case(only).attachments] == ["a.pdf"] and "decided" in text_of(at)
    assert "What was offered, and when" in text_of(at).partition("There")[2]


def test_my_decision_can_be_taken_back_after_i_attached_a_file(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("case", only)
    button(at, "decide").click().run()
    at.session_state["case"] = only
    at.switch_page("evidence/page.py").run()
    give(at, ("a.pdf", PDF), ("b.txt", b"number 7"))
    at.switch_page("case/page.py").run()
    button(at, "undo").click().run()
    assert record.case(only).decisions[0].undone_by == "Mia"


# --- what was kept


def test_pictures_are_drawn_anew_without_what_they_carry():
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Phone of Mia", 6
    small = file_checks.thumbnail(picture(size=(900, 300), exif=exif))
    with Image.open(io.BytesIO(small)) as shown:
        assert shown.format == "WEBP" and shown.size == (480, 360) and not shown.getexif()
        box = shown.getchannel("A").getbbox()
    assert box[3] - box[1] > box[2] - box[0]  # turned as the camera was held
    assert b"Mia" not in small and file_checks.thumbnail(b"no picture") is None


def test_broken_missing_and_changed_files_are_told_and_the_rest_is_there(screen, arrive, record, tmp_path):
    (only,) = arrive(BROKEN)
    for name, data in (("broken.jpg", picture()[:200]), ("gone.pdf", PDF), ("other.txt", b"one"), ("*note*<i>.txt", b"two")):
        keep(record, tmp_path, only, name, data)
    _, gone, other, _ = record.case(only).attachments
    Path(gone.path).unlink()
    Path(other.path).write_bytes(b"somebody was here")
    at = screen("evidence", only)
    seen = text_of(at)
    assert "broken.jpg cannot be shown" in seen and "gone.pdf (entry 3) is no longer where it was kept" in seen
    assert "other.txt (entry 4) is not the file that was kept" in seen
    assert "*note*<i>.txt" in seen and "<i>" not in html_of(at)
    assert downloads(at) == ["Download", "Download"]
    report = built(at)
    assert any("missing" in one for one in report.cautions) and not any("gone" in name for name in report.files)


def test_names_of_files_and_products_are_text_never_markup(screen, arrive, record, tmp_path):
    from dataclasses import replace

    (only,) = arrive("<script>alert(1)</script> **bold** it broke", order=replace(MUG, product="<img src=x> [a](http://b)"))
    keep(record, tmp_path, only, "<script>x<∕script>.jpg", picture())
    at = screen("evidence", only)
    assert "<script>x" in text_of(at) and "<script>" not in html_of(at) and "<img src=x>" not in html_of(at)
    labels = [one.label for kind in ("button", "selectbox", "text_area", "checkbox") for one in getattr(at, kind)]
    told = [one.value for kind in ("markdown", "caption", "subheader", "title") for one in getattr(at, kind)]
    assert not [one for one in [*labels, *told, *downloads(at)] if "script" in one or "[a](" in one]


# --- the text


def test_the_text_is_edited_measured_and_kept_while_the_record_changes(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    first = draft_of(at).value
    assert f"{len(first)} of 1000 characters" in text_of(at) and "states no length" in text_of(at)
    draft_of(at).set_value(first + " Bitte prüfen.").run()
    give(at, ("listing.pdf", PDF))
    assert draft_of(at).value == first + " Bitte prüfen." and "The record changed since you edited" in text_of(at)
    at.switch_page("inbox/page.py").run()
    at.switch_page("evidence/page.py").run()
    assert draft_of(at).value.endswith("Bitte prüfen.")
    button(at, "evidence-restore").click().run()
    assert draft_of(at).value != first and "Angebotsseite" in draft_of(at).value and not has_button(at, "evidence-restore")
    draft_of(at).set_value("x" * 1001).run()
    assert "1001 characters, and the box holds 1000" in text_of(at)


def test_the_text_is_there_in_english_too(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    next(one for one in at.segmented_control if one.key.startswith("evidence-language")).set_value("en").run()
    assert draft_of(at).value.startswith("Order 305-") and "[1]" in text_of(at)


# --- the pack


def test_a_pack_is_built_and_is_what_it_was(screen, arrive, record, tmp_path):
    (only,) = arrive(BROKEN)
    keep(record, tmp_path, only, "front.jpg", picture())
    at = screen("evidence", only)
    assert "this one buyer's order number" in text_of(at) and "Download the pack" not in downloads(at)
    report = built(at)
    seen = text_of(at)
    assert "Download the pack" in downloads(at) and f"{len(report.files)} files" in seen
    assert "Needed, and not in it" in seen and "platform/evidence.html" in seen and report.sha256 in seen
    pack = report.path.read_bytes()
    given(at, "pack.zip", pack)
    assert "pack.zip is what it was" in text_of(at) and "Mark what is new" in text_of(at)
    choose_purpose(at, Purpose.SAFE_T)
    assert "Download the pack" not in downloads(at)


def given(at, name, data):
    at.file_uploader(key="evidence-given-pack").set_value((name, data, "application/zip")).run()
    return at


def test_what_is_new_since_an_earlier_pack_is_marked(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    earlier = built(at).path.read_bytes()
    given(at, "earlier.zip", earlier)
    report = built(at)
    assert any("Nothing new was recorded" in one for one in report.cautions) and "Nothing new" in text_of(at)
    give(at, ("listing.pdf", PDF))
    assert f"Case {only} changed since the pack was built" in text_of(at) and "Download the pack" not in downloads(at)
    report = built(at)
    assert not any("Nothing new" in one for one in report.cautions)
    assert any(sentence.new for draft in report.drafts for sentence in draft.sentences)
    with zipfile.ZipFile(io.BytesIO(earlier)) as pack:
        given(at, "manifest.json", pack.read("manifest.json"))
    assert "The files themselves are not in it" in text_of(at) and "Mark what is new" in text_of(at)


def test_a_pack_that_was_changed_and_one_of_another_case_are_told(screen, arrive):
    first, second = arrive(BROKEN, WRONG)
    at = screen("evidence", first)
    whole = built(at).path.read_bytes()
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as pack, zipfile.ZipFile(changed, "w") as other:
        for name in pack.namelist():
            other.writestr(name, pack.read(name) + b" " * name.endswith("answer.en.txt"))
        other.writestr("<b>more.txt", "x")
    given(at, "pack.zip", changed.getvalue())
    assert "is not what it was; 2 differences" in text_of(at) and "Mark what is new" not in text_of(at)
    assert "<b>more.txt: the manifest does not know it" in text_of(at)
    given(at, "<i>pack.zip", b"PK nothing")
    assert "<i>pack.zip is not a pack." in text_of(at) and "<i>" not in html_of(at) and "/tmp" not in text_of(at)
    at = screen("evidence", second)
    given(at, "pack.zip", whole)
    assert f"The pack is of case {first}" in text_of(at) and "Mark what is new" not in text_of(at)


def test_a_pack_can_be_checked_without_a_case(screen, arrive):
    (only,) = arrive(BROKEN)
    whole = built(screen("evidence", only)).path.read_bytes()
    at = given(screen("evidence"), "pack.zip", whole)
    assert "pack.zip is what it was: all" in text_of(at) and f"Case {only}" in text_of(at)


def test_what_swells_when_it_is_unpacked_is_no_pack(screen, arrive):
    arrive(BROKEN)
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("manifest.json", b" " * (33 * 2**20))
    at = given(screen("evidence"), "pack.zip", swollen.getvalue())
    assert "pack.zip is not a pack. a file that is too large" in text_of(at)


def test_a_pack_that_nobody_holds_any_more_leaves_nothing_behind(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    path = built(at).path
    assert path.exists()
    session.jobs().forget(f"pack:{at.session_state['session_id']}")
    assert not path.parent.exists()


# --- other states


def test_an_erased_case_shows_what_is_left_and_takes_no_file(screen, arrive, record, tmp_path):
    (only,) = arrive(BROKEN)
    keep(record, tmp_path, only, "emma.jpg", picture())
    at = screen("evidence", only)
    draft_of(at).set_value("Dear Ms Kim").run()
    built(at)
    erase(record, only)
    at.run()
    seen = words_of(at) + text_of(at)
    assert "The personal data of this case was erased" in seen and "was erased." in seen
    assert not any(name in seen for name in ("emma.jpg", "handle", "Kim")) and not at.session_state["evidence-edits"]
    assert not [one for one in at.file_uploader if one.key.startswith("evidence-files")] and not downloads(at)
    assert built(at).files


def test_who_attaches_to_what_was_erased_meanwhile_is_told(screen, arrive, record):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only)
    files_of(at).upload("a.pdf", PDF)
    at.run()
    erase(record, only)
    button(at, "evidence-keep").click().run()
    assert not record.case(only).attachments and "was erased" in text_of(at)


def test_a_case_without_a_judgement_is_drawn(screen, record, judge):
    out = Message(
        "o", "We sent it today.", MUG, direction=Direction.OUT, kind=MessageKind.SELLER, channel="amazon", sent_at=NOW
    )
    record.record(judge.assess_many([out]), "import")
    (only,) = record.cases().cases
    with record.changing(only.id) as change:
        for table in ("resolutions", "predictions"):
            change.connection.execute(text(f"DELETE FROM {table}"))
    assert record.case(only.id).judgement is None
    at = screen("evidence", only.id)
    for purpose in Purpose:
        choose_purpose(at, purpose)
        assert not at.exception and draft_of(at).value
    assert built(at).files


def test_without_a_model_the_page_is_whole(screen, arrive, monkeypatch, tmp_path):
    (only,) = arrive(BROKEN)
    monkeypatch.setenv("TRIAGE_MODEL", str(tmp_path / "none"))
    assert "Build the pack" in text_of(screen("evidence", only))


def test_the_page_speaks_chinese_and_the_text_stays_the_marketplaces(screen, arrive):
    (only,) = arrive(BROKEN)
    at = screen("evidence", only, language="zh")
    seen = text_of(at)
    assert "材料清单" in seen and "下单当日的商品页面" in seen and "证据包包含这一位买家" in seen and "Checklist" not in seen
    assert "Bestellung" in draft_of(at).value and "请先自行检查" in seen
    give(at, ("x.exe", b"MZ\x00"))
    assert "x.exe 未保存：这是程序文件" in text_of(at)


def test_nothing_on_the_page_accuses_anybody():
    for language, accusing in (
        ("en", ("fraud", "lie", "liar", "scam", "cheat", "suspect", "abus")),
        ("zh", ("欺诈", "骗", "恶意", "撒谎", "滥用")),
    ):
        own = [text for key, text in wording(language).strings.items() if key.startswith("evidence")]
        assert [
            text for text in own for word in accusing if word in text.lower().split() or (language == "zh" and word in text)
        ] == []
