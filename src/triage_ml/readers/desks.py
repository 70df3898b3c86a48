"""Which helpdesk a JSON document comes from, told by the names it uses."""

from __future__ import annotations

# What only this helpdesk's tickets or messages carry; the first match in this order names it. A set of
# names must be there together. Zendesk stands last because the others share its plainer names.
_MARKS: tuple[tuple[str, frozenset[str]], ...] = (
    ("gorgias", frozenset({"from_agent"})),
    ("gorgias", frozenset({"created_datetime", "via"})),
    ("gorgias", frozenset({"messages_count", "customer"})),
    ("freshdesk", frozenset({"conversations"})),
    ("freshdesk", frozenset({"description_text"})),
    ("freshdesk", frozenset({"helpdesk_ticket"})),
    ("freshdesk", frozenset({"fr_due_by"})),
    ("freshdesk", frozenset({"incoming", "private"})),
    ("edesk", frozenset({"seller_order_id"})),
    ("edesk", frozenset({"sales_channel", "messages"})),
    ("edesk", frozenset({"channel_id", "messages"})),
    ("edesk", frozenset({"ticket_id", "direction", "type", "body"})),
    ("zendesk", frozenset({"end_of_stream"})),
    ("zendesk", frozenset({"tickets", "comments"})),
    ("zendesk", frozenset({"requester_id", "comments"})),
    ("zendesk", frozenset({"requester_id", "via"})),
    ("zendesk", frozenset({"requester_id", "description"})),
    ("zendesk", frozenset({"requester", "comments"})),
    ("zendesk", frozenset({"raw_subject"})),
    # comments alone
    ("zendesk", frozenset({"author_id", "public"})),
    ("zendesk", frozenset({"author_id", "html_body"})),
    ("zendesk", frozenset({"author_id", "plain_body"})),
)
_LISTS = ("tickets", "data", "results", "messages", "conversations", "comments")
WRAPPERS = ("ticket", "helpdesk_ticket")


def detect(document: object) -> str:
    """Name the helpdesk that a parsed JSON document (or one line of JSON Lines) comes from.

    Parameters
    ----------
    document
        The first parsed value: a dict (a page, a ticket, a message) or a list of such.

    Returns
    -------
    str
        "zendesk", "gorgias", "freshdesk", "edesk", or "" where it is none of them.
    """
    if isinstance(document, list):
        return next((kind for entry in document[:5] if (kind := detect(entry))), "")
    if not isinstance(document, dict):
        return ""
    for name in WRAPPERS:
        if isinstance(document.get(name), dict) and (kind := detect(document[name])):
            return kind
    # The lists inside say more than the page around them, so they are asked first.
    inside = (detect(document[name]) for name in _LISTS if isinstance(document.get(name), list))
    return next((kind for kind in inside if kind), "") or next((kind for kind, names in _MARKS if names <= document.keys()), "")
