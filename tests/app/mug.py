"""The order that buyers write about, and the time they do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from triage_ml.messages import Money, OrderLine

NOW = datetime.now(UTC).replace(microsecond=0)
MUG = OrderLine(
    "305-1234567-1234567",
    "MUG-01",
    "Mug with name",
    Money(Decimal("24.90"), "EUR"),
    1,
    "de",
    NOW - timedelta(days=3),
    True,
    "Emma & Noah",
)
