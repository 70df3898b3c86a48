"""A row with its personal payload becomes a result."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

from triage_ml.cases.records import (
    Attachment,
    AttachmentKind,
    CaseDecision,
    CaseLabel,
    CaseMessage,
    CaseOutcome,
    CasePhoneNote,
    CaseProposal,
    CaseState,
    CaseSummary,
    Decision,
    Hold,
    Judgement,
    Label,
    Outcome,
    OutcomeKind,
    PhoneNote,
)
from triage_ml.messages import Category, Claim, Direction, Message, MessageKind, Money, OrderLine

_PUBLIC = re.compile(r"[Cc]-0*(\d{1,18})")


def told_of(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row with its payload
    """Return the personal payload of a row, empty where there is none."""
    told: dict[str, Any] = json.loads(row.payload) if row.payload else {}
    return told


def public_id(number: int) -> str:
    """Return a case's number as a person names it."""
    return f"C-{number:06d}"


def case_number(case_id: str) -> int:
    """Return the number in "C-000123", 0 where it is none."""
    found = _PUBLIC.fullmatch(case_id.strip())
    return int(found[1]) if found else 0


def money(amount: Decimal | None, currency: str) -> Money | None:
    """Return an amount as money has it: 12.50, not 12.500000."""
    return None if amount is None else Money(amount, currency).share(Decimal(1))


def summary_of(row: Any) -> CaseSummary:  # noqa: ANN401 - a row of `cases`
    """Return a case's line in a list."""
    held = row.hold_expires_at is not None
    return CaseSummary(
        id=public_id(row.id),
        version=row.version,
        state=CaseState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_at=row.last_at,
        order=OrderLine(
            order_id=row.order_id,
            sku=row.sku,
            product=row.product,
            paid=money(row.paid_amount, row.currency),
            marketplace=row.marketplace,
            delivered_at=row.delivered_at,
            personalised=row.personalised,
            customisation=row.customisation,
        ),
        channel=row.channel,
        language=row.language,
        category=Category(row.category),
        claim=Claim(row.claim),
        sureness=row.sureness,
        abuse=row.abuse,
        due_at=row.due_at,
        buyer_hash=row.buyer_hash,
        hold=Hold(row.hold_reason, row.hold_approved_by, row.hold_expires_at) if held else None,
        pseudonymised_at=row.pseudonymised_at,
        teaches=row.teaches,
    )


def judgement_of(row: Any, told: dict[str, Any]) -> Judgement:  # noqa: ANN401 - a row
    """Return a row of `predictions`, joined with its resolution, as a result."""
    return Judgement(
        id=row.id,
        made_at=row.made_at,
        model=row.model,
        policy=row.policy,
        language=row.language,
        claim=Claim(row.claim),
        category=Category(row.category),
        probabilities={Claim(claim): value for claim, value in row.probabilities.items()},
        claim_set=tuple(map(Claim, row.claim_set)),
        abuse=row.abuse,
        cues=tuple(row.cues),
        reasons=tuple(told.get("reasons", ())),
        resolution=row.content or {},
        comparison=told.get("comparison"),
    )


def message_of(row: Any, judgement: Judgement | None) -> CaseMessage:  # noqa: ANN401 - a row
    """Return a row of `messages`, joined with ledger entry and payload, as a result."""
    told = told_of(row)
    hint = told.get("claim_hint")
    message = Message(
        message_id=told.get("message_id", ""),
        text=told.get("text", ""),
        order=_order(told["order"]) if "order" in told else None,
        thread_id=told.get("thread_id", ""),
        direction=Direction(row.direction),
        kind=MessageKind(row.kind),
        channel=row.channel,
        language=row.language,
        sent_at=row.sent_at,
        subject=told.get("subject", ""),
        sender=told.get("sender", ""),
        reason_code=row.reason_code,
        claim_hint=Claim(hint) if hint else None,
        attachments=tuple(told.get("attachments", ())),
    )
    return CaseMessage(
        id=row.id,
        case_id=public_id(row.case_id),
        message=message,
        recorded_at=datetime.fromisoformat(row.at),
        raw_sha256=row.raw_sha256,
        source_file=row.source_file,
        source_row=row.source_row,
        judgement=judgement,
        erased=bool(row.commitment) and row.payload is None,
    )


def _order(told: dict[str, Any]) -> OrderLine:
    paid, delivered_at = told.get("paid"), told.get("delivered_at")
    known = {
        "paid": Money(Decimal(paid["amount"]), paid["currency"]) if paid else None,
        "delivered_at": datetime.fromisoformat(delivered_at) if delivered_at else None,
    }
    return OrderLine(**{**told, **known})


def _chosen(row: Any, told: Mapping[str, Any]) -> Decision:  # noqa: ANN401 - a row
    return Decision(
        by=row.by,
        category=Category(row.category),
        remedy=row.remedy,
        amount=money(row.amount, row.currency),
        template_id=row.template_id,
        final_text=told.get("text", ""),
        model=row.model,
        policy=row.policy,
        second_person=row.second_person,
        shown=tuple(row.shown),
        edited=row.edited,
    )


def decision_of(row: Any, told: Mapping[str, Any] = MappingProxyType({})) -> CaseDecision:  # noqa: ANN401 - a row
    """Return a row of `decisions` with its personal payload as a result."""
    return CaseDecision(row.id, public_id(row.case_id), row.decided_at, _chosen(row, told), row.undone_at, row.undone_by)


def proposal_of(row: Any, told: Mapping[str, Any]) -> CaseProposal:  # noqa: ANN401 - a row
    """Return a row of `proposals` as a result."""
    chosen = _chosen(row, told)
    return CaseProposal(row.id, public_id(row.case_id), row.proposed_at, chosen, row.withdrawn_at, row.withdrawn_by)


def outcome_of(row: Any, told: dict[str, Any]) -> CaseOutcome:  # noqa: ANN401 - a row
    """Return a row of `outcomes` as a result."""
    spent = money(row.amount_spent, row.currency)
    outcome = Outcome(row.by, OutcomeKind(row.kind), row.offered_share, spent, told.get("note", ""), row.at)
    return CaseOutcome(row.id, public_id(row.case_id), outcome)


def label_of(row: Any, told: dict[str, Any]) -> CaseLabel:  # noqa: ANN401 - a row
    """Return a row of `labels` as a result."""
    label = Label(row.by, Claim(row.claim), row.abuse, told.get("note", ""), row.message_id)
    return CaseLabel(row.id, public_id(row.case_id), row.at, label)


def phone_note_of(row: Any, told: dict[str, Any]) -> CasePhoneNote:  # noqa: ANN401 - a row
    """Return a row of `phone_notes` as a result."""
    note = PhoneNote(row.by, told.get("text", ""), told.get("confirmation", ""))
    return CasePhoneNote(row.id, public_id(row.case_id), row.at, note)


def attachment_of(row: Any, told: dict[str, Any], files: Path) -> Attachment:  # noqa: ANN401 - a row
    """Return a row of `attachments` as a result; `files` is where the kept files lie."""
    return Attachment(
        id=row.id,
        case_id=public_id(row.case_id),
        message_id=row.message_id,
        kind=AttachmentKind(row.kind),
        name=told.get("name", ""),
        sha256=row.sha256,
        size=row.size,
        path=str(files / row.path),
        added_at=row.added_at,
        added_by=row.added_by,
    )
