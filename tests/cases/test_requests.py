import json
import stat
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from triage_ml.cases import AttachmentKind, CaseState, Decision, Hold, Outcome, OutcomeKind, PhoneNote, Recorded
from triage_ml.cases.requests import FoundBy, Reason, delete_person, export_person, find_person
from triage_ml.cases.retention import Kept, Protection, Rule, purge
from triage_ml.errors import CaseError, CaseNotFoundError
from triage_ml.messages import Category, Message, MessageKind, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ALIAS = "k3v9x2qj7w@marketplace.amazon.fr"
RING = OrderLine(
    "403-5550001-5550001", "RING-7", "Bague gravée", Money(Decimal("59.00"), "EUR"), 1, "fr", NOON - 4 * DAY, True, "Éloïse ♥ Maël"
)  # fmt: skip
FIRST = Message(
    "b-1", "La gravure dit « Eloise » sans accents, c'est raté.", RING, "c-77", channel="amazon", sent_at=NOON,
    subject="Question sur la commande", sender=f"{ALIAS[:10]}+4f1c{ALIAS[10:]}", attachments=("bague.jpg",),
)  # fmt: skip
SECOND = Message(
    "b-2", "Et le bracelet commandé en mai n'est jamais arrivé ?", OrderLine("403-5550002-5550002", "BRAC-1"), "c-81",
    channel="amazon", sent_at=NOON + DAY, sender=f"{ALIAS[:10]}+77aa{ALIAS[10:]}",
)  # fmt: skip
STRANGER = Message(
    "s-1", "Bonjour, Éloïse de votre équipe m'avait promis un écrin avec la montre.", OrderLine("403-9990009-9990009", "WATCH-2"),
    channel="amazon", sent_at=NOON, sender="z8p0m4n6c2@marketplace.amazon.fr",
)  # fmt: skip
ETSY = Message(
    "e-1", "My daughter's name is spelled Saoirse, not Sorcha.", OrderLine("3141592653", "MUG-1"), channel="etsy", sent_at=NOON,
    sender="J. Ó Briain",
)  # fmt: skip


@pytest.fixture
def filled(store, assess, tmp_path):
    """Two cases of one buyer (1 and 2), one of a stranger (3) and one of somebody on Etsy (4)."""
    store.now = lambda: NOON + 2 * DAY
    store.record(assess(FIRST, SECOND, STRANGER, ETSY), "import")
    photo = tmp_path / "ma bague: Éloïse?.jpg"
    photo.write_bytes(b"\xff\xd8 a hand with a ring")
    store.attach("C-000001", photo, AttachmentKind.BUYER_PHOTO, "Mia", message_id=1)
    store.note_phone("C-000001", PhoneNote("Mia", "Elle préfère une nouvelle bague.", "Comme convenu au téléphone."))
    version = store.case("C-000001").version
    decision = Decision(
        "Mia", Category.MISMATCH, "remake", Money(Decimal("6.00"), "EUR"), final_text="Chère Éloïse, nous la refaisons."
    )
    store.decide("C-000001", version, decision)
    store.outcome("C-000001", Outcome("Mia", OutcomeKind.REMADE, note="contente"))
    return store


def _found(store, **looked_for):
    return {match.case.id: set(match.found_by) for match in find_person(store, **looked_for)}


HERS = {"C-000001": {FoundBy.ALIAS}, "C-000002": {FoundBy.ALIAS}}


@pytest.mark.parametrize(
    ("looked_for", "found"),
    [
        ({"order_id": " 403-5550001-5550001 "}, {"C-000001": {FoundBy.ORDER}, "C-000002": {FoundBy.SAME_BUYER}}),
        ({"alias": ALIAS}, HERS),
        ({"alias": FIRST.sender.upper()}, HERS),
        ({"words": "Éloïse"}, {"C-000001": {FoundBy.WORDS}, "C-000003": {FoundBy.WORDS}}),
        ({"words": "bracelet", "alias": ALIAS}, {"C-000001": {FoundBy.ALIAS}, "C-000002": {FoundBy.ALIAS, FoundBy.WORDS}}),
        ({"order_id": "3141592653"}, {"C-000004": {FoundBy.ORDER}}),
        ({"alias": "j. ó briain", "order_id": "3141592653"}, {"C-000004": {FoundBy.ORDER, FoundBy.ALIAS}}),
        ({"order_id": "403-0000000-0000000"}, {}),
        ({"alias": "nobody@example.com", "words": "Dudelsack"}, {}),
    ],
)
def test_finding(filled, looked_for, found):
    assert _found(filled, **looked_for) == found


def test_who_was_erased_after_the_delivery_is_still_found(filled):
    filled.now = lambda: NOON + 60 * DAY
    assert len(purge(filled, "night").gone) == 4
    assert _found(filled, alias=ALIAS) == HERS
    assert _found(filled, order_id=RING.order_id) == {"C-000001": {FoundBy.ORDER}, "C-000002": {FoundBy.SAME_BUYER}}
    assert _found(filled, order_id="3141592653") == {"C-000004": {FoundBy.ORDER}}
    assert _found(filled, words="Éloïse") == {}


def test_what_cannot_be_looked_for(filled):
    with pytest.raises(CaseError, match="nothing to look for"):
        find_person(filled, alias="  ")
    with pytest.raises(CaseError, match="at least 2"):
        find_person(filled, words="J Briain")


# --- a copy --------------------------------------------------------------------------------------------------------------


def test_a_copy_holds_everything_and_can_be_read(filled, tmp_path):
    path = tmp_path / "request-17.zip"
    assert export_person(filled, ["C-000001", "c-2"], path, "Mia") == 1
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        names = package.namelist()
        text = package.read("data.json").decode()
        data = json.loads(text)
        first, second = data["cases"]
        (photo,) = first["attachments"]
        assert names == [photo["file"], "data.json"] and photo["name"] == "ma bague: Éloïse?.jpg"
        assert photo["file"] == "attachments/C-000001/5-ma bague_ Éloïse_.jpg"
        assert package.read(photo["file"]) == b"\xff\xd8 a hand with a ring"
    for said in (
        FIRST.text,
        SECOND.text,
        FIRST.subject,
        FIRST.sender,
        RING.customisation,
        "Chère Éloïse",
        "au téléphone",
        "contente",
    ):
        assert said in text
    assert first["messages"][0]["message"]["order"]["paid"] == {"amount": "59.00", "currency": "EUR"}
    assert first["messages"][0]["judgement"]["reasons"] == list(filled.case("C-000001").messages[0].judgement.reasons)
    assert second["summary"]["id"] == "C-000002" and data["exported_at"] == (NOON + 2 * DAY).isoformat()
    assert STRANGER.text not in text and "Saoirse" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [filled.case(case).entries[-1].kind for case in ("C-000001", "C-000002")] == ["export", "export"]
    assert filled.verify().ok


def test_a_copy_says_which_file_is_not_there_any_more(filled, tmp_path):
    Path(filled.case("C-000001").attachments[0].path).unlink()
    assert export_person(filled, ["C-000001"], tmp_path / "copy.zip", "Mia") == 0
    with zipfile.ZipFile(tmp_path / "copy.zip") as package:
        assert json.loads(package.read("data.json"))["cases"][0]["attachments"][0]["file"] is None


def test_what_cannot_be_copied(filled, tmp_path):
    path = tmp_path / "copy.zip"
    with pytest.raises(CaseError, match="no case"):
        export_person(filled, [], path, "Mia")
    with pytest.raises(CaseNotFoundError):
        export_person(filled, ["C-000001", "C-000099"], path, "Mia")
    assert not path.exists()
    path.write_text("a letter")
    with pytest.raises(CaseError, match="a new file"):
        export_person(filled, ["C-000001"], path, "Mia")
    with pytest.raises(CaseError, match="a new file"):
        export_person(filled, ["C-000001"], tmp_path / "nowhere" / "copy.zip", "Mia")
    assert path.read_text() == "a letter"
    assert filled.case("C-000001").entries[-1].kind == "outcome"


# --- deletion ------------------------------------------------------------------------------------------------------------


def test_deleting_at_once(filled, assess):
    report = delete_person(filled, ["C-000001", "c-2", "C-000001"], "Mia")
    assert [(one.case_id, one.reason, one.by, one.files) for one in report.gone] == [
        ("C-000001", "request", "Mia", 1), ("C-000002", "request", "Mia", 0),
    ]  # fmt: skip
    assert report.kept == () and report.scrubbed
    for case_id in ("C-000001", "C-000002"):
        case = filled.case(case_id)
        assert case.summary.buyer_hash == case.summary.order.order_id == case.summary.order.customisation == ""
        assert case.summary.state is CaseState.CLOSED and case.messages[0].erased
    assert [path for path in filled.files.rglob("*") if path.is_file()] == []
    assert _found(filled, alias=ALIAS) == _found(filled, order_id=RING.order_id) == {}
    assert _found(filled, words="Éloïse") == {"C-000003": {FoundBy.WORDS}}
    if filled.engine.dialect.name == "sqlite":
        path = Path(filled.engine.url.database)
        everything = b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*") if part.is_file()).lower()
        assert "écrin".encode() in everything and ALIAS[:10].encode() not in everything and "maël".encode() not in everything
    assert filled.verify().ok
    assert filled.record(assess(FIRST, SECOND), "import") == Recorded(known=2)
    assert filled.case("C-000003").messages[0].message == STRANGER


def test_who_writes_again_after_a_deletion_is_a_new_case(filled, assess):
    delete_person(filled, ["C-000001"], "Mia", Reason.OBJECTION)
    again = replace(FIRST, message_id="b-9", text="Bonjour, une autre question.", sent_at=NOON + 3 * DAY)
    assert filled.record(assess(again), "import") == Recorded(messages=1, cases=1)


def test_what_a_hold_protects_stays_and_is_said(filled):
    until = NOON + 90 * DAY
    filled.hold("C-000002", Hold("court file 4 C 2/26", "Ms Li", until), "Mia")
    report = delete_person(filled, ["C-000001", "C-000002"], "Mia")
    assert [one.case_id for one in report.gone] == ["C-000001"]
    assert report.kept == (Kept("C-000002", Protection.HOLD, until),)
    assert "C-000002  kept until 2026-07-01 12:00 UTC: legal hold" in str(report)
    assert filled.case("C-000002").messages[0].message == SECOND
    filled.now = lambda: until
    report = delete_person(filled, ["C-000002"], "Mia")
    assert report.kept == () and report.expired_holds == ("C-000002",) and len(report.gone) == 1


def test_an_open_dispute_protects_unless_told_otherwise(filled, assess):
    claim = replace(SECOND, message_id="a-1", kind=MessageKind.A_TO_Z, text="A-to-z claim", sent_at=NOON + 2 * DAY)
    filled.record(assess(claim), "import")
    (kept,) = delete_person(filled, ["C-000002"], "Mia").kept
    assert kept.why is Protection.DISPUTE
    assert len(delete_person(filled, ["C-000002"], "Mia", rule=Rule(dispute_days=None)).gone) == 1


def test_a_case_that_is_not_there_stops_it_all(filled):
    with pytest.raises(CaseNotFoundError):
        delete_person(filled, ["C-000001", "C-000099"], "Mia")
    with pytest.raises(CaseError, match="no case"):
        delete_person(filled, [], "Mia")
    assert filled.case("C-000001").messages[0].message == FIRST


def test_the_report_says_which_backups_still_hold_the_person(filled, tmp_path):
    (tmp_path / "cases-20260405-030000.triage-backup").touch()
    filled.now = lambda: NOON + 5 * DAY
    (backup,) = delete_person(filled, ["C-000001", "C-000002"], "Mia", backups=tmp_path).backups_left
    assert (backup.cases, backup.until) == (2, date(2026, 5, 5))


def test_deleting_what_retention_left(filled):
    filled.now = lambda: NOON + 60 * DAY
    purge(filled, "night")
    assert filled.case("C-000001").summary.buyer_hash
    (gone,) = delete_person(filled, ["C-000001"], "Mia").gone
    assert (gone.texts, gone.files) == (0, 0)
    assert filled.case("C-000001").summary.buyer_hash == "" and set(_found(filled, alias=ALIAS)) == {"C-000002"}
    assert filled.verify().ok
