"""A program that imports messages, to be run beside others and to be killed: writer.py URL PREFIX COUNT CHUNK.

Says on stdout how many messages are safely in, after each chunk.
"""

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from triage_ml.cases.database import open_engine
from triage_ml.cases.store import CaseStore
from triage_ml.classifier import Prediction
from triage_ml.messages import Category, Claim, Message, Money, OrderLine
from triage_ml.resolution import Remedy, RemedyKind, Resolution
from triage_ml.triage import Assessment

_REST = (1 - 0.9) / 3


def assessments(prefix, count):
    """Three messages to each order, an hour apart."""
    for number in range(count):
        order = OrderLine(f"{prefix}-{number // 3}", "MUG-1", "Mug", Money(Decimal("24.90"), "EUR"), marketplace="de")
        text = f"Der Henkel ist ab, schon wieder ({prefix} {number})."
        sent_at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
        message = Message(f"{prefix}-{number}", text, order, channel="shop", sent_at=sent_at, sender=f"{prefix}@example.com")
        claims = {claim: 0.9 if claim is Claim.QUALITY else _REST for claim in Claim}
        prediction = Prediction(Claim.QUALITY, claims, (Claim.QUALITY,), 0.9, 0.01, Category.QUALITY, "de", text, ())
        resolution = Resolution(Remedy(RemedyKind.REMAKE, "R1", "made again", Money(Decimal("11.20"), "EUR")))
        yield Assessment(message, prediction, resolution, (), ("fault: “Henkel ist ab”",), "fixed", "test 2026-01-01")


def _say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def main(url, prefix, count, chunk):
    with CaseStore(open_engine(url), files=Path(sys.argv[0]).parent) as store:
        waiting, done = assessments(prefix, int(count)), 0
        _say("ready")
        while some := list(islice(waiting, int(chunk))):
            store.record(some, prefix)
            done += len(some)
            _say(done)


if __name__ == "__main__":
    main(*sys.argv[1:])
