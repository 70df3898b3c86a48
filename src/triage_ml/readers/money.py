"""Amounts of money and the marketplaces that name their currency.

An amount is read in the locale forms of the served marketplaces, or refused with a sentence: a wrong
factor of 1,000 would become a wrong offer.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from triage_ml.messages import Money

_LARGEST = Decimal(10) ** 9
_DIGITS = 6
_LONGEST = 60  # characters of an amount
_REMEMBERED = 256  # names of marketplaces: a file has a few, each in many rows

# short code: Amazon's domain ending, Amazon's marketplace id, currency, other names in exports
_MARKETPLACES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "us": (
        "com",
        "ATVPDKIKX0DER",
        "USD",
        (
            "usa",
            "u.s",
            "u.s.a",
            "united states",
            "united states of america",
            "vereinigte staaten",
            "états-unis",
            "états unis",
            "estados unidos",
            "ee.uu",
            "ee. uu",
            "stati uniti",
            "アメリカ",
            "米国",
            "美国",
            "美國",
        ),
    ),
    "ca": ("ca", "A2EUQ1WTGCTBG2", "CAD", ("canada", "kanada", "canadá", "カナダ", "加拿大")),
    "mx": ("com.mx", "A1AM78C64UM0Y8", "MXN", ("mexico", "mexiko", "mexique", "messico", "メキシコ", "墨西哥")),
    "br": ("com.br", "A2Q3Y263D00KWC", "BRL", ("brazil", "brasil")),
    "uk": (
        "co.uk",
        "A1F83G8C2ARO7P",
        "GBP",
        (
            "gb",
            "u.k",
            "united kingdom",
            "great britain",
            "england",
            "großbritannien",
            "vereinigtes königreich",
            "royaume-uni",
            "royaume uni",
            "grande-bretagne",
            "reino unido",
            "gran bretaña",
            "regno unito",
            "gran bretagna",
            "イギリス",
            "英国",
            "英國",
        ),
    ),
    "de": (
        "de",
        "A1PA6795UKMFR9",
        "EUR",
        ("germany", "deutschland", "allemagne", "alemania", "germania", "ドイツ", "德国", "德國"),
    ),
    "fr": ("fr", "A13V1IB3VIYZZH", "EUR", ("france", "frankreich", "francia", "フランス", "法国", "法國")),
    "es": ("es", "A1RKKUPIHCS9HS", "EUR", ("spain", "espana", "spanien", "espagne", "spagna", "スペイン", "西班牙")),
    "it": ("it", "APJ6JRA9NG5V4", "EUR", ("italy", "italia", "italien", "italie", "イタリア", "意大利", "義大利")),
    "nl": (
        "nl",
        "A1805IZSGTT6HS",
        "EUR",
        ("netherlands", "nederland", "niederlande", "pays-bas", "países bajos", "paesi bassi", "オランダ", "荷兰"),
    ),
    "be": ("com.be", "AMEN7PMS3EDWL", "EUR", ("belgium", "belgien", "belgique", "bélgica", "belgio", "ベルギー", "比利时")),
    "ie": ("ie", "A28R8C7NBKEWEA", "EUR", ("ireland",)),
    "se": (
        "se",
        "A2NODRKZP88ZB9",
        "SEK",
        ("sweden", "sverige", "schweden", "suède", "suecia", "svezia", "スウェーデン", "瑞典"),
    ),
    "pl": ("pl", "A1C3SOZRARQ6R3", "PLN", ("poland", "polska", "polen", "pologne", "polonia", "ポーランド", "波兰")),
    "tr": ("com.tr", "A33AVAJ2PDY3EV", "TRY", ("turkey", "turkiye")),
    "ae": ("ae", "A2VIGQ35RCS4UG", "AED", ("uae", "united arab emirates")),
    "sa": ("sa", "A17E79C6D8DWNP", "SAR", ("saudi arabia",)),
    "eg": ("eg", "ARBP9OOSHTCHU", "EGP", ("egypt",)),
    "za": ("co.za", "AE08WJ6YKNBMC", "ZAR", ("south africa",)),
    "in": ("in", "A21TJRUUN4KGV", "INR", ("india",)),
    "sg": ("sg", "A19VAU5U5O7RUS", "SGD", ("singapore",)),
    "au": ("com.au", "A39IBJ37TRP1C6", "AUD", ("australia",)),
    "jp": ("co.jp", "A1VC38T7YXB528", "JPY", ("japan", "japon", "japón", "giappone", "日本")),
}


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


_CODE_OF: dict[str, str] = {
    _plain(name): code
    for code, (ending, market_id, _, names) in _MARKETPLACES.items()
    for name in (code, ending, f"amazon.{ending}", f"amazon {code}", market_id.casefold(), *names)
}

# What a sign may stand for; the first is meant where nothing else says.
_DOLLARS = ("USD", "CAD", "AUD", "MXN", "SGD", "NZD", "HKD", "TWD", "ARS", "CLP", "COP")
_SIGNS: dict[str, tuple[str, ...]] = {
    "US$": ("USD",), "CA$": ("CAD",), "CDN$": ("CAD",), "C$": ("CAD",), "AU$": ("AUD",), "A$": ("AUD",),
    "MX$": ("MXN",), "S$": ("SGD",), "NZ$": ("NZD",), "HK$": ("HKD",), "R$": ("BRL",), "$": _DOLLARS,
    "€": ("EUR",), "EURO": ("EUR",), "£": ("GBP",), "¥": ("JPY", "CNY"), "円": ("JPY",), "YEN": ("JPY",),
    "元": ("CNY",), "RMB": ("CNY",), "KR": ("SEK", "NOK", "DKK"), "ZŁ": ("PLN",), "₹": ("INR",), "₺": ("TRY",),
    "TL": ("TRY",), "NT$": ("TWD",), "CN¥": ("CNY",), "JP¥": ("JPY",), "US": ("USD",), "DOLLAR": _DOLLARS,
    "DOLLARS": _DOLLARS, "USDOLLAR": ("USD",), "USDOLLARS": ("USD",), "EUROS": ("EUR",), "POUND": ("GBP",),
    "POUNDS": ("GBP",), "ドル": _DOLLARS, "米ドル": ("USD",), "ユーロ": ("EUR",), "ポンド": ("GBP",), "日本円": ("JPY",),
    "美元": ("USD",), "美金": ("USD",), "人民币": ("CNY",), "人民幣": ("CNY",), "人民元": ("CNY",), "欧元": ("EUR",),
    "歐元": ("EUR",), "英镑": ("GBP",), "英鎊": ("GBP",), "日元": ("JPY",), "日圓": ("JPY",), "港币": ("HKD",),
    "台币": ("TWD",), "新台幣": ("TWD",), "₪": ("ILS",), "₱": ("PHP",), "RM": ("MYR",), "₩": ("KRW",), "฿": ("THB",),
    "₫": ("VND",), "₴": ("UAH",), "₽": ("RUB",), "KČ": ("CZK",), "FT": ("HUF",), "LEI": ("RON",), "R": ("ZAR",),
}  # fmt: skip
_CURRENCIES = frozenset(
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
        "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
        "HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD "
        "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN "
        "PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY "
        "TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW"
    ).split()
)

# There "." is the decimal point and never groups thousands, so "1.234" is not an amount one could pay.
_DOT_IS_DECIMAL = frozenset({"USD", "GBP", "CAD", "AUD", "SGD", "NZD", "HKD", "MXN", "INR", "CNY", "TWD", "ILS", "PHP", "MYR"})
_PLAIN = re.compile(r"\d{1,9}(?:\.\d\d?)?", re.ASCII)  # the same amount in every locale
_AROUND = re.compile(r"(?P<before>[^\d.,+()-]*)(?P<number>[\d.,' ]+?(?:[.,]-+)?)(?P<after>[^\d.,+()-]*)")
# 1,234,567 or 1.234.567, and India's 12,34,567
_GROUPED = re.compile(r"\d{1,3}(?:([,.' ])\d{3})(?:\1\d{3})*|\d{1,2}(?:,\d{2})+,\d{3}")


@lru_cache(maxsize=_REMEMBERED)
def marketplace_of(value: str) -> str:
    """Return the short code of a marketplace ("uk", "de" ...), "" when it is not known.

    Parameters
    ----------
    value
        "Amazon.de", "www.amazon.co.jp", "A1PA6795UKMFR9", "DE", "Germany" ...
    """
    name = re.sub(r"^https?://|^www\.|/.*$", "", _plain(value).strip()).strip(" .").removesuffix("站").strip()
    name = re.sub(r"^(?:sellercentral\.|marketplace\.)", "", name)
    return _CODE_OF.get(name) or _CODE_OF.get(name.removeprefix("amazon").strip(" ._-()"), "")


def currency_of(marketplace: str) -> str:
    """Return the currency (ISO 4217) of a marketplace's short code, "" when it is not known."""
    market = _MARKETPLACES.get(marketplace)
    return market[2] if market else ""


def parse_money(value: object, currency: str = "", *, default: str = "") -> Money:
    """Read an amount.

    Parameters
    ----------
    value
        "1.234,56 €", "£12.99", "JPY 3,980", "3980円", a Decimal ...
    currency
        What the export's own currency column says; a value that says otherwise is an error.
    default
        The currency where neither says one, as the marketplace's.

    Raises
    ------
    ValueError
        Where it is no amount that a buyer can have paid. The text is a sentence.
    """
    stated = _currency(currency, default)
    if currency.strip() and not stated:
        raise ValueError(f"expected a currency code such as EUR, not {currency.strip()!r}")
    if isinstance(value, bool):
        raise ValueError("expected an amount of money")
    if isinstance(value, (int, float, Decimal)):
        # twelve digits take the noise off a spreadsheet's 0.1 + 0.2
        return Money(_possible(Decimal(f"{value:.12g}" if isinstance(value, float) else value)), stated or default)
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return Money(Decimal(value), stated or default)
    if len(str(value)) > _LONGEST:
        raise ValueError("expected an amount of money, not a text")
    text = unicodedata.normalize("NFKC", str(value)).replace("−", "-").replace("’", "'").strip()
    if re.match(r"^[^\d]*-\s*[^\d]*\d|^\(.*\d.*\)$", text) or re.search(r"\d\s*-$", text):
        raise ValueError("expected an amount that is not negative")
    parts = _AROUND.fullmatch(text)
    if parts is None:
        raise ValueError("expected an amount of money such as 12.50 or 12,50 €")
    named = _agreed((parts["before"], parts["after"]), stated, default)
    return Money(_possible(_number(parts["number"], named)), named)


def _currency(name: str, default: str) -> str:
    """Return the ISO code for a code or a sign, "" when it is neither."""
    if name in _CURRENCIES:
        return name
    name = re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).upper()
    signs = _SIGNS.get(name, ())
    return name if name in _CURRENCIES else default if default in signs else signs[0] if signs else ""


def _agreed(signs: tuple[str, str], stated: str, default: str) -> str:
    """Return the one currency that the signs beside the number and the currency column agree on."""
    candidates: list[str] = []
    for written in signs:
        sign = re.sub(r"\s", "", written).upper().strip(".:")
        if not sign:
            continue
        meant = (sign,) if sign in _CURRENCIES else _SIGNS.get(sign, ())
        candidates = [currency for currency in candidates or meant if currency in meant]
        if not candidates:
            raise ValueError("expected an amount of money such as 12.50 or 12,50 €")
    if not candidates:
        return stated or default
    if stated and stated not in candidates:
        raise ValueError(f"the amount says {candidates[0]} and the currency column says {stated}")
    return stated or (default if default in candidates else candidates[0])


def _number(text: str, currency: str) -> Decimal:
    """Read a number whose separators are not known beforehand."""
    text = re.sub(r"[.,]-+$", "", text.strip()).strip()
    marks = re.findall(r"[.,]", text)
    if marks and (marks.count(marks[-1]) == 1) and not _is_grouping(text, marks, currency):
        whole, _, fraction = text.rpartition(marks[-1])
        whole = whole or "0"
    else:
        whole, fraction = text, ""
    if re.search(r"[,.' ]", whole) and not _GROUPED.fullmatch(whole):
        raise ValueError("expected thousands in groups of three, such as 1,234.56")
    try:
        return Decimal(re.sub(r"[,.' ]", "", whole) + ("." + fraction if fraction else ""))
    except InvalidOperation:
        raise ValueError("expected an amount of money such as 12.50 or 12,50 €") from None


def _is_grouping(text: str, marks: list[str], currency: str) -> bool:
    """Say whether the only separator of "1,234" groups thousands."""
    whole, _, fraction = text.rpartition(marks[-1])
    if len(marks) > 1 or len(fraction) != 3 or whole in ("", "0"):
        return False
    if marks[-1] == "." and (not currency or currency in _DOT_IS_DECIMAL):
        known = f"{text} {currency}".strip()
        raise ValueError(f"{known} can be read in two ways; write it with two decimals or none")
    return True


def _possible(amount: Decimal) -> Decimal:
    if not amount.is_finite():
        raise ValueError("expected a finite amount")
    if amount < 0:
        raise ValueError("expected an amount that is not negative")
    if amount > _LARGEST:
        raise ValueError("expected an amount below 1,000,000,000")
    # no currency has smaller parts; more digits are the noise of a sum in binary
    return amount if int(amount.as_tuple().exponent) >= -_DIGITS else round(amount, _DIGITS)
