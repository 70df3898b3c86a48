"""Who sent a mail: a buyer behind Amazon's alias, Amazon, another platform, somebody, or an impostor."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Mail
from email.utils import getaddresses

from triage_ml.readers.bodies import Unreadable, header, headers

# All places that have marketplace.amazon.<...>; China has none.
_PLACES = "com.au com.be com.br com.mx com.tr co.jp co.uk com ae ca de eg es fr ie in it nl pl sa se sg".split()
_AMAZON = re.compile(rf"(?:[a-z0-9-]+\.)*amazon\.(?P<place>{'|'.join(map(re.escape, _PLACES))})")
_ALIAS = re.compile(r"(?P<base>[a-z0-9]{8,32})(?:\+(?P<case>[\w-]+))?")
_SYSTEM_NAME = re.compile(r"do-?not-?reply|no-?reply|(?:auto|seller|order|payments?|mailer)-[\w-]+|returns?|postmaster")
_PLATFORM_NAME = re.compile(rf"(?:{_SYSTEM_NAME.pattern}|transactions?|billing|ebay|etsy|support|news\w*|emails?|noreply\S*)")
_PLATFORMS = (
    ("ebay", re.compile(r"(?:.+\.)?ebay\.(?:[a-z]{2,3}|com?\.[a-z]{2})")),
    ("etsy", re.compile(r"(?:.+\.)?etsy\.com")),
)
_FAILED = re.compile(r"\b(?:spf|dkim|dmarc)\s*=\s*fail\b", re.IGNORECASE)
_PASSED = re.compile(r"\bdmarc\s*=\s*pass\b", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>@,;:\"()]+@[^\s<>@,;:\"()]+")
# Letters that look like Latin ones; accents are taken off by decomposition.
_LOOKALIKES = str.maketrans("аɑαоοσ0мνпηзɜ4", "aaaoooomvnnzza")
_CJK_NAME = re.compile("アマゾン|亚马逊|亞馬遜")
_OTHER_WORDS = frozenset(("amazonas", "amazonia", "amazone", "amazonses", "amazonaws"))


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a mail.

    Parameters
    ----------
    address
        Lower case; for a buyer behind Amazon's alias without the case id.
    name
        As displayed.
    case
        The Seller Central case id of an alias, "" where there is none.
    place
        "de", "co.uk" ... where the address is Amazon's own, else "".
    is_alias
        Whether it is a buyer behind Amazon's alias.
    channel
        amazon, ebay, etsy or mail.
    """

    address: str
    name: str = ""
    case: str = ""
    place: str = ""
    is_alias: bool = False
    channel: str = "mail"

    @property
    def is_platform_itself(self) -> bool:
        """Whether it is a machine of eBay or Etsy, not one of their members."""
        return self.channel in ("ebay", "etsy") and bool(_PLATFORM_NAME.fullmatch(self.address.partition("@")[0]))


def sender_of(mail: Mail) -> Party:
    """Return who sent a mail.

    Raises
    ------
    Unreadable
        Where no sender is named, or several of whom one is not Amazon.
    """
    addresses = [address for value in headers(mail, "From", raw=True) for address in _addresses(value)]
    if not addresses:
        raise Unreadable("From", header(mail, "From"), "no sender's address; expected one like name@example.com")
    # In "x@marketplace.amazon.de <y@evil.com>" the first address is only a name.
    name = re.sub(r"<[^<>]*>\s*$", "", header(mail, "From")).strip(' "')
    parties = [_party(address, "" if name.lower() == address else name) for address in addresses]
    if len({bool(party.place) for party in parties}) > 1:
        raise Unreadable("From", header(mail, "From"), "imitates Amazon: two senders, one of them elsewhere")
    return parties[0]


def recipients(mail: Mail, *names: str) -> list[Party]:
    """Return to whom a mail went, by the headers of these names; by all that tell, where none is named."""
    values = [value for name in names or ("To", "Cc") for value in headers(mail, name, raw=True)]
    return [_party(address, "") for value in values for address in _addresses(value)]


def check_sender(mail: Mail, sender: Party, *, outgoing: bool) -> None:
    """Refuse a sender who only looks like Amazon.

    Raises
    ------
    Unreadable
        Where the domain or the name imitates Amazon, or the receiving server found the sender forged.
    """
    results = headers(mail, "Authentication-Results")
    # A forwarded mail fails spf and may still carry Amazon's signature: dmarc has the last word.
    if sender.place and any(map(_FAILED.search, results)) and not _PASSED.search(results[0]):
        raise Unreadable("From", sender.address, "imitates Amazon: the sender's proof (spf, dkim, dmarc) failed")
    # A seller may well call himself "Amazon team" in what he sends.
    if reason := imitation(sender, by_name=not outgoing):
        raise Unreadable("From", f"{sender.name} <{sender.address}>", reason)


def imitation(party: Party, *, by_name: bool = True) -> str:
    """Say why an address or name only looks like Amazon's, "" where it does not."""
    domain = party.address.rpartition("@")[2]
    if party.place or party.channel != "mail":
        return ""
    if _looks_like_amazon(domain):
        return f"imitates Amazon: {domain} is not a domain of Amazon"
    named = by_name and _looks_like_amazon(party.name)
    return f"imitates Amazon: named Amazon, but sent from {domain}" if named else ""


def party_of(address: str) -> Party:
    """Return what an address tells by itself."""
    return _party(address, "")


def _addresses(value: str) -> Iterator[str]:
    found = [address for _, address in getaddresses([value]) if _ADDRESS.fullmatch(address)]
    yield from (address.lower() for address in found or _ADDRESS.findall(value)[-1:])


def _party(address: str, name: str) -> Party:
    local, _, domain = address.lower().strip().rpartition("@")
    amazon = _AMAZON.fullmatch(domain)
    if not amazon:
        channel = next((channel for channel, pattern in _PLATFORMS if pattern.fullmatch(domain)), "mail")
        return Party(address.lower(), name, channel=channel)
    if domain == f"marketplace.amazon.{amazon['place']}" and not _SYSTEM_NAME.fullmatch(local):
        alias = _ALIAS.fullmatch(local)
        base, case = (alias["base"], alias["case"] or "") if alias else (local, "")
        return Party(f"{base}@{domain}", name, case, amazon["place"], is_alias=True, channel="amazon")
    return Party(address.lower(), name, place=amazon["place"], channel="amazon")


def _looks_like_amazon(text: str) -> bool:
    letters = unicodedata.normalize("NFKD", _unpunycoded(text.casefold())).translate(_LOOKALIKES)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter)).replace("rn", "m")
    words = [word for word in re.findall(r"[a-z]+", plain) if word not in _OTHER_WORDS]
    return any("amazon" in word or _one_letter_off(word, "amazon") for word in words) or bool(_CJK_NAME.search(text))


def _unpunycoded(domain: str) -> str:
    def decode(match: re.Match[str]) -> str:
        try:
            return match[1].encode().decode("punycode")
        except UnicodeError:
            return match[0]

    return re.sub(r"xn--([a-z0-9-]+)", decode, domain)


def _one_letter_off(word: str, name: str) -> bool:
    """Say whether one letter was changed, left out, added, or swapped with the next."""
    if len(word) == len(name):
        off = [i for i in range(len(name)) if word[i] != name[i]]
        return len(off) == 1 or (len(off) == 2 and off[1] == off[0] + 1 and sorted(word) == sorted(name))
    short, long = sorted((word, name), key=len)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
