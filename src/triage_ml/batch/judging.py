"""What is done with one chunk of messages: judged, made rows, made bytes. The same here and in a worker process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field

from triage_ml.batch.files import FORMS
from triage_ml.batch.rows import to_row
from triage_ml.classifier import Judge, Prediction
from triage_ml.messages import Message
from triage_ml.reply_model import Circumstances
from triage_ml.triage import Assessment, Triage

_REMEMBERED = 4096  # predictions; some 30 MB
_SHORT = 200  # characters; what is longer is hardly ever written twice

_Key = tuple[str, str, Circumstances]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one chunk.

    Parameters
    ----------
    body
        The rows as bytes of the result.
    rows
        How many they are.
    categories, languages
        How often each was found.
    failed
        Which messages could not be judged, by their place in the chunk, and why.
    assessments
        All that was found, where that was asked for.
    """

    body: bytes
    rows: int
    categories: Counter[str]
    languages: Counter[str]
    failed: list[tuple[int, str]] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)


class Judging:
    """Judges chunks.

    Parameters
    ----------
    triage
        What assesses.
    ending
        One of `ENDINGS`: what the rows are to become part of.
    with_assessments
        Whether they are wanted back, beside the bytes.
    """

    def __init__(self, triage: Triage, ending: str, with_assessments: bool = False) -> None:
        self._triage, self._ending, self._with_assessments = copy(triage), ending, with_assessments
        self._triage.judge = Remembering(triage.judge)

    def __call__(self, messages: Sequence[Message]) -> Judged:
        """Judge some messages."""
        assessments, failed = self._assessed(messages)
        rows = [to_row(one) for one in assessments]
        return Judged(
            FORMS[self._ending].encode(rows) if rows else b"",
            len(rows),
            Counter(one.category.value for one in assessments),
            Counter(one.prediction.language for one in assessments),
            failed,
            assessments if self._with_assessments else [],
        )

    def _assessed(self, messages: Sequence[Message]) -> tuple[list[Assessment], list[tuple[int, str]]]:
        """Assess all at once; where that fails, one by one, so that one message nobody foresaw does not cost the others."""
        try:
            return self._triage.assess_many(messages), []
        except Exception:  # noqa: BLE001 - whatever it is, it is met again below, with the message it belongs to
            found, failed = [], []
            for place, message in enumerate(messages):
                try:
                    found.append(self._triage.assess(message))
                except Exception as error:  # noqa: BLE001
                    failed.append((place, f"cannot be judged ({type(error).__name__}: {str(error)[:120]})"))
            return found, failed


class Remembering:
    """A judge that judges the same text once: "Where is my order?" comes every day.

    A look costs a thousandth of judging, so that one text in some hundreds that comes again is enough to pay.

    Parameters
    ----------
    judge
        What judges the others.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge, self.version = judge, judge.version
        self._known: dict[_Key, Prediction] = {}

    def predict_many(
        self,
        texts: Sequence[str],
        hints: Sequence[str] | None = None,
        circumstances: Sequence[Circumstances] | None = None,
    ) -> list[Prediction]:
        """Judge n texts, as `triage_ml.classifier.Judge` does."""
        keys = list(zip(texts, hints or [""] * len(texts), circumstances or [Circumstances()] * len(texts), strict=True))
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        found = dict(zip(new, self.judge.predict_many(*map(list, zip(*new, strict=True))), strict=True)) if new else {}
        answers = [found.get(key) or self._known[key] for key in keys]
        self._known.update((key, found[key]) for key in new if len(key[0]) <= _SHORT)
        while len(self._known) > _REMEMBERED:  # the oldest go first
            del self._known[next(iter(self._known))]
        return answers
