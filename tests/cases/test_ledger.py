"""Tampering as somebody would do it who can write to the database: triggers off, then SQL."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import text

from triage_ml.cases import AttachmentKind, Decision, Label, Outcome, OutcomeKind, PhoneNote, ledger, verify_chain
from triage_ml.cases.checkpoints import KEY_NAME, read_checkpoint
from triage_ml.cases.database import reading, scrub, writing
from triage_ml.cases.ledger import GENESIS, commit, entry_hash
from triage_ml.cases.schema import RECORDED
from triage_ml.cases.values import canonical, row_digest
from triage_ml.errors import LedgerError
from triage_ml.messages import Category, Claim, Message, Money, OrderLine

TEXTS = [
    "The necklace says Marry, not Mary!!",
    "Kette ist nach zwei Tagen gerissen, sehr enttäuscht",
    "お届けの表札の文字が違っています",
    "La correa huele a pegamento y no se va",
    "hi any update on my refund",
]


@pytest.fixture
def filled(store, assess, tmp_path):
    """A record with an entry of every kind: five messages, then what people did about the first."""
    for number, words in enumerate(TEXTS):
        order = OrderLine(f"112-000000{number}-0000000", "NECK-1", paid=Money(Decimal("45.00"), "USD"), customisation="Mary")
        message = Message(f"m-{number}", words, order, channel="amazon", sender="b2x9q8w7e6@marketplace.amazon.com")
        store.record(assess(message), "import")
    case = "C-000001"
    version = store.decide(
        case, 1, Decision("Mia", Category.MISMATCH, "remake", Money(Decimal(9), "USD"), final_text="Sorry, Mary!")
    )
    store.undo(case, version, "Tom")
    store.outcome(case, Outcome("Mia", OutcomeKind.ACCEPTED, Decimal("0.2"), Money(Decimal("9.00"), "USD"), "happy"))
    store.label(case, Label("Mia", Claim.MISMATCH))
    store.note_phone(case, PhoneNote("Mia", "Mary called.", "As agreed."))
    (tmp_path / "mary.png").write_bytes(b"not a real picture")
    store.attach(case, tmp_path / "mary.png", AttachmentKind.BUYER_PHOTO, "Mia")
    assert store.verify().ok
    return store


def _run(store, *statements, **values):
    with writing(store.engine) as connection:
        names = ("ledger_no_update", "ledger_no_delete", "personal_before", "personal_after")
        if connection.dialect.name == "sqlite":
            for name in names:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            connection.execute(text("ALTER TABLE ledger DISABLE TRIGGER USER"))
            connection.execute(text("ALTER TABLE personal DROP COLUMN IF EXISTS words"))
        for statement in statements:
            connection.execute(text(statement), values)


def _entry(store, seq):
    with reading(store.engine) as connection:
        return ledger.entry_at(connection, seq)


def _insert(store, entry):
    names = "seq at by kind case_id facts commitment previous hash".split()
    columns = ", ".join(f'"{name}"' for name in names)
    values = {name: getattr(entry, name) for name in names}
    _run(store, f"INSERT INTO ledger ({columns}) VALUES ({', '.join(f':{name}' for name in names)})", **values)


def _kinds(verification):
    return {(finding.seq, finding.kind) for finding in verification.findings}


def test_which_model_counts_is_entered_without_a_case(filled):
    seq = filled.note_model("Mia", {"version": "4e0c2f", "why": "better in German"})
    entry = _entry(filled, seq)
    assert (entry.kind, entry.by, entry.case_id, json.loads(entry.facts)["why"]) == ("promotion", "Mia", "", "better in German")
    assert filled.verify().ok


def test_a_whole_record(filled):
    checked = filled.verify()
    assert (
        checked.entries == 11 and checked.whole == 9 and checked.erased == {}
    )  # an undo has no payload, nor has a label without a note
    first, second = _entry(filled, 1), _entry(filled, 2)
    assert first.previous == GENESIS and second.previous == first.hash == first.rehash()
    assert not any(word in first.facts for word in ("Marry", "112-", "b2x9q8w7e6"))


def test_the_hash_is_what_the_docstring_says(filled):
    entry = _entry(filled, 6)
    content = {
        "seq": 6, "at": entry.at, "by": "Mia", "kind": "decision", "case_id": "C-000001", "facts": json.loads(entry.facts),
        "commitment": entry.commitment, "previous": _entry(filled, 5).hash,
    }  # fmt: skip
    assert entry_hash(content) == entry.hash
    assert b'"case_id":"C-000001","commitment":"' in canonical(content)


def test_an_entry_that_was_changed(filled):
    _run(filled, """UPDATE ledger SET "by" = 'Tom' WHERE seq = 6""")
    assert _kinds(filled.verify()) == {(6, "changed")}


def test_an_entry_that_was_changed_and_hashed_anew(filled):
    forged = replace(_entry(filled, 6), by="Tom")
    _run(filled, """UPDATE ledger SET "by" = 'Tom', hash = :hash WHERE seq = 6""", hash=forged.rehash())
    assert _kinds(filled.verify()) == {(7, "inserted")}


def test_an_entry_that_was_taken_out(filled):
    _run(filled, "DELETE FROM personal WHERE seq IN (3, 4)", "DELETE FROM ledger WHERE seq IN (3, 4)")
    found = _kinds(filled.verify())
    assert (3, "removed") in found and {kind for _, kind in found} == {"removed", "row"}


def _put(store, seq, entry):
    columns = "at by kind case_id facts commitment previous hash".split()
    changes = ", ".join(f'"{name}" = :{name}' for name in columns)
    _run(store, f"UPDATE ledger SET {changes} WHERE seq = :seq", seq=seq, **{name: getattr(entry, name) for name in columns})


def test_entries_that_changed_places(filled):
    eight, nine = _entry(filled, 8), _entry(filled, 9)
    _put(filled, 8, nine)
    _put(filled, 9, eight)
    found = filled.verify()
    assert {(8, "reordered"), (9, "reordered")} <= _kinds(found)
    assert [finding.what for finding in found.findings if finding.kind == "reordered"] == ["it stood at 9", "it stood at 8"]


def test_an_entry_that_was_put_in_at_the_end(filled):
    last = _entry(filled, 11)
    forged = replace(last, seq=12, kind="release", facts="{}", commitment="", previous=_entry(filled, 10).hash)
    _insert(filled, replace(forged, hash=forged.rehash()))
    assert (12, "inserted") in _kinds(filled.verify())


def test_a_payload_that_was_changed_or_taken_out(filled):
    _run(
        filled,
        "UPDATE personal SET payload = replace(payload, 'Marry', 'Mary') WHERE seq = 1",
        "DELETE FROM personal WHERE seq = 2",
    )
    found = filled.verify()
    assert _kinds(found) == {(1, "payload"), (2, "payload")} and found.whole == 7
    assert "changed" in found.findings[0].what and "no entry records" in found.findings[1].what


def test_erasing_leaves_the_chain_whole_and_is_recorded(filled):
    with filled.changing("C-000001") as change:
        seqs = [entry.seq for entry in ledger.entries_of(change.connection, change.id)]
        assert ledger.erase(change.journal, seqs, "retention", change.id, "30 days after delivery") == 5
    checked = filled.verify()
    assert checked.ok and checked.whole == 4 and checked.erased == dict.fromkeys([1, 6, 8, 10, 11], 12)
    case = filled.case("C-000001")
    assert case.messages[0].erased and case.messages[0].message.text == "" and case.messages[0].message.order is None
    assert case.decisions[0].decision.final_text == "" and case.attachments[0].name == ""
    assert [hit.case.id for hit in filled.search("mary")] == [
        "C-000005",
        "C-000004",
        "C-000003",
        "C-000002",
    ]  # their customisation
    with filled.changing("C-000001") as change:
        assert ledger.erase(change.journal, seqs, "retention", change.id, "again") == 0
    assert filled.verify().entries == 12
    Path(case.attachments[0].path).unlink()
    assert filled.verify().ok


def test_what_was_erased_is_in_no_file_any_more(filled):
    if filled.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's files are not ours to read")
    path = Path(filled.engine.url.database)
    with filled.changing("C-000001") as change:
        seqs = [entry.seq for entry in ledger.entries_of(change.connection, change.id)]
        ledger.erase(change.journal, seqs, "retention", change.id, "30 days after delivery")
    scrub(filled.engine)
    kept = path.read_bytes() + path.with_name(path.name + "-wal").read_bytes()
    assert b"Marry" not in kept and b"Mary called" not in kept
    assert filled.verify().ok and len(filled.search("kette")) == 1


EDITS = {
    "decisions": "UPDATE decisions SET second_person = 'Tom' WHERE id = 6",
    "undone": "UPDATE decisions SET undone_at = NULL WHERE id = 6",
    "outcomes": "UPDATE outcomes SET amount_spent = 1 WHERE id = 8",
    "labels": "UPDATE labels SET claim = 'subjective' WHERE id = 9",
    "phone_notes": """UPDATE phone_notes SET "by" = 'Tom' WHERE id = 10""",
    "attachments": "UPDATE attachments SET kind = 'pod' WHERE id = 11",
    "messages": "UPDATE messages SET kind = 'notice' WHERE id = 1",
    "moved": "UPDATE messages SET case_id = 2 WHERE id = 1",
    "predictions": "UPDATE predictions SET abuse = 0.99 WHERE id = 3",
    "resolutions": """UPDATE resolutions SET content = '{"recommended": null}' WHERE id = 4""",
    "unreadable": "UPDATE resolutions SET content = NULL WHERE id = 4",
    "taken out": "DELETE FROM labels WHERE id = 9",
    "put in": """INSERT INTO labels (id, case_id, claim, "by", abuse, at) VALUES (2, 2, 'other', 'Tom', false, '2026-01-01')""",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_row_that_was_edited_behind_the_ledger_s_back(filled, edit):
    statement = EDITS[edit]
    if edit == "unreadable":
        if filled.engine.dialect.name != "sqlite":
            pytest.skip("PostgreSQL lets no such value in")
        statement = "UPDATE resolutions SET content = '{broken' WHERE id = 4"
    seq = {"put in": 2, "taken out": 9}.get(edit) or int(statement.rstrip().rpartition(" ")[2])
    _run(filled, statement)
    assert _kinds(filled.verify()) == {(seq, "row")}


def test_a_kept_file_that_was_changed_or_is_gone(filled):
    path = Path(filled.case("C-000001").attachments[0].path)
    path.write_bytes(b"another picture")
    assert _kinds(filled.verify()) == {(11, "file")}
    path.unlink()
    assert _kinds(filled.verify()) == {(11, "file")}


def test_a_row_that_a_later_entry_changes_counts_as_it_says(filled):
    with filled.changing("C-000001") as change:
        change.connection.execute(text("DELETE FROM labels WHERE id = 9"))
        change.journal.enter("correction", "Mia", change.id, facts={"rows": {"labels:9": None}})
    assert filled.verify().ok


def test_the_newest_entries_cut_off(filled):
    """The rows that are left without an entry tell; without them only an older checkpoint does."""
    checkpoint = filled.checkpoint()
    _run(filled, "DELETE FROM personal WHERE seq > 8", "DELETE FROM ledger WHERE seq > 8")
    assert {(9, "removed"), (10, "removed"), (11, "removed")} <= _kinds(filled.verify())
    _run(filled, *(f"DELETE FROM {name} WHERE id > 8" for name in ("labels", "phone_notes", "attachments")))
    assert filled.verify().ok
    assert _kinds(filled.verify([checkpoint])) == {(11, "checkpoint")}


def _rewrite(store, first, by):
    """Do what somebody does who knows how: change an entry and hash all later ones anew."""
    previous = _entry(store, first).previous
    for seq in range(first, store.verify().entries + 1):
        entry = replace(_entry(store, seq), previous=previous)
        entry = replace(entry, by=by) if seq == first else entry
        previous = entry.rehash()
        _run(
            store,
            'UPDATE ledger SET previous = :p, hash = :h, "by" = :b WHERE seq = :s',
            p=entry.previous,
            h=previous,
            b=entry.by,
            s=seq,
        )


def test_a_chain_written_anew_is_found_by_an_older_checkpoint(filled, tmp_path):
    (tmp_path / "checkpoint.json").write_text(filled.checkpoint().text())
    checkpoint = read_checkpoint(tmp_path / "checkpoint.json")
    filled.label("C-000002", Label("Mia", Claim.QUALITY))
    assert filled.verify([checkpoint], [filled.public_key]).ok
    _rewrite(filled, 3, "Tom")
    assert filled.verify().ok
    assert _kinds(filled.verify([checkpoint])) == {(11, "checkpoint")}


def test_a_checkpoint_must_be_signed_by_the_right_key(filled, store, tmp_path):
    checkpoint = filled.checkpoint()
    for wrong in (
        {"seq": 10},
        {"hash": "0" * 64},
        {"signature": "00"},
        {"at": "2020-01-01T00:00:00+00:00"},
        {"public_key": "zz"},
    ):
        forged = replace(checkpoint, **wrong)
        assert not forged.is_signed()
        assert "signature" in filled.verify([forged]).findings[0].what
    filled.files = tmp_path / "elsewhere"
    other = filled.checkpoint()
    assert other.is_signed() and "another key" in filled.verify([other], [checkpoint.public_key]).findings[-1].what


def test_the_key_is_the_owner_s_alone_and_stays(filled):
    assert filled.public_key == ""
    first, second = filled.checkpoint(), filled.checkpoint()
    assert first.public_key == second.public_key == filled.public_key
    path = filled.files / KEY_NAME
    assert path.stat().st_mode & 0o777 == 0o600 or os.name == "nt"
    path.write_text("no key")
    with pytest.raises(LedgerError, match=r"ledger\.key.*Ed25519"):
        filled.checkpoint()


def test_an_empty_ledger(store):
    assert store.verify().ok and store.verify().entries == 0
    with pytest.raises(LedgerError, match="no entry"):
        store.checkpoint()


@pytest.mark.parametrize("text_", ["", "[]", "{}", '{"seq": "1", "hash": "", "at": "", "public_key": "", "signature": ""}'])
def test_what_is_no_checkpoint(tmp_path, text_):
    path = tmp_path / "checkpoint.json"
    with pytest.raises(LedgerError, match="No such file"):
        read_checkpoint(path)
    path.write_text(text_)
    with pytest.raises(LedgerError, match="a checkpoint as"):
        read_checkpoint(path)


# The export, and the program that needs nothing but Python.


@pytest.fixture
def exported(filled, tmp_path):
    path = tmp_path / "chain.jsonl"
    with path.open("wb") as file:
        assert filled.export_ledger(file) == 11
    (tmp_path / "checkpoint.json").write_text(filled.checkpoint().text())
    return path


def _problems(data):
    return list(verify_chain.check_chain(iter(BytesIO(data)), {}))


def test_the_program_that_stands_alone(exported, filled, tmp_path):
    run = [sys.executable, "-I", verify_chain.__file__, str(exported), str(tmp_path / "checkpoint.json")]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        0,
        f"11 entries follow each other, 0 findings, last hash {filled.verify().head}\n",
    )
    lines = exported.read_bytes().splitlines(keepends=True)
    exported.write_bytes(b"".join(lines[:-1]))
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1 and "entry 11 is not there: the chain was cut" in done.stdout
    assert len(Path(verify_chain.__file__).read_text().splitlines()) < 150


def test_no_personal_data_is_exported(exported):
    content = exported.read_text("utf-8")
    assert not any(word in content for word in (*TEXTS, "Mary", "112-000", "b2x9q8w7e6", "mary.png"))


def test_lines_taken_out_put_in_or_moved(exported):
    lines = exported.read_bytes().splitlines(keepends=True)
    assert _problems(b"".join(lines)) == []
    for wrong in (
        lines[:4] + lines[5:],
        [*lines[:4], lines[3], *lines[4:]],
        [*lines[:3], lines[4], lines[3], *lines[5:]],
        lines[1:],
    ):
        assert _problems(b"".join(wrong))


def test_two_hundred_single_bytes_changed_in_an_export_are_all_found(exported):
    chance, data = random.Random(11), exported.read_bytes()
    for _ in range(200):
        place = chance.randrange(len(data))
        wrong = bytearray(data)
        wrong[place] = chance.choice([byte for byte in range(256) if byte != data[place]])
        assert _problems(bytes(wrong)), (place, wrong[place])


@pytest.mark.parametrize("seed", range(4))
def test_single_characters_changed_in_rows_are_all_found(filled, seed):
    """Ten at a time, each put back: any column of any row of the ledger and of the payloads."""
    chance = random.Random(seed)
    for _ in range(10):
        table, key = chance.choice([("ledger", "seq"), ("ledger", "seq"), ("personal", "seq")])
        column = chance.choice("at by kind case_id facts commitment previous hash".split()) if table == "ledger" else "payload"
        with reading(filled.engine) as connection:
            rows = connection.execute(text(f'SELECT {key}, "{column}" FROM {table}')).all()
        seq, value = chance.choice([row for row in rows if row[1]])
        place = chance.randrange(len(value))
        other = chance.choice([letter for letter in '0123456789abcdefXYZ ,:{}"é文' if letter != value[place]])
        update = f'UPDATE {table} SET "{column}" = :value WHERE {key} = :key'
        _run(filled, update, value=value[:place] + other + value[place + 1 :], key=seq)
        assert not filled.verify().ok, (table, column, seq, place, other)
        _run(filled, update, value=value, key=seq)
    assert filled.verify().ok


def test_a_payload_can_be_shown_to_belong_to_its_entry(filled):
    with reading(filled.engine) as connection:
        salt, payload = connection.execute(text("SELECT salt, payload FROM personal WHERE seq = 1")).one()
    assert commit(bytes(salt), payload) == _entry(filled, 1).commitment and len(salt) == 32
    assert commit(bytes(salt), payload.replace("Marry", "Mary")) != _entry(filled, 1).commitment


def test_a_signature_is_checked_alike_by_both(filled):
    checkpoint = filled.checkpoint()
    chance = random.Random(1)
    for _ in range(6):
        signature = bytearray.fromhex(checkpoint.signature)
        signature[chance.randrange(64)] ^= 1 << chance.randrange(8)
        forged = replace(checkpoint, signature=signature.hex())
        hashes = {checkpoint.seq: checkpoint.hash}
        assert not forged.is_signed() and verify_chain.check_checkpoint(forged.text().encode(), hashes)
    assert verify_chain.check_checkpoint(checkpoint.text().encode(), {checkpoint.seq: checkpoint.hash}) == ""


def test_rows_are_read_back_as_they_were_hashed(filled):
    """Both databases give each recorded row the same digest as Python did when it was written."""
    with reading(filled.engine) as connection:
        for table in RECORDED:
            for row in connection.execute(table.__table__.select()).mappings():
                facts = json.loads(ledger.entry_at(connection, row["id"]).facts)
                changed = table.__tablename__ == "decisions"
                assert (row_digest(row) == facts["rows"][table.__tablename__]) is not changed
