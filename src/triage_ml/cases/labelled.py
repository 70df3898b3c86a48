"""What people said of messages leaves the record as rows to learn from, without personal data unless one insists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from triage_ml.cases.records import Case, CaseDecision, CaseLabel, CaseMessage
from triage_ml.cases.store import CaseStore
from triage_ml.corpus import LabelledText
from triage_ml.language import LANGUAGES
from triage_ml.messages import Category, Claim, MessageKind
from triage_ml.redaction import redact

# A suggestion of which more was changed than this was not what the person wanted to say.
_REWRITTEN = 0.5


@dataclass(frozen=True, slots=True)
class LabelledMessage:
    """One message and what a person said it claims.

    Parameters
    ----------
    row
        As a row of the corpus; its group is the language and the buyer's keyed hash (else the case).
    case_id, by, at
        Of the label or decision.
    decided
        Whether it follows from a decision; a label says it outright.
    corrected
        Whether the decision names another category than the judgement did.
    """

    row: LabelledText
    case_id: str
    by: str
    at: datetime
    decided: bool
    corrected: bool = False


def labelled_messages(store: CaseStore, *, as_written: bool = False) -> Iterator[LabelledMessage]:
    """Yield every message that a person labelled, or decided a case by, and whose words are not erased.

    Of several labels or decisions on one message the newest counts, and a label before any decision. A decision speaks of the
    message that counted when it was made (`Case.leading`), as long as it was not taken back; "abuse" leaves the claim as it was
    judged, and "needs review" says nothing.

    Parameters
    ----------
    store
        The case record.
    as_written
        True leaves personal data in.
    """
    decided = (made.case_id for made in store.stream(CaseDecision) if not made.undone_at)
    for case_id in dict.fromkeys([*(given.case_id for given in store.stream(CaseLabel)), *decided]):
        yield from _of_case(store.case(case_id), as_written)


def labelled_rows(store: CaseStore, *, as_written: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every message with a label of its own as `training/corpus` has its rows; parameters as in `labelled_messages`.

    Yields
    ------
    dict
        `writer` holds one buyer's messages together, so that they are not torn apart between learning and measuring.
    """
    for one in labelled_messages(store, as_written=as_written):
        if not one.decided:
            yield {
                "id": one.row.id,
                "lang": one.row.lang,
                "text": one.row.text,
                "claim": one.row.claim.value,
                "abuse": one.row.abuse,
                "writer": one.row.group.partition(" ")[2],
                "personalised": one.row.personalised,
                "photo": one.row.photo,
                "product": one.row.product,
                "voice": one.row.voice,
            }


def _of_case(case: Case, as_written: bool) -> Iterator[LabelledMessage]:
    said = {one.id: one for one in case.messages if not one.erased and one.message.text.strip()}
    decisions: dict[int, CaseDecision] = {}
    for made in case.decisions:
        leading = _decided_on(case, made)
        if leading and not made.undone_at and made.decision.category is not Category.NEEDS_REVIEW:
            decisions[leading.id] = made
    labels = {given.label.message_id: given for given in case.labels}
    for message_id, one in said.items():
        decided, labelled = decisions.get(message_id), labels.get(message_id)
        if not decided and not labelled:
            continue
        row = _row(case, one, as_written)
        if decided:
            row = replace(row, **_by_decision(decided, one))
        if labelled:
            row = replace(row, claim=labelled.label.claim, abuse=labelled.label.abuse)
            yield LabelledMessage(row, case.id, labelled.label.by, labelled.at, decided=False)
        elif decided:
            corrected = bool(one.judgement) and decided.decision.category is not one.judgement.category  # type: ignore[union-attr]
            yield LabelledMessage(row, case.id, decided.decision.by, decided.decided_at, decided=True, corrected=corrected)


def _decided_on(case: Case, made: CaseDecision) -> CaseMessage | None:
    earlier = tuple(one for one in case.messages if one.id < made.id and one.message.kind is MessageKind.BUYER)
    return replace(case, messages=earlier).leading


def _by_decision(made: CaseDecision, said: CaseMessage) -> dict[str, Any]:
    """Return what a decision says of the message: claim, abuse, and the reply where it was sent much as suggested."""
    decision = made.decision
    is_abuse = decision.category is Category.ABUSE
    judged = said.judgement.claim if said.judgement else Claim.OTHER
    kept = decision.edited is None or decision.edited <= _REWRITTEN
    return {
        "claim": judged if is_abuse else Claim(decision.category.value),
        "abuse": is_abuse,
        "replies": (decision.template_id,) if decision.template_id and kept else (),
    }


def _row(case: Case, said: CaseMessage, as_written: bool) -> LabelledText:
    """Return the row of a message, with no label yet."""
    read_in = said.judgement.language if said.judgement else said.message.language
    language = read_in if read_in in LANGUAGES else "en"
    return LabelledText(
        id=f"{case.id}-{said.id}",
        lang=language,
        text=said.message.text if as_written else _without_names(said, language),
        claim=Claim.OTHER,
        abuse=False,
        group=f"{language} {case.summary.buyer_hash or case.id}",
        follow_up=said.id != case.messages[0].id,
        personalised=case.summary.order.personalised,
        photo=bool(said.message.attachments),
        voice="message",
        product=case.summary.order.product if as_written else "",
    )


def _without_names(said: CaseMessage, language: str) -> str:
    names = [said.message.sender] if said.message.sender and "@" not in said.message.sender else []
    return redact(said.message.text, language, order=said.message.order, names=names).text
