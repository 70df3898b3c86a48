"""Measure what labelling the queue of the page "Label" brings, against labelling at random.

    python training/label_queue.py [--seeds N] [--write]

A shop is simulated by taking a family of products, writers or a language out of the corpus; a model learns a quarter of the
rest. Half of the shop's texts wait to be labelled, the other half is measured. Each strategy chooses its texts at once, with
the model that knows none of them, as the page does between two retrainings. `--write` puts the table into docs/labelling.md
and the figures into training/label-queue.json. It takes about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score

from triage_ml.classifier import CLAIMS, calibrated, capped, thresholds_from
from triage_ml.corpus import LabelledText, data_hash, group_counts, load_corpus
from triage_ml.evaluation import f1_by_claim
from triage_ml.learning import Parameters, Table, fit_experts, load_parameters, tabulate
from triage_ml.messages import Claim
from triage_ml.retraining.records import OWN_WEIGHT
from triage_ml.teaching import Candidate, Teaching, choose, value

HERE = Path(__file__).resolve().parent
PAGE, FIGURES = HERE.parent / "docs" / "labelling.md", HERE / "label-queue.json"
MARKS = ("<!-- queue -->", "<!-- /queue -->")
STEPS = (25, 50, 100, 200)
# From so many of the largest values those that teach most together are chosen, as on the page.
CONSIDERED = 300
ELECTRONICS = (
    "phone", "tablet", "laptop", "headphones", "earbuds", "camera", "monitor", "tv", "printer", "speaker", "charger",
    "power bank", "keyboard", "smartwatch", "router", "console", "drone", "e-reader",
)  # fmt: skip
CLOTHES = (
    "dress", "shoes", "sneakers", "t-shirt", "jeans", "jacket", "hoodie", "sandals", "sweater", "coat", "shirt", "boots",
    "trousers", "blouse", "socks", "hat", "skirt", "necklace", "ring", "bracelet", "earrings",
)  # fmt: skip
QUEUE = "unsure and rare, together"
COPIED, COPIES = 20, 10
# The model knows every so-many-th text of the others: a model that knows little shows sooner what labels bring.
EVERY = 4
# How each shop's texts fall into those that wait and those that are measured; the rule was chosen on split 0.
SPLITS = (1, 2)

Rows = Sequence[LabelledText]
Figures = dict[str, dict[int, dict[str, float]]]  # strategy, labels, measure


@dataclass(frozen=True)
class Said:
    """What the model that knows nothing of the shop says of a text."""

    language: str
    probabilities: Mapping[Claim, float]
    abuse: float


@dataclass(frozen=True)
class Shop:
    """A simulated shop.

    Parameters
    ----------
    name
        What it sells, or whose texts they are.
    own
        Which rows are its own.
    repeats
        Whether copies of a few texts are among those that wait.
    unknown
        Further rows that the model does not learn from.
    """

    name: str
    own: np.ndarray
    repeats: bool = False
    unknown: np.ndarray | bool = False


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.write and any(mark not in PAGE.read_text("utf-8") for mark in MARKS):
        sys.exit(f"{PAGE}: found no {' or no '.join(MARKS)}; expected both, with the table between. Nothing was measured.")
    rows, parameters = load_corpus(HERE / "corpus"), load_parameters(HERE / "params.toml")
    print(f"reading {len(rows):,} texts", flush=True)
    table, _, _ = tabulate(rows, parameters)
    tasks = [delayed(measured)(rows, table, parameters, shop, given.seeds) for shop in shops(rows)]
    found = dict(Parallel(n_jobs=2, verbose=10)(tasks))
    text = as_markdown(found, data_hash(rows))
    print(text)
    if given.write:
        FIGURES.write_text(json.dumps({"corpus": data_hash(rows), "seeds": given.seeds, "shops": found}, indent=1), "utf-8")
        before, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8")


def shops(rows: Rows) -> list[Shop]:
    """Return the simulated shops."""

    def family(names: Sequence[str]) -> np.ndarray:
        return np.array([any(f" {name} " in f" {row.product.lower()} " for name in names) for row in rows])

    def writers(*names: str) -> np.ndarray:
        return np.array([row.group in names for row in rows])

    def language(code: str) -> np.ndarray:
        return np.array([row.lang == code for row in rows])

    return [
        Shop("electronics, copies among the waiting", family(ELECTRONICS), repeats=True),
        Shop("clothes and jewellery", family(CLOTHES)),
        Shop("five European writers", writers("de w33", "es w36", "fr w35", "it w37", "en w29")),
        Shop("a new language: French", language("fr")),
        Shop("a new language: Japanese", language("ja")),
        Shop("English, and new to Japan", writers("en w31", "ja w34"), unknown=language("ja")),
    ]


def measured(rows: Rows, table: Table, parameters: Parameters, shop: Shop, seeds: int) -> tuple[str, Figures]:
    """Return, for one shop and every strategy, how well what is measured is judged after so many labels: mean of all splits."""
    others = np.flatnonzero(~(shop.own | shop.unknown))[::EVERY]
    found: list[Figures] = []
    for split in SPLITS:
        mixed = np.random.default_rng(split).permutation(np.flatnonzero(shop.own))
        waiting, test = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
        if shop.repeats:
            waiting = np.concatenate([waiting, np.repeat(waiting[:COPIED], COPIES)])
        start = scores(rows, table, parameters, others, waiting[:0], test)
        figures: Figures = {}
        for strategy, order in orders(rows, table, parameters, others, waiting, seeds).items():
            reached = [
                scores(rows, table, parameters, others, order[:step], test, with_abuse=step == STEPS[-1]) for step in STEPS
            ]
            figures[strategy] = dict(zip((0, *STEPS), (start, *reached), strict=True))
        found.append(figures)
    return shop.name, mean_of(found)


def mean_of(found: Sequence[Figures]) -> Figures:
    """Return the mean of several figures of the same shape."""
    return {
        strategy: {
            step: {name: float(np.mean([one[strategy][step][name] for one in found])) for name in measures}
            for step, measures in steps.items()
        }
        for strategy, steps in found[0].items()
    }


def orders(
    rows: Rows, table: Table, parameters: Parameters, others: np.ndarray, waiting: np.ndarray, seeds: int
) -> dict[str, np.ndarray]:
    """Return what each strategy would have labelled, in order."""
    said = judge(rows, table, parameters, others, waiting)
    teaching = Teaching(group_counts(rows[n] for n in others))
    unsure, rare = (np.array([worth(one) for one in said]) for worth in (value, teaching.value))
    found = {f"random {seed}": np.random.default_rng(seed + 1).permutation(waiting) for seed in range(seeds)}
    found |= {name: waiting[largest_first(values)] for name, values in (("unsure", unsure), ("unsure and rare", rare))}
    for name, values in (("unsure, together", unsure), (QUEUE, rare)):
        # The record lists by how unsure the model is, so these are considered.
        considered = [
            Candidate(str(n), rows[waiting[n]].text, float(values[n]), frozenset({rows[waiting[n]].product} - {""}))
            for n in largest_first(unsure)[:CONSIDERED]
        ]
        found[name] = waiting[[int(one.id) for one in choose(considered, STEPS[-1])]]
    return found


def largest_first(values: np.ndarray) -> np.ndarray:
    """Return positions, the largest value first."""
    return np.argsort(-values, kind="stable")


def judge(rows: Rows, table: Table, parameters: Parameters, others: np.ndarray, waiting: np.ndarray) -> list[Said]:
    """Return what a model learned from the others says of the waiting texts."""
    kept = json.loads((HERE.parent / "models" / "default" / "model.json").read_text("utf-8"))
    logits = [head.decision_function(table.matrix[waiting]) for head in learned(table, parameters, others, waiting[:0])]
    claims, abuse = calibrated(logits[0], logits[1], thresholds_from(kept["thresholds"]))
    abuse = capped(abuse, table.pointed[waiting])
    return [
        Said(rows[n].lang, dict(zip(CLAIMS, map(float, p), strict=True)), float(a))
        for n, p, a in zip(waiting, claims, abuse, strict=True)
    ]


def scores(
    rows: Rows, table: Table, parameters: Parameters, others: np.ndarray, own: np.ndarray, test: np.ndarray,
    *, with_abuse: bool = True,
) -> dict[str, float]:  # fmt: skip
    """Return macro-F1 over all measured texts and the mean of the languages' own, and average precision of abuse if wanted."""
    claim, abuse = learned(table, parameters, others, own, with_abuse=with_abuse)
    matrix, truth = table.matrix[test], table.claims[test]
    guess = claim.decision_function(matrix).argmax(axis=1)
    languages = np.array([rows[n].lang for n in test])
    return {
        "macro_f1": macro_f1(truth, guess),
        "language_mean": float(np.mean([macro_f1(truth[languages == x], guess[languages == x]) for x in set(languages)])),
        **(
            {"abuse_precision": float(average_precision_score(table.abuse[test], abuse.decision_function(matrix)))}
            if abuse
            else {}
        ),
    }


def macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """Return the mean F1 of the claims."""
    return float(np.mean([*f1_by_claim(truth, guess).values()]))


def learned(table: Table, parameters: Parameters, others: np.ndarray, own: np.ndarray, *, with_abuse: bool = True) -> tuple:
    """Return the claim head and, where wanted, the abuse head (else None), learned as retraining learns them."""
    part = table[np.concatenate([others, own])]
    weights = np.concatenate([np.ones(len(others)), np.full(len(own), OWN_WEIGHT)])
    rest = (parameters.cue_strength, parameters.vector_strength)
    claim = fit_experts(part.matrix, part.claims, part.widths, (parameters.strength, *rest), weights)
    if not with_abuse:
        return claim, None
    return claim, fit_experts(part.matrix, part.abuse, part.widths, (parameters.abuse_strength, *rest), weights)


def as_markdown(found: Mapping[str, Figures], sha256: str) -> str:
    """Return the gains over no label as Markdown: mean of the shops, then each shop after the most labels."""
    averaged = {shop: with_random(figures) for shop, figures in found.items()}
    lines = [f"Corpus {sha256[:12]}, `python training/label_queue.py`, {len(averaged)} shops:", ""]
    lines += [f"| labelled first | {' | '.join(f'{step} labels' for step in STEPS)} | abuse, {STEPS[-1]} labels |"]
    lines += ["|---" * (len(STEPS) + 2) + "|"]
    for strategy in next(iter(averaged.values())):
        means = [np.mean([gain(one[strategy], step) for one in averaged.values()]) for step in STEPS]
        abuse = np.mean([gain(one[strategy], STEPS[-1], "abuse_precision") for one in averaged.values()])
        lines.append(f"| {strategy} | {' | '.join(f'{100 * mean:+.1f}' for mean in (*means, abuse))} |")
    lines += ["", f"| shop | no label | random, {STEPS[-1]} labels | queue, {STEPS[-1]} labels |", "|---|---|---|---|"]
    for shop, figures in averaged.items():
        last = [100 * gain(figures[name], STEPS[-1]) for name in ("random", QUEUE)]
        lines.append(f"| {shop} | {figures[QUEUE][0]['macro_f1']:.3f} | {last[0]:+.1f} | {last[1]:+.1f} |")
    return "\n".join(lines) + "\n"


def with_random(figures: Figures) -> Figures:
    """Return figures with the random orders as one."""
    drawn = [{"random": steps} for name, steps in figures.items() if name.startswith("random")]
    return mean_of(drawn) | {name: steps for name, steps in figures.items() if not name.startswith("random")}


def gain(steps: Mapping[int, Mapping[str, float]], labels: int, measure: str = "macro_f1") -> float:
    """Return what so many labels brought."""
    return steps[labels][measure] - steps[0][measure]


if __name__ == "__main__":
    main()
