"""Files of buyers' messages, as long as you like: python benchmarks/messages.py 10000 out.csv [--seed 0].

Writes 1,000 to 10,000,000 rows as .csv, .jsonl or .parquet, in memory that does not grow; the same seed gives the same rows.
Texts are those of training/corpus, so length and languages are real. Numbers, names, dates, order facts and typing errors vary,
so that most rows differ; some texts come again letter for letter ("too small"), some are empty with a return reason, and a few
are empty without one, which no reader can take.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import accumulate, islice
from pathlib import Path

from triage_ml.corpus import LabelledText, load_corpus

CORPUS = Path(__file__).parents[1] / "training" / "corpus"
COLUMNS = (
    "message_id", "thread_id", "order_id", "sku", "product", "amount", "currency", "marketplace", "channel", "sent_at",
    "delivered_at", "personalised", "customisation", "reason_code", "text", "attachments",
)  # fmt: skip
Row = dict[str, str]

# Shares of all rows.
EMPTY = 0.05
REJECTED = 0.001
SHORT_AGAIN = 0.10
SENT_TWICE = 0.01
_SAME_ORDER = 0.2
_TYPING_ERROR = 0.15
_WITH_REASON = 0.2
_WITH_PHOTO = 0.15
_PERSONALISED = 0.6

_CHUNK = 5_000
_SHORT = 40  # characters
_SHORT_TEXTS = 200
_START = datetime(2026, 1, 1, tzinfo=UTC)
_MARKETS = {
    "en": (("us", "USD"), ("us", "USD"), ("uk", "GBP"), ("ca", "CAD")), "de": (("de", "EUR"),), "fr": (("fr", "EUR"),),
    "es": (("es", "EUR"), ("mx", "MXN")), "it": (("it", "EUR"),), "ja": (("jp", "JPY"),), "zh": (("us", "USD"),),
}  # fmt: skip
_FACTS = {  # the word before an order number, the words before a day, and how the day is written
    "en": ("Order", "it came on", "%d/%m/%Y"),
    "de": ("Bestellnummer", "angekommen am", "%d.%m.%Y"),
    "fr": ("Commande", "reçu le", "%d/%m/%Y"),
    "es": ("Pedido", "llegó el", "%d/%m/%Y"),
    "it": ("Ordine", "arrivato il", "%d/%m/%Y"),
    "ja": ("注文番号", "到着日", "%Y年%m月%d日"),
    "zh": ("订单号", "收到日期", "%Y年%m月%d日"),
}
_PRODUCTS = (
    ("MUG", "Name mug, 330 ml"), ("FRM", "Oak photo frame, engraved"), ("NCK", "Name necklace, gold plated"),
    ("SGN", "Slate door sign"), ("RNG", "Engraved ring, titanium"), ("CUT", "Cutting board, walnut"), ("PET", "Pet portrait"),
    ("BLK", "Photo blanket, 150 x 200 cm"), ("TSH", "T-shirt with your text"), ("LMP", "Moon lamp with photo"),
)  # fmt: skip
_REASONS = ("DEFECTIVE", "QUALITY_UNACCEPTABLE", "MISSING_PARTS", "DAMAGED_BY_CARRIER", "NOT_AS_DESCRIBED", "WRONG_SIZE",
            "UNWANTED_ITEM", "NO_REASON_GIVEN", "ORDERED_WRONG_ITEM", "SWITCHEROO")  # fmt: skip
_VARIES = re.compile(r"\d+|[^\W\d_]+")
_BY_CHARACTER = frozenset({"ja", "zh"})


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A text of the corpus, cut where it varies: `slots` are the positions of the pieces that are numbers or names."""

    text: str
    language: str
    photo: bool
    pieces: tuple[str, ...]
    slots: tuple[int, ...]


def rows(count: int, seed: int = 0, corpus: Path = CORPUS) -> Iterator[Row]:
    """Yield that many rows, keys as in `COLUMNS`; the rows of a shorter file are the first ones of a longer file."""
    chance = random.Random(seed)
    patterns = [_pattern(row) for row in load_corpus(corpus)]
    by_language: dict[str, list[_Pattern]] = {}
    for pattern in patterns:
        by_language.setdefault(pattern.language, []).append(pattern)
    short = [one for one in patterns if len(one.text) <= _SHORT and not one.slots]
    again = chance.sample(short, min(_SHORT_TEXTS, len(short)))
    # Few are written very often: the weights are Zipf's.
    weights = list(accumulate(1 / rank for rank in range(1, len(again) + 1)))
    pattern, order, text = patterns[0], _order(chance, 0, patterns[0].language), patterns[0].text
    for number in range(count):
        kind = chance.random()
        if kind < SHORT_AGAIN and again:
            pattern = chance.choices(again, cum_weights=weights)[0]
            order, text = _order(chance, number, pattern.language), pattern.text
        elif kind < SHORT_AGAIN + _SAME_ORDER:
            if kind >= SHORT_AGAIN + SENT_TWICE:
                pattern = chance.choice(by_language[pattern.language])
                text = _varied(chance, pattern, order)
        else:
            pattern = chance.choice(patterns)
            order = _order(chance, number, pattern.language)
            text = _varied(chance, pattern, order)
        yield _row(chance, number, order, text, pattern.photo)


def texts(count: int, seed: int = 0, corpus: Path = CORPUS) -> list[str]:
    """Return that many texts that are not empty, as `rows` has them."""
    filled = (row["text"] for row in rows(count * 2 + 100, seed, corpus) if row["text"])
    return list(islice(filled, count))


def is_rejected(row: Row) -> bool:
    """Say whether the readers have to turn this row down: it holds neither a text nor a return reason."""
    return not row["text"] and not row["reason_code"]


def write(found: Iterable[Row], path: Path) -> None:
    """Write rows as CSV, JSONL or Parquet, as the ending says."""
    writers = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
    if path.suffix not in writers:
        raise SystemExit(f"{path}: found the ending {path.suffix!r}; expected one of {', '.join(writers)}.")
    writers[path.suffix](iter(found), path)


def _pattern(row: LabelledText) -> _Pattern:
    names = frozenset() if row.lang in _BY_CHARACTER else frozenset(_names(row.lang))
    pieces: list[str] = []
    slots, end = [], 0
    for match in _VARIES.finditer(row.text):
        word = match.group()
        if word.isdecimal() and word.isascii() or word[0].isupper() and word.lower() in names:
            slots.append(len(pieces) + 1)
            pieces += [row.text[end : match.start()], word]
            end = match.end()
    return _Pattern(row.text, row.lang, row.photo, (*pieces, row.text[end:]), tuple(slots))


@cache
def _names(language: str) -> tuple[str, ...]:
    lists = tomllib.loads((files("triage_ml") / "data" / "given_names.toml").read_text("utf-8"))
    return tuple(dict.fromkeys(lists[language].split()))


def _order(chance: random.Random, number: int, language: str) -> Row:
    stem, product = chance.choice(_PRODUCTS)
    marketplace, currency = chance.choice(_MARKETS[language])
    cents = chance.randrange(990, 12_000, 5)
    personalised = chance.random() < _PERSONALISED
    day = _START + timedelta(minutes=chance.randrange(300 * 24 * 60))
    engraved = f"{_name(chance, language)} & {_name(chance, language)} {day:%d.%m.%Y}"
    return {
        "thread_id": f"T-{number}",
        "order_id": f"{chance.randrange(100, 999)}-{chance.randrange(10**7):07}-{chance.randrange(10**7):07}",
        "sku": f"{stem}-{chance.randrange(40)}",
        "product": product,
        "amount": str(cents) if currency == "JPY" else f"{cents / 100:.2f}",
        "currency": currency,
        "marketplace": marketplace,
        "channel": "amazon",
        "delivered_at": day.isoformat(),
        "personalised": "yes" if personalised else "no",
        "customisation": engraved if personalised else "",
    }


def _row(chance: random.Random, number: int, order: Row, text: str, photo: bool) -> Row:
    sent_at = datetime.fromisoformat(order["delivered_at"]) + timedelta(minutes=chance.randrange(30 * 24 * 60))
    reason = chance.choice(_REASONS) if chance.random() < _WITH_REASON else ""
    kind = chance.random()
    if kind < EMPTY:
        text, reason = "", "" if kind < REJECTED else reason or _REASONS[0]
    pictured = photo or chance.random() < _WITH_PHOTO
    return {
        "message_id": f"M-{number}",
        **order,
        "sent_at": sent_at.isoformat(),
        "reason_code": reason,
        "text": text,
        "attachments": f"IMG_{chance.randrange(10_000):04}.jpg" if pictured and text else "",
    }


def _varied(chance: random.Random, pattern: _Pattern, order: Row) -> str:
    """Write a text anew: other numbers and names, perhaps a typing error; where nothing changed, something more at its end."""
    pieces = list(pattern.pieces)
    for slot in pattern.slots:
        word = pieces[slot]
        pieces[slot] = _number(chance, word) if word[0].isdigit() else _name(chance, pattern.language)
    text = "".join(pieces)
    if pattern.language not in _BY_CHARACTER and chance.random() < _TYPING_ERROR:
        text = _mistyped(chance, text)
    return text if text != pattern.text else _with_facts(chance, text, pattern.language, order)


def _number(chance: random.Random, digits: str) -> str:
    """Return a number of as many digits; years stay near our time."""
    if len(digits) == 4 and digits[:2] in ("19", "20"):
        return str(chance.randrange(1990, 2027))
    first = chance.choice("123456789") if digits[0] != "0" else "0"
    return first + "".join(chance.choices("0123456789", k=len(digits) - 1))


def _name(chance: random.Random, language: str) -> str:
    return chance.choice(_names(language)).title()


def _mistyped(chance: random.Random, text: str) -> str:
    """Swap, leave out or double a letter, one for every hundred letters or so."""
    for _ in range(1 + len(text) // 150):
        place = chance.randrange(max(1, len(text) - 1))
        here, after = text[place : place + 1], text[place + 1 : place + 2]
        if here.isalpha() and after.isalpha():
            text = text[:place] + chance.choice((after + here, after, here + here + after)) + text[place + 2 :]
    return text


def _with_facts(chance: random.Random, text: str, language: str, order: Row) -> str:
    """Add an order number, a day or a name."""
    number, came, form = _FACTS[language]
    day = datetime.fromisoformat(order["delivered_at"]).strftime(form)
    return chance.choice(
        (f"{text}\n{number} {order['order_id']}", f"{number} {order['order_id']}: {text}", f"{text} ({came} {day})",
         f"{text}\n{_name(chance, language)} {chance.choice('ABCDEFGHJKLMNPRSTVW')}.")
    )  # fmt: skip


def _write_csv(found: Iterator[Row], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(found)


def _write_jsonl(found: Iterator[Row], path: Path) -> None:
    with path.open("w", newline="\n", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)


def _write_parquet(found: Iterator[Row], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with pq.ParquetWriter(path, schema) as file:
        while chunk := list(islice(found, _CHUNK)):
            file.write_table(pa.Table.from_pylist(chunk, schema=schema))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="how many rows")
    parser.add_argument("path", type=Path, help="a file that ends in .csv, .jsonl or .parquet")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    write(rows(given.count, given.seed), given.path)


if __name__ == "__main__":
    main()
