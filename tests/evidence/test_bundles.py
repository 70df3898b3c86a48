import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from disputes import DISPUTES, HOUR, NOON
from opened import members_of, pdf_text, squeezed

from triage_ml.cases import ledger
from triage_ml.evidence import build_pack, check_pack
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim, Message

# Whatever is the seller's own: names of staff, notes, scores, versions, names of files, rows and mailboxes, what the platform wrote.
INTERNAL = (
    "Xaver", "Sachbearbeiter", "Zweite Kollegin", "Anwältin", "Streit läuft", "lügt", "Wiederholungstäter", "getobt", "wie besprochen",
    "ein Stern", "negative_review", "modell-v9", "preise-intern", "shipped 2026", "fixed", "0.91", "91 %", "mails.mbox", "list.csv", "SKU-INTERN",
    "Kontonummer", "x7@marketplace", "Beweis gegen", "C-00000", "a_to_z", "A-to-z", "mismatch", "abuse", "probabilit", "judgement",
    "verdict", "our_error", "buyers_typo", "m_choice_partial", "claim", "Ottilie", "Asia/Shanghai", "purpose", "deadline", "ledger",
)  # fmt: skip


def test_nothing_internal_is_in_what_the_buyer_sees(store, record, dispute, assess, attach, now, tmp_path):
    for kind, name in (("production_photo", "Beweis gegen Käufer.jpg"), ("invoice", "lieferant.jpg"), ("other", "lügt.jpg")):
        attach(dispute, kind, name)
    attach(dispute, "listing_snapshot", "seite.html", "<p>Bewertung von Ottilie: toll</p>")
    now.at = NOON + 33 * HOUR
    other = Message("o-1", "Ich bin Ottilie und mein Becher ist kaputt.", thread_id="t-9", channel="amazon", sent_at=NOON)
    store.record(assess(other, claim=Claim.QUALITY), "import")
    for purpose in ("a_to_z", "abuse_report", "chargeback", "safe_t"):
        built = build_pack(store, dispute, purpose, tmp_path / f"{purpose}.zip", seller_zone="Asia/Shanghai")
        seen = {name: data for name, data in members_of(built.path).items() if name.startswith("buyer-visible/")}
        for name, data in seen.items():
            text = pdf_text(data) if name.endswith(".pdf") else data.decode("utf-8", "replace")
            for words in INTERNAL:
                assert words.lower() not in text.lower(), (purpose, name, words)
                assert squeezed(words).lower() not in squeezed(text).lower(), (purpose, name, words)
                assert words.lower() not in name.lower(), (purpose, name, words)
        kinds = [name.partition("-")[2] for name in seen if "attachments" in name]
        assert [kind.rpartition("-")[2] for kind in kinds] == ["production_photo.jpg"]
        text = seen["buyer-visible/evidence.html"].decode()
        assert "Lisbet statt Lisbeth" in text and "7.00 EUR" in text and "Für Oma Lisbeth" in text


def test_the_platform_gets_more_but_no_notes_scores_or_names_of_staff(pack):
    members = members_of(pack.path)
    told = json.loads(members["platform/evidence.json"])
    assert told["case_id"] == "C-000001" and told["purpose"] == "a_to_z"
    assert [text["sender"] for text in told["texts"]] == ["buyer", "seller", "platform"]
    assert told["policies"] == ["preise-intern 2026-01-01", "shipped 2026-11-01"] and set(told["rules"]) == {"R3"}
    private = (
        "Xaver",
        "Zweite",
        "Anwältin",
        "lügt",
        "Wiederholungstäter",
        "getobt",
        "negative_review",
        "modell-v9",
        "0.91",
        "probabilit",
    )
    for name in ("platform/evidence.html", "platform/evidence.json", "platform/evidence.pdf", "platform/answer.de.txt"):
        text = pdf_text(members[name]) if name.endswith(".pdf") else members[name].decode()
        assert not [words for words in private if words in text], name


def test_times_are_told_in_utc_and_where_buyer_and_seller_are(pack):
    page = members_of(pack.path)["platform/evidence.html"].decode()
    row = next(row for row in re.findall(r"<tr>(.*?)</tr>", page) if "The buyer wrote" in row)
    assert "2026-04-02 12:00:00 UTC" in row and "2026-04-02 14:00:00 +0200" in row and "2026-04-02 20:00:00 +0800" in row


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_can_be_read_in_html_and_pdf(store, record, attach, tmp_path, language):
    case = record(language)
    attach(case.id, "design_approval")
    build_pack(store, case.id, "a_to_z", tmp_path / "pack.zip")
    members = members_of(tmp_path / "pack.zip")
    typed, complaint, answer = DISPUTES[language]
    for bundle in ("platform", "buyer-visible"):
        text = squeezed(pdf_text(members[f"{bundle}/evidence.pdf"]))
        for words in (typed.replace("\n", ""), complaint, answer):
            assert squeezed(words) in text
    page = members["buyer-visible/evidence.html"].decode()
    assert f'<html lang="{language}">' in page and answer in page


def test_what_people_wrote_is_text_and_nothing_else(store, record, assess, tmp_path):
    wild = '<script>alert(1)</script>{{ 7*7 }} <img src=x onerror=alert(2)> & "quoted" \x07\x0b \u202e‮ 😀 <font name="x">'
    case = record("en", customisation=wild, product=wild)
    build_pack(store, case.id, "a_to_z", tmp_path / "pack.zip")
    members = members_of(tmp_path / "pack.zip")

    class Tags(HTMLParser):
        found: list = []

        def handle_starttag(self, tag, attributes):
            self.found.append((tag, dict(attributes)))

    for bundle in ("platform", "buyer-visible"):
        page = members[f"{bundle}/evidence.html"].decode()
        parser = Tags()
        parser.feed(page)
        assert not [tag for tag, attributes in parser.found if tag in ("script", "img", "font") or "onerror" in attributes]
        assert "{{ 7*7 }}" in page
        text = pdf_text(members[f"{bundle}/evidence.pdf"])
        assert "<script>alert(1)</script>" in squeezed(text) and "[U+1F600]" in text
        assert json.loads(members[f"{bundle}/evidence.json"])["order"]["customisation"] == wild


def test_texts_longer_than_a_page_are_whole(store, record, assess, tmp_path):
    lines = "\n".join(f"Zeile {number} mit Wunsch" for number in range(400))
    case = record("de", customisation=lines)
    long = "Ich schreibe das noch einmal ganz ausführlich. " * 400
    store.record(assess(Message("m-8", long, case.summary.order, "t-1", channel="amazon", sent_at=NOON + 40 * HOUR)), "import")
    build_pack(store, case.id, "a_to_z", tmp_path / "pack.zip")
    text = pdf_text(members_of(tmp_path / "pack.zip")["buyer-visible/evidence.pdf"])
    assert "Zeile 0 mit Wunsch" in text and "Zeile 399 mit Wunsch" in text
    assert squeezed(text).count(squeezed("ganz ausführlich.")) == 400


def test_what_was_erased_is_said_and_the_pack_stays_whole(store, dispute, attach, now, tmp_path):
    photo = attach(dispute, "production_photo")
    now.at = NOON + 1000 * HOUR
    case = store.case(dispute)
    with store.changing(dispute) as change:
        ledger.erase(change.journal, [entry.seq for entry in case.entries], "retention", change.id, "30 days after delivery")
        change.case |= {"order_id": "", "customisation": "", "buyer_hash": "", "pseudonymised_at": now.at}
    for file in store.case(dispute).attachments:
        Path(file.path).unlink()
    assert store.verify().ok
    built = build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip")
    assert check_pack(built.path) == () and not any("attachments" in name for name in built.files)
    members = members_of(built.path)
    for bundle, words in (
        ("platform", "erased on 2026-05-14 04:00:00 UTC"),
        ("buyer-visible", "am 2026-05-14 04:00:00 UTC gelöscht"),
    ):
        assert members[f"{bundle}/evidence.html"].decode().count(words) == (4 if bundle == "platform" else 3)
        assert words in pdf_text(members[f"{bundle}/evidence.pdf"])
        assert not [words for words in DISPUTES["de"] if words in members[f"{bundle}/evidence.html"].decode()]
        told = json.loads(members[f"{bundle}/evidence.json"])
        assert [(file["entry"], file["state"], file["path"]) for file in told["files"]] == [(photo, "erased", "")]
        assert {text["text_sha256"] for text in told["texts"]} == {""}
    assert "7.00 EUR" in built.drafts[0].text and "Lisbet" not in built.drafts[0].text


def test_a_file_that_is_gone_or_changed_is_left_out_and_said(store, dispute, attach, tmp_path):
    attach(dispute, "production_photo", "a.png")
    attach(dispute, "pod", "b.jpg")
    gone, changed = (Path(file.path) for file in store.case(dispute).attachments)
    gone.unlink()
    changed.write_bytes(b"something else")
    built = build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip")
    assert not any("attachments" in name for name in built.files) and check_pack(built.path) == ()
    assert [caution for caution in built.cautions if "a.png) is missing" in caution]
    assert [caution for caution in built.cautions if "b.jpg) is changed" in caution]
    page = members_of(built.path)["platform/evidence.html"].decode()
    assert "not found where it was kept" in page and "not the file that was recorded" in page
    assert {item.id for item in built.missing} >= {"production_photo", "pod"}


def test_calls_are_told_where_they_are_allowed_and_never_to_the_buyer(store, record, tmp_path, now):
    from triage_ml.cases import PhoneNote

    for channel, allowed in (("etsy", True), ("amazon", False)):
        case = record("en", channel=channel, order_id=f"order-{channel}")
        case = next(store.case(one.id) for one in store.walk() if one.order.order_id == f"order-{channel}")
        store.note_phone(case.id, PhoneNote("Mia", "she will send the bowl back", "as agreed by telephone"))
        built = build_pack(store, case.id, "chargeback", tmp_path / f"{channel}.zip")
        members = members_of(built.path)
        assert ("she will send the bowl back" in members["platform/evidence.html"].decode()) is allowed
        assert "send the bowl back" not in members["buyer-visible/evidence.html"].decode()
        assert any("telephone" in caution for caution in built.cautions) is not allowed
        wrong = build_pack(store, case.id, "a_to_z", tmp_path / "wrong.zip").cautions
        assert ("The case is on etsy, and a-to-z is amazon's." in wrong) is allowed
