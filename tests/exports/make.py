"""Make the table and Amazon exports of this folder: `PYTHONPATH=src python tests/exports/make.py`. Same bytes every time.

One list of messages, written in all the shapes that sellers have. Names, order ids and texts are invented.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from pathlib import Path

from triage_ml.messages import Direction, Message, MessageKind, Money, OrderLine

HERE = Path(__file__).parent


def _message(
    number: int, language: str, marketplace: str, order_id: str, sku: str, product: str, amount: str, currency: str,
    text: str, reason: str, custom: str = "", out: bool = False,
) -> Message:  # fmt: skip
    order = OrderLine(
        order_id=order_id, sku=sku, product=product, paid=Money(Decimal(amount), currency), quantity=1 + number % 2,
        marketplace=marketplace, delivered_at=datetime(2026, 8, number, tzinfo=UTC), personalised=bool(custom),
        customisation=custom,
    )  # fmt: skip
    return Message(
        message_id=f"{number:05d}", text=text, order=order, thread_id=f"T{order_id[-4:]}", channel="amazon",
        direction=Direction.OUT if out else Direction.IN, kind=MessageKind.SELLER if out else MessageKind.BUYER,
        language=language, sent_at=datetime(2026, 9, number, 8 + number, 30, tzinfo=UTC), subject=f"Order {order_id}",
        sender="Fuchs Gravur" if out else f"buyer{number}", reason_code=reason,
    )  # fmt: skip


MESSAGES = [
    _message(1, "en", "us", "112-1000001-1000001", "MUG-01", "Mug with name", "18.90", "USD",
             'The handle broke on day one, it was 5" long.\nPlease send a new one; I am sad.', "DEFECTIVE", "Anna"),
    _message(2, "en", "uk", "026-1000002-1000002", "RING-7", "Engraved ring", "1249.00", "GBP",
             "It says Tom, I wrote \"Tim\".", "CR-SWITCHEROO", "Tim"),
    _message(3, "de", "de", "302-1000003-1000003", "SCHILD-2", "Holzschild, groß", "34.50", "EUR",
             "Das Schild ist völlig verzogen, die Ränder sind rau.", "AMZ-PG-BAD-ITEM", "Für Oma"),
    _message(4, "de", "de", "302-1000004-1000004", "TASSE-1", "Tasse", "12.00", "EUR",
             "Gefällt mir doch nicht; ich möchte sie zurückgeben.", "UNWANTED_ITEM"),
    _message(5, "fr", "fr", "403-1000005-1000005", "BRAC-3", "Bracelet gravé", "45.00", "EUR",
             "J'avais demandé Chloé avec un accent, c'est écrit Chloe.", "NOT_AS_DESCRIBED", "Chloé"),
    _message(6, "es", "es", "404-1000006-1000006", "TAZA-1", "Taza personalizada", "15.95", "EUR",
             "La taza llegó rota, ¡qué pena!", "DAMAGED_BY_CARRIER", "Año nuevo"),
    _message(7, "it", "it", "405-1000007-1000007", "TARGA-9", "Targa incisa", "1059.90", "EUR",
             "Il nome è sbagliato: c'è scritto Giullia.", "NOT_AS_EXPECTED", "Giulia"),
    _message(8, "ja", "jp", "249-1000008-1000008", "GLASS-1", "名入れグラス", "3980", "JPY",
             "注文した名前と違う漢字が入っています。\n返金してください。", "WRONG_ITEM", "結衣"),
    _message(9, "ja", "jp", "249-1000009-1000009", "GLASS-2", "グラス", "12800", "JPY",
             "思ったより小さかったです。", "NO_LONGER_NEEDED"),
    _message(10, "zh", "us", "112-1000010-1000010", "PIN-5", "Enamel pin", "9.99", "USD",
             "收到的徽章掉漆了，颜色也和图片不一样。", "QUALITY_UNACCEPTABLE"),
    _message(11, "en", "us", "112-1000001-1000001", "MUG-01", "Mug with name", "18.90", "USD",
             "We are sorry, a new mug is on its way.", "OTHER", "Anna", out=True),
    _message(12, "en", "ca", "701-1000012-1000012", "SIGN-4", "Oak sign", "80.00", "CAD",
             "Love it, but my wife finds it too big.", "ORDERED_WRONG_ITEM", "The Smiths"),
]  # fmt: skip
WESTERN = [m for m in MESSAGES if m.language not in ("ja", "zh")]
JAPANESE = [m for m in MESSAGES if m.language in ("ja", "en")]
BUYERS = [m for m in MESSAGES if m.direction is Direction.IN]

ORDER = ("order_id", "sku", "product", "paid", "quantity", "marketplace", "delivered_at", "personalised", "customisation")
ALL = (
    "message_id", "text", "thread_id", "direction", "kind", "channel", "language", "sent_at", "subject", "sender",
    "reason_code", *ORDER,
)  # fmt: skip


@dataclass(frozen=True)
class Export:
    """A file, the messages in it, and the fields that its format carries."""

    content: bytes
    messages: list[Message]
    fields: tuple[str, ...] = ALL


def rows(messages: list[Message]) -> list[dict[str, object]]:
    """Return the canonical columns of each message, typed."""
    result = []
    for m in messages:
        order = m.order
        assert order and order.paid
        result.append({
            "message_id": m.message_id, "thread_id": m.thread_id, "order_id": order.order_id, "sku": order.sku,
            "product": order.product, "amount": order.paid.amount, "currency": order.paid.currency,
            "quantity": order.quantity, "marketplace": order.marketplace, "delivered_at": order.delivered_at,
            "personalised": order.personalised, "customisation": order.customisation, "direction": m.direction.value,
            "channel": m.channel, "language": m.language, "sent_at": m.sent_at, "subject": m.subject,
            "sender": m.sender, "reason_code": m.reason_code, "text": m.text,
        })  # fmt: skip
    return result


# The columns as programs in these languages name them, in an order of their own.
HEADERS = {
    "en": "Message ID,Marketplace,Order-ID,SKU,Item Name,Amount,Currency,Quantity,Delivered at,Is personalised,"
    "Customisation,Direction,Channel,Lang,Sent at,Subject,From,Return reason,THREAD_ID,Customer Comments",
    "de": "Nachrichten-ID,Marktplatz,Bestellnummer,Artikelnummer,Artikelbezeichnung,Betrag,Währung,Menge,Zugestellt am,"
    "Personalisiert,Gravurtext,Richtung,Kanal,Sprache,Gesendet am,Betreff,Absender,Rückgabegrund,Vorgang,Nachricht",
    "fr": "Identifiant du message,Place de marché,N° de commande,Référence,Nom du produit,Montant,Devise,Quantité,"
    "Livré le,Personnalisé,Texte personnalisé,Sens,Canal,Langue,Envoyé le,Objet,Expéditeur,Motif du retour,"
    "Fil de discussion,Message du client",
    "es": "ID del mensaje,Mercado,Nº de pedido,Referencia,Nombre del producto,Importe,Moneda,Cantidad,Entregado el,"
    "Personalizado,Grabado,Dirección,Canal,Idioma,Enviado el,Asunto,Remitente,Motivo de la devolución,Hilo,Mensaje",
    "it": "ID messaggio,Mercato,Numero ordine,Codice articolo,Nome prodotto,Importo,Valuta,Quantità,Consegnato il,"
    "Personalizzato,Incisione,Direzione,Canale,Lingua,Inviato il,Oggetto,Mittente,Motivo del reso,Conversazione,Messaggio",
    "ja": "メッセージID,マーケットプレイス,注文番号,出品者SKU,商品名,金額,通貨,数量,配達日,オーダーメイド,刻印,送受信,"
    "販売チャネル,言語,送信日時,件名,送信者,返品理由,スレッド,お客様のコメント",
    "zh": "消息ID,站点,订单号,商品编码,商品名称,支付金额,币种,数量,签收时间,是否定制,定制内容,消息方向,渠道,语言,"
    "发送时间,主题,发件人,退货原因,会话ID,买家留言",
}  # fmt: skip
COLUMNS = (
    "message_id", "marketplace", "order_id", "sku", "product", "amount", "currency", "quantity", "delivered_at",
    "personalised", "customisation", "direction", "channel", "language", "sent_at", "subject", "sender", "reason_code",
    "thread_id", "text",
)  # fmt: skip


def table(
    language: str, messages: list[Message], *, delimiter: str = ",", date: str = "%Y-%m-%dT%H:%M:%S+00:00",
    money: Callable[[Decimal], str] = str, yes: tuple[str, str] = ("no", "yes"),
) -> str:  # fmt: skip
    """Return a delimited text in the manner of one country."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(HEADERS[language].split(","))
    for row in rows(messages):
        row["amount"] = money(row["amount"])
        row["personalised"] = yes[bool(row["personalised"])]
        row |= {name: row[name].strftime(date) for name in ("sent_at", "delivered_at")}
        writer.writerow([row[name] for name in COLUMNS])
    return text.getvalue()


def comma_decimal(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def workbook(messages: list[Message]) -> bytes:
    """Return a workbook with a title sheet first, and blank lines and a title above the header."""
    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "remove_timezone": True}) as book:
        book.set_properties({"created": datetime(2026, 9, 30)})  # noqa: DTZ001 the format knows no zone
        book.add_worksheet("Info").write_row(0, 0, ["Export of the shop", "September"])
        sheet = book.add_worksheet("Data")
        date = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write(2, 1, "Messaggi di settembre")
        sheet.write_row(4, 1, HEADERS["it"].split(","))
        for line, row in enumerate(rows(messages), 5):
            for column, name in enumerate(COLUMNS, 1):
                value = row[name]
                if isinstance(value, datetime):
                    sheet.write_datetime(line, column, value, date)
                elif isinstance(value, str):
                    sheet.write_string(line, column, value)
                else:
                    sheet.write(line, column, value)
    return buffer.getvalue()


def nested(messages: list[Message]) -> list[dict[str, object]]:
    """Return JSON objects with the order line inside."""
    order = ("order_id", "sku", "product", "quantity", "marketplace", "personalised", "customisation")
    objects = []
    for row in rows(messages):
        top = {name: value for name, value in row.items() if name not in (*order, "amount", "currency", "delivered_at")}
        inside = {name: row[name] for name in order}
        paid = {"amount": float(row["amount"]), "currency": row["currency"]}
        inside |= {"paid": paid, "delivered_at": row["delivered_at"].isoformat()}
        objects.append(top | {"sent_at": row["sent_at"].isoformat(), "order": inside})
    return objects


def parquet(messages: list[Message]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows(messages)), buffer)
    return buffer.getvalue()


FBA = (
    "return-date,order-id,sku,asin,fnsku,product-name,quantity,fulfillment-center-id,detailed-disposition,reason,status,"
    "license-plate-number,customer-comments"
).split(",")
FBA_TITLES = (
    "Customer Comments,License Plate Number,Return Date,Amazon Order ID,Merchant SKU,ASIN,FNSKU,Product Name,Quantity,FC,"
    "Detailed Disposition,Reason,Status"
).split(",")
FBA_JAPANESE = (
    "返品日,注文番号,出品者SKU,ASIN,FNSKU,商品名,数量,フルフィルメントセンターID,商品の状態,返品理由,ステータス,"
    "ライセンスプレートナンバー,お客様のコメント"
).split(",")
FBA_FIELDS = ("message_id", "text", "order_id", "sku", "product", "quantity", "sent_at", "reason_code", "channel", "kind")


def fba(headers: list[str], messages: list[Message], delimiter: str = "\t", date: str = "") -> str:
    """Return a customer returns report; it quotes nothing, so line breaks have become blanks."""
    lines = [delimiter.join(headers)]
    for m in messages:
        order = m.order
        values = {
            "return-date": m.sent_at.strftime(date) if date else m.sent_at.isoformat(), "order-id": order.order_id,
            "sku": order.sku, "asin": "B0EXAMPLE0", "fnsku": "X000EXAMPL", "product-name": order.product,
            "quantity": str(order.quantity), "fulfillment-center-id": "FRA3", "detailed-disposition": "CUSTOMER_DAMAGED",
            "reason": m.reason_code, "status": "Unit returned to inventory", "license-plate-number": m.message_id,
            "customer-comments": m.text.replace("\n", " "),
        }  # fmt: skip
        names = FBA if headers != FBA_TITLES else [*FBA[-1:], *FBA[-2:-1], *FBA[:-2]]
        cells = [values[name] for name in names]
        quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
        lines.append(delimiter.join(cells if delimiter == "\t" else quoted))
    return "\r\n".join(lines) + "\r\n"


def unbroken(messages: list[Message]) -> list[Message]:
    return [replace(m, text=m.text.replace("\n", " ")) for m in messages]


RETURNS = (
    "Order ID,Order date,Return request date,Return request status,Amazon RMA ID,Merchant RMA ID,Label type,Label cost,"
    "Currency code,Return carrier,Tracking ID,Label to be paid by,A-to-Z Claim,Is prime,ASIN,Merchant SKU,Item Name,"
    "Return quantity,Return Reason,In policy,Return type,Resolution,Invoice number,Return delivery date,Order Amount,"
    "Order quantity,SafeT Action reason,SafeT claim id,SafeT claim state,SafeT claim creation time,"
    "SafeT claim reimbursement amount,Refunded Amount,Order Item ID,Buyer name"
).split(",")
RETURN_FIELDS = ("message_id", "order_id", "sku", "product", "paid", "quantity", "sent_at", "reason_code", "channel", "kind")


def returns(messages: list[Message]) -> str:
    """Return a flat-file report: a single blank is an empty cell, the last columns may be missing."""
    lines = ["\t".join(RETURNS)]
    for m in messages:
        order = m.order
        known = {
            "Order ID": order.order_id, "Order date": "01-Aug-2026", "Return request date": f"{m.sent_at:%d-%b-%Y}",
            "Return request status": "Approved", "Amazon RMA ID": m.message_id, "Label cost": "5.00",
            "Currency code": order.paid.currency, "Label to be paid by": "Seller", "A-to-Z Claim": "N",
            "Merchant SKU": order.sku, "Item Name": order.product, "Return quantity": "1", "Return Reason": m.reason_code,
            "Return type": "C-Returns", "Order Amount": str(order.paid.amount), "Order quantity": str(order.quantity),
            "Buyer name": "Erika Mustermann",
        }  # fmt: skip
        cells = [known.get(name, " ") for name in RETURNS]
        lines.append("\t".join(cells[:-3] if m.message_id == "00003" else cells))
    return "\n".join(lines) + "\n"


def returns_xml(messages: list[Message]) -> str:
    parts = ['<?xml version="1.0" encoding="UTF-8"?>\n<AmazonEnvelope xmlns="urn:example"><Message>']
    for m in messages:
        order = m.order
        parts.append(
            f"<return_details><item_details><item_name>{escape(order.product)}</item_name><asin>B0EXAMPLE0</asin>"
            f"<return_reason_code>{m.reason_code}</return_reason_code><merchant_sku>{order.sku}</merchant_sku>"
            f"<return_quantity>1</return_quantity></item_details><order_id>{order.order_id}</order_id>"
            f"<order_date>2026-08-01T00:00:00Z</order_date><amazon_rma_id>{m.message_id}</amazon_rma_id>"
            f"<return_request_date>{m.sent_at:%Y-%m-%dT%H:%M:%SZ}</return_request_date>"
            f"<label_details><currency_code>{order.paid.currency}</currency_code></label_details>"
            f"<order_amount>{order.paid.amount}</order_amount><order_quantity>{order.quantity}</order_quantity>"
            "</return_details>"
        )
    return "".join([*parts, "</Message></AmazonEnvelope>"])


FEEDBACK = {
    "en": "Date,Rating,Comments,Response,Order ID,Rater Email",
    "de": "Datum,Bewertung,Kommentare,Ihre Antwort,Bestellnummer,E-Mail des Bewerters",
    "fr": "Date,Évaluation,Commentaires,Votre réponse,N° de commande,E-mail de l'évaluateur",
    "es": "Fecha,Calificación,Comentarios,Tu respuesta,Nº de pedido,Correo electrónico del evaluador",
    "it": "Data,Valutazione,Commenti,La tua risposta,Numero ordine,E-mail del valutatore",
    "ja": "日付,評価,コメント,回答,注文番号,評価者のEメール",
}
FEEDBACK_FIELDS = ("text", "order_id", "marketplace", "sent_at", "channel", "kind")
DOMAINS = {"us": "com", "uk": "co.uk", "jp": "co.jp", "mx": "com.mx"}


def feedback(language: str, messages: list[Message], date: Callable[[datetime], str]) -> str:
    lines = [FEEDBACK[language].replace(",", "\t")]
    for m in unbroken(messages):
        place = DOMAINS.get(m.order.marketplace, m.order.marketplace)
        mail = f"x1y2z3w4@marketplace.amazon.{place}"
        lines.append("\t".join([date(m.sent_at), "2", m.text, "", m.order.order_id, mail]))
    return "\n".join(lines) + "\n"


def of(market: str) -> list[Message]:
    return [m for m in BUYERS if m.order.marketplace == market and m.language != "zh"]


def files() -> dict[str, Export]:
    """Return every export by file name."""
    german = table(
        "de", WESTERN, delimiter=";", date="%d.%m.%Y %H:%M", money=comma_decimal, yes=("nein", "ja")
    )  # fmt: skip
    japanese = table("ja", JAPANESE, date="%Y/%m/%d %H:%M", money="{:,}".format, yes=("いいえ", "はい"))
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in nested(MESSAGES))
    western_buyers = [m for m in unbroken(WESTERN) if m in unbroken(BUYERS)]
    exports = {
        "comma.csv": Export(table("en", MESSAGES).encode(), MESSAGES),
        "comma.csv.gz": Export(gzip.compress(table("en", MESSAGES).encode(), mtime=0), MESSAGES),
        "semicolon-cp1252.csv": Export(german.encode("cp1252"), WESTERN),
        "pipe.csv": Export(table("fr", MESSAGES, delimiter="|").encode(), MESSAGES),
        "chinese-utf8-bom.csv": Export(table("zh", MESSAGES, yes=("否", "是")).encode("utf-8-sig"), MESSAGES),
        "japanese-cp932.csv": Export(japanese.encode("cp932"), JAPANESE),
        "tab.tsv": Export(table("es", MESSAGES, delimiter="\t", yes=("no", "sí")).encode(), MESSAGES),
        "tab-utf16.tsv": Export(table("it", MESSAGES, delimiter="\t", yes=("no", "sì")).encode("utf-16"), MESSAGES),
        "workbook.xlsx": Export(workbook(MESSAGES), MESSAGES),
        "lines.jsonl": Export(lines.encode(), MESSAGES),
        "array.json": Export(json.dumps(nested(MESSAGES), indent=2).encode(), MESSAGES),
        "table.parquet": Export(parquet(MESSAGES), MESSAGES),
        "fba-returns.txt": Export(fba(FBA, unbroken(BUYERS)).encode(), unbroken(BUYERS), FBA_FIELDS),
        "fba-returns-cp1252.txt": Export(fba(FBA, western_buyers).encode("cp1252"), western_buyers, FBA_FIELDS),
        "fba-returns-titles.csv": Export(
            fba(FBA_TITLES, unbroken(BUYERS), ",", "%d-%b-%Y").encode("utf-8-sig"), midnight(unbroken(BUYERS)), FBA_FIELDS
        ),
        "fba-returns-japanese-cp932.txt": Export(
            fba(FBA_JAPANESE, of("jp"), date="%Y/%m/%d").encode("cp932"), midnight(unbroken(of("jp"))), FBA_FIELDS
        ),
        "returns.txt": Export(returns(BUYERS).encode(), midnight(BUYERS), RETURN_FIELDS),
        "returns.xml": Export(returns_xml(BUYERS).encode(), BUYERS, RETURN_FIELDS),
    }  # fmt: skip
    for language, market, date in (
        ("en", "us", lambda at: f"{at.month}/{at.day}/{at:%y}"), ("en", "uk", lambda at: f"{at.day}/{at.month}/{at:%y}"),
        ("de", "de", lambda at: f"{at.day}.{at.month}.{at:%y}"), ("fr", "fr", lambda at: f"{at.day}/{at.month}/{at:%y}"),
        ("es", "es", lambda at: f"{at.day}/{at.month}/{at:%y}"), ("it", "it", lambda at: f"{at.day}/{at.month}/{at:%y}"),
        ("ja", "jp", lambda at: f"{at:%y}/{at.month}/{at.day}"),
    ):  # fmt: skip
        encoding = "cp932" if language == "ja" else "cp1252"
        content = feedback(language, of(market), date).encode(encoding)
        exports[f"feedback-{market}.txt"] = Export(content, midnight(unbroken(of(market))), FEEDBACK_FIELDS)
    return exports


def midnight(messages: list[Message]) -> list[Message]:
    """Return them as a report with days only tells them."""
    return [replace(m, sent_at=m.sent_at.replace(hour=0, minute=0)) for m in messages]


if __name__ == "__main__":
    for name, export in files().items():
        (HERE / name).write_bytes(export.content)
