import json
import shutil
import subprocess
import sys
import zipfile
from datetime import datetime

import pytest
from disputes import HOUR, NOON
from opened import members_of, rebuilt

from triage_ml.cases.store import CaseStore
from triage_ml.errors import CaseError, CaseNotFoundError, LedgerError
from triage_ml.evidence import build_pack, check_pack
from triage_ml.evidence.manifest import read_manifest
from triage_ml.messages import Claim, Direction, Message, MessageKind


def test_both_bundles_are_there_to_read_to_check_and_with_their_files(pack):
    assert {name for name in pack.files if "attachments" not in name} == {
        "manifest.json", "verify.txt", "ledger/entries.jsonl", "ledger/checkpoint.json", "ledger/verify_chain.py",
        "platform/evidence.html", "platform/evidence.pdf", "platform/evidence.json", "platform/answer.de.txt", "platform/answer.en.txt",
        "buyer-visible/evidence.html", "buyer-visible/evidence.pdf", "buyer-visible/evidence.json",
    }  # fmt: skip
    names = [name.partition("attachments/")[2].partition("-")[2] for name in pack.files if name.startswith("buyer-visible/att")]
    assert names == ["production_photo.jpg", "pod.jpg", "buyer_photo.jpg"]
    assert list(pack.files) == list(members_of(pack.path))
    assert check_pack(pack.path) == ()


def test_the_same_record_gives_the_same_bytes(store, dispute, attach, tmp_path, pack, now):
    now.at = NOON + 200 * HOUR  # the day it is built does not matter
    again = build_pack(store, dispute, "a_to_z", tmp_path / "again.zip", seller_zone="Asia/Shanghai")
    assert again.path.read_bytes() == pack.path.read_bytes() and again.sha256 == pack.sha256
    with zipfile.ZipFile(again.path) as opened:
        assert {info.date_time for info in opened.infolist()} == {(2026, 4, 3, 20, 0, 0)}


def test_anybody_can_check_it_with_standard_tools(pack, store, tmp_path):
    folder = tmp_path / "opened"
    with zipfile.ZipFile(pack.path) as opened:
        opened.extractall(folder)
    if shutil.which("sha256sum"):
        done = subprocess.run(
            ["sha256sum", "-c", "--strict", "verify.txt"], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(": OK") == len(pack.files) - 1  # all but verify.txt itself
    with (folder / "chain.jsonl").open("wb") as file:
        store.export_ledger(file)
    command = [sys.executable, "ledger/verify_chain.py", "chain.jsonl", "ledger/checkpoint.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    chain = (folder / "chain.jsonl").read_bytes().splitlines()
    lines = (folder / "ledger" / "entries.jsonl").read_bytes().splitlines()
    assert set(lines) <= set(chain) and f"all {len(lines)} lines" in (folder / "verify.txt").read_text("utf-8")
    manifest = read_manifest(folder / "manifest.json")
    assert list(manifest.entries) == [line.decode() for line in lines]
    assert manifest.checkpoint.hash == json.loads(chain[-1])["hash"] and manifest.checkpoint.public_key == store.public_key


def test_every_changed_byte_is_found(pack, tmp_path):
    members = members_of(pack.path)
    for name, data in members.items():
        places = {0, len(data) // 3, len(data) // 2, len(data) - 1}
        for place in sorted(places):
            changed = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
            try:
                found = check_pack(rebuilt(tmp_path / "changed.zip", {**members, name: changed}))
            except CaseError:
                assert name == "manifest.json"  # it can no longer be read
                continue
            # A manifest that says something else no longer fits verify.txt, or the file it speaks of.
            assert any(finding.startswith(name) for finding in found) or (name == "manifest.json" and found), (name, place)


def test_what_was_put_in_or_taken_out_is_found(pack, tmp_path):
    members = members_of(pack.path)
    more = check_pack(rebuilt(tmp_path / "more.zip", {**members, "platform/extra.txt": b"x"}))
    assert more == ("platform/extra.txt: the manifest does not know it",)
    less = {name: data for name, data in members.items() if name != "platform/evidence.pdf"}
    assert check_pack(rebuilt(tmp_path / "less.zip", less)) == ("platform/evidence.pdf: it is gone",)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(pack.path.read_bytes()[:-400])
    with pytest.raises(CaseError, match="expected a pack"):
        check_pack(cut)


def test_a_forged_ledger_line_is_found(pack, tmp_path):
    members = members_of(pack.path)
    said = json.loads(members["manifest.json"])
    said["ledger"]["entries"][0] = said["ledger"]["entries"][0].replace('"by":"import"', '"by":"nobody"')
    said["ledger"]["checkpoint"]["seq"] += 1
    found = check_pack(rebuilt(tmp_path / "forged.zip", {**members, "manifest.json": json.dumps(said).encode()}))
    assert "ledger entry 1: its content does not give its hash" in found
    assert "checkpoint: the signature does not hold" in found


def test_an_appeal_tells_what_is_new_since_the_earlier_pack(store, dispute, pack, attach, assess, now, tmp_path):
    nothing = build_pack(store, dispute, "a_to_z", tmp_path / "nothing.zip", since=pack.path)
    assert "Nothing new was recorded since the earlier pack; an appeal needs new information." in nothing.cautions
    assert "Nothing was recorded after the pack of" in members_of(nothing.path)["platform/evidence.html"].decode()
    assert "Neu seit" not in nothing.drafts[0].text
    now.at = NOON + 60 * HOUR
    known = store.case(dispute)
    thanks = Message(
        "m-7",
        "Der neue Rahmen ist heute angekommen, danke.",
        known.summary.order,
        "t-1",
        channel="amazon",
        sent_at=NOON + 59 * HOUR,
    )
    store.record(assess(thanks, claim=Claim.OTHER), "import")
    photo = attach(dispute, "return_inspection")
    later = build_pack(store, dispute, "a_to_z", tmp_path / "later.zip", since=pack.path)
    entry = store.case(dispute).messages[-1].id
    told = json.loads(members_of(later.path)["platform/evidence.json"])
    assert [text["entry"] for text in told["texts"] if text["new"]] == [entry]
    assert [file["entry"] for file in told["files"] if file["new"]] == [photo]
    assert "Nothing new" not in " ".join(later.cautions)
    draft = later.drafts[0]
    assert [sentence.what for sentence in draft.sentences][:3] == ["order", "new", "wrote"]
    assert "Neu seit 2026-04-03 22:00 CEST: Am 2026-04-05 01:00 CEST schrieb der Käufer: „Der neue Rahmen" in draft.text
    page = members_of(later.path)["buyer-visible/evidence.html"].decode()
    assert f"[{entry}] · 2026-04-04 23:00:00 UTC · Käufer · neu" in page
    # The manifest alone is enough.
    (tmp_path / "manifest.json").write_bytes(members_of(pack.path)["manifest.json"])
    alone = build_pack(store, dispute, "a_to_z", tmp_path / "alone.zip", since=tmp_path / "manifest.json")
    assert alone.sha256 == later.sha256


def test_an_earlier_pack_of_something_else_is_refused(store, dispute, pack, assess, now, tmp_path):
    store.record(assess(Message("o-1", "Mein Becher ist kaputt.", thread_id="t-9", channel="amazon", sent_at=NOON)), "import")
    other = next(case.id for case in store.walk() if case.id != dispute)
    with pytest.raises(CaseError, match=f"found a pack of case {dispute}; expected one of case {other}"):
        build_pack(store, other, "a_to_z", tmp_path / "x.zip", since=pack.path)
    with CaseStore.open(tmp_path / "elsewhere.db") as elsewhere:
        elsewhere.record(
            assess(Message("o-2", "Falscher Name auf dem Ring.", thread_id="t-3", channel="amazon", sent_at=NOON)), "import"
        )
        with pytest.raises(LedgerError, match="entries that are not those of this record"):
            build_pack(elsewhere, "C-000001", "a_to_z", tmp_path / "x.zip", since=pack.path)
    (tmp_path / "letter.txt").write_text("Sehr geehrte Damen und Herren")
    with pytest.raises(CaseError, match="expected a pack"):
        build_pack(store, dispute, "a_to_z", tmp_path / "x.zip", since=tmp_path / "letter.txt")
    with pytest.raises(CaseError, match="No such file"):
        build_pack(store, dispute, "a_to_z", tmp_path / "x.zip", since=tmp_path / "none.zip")
    assert not (tmp_path / "x.zip").exists()


def test_deadlines_say_until_when_and_whether_there_is_still_time(store, dispute, record, now, tmp_path):
    built = build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip", seller_zone="Asia/Shanghai")
    first, *undated = built.deadlines
    assert first.clock == "claim_answer" and first.due_at == NOON + 78 * HOUR and first.met_at == NOON + 31 * HOUR
    assert [one.clock for one in undated] == ["claim_appeal", "claim_information"]
    assert built.open_deadlines == ()
    store.undo(dispute, store.case(dispute).version, "Mia")
    assert [one.clock for one in build_pack(store, dispute, "a_to_z", tmp_path / "b.zip").open_deadlines] == ["claim_answer"]
    now.at = NOON + 79 * HOUR
    late = build_pack(store, dispute, "a_to_z", tmp_path / "c.zip")
    assert late.open_deadlines == () and late.deadlines[0].met_at is None
    page = members_of(built.path)["platform/evidence.html"].decode()
    assert "2026-04-05 18:00:00 UTC; 2026-04-05 20:00:00 +0200; 2026-04-06 02:00:00 +0800" in page


def test_what_goes_with_a_message_must_not_be_too_large(store, dispute, attach, tmp_path):
    attach(dispute, "production_photo", "huge.jpg", text="x" * 10_500_000)
    built = build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip")
    assert [caution for caution in built.cautions if "at most 10,000,000 can be sent" in caution]
    small = build_pack(store, dispute, "safe_t", tmp_path / "small.zip")
    assert not [caution for caution in small.cautions if "can be sent" in caution]


def test_what_cannot_be_done_is_said_before_anything_is_written(store, dispute, tmp_path):
    with pytest.raises(CaseNotFoundError):
        build_pack(store, "C-000099", "a_to_z", tmp_path / "x.zip")
    with pytest.raises(CaseError, match="found 'appeal'; expected one of a_to_z, safe_t, abuse_report, chargeback"):
        build_pack(store, dispute, "appeal", tmp_path / "x.zip")
    with pytest.raises(CaseError, match="expected a place that can be written to"):
        build_pack(store, dispute, "a_to_z", tmp_path / "no" / "such" / "folder" / "x.zip")
    assert not (tmp_path / "x.zip").exists() and not list(tmp_path.glob("*.part"))


def test_without_the_extra_there_is_html_all_the_same(store, dispute, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "reportlab", None)
    built = build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip")
    assert "platform/evidence.html" in built.files and not any(name.endswith(".pdf") for name in built.files)
    assert [caution for caution in built.cautions if "expected the extra 'pdf'" in caution]
    assert check_pack(built.path) == ()


def test_a_case_of_the_seller_s_words_alone_can_be_packed(store, assess, now, tmp_path):
    lone = Message("m-1", "Your ring is on its way.", None, "t-1", Direction.OUT, MessageKind.SELLER, "etsy")
    store.record(assess(lone), "import")
    built = build_pack(store, "C-000001", "abuse_report", tmp_path / "pack.zip")
    assert check_pack(built.path) == () and built.drafts[0].text == "" and built.deadlines == ()
    assert datetime.fromisoformat(json.loads(members_of(built.path)["platform/evidence.json"])["as_of"]) == NOON


def test_importing_the_package_stays_light():
    heavy = ("sqlalchemy", "reportlab", "jinja2", "sklearn", "spacy", "cryptography")
    code = f"import sys, triage_ml.evidence; print([name for name in {heavy!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
