"""Helpdesk exports: the same conversation from every helpdesk, and what damaged exports do."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exports.make import MESSAGES
from exports.make_mail import (
    ADDRESS,
    BUYER,
    HERE,
    ORDER_ID,
    TALK,
    amazon_noise,
    edesk,
    freshdesk,
    gorgias,
    same,
    zendesk,
    zendesk_comments,
    zendesk_ticket,
)

from triage_ml.errors import FormatError, ReadError
from triage_ml.messages import Direction, Message, MessageKind
from triage_ml.readers import read_messages
from triage_ml.readers.desks import detect
from triage_ml.readers.helpdesk import read
from triage_ml.readers.sniff import Source, sniff

FILES = [
    "zendesk.json", "zendesk-side.json", "zendesk-together.json", "zendesk.jsonl", "gorgias.json", "freshdesk.json", "edesk.json",
]  # fmt: skip
PUBLIC = [(from_buyer, words) for _, from_buyer, words, private in TALK if not private]


def entries(tmp_path: Path, document: object, kind: str) -> list[Message | ReadError]:
    path = tmp_path / "export.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return list(read(Source(path, kind)))


def words(found: list[Message | ReadError]) -> list[str]:
    return [entry.text if isinstance(entry, Message) else f"! {entry.reason}" for entry in found]


# --- the export files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_same_conversation_from_every_helpdesk(name):
    found = list(read_messages(HERE / name))
    assert [(message.direction is Direction.IN, message.text) for message in found] == PUBLIC
    assert [message.kind for message in found] == [MessageKind.BUYER, MessageKind.SELLER, MessageKind.BUYER]
    assert {message.order.order_id for message in found} == {ORDER_ID}
    assert {message.order.marketplace for message in found} == {"de"}
    assert {message.thread_id for message in found} == {"35"}
    assert {message.channel for message in found} == {"amazon"}
    assert [message.attachments for message in found] == [(), (), ("riss.jpg",)]
    assert [message.sent_at for message in found] == [datetime(2026, 9, 7, hour, tzinfo=UTC) for hour in (9, 10, 12)]
    assert [message.message_id for message in found][1:] == ["9002", "9004"]


@pytest.mark.parametrize("name", FILES)
def test_the_kind_is_found_by_content(name, tmp_path):
    for content, suffix in ((HERE / name).read_bytes(), ".txt"), (gzip.compress((HERE / name).read_bytes()), ".gz"):
        copy = tmp_path / f"export{suffix}"
        copy.write_bytes(content)
        assert sniff(copy).kind == name.partition(".")[0].partition("-")[0]


@pytest.mark.parametrize("name", same())
def test_the_messages_of_every_other_export(name):
    """Order of the file: a ticket holds its conversation together, so sorted by id."""
    found = sorted(read_messages(HERE / name), key=lambda message: message.message_id)
    for message, meant in zip(found, MESSAGES, strict=True):
        for field in ("message_id", "text", "direction", "kind", "channel", "sent_at", "subject"):
            assert getattr(message, field) == getattr(meant, field), field
        assert (message.order.order_id, message.order.marketplace) == (meant.order.order_id, meant.order.marketplace)
    threads = {message.message_id: message.thread_id for message in found}
    assert threads["00001"] == threads["00011"] and len(set(threads.values())) == len(MESSAGES) - 1


# --- detect --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (zendesk(), "zendesk"), (zendesk_ticket(), "zendesk"), ({"tickets": [], "end_of_stream": True}, "zendesk"), ([zendesk_ticket()], "zendesk"),
        (gorgias(), "gorgias"), (gorgias()["data"], "gorgias"), (gorgias()["data"][0]["messages"], "gorgias"),
        (freshdesk(), "freshdesk"), ({"tickets": freshdesk()}, "freshdesk"), ([{"helpdesk_ticket": {"notes": []}}], "freshdesk"),
        (edesk(), "edesk"), (edesk()["messages"], "edesk"),
        ({"message_id": "1", "text": "Hello"}, ""), ([{"id": 1, "body": "x", "subject": "y"}], ""), ([], ""), ("text", ""), (None, ""), ({"data": [1, 2]}, ""),
        ({"message_id": "1", "text": "x", "direction": "in", "channel": "email"}, ""),
    ],
)  # fmt: skip
def test_detect(document, kind):
    assert detect(document) == kind


# --- zendesk -------------------------------------------------------------------------------------------------


def test_description_comes_once_and_alone_where_there_are_no_comments(tmp_path):
    assert words(entries(tmp_path, zendesk(), "zendesk")) == [TALK[0][2]]
    later = [dict(comment, created_at=f"2026-10-0{i + 1}T00:00:00Z") for i, comment in enumerate(zendesk_comments()[1:])]
    assert words(entries(tmp_path, zendesk(comments=later), "zendesk")) == [text for _, text in PUBLIC]
    spaced = zendesk(comments=zendesk_comments(), description=amazon_noise(TALK[0][2]).replace("\n", " \n"), created_at=None)
    assert words(entries(tmp_path, spaced, "zendesk")) == [text for _, text in PUBLIC]


def test_roles_tell_who_wrote_where_ids_do_not(tmp_path):
    page = zendesk(comments=zendesk_comments()) | {"users": [{"id": 900, "role": "end-user"}, {"id": 77, "role": "agent"}]}
    page["tickets"][0]["comments"][0]["author_id"] = 900  # the buyer's profile was merged with another
    found = entries(tmp_path, page, "zendesk")
    assert [message.direction for message in found] == ["in", "out", "in"]


def test_account_export_with_requester_inside(tmp_path):
    ticket = zendesk_ticket() | {"comments": zendesk_comments(), "requester": {"id": BUYER, "email": "anna@gmail.example"}}
    del ticket["requester_id"], ticket["via"]
    found = entries(tmp_path, "\n".join([json.dumps(ticket), "", json.dumps(ticket)]), "zendesk")
    assert words(found) == [text for _, text in PUBLIC] * 2
    assert (found[0].sender, found[1].direction) == ("anna@gmail.example", Direction.OUT)


def test_html_alone_and_pre(tmp_path):
    comment = {
        "id": 1,
        "author_id": BUYER,
        "public": True,
        "body": None,
        "html_body": "<p>Hallo</p><pre>Der Deckel\nist ab.</pre><p>Fall lösen</p>",
    }
    assert words(entries(tmp_path, zendesk(description="", comments=[comment]), "zendesk")) == ["Der Deckel\nist ab."]


@pytest.mark.parametrize(
    ("address", "channel"),
    [(ADDRESS, "amazon"), ("x@members.ebay.de", "ebay"), ("x@mail.etsy.com", "etsy"), ("x@gmail.example", "mail")],
)
def test_channel_by_the_buyers_address(tmp_path, address, channel):
    via = {"channel": "email", "source": {"from": {"address": address}}}
    [found] = entries(tmp_path, zendesk(via=via, custom_fields=[], subject="x"), "zendesk")
    assert (found.channel, found.sender) == (channel, address)


def test_channel_by_name(tmp_path):
    names = {"chat": "chat", "native_messaging": "chat", "web": "web", "email": "mail"}
    for name, channel in names.items():
        assert entries(tmp_path, zendesk(via={"channel": name}), "zendesk")[0].channel == channel
    integration = {"channel": "any_channel", "source": {"from": {"service_info": {"integration_name": "eBay"}}}}
    assert entries(tmp_path, zendesk(via=integration), "zendesk")[0].channel == "ebay"


def test_notices_and_look_alikes_inside_tickets(tmp_path):
    def ticket(address: str, subject: str, text: str) -> dict[str, object]:
        via = {"channel": "email", "source": {"from": {"address": address}}}
        return zendesk(via=via, subject=subject, description=text)

    form = "Return reason: Defective\nCustomer comments: It broke.\n\nThank you, Amazon Services"
    [notice] = entries(tmp_path, ticket("order-update@amazon.de", "???", form), "zendesk")
    assert (notice.kind, notice.reason_code, notice.text) == (MessageKind.RETURN_REQUEST, "Defective", "It broke.")
    [unknown] = entries(tmp_path, ticket("", f"Return authorization request for order # {ORDER_ID}", form), "zendesk")
    assert unknown.kind is MessageKind.RETURN_REQUEST
    [buyer] = entries(tmp_path, ticket("", "Return request from Anna", "Return reason: it broke"), "zendesk")
    assert buyer.kind is MessageKind.BUYER
    [error] = entries(tmp_path, ticket("abcd1234@marketplace.amazon.de.evil.com", "x", "Pay here"), "zendesk")
    assert (error.column, "imitates Amazon" in error.reason) == ("sender", True)


def test_an_answer_in_a_notice_ticket_is_a_buyers_word(tmp_path):
    comments = zendesk_comments()[:1] + zendesk_comments()[3:]
    page = zendesk(comments=comments, subject="Order cancellation request from Amazon customer Anna")
    assert [message.kind for message in entries(tmp_path, page, "zendesk")] == ["cancellation_request", "buyer"]


# --- the others ----------------------------------------------------------------------------------------------


def test_gorgias_messages_without_their_tickets(tmp_path):
    messages = gorgias()["data"][0]["messages"]
    for document in ({"data": messages}, messages, "\n".join(map(json.dumps, messages))):
        found = entries(tmp_path, document, "gorgias")
        assert words(found) == [text for _, text in PUBLIC]
        assert {message.thread_id for message in found} == {"35"}


def test_gorgias_language_and_html(tmp_path):
    page = gorgias()
    page["data"][0]["messages"] = [
        {"id": 1, "public": True, "from_agent": False, "body_text": "", "body_html": "<p>Il est cassé</p>"}
    ]
    page["data"][0] |= {"language": "fr-CA", "customer": {"email": "a@gmail.example"}, "subject": "x"}
    [found] = entries(tmp_path, page, "gorgias")
    assert (found.text, found.language, found.channel) == ("Il est cassé", "fr", "mail")


def test_freshdesk_opened_by_an_agent_and_wrapped_notes(tmp_path):
    ticket = freshdesk()[0] | {"source": 10}
    assert [message.direction for message in entries(tmp_path, [ticket], "freshdesk")] == ["out", "out", "in"]
    notes = [{"note": note} for note in ticket.pop("conversations")]
    found = entries(tmp_path, [{"helpdesk_ticket": ticket | {"notes": notes, "source": 1}}], "freshdesk")
    assert words(found) == [text for _, text in PUBLIC]


def test_freshdesk_channels(tmp_path):
    ticket = freshdesk()[0] | {"requester": {}, "custom_fields": {}, "subject": "x"}
    channels = {source: entries(tmp_path, [ticket | {"source": source}], "freshdesk")[0].channel for source in (1, 2, 3, 7)}
    assert channels == {1: "mail", 2: "portal", 3: "phone", 7: "chat"}


def test_edesk_order_ids_of_other_marketplaces(tmp_path):
    page = edesk()
    page["tickets"][0] |= {"seller_order_id": "12-34567-89012", "channel": {"name": "eBay UK", "type": "ebay"}}
    found = entries(tmp_path, page, "edesk")
    assert {(message.order.order_id, message.channel) for message in found} == {("12-34567-89012", "ebay")}


# --- damaged exports -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ticket", "reason"),
    [
        ("zendesk", 7, "expected a ticket as an object"), ("zendesk", None, "expected a ticket as an object"),
        ("zendesk", {"id": 1, "requester_id": 2, "comments": "none"}, "expected an object"),
        ("zendesk", {"id": 1, "requester_id": 2}, "without description and comments"),
        ("zendesk", {"id": 1, "requester_id": 2, "description": "Broken", "created_at": "31 Foo 2026"}, "date"),
        ("zendesk", {"id": 1, "requester_id": 2, "description": "Größe \udcff"}, "encoding"),
        ("zendesk", {"id": 1, "requester_id": 2, "comments": [{"id": 5, "author_id": 2, "body": " "}]}, "no text"),
        ("zendesk", {"id": 1, "requester_id": 2, "comments": [{"id": 5, "author_id": 2, "body": "", "attachments": [{"file_name": "a.jpg"}]}]}, "only attachments"),
        ("gorgias", {"id": 1, "messages_count": 4, "excerpt": "x"}, "without its messages"),
        ("freshdesk", {"id": 1, "description": ""}, "without text"),
        ("edesk", {"id": 1, "messages": [17, 18]}, "not an id"),
    ],
)  # fmt: skip
def test_a_broken_ticket_is_a_reject_and_the_rest_goes_on(tmp_path, kind, ticket, reason):
    good = {
        "zendesk": zendesk_ticket(), "gorgias": gorgias()["data"][0], "freshdesk": freshdesk()[0],
        "edesk": edesk()["tickets"][0] | {"messages": edesk()["messages"]},
    }[kind]  # fmt: skip
    found = entries(tmp_path, {"tickets": [good, ticket, good]}, kind)
    errors = [entry for entry in found if isinstance(entry, ReadError)]
    assert {error.row for error in errors} == {2}
    assert all(reason in error.reason for error in errors)
    texts = [entry.text for entry in found if isinstance(entry, Message)]
    assert texts == texts[: len(texts) // 2] * 2 and texts[0] == TALK[0][2]


def test_one_broken_comment_does_not_take_the_others(tmp_path):
    comments = [*zendesk_comments()[:2], 17, *zendesk_comments()[2:]]
    found = entries(tmp_path, zendesk(comments=comments), "zendesk")
    assert words(found) == [PUBLIC[0][1], PUBLIC[1][1], "! expected an object", PUBLIC[2][1]]


def test_private_notes_alone_are_nothing(tmp_path):
    assert entries(tmp_path, zendesk(description="", comments=zendesk_comments()[2:3]), "zendesk") == []


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_broken_line_of_json_lines(tmp_path, damaged):
    lines = [json.dumps(zendesk_ticket())] * 3
    lines[damaged] = lines[damaged][:100]
    found = entries(tmp_path, "\n".join(lines), "zendesk")
    assert [isinstance(entry, ReadError) for entry in found] == [number == damaged for number in range(3)]
    assert found[damaged].row == damaged + 1


@pytest.mark.parametrize("indent", [None, 1])
def test_a_page_that_breaks_off_gives_what_is_whole(tmp_path, indent):
    text = json.dumps({"tickets": [zendesk_ticket()] * 3, "end_of_stream": True}, indent=indent)
    *whole, error = entries(tmp_path, text[: int(len(text) * 0.8)], "zendesk")
    assert words(whole) == [TALK[0][2]] * 2
    assert (error.row, "export them again" in error.reason) == (3, True)


@pytest.mark.parametrize("text", ['{"tickets": [{"id": 1,', "[", '{"tickets": nothing}', "[" * 100_000])
def test_what_is_no_json_is_one_sentence(tmp_path, text):
    with pytest.raises(FormatError, match="broken JSON"):
        entries(tmp_path, text, "zendesk")


def test_a_broken_side_file_is_one_sentence(tmp_path):
    (tmp_path / "export.comments.json").write_text("{")
    with pytest.raises(FormatError, match=r"export\.comments\.json: found broken JSON"):
        entries(tmp_path, zendesk(), "zendesk")
