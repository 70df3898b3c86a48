"""A proposed decision is withdrawn: by a person, or because the buyer wrote again and it answers less than is known now."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from triage_ml.cases.ledger import Journal
from triage_ml.cases.results import public_id
from triage_ml.cases.schema import ProposalRow
from triage_ml.cases.values import row_digest, storable


def withdraw_proposal(connection: Connection, journal: Journal, number: int, by: str) -> None:
    """Withdraw the newest proposal of a case, and enter that.

    Parameters
    ----------
    connection, journal
        The transaction.
    number
        Of a case in which a proposal stands.
    by
        Who withdraws it, or who brought the message in that overtook it.
    """
    query = select(ProposalRow.__table__).where(ProposalRow.case_id == number).order_by(ProposalRow.id.desc()).limit(1)
    row = connection.execute(query).mappings().one()
    withdrawn = storable({"withdrawn_at": journal.at, "withdrawn_by": by})
    connection.execute(update(ProposalRow).where(ProposalRow.id == row["id"]).values(withdrawn))
    rows = {f"proposals:{row['id']}": row_digest({**row, **withdrawn})}
    journal.enter("withdrawal", by, public_id(number), facts={"proposal": row["id"], "rows": rows})
