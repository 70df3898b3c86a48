"""A record as the first version made it (tables 0001, digests over the columns of then) comes up to date and stays proven."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, text

from triage_ml.cases import CaseState, Decision, Filter, Label, Order, Outcome, OutcomeKind, database
from triage_ml.cases.database import open_engine, reading, resolve_url, writing
from triage_ml.cases.schema import (
    CaseRow,
    DecisionRow,
    LabelRow,
    LedgerRow,
    MessageRow,
    PersonalRow,
    PredictionRow,
    ResolutionRow,
)
from triage_ml.cases.store import CaseStore
from triage_ml.messages import Category, Claim, Message, Money, OrderLine

NOON = datetime(2026, 4, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SALT = b"s" * 32
REMEDY = {"kind": "remake", "rule": "Q1", "why": "made again", "cost": None}
CONTENT = {
    "recommended": REMEDY,
    "alternatives": [],
    "refused": [],
    "forbidden": [],
    "needs_second_person": True,
    "deadlines": [],
}
# Order, words, sureness, state, what was done about it.
CASES = [
    ("302-0000001-0000001", "Der Henkel ist ab, oder gehört das so?", 0.55, "open", ""),
    ("302-0000002-0000002", "Der Deckel fehlt.", 0.97, "open", ""),
    ("302-0000003-0000003", "Naja, schön ist anders", 0.45, "decided", "decided"),
    ("302-0000004-0000004", "Die Farbe stimmt nicht ganz", 0.6, "open", "undone"),
    ("302-0000005-0000005", "", 0.4, "open", ""),
    ("302-0000006-0000006", "Ist das Holz echt?", 0.5, "open", "labelled"),
]


def _canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(value):
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _digest(row):
    """The digest of a row as the first version made it: of all the columns there were."""

    def exact(value):
        if isinstance(value, datetime):
            return value.isoformat()
        return format((value + 0).normalize(), "f") if isinstance(value, Decimal) else value

    return _hash({name: exact(value) for name, value in row.items()})


def _case(number, order, sureness, state):
    texts = "product marketplace customisation buyer_hash hold_reason hold_approved_by".split()
    return {
        "id": number, "state": state, "version": 1, "created_at": NOON, "updated_at": NOON, "last_at": NOON + number * HOUR,
        "lead_at": NOON, "order_id": order, "sku": "MUG-1", "currency": "EUR", "paid_amount": Decimal("24.90"), "channel": "amazon",
        "language": "de", "category": "needs_review", "claim": "quality", "abuse": 0.05, "sureness": sureness,
        "due_at": NOON + 24 * HOUR, **dict.fromkeys(texts, ""),
    }  # fmt: skip


class _FirstVersion:
    """Writes into tables of version 0001."""

    def __init__(self, connection):
        self.connection, self.seq, self.last = connection, 0, "0" * 64

    def enter(self, kind, by, case, rows, personal=None, facts=None):
        self.seq += 1
        said = facts or {"rows": {table.__tablename__: _digest({"id": self.seq, **row}) for table, row in rows.items()}}
        payload = _canonical(personal) if personal else ""
        commitment = hashlib.sha256(SALT + payload.encode()).hexdigest() if payload else ""
        entry = {
            "seq": self.seq, "at": NOON.isoformat(), "by": by, "kind": kind, "case_id": f"C-{case:06d}", "facts": said,
            "commitment": commitment, "previous": self.last,
        }  # fmt: skip
        self.last = _hash(entry)
        self.connection.execute(insert(LedgerRow).values(**{**entry, "facts": _canonical(said)}, hash=self.last))
        if payload:
            self.connection.execute(insert(PersonalRow).values(seq=self.seq, salt=SALT, payload=payload))
        for table, row in rows.items():
            self.connection.execute(insert(table.__table__).values(id=self.seq, **row))
        return self.seq

    def message(self, order, words, sureness, state):
        number = self.seq + 1
        self.connection.execute(insert(CaseRow.__table__).values(_case(number, order, sureness, state)))
        message = {
            "case_id": number, "fingerprint": f"{number:064d}", "direction": "in", "kind": "buyer", "channel": "amazon",
            "language": "de", "sent_at": NOON, "reason_code": "", "raw_sha256": "", "source_file": "a.csv", "source_row": number,
        }  # fmt: skip
        rest = (1 - sureness) / 3
        judged = {
            "message_id": number, "made_at": NOON, "model": "first", "policy": "first", "language": "de", "claim": "quality",
            "category": "needs_review", "probabilities": {c.value: sureness if c is Claim.QUALITY else rest for c in Claim},
            "claim_set": ["quality", "other"], "abuse": 0.05, "cues": [],
        }  # fmt: skip
        personal = {"message_id": f"m-{number}", "order": {"order_id": order, "sku": "MUG-1"}}
        rows = {MessageRow: message, PredictionRow: judged, ResolutionRow: {"content": CONTENT}}
        return self.enter("message", "import", number, rows, personal | ({"text": words} if words else {}))

    def decision(self, case, undone):
        row = {
            "case_id": case, "decided_at": NOON + HOUR, "by": "Mia", "category": "quality", "remedy": "remake",
            "amount": Decimal("5.50"), "currency": "EUR", "template_id": "q_remake", "model": "first", "policy": "first",
            "second_person": "Li", "undone_at": None, "undone_by": "",
        }  # fmt: skip
        seq = self.enter("decision", "Mia", case, {DecisionRow: row}, {"text": "Wir fertigen die Tasse neu."})
        if undone:
            row |= {"undone_at": NOON + 2 * HOUR, "undone_by": "Tom"}
            values = {"at": row["undone_at"] if self.connection.dialect.name != "sqlite" else "2026-04-02 14:00:00.000000"}
            statement = text("UPDATE decisions SET undone_at = :at, undone_by = 'Tom' WHERE id = :id")
            self.connection.execute(statement, values | {"id": seq})
            facts = {"decision": seq, "rows": {f"decisions:{seq}": _digest({"id": seq, **row})}}
            self.enter("undo", "Tom", case, {}, facts=facts)


@pytest.fixture
def old(url, tmp_path, monkeypatch):
    """The URL of a record of the first version."""
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "SCHEMA", "0001")
        engine = open_engine(url)
    assert database.revision(engine) == "0001"
    with writing(engine) as connection:
        writer = _FirstVersion(connection)
        for order, words, sureness, state, done in CASES:
            number = writer.message(order, words, sureness, state)
            if done in ("decided", "undone"):
                writer.decision(number, undone=done == "undone")
            if done == "labelled":
                label = {"case_id": number, "message_id": number, "claim": "other", "abuse": False, "by": "Mia", "at": NOON}
                writer.enter("label", "Mia", number, {LabelRow: label})
    with reading(engine) as connection:
        assert "shown" not in connection.execute(text("SELECT * FROM decisions")).keys()  # noqa: SIM118 - a result's own
    engine.dispose()
    return url


@pytest.fixture
def upgraded(old, tmp_path):
    with CaseStore(open_engine(old), files=tmp_path / "files") as store:
        yield store


def test_a_record_of_the_first_version_comes_up_to_date_and_verifies(upgraded):
    assert database.revision(upgraded.engine) == database.SCHEMA
    checked = upgraded.verify()
    assert checked.ok and checked.entries == 10 and checked.whole == 8
    decided = upgraded.case("C-000003")
    (made,) = decided.decisions
    assert made.decision == Decision(
        "Mia",
        Category.QUALITY,
        "remake",
        Money(Decimal("5.50"), "EUR"),
        "q_remake",
        "Wir fertigen die Tasse neu.",
        "first",
        "first",
        "Li",
    )
    assert decided.messages[0].message.text == CASES[2][1] and decided.proposals == () and decided.needs_second_person
    assert upgraded.reply_usage()["q_remake"].chosen == 1


def test_what_open_cases_teach_is_known_after_the_upgrade(upgraded):
    teaches = {case.order.order_id[-1]: case.teaches for case in upgraded.walk()}
    assert teaches == {"1": pytest.approx(0.9), "2": pytest.approx(0.06), "3": 0, "4": pytest.approx(0.8), "5": 0, "6": 0}
    first = upgraded.cases(Filter(state=CaseState.OPEN), Order.TEACHES).cases
    assert [case.order.order_id[-1] for case in first[:3]] == ["1", "4", "2"]


def test_work_goes_on_after_the_upgrade(upgraded, assess):
    decision = Decision("Mia", Category.QUALITY, "remake", None, "q_remake", "Neu.", shown=("q_remake",), edited=0.5)
    upgraded.propose("C-000001", 1, decision)
    upgraded.decide("C-000001", 2, Decision("Tom", Category.QUALITY, "remake", shown=("q_remake",)))
    upgraded.undo("C-000003", 1, "Tom")
    assert upgraded.case("C-000003").summary.teaches == pytest.approx(1 - (0.45 - 0.55 / 3) * 0.9)
    upgraded.outcome("C-000002", Outcome("Mia", OutcomeKind.ACCEPTED))
    upgraded.label("C-000002", Label("Mia", Claim.QUALITY))
    order = OrderLine("302-0000009-0000009")
    upgraded.record(assess(Message("new", "Der Deckel fehlt auch.", order, channel="amazon", sent_at=NOON)), "import")
    assert upgraded.verify().ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET second_person = 'Tom' WHERE id = 4",
        "UPDATE decisions SET edited = 0 WHERE id = 4",
        """UPDATE decisions SET shown = '["q_remake"]' WHERE id = 4""",
        "UPDATE decisions SET amount = 1 WHERE id = 4",
        "UPDATE decisions SET undone_at = NULL WHERE id = 6",
        "UPDATE predictions SET abuse = 0 WHERE id = 1",
        "DELETE FROM decisions WHERE id = 4",
        """INSERT INTO proposals (id, case_id, proposed_at, "by", category, remedy, currency, template_id, model, policy,"""
        " second_person, withdrawn_by) VALUES (4, 3, '2026-04-02', 'Tom', 'quality', 'remake', '', '', '', '', '', '')",
    ],
)
def test_what_is_changed_after_the_upgrade_is_found(upgraded, statement):
    with writing(upgraded.engine) as connection:
        connection.execute(text(statement))
    seq = next(number for number in (4, 6, 1) if f"id = {number}" in statement or f"({number}, 3" in statement)
    assert {(finding.seq, finding.kind) for finding in upgraded.verify().findings} == {(seq, "row")}


def test_what_was_changed_before_the_upgrade_is_found_after_it(old, tmp_path, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "SCHEMA", "0001")
        engine = open_engine(old)
        with writing(engine) as connection:
            connection.execute(text("UPDATE decisions SET second_person = 'Tom' WHERE id = 4"))
        engine.dispose()
    with CaseStore(open_engine(old), files=tmp_path / "files") as store:
        assert {(finding.seq, finding.kind) for finding in store.verify().findings} == {(4, "row")}


def test_a_list_is_read_from_its_own_index_after_the_upgrade(old, monkeypatch):
    """An index that was never looked into seems cheap to SQLite, so that it would sort all cases instead."""
    if resolve_url(old).drivername != "sqlite":
        pytest.skip("PostgreSQL looks by itself")
    with monkeypatch.context() as earlier:
        earlier.setattr(database, "SCHEMA", "0001")
        engine = open_engine(old)
        with writing(engine) as connection:
            rows = [_case(number, f"302-{number}", number / 9000, "open") for number in range(1000, 6000)]
            connection.execute(insert(CaseRow.__table__), rows)
        database.tidy(engine)
        engine.dispose()
    engine = open_engine(old)
    query = (
        "EXPLAIN QUERY PLAN SELECT id FROM cases WHERE state = 'open' AND category = 'needs_review' ORDER BY {0}, id LIMIT 51"
    )
    with reading(engine) as connection:
        for column, index in (("sureness", "sureness"), ("last_at", "newest"), ("teaches", "teaches")):
            plan = str(connection.execute(text(query.format(column))).all())
            assert f"cases_{index} " in plan and "TEMP B-TREE" not in plan
    engine.dispose()
