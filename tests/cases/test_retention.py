import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from triage_ml.cases import (
    AttachmentKind,
    CaseState,
    CaseStore,
    Decision,
    Filter,
    Hold,
    Label,
    Outcome,
    OutcomeKind,
    PhoneNote,
    Recorded,
    database,
)
from triage_ml.cases.database import open_engine, reading
from triage_ml.cases.due import due_on
from triage_ml.cases.erasure import erase_cases
from triage_ml.cases.records import CaseMessage, Origin
from triage_ml.cases.retention import Kept, Protection, Rule, delete_backups, expired_backups, plan, purge
from triage_ml.errors import CaseError
from triage_ml.messages import Category, Claim, Message, MessageKind, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
DELIVERED = NOON - 3 * DAY
LAST_DAY, DUE_DAY = DELIVERED + 29 * DAY, DELIVERED + 30 * DAY
# Rare letters, so that even runs of three of them would be found in the search index.
PRIVATE = (
    "Zqxwylda", "Kjqvorin", "302-7654321-1234567", "qz7vxk9w3j", "Vxqpfoto", "Wjqxnotiz", "Qvzkantwort", "Xqjtelefon",
    "Jvqxdatei", "Zvqjexport", "Qxjwunsch", "Vjzqbestaetigung", "Kzxqgrund", "Jxqzsuffix",
)  # fmt: skip
ORDER = OrderLine(
    PRIVATE[2], "FRAME-30", "Picture frame", Money(Decimal("34.90"), "EUR"), 1, "de", DELIVERED, True, f"Name: {PRIVATE[0]}"
)  # fmt: skip
LETTER = Message(
    "<zvqj-mail@example.com>", f"Auf dem Rahmen steht {PRIVATE[1]} statt {PRIVATE[0]}, das Glas ist gesprungen. {PRIVATE[10]}!",
    ORDER, "t-1", channel="amazon", sent_at=NOON, subject=f"Bestellung {PRIVATE[2]}", sender=f"{PRIVATE[3]}+ab12@marketplace.amazon.de",
    reason_code=f"falscher Name, {PRIVATE[12]}", attachments=(f"{PRIVATE[4]}.jpg",),
)  # fmt: skip
RETURN = replace(
    LETTER, message_id="r-1", text="", reason_code="CR-DEFECTIVE", sent_at=NOON + timedelta(hours=1), attachments=()
)
ELSE = Message(
    "e-1", "Die Kette ist gerissen, bitte um Ersatz.", OrderLine("302-1111111-1111111", "NECK-1", delivered_at=NOON + 20 * DAY),
    channel="amazon", sent_at=NOON, sender="nobody0else@marketplace.amazon.de",
)  # fmt: skip


class Clock:
    """A clock that the test turns."""

    def __init__(self):
        self.now = NOON + timedelta(hours=2)

    def __call__(self):
        return self.now


@pytest.fixture
def clock(store):
    store.now = Clock()
    return store.now


@pytest.fixture
def filled(store, clock, assess, tmp_path):
    """A case with everything a case can have, and another one that is delivered later."""
    origin = Origin(f"{PRIVATE[9]}.eml", 3, "ab" * 32)
    store.record(assess(LETTER, RETURN, claim=Claim.MISMATCH), "import", origin=lambda _: origin)
    store.record(assess(ELSE), "import")
    case = "C-000001"
    version = store.case(case).version
    decision = Decision(
        "Mia", Category.MISMATCH, "remake", Money(Decimal("5.50"), "EUR"), "m_remake_our_error", f"Liebe {PRIVATE[6]}, ..."
    )
    store.decide(case, version, decision)
    spent = Money(Decimal("11.20"), "EUR")
    store.outcome(case, Outcome("Mia", OutcomeKind.ACCEPTED, Decimal("0.15"), spent, f"Notiz {PRIVATE[5]}"))
    store.label(case, Label("Mia", Claim.MISMATCH, note=f"{PRIVATE[5]} said so"))
    store.note_phone(case, PhoneNote("Mia", f"Telefon mit {PRIVATE[7]}", f"Wie besprochen, {PRIVATE[11]}."))
    photo = tmp_path / f"{PRIVATE[8]}.{PRIVATE[13]}"
    photo.write_bytes(b"\xff\xd8 a face")
    store.attach(case, photo, AttachmentKind.BUYER_PHOTO, "Mia", message_id=1)
    return store


def _everything(store):
    """All bytes that the database keeps, lower case: of SQLite its files, of PostgreSQL every row as text."""
    if store.engine.dialect.name == "sqlite":
        path = Path(store.engine.url.database)
        return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*") if part.is_file()).lower()
    with reading(store.engine) as connection:
        tables = inspect(connection).get_table_names()
        rows = [str(tuple(row)) for table in tables for row in connection.execute(text(f"SELECT t::text FROM {table} t"))]
    return "\n".join(rows).lower().encode()


def _said(store, needles=PRIVATE):
    everything = _everything(store)
    return [needle for needle in needles if needle.lower().encode() in everything]


def _names(files):
    return sorted(path.name for path in files.rglob("*") if path.is_file())


def test_nothing_of_a_person_is_left(filled, clock):
    assert _said(filled) == list(PRIVATE), "the test looks where it stands"
    kept = filled.files / "ab"
    kept.mkdir(exist_ok=True)
    stale, fresh = filled.files / f"part.77.{PRIVATE[8]}.jpg", filled.files / "part.78.new.jpg"
    for path, made in ((stale, DUE_DAY - 2 * DAY), (fresh, DUE_DAY)):
        path.write_bytes(b"half a ph")
        os.utime(path, (made.timestamp(), made.timestamp()))
    clock.now = DUE_DAY
    report = purge(filled, "night")
    (gone,) = report.gone
    assert (gone.case_id, gone.by, gone.reason, gone.texts, gone.files) == ("C-000001", "night", "retention", 7, 1)
    assert report.scrubbed
    assert _said(filled) == []
    assert _names(filled.files) == [fresh.name]
    if filled.engine.dialect.name == "sqlite":
        with reading(filled.engine) as connection:
            terms = connection.execute(text("SELECT term FROM search_terms")).scalars().all()
        assert "gerissen"[:3] in terms and not [term for term in terms if term in ("zqx", "kjq", "vxq", "jvq", "qvz")]
    assert filled.verify().ok
    assert filled.case("C-000003").messages[0].message.text == ELSE.text
    assert filled.search("gerissen")[0].case.id == "C-000003"


def test_what_stays_can_be_counted(filled, clock):
    before = filled.case("C-000001")
    clock.now = DUE_DAY
    purge(filled, "night")
    case = filled.case("C-000001")
    summary, letter = case.summary, case.messages[0]
    assert summary.pseudonymised_at == DUE_DAY and summary.state is CaseState.CLOSED and summary.hold is None
    assert summary.order == replace(before.summary.order, order_id="", customisation="")
    assert (summary.claim, summary.category, summary.sureness) == (
        Claim.MISMATCH,
        before.summary.category,
        before.summary.sureness,
    )
    assert summary.buyer_hash == before.summary.buyer_hash != ""
    assert [one.id for one in filled.walk(Filter(sku="FRAME-30", claim=Claim.MISMATCH))] == ["C-000001"]
    assert letter.erased and letter.message.text == letter.message.sender == letter.source_file == letter.raw_sha256 == ""
    assert [one.message.reason_code for one in case.messages] == ["", "CR-DEFECTIVE"]
    judged, was = letter.judgement, before.messages[0].judgement
    assert (judged.cues, judged.probabilities, judged.resolution) == (was.cues, was.probabilities, was.resolution)
    assert judged.cues and all(cue.keys() == {"start", "end", "type", "negated", "asked"} for cue in judged.cues)
    assert was.reasons and was.comparison and judged.reasons == () and judged.comparison is None
    assert case.decisions[0].decision == replace(before.decisions[0].decision, final_text="")
    assert case.outcomes[0].outcome == replace(before.outcomes[0].outcome, note="")
    assert case.labels[0].label == replace(before.labels[0].label, note="")
    assert case.deadlines == before.deadlines
    (photo,) = case.attachments
    assert photo.name == "" and not Path(photo.path).exists() and photo.sha256 == before.attachments[0].sha256
    assert sum(one.message.kind is MessageKind.BUYER for one in filled.stream(CaseMessage)) == 3


def test_a_dry_run_changes_nothing(filled, clock):
    before = (filled.case("C-000001"), filled.case("C-000003"), _names(filled.files))
    (due,) = plan(filled, DUE_DAY.date()).due
    assert (due.case_id, due.since, due.texts, due.files) == ("C-000001", DUE_DAY.date(), 7, 1)
    assert plan(filled).due == plan(filled, LAST_DAY.date()).due == ()
    assert [one.case_id for one in plan(filled, date(2027, 1, 1)).due] == ["C-000001", "C-000003"]
    assert plan(filled, LAST_DAY.date(), Rule(days=29)).due == (replace(due, since=LAST_DAY.date()),)
    assert (filled.case("C-000001"), filled.case("C-000003"), _names(filled.files)) == before


def test_an_old_export_brings_nothing_back(filled, clock, assess):
    clock.now = DUE_DAY
    purge(filled, "night")
    assert filled.record(assess(LETTER, RETURN), "import") == Recorded(known=2)
    assert _said(filled) == []


def test_a_late_message_finds_its_case_can_be_answered_and_goes_too(filled, clock, assess):
    clock.now = DUE_DAY
    purge(filled, "night")
    late = replace(LETTER, message_id="m-9", text=f"Jetzt fällt auch noch die Rückwand ab, {PRIVATE[1]}", sent_at=DUE_DAY + DAY)
    clock.now = DUE_DAY + DAY + timedelta(minutes=5)
    assert filled.record(assess(late), "import") == Recorded(messages=1)
    case = filled.case("C-000001")
    assert case.summary.state is CaseState.OPEN and case.summary.order.order_id == PRIVATE[2]
    until = datetime.combine((DUE_DAY + 8 * DAY).date(), datetime.min.time(), UTC)
    assert plan(filled).kept == (Kept("C-000001", Protection.RECENT, until),)
    assert [one.case_id for one in plan(filled, rule=Rule(answer_days=0)).due] == ["C-000001"]
    assert purge(filled, "night").gone == ()
    clock.now = until
    (gone,) = purge(filled, "night").gone
    assert (gone.case_id, gone.texts) == ("C-000001", 1) and _said(filled) == []
    assert filled.verify().ok


def test_once_is_enough(filled, clock):
    clock.now = DUE_DAY
    assert len(purge(filled, "night").gone) == 1
    version = filled.case("C-000001").version
    clock.now += DAY
    assert purge(filled, "night").gone == ()
    # What is done to the case later, without a word about anybody, makes it due no second time.
    filled.outcome("C-000001", Outcome("Mia", OutcomeKind.REMADE))
    assert plan(filled).due == () and filled.case("C-000001").version == version + 1
    filled.outcome("C-000001", Outcome("Mia", OutcomeKind.NEGATIVE_REVIEW, note=f"signed {PRIVATE[0]}"))
    assert [one.texts for one in plan(filled).due] == [1]


# --- when ----------------------------------------------------------------------------------------------------------------

_ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=_ZONES)  # noqa: DTZ001 - the zones are drawn


@given(_TIMES, _TIMES, st.integers(0, 400), st.integers(0, 400))
def test_days_are_days_of_utc(delivered_at, last_at, days, quiet_days):
    rule, now = Rule(days, quiet_days), max(delivered_at, last_at)
    day = due_on(delivered_at, last_at, now, rule)
    end = datetime.combine(day, datetime.min.time(), UTC)
    assert timedelta(days=days) - DAY < end - delivered_at <= timedelta(days=days)
    assert due_on(delivered_at.astimezone(UTC), last_at, now, rule) == day
    for unknown in (None, now + DAY):
        day = due_on(unknown, last_at, now, rule)
        assert (day - last_at.astimezone(UTC).date()).days == quiet_days


@pytest.mark.parametrize(
    ("delivered", "day"),
    [
        (datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-8))), date(2026, 4, 1)),  # the 2nd in UTC
        (datetime(2026, 3, 2, 8, 30, tzinfo=timezone(timedelta(hours=9))), date(2026, 3, 31)),  # the 1st in UTC
        (None, date(2026, 4, 4)),
    ],
)
def test_the_day_it_goes(store, clock, assess, delivered, day):
    letter = replace(LETTER, order=replace(ORDER, delivered_at=delivered), sent_at=datetime(2026, 3, 5, 9, tzinfo=UTC))
    store.record(assess(letter), "import")
    assert plan(store, day - DAY).due == () and [one.since for one in plan(store, day).due] == [day]


def test_times_that_cannot_be_true(store, clock, assess):
    mail = replace(LETTER, order=replace(ORDER, delivered_at=NOON + 9999 * DAY), sent_at=NOON + 4000 * DAY)
    store.record(assess(mail), "import")
    (due,) = plan(store, (NOON + 30 * DAY).date()).due
    assert due.since == (NOON + 30 * DAY).date()


@pytest.mark.parametrize("name", ["days", "quiet_days", "answer_days", "dispute_days", "backup_days"])
def test_a_rule_of_fewer_than_no_days(name):
    with pytest.raises(CaseError, match=r"-1 days.*0 or more"):
        Rule(**{name: -1})


# --- what protects -------------------------------------------------------------------------------------------------------


def test_a_hold_protects_until_it_expires(filled, clock):
    expires = DUE_DAY + 10 * DAY
    filled.hold("C-000001", Hold("court file 12 C 34/26", "Ms Li", expires), "Mia")
    clock.now = DUE_DAY
    report = purge(filled, "night")
    assert report.kept == (Kept("C-000001", Protection.HOLD, expires),) and report.gone == report.expired_holds == ()
    assert filled.case("C-000001").messages[0].message == LETTER
    clock.now = expires
    report = purge(filled, "night")
    assert report.expired_holds == ("C-000001",) and [one.case_id for one in report.gone] == ["C-000001"]
    assert "C-000001  its legal hold has expired" in str(report)
    assert filled.case("C-000001").summary.hold is None and list(filled.walk(Filter(on_hold=True))) == []
    assert purge(filled, "night").expired_holds == ()


def test_an_expired_hold_is_told_before_the_case_is_due(filled, clock):
    filled.hold("C-000003", Hold("court file", "Ms Li", clock.now + DAY), "Mia")
    assert plan(filled).expired_holds == ()
    clock.now += DAY
    found = plan(filled)
    assert found.expired_holds == ("C-000003",) and found.due == found.kept == ()


@pytest.mark.parametrize("kind", [MessageKind.A_TO_Z, MessageKind.CHARGEBACK])
def test_a_dispute_protects_until_the_case_is_closed(store, clock, assess, kind):
    store.record(assess(LETTER, replace(LETTER, message_id="d-1", kind=kind, sent_at=NOON + DAY)), "import")
    (case,) = store.walk()
    ends = {one.clock: one.due_at + 90 * DAY for one in store.case(case.id).deadlines if one.clock != "reply"}
    clock.now = DUE_DAY
    assert plan(store).kept == (Kept(case.id, Protection.DISPUTE, max(ends.values())),)
    store.decide(case.id, case.version, Decision("Mia", Category.QUALITY, "remake"))
    assert plan(store).kept[0].why is Protection.DISPUTE, "answered is not settled"
    assert [one.case_id for one in plan(store, rule=Rule(dispute_days=None)).due] == [case.id]
    assert plan(store, max(ends.values()).date() - DAY).due == ()
    assert len(plan(store, max(ends.values()).date() + DAY).due) == 1
    store.outcome(case.id, Outcome("Mia", OutcomeKind.REFUNDED))
    assert [one.case_id for one in plan(store).due] == [case.id]


def test_the_right_to_file_a_safe_t_claim_protects_until_it_lapses(store, clock, assess):
    store.record(assess(LETTER), "import")
    lapses = DUE_DAY + 20 * DAY
    with store.changing("C-000001") as change:
        change.deadlines["safe_t_filing"] = (lapses, None)
    clock.now = DUE_DAY
    assert plan(store).kept == (Kept("C-000001", Protection.SAFE_T, lapses),)
    with store.changing("C-000001") as change:
        change.deadlines["safe_t_filing"] = (lapses, clock.now)
    assert len(plan(store).due) == 1


def test_a_file_goes_with_the_last_case_that_holds_it(store, clock, assess, tmp_path):
    store.record(assess(LETTER, ELSE), "import")
    for name, content in (("a.jpg", b"the same photo"), ("b.jpg", b"one of its own")):
        (tmp_path / name).write_bytes(content)
        store.attach("C-000001", tmp_path / name, AttachmentKind.BUYER_PHOTO, "Mia")
    store.attach("C-000002", tmp_path / "a.jpg", AttachmentKind.PRODUCTION_PHOTO, "Mia")
    store.attach("C-000001", tmp_path / "a.jpg", AttachmentKind.BUYER_PHOTO, "Mia")
    clock.now = DUE_DAY
    assert [one.files for one in purge(store, "night").gone] == [1]
    (kept,) = store.case("C-000002").attachments
    assert Path(kept.path).read_bytes() == b"the same photo" and len(_names(store.files)) == 1
    clock.now = DUE_DAY + 60 * DAY
    assert [one.files for one in purge(store, "night").gone] == [1]
    assert _names(store.files) == [] and store.verify().ok


def test_what_changed_since_it_was_judged_is_judged_again(filled, clock):
    clock.now = DUE_DAY
    (due,) = plan(filled).due
    filled.hold("C-000001", Hold("court file", "Ms Li", DUE_DAY + DAY), "Mia")
    assert list(erase_cases(filled, {due.case_id: due.version}, "night", "retention")) == ["C-000001"]
    assert filled.case("C-000001").messages[0].message == LETTER


def test_a_file_that_cannot_be_deleted_leaves_its_case_whole(filled, clock):
    path = Path(filled.case("C-000001").attachments[0].path)
    path.unlink()
    path.mkdir()
    clock.now = DUE_DAY
    with pytest.raises(CaseError, match="a file that can be deleted"):
        purge(filled, "night")
    assert filled.case("C-000001").messages[0].message == LETTER
    path.rmdir()
    assert len(purge(filled, "night").gone) == 1


# --- backups -------------------------------------------------------------------------------------------------------------


def _backup(folder, made_at):
    path = folder / f"cases-{made_at:%Y%m%d-%H%M%S}.triage-backup"
    path.write_bytes(b"sealed")
    return path.name


def test_backups_go_too_and_the_report_says_until_when_they_hold_data(filled, clock, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    before, with_it, without = (_backup(folder, when) for when in (NOON - 5 * DAY, NOON + DAY, DUE_DAY + DAY))
    others = ["cases-20261399-250000.triage-backup", "cases-20260101-000000.triage-backup.part", "holiday.jpg"]
    for name in others:
        (folder / name).touch()
    clock.now = DUE_DAY - timedelta(hours=1)
    assert [one.name for one in expired_backups(folder, 30, DUE_DAY.date())] == [before]
    clock.now = DUE_DAY
    report = purge(filled, "night", backups=folder)
    assert report.backups_deleted == (before,)
    assert [(one.name, one.cases, one.until) for one in report.backups_left] == [
        (with_it, 1, date(2026, 5, 3)), (without, 0, date(2026, 5, 30)),
    ]  # fmt: skip
    assert f"Backup {with_it} holds data of 1 erased cases until 2026-05-03." in str(report)
    assert sorted(path.name for path in folder.iterdir()) == sorted([with_it, without, *others])
    assert [[one.name for one in part] for part in delete_backups(folder, 1, date(2027, 1, 1))] == [[with_it, without], []]


def test_a_wrong_folder_is_said_before_anything_goes(filled, clock, tmp_path):
    clock.now = DUE_DAY
    with pytest.raises(CaseError, match="the folder of the backups"):
        purge(filled, "night", backups=tmp_path / "nowhere")
    assert filled.case("C-000001").messages[0].message == LETTER


# --- the report ----------------------------------------------------------------------------------------------------------


def test_the_report_is_in_the_ledger_and_names_no_buyer(filled, clock):
    clock.now = DUE_DAY
    report = purge(filled, "night")
    told = json.loads(report.json())
    assert told["gone"][0] == {
        "case_id": "C-000001", "at": DUE_DAY.isoformat(), "by": "night", "reason": "retention", "texts": 7, "files": 1,
    }  # fmt: skip
    assert told["rule"] == {"days": 30, "quiet_days": 30, "answer_days": 7, "dispute_days": 90, "backup_days": 30}
    with reading(filled.engine) as connection:
        query = text("SELECT facts FROM ledger WHERE kind = 'purge'")
        (facts,) = map(json.loads, connection.execute(query).scalars())
    assert facts["gone"] == told["gone"] and facts["rule"] == told["rule"]
    assert str(report).splitlines() == [
        "2026-04-29 12:00 UTC, by night: 1 cases erased, 0 kept",
        "  C-000001  7 texts, 1 files erased 2026-04-29 by night: retention",
    ]
    assert [entry.kind for entry in filled.case("C-000001").entries][-2:] == ["erasure", "pseudonymisation"]


def test_a_reader_in_the_way_is_told_and_the_next_purge_cleans_up(tmp_path, assess, monkeypatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 1)
    clock = Clock()
    path = tmp_path / "cases.db"
    with CaseStore(open_engine(path), files=tmp_path / "files", now=clock) as store:
        store.record(assess(LETTER), "import")
        other, clock.now = open_engine(path), DUE_DAY
        with reading(other) as connection:
            connection.execute(text("SELECT count(*) FROM cases")).scalar()
            report = purge(store, "night")
            assert len(report.gone) == 1 and not report.scrubbed and "Purge again" in str(report)
        assert _said(store)
        report = purge(store, "night")
        assert report.gone == () and report.scrubbed and _said(store) == []
        other.dispose()


# --- killed --------------------------------------------------------------------------------------------------------------

_PURGER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from triage_ml.cases.database import open_engine
from triage_ml.cases.retention import purge
from triage_ml.cases.store import CaseStore
with CaseStore(open_engine(sys.argv[1]), Path(sys.argv[2]), lambda: datetime(2027, 1, 1, tzinfo=UTC)) as store:
    purge(store, "killed")
"""


def test_a_purge_that_is_killed_loses_nothing_and_the_next_one_goes_on(store, url, tmp_path):
    writer = [sys.executable, str(Path(__file__).with_name("writer.py")), url, "anna", "360", "120"]
    subprocess.run(writer, check=True, capture_output=True)
    store.now = lambda: datetime(2027, 1, 1, tzinfo=UTC)
    (tmp_path / "a.jpg").write_bytes(b"held by many")
    for number in range(1, 361, 30):
        store.attach(f"C-{number:06}", tmp_path / "a.jpg", AttachmentKind.BUYER_PHOTO, "Mia")
    seen = 0
    for step in (20, 30):
        process = subprocess.Popen([sys.executable, "-c", _PURGER, url, str(store.files)])
        while _gone(store) < seen + step:
            assert process.poll() is None
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        left = [case for case in store.walk() if case.pseudonymised_at is None]
        seen = 120 - len(left)
        assert 0 < seen < 120
        assert all(message.message.text for message in store.case(left[0].id).messages)
        assert store.verify().findings == ()
    report = purge(store, "second")
    assert len({one.case_id for one in report.gone}) == len(report.gone) == 120
    assert {one.by for one in report.gone} == {"killed", "second"}
    assert report.scrubbed and _said(store, ["Henkel", "anna@example.com", "anna-7"]) == [] and _names(store.files) == []
    assert store.verify().ok and purge(store, "third").gone == ()


def _gone(store):
    with reading(store.engine) as connection:
        return connection.execute(text("SELECT count(*) FROM cases WHERE pseudonymised_at IS NOT NULL")).scalar()
