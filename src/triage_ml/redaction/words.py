"""The words by which personal data is found, from data/redaction.toml, ready to be matched.

Patterns are matched in a text in which every character was replaced by its plain form, one for one, so that places stay places.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from triage_ml.letters import bare_letter

_HAN = "\u3005\u3006\u3400-\u9fff"
_KATAKANA = "\u30a1-\u30fa\u30fc"
_KANA = "\u3041"  # where Japanese and Chinese begin
_PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord(sign): same
    for signs, same in (("’‘ʼ´`", "'"), ("‐‑‒–−", "-"), ("\u00a0\u2007\u2009\u202f\u3000", " "), ("“”„‟«»", '"'))
    for sign in signs
}
_QUOTED = r'"[^"\n]{1,80}"|「[^」\n]{1,80}」|『[^』\n]{1,80}』|(?<!\w)\'[^\'\n]{1,60}\'(?!\w)'
_CAPITALS = "".join(letter for letter in map(chr, range(0x250)) if letter.isupper())
_WORD = rf"(?:[{_CAPITALS}]\.|(?:[dDlLO]')?[{_CAPITALS}]\w{{0,40}}(?:['\-]\w{{1,40}}){{0,3}})"
_LINK = r"(?:de|von|van|der|den|di|da|del|della|la|le|y|und|and|et|e|&|\+|/)"
_NAME = rf"(?<!\w){_WORD}(?: (?:{_LINK} ){{0,2}}{_WORD}){{0,3}}"
_SMALL = r"(?<!\w)[^\W\d_]{2,40}(?=\s*(?:[.,!;:()\n]|$))"
_CAPITAL_WITHIN = rf"[\w,;:(] ?(?-i:(?![{_CAPITALS}]{{2}}))<capital>"
_ROMAN = r"(?<![A-Za-z])[A-Za-z]{2,15}(?![A-Za-z])"
_EASTERN = {
    "ja": rf"[{_HAN}]{{2,5}}|[{_KATAKANA}]{{2,10}}|{_ROMAN}",
    "zh": rf"{_ROMAN}|[{_HAN}·]{{2,3}}(?=[\s,.。!?、;)(\"]|$)",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What data/redaction.toml says for one language, and for all together; in a pattern the group `name` is what counts."""

    says: tuple[re.Pattern[str], ...]
    hints: tuple[re.Pattern[str], ...]
    engraving: re.Pattern[str]
    occasion: re.Pattern[str]
    quoted: re.Pattern[str]
    given: re.Pattern[str]
    address: tuple[re.Pattern[str], ...]
    order: re.Pattern[str]
    number: re.Pattern[str]
    phone: re.Pattern[str]
    labels: re.Pattern[str]
    loose_labels: re.Pattern[str]
    text_labels: re.Pattern[str]
    regions: tuple[str, ...]
    given_names: frozenset[str]
    other: frozenset[str]
    engraved: frozenset[str]

    def is_personal_field(self, label: str) -> bool:
        """Say whether a field of an order with this label may hold personal data: not so a size or a font."""
        loose = self.loose_labels.search(label) and not self.text_labels.search(label)
        return not self.labels.search(label) and not loose

    def is_other(self, word: str) -> bool:
        """Say whether a word is known to be no name; a Japanese or Chinese one also by how it begins or one character of it."""
        if word.lower() in self.other:
            return True
        parts = [*(word[:n] for n in range(2, len(word))), *word] if word[:1] >= _KANA else []
        return any(part in self.other for part in parts)

    def is_common(self, word: str) -> bool:
        """Say whether a word is known to be no name, or one that engravings are full of."""
        if word.isascii() or word[0] < _KANA:
            return self.is_other(word) or word.lower() in self.engraved
        return self.is_other(word) or any(part in word for part in self.engraved if part > _KANA)


def plain(text: str) -> tuple[str, str]:
    """Return the text in NFC, and the same with plain quotes, blanks, dashes, digits and letters, one for one."""
    text = unicodedata.normalize("NFC", text)
    return text, text.translate(_PLAIN)


def fold(text: str) -> str:
    """Return the text in small letters without accents, one character for one."""
    return text.lower() if text.isascii() else "".join(map(bare_letter, text))


@cache
def load_words(language: str) -> Words:
    """Return the words of one of `triage_ml.language.LANGUAGES`."""
    data, own = _data(), _data()[language]
    slots, eastern = _slots(language), language in _EASTERN
    says = own["says"] if eastern else [*own["says"], *_around_text(own["greeting"], own["closing"])]
    if not own["nouns_in_capitals"]:
        says = [*says, _CAPITAL_WITHIN]
    return Words(
        says=tuple(_phrase(phrase, slots, eastern) for phrase in says),
        hints=tuple(_phrase(phrase, slots, eastern) for phrase in own["hints"]),
        engraving=_any(own["engraving"], whole=not eastern),
        occasion=_any(own["occasion"], whole=not eastern),
        quoted=re.compile(f"(?P<name>{_QUOTED})"),
        given=_given(language, own["nouns_in_capitals"]),
        address=tuple(re.compile(entry) for entry in own["address"]),
        order=_before_number(data["order"], r"(?![^\W\d_])[^\d\n]{0,14}?(?P<name>\d[\d-]{5,}|#\s?\d{3,})"),
        number=_before_number(data["number"], r"[^\n]{0,12}?(?P<name>(?:[A-Z]{1,4}-?)?\d[\dA-Z-]{3,})"),
        phone=_any(data["phone"], whole=False),
        labels=_beginning(data["labels"]),
        loose_labels=_beginning(data["loose_labels"]),
        text_labels=_any(data["text_labels"], whole=False),
        regions=tuple(data["regions"][language]),
        given_names=frozenset(fold(name) for entry in _data("given_names").values() for name in entry.split()),
        other=frozenset(own["other"].split()),
        engraved=frozenset(data["engraved"].split()),
    )


def _around_text(greeting: Iterable[str], closing: Iterable[str]) -> Iterator[str]:
    """Phrases for the name in the greeting, behind the closing, on a last line of its own, or as the last sentence."""
    yield rf"\A\s*(?:{'|'.join(greeting)}) <name>"
    yield rf"(?:{'|'.join(closing)})[\s,.!:;-]{{0,8}}<name>[\s.!x]{{0,8}}$"
    yield r"\n[\s~*-]{0,8}<name>\s{0,8}\Z"
    yield rf"[.,!?)…] (?-i:(?![{_CAPITALS}]{{4}}))<name>(?: x+)?\s{{0,8}}\Z"
    yield r"<full>[,\n] ?\x00"  # in front of an address that was found


def _before_number(words: Iterable[str], number: str) -> re.Pattern[str]:
    return re.compile(rf"(?i:(?<![a-z])(?:{'|'.join(words)})){number}")


def _given(language: str, nouns_in_capitals: bool) -> re.Pattern[str]:
    """Compile what may be a given name, with the family name behind it where capitals tell that."""
    if language in _EASTERN:
        return re.compile(f"(?P<given>{'|'.join(_data('given_names')[language].split())})(?P<family>)")
    family = "" if nouns_in_capitals else f"(?: (?:{_LINK} )?{_WORD})?"
    return re.compile(rf"(?<!\w)(?P<given>[{_CAPITALS}]\w{{1,40}})(?:-\w{{1,40}})?(?P<family>{family})")


@cache
def _data(name: str = "redaction") -> dict[str, Any]:
    return tomllib.loads((files("triage_ml") / "data" / f"{name}.toml").read_text("utf-8"))


def _slots(language: str) -> dict[str, str]:
    surnames = "|".join(sorted(_data()["surnames"].get(language, "").split(), key=len, reverse=True))
    name = _EASTERN.get(language, _NAME)
    return {
        "<name>": f"(?P<name>{_QUOTED}|{name})",
        "<capital>": f"(?P<name>{_NAME})",
        "<full>": rf"(?P<name>(?<!\w){_WORD}(?: {_WORD}){{1,3}})",
        "<word>": f"(?P<name>{_QUOTED}|{name}|{_SMALL})",
        "<quoted>": f"(?P<name>{_QUOTED})",
        "<roman>": f"(?P<name>{_ROMAN})",
        "<surname>": f"(?P<name>(?:{surnames})[{_HAN}]{{0,3}})",
    }


def _phrase(source: str, slots: dict[str, str], eastern: bool) -> re.Pattern[str]:
    """Compile a phrase: capitals count in the slot only, and European words are whole."""
    parts = re.split(r"(<\w+>)", source)
    pattern = "".join(slots.get(part) or (f"(?i:{part})" if part else "") for part in parts)
    if eastern:
        return re.compile(pattern, re.MULTILINE)
    before = r"(?<!\w)" if re.match(r"(?:\(\?:)?[^\W\d_]", source) else ""
    behind = r"(?!\w)" if parts[-1][-1:].isalpha() else ""
    return re.compile(before + pattern + behind, re.MULTILINE)


def _any(entries: Iterable[str], *, whole: bool) -> re.Pattern[str]:
    pattern = "|".join(entries)
    return re.compile(rf"\b(?:{pattern})\b" if whole else pattern, re.IGNORECASE)


def _beginning(entries: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-zß-ÿ])(?:{'|'.join(entries)})", re.IGNORECASE)
