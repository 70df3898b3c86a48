"""Labelled messages, as `training/corpus` keeps them: one JSON object a line, one file a language."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triage_ml.errors import TrainingDataError
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One row to learn from.

    `group` holds together what must not be torn apart between learning and measuring: one writer in one language.
    `replies` are acceptable template ids, best first. `follow_up` says that it goes on with an earlier message,
    `photo` that a photo came with it. `voice` is how
    it was written (message, comment, review ...). `weight` is how much it counts in learning. `fresh` says that nobody
    who wrote cues has read it, so that it tells how well the cues do on texts to come.
    `votes` say, of a shop's row, what is known for (above 0) or against (below 0) single templates, in texts of the corpus;
    of all others nothing is known. None where `replies` names all that are acceptable.
    """

    id: str
    lang: str
    text: str
    claim: Claim
    abuse: bool
    group: str
    replies: tuple[str, ...] = ()
    follow_up: bool = False
    personalised: bool | None = None
    photo: bool = False
    voice: str = ""
    product: str = ""
    weight: float = 1.0
    fresh: bool = False
    votes: tuple[tuple[str, float], ...] | None = field(default=None, repr=False)


def load_corpus(folder: Path) -> list[LabelledText]:
    """Read every `*.jsonl` of a folder, sorted by name.

    Raises
    ------
    TrainingDataError
        Names the file, the line and the field of the first row that cannot be learned from.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise TrainingDataError(
            f"{folder}: found no .jsonl file; expected labelled messages, one file a language. "
            "Run this in a checkout of the project, or give --corpus DIR."
        )
    return [row for path in paths for row in load_labelled(path)]


def load_labelled(path: Path) -> list[LabelledText]:
    """Read one file of labelled texts; errors as in `load_corpus`."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(
            f"{path}: cannot be read ({error}); expected labelled texts in UTF-8, one JSON a line."
        ) from error
    return [_labelled(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _labelled(path: Path, number: int, line: str) -> LabelledText:
    try:
        row: dict[str, Any] = json.loads(line)
        text, lang = row["text"], row["lang"]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("text is empty")
        if lang not in LANGUAGES:
            raise ValueError(f"lang is {lang!r}, expected one of {', '.join(LANGUAGES)}")
        if not isinstance(row["abuse"], bool):
            raise ValueError(f"abuse is {row['abuse']!r}, expected true or false")
        return LabelledText(
            id=str(row.get("id", number)),
            lang=lang,
            text=text,
            claim=Claim(row["claim"]),
            abuse=row["abuse"],
            group=f"{lang} {row.get('writer', 'unknown')}",
            replies=tuple(row.get("replies", ())),
            follow_up=row.get("stage") == "followup",
            personalised=row.get("personalised"),
            photo=bool(row.get("photo", False)),
            voice=row.get("voice", ""),
            product=row.get("product", ""),
            fresh=bool(row.get("fresh", False)),
        )
    except KeyError as error:
        raise TrainingDataError(f"{path}, line {number}: found no {error}; see training/corpus/README.md.") from error
    except (ValueError, TypeError) as error:
        raise TrainingDataError(f"{path}, line {number}: {error}; see training/corpus/README.md.") from error


def data_hash(rows: Iterable[LabelledText]) -> str:
    """Return the SHA-256 over every row in order, so that a model tells what it was trained on."""
    digest = hashlib.sha256()
    for row in rows:
        # Apart from the rest, so that rows without votes hash as they did before there were any.
        digest.update((repr(row) + ("" if row.votes is None else repr(row.votes))).encode())
    return digest.hexdigest()


def group_counts(rows: Iterable[LabelledText]) -> dict[str, dict[str, int]]:
    """Count rows per language and claim."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        per_claim = counts.setdefault(row.lang, {c.value: 0 for c in Claim})
        per_claim[row.claim.value] += 1
    return counts
