import json
from pathlib import Path

import pytest

WEEK = Path(__file__).parents[1] / "src" / "triage_ml" / "data" / "sample" / "week.csv"


def test_demo(run, tmp_path):
    done = run("demo")
    assert done.returncode == 0, done.stderr
    assert "quality" in done.stdout and "demo-result.csv" in done.stdout and "triage-ml score" in done.stdout
    assert done.stdout.count("reply 1, to edit and send") == 3
    assert len((tmp_path / "demo-result.csv").read_text("utf-8").splitlines()) > 200


def test_score_and_its_summary_for_a_program(run, tmp_path):
    done = run("score", WEEK, "-o", "out.parquet", "--json")
    summary = json.loads(done.stdout)
    assert summary["rows"] >= 200 and summary["rejects"] == 0
    assert sum(summary["categories"].values()) == summary["rows"]
    assert set(summary["languages"]) == {"en", "de", "fr", "es", "it", "ja", "zh"}


def test_assess_for_a_person_and_for_a_program(run, tmp_path):
    assert "reply 1" in run("assess", "The ring snapped on day two").stdout
    (tmp_path / "order.json").write_text(
        json.dumps({"order_id": "1", "product": "Ring", "amount": "40", "currency": "EUR", "personalised": True})
    )
    found = json.loads(run("assess", "Der Ring ist gebrochen", "--order-json", "order.json", "--json").stdout)
    assert (found["language"], found["order_id"], found["currency"]) == ("de", "1", "EUR")
    assert found["remedies"][0]["rule"] and found["replies"][0]["text"]


def test_one_unreadable_input_leaves_the_earlier_result_alone(run, tmp_path):
    (tmp_path / "good.csv").write_text("id,message,amount\n1,It broke,-1\n2,Where is it,3\n", "utf-8")
    assert run("score", "good.csv", "-o", "out.csv").returncode == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    assert run("score", "good.csv", "nowhere.csv", "-o", "out.csv").returncode == 1
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_terminal_without_unicode_is_no_problem(run, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    monkeypatch.setenv("PYTHONUTF8", "0")
    assert "项链" in run("assess", "项链第二天就断了", "--json").stdout


def test_lists_and_checks(run, tmp_path):
    assert "q_remake" in run("templates", "list").stdout
    assert {t["id"] for t in json.loads(run("templates", "list", "--json").stdout)} >= {"q_remake", "o_thanks"}
    assert "nothing wrong" in run("templates", "check").stdout
    assert json.loads(run("policy", "show", "--json").stdout)["numbers"]["offer.low"] == "0.20"
    (tmp_path / "mine.toml").write_text('name = "mine"\neffective_from = 2026-11-01\n')
    assert "mine 2026-11-01" in run("policy", "check", "mine.toml").stdout
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "x.toml").write_text("id = 1")
    done = run("templates", "check", "--templates", "own")
    assert done.returncode == 1 and "x.toml, line 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["score", "nowhere.csv", "-o", "out.csv"], 1, "nowhere.csv"),
        (["score", ".", "-o", "out.csv"], 1, "folder"),
        (["score", "empty.csv", "-o", "out.csv"], 1, "empty"),
        (["score", "empty.csv"], 2, "--output"),
        (["score", "empty.csv", "-o", "out.csv", "--columns", "text"], 2, "FIELD=COLUMN"),
        (["score", "empty.csv", "-o", "out.csv", "--columns", "foo=text"], 2, "foo"),
        (["score", "empty.csv", "-o", "out.csv", "--format", "foo"], 2, "foo"),
        (["score", "empty.csv", "-o", "out.pdf"], 2, ".pdf"),
        (["assess", " "], 1, "an empty text"),
        (["assess", "x", "--order-json", "nowhere.json"], 1, "nowhere.json"),
        (["assess", "x", "--policy", "empty.csv"], 1, "name"),
        (["assess", "x", "--model", "nowhere"], 1, "triage-ml train"),
        (["train", "--corpus", "nowhere"], 1, "labelled messages"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_every_problem_is_one_sentence(run, tmp_path, arguments, code, says):
    (tmp_path / "empty.csv").touch()
    done = run(*arguments)
    assert done.returncode == code
    assert says in done.stderr


def test_train_writes_a_model_that_scores(run, tmp_path):
    """A tiny corpus through the real command; the shipped one is trained by the demo of CI."""
    (tmp_path / "corpus").mkdir()
    words = {
        "quality": "it broke and leaks",
        "mismatch": "wrong item was sent",
        "subjective": "do not like the look",
        "other": "where is my parcel",
    }
    rows = [
        {"id": f"{w}{c}{n}", "lang": "en", "text": f"{text} {n} {'or I post a bad review' if n == 0 else ''}", "claim": c, "abuse": n == 0,
         "writer": f"w{w}", "replies": ["q_remake"]}
        for w in range(5) for c, text in words.items() for n in range(4)
    ]  # fmt: skip
    (tmp_path / "corpus" / "en.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    done = run("train", "--corpus", "corpus", "--out", "m/tiny")
    assert done.returncode == 0 and "80 texts of 5 writers" in done.stderr, done.stderr
    found = json.loads(run("assess", "it broke", "--model", "m/tiny", "--json").stdout)
    assert found["claim"] == "quality"


def test_evaluate_measures_draws_and_tracks(run, tmp_path):
    rows = [
        {"lang": "en", "text": "It broke and leaks, poor quality", "claim": "quality", "abuse": False},
        {"lang": "en", "text": "Where is my parcel? Tracking has not moved", "claim": "quality", "abuse": False},
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    done = run("evaluate", "mine.jsonl", "--report", "report", "--errors")
    assert done.returncode == 0, done.stderr
    assert "0.500" in done.stdout and "quality -> other" in done.stdout and "MLflow run" in done.stderr
    assert (tmp_path / "report" / "report.html").exists() and (tmp_path / "home" / "mlflow.db").exists()
    found = json.loads(run("evaluate", "mine.jsonl", "--json").stdout)
    assert found["mine.jsonl"]["total"]["accuracy"] == 0.5
    assert "line 1" in run("evaluate", tmp_path / "report" / "report.html").stderr


def test_notices_are_shown_and_a_listing_is_checked(run, tmp_path):
    assert "Widerrufsrecht" in run("notices", "--marketplace", "de", "--language", "de").stdout
    (tmp_path / "listing.txt").write_text(
        "Mug with your name. All sales final, no returns, not even if it arrives broken.", "utf-8"
    )
    done = run("notices", "--marketplace", "us", "--check", "listing.txt")
    assert done.returncode == 0 and "refusal" in done.stdout
    assert "found 'xx'" in run("notices", "--marketplace", "xx").stderr


def test_insurance_says_whether_it_pays(run):
    terms = ["--orders", "1000", "--value", "24.90 EUR", "--return-rate", "0.06", "--premium", "0.02", "--payout", "0.8"]
    dear = run("insurance", *terms, "--covered", "0.3", "--payout-base", "order_value")
    assert "It does not" in dear.stdout and "from 2.50% covered returns" in dear.stdout
    assert "It pays" in run("insurance", *terms, "--covered", "0.9", "--payout-base", "order_value").stdout
    wrong = run("insurance", *terms, "--covered", "many", "--payout-base", "order_value")
    assert wrong.returncode == 2 and "expected a number" in wrong.stderr


def test_a_reply_is_checked_before_it_is_sent(run):
    bad = run(
        "check-reply", "Custom goods cannot be returned, but here is a coupon.", "--channel", "amazon", "--claim", "quality"
    )
    assert bad.returncode == 1 and "refusal_fault" in bad.stdout and "coupon" in bad.stdout
    good = run("check-reply", "I am sorry. We make it again, free of charge.", "--channel", "amazon", "--claim", "quality")
    assert good.returncode == 0, good.stdout
    assert run("check-reply", "x", "--channel", "shop").returncode == 2


def test_forbidden_content_of_a_template_fails_the_check(run, tmp_path):
    shipped = Path(__file__).parents[1] / "src" / "triage_ml" / "data" / "templates" / "q_remake.toml"
    (tmp_path / "mine").mkdir()
    text = shipped.read_text("utf-8").replace(
        "You do not need to send anything back.", "Please change your review to five stars."
    )
    (tmp_path / "mine" / "q_remake.toml").write_text(text, "utf-8")
    done = run("templates", "check", "--templates", "mine")
    assert done.returncode == 1 and "change your review" in done.stderr and "q_remake.toml, en text" in done.stderr
    assert run("templates", "check").returncode == 0
