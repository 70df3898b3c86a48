"""The case record: who wrote what, what was decided, what came of it, and proof that nobody changed it since.

Read it in this order:

    given, records            what goes in; what comes out
    threads, progress         which messages are one case; what a case says after one more (rules without a database)
    schema, migrations        the tables; database opens them
    ledger, verification      the hash chain; whether it is whole, and the record with it
    checkpoints               signed statements of how far the chain had come; verify_chain checks an export anywhere
    importing                 an export comes in: read, assessed, recorded
    recording                 messages come in
    changes, proposing        people decide, propose, take back; additions: outcomes, labels, notes, files, holds
    results                   a row becomes a result
    queries, loading, counts  cases are listed, searched, opened, counted; histories: all of them, for statistics
    store                     all of that behind one name
    findings                  what a case tells beyond its newest message
    retention, due, erasure   personal data goes when its time is over; requests: what one person may ask for
    backup                    all of it in one encrypted file (snapshots, archive, encryption)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.cases.counts import Counts, ReplyUsage
    from triage_ml.cases.queries import Filter, Order
    from triage_ml.cases.records import (
        AttachmentKind,
        Case,
        CaseProposal,
        CaseState,
        CaseSummary,
        Decision,
        Hold,
        Label,
        Outcome,
        OutcomeKind,
        PhoneNote,
        Recorded,
    )
    from triage_ml.cases.store import CaseStore

__all__ = [
    "AttachmentKind", "Case", "CaseProposal", "CaseState", "CaseStore", "CaseSummary", "Counts", "Decision", "Filter", "Hold",
    "Label", "Order", "Outcome", "OutcomeKind", "PhoneNote", "Recorded", "ReplyUsage",
]  # fmt: skip

_HOMES = {"CaseStore": "store", "Counts": "counts", "Filter": "queries", "Order": "queries", "ReplyUsage": "counts"}


# Imported on first use, so that importing the package does not import SQLAlchemy.
def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module(f"triage_ml.cases.{_HOMES.get(name, 'records')}"), name)
    raise AttributeError(f"module 'triage_ml.cases' has no attribute {name!r}")
