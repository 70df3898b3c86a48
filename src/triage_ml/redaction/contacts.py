"""Phone numbers, mail and web addresses, order, card and account numbers, postal addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from triage_ml.messages import OrderLine
from triage_ml.redaction.kinds import PersonalData, Span
from triage_ml.redaction.words import Words

# ASCII on purpose: Chinese runs on into an address without a blank.
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_URL = re.compile(r"(?i:(?<![a-z])(?:https?://|www\.)[!-;=?-~]{0,2000}[a-z0-9/=#_-])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_CARD = re.compile(r"(?<![A-Za-z0-9-])\d(?:[ -]?\d){12,18}(?![\d-])")
# Amazon's and eBay's own forms need no word before them.
_ORDER = re.compile(r"(?<![\d-])(?:\d{3}-\d{7}-\d{7}|\d{2}-\d{5}-\d{5})(?![\d-])")
_DATE = re.compile(r"(?<!\d)(?:\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2})(?!\d)")
_EXTENSION = re.compile(r"\dx\d")  # 160x200 is no number with an extension
_FEWEST_DIGITS = 7
_REACH = 40  # characters in which a word for phones must stand before bare digits


def find_contacts(text: str, words: Words, order: OrderLine | None) -> Iterator[Span]:
    """Yield where somebody can be reached or charged, and order ids; `text` in its plain form."""
    orders = list(_orders(text, words, order.order_id if order else ""))
    found = [*orders, *_fixed(hide(text, orders))]
    found += [Span(*match.span(), PersonalData.ADDRESS) for pattern in words.address for match in pattern.finditer(text)]
    yield from found
    if sum(map(str.isdigit, text)) >= _FEWEST_DIGITS:
        others = [*found, *(Span(*match.span("name"), PersonalData.ORDER) for match in words.number.finditer(text))]
        others += [Span(*match.span(), PersonalData.DATE) for match in _DATE.finditer(text)]
        yield from _phones(hide(text, others), words)


def hide(text: str, spans: Iterable[Span]) -> str:
    """Return the text with what stands in `spans` made unreadable, all places kept."""
    signs = list(text)
    for span in spans:
        signs[span.start : span.end] = "\x00" * (span.end - span.start)
    return "".join(signs)


def _fixed(text: str) -> Iterator[Span]:
    """Yield what its form gives away, with the check digits where there are some."""
    for pattern, kind in ((_EMAIL, PersonalData.EMAIL), (_URL, PersonalData.URL)):
        yield from (Span(*match.span(), kind) for match in pattern.finditer(text))
    yield from (Span(*match.span(), PersonalData.IBAN) for match in _IBAN.finditer(text) if _is_iban(match[0]))
    yield from (Span(*match.span(), PersonalData.CARD) for match in _CARD.finditer(text) if _is_card(match[0]))


def _is_iban(written: str) -> bool:
    """Check the two digits of ISO 13616: the rearranged number leaves 1 when divided by 97."""
    iban = written.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1


def _is_card(written: str) -> bool:
    """Check the last digit of ISO/IEC 7812 (Luhn)."""
    digits = [int(sign) for sign in reversed(written) if sign.isdigit()]
    return sum(digits[::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10


def _orders(text: str, words: Words, order_id: str) -> Iterator[Span]:
    known = [re.compile(rf"(?<!\w){re.escape(order_id)}(?!\w)", re.IGNORECASE)] if order_id else []
    for pattern in (_ORDER, *known):
        yield from (Span(*match.span(), PersonalData.ORDER) for match in pattern.finditer(text))
    yield from (Span(*match.span("name"), PersonalData.ORDER) for match in words.order.finditer(text))


def _phones(text: str, words: Words) -> Iterator[Span]:
    """Yield valid numbers; behind a word such as "call", a "+", or another number also what could be one, as buyers mistype."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    lengths: set[int] = set()
    for leniency, regions in ((Leniency.VALID, words.regions), (Leniency.POSSIBLE, words.regions[:1])):
        for match in (match for region in regions for match in PhoneNumberMatcher(text, region, leniency=leniency)):
            written, digits = match.raw_string, sum(map(str.isdigit, match.raw_string))
            announced = written[0] == "+" or words.phone.search(text[max(0, match.start - _REACH) : match.start])
            # North American numbers have no sign of their own, so ten bare digits could be anything.
            sure = leniency == Leniency.VALID and not (match.number.country_code == 1 and written.isdigit())
            if digits >= _FEWEST_DIGITS and not _EXTENSION.search(written) and (announced or sure or digits in lengths):
                lengths.add(digits)
                yield Span(match.start, match.end, PersonalData.PHONE)
