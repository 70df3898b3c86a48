"""Make the mail and helpdesk exports of this folder: `PYTHONPATH=src:tests python -m exports.make_mail`.

Same bytes every time. `same*` hold the messages of `make.py`; the others show what is special of a format.
Names, order ids and texts are invented; the shapes are those of Amazon's mails and of the helpdesks' exports.
"""

from __future__ import annotations

import json
from base64 import b64encode
from email.header import Header
from email.utils import format_datetime
from pathlib import Path

from exports.make import MESSAGES

from triage_ml.messages import Direction, Message

HERE = Path(__file__).parent
DASHES = "-------------"
SHOP = "service@fuchs-gravur.example"


def mail(
    text: str = "",
    html: str = "",
    *,
    sender: str,
    subject: str,
    message_id: str,
    charset: str = "utf-8",
    date: str = "Mon, 07 Sep 2026 09:30:00 +0000",
    to: str = SHOP,
    attached: str = "",
    **others: str,
) -> bytes:
    """One mail; text and HTML become a multipart/alternative, `attached` the raw header value of a file name."""
    names = {"From": sender, "To": to, "Date": date, "Message-ID": message_id}
    lines = [f"{name}: {value}" for name, value in names.items()]
    lines.append(f"Subject: {subject if subject.isascii() else Header(subject, charset, maxlinelen=900).encode()}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in others.items()]
    parts = [part(kind, body, charset) for kind, body in (("plain", text), ("html", html)) if body]
    if attached:
        parts.append(
            "Content-Type: image/jpeg\nContent-Transfer-Encoding: base64\n"
            f"Content-Disposition: attachment; {attached}\n\n/9j/4AAQ"
        )
    if len(parts) != 1:
        kind = "mixed" if attached else "alternative"
        inner = "".join(f"--=_fuchs\n{p}\n" for p in parts)
        parts = [f'Content-Type: multipart/{kind}; boundary="=_fuchs"\n\n{inner}--=_fuchs--']
    return ("\n".join(["MIME-Version: 1.0", *lines, *parts]) + "\n").encode("ascii")


def part(kind: str, body: str, charset: str) -> str:
    encoded = b64encode(body.encode(charset)).decode()
    wrapped = "\n".join(encoded[at : at + 76] for at in range(0, len(encoded), 76))
    return f"Content-Type: text/{kind}; charset={charset}\nContent-Transfer-Encoding: base64\n\n{wrapped}"


def mbox(*mails: bytes) -> bytes:
    escaped = (m.replace(b"\nFrom ", b"\n>From ") for m in mails)
    return b"".join(b"From MAILER-DAEMON Mon Sep  7 09:30:00 2026\n" + m + b"\n" for m in escaped)


def alias(name: str, place: str, case: str = "") -> str:
    return f'"{name} - Amazon Marketplace" <{name.lower()}7k3jd82hs{case and "+" + case}@marketplace.amazon.{place}>'


# What the buyers wrote, by language: (place, order id, product, text).
BUYERS = {
    "en": (
        "com",
        "112-5239268-9612243",
        "Oak sign with name",
        "The crack runs through the whole wood - and the name is > 2 cm off.\nPlease help!",
    ),
    "de": (
        "de",
        "302-1111111-2222222",
        "Holzschild mit Namen",
        "Bestellt war 'Für Oma', geliefert wurde 'Für Opa'.\nBitte neu machen.",
    ),
    "fr": ("fr", "403-1111111-3333333", "Bracelet gravé", "J'avais demandé « Chloé » avec accent, c'est écrit « Chloe »."),
    "es": ("es", "404-1111111-4444444", "Taza personalizada", "La taza llegó rota y el dibujo se borra con agua."),
    "it": ("it", "405-1111111-5555555", "Targa incisa", "Il nome inciso è sbagliato: avevo scritto Giulia, c'è Giullia."),
    "ja": ("co.jp", "249-1111111-6666666", "名入れグラス", "注文した名前と違う漢字が入っています。\n返金してください。"),
    "pt": ("com.br", "701-1111111-7777777", "Caneca gravada", "A caneca chegou trincada.\nE o nome está errado."),
    "ca": ("ca", "702-1111111-8888888", "Veilleuse gravée (3T)", "J'ai reçu la mauvaise taille."),
}


def template(language: str) -> tuple[str, str]:
    """Amazon's template around the buyer's text in that language: plain text and HTML, "" where it has none."""
    place, order_id, product, text = BUYERS[language]
    link = f"https://sellercentral.amazon.{place}/messaging/no-response-needed?t=A1&m=A2&h=00"
    pre = '<html><head><style>td{{color:#333}}</style></head><body><table><tr><td>{0}</td></tr><tr><td><pre style="white-space:pre-wrap">{1}</pre></td></tr><tr><td>{2} <a href="{3}">{4}</a></td></tr></table>[commMgrTok:A0B1]</body></html>'
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        "en": (f"You have received a message.\n\nOrder ID {order_id}:\n1 of {product} [ASIN: B01FCAWEYM]\n\n{DASHES} Begin message {DASHES}\n\n{text}\n\n{DASHES} End message {DASHES}\n\nFor Your Information: To help arbitrate disputes and preserve trust and safety, we retain all messages.\n\nTo mark this message as no response needed, click here: {link}\n\n[commMgrTok:A0B1]\n", ""),
        "de": ("", pre.format(f"Sie haben eine Nachricht erhalten. # {order_id}:", shown, "War diese E-Mail hilfreich?", link, "Fall lösen")),
        "fr": (f"Vous avez reçu un message.\n\nCommande n° {order_id}:\n1 de {product} [ASIN: B01FCAWEYM]\n\n{DASHES} Message : {DASHES}\n\n{text}\n\n{DASHES} Fin du message {DASHES}\n\nCet e-mail vous a-t-il été utile ?\n", ""),
        "es": (f"Ha recibido un mensaje.\n# {order_id}:\n1 / {product} [ASIN: B01FCAWEYM]\n{DASHES} Message:  {DASHES}\n{text}\n{DASHES} Finalizar mensaje {DASHES}\nResolver caso {link}\n", ""),
        "it": ("", pre.format(f"Hai ricevuto un messaggio. Ordine {order_id}", shown, "Questa e-mail ti è stata utile?", link, "Risolvi caso")),
        "ja": ("", pre.format(f"メッセージを受信しました。注文番号: {order_id}", shown, "このEメールは役に立ちましたか？", link, "ケースを解決する")),
        "pt": (f"Você recebeu uma mensagem.\n\n{DASHES} Mensagem:  {DASHES}\n\n{text}\n\n\n{DASHES} Encerrar mensagem {DASHES}\n\nEste e-mail foi útil? https://sellercentral.amazon.com.br/gp/satisfaction/survey-form.html\n\nSolucionar o caso {link}\n\n--------------------------\n\nDireitos autorais 2026 Amazon, Inc.\n\nSPC-USAmazon-0000000000000000\n", ""),
        "ca": (f"(Objet: Demande de renseignements de la part du client Amazon Luc)\n\nOrder ID/Commande N°: {order_id}:\n1 of/sur {product} [ASIN: B01FCAWEYM]\n\n-------------- Begin message / Début du message -------------\n\n{text}\n\n-------------- End message / Fin du message --------------\n\nFor Your Information: To help arbitrate disputes\n\nImportant : Afin d'aider au règlement des litiges\n", ""),
    }[language]  # fmt: skip


def buyers() -> list[bytes]:
    charsets = {"ja": "iso-2022-jp", "de": "iso-8859-1"}
    subjects = {
        "ja": "お問い合わせ (注文: {})", "pt": "Detalhes do produto Amazon Maria pergunta do cliente {}", "de": "Anfrage von Amazon-Kunde Für Oma (Bestellung: {})",
    }  # fmt: skip
    found = []
    for language, (place, order_id, _, _) in BUYERS.items():
        text, html = template(language)
        subject = subjects.get(language, "Inquiry from Amazon customer Maria (Order: {})").format(order_id)
        found.append(mail(
            text, html, sender=alias("Maria", place), subject=subject, message_id=f"<{language}@amazon.{place}>",
            charset=charsets.get(language, "utf-8"), X_Space_Notification_Type="BBC_MESSAGE_SENT_TO_MERCHANT",
        ))  # fmt: skip
    return found


# The same conversation as every helpdesk exports it: (id, from the buyer, words, private).
ORDER_ID = "302-4444444-5555555"
TALK = [
    (9001, True, "Die Gravur ist nach zwei Tagen abgeblättert.", False),
    (9002, False, "Das tut uns leid. Bitte schicken Sie ein Foto.", False),
    (9003, False, "Kunde kommt mir verdächtig vor.", True),
    (9004, True, "Anbei das Foto.", False),
]
SUBJECT, BUYER, AGENT = f"Gravur (Bestellung: {ORDER_ID})", 501, 77
ADDRESS = "anna7k3jd82hs@marketplace.amazon.de"


def at(number: int) -> str:
    return f"2026-09-07T{9 + number:02}:00:00Z"


def files_of(number: int, key: str) -> list[dict[str, object]]:
    return [{key: "riss.jpg", "content_url": "https://example.com/riss.jpg"}] if number == 3 else []


def amazon_noise(words: str) -> str:
    return f"Sie haben eine Nachricht erhalten.\n\n{DASHES} Nachricht: {DASHES}\n\n{words}\n\n{DASHES} Nachricht beenden {DASHES}\n\nWar diese E-Mail hilfreich?\n"


def zendesk_ticket() -> dict[str, object]:
    return {
        "id": 35, "url": "https://fuchs.zendesk.com/api/v2/tickets/35.json", "subject": SUBJECT, "raw_subject": SUBJECT,
        "description": amazon_noise(TALK[0][2]), "status": "open", "priority": None, "requester_id": BUYER, "submitter_id": BUYER,
        "tags": ["amazon", "gravur"], "custom_fields": [{"id": 1, "value": None}, {"id": 2, "value": ORDER_ID}], "created_at": at(0), "updated_at": at(3),
        "via": {"channel": "email", "source": {"from": {"address": ADDRESS, "name": "Anna"}, "to": {"address": SHOP}, "rel": None}},
    }  # fmt: skip


def zendesk_comments() -> list[dict[str, object]]:
    return [
        {
            "id": number, "type": "Comment", "author_id": BUYER if from_buyer else AGENT, "plain_body": amazon_noise(words) if from_buyer else words,
            "body": words, "html_body": f"<div>{words}</div>", "public": not private, "attachments": files_of(i, "file_name"), "audit_id": 1, "via": {"channel": "email" if from_buyer else "web", "source": {"from": {}, "to": {}}}, "created_at": at(i),
        }
        for i, (number, from_buyer, words, private) in enumerate(TALK)
    ]  # fmt: skip


def zendesk(**more: object) -> dict[str, object]:
    return {"tickets": [zendesk_ticket() | more], "end_of_stream": True, "after_cursor": "MTU3N"}


def gorgias() -> dict[str, object]:
    messages = [
        {
            "id": number, "ticket_id": 35, "public": not private, "channel": "internal-note" if private else "email", "via": "email", "from_agent": not from_buyer,
            "sender": {"id": 1, "email": ADDRESS if from_buyer else SHOP, "name": "Anna"}, "subject": SUBJECT, "body_text": amazon_noise(words) if from_buyer else words, "body_html": None, "stripped_text": words,
            "created_datetime": at(i), "attachments": files_of(i, "name"), "external_id": f"x{i}",
        }
        for i, (number, from_buyer, words, private) in enumerate(TALK)
    ]  # fmt: skip
    ticket = {
        "id": 35,
        "channel": "email",
        "via": "email",
        "customer": {"id": 1, "email": ADDRESS, "name": "Anna"},
        "language": "de",
        "subject": SUBJECT,
        "tags": [{"name": "gravur"}],
        "status": "open",
        "created_datetime": at(0),
        "messages": messages,
    }
    return {"data": [ticket], "object": "list", "meta": {"next_cursor": None}}


def freshdesk() -> list[dict[str, object]]:
    conversations = [
        {
            "id": number, "body": f"<div>{words}</div>", "body_text": words, "incoming": from_buyer, "private": private, "user_id": 1, "source": 0,
            "created_at": at(i), "attachments": files_of(i, "name"),
        }
        for i, (number, from_buyer, words, private) in enumerate(TALK)
    ]  # fmt: skip
    return [{
        "id": 35, "subject": SUBJECT, "description": f"<div>{TALK[0][2]}</div>", "description_text": TALK[0][2], "status": 2, "priority": 1, "source": 1, "requester_id": 1, "requester": {"email": ADDRESS, "name": "Anna"},
        "tags": [], "custom_fields": {"cf_order": ORDER_ID, "cf_empty": None}, "created_at": at(0), "conversations": conversations[1:],
    }]  # fmt: skip


def edesk() -> dict[str, object]:
    messages = [
        {
            "id": number, "ticket_id": 35, "body": words, "direction": "Incoming" if from_buyer else "Outgoing", "type": "Note" if private else "Message",
            "author": {"name": "Anna" if from_buyer else "Team"}, "attachments": files_of(i, "name"), "created_at": at(i),
        }
        for i, (number, from_buyer, words, private) in enumerate(TALK)
    ]  # fmt: skip
    ticket = {
        "id": 35,
        "subject": SUBJECT,
        "seller_order_id": ORDER_ID,
        "channel_id": 4,
        "channel": {"name": "Amazon DE", "type": "amazon"},
        "messages": [m["id"] for m in messages],
    }
    return {"tickets": [ticket], "messages": messages}


# --- the messages of make.py ---------------------------------------------------------------------------------

PLACES = {"us": "com", "uk": "co.uk", "jp": "co.jp", "de": "de", "fr": "fr", "es": "es", "it": "it", "ca": "ca"}


def buyers_address(message: Message) -> str:
    order = message.order
    return f"buyer{order.order_id[-7:]}@marketplace.amazon.{PLACES[order.marketplace]}"


def same_mails() -> list[bytes]:
    """In the template with markers, in the one with `<pre>`, and as answers from the shop."""
    found = []
    for number, message in enumerate(MESSAGES):
        out = message.direction is Direction.OUT
        page = f"<p>{message.order.order_id}</p><pre>{message.text}</pre><p>[commMgrTok:A1]</p>"
        marked = f"{DASHES} Begin message {DASHES}\n\n{message.text}\n\n{DASHES} End message {DASHES}\n"
        found.append(mail(
            message.text if out else marked if number % 2 else "", "" if out or number % 2 else page,
            sender=SHOP if out else f"Buyer <{buyers_address(message)}>", to=buyers_address(message) if out else SHOP,
            subject=message.subject, message_id=f"<{message.message_id}>", date=format_datetime(message.sent_at),
            **({"In_Reply_To": "<00001>"} if out else {}),
        ))  # fmt: skip
    return found


def same_tickets(write: str) -> list[dict[str, object]]:
    """One ticket for each order, in the shape that `write` names."""
    orders: dict[str, list[Message]] = {}
    for message in MESSAGES:
        orders.setdefault(message.order.order_id, []).append(message)
    return [TICKETS[write](number, of) for number, of in enumerate(orders.values(), 1)]


def sent(message: Message) -> str:
    return message.sent_at.isoformat().replace("+00:00", "Z")


def by_buyer(message: Message) -> bool:
    return message.direction is Direction.IN


def same_zendesk(number: int, messages: list[Message]) -> dict[str, object]:
    first = messages[0]
    comments = [
        {"id": m.message_id, "author_id": 1 if by_buyer(m) else 2, "plain_body": m.text, "public": True, "created_at": sent(m)}
        for m in messages
    ]  # fmt: skip
    return {
        "id": number, "subject": first.subject, "description": first.text, "requester_id": 1, "created_at": sent(first),
        "via": {"channel": "email", "source": {"from": {"address": buyers_address(first)}}}, "comments": comments,
    }  # fmt: skip


def same_gorgias(number: int, messages: list[Message]) -> dict[str, object]:
    first = messages[0]
    sender = {"email": buyers_address(first)}
    told = [
        {
            "id": m.message_id, "ticket_id": number, "public": True, "from_agent": not by_buyer(m), "body_text": m.text,
            "created_datetime": sent(m), "sender": sender if by_buyer(m) else {"email": SHOP},
        }
        for m in messages
    ]  # fmt: skip
    return {
        "id": number, "via": "email", "channel": "email", "customer": sender, "subject": first.subject, "language": first.language,
        "created_datetime": sent(first), "messages": told,
    }  # fmt: skip


def same_freshdesk(number: int, messages: list[Message]) -> dict[str, object]:
    first, *others = messages
    conversations = [
        {"id": m.message_id, "body_text": m.text, "incoming": by_buyer(m), "private": False, "created_at": sent(m)} for m in others
    ]  # fmt: skip
    return {
        "id": first.message_id, "subject": first.subject, "description_text": first.text, "source": 1, "created_at": sent(first),
        "requester": {"email": buyers_address(first)}, "custom_fields": {}, "conversations": conversations,
    }  # fmt: skip


def same_edesk(number: int, messages: list[Message]) -> dict[str, object]:
    first = messages[0]
    told = [
        {
            "id": m.message_id, "ticket_id": number, "type": "Message", "body": m.text, "created_at": sent(m),
            "direction": "Incoming" if by_buyer(m) else "Outgoing",
        }
        for m in messages
    ]  # fmt: skip
    channel = {"name": f"Amazon {first.order.marketplace.upper()}", "type": "amazon"}
    return {
        "id": number, "seller_order_id": first.order.order_id, "subject": first.subject, "channel": channel, "messages": told,
    }  # fmt: skip


TICKETS = {"zendesk": same_zendesk, "gorgias": same_gorgias, "freshdesk": same_freshdesk, "edesk": same_edesk}


def same() -> dict[str, bytes]:
    """The files that hold the messages of make.py, by name."""
    found = {"same.mbox": mbox(*same_mails())}
    for name in TICKETS:
        found[f"same-{name}.json"] = json.dumps({"tickets": same_tickets(name)}, ensure_ascii=False, indent=1).encode()
    return found


def files() -> dict[str, bytes]:
    """All files of this module by name."""
    documents = {
        "zendesk.json": zendesk(comments=zendesk_comments()),
        "zendesk-side.json": zendesk(),
        "zendesk-side.comments.json": {"35": zendesk_comments()},
        "zendesk-together.json": zendesk() | {"comments": [c | {"ticket_id": 35} for c in zendesk_comments()]},
        "gorgias.json": gorgias(), "freshdesk.json": freshdesk(), "edesk.json": edesk(),
    }  # fmt: skip
    found = {name: json.dumps(document, ensure_ascii=False, indent=1).encode() for name, document in documents.items()}
    line = zendesk_ticket() | {"comments": zendesk_comments()}
    found["zendesk.jsonl"] = json.dumps(line, ensure_ascii=False).encode() + b"\n"
    found["buyers.mbox"] = mbox(*buyers())
    found["buyer-de.eml"] = buyers()[1]
    return found | same()


if __name__ == "__main__":
    for name, content in files().items():
        (HERE / name).write_bytes(content)
