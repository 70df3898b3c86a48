"""The product and its peers learn from the same texts, and are tested and timed in turn on others."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import messages
from peers import Model, Peer
from speed_report import PRODUCT
from timing import timed

from triage_ml.corpus import LabelledText
from triage_ml.triage import Triage

PARAMETERS = Path(__file__).parents[1] / "training" / "params.toml"
_FOLDS, _HELD_OUT = 5, 1  # the part with most texts that nobody who wrote cues has read
_SECONDS_A_ROUND = 3


def say(what: str) -> None:
    """Tell the time and what is being done."""
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Product:
    """The product's classifier, as a peer among peers."""

    classifier: Any

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return the best guess of the claim for each of n texts; all else that a Prediction holds is worked out as well."""
        return [prediction.claim.value for prediction in self.classifier.predict_many(texts)]

    def save(self, folder: Path) -> None:
        """Write a model folder, as `triage-ml train` does."""
        from triage_ml import model_files

        model_files.save(self.classifier, folder, {}, "# Model card\n")


@dataclass(slots=True)
class Trained:
    """A model with where it is kept and what learning it took."""

    name: str
    model: Model
    folder: Path
    seconds: float

    @property
    def megabytes(self) -> float:
        """Size on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file()) / 1e6


# --- learning and accuracy


def split(rows: Sequence[LabelledText]) -> tuple[list[LabelledText], list[LabelledText]]:
    """Return what is learned from and what is tested on; no writer is in both."""
    from triage_ml.learning import deal

    held_out = deal([row.group for row in rows], _FOLDS) == _HELD_OUT
    return (
        [row for row, out in zip(rows, held_out, strict=True) if not out],
        [row for row, out in zip(rows, held_out, strict=True) if out],
    )


def train_all(rows: Sequence[LabelledText], peers: Sequence[Peer], folder: Path) -> Iterator[Trained]:
    """Train the product and each peer, and keep what they learned; the product comes first."""
    from triage_ml.learning import fit, load_parameters

    texts, claims = [row.text for row in rows], [row.claim.value for row in rows]
    for name, train in (
        (PRODUCT, lambda: Product(fit(rows, load_parameters(PARAMETERS))[0])),
        *((peer.name, lambda peer=peer: peer.train(texts, claims)) for peer in peers),
    ):
        say(f"learning: {name}")
        start = time.perf_counter()
        model = train()
        seconds = time.perf_counter() - start
        place = folder / name.replace(" ", "-")
        place.mkdir()
        model.save(place)
        yield Trained(name, model, place, seconds)


def accuracy(model: Model, rows: Sequence[LabelledText]) -> tuple[float, float]:
    """Return macro-F1 of the claim on all rows, and on those that nobody who wrote cues has read (nan without any)."""
    from sklearn.metrics import f1_score

    said = list(model.predict([row.text for row in rows]))
    fresh = [(row.claim.value, claim) for row, claim in zip(rows, said, strict=True) if row.fresh]
    return (
        float(f1_score([row.claim.value for row in rows], said, average="macro")),
        float(f1_score(*map(list, zip(*fresh, strict=True)), average="macro")) if fresh else float("nan"),
    )


# --- classification alone


def race(trained: Sequence[Trained], texts_a_round: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of processor time a text, by name, one for each round; every round has texts of its own."""
    texts = messages.texts(texts_a_round * (rounds + 1))
    parts = [texts[start : start + texts_a_round] for start in range(0, len(texts), texts_a_round)]
    found: dict[str, list[float]] = {one.name: [] for one in trained}
    counts = {one.name: _how_many(one.model, parts[0]) for one in trained}
    for number, part in enumerate(parts[1:], 1):
        say(f"classifying: round {number} of {rounds}")
        for one in trained:
            some = part[: counts[one.name]]
            found[one.name].append(timed(lambda one=one, some=some: one.model.predict(some)).cpu / len(some))
    return found


def _how_many(model: Model, texts: Sequence[str]) -> int:
    """Warm a model up, and return how many texts it can do in a round's time."""
    few = texts[: max(20, len(texts) // 50)]
    model.predict(few)
    seconds = timed(lambda: model.predict(few)).wall / len(few)
    count = min(len(texts), max(len(few), int(_SECONDS_A_ROUND / seconds)))
    model.predict(texts[:count])
    return count


def one_at_a_time(model: Model, count: int) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds for one text, warm."""
    texts = messages.texts(count * 2, seed=1)
    for text in texts[:count]:
        model.predict([text])
    return percentiles([timed(lambda text=text: model.predict([text])).wall for text in texts[count:]])


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def in_two_processes(trained: Sequence[Trained], texts_a_round: int, rounds: int) -> dict[str, float]:
    """Return texts a second on the clock, by name, with two processes that load the model once each."""
    from multiprocessing import get_context

    texts = messages.texts(texts_a_round * 3, seed=2)
    found: dict[str, list[float]] = {one.name: [] for one in trained}
    with ExitStack() as open_pools:
        pools = {
            one.name: open_pools.enter_context(get_context("spawn").Pool(2, _load, (one.name, one.folder))) for one in trained
        }
        for number in range(rounds + 1):  # the first one warms up
            for name, pool in pools.items():
                halves = [texts[::2], texts[1::2]]
                found[name].append(timed(lambda pool=pool, halves=halves: pool.map(_predict, halves, 1)).wall)
            say(f"two processes: round {number} of {rounds}")
    return {name: len(texts) / statistics.median(seconds[1:]) for name, seconds in found.items()}


_loaded: list[Model] = []


def _load(name: str, folder: Path) -> None:
    if name == PRODUCT:
        _loaded.append(Product(Triage.load(folder).judge))
    else:
        import joblib
        from peers import SklearnModel

        _loaded.append(SklearnModel(joblib.load(folder / "pipeline.joblib")))


def _predict(texts: Sequence[str]) -> list[str]:
    return list(_loaded[0].predict(texts))
