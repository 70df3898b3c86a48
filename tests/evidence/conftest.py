"""A real case record with a clock that stands where a test puts it, and one dispute from the order to the claim."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from disputes import DISPUTES, HOUR, MARKETPLACES, NOON, PAID
from PIL import Image

from triage_ml.cases import AttachmentKind, CaseStore, Decision, Hold, Label, Outcome, OutcomeKind, PhoneNote
from triage_ml.cases.database import open_engine
from triage_ml.cases.records import Origin
from triage_ml.classifier import FixedClassifier
from triage_ml.evidence import build_pack
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Triage


@pytest.fixture
def now():
    """The store's clock: set `now.at`."""
    return SimpleNamespace(at=NOON)


@pytest.fixture
def store(tmp_path, now):
    with CaseStore(open_engine(str(tmp_path / "cases.db")), files=tmp_path / "files", now=lambda: now.at) as opened:
        yield opened


@pytest.fixture(scope="session")
def assess(policy, templates):
    ranker = ReplyRanker(templates, policy)

    def assessed(*messages, claim=Claim.MISMATCH, probability=0.91, abuse=0.01):
        return Triage(FixedClassifier(claim, probability, abuse), policy, ranker).assess_many(messages)

    return assessed


@pytest.fixture
def record(store, assess, now):
    """Record a dispute and return its case: the buyer's message, the answer, the claim, an hour or more apart."""

    def recorded(language="de", channel="amazon", **changes):
        typed, complaint, answer = DISPUTES[language]
        order = OrderLine(
            "302-1234567-7654321", "SKU-INTERN-7", "Personalised piece", PAID, 1, MARKETPLACES[language], NOON - 72 * HOUR, True, typed
        )  # fmt: skip
        order = replace(order, **changes)
        asked = Message(
            "list.csv:7",
            complaint,
            order,
            "t-1",
            channel=channel,
            sent_at=NOON,
            sender="x7@marketplace.amazon.de",
            subject="Re: order",
        )
        answered = Message("m-2", answer, order, "t-1", Direction.OUT, MessageKind.SELLER, channel, sent_at=NOON + 3 * HOUR)
        claim = Message(
            "m-3",
            "Claim received: Kontonummer 0815",
            order,
            "t-1",
            Direction.IN,
            MessageKind.A_TO_Z,
            channel,
            sent_at=NOON + 30 * HOUR,
        )
        for message in (asked, answered, claim):
            now.at = message.sent_at
            store.record(assess(message), "import", origin=lambda _: Origin("mails.mbox", 3, "ab" * 32))
        return store.case(store.cases().cases[0].id)

    return recorded


@pytest.fixture
def dispute(record, store, now):
    """The German dispute with an offer, what came of it, and everything that is nobody else's business."""
    case_id = record().id
    now.at = NOON + 31 * HOUR
    offer = Decision(
        "Xaver Sachbearbeiter", Category.MISMATCH, "part_refund_keep", Money(Decimal("7.00"), "EUR"), "m_choice_partial",
        "Sie behalten den Rahmen und bekommen 7,00 EUR zurück.", "modell-v9", "preise-intern 2026-01-01", "Zweite Kollegin",
    )  # fmt: skip
    store.decide(case_id, store.case(case_id).version, offer)
    now.at = NOON + 32 * HOUR
    store.outcome(case_id, Outcome("Xaver Sachbearbeiter", OutcomeKind.DECLINED, note="der lügt doch", at=NOON + 32 * HOUR))
    store.outcome(case_id, Outcome("Xaver Sachbearbeiter", OutcomeKind.NEGATIVE_REVIEW, note="ein Stern"))
    store.label(case_id, Label("Xaver Sachbearbeiter", Claim.MISMATCH, abuse=True, note="Wiederholungstäter"))
    store.note_phone(case_id, PhoneNote("Xaver Sachbearbeiter", "am Telefon getobt", "wie besprochen"))
    store.hold(case_id, Hold("Streit läuft", "Anwältin Kern", NOON + 900 * HOUR), "Xaver Sachbearbeiter")
    return case_id


@pytest.fixture
def attach(store, tmp_path):
    """Attach a small picture, or a text, of some kind to a case."""

    def attached(case_id, kind, name="bild.jpg", text=""):
        path = tmp_path / name
        if text:
            path.write_text(text, "utf-8")
        else:
            Image.new("RGB", (64, 48), "teal").save(path)
        return store.attach(case_id, path, AttachmentKind(kind), "Xaver Sachbearbeiter")

    return attached


@pytest.fixture
def pack(store, dispute, attach, tmp_path):
    for kind in ("production_photo", "pod", "buyer_photo"):
        attach(dispute, kind, f"{kind}.jpg")
    return build_pack(store, dispute, "a_to_z", tmp_path / "pack.zip", seller_zone="Asia/Shanghai")
