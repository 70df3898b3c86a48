"""Which messages belong to one case, which buyer wrote, and whether a message is already known.

All of it is text in, text out; the store hashes these texts with the database's own key before it keeps them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC

from triage_ml.cases.values import plain
from triage_ml.messages import Direction, Message, MessageKind

# An order's number is not longer; what is stands in the wrong column.
LONGEST = 200
# Amazon numbers orders like this on all its marketplaces, Amazon Pay with P03 and the like in front.
_AMAZON_ORDER = re.compile(r"(?:\d{3}|P\d{2})-\d{7}-\d{7}")
# Ids that the readers make up where an export has none: "<file>:<row>" and "<order>-<row>".
_FILE_AND_ROW = re.compile(r"(?P<file>.+):(?P<row>\d{1,18})", re.DOTALL)


def thread_keys(message: Message) -> tuple[str, ...]:
    """Return by what a message finds its case, the strongest first.

    The order's number holds most: Amazon's is one in the world, another's counts within its channel. Then what the export calls
    a conversation (of Amazon's mails the case id behind the "+" of the alias). A buyer's address only counts where there is
    neither. Empty where the message stands alone.
    """
    keys = []
    order_id = order_of(message)
    if order_id:
        platform = "amazon" if _AMAZON_ORDER.fullmatch(order_id) else message.channel
        keys.append(f"order {platform} {order_id}")
    if message.thread_id.strip():
        keys.append(f"thread {message.channel} {message.thread_id.strip()}")
    if not keys and _is_buyer(message) and "@" in message.sender:
        keys.append(f"buyer {message.sender.strip().lower()}")
    return tuple(keys)


def buyer_identity(message: Message) -> str:
    """Return what stands for the buyer: the address without "+case", else the name with the order; "" where unknown."""
    if not _is_buyer(message) or not message.sender.strip():
        return ""
    sender = " ".join(message.sender.lower().split())
    if "@" in sender:
        local, _, domain = sender.rpartition("@")
        return f"{local.partition('+')[0]}@{domain}"
    return f"{sender} {order_of(message)}" if order_of(message) else ""


def order_of(message: Message) -> str:
    """Return the order's number as it is compared, "" where unknown."""
    return normal_order(message.order.order_id) if message.order else ""


def normal_order(order_id: str) -> str:
    """Return an order's number as it is compared; the one in the record, which may have been cut, gives the same."""
    return str(plain(order_id))[:LONGEST].strip().upper()


def _is_buyer(message: Message) -> bool:
    return message.direction is Direction.IN and message.kind in (MessageKind.BUYER, MessageKind.CANCELLATION_REQUEST)


def identity(message: Message) -> str:
    """Return what makes a message itself: the same for the same message in another export, or in another row of it.

    An export's own id counts, one made up from file and row does not. The thread only counts where there is nothing better: how
    mails hang together is told from the mails around them, which differ from one export to the next.
    """
    own_id = "" if source_of(message)[1] is not None else message.message_id
    order = message.order
    sent_at = message.sent_at.astimezone(UTC).isoformat() if message.sent_at else ""
    parts = [own_id, message.direction.value, message.kind.value, message.channel, sent_at, message.text, message.reason_code]
    if not own_id:
        parts += [message.subject, message.sender, message.thread_id]
    return json.dumps([*parts, *((order.order_id, order.sku) if order else ())])


def source_of(message: Message) -> tuple[str, int | None]:
    """Return file and row that a made-up id names, "" and None where the export has an id of its own."""
    found = _FILE_AND_ROW.fullmatch(message.message_id)
    if found:
        return found["file"], int(found["row"])
    order_id = message.order.order_id if message.order else ""
    tail = message.message_id.removeprefix(f"{order_id}-")
    is_row = order_id and tail != message.message_id and tail.isdecimal() and len(tail) < 19
    return "", int(tail) if is_row else None


def stands_alone(message: Message) -> bool:
    """Say whether nothing but its words tells a message from another: two such rows are two messages, not one twice."""
    order_id = message.order.order_id if message.order else ""
    return source_of(message)[1] is not None and not (order_id or message.sent_at or message.thread_id or message.sender)
