"""Labelled messages leave the record as rows to learn from, without personal data unless one insists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from triage_ml.cases.records import CaseLabel, CaseMessage
from triage_ml.cases.store import CaseStore
from triage_ml.language import LANGUAGES
from triage_ml.redaction import redact


def labelled_rows(store: CaseStore, *, as_written: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every labelled message as `training/corpus` has its rows; of several labels the newest counts.

    Parameters
    ----------
    store
        The case record.
    as_written
        True leaves personal data in.

    Yields
    ------
    dict
        One for each labelled message whose words are not erased. `writer` holds one buyer's messages together, so that they are
        not torn apart between learning and measuring.
    """
    newest = {one.label.message_id: one for one in store.stream(CaseLabel)}
    for message_id, given in newest.items():
        case = store.case(given.case_id)
        said = next((one for one in case.messages if one.id == message_id), None)
        if said is None or said.erased or not said.message.text.strip():
            continue
        language = said.judgement.language if said.judgement else said.message.language
        yield {
            "id": f"{case.id}-{message_id}",
            "lang": language if language in LANGUAGES else "en",
            "text": said.message.text if as_written else _without_names(said, language),
            "claim": given.label.claim.value,
            "abuse": given.label.abuse,
            "writer": case.summary.buyer_hash or case.id,
            "personalised": case.summary.order.personalised,
            "photo": bool(said.message.attachments),
            "product": case.summary.order.product if as_written else "",
            "voice": "message",
        }


def _without_names(said: CaseMessage, language: str) -> str:
    names = [said.message.sender] if said.message.sender and "@" not in said.message.sender else []
    return redact(said.message.text, language, order=said.message.order, names=names).text
