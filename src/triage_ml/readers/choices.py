"""Values with few meanings, in the words of the served languages: yes or no, who wrote it, language, channel."""

from __future__ import annotations

import re
import unicodedata

from triage_ml.messages import Direction, MessageKind

# In columns of dates, amounts and the like these say that nothing is known.
NOTHING = frozenset(["", "-", "--", "—", "n/a", "#n/a", "null", "none", "nan", "nat", "<na>", "不明"])

_YES = frozenset(
    "yes y true t 1 ja j oui o sí si s sì vero verdadero vrai wahr x はい 是 有 有り あり 対象 ✓ ✔ ○ 〇 1.0".split()
)
_NO = frozenset("no n false f 0 nein non falso faux falsch いいえ 否 无 無 無し なし 没有 沒有 不是 × 0.0".split())
_BUYER = frozenset(
    "in incoming inbound received buyer customer client user end-user enduser requester shopper guest contact käufer"
    " käufers kunde kunden kundin eingehend eingang empfangen acheteur cliente entrant reçu comprador compradora"
    " entrante recibido acquirente compratore ricevuto 購入者 お客様 顧客 受信 买家 買家 客户 客戶 收到 收件".split()
)
_SELLER = frozenset(
    "out outgoing outbound sent seller merchant agent agent_reply staff support shop store us reply verkäufer verkäufers"
    " händler händlers ausgehend ausgang gesendet vendeur sortant envoyé vendedor saliente enviado venditore uscita inviato"
    " 出品者 販売者 店舗 送信 卖家 賣家 商家 客服 发出 發出 发件".split()
)
_WEAK = frozenset("reply in out sent received 受信 送信".split())  # what both sides do
_LANGUAGES = {
    word: code
    for code, words in {
        "en": "english englisch anglais inglés inglese 英語 英语",
        "de": "german deutsch allemand alemán tedesco ドイツ語 德语 德語",
        "fr": "french französisch français francés francese フランス語 法语 法語",
        "es": "spanish spanisch espagnol español spagnolo スペイン語 西班牙语 西班牙語",
        "it": "italian italienisch italien italiano イタリア語 意大利语 義大利語",
        "ja": "japanese japanisch japonais japonés giapponese 日本語 日语 日語 jp",
        "zh": "chinese chinesisch chinois chino cinese 中国語 中文 汉语 漢語 cn",
    }.items()
    for word in words.split()
}
_CHANNELS = ("amazon", "etsy", "ebay", "shopify", "walmart", "kaufland", "otto", "rakuten", "aliexpress", "temu")


def parse_bool(value: object) -> bool | None:
    """Read yes or no; blank is None. Anything else is a ValueError."""
    if isinstance(value, bool):
        return value
    word = _word(value)
    if word not in _YES and word not in _NO and word not in NOTHING:
        raise ValueError("expected yes or no")
    return None if word in NOTHING else word in _YES


def parse_direction(value: object) -> Direction:
    """Read who wrote it; blank is the buyer. A word that is not known is a ValueError."""
    word = _word(value)
    if word in NOTHING or word in _BUYER:
        return Direction.IN
    if word in _SELLER:
        return Direction.OUT
    found = _who_wrote(word)
    if found is not None:
        return found
    raise ValueError("expected who wrote it: in, out, buyer, seller, customer or agent")


def _who_wrote(phrase: str) -> Direction | None:
    """Read "Inbound email", "from buyer", "reply to customer", "卖家回复"."""
    if after := re.search(r"\bfrom (?:the )?(\w+)", phrase):
        return _one_side({after[1]})
    before, to, after_to = phrase.partition("to ") if phrase.startswith("to ") else phrase.partition(" to ")
    words = set(re.findall(r"[\w-]+", before))
    words |= {word for word in _BUYER | _SELLER if not word.isascii() and not re.search(r"[a-z]", word) and word in before}
    side = _one_side(words) or _one_side(words - _WEAK)
    if side is None and to and not words & (_BUYER | _SELLER):
        reader = _one_side(set(re.findall(r"[\w-]+", after_to)))
        return {Direction.IN: Direction.OUT, Direction.OUT: Direction.IN}.get(reader) if reader else None
    return side


def _one_side(words: set[str]) -> Direction | None:
    """Return who is named, None where it is nobody or both."""
    is_buyer, is_seller = bool(words & _BUYER), bool(words & _SELLER)
    return None if is_buyer == is_seller else Direction.IN if is_buyer else Direction.OUT


def parse_kind(value: object) -> MessageKind:
    """Read what sort of text it is. A word that is not known is a ValueError."""
    word = re.sub(r"[\s-]", "_", _word(value))
    if word not in set(MessageKind):
        raise ValueError("expected one of " + ", ".join(MessageKind))
    return MessageKind(word)


def language_code(name: str) -> str:
    """Return ISO 639-1 for "de-DE", "German", "日本語" ..., "" where it is not known."""
    if not name:
        return ""
    word = _word(name)
    short = re.match(r"[a-z]{2}(?=$|[-_ ])", word)
    return _LANGUAGES.get(word) or (_LANGUAGES.get(short[0], short[0]) if short else "")


def channel_in(name: str) -> str:
    """Return the sales channel that a name such as "Amazon.de" tells, "" where it tells none."""
    return next((channel for channel in _CHANNELS if channel in name.casefold()), "")


def _word(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFKC", str(value if value is not None else "")).strip().casefold()
