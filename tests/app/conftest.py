"""The screen without a browser, on a record of its own, with the small model that all tests share."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from mug import MUG, NOW

from triage_ml.cases.store import CaseStore
from triage_ml.messages import Message, OrderLine
from triage_ml.triage import Triage

APP = Path(__file__).parents[2] / "app"
# `streamlit run app/main.py` does the same.
sys.path.insert(0, str(APP))


@pytest.fixture(autouse=True)
def surroundings(model_folder, tmp_path, monkeypatch):
    """Where the screen finds its record and its model."""
    monkeypatch.setenv("TRIAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRIAGE_DATABASE_URL", str(tmp_path / "cases.db"))
    monkeypatch.setenv("TRIAGE_MODEL", str(model_folder))


@pytest.fixture
def record():
    """The record that the screen shows."""
    with CaseStore.open() as opened:
        yield opened


@pytest.fixture(scope="session")
def judge(model_folder):
    """The triage that the screen has too."""
    return Triage.load(model_folder)


@pytest.fixture
def arrive(record, judge):
    """Bring buyers' texts into the record, each about an order of its own; returns the cases' numbers."""

    def bring(*texts, order=MUG, hours=2, by="import", **more):
        known = {case.id for case in record.walk()}
        number = len(known)
        messages = [
            Message(
                f"m-{number + n}", text,
                None if order is None else OrderLine(f"305-{number + n:07d}-1234567", *_rest(order)),
                channel="amazon", sent_at=NOW - timedelta(hours=hours + n), **more,
            )
            for n, text in enumerate(texts)
        ]  # fmt: skip
        record.record(judge.assess_many(messages), by)
        return [case.id for case in record.walk() if case.id not in known]

    return bring


def _rest(order):
    return (
        order.sku, order.product, order.paid, order.quantity, order.marketplace, order.delivered_at, order.personalised,
        order.customisation,
    )  # fmt: skip


@pytest.fixture
def screen():
    """Start the screen; another call is another person's session."""
    from streamlit.testing.v1 import AppTest

    def start(page="", case="", person="Mia", language="en"):
        at = AppTest.from_file(str(APP / "main.py"), default_timeout=60)
        at.session_state["person"], at.session_state["language"] = person, language
        if case:
            at.session_state["case"] = case
        at.run()
        if page:
            at.switch_page(f"{page}/page.py").run()
        assert not at.exception, at.exception
        return at

    return start
