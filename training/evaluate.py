"""Measure every goal of the project and write the table that README.md and the model card show.

    python training/evaluate.py [--real FILE.jsonl] [--benchmarks DIR] [--encoder WHERE] [--report DIR] [--write]

Without options it measures what the repository holds: writers held out from learning, `training/heldout`, learning curves
and a shop that corrects 200 cases. `--real` adds labelled texts that are not in the repository, `--benchmarks` a folder with
Banking77 and CLINC150 (`banking77/{train,test}.csv`, `clinc150/data_full.json`). `--encoder` adds an English
sentence encoder. `--write` puts the table into training/goals.md and README.md (with an encoder: training/goals-encoder.md);
rows that were not measured are left out. For one model and files of your own there is `triage-ml evaluate`.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from triage_ml import evaluation
from triage_ml.corpus import LabelledText, data_hash, load_corpus, load_labelled
from triage_ml.encoders import Encoder, open_encoder
from triage_ml.evaluation import f1_by_claim
from triage_ml.evaluation_report import Curve, Section, write_report
from triage_ml.features import cue_columns, make_features, with_vectors
from triage_ml.learning import Parameters, Table, deal, fit, fit_experts, held_out, load_parameters, tabulate
from triage_ml.retraining.records import OWN_WEIGHT
from triage_ml.text import read_many

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
GOALS = HERE / "goals.md"
MARKS = ("<!-- goals -->", "<!-- /goals -->")
SHARES = (0.125, 0.25, 0.5, 1.0)
STEPS = (0, 50, 100, 200)
SHOPS = ("en w31", "zh w32", "fr w35")

Row = tuple[str, str, str]  # measured on, goal, figure


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path)
    parser.add_argument("--benchmarks", type=Path)
    parser.add_argument("--encoder")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()

    rows, parameters = load_corpus(HERE / "corpus"), load_parameters(HERE / "params.toml")
    encoder = open_encoder(given.encoder, ["en"]) if given.encoder else None
    classifier, judged = fit(rows, parameters, lambda what: print(what, flush=True), encoder)
    writers = Section("writers held out from learning", evaluation.evaluate(rows, judged), judged)
    others = {}
    for name, path in (("hard written English", HERE / "heldout" / "en.jsonl"), ("real shopper texts", given.real)):
        if path:
            texts = load_labelled(path)
            said = classifier.predict_many([r.text for r in texts])
            found = evaluation.judged(texts, said)
            others[name] = Section(name, evaluation.evaluate(texts, found), found, evaluation.errors(texts, said))
    print("learning curves", flush=True)
    table, _, _ = tabulate(rows, parameters, encoder)
    fold = deal([r.group for r in rows], parameters.folds)
    curves = {
        "Held-out writers": {"all languages": size_curve(table, fold, parameters)},
        "A shop's own corrected cases": shop_curves(rows, table, parameters),
    }
    measured = [
        *written(writers, others["hard written English"]),
        *real(others.get("real shopper texts")),
        *shared_rows(writers, others),
        *shop_rows(curves["A shop's own corrected cases"]),
        *(benchmark_rows(given.benchmarks, parameters, encoder) if given.benchmarks else ()),
    ]
    if given.report:
        print(write_report(given.report, "Cold start", [writers, *others.values()], curves))
    text = as_table(measured, data_hash(rows))
    print(text)
    if given.write and encoder:
        GOALS.with_name("goals-encoder.md").write_text(text, "utf-8")
    elif given.write:
        GOALS.write_text(text, "utf-8")
        before, _, rest = README.read_text("utf-8").partition(MARKS[0])
        README.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8")


def written(writers: Section, hard: Section) -> Iterator[Row]:
    """Yield the rows on written messages."""
    for language, found in writers.evaluation.parts["language"].items():
        goal = "0.90" if language == "en" else "0.85"
        yield f"written messages, held-out writers, {language}: macro-F1", goal, f"{found.macro_f1:.2f}"
    for language, found in writers.evaluation.parts["not read by cue authors, language"].items():
        goal = "0.90" if language == "en" else "0.85"
        yield f"the same, texts not read by cue authors, {language} ({found.texts}): macro-F1", goal, f"{found.macro_f1:.2f}"
    yield "written to be hard (`training/heldout`, en): macro-F1", "0.90", f"{hard.evaluation.total.macro_f1:.2f}"


def real(section: Section | None) -> Iterator[Row]:
    """Yield the rows on real shopper texts."""
    for language, found in section.evaluation.parts["language"].items() if section else ():
        if len(found.f1) == 4:
            goal = "0.80" if language == "en" else "0.70"
            yield f"real shopper texts, {language} ({found.texts}): macro-F1", goal, f"{found.macro_f1:.2f}"


def shared_rows(writers: Section, others: dict[str, Section]) -> Iterator[Row]:
    """Yield surest 80 %, abuse, calibration and coverage for each set of texts."""
    sections = {"held-out writers": writers, **others}

    def each(form: str, *names: str) -> str:
        values = {k: [getattr(s.evaluation.total, n) for n in names] for k, s in sections.items()}
        return "; ".join(f"{k} {form.format(*v)}" for k, v in values.items())

    yield "accuracy on the surest 80 %", "0.95", each("{:.2f}", "accuracy_surest")
    yield "abuse decided: precision / recall", "0.95 / 0.60", each("{:.2f} / {:.2f}", "abuse_precision", "abuse_recall")
    fair = {k: int((s.judged.flagged & ~s.judged.abuse).sum()) for k, s in sections.items()}
    yield (
        "fair messages flagged as abuse",
        "none",
        "; ".join(f"{k} {n} of {int((~sections[k].judged.abuse).sum())}" for k, n in fair.items()),
    )
    yield "expected calibration error of the claim", "0.03", each("{:.3f}", "calibration_error")
    yield "prediction sets stated at 90 % cover", "0.90", each("{:.2f}", "coverage")


def size_curve(table: Table, fold: np.ndarray, parameters: Parameters) -> Curve:
    """Return macro-F1 on held-out writers for growing random shares of the corpus."""
    order = np.random.default_rng(0).permutation(len(fold))
    points = []
    for share in SHARES:
        part = np.sort(order[: int(share * len(fold))])
        found = held_out(table[part], fold[part], parameters)
        points.append((len(part), evaluation.figures(found).macro_f1))
    return points


def shop_curves(rows: Sequence[LabelledText], table: Table, parameters: Parameters) -> dict[str, Curve]:
    """Return macro-F1 on a shop's later cases against how many of its cases were corrected and learned from.

    A writer stands for a shop: everything else is the cold start. Half of its texts wait to be corrected, the other half is
    measured. "queue" corrects first where the two best guesses lie closest, looking again after each step.
    """
    lines: dict[str, list[list[float]]] = {"queue": [], "random": []}
    for shop in SHOPS:
        own = np.random.default_rng(0).permutation(np.flatnonzero([r.group == shop for r in rows]))
        others = np.flatnonzero([r.group != shop for r in rows])
        pool, test = own[: len(own) // 2], own[len(own) // 2 :]
        for strategy, line in lines.items():
            order, head = pool, None
            reached: list[float] = []
            for step in STEPS:
                if strategy == "queue" and head is not None:
                    chosen, waiting = np.split(order, [STEPS[len(reached) - 1]])
                    order = np.concatenate([chosen, waiting[closest_first(head.decision_function(table.matrix[waiting]))]])
                head = _learned(table, others, order[:step], parameters)
                guess = head.decision_function(table.matrix[test]).argmax(axis=1)
                reached.append(float(np.mean([*f1_by_claim(table.claims[test], guess).values()])))
            line.append(reached)
    return {name: list(zip(STEPS, np.mean(line, axis=0).tolist(), strict=True)) for name, line in lines.items()}


def closest_first(scores: np.ndarray) -> np.ndarray:
    """Order texts, scores of shape (n, 4), by how close their two best guesses lie (margin sampling)."""
    best = np.sort(scores, axis=1)
    return np.argsort(best[:, -1] - best[:, -2], kind="stable")


def _learned(table: Table, others: np.ndarray, own: np.ndarray, parameters: Parameters) -> LogisticRegression:
    rows = np.concatenate([others, own])
    weights = np.concatenate([np.ones(len(others)), np.full(len(own), OWN_WEIGHT)])
    strengths = (parameters.strength, parameters.cue_strength, parameters.vector_strength)
    return fit_experts(table.matrix[rows], table.claims[rows], table.widths, strengths, weights)


def shop_rows(curves: dict[str, Curve]) -> Iterator[Row]:
    """Yield what 200 corrected cases bring."""
    gains = "; ".join(
        f"{name} {line[0][1]:.2f} to {line[-1][1]:.2f} ({line[-1][1] - line[0][1]:+.2f})" for name, line in curves.items()
    )
    yield f"macro-F1 after {STEPS[-1]} corrected cases ({', '.join(SHOPS)} as shops)", "+ 0.06", gains


def benchmark_rows(folder: Path, parameters: Parameters, encoder: Encoder | None) -> Iterator[Row]:
    """Yield how well the same pipeline, but for the cues, does on other people's intents."""
    banking = []
    for name in ("train.csv", "test.csv"):
        with (folder / "banking77" / name).open(encoding="utf-8", newline="") as file:
            banking.append([(r["text"], r["category"]) for r in csv.DictReader(file)])
    clinc = json.loads((folder / "clinc150" / "data_full.json").read_text("utf-8"))
    yield "Banking77, full: accuracy", "92", f"{intents(*banking, [], parameters, encoder)[0]:.1f}"
    accuracy, auroc = intents(clinc["train"], clinc["test"], [text for text, _ in clinc["oos_test"]], parameters, encoder)
    yield "CLINC150, full: accuracy / out-of-scope AUROC", "93 / 0.95", f"{accuracy:.1f} / {auroc:.3f}"


def intents(
    train: Sequence[Sequence[str]],
    test: Sequence[Sequence[str]],
    foreign: Sequence[str],
    parameters: Parameters,
    encoder: Encoder | None,
) -> tuple[float, float]:
    """Return accuracy in percent, and how well the best score tells foreign texts (AUROC; nan without any)."""
    features = make_features(parameters.min_word, parameters.min_character)

    def numbers(texts: Sequence[str], learn: bool = False) -> csr_matrix:
        readings = read_many(texts, ["en"] * len(texts))
        known = (features.fit_transform if learn else features.transform)(readings).tocsr()
        # The cues say how people complain about goods; of bank cards and alarms they know nothing.
        known = known[:, : -len(cue_columns(features))]
        return with_vectors(known, encoder, readings).tocsr()

    learned = numbers([text for text, _ in train], learn=True)
    words = sum(len(features.named_transformers[name].vocabulary_) for name in ("words", "characters"))
    widths, strengths = (words, 0, learned.shape[1] - words), (parameters.strength, 1.0, parameters.vector_strength)
    head = fit_experts(learned, np.array([label for _, label in train]), widths, strengths)
    scores = head.decision_function(numbers([text for text, _ in test]))
    accuracy = 100 * float(np.mean(head.classes_[scores.argmax(axis=1)] == np.array([label for _, label in test])))
    if not foreign:
        return accuracy, float("nan")
    strange = head.decision_function(numbers(foreign)).max(axis=1)
    inside = np.r_[np.ones(len(scores)), np.zeros(len(strange))]
    return accuracy, float(roc_auc_score(inside, np.r_[scores.max(axis=1), strange]))


def as_table(measured: Sequence[Row], sha256: str) -> str:
    """Return the rows as Markdown."""
    lines = [f"| {what} | {goal} | {figure} |" for what, goal, figure in measured]
    return (
        f"Corpus {sha256[:12]}, `python training/evaluate.py`:\n\n| measured | goal | reached |\n|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


if __name__ == "__main__":
    main()
