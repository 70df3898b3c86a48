"""Compare training parameters on held-out groups, each try kept as an MLflow run.

    python training/choose_parameters.py strength=1,5,20 cue_strength=0.3,1,3

For every combination two figures decide: macro-F1 on writers held out from learning, and on kinds of texts held out
(messages, chats and comments, public posts), since a shop's inbox is a kind of its own. Needs the extra `mlflow`. The values
in params.toml were chosen this way, never on texts that are only for measuring.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np

from triage_ml.corpus import data_hash, load_corpus
from triage_ml.errors import TrainingDataError
from triage_ml.evaluation import figures
from triage_ml.learning import Parameters, deal, held_out, load_parameters, tabulate
from triage_ml.registry import track

HERE = Path(__file__).resolve().parent
KINDS = {"msg": 0, "chat": 1, "cmt": 1, "rev": 2, "tweet": 2}


def main() -> None:
    """Try every combination, print the best last."""
    tried = dict(_values(argument) for argument in sys.argv[1:])
    start = load_parameters(HERE / "params.toml")
    rows = load_corpus(HERE / "corpus")
    found = []
    for values in itertools.product(*tried.values()):
        parameters = replace(start, **dict(zip(tried, values, strict=True)))
        table, _, _ = tabulate(rows, parameters)
        writers = figures(held_out(table, deal([r.group for r in rows], parameters.folds), parameters))
        kinds = figures(held_out(table, np.array([KINDS[r.voice] for r in rows]), parameters))
        metrics = {
            "macro_f1_writers": writers.macro_f1,
            "macro_f1_kinds": kinds.macro_f1,
            "calibration_error_writers": writers.calibration_error,
            "abuse_recall_writers": writers.abuse_recall,
        }
        track("choose parameters", asdict(parameters), metrics, data_sha256=data_hash(rows))
        found.append((writers.macro_f1 + kinds.macro_f1, dict(zip(tried, values, strict=True)), metrics))
    for _, values, metrics in sorted(found, key=lambda one: one[0]):
        print(values, {name: round(value, 3) for name, value in metrics.items()})


def _values(argument: str) -> tuple[str, list[float | int]]:
    name, _, values = argument.partition("=")
    kinds = {f.name: f.type for f in fields(Parameters)}
    if name not in kinds:
        raise TrainingDataError(f"found {argument!r}; expected NAME=VALUE,VALUE with a name of {', '.join(kinds)}.")
    return name, [int(v) if kinds[name] == "int" else float(v) for v in values.split(",")]


if __name__ == "__main__":
    main()
