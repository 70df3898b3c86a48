"""A large record whose truth is known: twenty SKUs over two quarters, and quality complaints of one of them doubled."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from triage_ml.insights.records import Period
from triage_ml.messages import Claim, Message, Money, OrderLine
from triage_ml.resolution import Resolution

NOW = datetime(2026, 7, 1, tzinfo=UTC)
QUARTER = Period(datetime(2026, 4, 1, tzinfo=UTC), NOW)
EUR_20 = Money(Decimal("20.00"), "EUR")
SKUS = tuple(f"SKU-{number:02d}" for number in range(20))
ORDERS = 4_000
RATES = {Claim.QUALITY: 0.035, Claim.MISMATCH: 0.02, Claim.SUBJECTIVE: 0.04, Claim.OTHER: 0.055}
BROKEN = "SKU-13"
TEXTS = {
    Claim.QUALITY: (
        "The clasp snapped the first time my daughter put it on.",
        "Print is peeling off after two washes. Not what I expect for 20 euro!",
        "arrived smashed, glass everywhere in the box",
        "Die Gravur ist nach zwei Tagen abgeblättert.",
    ),
    Claim.MISMATCH: (
        "I ordered navy and got black. Please send the right one.",
        "Not as described, the page said real leather and this is plastic",
        "The colour is nothing like the picture.",
        "the lid is missing from the box, only the cup came",
    ),
    Claim.SUBJECTIVE: (
        "Feels cheap to be honest, I expected more for the price.",
        "It's too small for me, can I send it back?",
        "Sorry, changed my mind, I no longer need it.",
        "not my style, don't like the colour in real life",
    ),
    Claim.OTHER: (
        "Where is my parcel? Tracking says nothing since Monday.",
        "Can you make this one with two names?",
        "Got it today, love it, thank you so much!",
        "Could I get an invoice with VAT please",
    ),
}


def write(store, assess) -> None:
    """Record it."""
    models = {claim: [_model(assess, text, claim) for text in texts] for claim, texts in TEXTS.items()}
    store.record(_season(random.Random(20260701), models), "import")


def _model(assess, text, claim):
    """Assess a text for real; without alternatives and clocks, so that a large record is written in seconds."""
    assessment = assess(Message("m", text, _line("o", "s"), channel="amazon"), claim)
    return replace(assessment, resolution=Resolution(assessment.resolution.recommended), replies=())


def _season(draw, models) -> Iterator:
    number = 0
    for start, broken in ((QUARTER.before.since, 1), (QUARTER.since, 2)):
        for sku in SKUS:
            for claim, rate in RATES.items():
                times = broken if sku == BROKEN and claim is Claim.QUALITY else 1
                for _ in range(_binomial(draw, ORDERS, rate * times)):
                    number += 1
                    model = draw.choice(models[claim])
                    sent_at = start + (QUARTER.until - QUARTER.since) * draw.random()
                    line = _line(f"302-{number:07d}-0000001", sku)
                    yield replace(model, message=replace(model.message, message_id=f"m-{number}", order=line, sent_at=sent_at))


def _line(order_id, sku):
    return OrderLine(order_id, sku, "", EUR_20, None, "de", None, True)


def _binomial(draw, count, rate):
    return sum(draw.random() < rate for _ in range(count))
