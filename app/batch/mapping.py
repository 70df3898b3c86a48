"""The form in which a person says which column of a table holds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

import session
from triage_ml.readers.fields import FIELDS

# What a message can do without least comes first, four in a row.
_FIRST = ("text", "order_id", "sent_at", "reason_code", "message_id", "thread_id", "direction", "sender")
_DECIDING = ("text", "reason_code")


def form(headers: Sequence[str], known: Mapping[str, str], likely: str) -> dict[str, str] | None:
    """Draw the form.

    Parameters
    ----------
    headers
        The table's columns.
    known
        Canonical field to column, as far as they were recognised.
    likely
        The column that looks like the buyers' words, "" for none; chosen until the person chooses another.

    Returns
    -------
    dict of str or None
        Field to column where the person chose one; None as long as the form was not sent.
    """
    say = session.say()
    with st.form("columns", border=True):
        chosen = _fields(_FIRST, headers, known, likely)
        with st.expander(say("batch_columns.more")):
            chosen |= _fields([field for field in FIELDS if field not in _FIRST], headers, known, likely)
        sent = st.form_submit_button(say("batch_columns.read"), type="primary", key="columns-read")
    if not sent:
        return None
    if not any(chosen[field] for field in _DECIDING):
        session.show_note("bad", say("batch_columns.needs_text"))
        return None
    # What was recognised stays so by itself; that a file is read for its reason alone is a choice, too.
    return {field: column for field, column in chosen.items() if column and (field in _DECIDING or column != known.get(field))}


def _fields(fields: Sequence[str], headers: Sequence[str], known: Mapping[str, str], likely: str) -> dict[str, str | None]:
    """Draw a box for each field; a column that was recognised can be changed, and not taken away."""
    say, chosen = session.say(), {}
    for first in range(0, len(fields), 4):
        for column, field in zip(st.columns(4), fields[first : first + 4], strict=False):
            found = known.get(field)
            options: list[str | None] = [*headers] if found else [None, *headers]
            begin = found or (likely if field == "text" and likely else None)
            chosen[field] = column.selectbox(
                say(f"batch_field.{field}"), options, index=options.index(begin), key=f"column-{field}",
                format_func=lambda name: say("batch_columns.none") if name is None else name,
            )  # fmt: skip
    return chosen
