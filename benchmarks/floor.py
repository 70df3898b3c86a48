"""The least that scoring a file can cost: python benchmarks/floor.py IN.csv RESULT.csv OUT.csv [--tokeniser spacy|pattern].

Reads every message as the product does (`read_messages`), cuts its text into tokens, and writes one full result row for each:
the rows of RESULT.csv, which `triage-ml score` wrote before, in turn, so that columns and bytes are the real ones. No language
is detected, no cue looked for, nothing judged. The tokens are spaCy's with their norms, the ones the product's cues are written
for; Japanese and Chinese are cut into characters. `--tokeniser pattern` takes one regular expression for all instead.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from triage_ml.messages import Message
from triage_ml.readers import read_messages

_BY_CHARACTER = re.compile(r"[぀-ヿ㐀-鿿]")
_CHARACTERS = re.compile(r"\d+|[a-zA-ZÀ-ÿ]+|\S")
_TOKENS = re.compile(r"\w+|[^\w\s]")
_LANGUAGES = {"de": "de", "fr": "fr", "es": "es", "mx": "es", "it": "it"}
_RESULT_ROWS = 1_000
_CHUNK = 512


def main() -> None:
    """Read, tokenise, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--tokeniser", choices=("spacy", "pattern"), default="spacy")
    given = parser.parse_args()
    copy_through(given.messages, given.result, given.output, spacy_tokens if given.tokeniser == "spacy" else pattern_tokens)


def copy_through(messages: Path, result: Path, output: Path, tokens: Callable[[Message], list[str]]) -> int:
    """Do what the file's docstring says, and return how many messages went through."""
    with result.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        columns, some = list(table.fieldnames or ()), list(islice(table, _RESULT_ROWS))
    count, rows = 0, cycle(some)
    with output.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, columns)
        out.writeheader()
        for chunk in _chunks(read_messages(messages, on_reject=lambda _: None)):
            for message in chunk:
                tokens(message)
            out.writerows(islice(rows, len(chunk)))
            count += len(chunk)
    return count


def spacy_tokens(message: Message) -> list[str]:
    """Return spaCy's tokens in the language of the marketplace; characters where the text is Japanese or Chinese."""
    if _BY_CHARACTER.search(message.text):
        return _CHARACTERS.findall(message.text)
    marketplace = message.order.marketplace if message.order else ""
    return [token.norm_ for token in _tokeniser(_LANGUAGES.get(marketplace, "en"))(message.text)]


def pattern_tokens(message: Message) -> list[str]:
    """Return runs of letters and digits, and single marks."""
    return _TOKENS.findall(message.text)


@cache
def _tokeniser(language: str) -> Callable[[str], Iterable[Any]]:
    import spacy

    return spacy.blank(language).tokenizer


def _chunks(messages: Iterator[Message]) -> Iterator[list[Message]]:
    while chunk := list(islice(messages, _CHUNK)):
        yield chunk


if __name__ == "__main__":
    main()
