"""Measure the ranking of replies on writers held out from learning, beside three baselines.

    python training/evaluate_replies.py [--folds N] [--write]

Everything is learned without the writers that are measured: claim, abuse, thresholds, replies. A suggestion is right where
the writer named it as acceptable. N fifths of the writers are measured, each takes about a minute. `--write` keeps the table
in training/goals-replies.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_ml.corpus import LabelledText, data_hash, load_corpus
from triage_ml.learning import deal, fit, load_parameters
from triage_ml.messages import Message, Money, OrderLine
from triage_ml.policy import load_policy
from triage_ml.replies.library import load_templates
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.triage import Assessment, Triage

HERE = Path(__file__).resolve().parent
NEIGHBOURS = 10


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows, parameters, policy = load_corpus(HERE / "corpus"), load_parameters(HERE / "params.toml"), load_policy()
    fold = deal([r.group for r in rows], parameters.folds)
    hits: dict[str, list[Sequence[bool]]] = {}
    for k in range(given.folds):
        learned = [row for row, f in zip(rows, fold, strict=True) if f != k]
        measured = [row for row, f in zip(rows, fold, strict=True) if f == k]
        classifier, _ = fit(learned, parameters)
        triage = Triage(classifier, policy, ReplyRanker(load_templates(), policy))
        assessed = triage.assess_many([message(row) for row in measured])
        for name, suggested in {
            "learned, with conditions (the product)": names(assessed),
            "the same, nothing known but the text": names(triage.assess_many([Message("1", r.text) for r in measured])),
            "learned, without conditions": [best(a.prediction.replies) for a in assessed],
            "most frequent for the judged claim": frequent(learned, assessed),
            f"text similarity alone (TF-IDF, {NEIGHBOURS} nearest)": similar(learned, measured),
            "rules alone (first template of the recommended remedy)": by_rule(triage, assessed),
        }.items():
            right = [[s in row.replies for s in some[:3]] + [False] * 3 for row, some in zip(measured, suggested, strict=True)]
            hits.setdefault(name, []).extend(line[:3] for line in right)
    text = (
        f"Corpus {data_hash(rows)[:12]}, {len(next(iter(hits.values()))):,} texts of held-out writers, "
        "`python training/evaluate_replies.py`:\n\n| ranking | first acceptable (goal 0.75) | one of three (0.93) "
        "| mean reciprocal rank over three (0.83) |\n|---|---|---|---|\n"
    ) + "".join(
        f"| {name} | {' | '.join(f'{value:.2f}' for value in figures(np.array(lines)))} |\n" for name, lines in hits.items()
    )
    print(text)
    if given.write:
        (HERE / "goals-replies.md").write_text(text, "utf-8")


def message(row: LabelledText) -> Message:
    """Return a row as the message of an order that says whether the goods were personalised."""
    order = OrderLine("1", paid=Money(Decimal(30), "EUR"), personalised=row.personalised)
    return Message(row.id, row.text, order=order, attachments=("photo.jpg",) if row.photo else ())


def figures(right: np.ndarray) -> tuple[float, float, float]:
    """Return share right first, share right among three, mean reciprocal rank; `right` of shape (n, 3)."""
    return float(right[:, 0].mean()), float(right.any(axis=1).mean()), float((right / [1, 2, 3]).max(axis=1).mean())


def names(assessed: Sequence[Assessment]) -> list[list[str]]:
    """Return the suggested template ids."""
    return [[s.template_id for s in a.replies] for a in assessed]


def best(replies: dict[str, float]) -> list[str]:
    """Return the template ids, most probable first."""
    return sorted(replies, key=lambda name: -replies[name])


def frequent(learned: Sequence[LabelledText], assessed: Sequence[Assessment]) -> list[list[str]]:
    """Suggest what texts of the judged claim were answered with most often."""
    counts: dict[str, dict[str, float]] = {}
    for row in learned:
        for name in row.replies:
            counts.setdefault(row.claim, {}).setdefault(name, 0)
            counts[row.claim][name] += 1
    return [best(counts[a.prediction.claim]) for a in assessed]


def similar(learned: Sequence[LabelledText], measured: Sequence[LabelledText]) -> list[list[str]]:
    """Suggest what the most similar texts were answered with."""
    vectoriser = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3, dtype=np.float32)
    known = vectoriser.fit_transform([r.text for r in learned])
    found = []
    for start in range(0, len(measured), 500):
        likeness = (vectoriser.transform([r.text for r in measured[start : start + 500]]) @ known.T).toarray()
        for line in likeness:
            votes: dict[str, float] = {}
            for i in np.argsort(-line)[:NEIGHBOURS]:
                for name in learned[i].replies:
                    votes[name] = votes.get(name, 0) + float(line[i])
            found.append(best(votes))
    return found


def by_rule(triage: Triage, assessed: Sequence[Assessment]) -> list[list[str]]:
    """Suggest the templates that carry the recommended remedy and answer the judged claim, by name."""
    return [
        [
            t.id
            for t in triage.ranker.templates.values()
            if a.resolution.recommended.kind in t.remedies and a.prediction.claim in t.claims
        ]
        for a in assessed
    ]


if __name__ == "__main__":
    main()
