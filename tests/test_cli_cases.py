"""The commands of the case record, as a person would run them one after another."""

import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile

import pytest

from triage_ml.corpus import load_labelled

EXPORT = """message_id,order_id,text,sent_at,delivered_at,product,amount,currency,marketplace,channel,personalised,customisation,sender
m1,302-1234567-7654321,The ring snapped on the second day.,2026-11-20T09:00:00Z,2026-11-18T10:00:00Z,Silver ring,40.00,EUR,de,amazon,yes,Name: Ottilie,abc@marketplace.amazon.de
m2,302-1234567-7654321,It is the ring with Ottilie on it. Where is my answer?,2026-11-21T09:00:00Z,2026-11-18T10:00:00Z,Silver ring,40.00,EUR,de,amazon,yes,Name: Ottilie,abc@marketplace.amazon.de
m3,302-7654321-1234567,Lovely but smaller than I pictured.,2026-11-20T10:00:00Z,2026-09-01T10:00:00Z,Name mug,18.90,EUR,de,amazon,yes,Name: Bruno,xyz@marketplace.amazon.de
m4,302-7654321-1234567,,2026-11-20T10:00:00Z,,,,,,,,,
"""


@pytest.fixture
def imported(run, tmp_path):
    (tmp_path / "week.csv").write_text(EXPORT, "utf-8")
    done = run("cases", "import", "week.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"messages": 3, "cases": 2, "known": 0, "rejects": 1}
    assert "New case record" in done.stderr and (tmp_path / "week.csv.rejects.csv").exists()
    return run


def _said(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def _cases(run, *options):
    return json.loads(_said(run("cases", "list", "--json", *options)))


def test_a_case_from_import_to_outcome(imported, tmp_path):
    run = imported
    assert json.loads(_said(run("cases", "import", "week.csv", "--json")))["known"] == 3
    ring, mug = sorted(case["id"] for case in _cases(run))
    assert [case["id"] for case in _cases(run, "--search", "Ottilie")] == [ring]
    shown = _said(run("cases", "show", ring))
    assert "snapped" in shown and "Where is my answer" in shown and "remake" in shown and "expected to cost" in shown

    refused = run(
        "cases", "decide", ring, "--category", "quality", "--remedy", "remake", "--text", "Custom goods cannot be returned."
    )
    assert refused.returncode == 1 and "refusal_fault" in refused.stderr
    reply = "I am sorry that the ring broke. We make it again and send it to you free of charge."
    decided = ("cases", "decide", ring, "--category", "quality", "--remedy", "remake", "--text", reply, "--by", "Mei")
    assert "version 2" in _said(run(*decided))
    late = run(*decided, "--version", "1")
    assert late.returncode == 1 and "version" in late.stderr
    assert "open again" in _said(run("cases", "undo", ring, "--by", "Mei"))
    _said(run(*decided))
    _said(run("cases", "outcome", ring, "remade", "--spent", "17.80 EUR"))
    _said(run("cases", "outcome", mug, "accepted", "--share", "0.1", "--spent", "1.89 EUR"))
    _said(run("cases", "label", mug, "subjective", "--note", "taste"))
    _said(run("cases", "label", ring, "quality"))
    _said(run("cases", "labels", "-o", "labels.jsonl"))
    rows = {
        row["id"].rsplit("-", 1)[0]: row for row in map(json.loads, (tmp_path / "labels.jsonl").read_text("utf-8").splitlines())
    }
    assert rows[mug]["claim"] == "subjective" and rows[mug]["text"] == "Lovely but smaller than I pictured."
    assert "Ottilie" not in rows[ring]["text"] and "[NAME]" in rows[ring]["text"]
    assert {row.id for row in load_labelled(tmp_path / "labels.jsonl")} == {row["id"] for row in rows.values()}
    assert "proves little" in _said(run("cases", "note", mug, "They called and were friendly."))
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 a photo")
    _said(run("cases", "attach", ring, "photo.jpg", "--kind", "buyer_photo"))
    shown = _said(run("cases", "show", ring))
    for words in ("by Mei", "taken back by Mei", "remade", "17.80 EUR", "photo.jpg"):
        assert words in shown, words
    assert "case" in run("cases", "show", "C-999999").stderr


def test_the_record_is_proved_backed_up_and_brought_back(imported, tmp_path):
    run, database = imported, tmp_path / "home" / "cases.db"
    assert "Nothing was changed." in _said(run("cases", "verify", "--write-checkpoint", "point.json"))
    exported = _said(run("cases", "export", "-o", "chain.jsonl"))
    script = exported.rsplit("python ", 1)[1].split()[0]
    alone = [sys.executable, "-I", script, "chain.jsonl"]
    assert subprocess.run(alone, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    words = {"TRIAGE_BACKUP_PASSPHRASE": "correct horse battery"}
    _said(run("cases", "backup", "-o", "backups", **words))
    (backup,) = (tmp_path / "backups").glob("*.triage-backup")
    assert b"Ottilie" not in backup.read_bytes()
    kept = run("cases", "restore", backup, "-o", database, **words)
    assert kept.returncode == 1 and "overwritten" in kept.stderr
    wrong = run("cases", "restore", backup, "-o", "other.db", TRIAGE_BACKUP_PASSPHRASE="wrong")
    assert wrong.returncode == 1 and "passphrase" in wrong.stderr

    with sqlite3.connect(database) as connection:  # somebody goes behind the record's back
        connection.execute("DROP TRIGGER IF EXISTS ledger_stays_update")
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE ledger SET by = 'nobody' WHERE seq = 2")
    connection.close()
    found = run("cases", "verify", "--checkpoint", "point.json")
    assert found.returncode == 1 and "entry 2" in found.stdout
    _said(run("cases", "restore", backup, "-o", database, "--overwrite", **words))
    assert "Nothing was changed." in _said(run("cases", "verify", "--checkpoint", "point.json"))


def test_personal_data_goes_on_time_and_on_request(imported, tmp_path):
    run = imported
    ring, mug = sorted(case["id"] for case in _cases(run))
    assert "approver" in run("cases", "hold", ring, "--reason", "chargeback").stderr
    _said(run("cases", "hold", ring, "--reason", "chargeback", "--approved-by", "Li"))
    assert "chargeback" in _said(run("cases", "show", ring))
    assert "Nothing was done" in _said(run("cases", "purge", "--dry-run"))
    _said(run("cases", "hold", ring, "--release"))
    found = _said(run("cases", "person", "--words", "Ottilie", "--export", "person.zip"))
    assert ring in found and mug not in found
    with zipfile.ZipFile(tmp_path / "person.zip") as package:
        assert b"Ottilie" in package.read("data.json")
    assert "0 cases" in _said(run("cases", "person", "--words", "Nobodys"))
    assert run("cases", "purge", "--by", "nightly").returncode == 0
    assert "Nothing was changed." in _said(run("cases", "verify"))


def test_score_records_on_request(run, tmp_path):
    (tmp_path / "week.csv").write_text(EXPORT, "utf-8")
    _said(run("score", "week.csv", "-o", "out.csv", "--record"))
    assert len(_cases(run)) == 2
    shutil.rmtree(tmp_path / "home")
    _said(run("score", "week.csv", "-o", "out.csv"))
    assert not (tmp_path / "home").exists()


def test_nothing_there_says_what_to_do(run):
    assert "triage-ml cases import" in _said(run("cases", "list"))
    assert run("cases", "list", "--order", "colour").returncode == 2
