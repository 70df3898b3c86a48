"""Measure what a shop's decisions teach the ranking of replies: as they were made, and corrected for position.

    python training/reply_learning.py [--write]

A shop is simulated. Its past and its future are texts of writers that the model has not learned replies from; what the writers
named as acceptable is the truth. A person is shown the three replies that the model ranks highest, now and then sends the first
unread, else looks at each place with a certain probability and takes the first acceptable one, else writes a text of their
own. Two shops: one answers as the corpus does, one gives no money back where there is another way.

Only the reply experts are learned, from a part of the corpus, without the conditions of templates; claims come from models that
have not seen the writer. Intervals are of a bootstrap over the future's writers, decisions and persons are drawn three times.
`--write` puts the table into docs/retraining.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from triage_ml.corpus import LabelledText, data_hash, load_corpus
from triage_ml.learning import Parameters, Table, deal, held_out, load_parameters, tabulate
from triage_ml.reply_model import Circumstances, fit_replies, fitting, worth
from triage_ml.retraining.choosing import voted
from triage_ml.retraining.records import Choice, Origin, ShopRow

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "retraining.md"
MARKS = ("<!-- replies -->", "<!-- /replies -->")
STEPS = (200, 1000)
SEEDS = (0, 1, 2)
RESAMPLES = 2000
# Of so many parts of the writers one is the past, one the future, and the base learns from BASE others.
PARTS, BASE = 6, 2
# What a taking counts where nothing is corrected, as much as corrected on the average.
VOTE = 2.0
MONEY = frozenset({"q_full_refund", "s_accept_return", "m_refund_our_error"})
Acceptable = Callable[[LabelledText], Sequence[str]]


def with_money_last(row: LabelledText) -> Sequence[str]:
    """Return the acceptable replies that give no money back, where there are any."""
    return [name for name in row.replies if name not in MONEY] or row.replies


@dataclass(frozen=True)
class Person:
    """Somebody who answers: how likely the first reply is sent unread, else how likely each place is looked at."""

    unread: float
    looks: tuple[float, float, float]


PATIENT, HASTY = Person(0.1, (1.0, 0.5, 0.3)), Person(0.3, (1.0, 0.3, 0.15))
SHOPS: dict[str, tuple[Acceptable, Person]] = {
    "It answers as the corpus does": (lambda row: row.replies, PATIENT),
    "It gives no money back where there is another way": (with_money_last, PATIENT),
    "The same, and its people hardly look beyond the first": (with_money_last, HASTY),
}


@dataclass(frozen=True)
class World:
    """What is read once: the texts as numbers, what is judged of them, and which of them are base, past and future."""

    rows: list[LabelledText]
    table: Table
    ids: list[str]
    judged: tuple[np.ndarray, np.ndarray]
    beside: list[Circumstances]
    base: np.ndarray
    past: np.ndarray
    future: np.ndarray
    alpha: float

    def learn(
        self, more: Sequence[int] = (), replies: Sequence[list[float]] = (), known: Sequence[list[float]] = ()
    ) -> tuple[Any, Any]:
        """Return the reply experts, learned from the base and from `more` rows, of which that is known."""
        rows = np.concatenate([self.base, np.array(more, dtype=int)])
        told = (self.table.replies[rows], self.table.known[rows])
        if len(more):
            told[0][len(self.base) :, :-1], told[1][len(self.base) :, :-1] = replies, known
        said, beside = (self.judged[0][rows], self.judged[1][rows]), [self.beside[row] for row in rows]
        return fit_replies(self.table.matrix[rows], self.table.widths, *told, said, beside, self.alpha)

    def fits(self, experts: tuple[Any, Any], rows: np.ndarray) -> np.ndarray:
        """Return the probability of each template, shape (rows, templates)."""
        said, beside = (self.judged[0][rows], self.judged[1][rows]), [self.beside[row] for row in rows]
        return fitting(experts, self.table.matrix[rows], self.table.widths, said, beside)[0]


def world(corpus: Sequence[LabelledText], parameters: Parameters) -> World:
    """Deal the writers, read the texts, and judge what each claims by models that have not seen its writer."""
    part = deal([row.group for row in corpus], PARTS)
    order = [np.flatnonzero(np.isin(part, parts)) for parts in (range(2, 2 + BASE), [0], [1])]
    rows = [corpus[n] for n in np.concatenate(order)]
    ends = np.cumsum([len(one) for one in order])
    read = [*rows[: ends[0]], *(replace(row, votes=()) for row in rows[ends[0] :])]
    table, _, ids = tabulate(read, parameters)
    said = held_out(table, deal([row.group for row in rows], 3), parameters)
    beside = [Circumstances(row.personalised, row.photo) for row in rows]
    places = np.split(np.arange(len(rows)), ends[:-1])
    return World(rows, table, ids, (said.probabilities, said.abuse_probability), beside, *places, parameters.reply_alpha)


def decide(random: np.random.Generator, person: Person, shown: tuple[str, ...], acceptable: Sequence[str]) -> Choice:
    """Return what the person does, as the screen records it."""
    if random.random() < person.unread:
        return Choice(shown, shown[0], 0.0)
    for name, looks in zip(shown, person.looks, strict=True):
        if random.random() < looks and name in acceptable:
            return Choice(shown, name, float(random.choice([0.0, 0.1, 0.2])))
    # An own text is written over the first suggestion, which is open, or in an empty field.
    return Choice(shown, shown[0], 0.9) if random.random() < 0.5 else Choice(shown)


def as_made(rows: Sequence[ShopRow], expected: Sequence[dict[str, float]]) -> list[ShopRow]:
    """Return rows with a vote for what was taken, wherever it stood, and nothing else."""
    taken = [one.choice.taken if one.choice and (one.choice.edited or 0) <= 0.5 else "" for one in rows]
    return [
        replace(one, row=replace(one.row, votes=((name, VOTE),) if name else ())) for one, name in zip(rows, taken, strict=True)
    ]


METHODS = {"as they were made": as_made, "corrected for position": voted}


def one_shop(place: World, shop: str, seed: int) -> dict[tuple[int, str], np.ndarray]:
    """Return by number of decisions and method the rank of the first acceptable reply of each future text, 0 beyond three."""
    (acceptable, person), random = SHOPS[shop], np.random.default_rng(seed)
    start = place.learn()
    chosen = random.permutation(place.past)[: max(STEPS)]
    fits = place.fits(start, chosen)
    rows = []
    for n, line in zip(chosen, fits, strict=True):
        row, shown = place.rows[n], tuple(place.ids[t] for t in np.argsort(-line, kind="stable")[:3])
        rows.append(ShopRow(row, Origin.DECISION, choice=decide(random, person, shown, acceptable(row))))
    expected = [dict(zip(place.ids, line.tolist(), strict=True)) for line in fits]
    found = {(0, ""): ranks(place, start, acceptable)}
    for step in STEPS:
        for name, method in METHODS.items():
            told = [worth((), one.row.votes, place.ids) for one in method(rows[:step], expected[:step])]
            experts = place.learn(chosen[:step], [t[0] for t in told], [t[1] for t in told])
            found[step, name] = ranks(place, experts, acceptable)
    return found


def ranks(place: World, experts: tuple[Any, Any], acceptable: Acceptable) -> np.ndarray:
    """Return the rank of the first acceptable reply of each future text, 0 where none of three is."""
    best = np.argsort(-place.fits(experts, place.future), axis=1, kind="stable")[:, :3]
    right = np.array(
        [[place.ids[t] in acceptable(place.rows[n]) for t in line] for n, line in zip(place.future, best, strict=True)]
    )
    return np.where(right.any(axis=1), right.argmax(axis=1) + 1, 0)


def measured(place: World) -> dict[str, dict[tuple[int, str], np.ndarray]]:
    """Return for each shop what `one_shop` says, the seeds above each other: shape (seeds, future)."""
    jobs = [(shop, seed) for shop in SHOPS for seed in SEEDS]
    done = Parallel(n_jobs=2)(delayed(one_shop)(place, shop, seed) for shop, seed in jobs)
    by_shop: dict[str, list[dict[tuple[int, str], np.ndarray]]] = {}
    for (shop, _), found in zip(jobs, done, strict=True):
        by_shop.setdefault(shop, []).append(found)
    return {shop: {key: np.stack([one[key] for one in found]) for key in found[0]} for shop, found in by_shop.items()}


def as_table(place: World, found: dict[str, dict[tuple[int, str], np.ndarray]], sha256: str) -> str:
    """Return the figures as Markdown."""
    random = np.random.default_rng(0)
    writers = np.unique([place.rows[n].group for n in place.future], return_inverse=True)[1]
    members = [np.flatnonzero(writers == writer) for writer in range(writers.max() + 1)]
    draws = [np.concatenate([members[w] for w in random.integers(len(members), size=len(members))]) for _ in range(RESAMPLES)]
    lines = [
        f"Corpus {sha256[:12]}, `python training/reply_learning.py --write`: replies learned from {len(place.base):,} texts, "
        f"decisions from a past of {len(place.past):,}, measured on a future of {len(place.future):,}.\n"
    ]
    for shop, ranked in found.items():
        lines += [f"\n{shop}:\n\n", "| decisions | how they count | first acceptable | gain | MRR of three | gain |\n"]
        lines += ["|---|---|---|---|---|---|\n"]
        start = ranked[0, ""]
        for (step, method), after in ranked.items():
            cells = [cell for figure in (first, reciprocal) for cell in cells_of(figure(start), figure(after), draws, step)]
            lines.append(f"| {step:,} | {method} | {' | '.join(cells)} |\n")
    return "".join(lines)


def first(ranked: np.ndarray) -> np.ndarray:
    """Return of each text, over the seeds, how often the first reply is acceptable."""
    return np.asarray((ranked == 1).mean(axis=0))


def reciprocal(ranked: np.ndarray) -> np.ndarray:
    """Return of each text, over the seeds, the mean reciprocal rank."""
    return np.asarray(np.divide(1, ranked, where=ranked > 0, out=np.zeros(ranked.shape)).mean(axis=0))


def cells_of(start: np.ndarray, after: np.ndarray, draws: Sequence[np.ndarray], step: int) -> tuple[str, str]:
    """Return a figure, and what was gained, with its interval."""
    gain = after - start
    low, high = np.percentile([gain[rows].mean() for rows in draws], (2.5, 97.5))
    return f"{after.mean():.3f}", f"{gain.mean():+.3f} [{low:+.3f}, {high:+.3f}]" if step else ""


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    corpus = load_corpus(HERE / "corpus")
    place = world(corpus, load_parameters(HERE / "params.toml"))
    text = as_table(place, measured(place), data_hash(corpus))
    print(text)
    if given.write:
        before, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8")


if __name__ == "__main__":
    main()
