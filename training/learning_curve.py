"""Draw what a shop's own labelled cases bring, from none to 1,000, for a shop whose products are not in the corpus.

    python training/learning_curve.py [--family NAME ...] [--write]

All texts on a family of products are taken out of the corpus, whoever wrote them; texts without a noted product go, too, where
they name such a thing. What the same writers wrote on other goods stays, so the style of the future is not wholly unknown, and
how common words are is counted over all texts, without labels.

Half of the family's writers are the shop's past, whose texts are labelled one after another; the other half is
its future, which is only measured. Cases are labelled at random (three orders), or those first that teach most
(`triage_ml.teaching.value`, looked at again after each step). Intervals are of a bootstrap over the future's writers. `--write`
puts the table into docs/retraining.md and the curves beside it (PNG) and here (JSON). About ten minutes a family on two cores.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from triage_ml.classifier import CLAIMS, Thresholds, calibrated, capped
from triage_ml.corpus import LabelledText, data_hash, load_corpus
from triage_ml.evaluation import f1_by_claim
from triage_ml.learning import Parameters, Table, fit, fit_heads, load_parameters, tabulate
from triage_ml.retraining.records import OWN_WEIGHT
from triage_ml.teaching import value

HERE = Path(__file__).resolve().parent
PAGE, FIGURE, NUMBERS = (
    HERE.parent / "docs" / "retraining.md",
    HERE.parent / "docs" / "learning-curve.png",
    HERE / "learning-curve.json",
)
MARKS = ("<!-- curve -->", "<!-- /curve -->")
STEPS = (0, 50, 100, 200, 400, 700, 1000)
SEEDS = (0, 1, 2)
RESAMPLES = 2000
# What the products of a family are called in the corpus, and its things in texts without a noted product.
FAMILIES = {
    "things worn": (
        r"dress|shoe|sneaker|trainers|shirt|jean|jacket|hoodie|sandal|sweat|coat|boot|trouser|pants|blouse|sock|hat\b|skirt"
        r"|leggings|bra\b|slippers|suit\b|swimsuit|cardigan|jersey|jumper|scarf|gloves|tights|saree|kurt|lehenga|costume"
        r"|clothes|uniform|pyjama|pajama|bikini|gown|kilt|parka|kimono|heels|insoles|cap\b|beanie|belt|polo|veil|apron"
        r"|bathrobe|shapewear|flip flops|\bring\b|necklace|earring|bracelet|pendant|locket|brooch|cufflink|anklet|studs|hoops"
        r"|watch|glasses\b|handbag|\bbag\b|wallet",
        r"dress|\bshoes?\b|sneaker|trainers|shirt|jeans|jacket|hoodie|sandal|sweater|\bcoat\b|\bboots\b|trousers|\bpants\b"
        r"|blouse|socks|skirt|\brings?\b|necklace|bracelet|earring|pendant|watch|handbag|kleid|schuh|hemd|\bhose\b|jacke|pulli"
        r"|stiefel|mantel|socken|kette|armband|ohrring|anhänger|\brobe\b|chaussure|chemise|pantal|veste|manteau|bottes|bague"
        r"|collier|boucles|vestido|zapat|camis|chaqueta|abrigo|anillo|collar|pulsera|pendientes|vestito|scarpe|camicia|maglia"
        r"|giacca|stivali|anello|collana|bracciale|orecchini|服|靴|シャツ|ズボン|ワンピース|コート|指輪|ネックレス|ピアス"
        r"|腕時計|衣|裤|裙|鞋|袜|衫|戒指|项链|手链|耳环|手表",
    ),
    "electrical goods": (
        r"phone|tablet|laptop|headset|earbud|tv\b|television|monitor|printer|camera|speaker|power bank|keyboard|mouse\b|smart"
        r"|console|drone|e-reader|projector|router|charger|cable|usb|memory card|hard drive|ssd|graphics card|webcam|cartridge"
        r"|dash|fitness|hoover|vacuum|robot|radio|turntable|bluetooth|controller|remote|toner|computer|\bpc\b|\bram\b|\bled\b"
        r"|light bulb|hdmi|washing machine|fridge|refrigerator|freezer|fryer|blender|cooker|kettle|toaster|coffee m|microwave"
        r"|oven|dishwasher|mixer|juicer|heater|purifier|conditioner|humidifier|hair dr|straightener|clipper|shaver|razor"
        r"|toothbrush|\bfan\b|drill|lamp|sewing machine|\biron\b",
        r"phone|tablet|laptop|headset|earbuds|\btv\b|monitor|printer|camera|speaker|charger|keyboard|bluetooth|vacuum|kettle"
        r"|washing machine|fridge|blender|akku|handy|drucker|kopfhörer|bildschirm|kamera|waschmaschine|wasserkocher|staubsauger"
        r"|téléphone|écouteurs|imprimante|écran|chargeur|lave-linge|bouilloire|aspirateur|móvil|auriculares|impresora|pantalla"
        r"|cargador|lavadora|aspirador|cellulare|cuffie|stampante|schermo|caricatore|lavatrice|aspirapolvere|スマホ|携帯|イヤホン"
        r"|充電|カメラ|画面|パソコン|洗濯機|掃除機|手机|耳机|充电|屏幕|电脑|相机|音箱|洗衣机|吸尘器|电饭煲",
    ),
}


@dataclass(frozen=True)
class Shop:
    """A simulated shop: what is known without it, its past that can be labelled, its future that is measured."""

    base: list[LabelledText]
    past: list[LabelledText]
    future: list[LabelledText]


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="*", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows, parameters = load_corpus(HERE / "corpus"), load_parameters(HERE / "params.toml")
    found = {}
    for family in given.family:
        shop = simulated(rows, *FAMILIES[family])
        print(f"{family}: base {len(shop.base):,}, past {len(shop.past):,}, future {len(shop.future):,}", flush=True)
        found[family] = {"base": len(shop.base), "past": len(shop.past), "future": len(shop.future), **curve(shop, parameters)}
    text = as_table(found, data_hash(rows))
    print(text)
    if given.write:
        NUMBERS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        draw(found)
        before, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
        PAGE.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{rest.partition(MARKS[1])[2]}", "utf-8")


def simulated(rows: Sequence[LabelledText], products: str, things: str) -> Shop:
    """Take a family out of the corpus and part its writers, in each language every other one, the busiest first."""
    kind, word = re.compile(products, re.IGNORECASE), re.compile(things, re.IGNORECASE)
    family = [row for row in rows if row.product and kind.search(row.product)]
    base = [row for row in rows if not (kind if row.product else word).search(row.product or row.text)]
    sizes = {group: sum(row.group == group for row in family) for group in {row.group for row in family}}
    past: set[str] = set()
    for language in sorted({row.lang for row in family}):
        writers = sorted((g for g in sizes if g.startswith(f"{language} ")), key=lambda g: (-sizes[g], g))
        past |= set(writers[::2])
    return Shop(base, [r for r in family if r.group in past], [r for r in family if r.group not in past])


def curve(shop: Shop, parameters: Parameters) -> dict[str, Any]:
    """Return macro-F1 on the future for each number of labelled cases, with intervals, and the gain over none."""
    classifier, _ = fit(shop.base, parameters)
    table, features, _ = tabulate([*shop.base, *shop.past, *shop.future], parameters)
    del features  # words are counted over all texts, labels are not looked at
    steps = [step for step in STEPS if step <= len(shop.past)]
    orders = [("random", seed) for seed in SEEDS] + [("teaching", 0)]
    lines = Parallel(n_jobs=2)(
        delayed(one_line)(shop, table, parameters, classifier.thresholds, steps, *order) for order in orders
    )
    truth = table.claims[len(shop.base) + len(shop.past) :]
    writers = np.unique([row.group for row in shop.future], return_inverse=True)[1]
    by_name: dict[str, list[np.ndarray]] = {}
    for (name, _), guesses in zip(orders, lines, strict=True):
        by_name.setdefault(name, []).append(guesses)
    return {name: list(points(steps, np.stack(guesses), truth, writers)) for name, guesses in by_name.items()}


def one_line(
    shop: Shop, table: Table, parameters: Parameters, thresholds: Thresholds, steps: Sequence[int], order: str, seed: int
) -> np.ndarray:
    """Return the guesses on the future after each step, shape (steps, future)."""
    base, past = np.arange(len(shop.base)), np.arange(len(shop.base), len(shop.base) + len(shop.past))
    future = np.arange(past[-1] + 1, len(table.claims))
    waiting, chosen = np.random.default_rng(seed).permutation(past), np.array([], dtype=int)
    guesses = []
    for step in steps:
        if order == "teaching" and step:
            waiting = waiting[np.argsort(-worth(table[waiting], heads, thresholds), kind="stable")]  # noqa: F821 - of the step before
        more = step - len(chosen)
        chosen, waiting = np.concatenate([chosen, waiting[:more]]), waiting[more:]
        learned = table[np.concatenate([base, chosen])]
        learned.weights[len(base) :] = OWN_WEIGHT
        heads = fit_heads(learned, parameters)
        guesses.append(heads[0].decision_function(table.matrix[future]).argmax(axis=1))
    return np.stack(guesses)


def worth(table: Table, heads: tuple[Any, Any], thresholds: Thresholds) -> np.ndarray:
    """Return what a label of each text would teach, shape (n,)."""
    claim, abuse = (head.decision_function(table.matrix) for head in heads)
    claims, p_abuse = calibrated(claim, abuse, thresholds)
    said = zip(claims.tolist(), capped(p_abuse, table.pointed).tolist(), strict=True)
    return np.array([value(Said(dict(zip(CLAIMS, p, strict=True)), a)) for p, a in said])


@dataclass(frozen=True)
class Said:
    """What a model says of a text, as far as `teaching.value` reads it."""

    probabilities: Mapping[Any, float]
    abuse: float


def points(steps: Sequence[int], guesses: np.ndarray, truth: np.ndarray, writers: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield each point of a curve; `guesses` has the shape (orders, steps, future), the mean over orders counts."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(writers == writer) for writer in range(writers.max() + 1)]
    draws = [np.concatenate([members[w] for w in random.integers(len(members), size=len(members))]) for _ in range(RESAMPLES)]

    def reached(step: int, rows: np.ndarray) -> float:
        return float(np.mean([macro_f1(truth[rows], one[step][rows]) for one in guesses]))

    everything = np.arange(len(truth))
    drawn = np.array([[reached(step, rows) for step in range(len(steps))] for rows in draws])
    for place, step in enumerate(steps):
        f1, gain = reached(place, everything), reached(place, everything) - reached(0, everything)
        low, high = np.percentile(drawn[:, place], (2.5, 97.5)).tolist()
        gain_low, gain_high = np.percentile(drawn[:, place] - drawn[:, 0], (2.5, 97.5)).tolist()
        yield {"cases": step, "f1": f1, "low": low, "high": high, "gain": gain, "gain_low": gain_low, "gain_high": gain_high}


def macro_f1(truth: np.ndarray, guess: np.ndarray) -> float:
    """Return the mean F1 of the claims; both are positions in `CLAIMS`."""
    return float(np.mean([*f1_by_claim(truth, guess).values()]))


def as_table(found: Mapping[str, Mapping[str, Any]], sha256: str) -> str:
    """Return the curves as Markdown."""
    parts = [f"Corpus {sha256[:12]}, `python training/learning_curve.py --write`:\n"]
    for family, line in found.items():
        parts.append(
            f"\nA shop for {family}: {line['base']:,} texts of other goods in the corpus, {line['past']:,} of the shop's past "
            f"to label, {line['future']:,} of its future to measure.\n\n"
            "| labelled cases | at random: macro-F1 | gain | most telling first: macro-F1 | gain |\n|---|---|---|---|---|\n"
        )
        for random, telling in zip(line["random"], line["teaching"], strict=True):
            parts.append(f"| {random['cases']:,} | {_cells(random)} | {_cells(telling)} |\n")
    return "".join(parts)


def _cells(point: Mapping[str, float]) -> str:
    reached = f"{point['f1']:.3f} [{point['low']:.3f}, {point['high']:.3f}]"
    return (
        f"{reached} | {point['gain']:+.3f} [{point['gain_low']:+.3f}, {point['gain_high']:+.3f}]"
        if point["cases"]
        else f"{reached} |"
    )


def draw(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw the curves side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(found), 3.6), layout="constrained")
    for number, (family, line) in enumerate(found.items(), 1):
        axes = figure.add_subplot(1, len(found), number)
        for name, label in (("random", "at random"), ("teaching", "most telling first")):
            cases, f1, low, high = (np.array([point[key] for point in line[name]]) for key in ("cases", "f1", "low", "high"))
            axes.plot(cases, f1, marker="o", label=label)
            axes.fill_between(cases, low, high, alpha=0.15)
        axes.set_title(f"a shop for {family}")
        axes.set_xlabel("labelled cases of its own")
        axes.set_ylabel("macro-F1 on its future")
        axes.legend()
    figure.savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
