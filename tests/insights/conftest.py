"""A small record to write into, and a large one whose truth is known."""

from dataclasses import replace
from datetime import timedelta

import pytest
from known_shop import EUR_20, NOW, write

from triage_ml.cases import CaseStore
from triage_ml.cases.database import open_engine
from triage_ml.classifier import FixedClassifier
from triage_ml.messages import Category, Claim, Message, OrderLine
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage


@pytest.fixture
def store(tmp_path):
    with CaseStore(open_engine(tmp_path / "cases.db"), files=tmp_path / "files", now=lambda: NOW) as opened:
        yield opened


@pytest.fixture(scope="session")
def assess(policy, templates):
    """Assess a message with a judge that always says what it is told, and all else real."""
    ranker = ReplyRanker(templates, policy)

    def assessed(message, claim=Claim.QUALITY, probability=0.91, abuse=0.01):
        return Triage(FixedClassifier(claim, probability, abuse), policy, ranker).assess(message)

    return assessed


@pytest.fixture
def say(store, assess):
    """Record one message and return the case; each is a case of its own unless `order` says otherwise."""
    numbers = iter(range(1, 10_000))

    def said(
        text, claim=Claim.QUALITY, at=NOW - timedelta(days=10), *, sku="RING-7", order="", paid=EUR_20, unsure=False, customisation="",
        marketplace="de", **fields,
    ):  # fmt: skip
        number = next(numbers)
        line = OrderLine(order or f"302-0000000-{number:07d}", sku, "", paid, None, marketplace, None, True, customisation)
        message = Message(f"m-{number}", text, line, **{"channel": "amazon", "sent_at": at, **fields})
        assessment = assess(message, claim)
        if unsure:
            assessment = replace(assessment, prediction=replace(assessment.prediction, category=Category.NEEDS_REVIEW))
        store.record([assessment], "import")
        return next(case for case in store.walk() if case.order.order_id == line.order_id)

    return said


@pytest.fixture(scope="session")
def shop(tmp_path_factory, assess):
    """The large record of `known_shop`."""
    folder = tmp_path_factory.mktemp("shop")
    with CaseStore(open_engine(folder / "cases.db"), files=folder / "files", now=lambda: NOW) as opened:
        write(opened, assess)
        yield opened
