"""What holds the messages: damaged bytes, old encodings, pages of JSON, side files and workbooks of several sheets."""

import json

import openpyxl
import pytest

from triage_ml.errors import FormatError
from triage_ml.readers import read_messages
from triage_ml.readers.sniff import sniff


@pytest.fixture
def workbook(tmp_path):
    """Write sheets of rows, with merged ranges for the first one, and return the path."""

    def write(sheets, merged=()):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for name, rows in sheets.items():
            sheet = book.create_sheet(name)
            for row in rows:
                sheet.append(row)
        for cells in merged:
            book.worksheets[0].merge_cells(cells)
        book.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return write


def read(path, **options):
    rejects = []
    return list(read_messages(path, on_reject=rejects.append, **options)), rejects


def texts(path):
    messages, rejects = read(path)
    assert not rejects
    return [message.text for message in messages]


# --- damaged bytes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["page.json", "lines.jsonl"])
def test_a_damaged_byte_costs_only_its_own_object(given_file, name):
    rows = [{"message_id": str(n), "text": f"größer {n}"} for n in range(4)]
    text = json.dumps(rows, ensure_ascii=False) if name == "page.json" else "\n".join(map(json.dumps, rows))
    text = text.replace("\\u00f6", "ö").replace("\\u00df", "ß")
    path = given_file(text.encode().replace("ö".encode(), b"\xff", 1), name)
    messages, [reject] = read(path)
    assert [m.text for m in messages] == ["größer 1", "größer 2", "größer 3"]
    assert reject.column == "text" and reject.value.encode() and reject.row == 1


def test_a_damaged_byte_in_a_helpdesk_document_costs_only_its_ticket(given_file):
    tickets = [
        {"id": n, "requester_id": 7, "subject": "Tasse", "description": f"Sie ist größer {n}", "via": {"channel": "email"}}
        for n in range(3)
    ]
    text = json.dumps({"tickets": tickets}, ensure_ascii=False).encode()
    messages, [reject] = read(given_file(text.replace("ö".encode(), b"\xc3", 1), "tickets.json"))
    assert [m.text for m in messages] == ["Sie ist größer 1", "Sie ist größer 2"] and reject.value.encode()


def test_a_small_table_with_one_damaged_umlaut_is_utf8(given_file):
    path = given_file(b"id,text\n1,gr\xc3\xb6sser\n2,sch\xf6n\n3,fine\n")
    messages, [reject] = read(path)
    assert [m.text for m in messages] == ["grösser", "fine"]
    assert reject.row == 3


# --- encodings -------------------------------------------------------------------------------------------------

SIMPLE = "收到的杯子是坏的，我要退款"
TRADITIONAL = "收到的杯子是壞的，我要退款"
JAPANESE = "届いた商品が壊れていました。返品したいです"


@pytest.mark.parametrize(
    ("header", "text", "encoding"),
    [
        ("訂單編號,買家留言", TRADITIONAL, "big5"),
        ("訂單編號,買家留言", "cup broken", "big5"),
        ("id,text", TRADITIONAL, "big5"),
        ("订单编号,买家留言", "坏", "gb18030"),
        ("订单编号,买家留言", "cup broken", "gb18030"),
        ("id,text", SIMPLE, "gb18030"),
        ("id,text", "杯子坏", "gb18030"),
        ("注文番号,メッセージ本文", "cup broken", "euc_jp"),
        ("注文番号,メッセージ本文", JAPANESE, "euc_jp"),
        ("id,text", JAPANESE, "euc_jp"),
        ("注文番号,コメント", "破損", "cp932"),
        ("id,text", "割れた", "cp932"),
        ("id,text", "破損している", "cp932"),
        ("Bestellnummer,Käufernachricht", "größer", "cp1252"),
        ("id,text", "Ça a été cassé à la réception", "cp1252"),
        ("id,text", "créée", "cp1252"),
        ("id,text", "¿Dónde está mi pedido? «Sí» 25 €", "cp1252"),
        ("id,text", "Die Größe „L“ ist zu groß – schade…", "cp1252"),
        ("id,text", "Öl", "cp1252"),
        ("id,text", "¡¡Hola!!", "cp1252"),
        ("id,text", "è rotto! perché?", "cp1252"),
    ],
)
def test_old_encodings(given_file, header, text, encoding):
    path = given_file(f"{header}\n1,{text}\n".encode(encoding))
    assert sniff(path).encoding == encoding
    assert texts(path) == [text]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(("header", "text"), [("订单编号,买家留言", SIMPLE * 20), ("id,text", JAPANESE * 30)])
def test_utf16_without_a_mark_in_chinese_and_japanese(given_file, encoding, header, text):
    path = given_file(f"{header}\r\n1,{text}\r\n2,{text}\r\n".encode(encoding))
    assert sniff(path).encoding == encoding
    assert texts(path) == [text] * 2


@pytest.mark.parametrize("text", ["It broke\0 at once", "gr\xf6\xdfer\0 als gedacht, leider", "größer"])
def test_a_stray_nul_makes_no_utf16(given_file, text):
    path = given_file(f"id,text\n1,{text}\n2,and fine\n".encode("cp1252"))
    assert not sniff(path).encoding.startswith("utf-16")


# --- pages of JSON ---------------------------------------------------------------------------------------------

ENTRIES = [{"message_id": "a", "text": "one"}, {"message_id": "b", "text": "two"}]


@pytest.mark.parametrize(
    "page",
    [
        {"count": 2, "messages": ENTRIES},
        {"meta": {"page": [1, {"of": "3"}]}, "next": None, "records": ENTRIES, "total": 2},
        {"status": 'say "hi": [', "items": ENTRIES},
        {"message": "OK", "data": ENTRIES},
        {"results": [], "reviews": ENTRIES},
        {"entries": ENTRIES},
    ],
    ids=str,
)
@pytest.mark.parametrize("indent", [None, 1])
def test_a_page_may_say_other_things_first(given_file, page, indent):
    assert texts(given_file(json.dumps(page, indent=indent), "page.json")) == ["one", "two"]


def test_a_page_larger_than_what_is_looked_at_is_read_to_its_end(given_file):
    many = [{"message_id": str(n), "text": "x" * 5000} for n in range(100)]
    assert len(texts(given_file(json.dumps({"count": 100, "messages": many}), "page.json"))) == 100


@pytest.mark.parametrize("copies", [1, 2])
def test_a_message_with_items_of_its_own_is_no_page(given_file, copies):
    line = json.dumps({"message_id": "a", "items": [{"sku": "S"}], "text": "one"}) + "\n"
    assert texts(given_file(line * copies, "lines.jsonl")) == ["one"] * copies


def test_a_single_wrapped_ticket_is_read(given_file):
    ticket = {"id": 5, "requester_id": 7, "subject": "Cup", "description": "It broke.", "via": {"channel": "email"}}
    path = given_file(json.dumps({"ticket": ticket}), "ticket.json")
    assert sniff(path).kind == "zendesk" and texts(path) == ["It broke."]


COMMENTS = [
    {"id": 1, "ticket_id": 5, "author_id": 7, "plain_body": "It broke.", "public": True},
    {"id": 2, "ticket_id": 5, "author_id": 8, "plain_body": "We are sorry.", "public": True},
    {"id": 3, "ticket_id": 5, "author_id": 8, "plain_body": "internal", "public": False},
]


def test_comments_alone_are_messages(given_file):
    for document in ({"comments": COMMENTS}, COMMENTS):
        messages, rejects = read(given_file(json.dumps(document), "a.comments.json"))
        assert [(m.text, m.direction.value, m.thread_id) for m in messages] == [
            ("It broke.", "in", "5"),
            ("We are sorry.", "out", "5"),
        ]
        assert not rejects


def test_comments_beside_their_tickets_are_not_read_twice(given_file):
    ticket = {"id": 5, "requester_id": 7, "description": "It broke.", "raw_subject": "Cup"}
    tickets = given_file(json.dumps({"tickets": [ticket]}), "a.json")
    side = given_file(json.dumps({"comments": COMMENTS}), "a.comments.json")
    assert texts(tickets) == ["It broke.", "We are sorry."] and texts(side) == []
    assert texts(given_file(json.dumps({"5": COMMENTS}), "a.comments.json")) == []


# --- workbooks -------------------------------------------------------------------------------------------------


def test_every_sheet_with_a_header_is_read(workbook):
    path = workbook(
        {
            "Notes": [["Comments"], ["for the team"]],
            "DE": [["message_id", "text"], ["1", "kaputt"]],
            "Empty": [],
            "FR": [["id", "sku", "message"], ["3", "S", "cassé"]],
        }
    )
    messages, rejects = read(path)
    assert [(m.message_id, m.text) for m in messages] == [("1", "kaputt"), ("3", "cassé")]
    assert messages[1].order.sku == "S" and not rejects


def test_rows_of_two_sheets_do_not_share_an_id(workbook):
    rows = [["text", "sku"], ["broken", "S"]]
    messages, _ = read(workbook({"DE": rows, "FR": rows}))
    assert [m.message_id for m in messages] == ["book.xlsx:2", "book.xlsx:FR:2"]


def test_a_workbook_of_single_columns(workbook):
    assert texts(workbook({"DE": [["text"], ["a"]], "FR": [["text"], ["b"]], "Log": [["done"], ["c"]]})) == ["a", "b"]


def test_no_header_in_any_sheet_is_one_sentence(workbook):
    with pytest.raises(FormatError, match="a column with the buyer's text"):
        list(read_messages(workbook({"A": [["x", "y"], [1, 2]], "B": [["z"], [3]]})))


def test_headings_of_groups_are_not_the_header(workbook):
    header = ["order_id", "sku", "message_id", "text", "date"]
    row = ["111-1234567-1234567", "S", "m1", "broken", "2026-01-02"]
    path = workbook({"A": [["Order", None, "Message"], header, row]}, merged=["A1:B1", "C1:E1"])
    [message], rejects = read(path)
    assert (message.text, message.order.order_id, message.message_id) == ("broken", row[0], "m1") and not rejects


def test_a_cell_merged_over_rows_counts_for_each(workbook):
    rows = [["order_id", "message_id", "text"], ["111-1234567-1234567", "a", "one"], [None, "b", "two"], [None, "c", "three"]]
    messages, _ = read(workbook({"A": rows}, merged=["A2:A3"]))
    assert [m.order.order_id if m.order else "" for m in messages] == ["111-1234567-1234567"] * 2 + [""]
