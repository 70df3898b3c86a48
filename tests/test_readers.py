"""Tables and Amazon reports: the same messages from every shape, and one clear sentence for what is damaged."""

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from exports.make import BUYERS, FBA, HERE, MESSAGES, ORDER, RETURNS, Export, fba, files, nested, returns
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.errors import FormatError, ReadError, TriageError
from triage_ml.messages import Claim, Direction, Money
from triage_ml.readers import read_messages, read_order
from triage_ml.readers.choices import language_code, parse_bool, parse_direction
from triage_ml.readers.columns import layouts
from triage_ml.readers.dates import guess_day_first, parse_datetime
from triage_ml.readers.fields import FIELDS, clean_text, find_order_id
from triage_ml.readers.money import marketplace_of, parse_money
from triage_ml.readers.reasons import claim_hint
from triage_ml.readers.sniff import sniff

EXPORTS = files()


def read(path, **options):
    """Return messages and rejects."""
    rejects = []
    return list(read_messages(path, on_reject=rejects.append, **options)), rejects


def refusal(path, **options):
    with pytest.raises(FormatError) as caught:
        list(read_messages(path, **options))
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".")
    return sentence


def carried(message, fields):
    return {name: getattr(message.order if name in ORDER else message, name) for name in fields}


# --- the folder ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXPORTS)
def test_every_export_holds_the_same_messages(name):
    export: Export = EXPORTS[name]
    messages, rejects = read(HERE / name)
    assert not rejects
    assert [carried(m, export.fields) for m in messages] == [carried(m, export.fields) for m in export.messages]


@pytest.mark.parametrize("name", [name for name in EXPORTS if name.endswith((".csv", ".txt", ".tsv", ".json", ".jsonl"))])
def test_the_folder_is_what_the_script_writes(name):
    assert (HERE / name).read_bytes() == EXPORTS[name].content


# --- whole files that are refused ------------------------------------------------------------------------------


def archive(**entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in entries.items():
            file.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return buffer.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
PARQUET = (HERE / "table.parquet").read_bytes()
XLSX = (HERE / "workbook.xlsx").read_bytes()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file (0 bytes)"),
        (b"\xef\xbb\xbf \r\n\r\n", "nothing but blanks"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (bytes(range(256)) * 20, "binary data"),
        (b"<!DOCTYPE html><html><body>Please sign in", "a web page"),
        (b'<?xml version="1.0"?><tickets/>', "an XML file"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><AmazonEnvelope/>', "an XML file"),
        (b'<?xml version="1.0"?><AmazonEnvelope><Message><return_details>', "broken XML"),
        (b'<?xml version="1.0" encoding="UTF-99"?><AmazonEnvelope>', "broken XML"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (OLE + "Workbook".encode("utf-16-le"), "an old Excel"),
        (XLSX[:3000], "a damaged workbook or zip"),
        (archive(xl__workbook_xml="no xml"), "a damaged workbook"),
        (archive(notes="hello"), "a zip archive that is no workbook"),
        (archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "OpenDocument"),
        (archive(word__document_xml=""), "a Word document"),
        (PARQUET[:-20], "a damaged Parquet file"),
        (PARQUET[:4] + bytes(50) + PARQUET[-4:], "a damaged Parquet file"),
        (gzip.compress(b"id,text\n" + b"1,hello\n" * 9999)[:-9], "a damaged gzip file"),
        (gzip.compress(XLSX), "packed once more"),
        (b"1,Hello there\n2,Hello again\n", "the columns '1', 'Hello there'"),
        (b"id,amount\n1,5\n", "the columns 'id', 'amount'"),
        (b'{"id": 1, "amount": 5}\n', "the columns 'id', 'amount'"),
        (b'[{"id": 1}]', "the columns 'id'"),
    ],
)
def test_a_file_that_is_no_export_is_refused_in_one_sentence(given_file, content, found):
    assert found in refusal(given_file(content))


def test_a_folder_a_missing_file_and_a_device_are_refused(tmp_path):
    assert "a folder" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "none.csv")


@pytest.mark.parametrize("start", [b"x", b'{"message_id": "1", "text": "'])
def test_an_endless_line_is_refused_without_being_loaded(tmp_path, start):
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(start)
        for _ in range(60):
            file.write(b"a" * 2**20)
    tracemalloc.start()
    assert "a single line of more than 8 MB" in refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * 2**20


def test_what_the_caller_demands_must_fit_the_file(given_file):
    path = given_file("Besonderes,id\nbroken,1\n")
    assert "the columns 'Besonderes', 'id'" in refusal(path) and "--columns text=" in refusal(path)
    assert "the columns 'Besonderes', 'id'; expected a column 'Remarks'" in refusal(path, columns={"text": "Remarks"})
    assert "a mapping for words" in refusal(path, columns={"words": "Remark"})
    assert "the format name 'exel'" in refusal(path, format="exel")
    assert "a file of kind csv; expected the format xlsx" in refusal(path, format="xlsx")
    assert "a file of kind xlsx; expected the format csv" in refusal(HERE / "workbook.xlsx", format="csv")
    assert "a mapping of columns for a file of kind eml" in refusal(path, format="eml", columns={"text": "Remark"})


# --- rows that are refused, and their neighbours that are not --------------------------------------------------

HEADER = "message_id,text,amount,currency,sent_at,direction,quantity,personalised"


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (b"2,hi,-5", "amount", "not negative"),
        (b"2,hi,(5.00)", "amount", "not negative"),
        (b"2,hi,free", "amount", "an amount of money"),
        (b"2,hi,1e12", "amount", "an amount of money"),
        (b"2,hi,1000000000000", "amount", "below 1,000,000,000"),
        (b"2,hi,5 EUR,USD", "amount", "the currency column says USD"),
        (b"2,hi,5,Taler", "amount", "a currency code"),
        (b"2,hi,1.234,USD", "amount", "two ways"),
        (b"2,hi,,,31.02.2026", "sent_at", "a date that exists"),
        (b"2,hi,,,1901-05-05", "sent_at", "between 1995 and 2100"),
        (b"2,hi,,,soon", "sent_at", "a date that exists"),
        (b"2,hi,1.234", "amount", "two ways"),
        (b"2, \x00 ,5", "text", "no text"),
        (b"2", "text", "no text"),
        (b"2,b\xf6se", "text", "decoded"),
        (b"2,a,b,c,,in,1,yes,shifted", "", "9 cells where the header names 8"),
        (b'2,"never closed', "", "a quote that is not closed"),
        (b'2,"she said "no", twice"', "", "a quote that is not closed, or"),
        (b"2," + b"x" * 2_000_000, "", "more than 1,048,576 characters"),
    ],
)
def test_a_bad_row_is_rejected_alone(given_file, row, column, reason):
    lines = [HEADER.encode(), "1,schön".encode(), row, '3,"two\nlines, grün"'.encode(), b"4,after"]
    messages, rejects = read(given_file(b"\r\n".join(lines)))
    assert [m.message_id for m in messages] == ["1", "3", "4"]
    [reject] = rejects
    assert (reject.row, reject.column) == (3, column)
    assert reason in reject.reason
    str(reject).encode()  # what cannot be decoded must not break the rejects file


def test_without_a_callback_the_first_bad_row_is_raised(given_file):
    with pytest.raises(ReadError, match="row 3, text: no text"):
        list(read_messages(given_file("id,text\n1,hi\n2,\n3,hi\n")))


def test_one_unclosed_quote_does_not_swallow_a_large_file(given_file):
    rest = [f"{number},{'fine ' * 200}" for number in range(2, 2_000)]  # 2 MB
    messages, rejects = read(given_file("\n".join(["id,text", '1,"never closed', *rest])))
    assert [m.message_id for m in messages] == [str(number) for number in range(2, 2_000)]
    assert [reject.row for reject in rejects] == [2]


def test_quotes_that_were_never_meant_as_quotes_lose_nothing(given_file):
    lines = ["id\ttext\tsku\tquantity", '1\t"Nice mug\tA\t1', '2\tit is 5"\tA\t1', '3\t"Nice" mug\tA\t1', "4\tok\tA\t1"]
    messages, rejects = read(given_file("\n".join(lines), "report.txt"))
    assert [m.text for m in messages] == ['"Nice mug', 'it is 5"', '"Nice" mug', "ok"] and not rejects
    messages, rejects = read(given_file('id,text,sku\n1,"she said "no" twice",A\n2,"a ""b"" c",B'))
    assert [m.text for m in messages] == ['she said "no" twice', 'a "b" c'] and not rejects


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"message_id": "2", "text": ', "broken JSON"),
        ('{"message_id": "2"} {"message_id": "3"}', "more than one value"),
        ('["2", "hello"]', "expected a JSON object"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"text": "hi", "amount": NaN}', "a number that JSON cannot hold"),
        ('{"text": "hi", "amount": ' + "9" * 5000 + "}", "a number that JSON cannot hold"),
        ('{"text": "hi", "amount": 1e999999999}', "below 1,000,000,000"),
        ('{"text": "hi", "date": 1e999999999}', "a date that exists"),
        (r'{"message_id": "2", "text": "a \ud800 b"}', "decoded"),
        ('{"message_id": "2", "text": ["a", "b"]}', "expected one value"),
        ('{"message_id": "2", "text": null}', "no text"),
        ('{"text": "' + "x" * 9_000_000 + '"}', "a line of more than 8 MB"),
    ],
    ids=lambda value: value[:20],
)
def test_a_bad_json_line_is_rejected_alone(given_file, line, reason):
    messages, [reject] = read(given_file('{"message_id": "1", "text": "hi"}\n' + line + '\n{"id": 3, "text": "ho"}', "a.jsonl"))
    assert [m.message_id for m in messages] == ["1", "3"]
    assert reject.row == 2 and reason in reject.reason


def test_a_json_array_goes_on_after_a_broken_value(given_file):
    text = '[{"id": 1, "text": "a"}, {"id": 2, "text" "b"}, {"id": 3, "text": "c"}, 4,\n{"id": 5, "text": "d"'
    messages, rejects = read(given_file(text, "a.json"))
    assert [m.message_id for m in messages] == ["1", "3"]
    assert [reject.row for reject in rejects] == [2, 4, 5]


def test_an_array_may_stand_inside_an_object(given_file):
    text = '{"messages": [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}], "next": null}'
    assert [m.message_id for m in read(given_file(text, "page.json"))[0]] == ["1", "2"]


def test_a_first_line_that_is_broken_does_not_hide_the_kind(given_file):
    messages, rejects = read(given_file('oops\n{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n', "a.jsonl"))
    assert len(messages) == 2 and rejects[0].row == 1


def test_a_parquet_row_that_is_no_text_or_no_date_is_rejected_alone(tmp_path):
    import pyarrow
    from pyarrow import parquet

    texts = pyarrow.array([b"fine", b"b\xf6se", b"fine"], pyarrow.binary())
    moments = pyarrow.array([1_780_000_000 * 10**9 + 1, None, None], pyarrow.timestamp("ns"))
    parquet.write_table(pyarrow.table({"body": texts, "sent_at": moments, "id": [1, 2, 3]}), tmp_path / "a.parquet")
    messages, rejects = read(tmp_path / "a.parquet")
    assert [m.message_id for m in messages] == ["1", "3"]
    assert messages[0].sent_at == datetime.fromtimestamp(1_780_000_000, UTC)
    assert [(reject.row, reject.column) for reject in rejects] == [(2, "body")]


def test_a_truncated_xml_report_gives_what_came_before(given_file):
    content = EXPORTS["returns.xml"].content
    messages, [reject] = read(given_file(content[: len(content) // 2], "returns.xml"))
    assert 0 < len(messages) == reject.row - 1 and "all after it is lost" in reject.reason


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: ("id,text,amount,date\n" + text).encode())))
def test_no_file_raises_anything_but_our_own_errors(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    try:
        for message in read_messages(path, on_reject=str):
            assert message.text or message.reason_code
    except TriageError as error:
        str(error)


# --- columns ---------------------------------------------------------------------------------------------------


def test_no_alias_stands_in_two_lists():
    for layout in layouts().values():
        fields = [field for field, aliases in layout.aliases.items() for _ in set(aliases)]
        aliases = [alias for aliases in layout.aliases.values() for alias in set(aliases)]
        assert len(fields) == len(set(aliases)), layout.name
    assert set(layouts()["messages"].aliases) == set(FIELDS)


@pytest.mark.parametrize(
    ("header", "row", "field", "value"),
    [
        ("Body,customer_comments", "notes,broken", "text", "broken"),
        ("comments,MESSAGE", "notes,broken", "text", "broken"),
        ("text,text", "broken,", "text", "broken"),
        ("id, text, sku", '1, "broken, sadly", A', "text", "broken, sadly"),
        (",\n\n \ntext,id", "broken,5", "message_id", "5"),
        ("text,Message (id)", "x,0007", "text", "x"),
        ("id,text", "0007,x", "message_id", "0007"),
        ("foo,text", "7,x", "message_id", "export.csv:2"),
        ("text,language", "x,de-DE", "language", "de"),
        ("text,marketplace", "x,Amazon.de", "channel", "amazon"),
        ("text,platform", "x,Etsy", "channel", "etsy"),
        ("text,attachments", "x,a.jpg; b.png", "attachments", ("a.jpg", "b.png")),
        ("text,reason", "x,CR-DEFECTIVE", "claim_hint", Claim.QUALITY),
    ],
)
def test_columns_by_alias(given_file, header, row, field, value):
    [message], _ = read(given_file(f"{header}\n{row}\n"))
    assert getattr(message, field) == value


@pytest.mark.parametrize(
    "name",
    [
        "Message from buyer", "Buyer's message", "Buyer Note", "Remarks", "Remark", "Email body", "Notes", "Note",
        "Beschreibung", "Bemerkung", "Bemerkungen", "Anfrage", "Nachricht vom Kunden", "Anmerkung", "Hinweis des Käufers",
        "Commentaire de l'acheteur", "Remarque", "Remarques", "Demande", "Commento dell'acquirente", "Osservazioni",
        "Richiesta", "Descripción", "Observaciones", "Nota", "Consulta", "お問い合わせ", "購入者メッセージ", "備考", "ご意見",
        "顾客留言", "客户反馈", "备注", "反馈", "顧客留言", "客戶反饋", "Messages", "Feedback",
    ],
)  # fmt: skip
def test_names_of_the_text(given_file, name):
    [message], _ = read(given_file(f"Order ID,Return Reason,{name},Personalised\n1,DEFECTIVE,It broke,no\n"))
    assert message.text == "It broke"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Message #,Comments", "1,broken"), ("Review #,Comment", "1,broken"), ("Comment #,Message", "1,broken"),
        ("Message (#),Body", "1,broken"), ("Message №,Body", "1,broken"), ("Message No.,Body", "1,broken"),
        ("Message count,Body", "3,broken"), ("Message (count),Comment", "3,broken"), ("Messages,Customer,Content", "3,A,broken"),
        ("Feedback,Comments", "Positive,broken"), ("Description,Buyer Note", "Ring,broken"), ("Note,Commentaires", "5,broken"),
        ("Notes,Message", "VIP,broken"), ("Messages,Description", "3,broken"),
    ],
)  # fmt: skip
def test_a_number_or_a_vague_name_is_not_the_text(given_file, header, row):
    [message], _ = read(given_file(f"{header}\n{row}\n"))
    assert message.text == "broken"


def test_a_number_sign_makes_an_id(given_file):
    [message], _ = read(given_file("Message #,Order #,SKU #,Body\n7,8,9,x\n"))
    assert (message.message_id, message.order.order_id, message.order.sku) == ("7", "8", "9")


@pytest.mark.parametrize("words", ["It broke on the first day", "届いた時から壊れていました"])
def test_words_in_an_unknown_column_are_not_dropped(given_file, words):
    path = given_file(f"Order ID,Return Reason,Zusatz,Shipped\n1,DEFECTIVE,{words},5 de agosto de 2026\n")
    assert "--columns text=Zusatz" in refusal(path) and "'Return Reason'" in refusal(path)
    assert [m.text for m in read(path, columns={"text": "Zusatz"})[0]] == [words]
    assert [m.text for m in read(path, columns={"reason_code": "Return Reason"})[0]] == [""]


def test_a_reason_beside_short_values_is_enough(given_file):
    path = given_file("Order ID,Return Reason,Status,Shipped\n1,DEFECTIVE,Refund issued,5 de agosto de 2026\n")
    assert [m.reason_code for m in read(path)[0]] == ["DEFECTIVE"]


@pytest.mark.parametrize(
    ("header", "row", "month"),
    [
        ("text,date", "x,03/04/2026 10:30 AM", 3), ("text,date", "x,03/04/2026 10:30", 4),
        ("text,date,amount", "x,03/04/2026,$5", 3), ("text,date,amount,currency", "x,03/04/2026,5,USD", 3),
        ("text,date,amount_usd", "x,03/04/2026,5", 3), ("text,date,amount", "x,03/04/2026,5 €", 4),
        ("text,date,amount", "x,03/04/2026,CA $5", 4), ("text,date,marketplace", "x,03/04/2026 10:30 AM,UK", 4),
        ("text,date", "x,03/04/2026 10:30 AM\ny,25/04/2026 10:30 AM", 4),
    ],
)  # fmt: skip
def test_american_dates_are_known_by_their_company(given_file, header, row, month):
    messages, rejects = read(given_file(f"{header}\n{row}\n"))
    assert messages[0].sent_at.month == month and not rejects


def test_japanese_dates_have_the_year_first(given_file):
    [message], _ = read(given_file("日付,評価,コメント,注文番号\n25/7/10,5,良い,249-1234567-1234567\n"))
    assert message.sent_at == JULY


@pytest.mark.parametrize("row", ["a few,Anna,sideways,nan", "half,maybe,1,NaN", "1e999,,customer to agent to customer,"])
def test_a_small_value_does_not_cost_the_message(given_file, row):
    [message], rejects = read(given_file(f"quantity,personalised,direction,amount,text\n{row},It broke\n"))
    assert (message.text, message.order, message.direction) == ("It broke", None, Direction.IN) and not rejects


def test_a_purchase_date_is_not_when_it_was_sent(given_file):
    [message], _ = read(given_file("Nachricht,Kaufdatum\nkaputt,01.02.2026\n"))
    assert message.sent_at is None


@pytest.mark.parametrize(
    ("value", "quantity"),
    [("1 Stück", 1), ("1x", 1), ("x2", 2), ("2 pcs", 2), ("1个", 1), ("3点", 3), ("2,0", 2), ("500 g", None), ("1.5", None)],
)
def test_quantities(given_file, value, quantity):
    [message], _ = read(given_file(f"quantity;sku;text\n{value};A;x\n"))
    assert message.order.quantity == quantity


@pytest.mark.parametrize(
    ("header", "row", "field", "value"),
    [
        ("text;Montant TTC", "x;1,5 €", "paid", Money(Decimal("1.5"), "EUR")),
        ("text;Texto grabado", "x;Ana", "customisation", "Ana"),
        ("text;刻印文字", "x;Ana", "customisation", "Ana"),
        ("text;ご注文番号", "x;7", "order_id", "7"),
        ("text;amount;marketplace", "x;1.234;de", "paid", Money(Decimal(1234), "EUR")),
        ("text;Betrag (EUR)", "x;12,50", "paid", Money(Decimal("12.50"), "EUR")),
        ("text;amount_usd", "x;12.50", "paid", Money(Decimal("12.50"), "USD")),
        ("text;amount;marketplace", "x;12.50;amazon.co.uk", "paid", Money(Decimal("12.50"), "GBP")),
        ("text;amount", "x;12.50", "paid", Money(Decimal("12.50"), "")),
        ("text;sku", "about order 302-1234567-1234567;A", "order_id", "302-1234567-1234567"),
        ("text;delivered on;market", "x;03/04/2026;US", "delivered_at", datetime(2026, 3, 4, tzinfo=UTC)),
        ("text;delivered on;market", "x;03/04/2026;DE", "delivered_at", datetime(2026, 4, 3, tzinfo=UTC)),
    ],
)
def test_order_columns_by_alias(given_file, header, row, field, value):
    [message], _ = read(given_file(f"{header}\n{row}\n"))
    assert getattr(message.order, field) == value


def test_a_row_with_nothing_about_an_order_has_none(given_file):
    [message], _ = read(given_file('{"message_id": "a", "text": "It broke."}', "one.jsonl"))
    assert (message.message_id, message.text, message.order) == ("a", "It broke.", None)


def test_a_mapping_wins_over_the_aliases(given_file):
    path = given_file("text,Remark,Item\nno,yes,A\n")
    [message], _ = read(path, columns={"text": "Remark", "sku": "item"})
    assert (message.text, message.order.sku, message.order.product) == ("yes", "A", "")


def test_a_mapped_key_that_a_row_lacks_is_not_replaced(given_file):
    path = given_file('{"Remark": "yes"}\n{"text": "no"}\n', "a.jsonl")
    messages, [reject] = read(path, columns={"text": "Remark"})
    assert [m.text for m in messages] == ["yes"] and reject.row == 2


def test_dates_are_read_in_the_order_that_the_file_shows(given_file):
    path = given_file("text,date,marketplace\na,03/04/2026,us\nb,25/04/2026,us\n")
    assert [m.sent_at.month for m in read(path)[0]] == [4, 4]


def test_a_single_column_may_hold_every_delimiter(given_file):
    messages, rejects = read(given_file('message\nHello, it broke; sad | end\n"quoted, too"\n'))
    assert [m.text for m in messages] == ["Hello, it broke; sad | end", "quoted, too"] and not rejects


def test_workbook_cells_keep_what_they_mean(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title, book.active.sheet_state = "hidden", "hidden"
    book.active.append(["text"])
    sheet = book.create_sheet("data")
    for row in ([], ["id", "text", "amount", "qty"], [123, 5, 0.1 + 0.2, 2.0], [], ["007", "x", -1], [None, "y"]):
        sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    messages, [reject] = read(tmp_path / "a.xlsx")
    assert [m.message_id for m in messages] == ["123", "a.xlsx:6"]
    assert (messages[0].text, messages[0].order.quantity, messages[0].order.paid.amount) == ("5", 2, Decimal("0.3"))
    assert (reject.row, reject.column, reject.value) == (5, "amount", "-1.0")


def test_a_long_cell_is_read_and_the_process_keeps_its_csv_limit(given_file):
    before = csv.field_size_limit()
    [message], _ = read(given_file(f"id,text\n1,{'<i></i>' * 40_000}The ring snapped\n"))
    assert message.text == "The ring snapped" and csv.field_size_limit() == before


# --- encodings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("Überraschung – schöne Grüße", "cp1252", "cp1252"),
        ("壊れていました", "cp932", "cp932"),
        ("收到的杯子是坏的，我要退款", "gb18030", "gb18030"),
        ("größer", "utf-16-le", "utf-16-le"),
        ("größer", "utf-16", "utf-16"),
        ("größer", "utf-8-sig", "utf-8-sig"),
        ("größer", "utf-8", "utf-8"),
        ("壊れていました" * 20_000, "utf-8", "utf-8"),
    ],
    ids=lambda value: value[:10],
)
def test_encodings_are_found_by_content(given_file, text, encoding, expected):
    path = given_file(f"id,text,sku\n1,{text},A\n".encode(encoding))
    assert sniff(path).encoding == expected
    messages, rejects = read(path)  # the longest is more than a message has, and shown in its own characters
    assert [m.text for m in messages] == [text] or rejects[0].value == text[:200]


# --- Amazon ----------------------------------------------------------------------------------------------------


def test_a_report_is_known_in_every_container(given_file, tmp_path):
    import openpyxl

    rows = [line.split("\t") for line in fba(FBA, BUYERS[:2]).replace('5" long.\n', "").splitlines()]
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "fba.xlsx")
    objects = "\n".join(json.dumps(dict(zip(FBA, row, strict=False))) for row in rows[1:])
    for path in (tmp_path / "fba.xlsx", given_file(objects, "fba.jsonl")):
        assert [m.message_id for m in read(path)[0]] == ["00001", "00002"]  # the plate, known only to this report


def test_a_plate_that_is_not_unique_is_no_id(given_file):
    messages, _ = read(given_file(fba(FBA, [BUYERS[1], BUYERS[1]]), "fba.txt"))
    assert [m.message_id for m in messages] == ["00002", f"{BUYERS[1].order.order_id}-3"]


def test_a_return_without_comment_is_kept_for_its_reason(given_file):
    row = fba(FBA, [BUYERS[1]]).replace(BUYERS[1].text, " ")
    [message], _ = read(given_file(row, "fba.txt"))
    assert (message.text, message.reason_code, message.claim_hint) == ("", "CR-SWITCHEROO", Claim.MISMATCH)


def test_personal_columns_of_reports_go_nowhere(given_file):
    report = returns(BUYERS[:2]) + "\t".join(["x"] * len(RETURNS)) + "\tErika Mustermann\n"
    messages, [reject] = read(given_file(report, "returns.txt"))
    assert len(messages) == 2 and "Mustermann" not in repr(messages) + str(reject)
    assert "@" not in repr(read(HERE / "feedback-us.txt"))


def test_feedback_keeps_the_rating_in_the_subject():
    messages, _ = read(HERE / "feedback-de.txt")
    assert {m.subject for m in messages} == {"rating 2/5"}


def test_a_report_that_is_called_a_plain_table_is_read_as_one():
    messages, _ = read(HERE / "fba-returns.txt", format="tsv")
    assert messages[0].message_id == "fba-returns.txt:2"


@pytest.mark.parametrize(
    ("code", "claim"),
    [
        ("DEFECTIVE", Claim.QUALITY), ("CR-DEFECTIVE", Claim.QUALITY), ("AMZ-PG-BAD-ITEM", Claim.QUALITY),
        ("Item defective or doesn't work", Claim.QUALITY), ("SWITCHEROO", Claim.MISMATCH),
        ("Wrong item was sent", Claim.MISMATCH), ("AMZ-PG-BAD-DESC", Claim.MISMATCH),
        ("ORDERED_WRONG_ITEM", Claim.SUBJECTIVE), ("No longer needed", Claim.SUBJECTIVE),
        ("Nicht mehr benötigt", Claim.SUBJECTIVE), ("UNDELIVERABLE_FALED_DELIVERY", Claim.OTHER),
        ("QUALITY_UNACCEPTABLE", None), ("AMZ-PG-APP-TOO-SMALL", None), ("SOMETHING_NEW", None), ("", None),
    ],
)  # fmt: skip
def test_a_reason_is_a_hint_only_where_it_says_enough(code, claim):
    assert claim_hint(code) is claim


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "amount", "currency"),
    [
        ("1.234,56 €", "1234.56", "EUR"), ("£12.99", "12.99", "GBP"), ("12,50", "12.50", ""), ("1,234", "1234", ""),
        ("JPY 3,980", "3980", "JPY"), ("3980円", "3980", "JPY"), ("３，９８０円", "3980", "JPY"), ("0.125", "0.125", ""),
        ("1'234.50 CHF", "1234.50", "CHF"), ("EUR 25,-", "25", "EUR"), ("1 234,56 zł", "1234.56", "PLN"),
        ("₹1,00,000.00", "100000.00", "INR"), ("C$ 5", "5", "CAD"), ("10.000 €", "10000", "EUR"), (29.99, "29.99", ""),
        ("US $24.90", "24.90", "USD"), ("$24.90 USD", "24.90", "USD"), ("CA $24.90", "24.90", "CAD"), ("CN¥128", "128", "CNY"),
        ("128.00 人民币", "128.00", "CNY"), ("NT$ 500 TWD", "500", "TWD"), ("₪ 99", "99", "ILS"), ("ISK 900", "900", "ISK"),
        ("1.234 EUR", "1234", "EUR"), ("1.234.567", "1234567", ""), ("US$24.90 USD", "24.90", "USD"),
        (Decimal("5.10"), "5.10", ""), (0, "0", ""),
        (0.1 + 0.2, "0.3", ""), ("29.990000000000002", "29.99", ""), (Decimal("1e-999999"), "0", ""),
    ],
)  # fmt: skip
def test_amounts_in_the_forms_of_many_countries(value, amount, currency):
    assert parse_money(value) == Money(Decimal(amount), currency)


@given(st.integers(0, 10**11), st.sampled_from([("", "."), ("", ","), (",", "."), (".", ","), (" ", ","), ("'", ".")]))
def test_every_amount_with_two_decimals_reads_back(cents, marks):
    group, point = marks
    amount = Decimal(cents) / 100
    written = f"{amount:,.2f}".translate(str.maketrans({",": group, ".": point}))
    if amount <= 10**9:
        assert parse_money(written + " €").amount == amount


def test_a_sign_means_the_currency_that_the_export_says():
    assert parse_money("$5", "CAD").currency == parse_money("$5", default="CAD").currency == "CAD"
    assert parse_money("¥5").currency == "JPY" and parse_money("¥5", "CNY").currency == "CNY"
    for value in (
        "NaN",
        "Infinity",
        True,
        float("nan"),
        "5 5",
        "1.2.3",
        "5 AMZ",
        "€5 USD",
        "$" * 10**6,
        "12.34.567,8",
    ):
        with pytest.raises(ValueError, match="expected"):
            parse_money(value)


def test_currencies_by_name():
    names = ("美元", "人民币", "ユーロ", "US Dollar", "twd", "ILS", "PHP", "MYR", "us $")
    expected = ["USD", "CNY", "EUR", "USD", "TWD", "ILS", "PHP", "MYR", "USD"]
    assert [parse_money("5.00", name).currency for name in names] == expected


JULY = datetime(2025, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        *((text, JULY) for text in (
            "2025-07-10", "20250710", "10-Jul-2025", "10/07/2025", "10.7.25", "2025/7/10", "2025年7月10日", "10. Juli 2025",
            "10 juillet 2025", "10 de julio de 2025", "10 luglio 2025", "July 10th, 2025", "45848", 45848, 1752105600,
            "1752105600000", "Thu, 10 Jul 2025 00:00:00 +0000", "Thu Jul 10 00:00:00 2025", "１０/０７/２０２５", JULY.date(),
            "jeudi 10 juillet 2025", "10 Jul, 2025", "Jul 10, 2025 at 12:00 AM", "2025/7/10 上午 12:00",
            "2025年7月10日(木) 0:00", "2025年7月10日 星期四", "令和7年7月10日", "2025年7月10日木曜日 0時00分", "2025/07/10(木)",
            "jeu. 10 juillet 2025 0:00", "jeudi 10 juillet 2025 à 0 h 00", "10º de julio de 2025", "jueves 10 de julio de 2025",
            "Donnerstag, den 10. Juli 2025", "gio 10 luglio 2025 alle ore 0:00", "le 10 juillet 2025", "2025年7月10日0:00",
            "2025-07-10 (Thu) 00:00", "2025年7月10日周四 上午12:00", "el jue. 10 de julio de 2025", "Do. 10. Juli 2025",
            "Thu Jul 10 2025 02:00:00 GMT+0200 (Central European Summer Time)", "10.07.2025 um 00:00 Uhr",
        )),
        ("13/7/25", JULY + timedelta(days=3)), ("7/13/25", JULY + timedelta(days=3)),
        ("2025-07-10 08:30", JULY + timedelta(hours=8, minutes=30)),
        ("10.07.2025, 8:30:00", JULY + timedelta(hours=8, minutes=30)),
        ("2025-07-10T08:30:00.5Z", JULY + timedelta(hours=8, minutes=30, seconds=0.5)),
        ("2025-07-10 08:30:00 +0200", datetime(2025, 7, 10, 8, 30, tzinfo=timezone(timedelta(hours=2)))),
        ("Jul 10, 2025 8:30:00 PM PDT", datetime(2025, 7, 10, 20, 30, tzinfo=timezone(timedelta(hours=-7)))),
        ("10/07/2025 12:05 AM", JULY + timedelta(minutes=5)),
    ],
)  # fmt: skip
def test_dates_in_the_forms_of_many_exports(value, moment):
    assert parse_datetime(value) == moment
    assert parse_datetime(value).tzinfo


def test_the_order_of_day_month_and_year_can_be_told():
    assert parse_datetime("10/07/25", day_first=False) == datetime(2025, 10, 7, tzinfo=UTC)
    assert parse_datetime("25/7/10", year_first=True) == JULY
    firsts = ("jeudi 1er janvier 2026", "1º de enero de 2026", "1° gennaio 2026", "令和8年1月1日", "1st January 2026")
    assert {parse_datetime(first) for first in firsts} == {datetime(2026, 1, 1, tzinfo=UTC)}
    assert parse_datetime("令和元年5月1日").year == 2019
    assert guess_day_first(["03/04/2026", "25/04/2026"]) is True
    assert guess_day_first(["03/04/2026", "04-25-2026"]) is False
    assert guess_day_first(["25/04/2026", "04/25/2026"]) is guess_day_first(["2026-04-25", None]) is None


@pytest.mark.parametrize(
    "value",
    ["31.02.2026", "2026-02-31", "02/30/2026", "10/07/1901", "10/07/2101", "0", "tomorrow", "Mon", True, "25:61", "1" * 40,
     "10-Jul-2025 25:00", "10 Foo 2025", "10/07/2025 8:30 XYZ"],
)  # fmt: skip
def test_dates_that_cannot_be_are_refused(value):
    with pytest.raises(ValueError, match="expected a date"):
        parse_datetime(value)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("Hello<br>World &amp; co", "Hello\nWorld & co"),
        ("<p>One</p><p>Two<script>x()</script></p><!-- three -->", "One\n\nTwo"),
        ("I <3 it, 5 < 6 > 4", "I <3 it, 5 < 6 > 4"),
        ("Tom &amp; Anna", "Tom & Anna"),
        ("a\r\nb\rc\x00\x07\ufeff", "a\nb\nc"),
        (" e\u0301 ", "é"),
    ],
)
def test_texts_become_plain(raw, plain):
    assert clean_text(raw) == plain


@pytest.mark.parametrize("part", ["<a ", "<!--", "</", "<p x='", "<script>", "&#"])
def test_hostile_pages_take_no_time(part):
    assert clean_text("<p>ok</p>" + part * 300_000).startswith("ok")


def test_words_with_few_meanings():
    assert {parse_bool(word) for word in ("Yes", "はい", "ja", 1.0, True, "1.0", "あり", "有")} == {True}
    assert {parse_bool(word) for word in ("no", "否", 0, "0.0", "なし", "无", "没有")} == {False} and parse_bool(
        ""
    ) is parse_bool(None) is None
    assert {parse_direction(word) for word in ("", "IN", "Käufer", "买家", "customer")} == {Direction.IN}
    received = ("Inbound email", "from buyer", "Customer message", "customer reply", "Buyer to seller", "来自买家的消息")
    assert {parse_direction(word) for word in received} == {Direction.IN}
    sent = ("Agent reply", "reply to customer", "message to the buyer", "From seller", "to buyer", "卖家回复")
    assert {parse_direction(word) for word in sent} == {Direction.OUT}
    assert {parse_direction(word) for word in ("out", "agent_reply", "卖家", "Verkäufer")} == {Direction.OUT}
    assert [language_code(word) for word in ("ja_JP", "Deutsch", "中文", "jp", "klingon")] == ["ja", "de", "zh", "ja", ""]
    places = ("Amazon.de", "A1PA6795UKMFR9", "www.amazon.co.uk", "GB", "amazon.com.mx", "Japan", "US", "Etsy")
    assert [marketplace_of(place) for place in places] == ["de", "de", "uk", "uk", "mx", "jp", "us", ""]
    for code, names in {
        "us": "美国站 Estados-Unidos アメリカ", "de": "德国站 Allemagne Germania ドイツ DE站", "jp": "日本站 Giappone",
        "uk": "英国站 Großbritannien Royaume-Uni イギリス", "fr": "法国站 Francia", "it": "意大利站 Italie", "es": "西班牙站",
    }.items():  # fmt: skip
        assert {marketplace_of(name.replace("Estados-", "Estados ")) for name in names.split()} == {code}
    assert [marketplace_of(name) for name in ("Regno Unito", "Stati Uniti", "États-Unis", "Reino Unido")] == [
        "uk",
        "us",
        "us",
        "uk",
    ]
    ids = ("Order: 102-1234567-1234567)", "注文249-1234567-1234567です", "P03-1234567-1234567", "1102-1234567-12345678")
    assert [find_order_id(text)[:3] for text in ids] == ["102", "249", "P03", ""]


def test_an_order_line_from_json(given_file):
    expected = MESSAGES[2].order
    path = given_file(json.dumps(nested([MESSAGES[2]])[0]["order"], indent=1), "order.json")
    assert read_order(path) == (expected, "amazon")
    with pytest.raises(ReadError, match="amount"):
        read_order(given_file('{"sku": "A", "amount": "-1"}', "order.json"))
    for broken in ("[1]", "{", '{"a": 1}\n{"a": 2}'):
        with pytest.raises(FormatError):
            read_order(given_file(broken, "order.json"))


# --- memory ----------------------------------------------------------------------------------------------------


def big(kind, rows):
    text = "It broke on the first day, sadly. " * 20
    if kind == "csv":
        return "id,text\n" + "".join(f'{n},"{text}"\n' for n in range(rows))
    objects = [json.dumps({"id": n, "text": text}) for n in range(rows)]
    return "\n".join(objects) if kind == "jsonl" else f"[{','.join(objects)}]"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_memory_does_not_grow_with_the_file(given_file, kind):
    peaks = []
    for rows in (2_000, 6_000):
        path = given_file(big(kind, rows), f"big.{kind}")
        tracemalloc.start()
        assert sum(1 for _ in read_messages(path)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def test_messages_come_before_the_file_is_read(given_file):
    path = given_file(big("csv", 5_000) + "5000,\n")
    assert next(read_messages(path)).message_id == "0"
