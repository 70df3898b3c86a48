"""Mail as shops have it: what is the buyer's word, who sent it, what is only a notice."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest
from exports.make_mail import BUYERS, HERE, SHOP, alias, files, mail, mbox

from triage_ml.errors import ReadError
from triage_ml.messages import Direction, Message, MessageKind
from triage_ml.readers import mail as mail_reader
from triage_ml.readers import read_messages
from triage_ml.readers.sniff import Source

ALIAS = alias("Maria", "de")
ORDER = "302-1234567-7654321"


def read(tmp_path: Path, *mails: bytes, kind: str = "mbox") -> list[Message | ReadError]:
    path = tmp_path / f"mails.{kind}"
    path.write_bytes(mbox(*mails) if kind == "mbox" else mails[0])
    return list(mail_reader.read(Source(path, kind)))


def one(tmp_path: Path, text: str = "", html: str = "", **headers: str) -> Message | ReadError:
    defaults = {"sender": ALIAS, "subject": f"Anfrage (Bestellung: {ORDER})", "message_id": "<1@x>"}
    [found] = read(tmp_path, mail(text, html, **(defaults | headers)))
    return found


def words(tmp_path: Path, text: str = "", html: str = "", **headers: str) -> str:
    found = one(tmp_path, text, html, **headers)
    assert isinstance(found, Message), found
    return found.text


# --- the export files ----------------------------------------------------------------------------------------


def test_the_files_are_what_the_script_makes():
    assert {name: (HERE / name).read_bytes() for name in files()} == files()


def test_buyers_words_in_every_language_and_nothing_else():
    found = {message.message_id.partition("@")[0]: message for message in read_messages(HERE / "buyers.mbox")}
    assert {language: found[language].text for language in BUYERS} == {key: value[3] for key, value in BUYERS.items()}
    assert {language: found[language].order.order_id for language in BUYERS} == {k: v[1] for k, v in BUYERS.items()}
    places = {language: found[language].order.marketplace for language in BUYERS}
    assert places == {"en": "us", "de": "de", "fr": "fr", "es": "es", "it": "it", "ja": "jp", "pt": "br", "ca": "ca"}
    assert {message.kind for message in found.values()} == {MessageKind.BUYER}
    assert {message.channel for message in found.values()} == {"amazon"}
    assert found["en"].order.product == "Oak sign with name"
    assert found["es"].order.product == "Taza personalizada"
    assert found["ja"].subject == f"お問い合わせ (注文: {BUYERS['ja'][1]})"


def test_eml_alone_is_one_message():
    [message] = read_messages(HERE / "buyer-de.eml")
    assert message.text == BUYERS["de"][3]
    assert (message.message_id, message.sender) == ("de@amazon.de", "maria7k3jd82hs@marketplace.amazon.de")
    assert message.sent_at == datetime(2026, 9, 7, 9, 30, tzinfo=UTC)


def test_packed_mbox_reads_the_same(tmp_path):
    packed = tmp_path / "buyers.mbox.gz"
    packed.write_bytes(gzip.compress((HERE / "buyers.mbox").read_bytes()))
    assert list(read_messages(packed)) == list(read_messages(HERE / "buyers.mbox"))


# --- the template --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("------------- Begin message -------------", "------------- End message -------------"),
        ("----Message:----", "--- End message ---"),
        ("—————— Message : ——————", "—————— Fin du message ——————"),
        ("------------- Mensagem:  -------------", "-------------Encerrar  mensagem---".replace("  ", " ")),
        ("------------- Iniciar mensagem -------------", "------------- Mensagem final -------------"),
        ("------------- Mensaje: -------------", "------------- Finalizar mensaje -------------"),
        ("------------- Nachricht: -------------", "------------- Ende der Nachricht -------------"),
        ("------------- Messaggio: -------------", "------------- Fine messaggio -------------"),
        ("------------- メッセージ： -------------", "------------- メッセージの終わり -------------"),
        ("------------- Bericht: -------------", "------------- Einde bericht -------------"),
        ("------------- Wiadomość: -------------", "------------- Koniec wiadomości -------------"),
        ("------------- Meddelande: -------------", "------------- Slut på meddelande -------------"),
        ("------------- Pranešimas -------------", "------------- Pranešimo pabaiga -------------"),  # never seen
        ("Message:", "View Message"),
    ],
)
def test_markers(tmp_path, start, end):
    around = "You have received a message.\n\n{}\n\nThe lid - broken.\n\nSorry!\n\n{}\n\nSolve case https://sellercentral.amazon.com/messaging/x\n"
    assert words(tmp_path, around.format(start, end)) == "The lid - broken.\n\nSorry!"


def test_markers_on_one_line(tmp_path):
    line = "Prezado vendedor, ------------- Mensagem: ------------- Tem azul? ------------- Fim da mensagem ------------- Direitos autorais 2026"
    assert words(tmp_path, line) == "Tem azul?"


def test_end_marker_alone_and_start_marker_alone(tmp_path):
    footer = "For Your Information: To help arbitrate disputes and preserve trust, we retain all messages."
    assert words(tmp_path, f"Où est mon colis ?\n------------- Fin du message -------------\n{footer}") == "Où est mon colis ?"
    assert words(tmp_path, f"x\n------------- Begin message -------------\nHello\n\n{footer}") == "Hello"


@pytest.mark.parametrize(
    "footer",
    [
        "Was this email helpful? https://sellercentral.amazon.com/gp/satisfaction/survey-form.html",
        "War diese E-Mail hilfreich?\nFall lösen",
        "Cet e-mail vous a-t-il été utile ?",
        "Resolver caso\nInformar de actividad sospechosa",
        "Questa e-mail ti è stata utile?",
        "このEメールは役に立ちましたか？",
        "Copyright 2026 Amazon, Inc. or its affiliates. All rights reserved.\nSPC-EUAmazon-123456789\n[commMgrTok:A1B2]",
    ],
)
def test_without_markers_the_footer_is_cut(tmp_path, footer):
    header = f"You have received a message.\n# {ORDER}:\n1 of Mug [ASIN: B01FCAWEYM]\n\n"
    assert words(tmp_path, f"{header}It is broken.\n\n{footer}") == "It is broken."


def test_one_pre_wins_over_the_plain_text(tmp_path):
    html = "<p>Hallo Shop</p><pre style='x'>Der Name ist &lt;falsch&gt;.\n  Bitte neu.</pre><p>Fall lösen</p>"
    assert words(tmp_path, "Sie haben eine Nachricht erhalten. Der Name ist", html) == "Der Name ist <falsch>.\n  Bitte neu."


def test_pre_of_a_mail_program_is_not_the_template(tmp_path):
    html = "<p>Der Henkel ist ab.</p><pre class='moz-signature'>-- \nAnna Muster</pre>"
    assert words(tmp_path, "", html) == "Der Henkel ist ab."


def test_buyers_own_marks_and_words_stay(tmp_path):
    text = "My list:\n> lid broken\n> wrong name\n\n> 5 mm gap - and a dash -- here\nFrom: Grandma\nTo: Lily\nDate: 12.06.2026\nOn Monday your colleague wrote: wait."
    assert words(tmp_path, f"--- Message: ---\n{text}\n--- End message ---") == text


def test_a_from_line_inside_a_mail_does_not_split_it(tmp_path):
    text = "Broken.\n\nFrom what I see the glue is gone.\nFrom 2 May 2026 10:30 on I waited."
    assert words(tmp_path, text) == text


# --- history, signatures, phones -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "history",
    [
        "-----Original Message-----\nFrom: Shop\nSent: today\n\nOld text",
        "-----Ursprüngliche Nachricht-----\nVon: Shop\n\nAlt",
        "-----Message d'origine-----\nDe : Shop\n\nVieux",
        "-----Mensaje original-----\nDe: Shop\n\nViejo",
        "-----Messaggio originale-----\nDa: Shop\n\nVecchio",
        "-----元のメッセージ-----\n差出人: Shop\n\n古い",
        "------------------ 原始邮件 ------------------\n发件人: Shop\n\n旧的",
        "---------- Forwarded message ---------\nFrom: Shop\n\nOld",
        "On Tue, Sep 1, 2026 at 10:00 AM Shop <a@b.example> wrote:\nOld",
        "On Tue, Sep 1, 2026 at 10:00 AM A Very Long Shop Name\n<a@b.example> wrote:\n\n> Old\n> text",
        "Am Di., 1. Sept. 2026 um 10:00 Uhr schrieb Fuchs\n<a@b.example>:\n\n> Alt",
        "Am 01.09.2026 schrieb Fuchs:\nAlt",
        "Le mar. 1 sept. 2026 à 10:00, Shop <a@b.example> a écrit :\nVieux",
        "Il giorno mar 1 set 2026 alle ore 10:00 Shop <a@b.example> ha scritto:\n> Vecchio",
        "El mar, 1 sept 2026 a las 10:00, Shop (<a@b.example>) escribió:\n> Viejo",
        "Em ter., 1 de set. de 2026 às 10:00, Loja <a@b.example>\nescreveu:\n> velho",
        "Op di 1 sep 2026 om 10:00 schreef Shop <a@b.example>:\n> oud",
        "2026年9月1日(火) 10:00 Shop <a@b.example>:\n\n> 古い",
        "在 2026年9月1日 10:00，Shop <a@b.example> 写道：\n> 旧的",
        "________________________________\nVon: Fuchs <a@b.example>\nGesendet: Dienstag, 1. September 2026\nAn: Maria\nBetreff: AW: Schild\n\nAlt",
        "*From:* Shop <a@b.example>\n*Sent:* Tuesday, September 1, 2026\n*To:* Maria\n*Subject:* RE: Sign\n\nOld",
        "De : Shop <a@b.example>\nEnvoyé : mardi 1 septembre 2026\nÀ : Maria\nObjet : RE: Bracelet\n\nVieux",
        "差出人: Shop <a@b.example>\n送信日時: 2026年9月1日\n宛先: Maria\n件名: RE: グラス\n\n古い",
        "> You wrote this\n> and that",
    ],
)
def test_quoted_history_is_cut(tmp_path, history):
    assert words(tmp_path, f"The sign is broken.\n\nMaria\n\n{history}") == "The sign is broken.\n\nMaria"


def test_history_above_the_template_belongs_to_the_reply(tmp_path):
    quoted = (
        "Order ID 102:\n------------- Begin message -------------\nOur old answer\n------------- End message -------------\n"
    )
    text = f"Yes please.\n\n-----Original Message-----\nFrom: Shop\n{quoted}"
    assert words(tmp_path, text) == "Yes please."
    marked = "\n".join(f"> {line}" for line in quoted.splitlines())
    assert words(tmp_path, f"No.\n\nOn Tue, Sep 1, 2026 at 10:00 AM Shop <a@b.example> wrote:\n\n{marked}") == "No."


def test_answers_below_and_between_quotes_stay(tmp_path):
    text = (
        "Am 01.09.2026 um 10:00 schrieb Fuchs:\n> Ist es gebrochen?\n> Haben Sie ein Foto?\n\nJa, gebrochen.\n\n> Farbe?\nBlau."
    )
    assert words(tmp_path, text) == "Ja, gebrochen.\n\nBlau."


@pytest.mark.parametrize(
    "text",
    [
        "Zu Ihrer Information: ich bin enttäuscht.",
        "Il nome è sbagliato.\nIl colore anche.",
        "Problem one: too small\n--\nProblem two: it broke.\nPlease help.",
        "Am 3.5.2026 kam das Paket.\nIhr Kollege schrieb um 10:30 Uhr:\nAlles gut.",
        "On 12 May your colleague wrote:\nWe refund you.\nYou did not.",
        "2026/9/1に注文しました(注文番号):\n壊れています。",
        "It should say:\nFrom: Grandma\nTo: Lily\nDate: 12.06.2026",
        "Betreff: Meine Tasse\nDer Henkel ist ab.",
        "The size is\n> 10 cm and not 8.",
        "Resolve case\nplease, it broke.",
        "It broke -",
    ],
)
def test_nothing_of_the_buyers_own_is_cut(tmp_path, text):
    assert words(tmp_path, text) == text


def test_a_mail_that_is_all_quote_is_kept(tmp_path):
    assert words(tmp_path, "> Der Ring ist zu klein.\n> Was nun?") == "Der Ring ist zu klein.\nWas nun?"


def test_blockquotes_of_html_are_history(tmp_path):
    html = "<div>Il nome è sbagliato.</div><div>Il giorno mar 1 set 2026 alle ore 10:00 Shop &lt;a@b.example&gt; ha scritto:<br></div><blockquote><p>Vecchio</p></blockquote>"
    assert words(tmp_path, "", html) == "Il nome è sbagliato."


@pytest.mark.parametrize(
    "footer",
    [
        "Sent from my iPhone", "Von meinem iPhone gesendet", "Gesendet von Outlook für Android", "Envoyé de mon iPhone", "Enviado desde mi iPhone",
        "Inviato da iPhone", "Enviado do meu iPhone", "iPhoneから送信", "发自我的iPhone", "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "-- \nMaria Muster\nMusterstraße 1", "[commMgrTok:A1B2C3]",
    ],
)  # fmt: skip
def test_footers_of_phones_and_signatures_are_cut(tmp_path, footer):
    assert words(tmp_path, f"C'est cassé.\n\n{footer}\n") == "C'est cassé."


def test_a_sentence_about_a_phone_stays(tmp_path):
    text = "It was sent from my house.\nSent from my iPhone case order the wrong one arrived, it is broken and I want another one because the colour is wrong"
    assert words(tmp_path, text) == text


# --- decoding ------------------------------------------------------------------------------------------------


def raw(body: bytes, content_type: str, encoding: str = "8bit") -> bytes:
    head = f"From: {ALIAS}\nSubject: x {ORDER}\nMessage-ID: <1@x>\nContent-Type: {content_type}\nContent-Transfer-Encoding: {encoding}\n\n"
    return head.encode() + body + b"\n"


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        ("Für Oma".encode("cp1252"), "text/plain", "8bit"),
        ("Für Oma".encode("cp1252"), "text/plain; charset=utf-8", "8bit"),
        ("Für Oma".encode(), "text/plain; charset=us-ascii", "8bit"),
        ("Für Oma".encode(), "text/plain; charset=x-unknown", "8bit"),
        (b"F=C3=BCr Om=\na", "text/plain; charset=utf-8", "quoted-printable"),
        (b"RvxyIE9tYQ==", "text/plain; charset=iso-8859-1", "base64"),
    ],
)
def test_charsets_declared_or_not(tmp_path, body, content_type, encoding):
    [found] = read(tmp_path, raw(body, content_type, encoding))
    assert found.text == "Für Oma"


def test_eml_saved_by_a_text_editor(tmp_path):
    path = tmp_path / "mail.eml"
    path.write_text(f"From: {ALIAS}\nSubject: Größe {ORDER}\nMessage-ID: <1@x>\n\nZu klein für Oma.\n", encoding="utf-16")
    [found] = read_messages(path)
    assert (found.text, found.subject) == ("Zu klein für Oma.", f"Größe {ORDER}")


@pytest.mark.parametrize(
    ("text", "charset", "declared"),
    [
        ("名前が違います。", "iso-2022-jp", "iso-2022-jp"),
        ("名前が違います。", "iso-2022-jp", ""),
        ("名前が違います。①", "cp932", "shift_jis"),  # the circled one is in no standard set, but in every mail
        ("名前が違います。①", "cp932", ""),
        ("名前が違います。", "euc-jp", "euc-jp"),
        ("名前が違います。①", "utf-8", ""),
    ],
)
def test_japanese(tmp_path, text, charset, declared):
    content_type = f"text/plain; charset={declared}" if declared else "text/plain"
    [found] = read(tmp_path, raw(text.encode(charset), content_type))
    assert found.text == text


def test_flowed_lines_are_joined(tmp_path):
    [found] = read(tmp_path, raw(b"The crack runs \nthrough the wood.\n\nNew line.\n-- \nMaria", "text/plain; format=flowed"))
    assert found.text == "The crack runs through the wood.\n\nNew line."
    [found] = read(tmp_path, raw("割れ \nています".encode(), "text/plain; charset=utf-8; format=flowed; delsp=yes"))
    assert found.text == "割れています"


def test_headers_with_raw_bytes_are_read(tmp_path):
    [found] = read(tmp_path, "From: Jürgen <j@x.example>\nSubject: Größe falsch\nMessage-ID: <1@x>\n\nZu klein.\n".encode())
    assert (found.subject, found.sender, found.channel) == ("Größe falsch", "j@x.example", "mail")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (raw("Größe fa".encode() + b"\xff", "text/plain; charset=utf-8"), "not utf-8 text"),
        (raw(b"\x81\x8d\x8f", "text/plain; charset=utf-8"), "not utf-8 text"),
        (raw(b"QUJDR", "text/plain; charset=utf-8", "base64"), "damaged base64"),
        (raw(b"no parts here", 'multipart/alternative; boundary="b"'), "broken MIME"),
        (raw(b"no parts here", "multipart/alternative"), "broken MIME"),
        (raw(b"", "text/plain"), "no text"),
        (b"Subject: who?\nDate: Mon, 07 Sep 2026 09:30:00 +0000\n\nHello\n", "no sender's address"),
        (mail(sender=ALIAS, subject="x", message_id="<1@x>", attached='filename="riss.jpg"'), "only attachments: riss.jpg"),
        (mail("Hi", sender=ALIAS, subject="x", message_id="<1@x>", date="Mon, 99 Sep 2026 09:30:00 +0000"), "date"),
    ],
)
def test_what_cannot_be_read_is_a_reject_and_the_rest_goes_on(tmp_path, bad, reason):
    good = mail("Zu klein.", sender=ALIAS, subject="x", message_id="<2@x>")
    first, error, last = read(tmp_path, good, bad, good)
    assert first.text == last.text == "Zu klein."
    assert isinstance(error, ReadError)
    assert error.row == 2
    assert reason in error.reason


def test_any_bytes_end_as_rejects_not_as_tracebacks(tmp_path):
    heads = [
        b"From: <@>\nTo: ;;,\n",
        b"From: a@b\nContent-Type: ;;=\n",
        b"From: =?x?q?=?= <a@b>\nMessage-ID: <[\n",
        b"\xff\xfe:\n\n",
        b'From: "a@b\nReferences: <<>>\n',
    ]
    found = read(tmp_path, *(head + b"Date: (\n\nHi\n" for head in heads))
    assert len(found) == len(heads)


def test_a_mail_of_many_megabytes_is_a_reject(tmp_path, monkeypatch):
    monkeypatch.setattr(mail_reader, "MAX_MAIL", 10_000)
    big = raw(b"x" * 20_000, "text/plain")
    error, good = read(tmp_path, big, raw(b"Hello", "text/plain"))
    assert (error.row, "MB" in error.reason) == (1, True)
    assert good.text == "Hello"
    [error] = read(tmp_path, big, kind="eml")
    assert "MB" in error.reason


@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        ('filename="riss.jpg"', "riss.jpg"), ("filename*=utf-8''Gr%C3%B6%C3%9Fe.jpg", "Größe.jpg"),
        ("filename*0*=utf-8''%E5%86%99;\n filename*1*=%E7%9C%9F.jpg", "写真.jpg"), ('filename="=?utf-8?b?5YaZ55yfLmpwZw==?="', "写真.jpg"),
    ],
)  # fmt: skip
def test_attachments_keep_their_names(tmp_path, parameter, name):
    found = one(tmp_path, "See photo", attached=parameter)
    assert (found.text, found.attachments) == ("See photo", (name,))


# --- who sent it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sender",
    [
        "abcd1234ef@marketplace.amazon.co.uk.evil.com", "abcd1234ef@marketplace-amazon.de", "abcd1234ef@amazon-marketplace.com",
        "abcd1234ef@marketplace.amazon.cn", "service@amaz0n.de".replace("0", "o").replace("on", "no"), "service@arnazon.de", "service@amazom.com",
        "abcd1234ef@marketplace.xn--mazon-3ve.de", "abcd1234ef@marketplace.аmazon.de", '"abcd1234ef@marketplace.amazon.de" <x@gmail.example>',
        "Amazon Kundenservice <help@gmail.example>", "アマゾン <x@gmail.example>", "abcd1234ef@marketplace.amazon.de, x@gmail.example",
    ],
)  # fmt: skip
def test_look_alikes_are_refused(tmp_path, sender):
    head = f"From: {sender}\nSubject: Order {ORDER}\nMessage-ID: <1@x>\n\nPlease verify your account.\n"
    [found] = read(tmp_path, head.encode())
    assert isinstance(found, ReadError), found
    assert found.column == "From"
    assert "imitates Amazon" in found.reason


@pytest.mark.parametrize(
    ("results", "refused"),
    [
        ("mx.example; spf=fail smtp.mailfrom=amazon.de", True), ("mx.example; dkim=fail header.d=amazon.de", True),
        ("mx.example; spf=pass; dkim=pass; dmarc=fail", True), ("mx.example; spf=softfail; dkim=none", False),
        ("mx.example; spf=fail; dkim=pass; dmarc=pass", False), ("mx.example; spf=pass; dkim=pass; dmarc=pass", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sender", [ALIAS, "order-update@amazon.de"])
def test_the_receiving_servers_verdict_counts(tmp_path, sender, results, refused):
    found = one(tmp_path, "Hallo", sender=sender, Authentication_Results=results)
    assert isinstance(found, ReadError) is refused


@pytest.mark.parametrize(
    ("sender", "channel"),
    [
        ("Anna <anna@xn--mller-kva.de>", "mail"), ("Anna <anna@amazonas-reisen.example>", "mail"), ("Anna <anna@gmail.example>", "mail"),
        ("Anna <anna_x1@members.ebay.com>", "ebay"), ("Anna <anna_x1@members.ebay.co.uk>", "ebay"), ("Anna <conversations@mail.etsy.com>", "etsy"),
    ],
)  # fmt: skip
def test_other_senders_are_buyers(tmp_path, sender, channel):
    found = one(tmp_path, "I want a refund or I file an A-to-z claim.", sender=sender)
    assert (found.kind, found.direction, found.channel) == (MessageKind.BUYER, Direction.IN, channel)


def test_what_a_platform_itself_writes(tmp_path):
    sale = one(tmp_path, "You made a sale", sender="Etsy <transaction@etsy.com>", subject="You made a sale on Etsy")
    assert (sale.kind, sale.channel) == (MessageKind.NOTICE, "etsy")
    brought = one(tmp_path, "It broke.", sender="Etsy <no-reply@etsy.com>", subject="Etsy Conversation with Anna")
    assert brought.kind is MessageKind.BUYER


def test_all_marketplaces_and_case_ids(tmp_path):
    case = "11111111-2222-4333-8444-555555555555"
    for place in ("com.au", "com.be", "com.mx", "com.tr", "co.uk", "ae", "eg", "ie", "in", "nl", "pl", "sa", "se", "sg"):
        found = one(tmp_path, "Hello", sender=alias("Maria", place, case))
        assert found.sender == f"maria7k3jd82hs@marketplace.amazon.{place}"
        assert (found.thread_id, found.channel, found.kind) == (case, "amazon", "buyer")


def test_the_header_names_the_marketplace_before_the_alias(tmp_path):
    found = one(tmp_path, "Olá", sender=alias("Maria", "com"), X_Marketplace_ID="A2Q3Y263D00KWC", subject=f"x {ORDER}")
    assert found.order.marketplace == "br"


def test_what_the_seller_wrote_is_out(tmp_path):
    copy = "Aqui está uma cópia. ------------- Iniciar mensagem ------------- Olá! ------------- Mensagem final ------------- Atenciosamente"
    amazon = {"sender": '"Amazon.com.br" <donotreply@amazon.com>', "subject": "Seu e-mail para Maria"}
    by_header = one(tmp_path, copy, X_Space_Notification_Type="BBC_MESSAGE_CONFIRMATION_TO_MERCHANT", **amazon)
    by_subject = one(tmp_path, copy, **amazon)
    for found in (by_header, by_subject):
        assert (found.text, found.direction, found.kind) == ("Olá!", Direction.OUT, MessageKind.SELLER)
    sent = one(tmp_path, "We remake it.", sender=f"Fuchs Amazon Team <{SHOP}>", to=ALIAS)
    assert (sent.direction, sent.kind, sent.channel, sent.order.marketplace) == ("out", "seller", "amazon", "de")


def test_the_shops_own_address_is_learnt_from_what_came_in(tmp_path):
    def direct(name: str, sender: str, to: str, **headers: str) -> bytes:
        return mail("Hello", sender=sender, to=to, subject="x", message_id=f"<{name}@x>", **headers)

    anna = "anna@gmail.example"
    question, answer, form = read(
        tmp_path,
        direct("a", anna, "info@list.example", Delivered_To=SHOP),
        direct("b", SHOP, anna, References="<a@x>"),
        direct("c", SHOP, SHOP, Reply_To=anna),
    )
    assert [found.direction for found in (question, answer, form)] == ["in", "out", "in"]
    assert (answer.kind, answer.thread_id) == (MessageKind.SELLER, question.thread_id)


def test_the_alias_may_stand_in_reply_to(tmp_path):
    found = one(
        tmp_path, "Hallo", sender="donotreply@amazon.de", Reply_To=ALIAS,
        X_Space_Notification_Type="BBC_MESSAGE_SENT_TO_MERCHANT",
    )  # fmt: skip
    assert (found.kind, found.sender) == (MessageKind.BUYER, "maria7k3jd82hs@marketplace.amazon.de")
    headless = {"sender": "donotreply@amazon.de", "Reply_To": ALIAS}
    marked = one(tmp_path, "--- Nachricht: ---\nHallo\n--- Ende der Nachricht ---", **headless)
    assert (marked.kind, marked.text) == (MessageKind.BUYER, "Hallo")
    assert one(tmp_path, "Your listing was changed.", **headless).kind == "notice"


# --- threads -------------------------------------------------------------------------------------------------


def test_threads(tmp_path):
    def letter(name: str, sender: str = ALIAS, order: str = ORDER, **headers: str) -> bytes:
        return mail("Hallo", sender=sender, subject=f"x {order}", message_id=f"<{name}>", **headers)

    case = "11111111-2222-4333-8444-555555555555"
    first, answer, reply, later, other_order, with_case, unknown_root, direct = read(
        tmp_path,
        letter("a@x"),
        letter("b@x", SHOP, to=ALIAS, In_Reply_To="<a@x>"),
        letter("c@x", In_Reply_To="<b@x>", References="<a@x> <b@x>"),
        letter("d@x", References="<lost@x>"),
        letter("e@x", order="302-9999999-9999999"),
        letter("f@x", alias("Maria", "de", case)),
        letter("g@x", "k@gmail.example", order="", References="<r@x> <s@x>"),
        letter("h@x", "k@gmail.example", order=""),
    )
    assert first.thread_id == f"maria7k3jd82hs@marketplace.amazon.de {ORDER}"
    assert first.thread_id == answer.thread_id == reply.thread_id == later.thread_id
    assert other_order.thread_id not in ("", first.thread_id)
    assert (with_case.thread_id, unknown_root.thread_id, direct.thread_id) == (case, "r@x", "h@x")


def test_an_answer_that_comes_first_still_shares_the_thread(tmp_path):
    answer = mail("Later", sender=ALIAS, subject="x", message_id="<b@x>", In_Reply_To="<a@x>")
    question = mail("First", sender=ALIAS, subject="x", message_id="<a@x>")
    later, first = read(tmp_path, answer, question)
    assert later.thread_id == first.thread_id == "a@x"


def test_duplicates_are_kept(tmp_path):
    same = mail("Hallo", sender=ALIAS, subject="x", message_id="<a@x>")
    assert [m.message_id for m in read(tmp_path, same, same)] == ["a@x", "a@x"]


# --- notices -------------------------------------------------------------------------------------------------

RETURN_2016 = f"""Dear Fuchs,

This email is being sent to you by Amazon to notify you that a return has been requested.

Order ID: # {ORDER}
Item: Oak sign with name
Quantity: 2
Return reason: Item defective or doesn't work
Customer comments: The crack runs
through the wood.
Details: none
Request received: September 7, 2026

Sincerely,
Amazon Services
"""
HEAD = ("Order Item", "ASIN", "SKU", "Return Quantity", "Return Reason", "Customer&rsquo;s Comment")
ROW = (
    "Oak sign with name",
    "B01FCAWEYM",
    "OAK-1",
    "2",
    "Item defective or doesn't work",
    "The crack runs<br>through the wood.",
)


def table(*rows: tuple[str, ...]) -> str:
    return (
        "<table>" + "".join("<tr>" + "".join(f"<td><p>{cell}</p></td>" for cell in row) + "</tr>" for row in rows) + "</table>"
    )


def columns(*rows: tuple[str, ...]) -> str:
    return "\n".join(cell.replace("&rsquo;", "’").replace("<br>", " ") for row in rows for cell in row)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (RETURN_2016, ""),
        ("", f"<p>Dear Fuchs,</p>{table(HEAD, ROW)}<p>Using your Manage Returns page, please</p>"),
        (
            "Return request\n"
            + " | ".join(HEAD).replace("&rsquo;", "'")
            + "\n"
            + " | ".join(ROW).replace("<br>", " ")
            + "\nUsing your Manage Returns",
            "",
        ),
        (f"Dear Fuchs,\n{columns(HEAD, ROW)}\nUsing your Manage Returns page", ""),
        (f"Dear Fuchs, {columns(HEAD, ROW)} Using your Manage Returns page".replace("\n", " "), ""),
    ],
    ids=["2016", "table", "pipes", "columns", "one line"],
)
@pytest.mark.parametrize("subject", [f"Return authorization request for order # {ORDER}", "???"])
def test_return_request(tmp_path, text, html, subject):
    found = one(tmp_path, text, html, sender="order-update@amazon.com", subject=subject)
    assert (found.kind, found.direction) == (MessageKind.RETURN_REQUEST, Direction.IN)
    assert found.reason_code == "Item defective or doesn't work"
    assert " ".join(found.text.split()) == "The crack runs through the wood."
    assert (found.order.product, found.order.quantity) == ("Oak sign with name", 2)


def test_return_request_without_comment_is_one_line(tmp_path):
    html = f"<p>Hallo</p>{table(HEAD, (*ROW[:4], 'No longer needed', ''))}"
    found = one(tmp_path, "", html, sender="order-update@amazon.de", subject=f"Rücksendeantrag für Bestellung {ORDER}")
    assert (found.text, found.reason_code) == ("Return requested: No longer needed", "No longer needed")


@pytest.mark.parametrize(
    ("text", "reason", "comment"),
    [
        ("Artikel: Schild\nRückgabegrund: Defekt\nKommentar des Kunden: Riss im Holz", "Defekt", "Riss im Holz"),
        ("Motif du retour : Défectueux\nCommentaires du client : Fissure", "Défectueux", "Fissure"),
        ("Motivo de la devolución: Defectuoso\nComentarios del cliente: Grieta", "Defectuoso", "Grieta"),
        ("Motivo del reso: Difettoso\nCommenti del cliente: Crepa", "Difettoso", "Crepa"),
        ("返品理由：不良品\nお客様のコメント：割れています", "不良品", "割れています"),
    ],
)
def test_return_request_in_other_languages(tmp_path, text, reason, comment):
    found = one(tmp_path, text, sender="order-update@amazon.de", subject="?")
    assert (found.kind, found.reason_code, found.text) == ("return_request", reason, comment)


@pytest.mark.parametrize(
    ("kind", "sender", "subject", "text"),
    [
        (
            "return_request",
            "order-update@amazon.it",
            f"Richiesta di autorizzazione al reso per l'ordine {ORDER}",
            "Gentile venditore",
        ),
        ("return_request", "order-update@amazon.co.jp", f"返品リクエスト {ORDER}", "出品者様"),
        ("a_to_z", "seller-guarantee@amazon.com", "??", "Claim amount: $20.00"),
        ("a_to_z", "atoz-guarantee-no-reply@amazon.de", f"A-bis-z-Garantieantrag {ORDER}", "Hallo"),
        ("a_to_z", "no-reply@amazon.fr", f"Claim Decision on Order {ORDER}", "Bonjour"),
        ("refund", "order-update@amazon.com", f"Refund initiated for order {ORDER}", "We have processed a refund."),
        ("refund", "payments-messages@amazon.de", "Rückerstattung veranlasst", "Hallo"),
        (
            "cancellation_request",
            "order-update@amazon.com",
            "x",
            "Hello,\nBuyer Cancellation Request for Order ID\nThe buyer has requested to cancel this order. Cancel reason: none",
        ),
        ("chargeback", "cb-seller-query@amazon.com", "Charge Dispute Inquiry", "The cardholder disputed the charge."),
        (
            "opt_out",
            "donotreply@marketplace.amazon.com",
            "Your message",
            "The buyer has opted out of receiving unsolicited messages.",
        ),
        ("opt_out", ALIAS, "Your message", "Der Käufer hat sich gegen den Erhalt von Nachrichten entschieden."),
        ("bounce", "donotreply@amazon.com", "Delivery", "We were unable to deliver the message you sent."),
        ("bounce", "mailer-daemon@googlemail.com", "Undelivered Mail Returned to Sender", "The address was not found."),
        ("notice", "seller-performance@amazon.com", "Your account", "Please check your account health."),
        ("notice", "community-help@amazon.com", "Maria asked a question about your product", "Does it fit?"),
        (
            "notice",
            ALIAS,
            "Inquiry",
            "------------- Message: -------------\nDear Amazon Seller,\nProduct: B01\nReason for contact: refund\n------------- End message -------------",
        ),
        ("notice", "out@gmail.example", "Re: x", "I am on holiday."),
    ],
)
def test_notices(tmp_path, kind, sender, subject, text):
    others = {"Auto_Submitted": "auto-replied"} if "out@" in sender else {}
    found = one(tmp_path, text, sender=sender, subject=subject, **others)
    assert (found.kind, found.direction) == (kind, Direction.IN)
    assert found.text


@pytest.mark.parametrize(
    "subject",
    [
        "Order cancellation request from Amazon customer Maria", "Stornierungsanfrage von Amazon-Kunde Maria", "Demande d'annulation de la part du client Amazon Maria",
        "Solicitud de cancelación de pedido del cliente de Amazon Maria", "Richiesta di cancellazione dell'ordine da Maria", "Maria様からのキャンセルリクエスト", "Pedido de cancelamento do cliente Maria",
    ],
)  # fmt: skip
def test_cancellation_requests_come_from_the_buyers_alias(tmp_path, subject):
    text = "------------- Message: -------------\nPlease cancel.\n------------- End message -------------"
    header = {"X_Space_Notification_Type": "BBC_MESSAGE_SENT_TO_MERCHANT"}
    found = one(tmp_path, text, subject=subject, **header)
    assert (found.kind, found.text) == ("cancellation_request", "Please cancel.")
    assert one(tmp_path, text, subject=f"Re: {subject}", **header).kind == "buyer"


def test_delivery_report_by_its_type(tmp_path):
    report = (
        b"From: Mail System <system@mx.example>\nMessage-ID: <1@x>\nSubject: ???\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        b"--b\nContent-Type: text/plain\n\nCould not be delivered.\n\n--b\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; mx.example\n\nAction: failed\n\n--b\nContent-Type: message/rfc822\n\nSubject: our mail\n\nOur text\n\n--b--\n"
    )
    [found] = read(tmp_path, report)
    assert (found.kind, found.text) == (MessageKind.BOUNCE, "Could not be delivered.")


@pytest.mark.parametrize(
    "text",
    [
        "I filed an A-to-z Guarantee claim. Return reason: it is broken.\nCustomer comments: none. I want my refund!",
        "Your message said I opted out of receiving messages. The refund has been issued? Where is it?",
        "Ich möchte eine Rücksendung für die Bestellung, die Erstattung veranlasst ihr bitte sofort. Chargeback folgt.",
    ],
)
@pytest.mark.parametrize(
    "subject", ["Return policy inquiry from Amazon customer Maria", "Refund initiated?", "Chargeback, A-to-z claim"]
)
def test_a_buyer_who_speaks_of_refunds_stays_a_buyer(tmp_path, text, subject):
    marked = f"------------- Message: -------------\n{text}\n------------- End message -------------"
    assert (one(tmp_path, marked, subject=subject).kind, words(tmp_path, marked, subject=subject)) == ("buyer", text)
    assert one(tmp_path, text, subject=subject, sender="maria@gmail.example").kind == "buyer"
