"""Amazon's reports: FBA customer returns, returns by return date (flat file and XML), seller feedback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Message
from triage_ml.readers import tables
from triage_ml.readers.columns import layouts
from triage_ml.readers.fields import as_text, build, is_blank, marketplace_of
from triage_ml.readers.sniff import Source

REPORTS = ("amazon-fba-returns", "amazon-returns", "amazon-feedback")

_JAPANESE = re.compile("[\u3041-\u30fa\u4e00-\u9fff]")
_RETURN_FIELDS = {
    "message_id": "amazon_rma_id", "order_id": "order_id", "sent_at": "return_request_date", "sku": "merchant_sku",
    "product": "item_name", "quantity": "order_quantity", "amount": "order_amount", "currency": "currency_code",
    "reason_code": "return_reason_code",
}  # fmt: skip


def report_of(headers: tuple[str, ...]) -> str:
    """Return the kind of report that has these columns, "" for none."""
    return next((report for report in REPORTS if layouts()[report].fits(headers)), "")


def messages(table: tables.Table, report: str, columns: tables.Mapped) -> Iterator[Message | ReadError]:
    """Yield the messages of a report in an open table. Of buyers' names and addresses nothing is kept."""
    layout = layouts()[report]
    is_feedback = report == "amazon-feedback"
    return tables.messages(
        table,
        layout,
        columns,
        adjust=_feedback if is_feedback else _Ids().adjust,
        year_first=is_feedback and any(_JAPANESE.search(header) for header in table.headers),
        show_rows=False,
    )


class _Ids:
    """Gives each returned piece an id: its plate or RMA number, or order and row where that is not unique."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def adjust(self, row: int, raw: dict[str, object]) -> dict[str, object]:
        message_id = _readable(raw.get("message_id"))
        if not message_id or message_id in self._seen:
            message_id = _order_and_row(row, raw)
        self._seen.add(message_id)
        return raw | {"message_id": message_id, "channel": "amazon"}


def _readable(value: object) -> str:
    try:
        return "" if is_blank(value) else as_text(value)
    except ValueError:
        return ""


def _order_and_row(row: int, raw: dict[str, object]) -> str:
    order_id = _readable(raw.get("order_id"))
    return f"{order_id}-{row}" if order_id else ""


def _feedback(row: int, raw: dict[str, object]) -> dict[str, object]:
    stars = re.match(r"[1-5](?=\D|$)", _readable(raw.pop("rating", None)))
    # the alias address ends in the marketplace's domain; nothing else of it is read
    domain = _readable(raw.pop("email", None)).rpartition("@")[2].removeprefix("marketplace.")
    return raw | {
        "message_id": _order_and_row(row, raw),
        "subject": f"rating {stars[0]}/5" if stars else "",
        "marketplace": domain if marketplace_of(domain) else "",
        "channel": "amazon",
    }


def read_xml(source: Source) -> Iterator[Message | ReadError]:
    """Yield the messages of a returns report in XML: one for each returned item.

    Rows are counted by item, from 1.
    """
    ids, number = _Ids(), 0
    with source.open_binary() as file:
        try:
            for element in _returns(ElementTree.iterparse(file, events=("start", "end"))):
                for raw in _items(element):
                    number += 1
                    yield build(source.path, number, ids.adjust(number, raw), names=_RETURN_FIELDS)
        except (ElementTree.ParseError, LookupError, ValueError) as error:  # the last two: an unknown encoding
            if not number:
                raise FormatError(
                    source.path, f"broken XML ({error})", "an Amazon returns report", "Download the report again."
                ) from None
            yield ReadError(source.path, number + 1, "", "", f"broken XML, all after it is lost ({error})")


def _returns(events: Iterator[tuple[str, ElementTree.Element]]) -> Iterator[ElementTree.Element]:
    """Yield each finished return and drop it, so that memory does not grow."""
    root = None
    for event, element in events:
        root = element if root is None else root
        if event == "end" and _name(element) == "return_details":
            yield element
            root.clear()


def _items(element: ElementTree.Element) -> Iterator[dict[str, object]]:
    shared = _leaves(element)
    for part in element:
        if _name(part) != "item_details":  # the label's part names the currency
            shared |= _leaves(part)
    items = [part for part in element if _name(part) == "item_details"]
    for item in items or [element]:
        values = shared | _leaves(item)
        yield {field: values.get(name) for field, name in _RETURN_FIELDS.items()}


def _leaves(element: ElementTree.Element) -> dict[str, str]:
    """Return the direct texts of an element by name."""
    return {_name(child): child.text or "" for child in element if len(child) == 0}


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
