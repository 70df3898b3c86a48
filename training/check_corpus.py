"""Look at the corpus: counts, near-duplicates, and how precise each kind of cue is: `python training/check_corpus.py [FOLDER]`.

Exit code 1 where two texts are near-duplicates.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from triage_ml.corpus import LabelledText, group_counts, load_corpus
from triage_ml.messages import Claim
from triage_ml.text import read_many

# Above this share of common character 5-grams (Jaccard) two texts tell the same story in the same words.
NEAR = 0.5
SPEAKS_FOR = {
    Claim.QUALITY: ("fault", "damage", "stopped"),
    Claim.MISMATCH: ("differs", "missing"),
    Claim.SUBJECTIVE: ("own_error", "taste", "fit", "expectation", "changed_mind", "no_fault"),
    Claim.OTHER: ("delivery", "service", "account", "praise", "question", "resolved"),
}


def near_duplicates(rows: Sequence[LabelledText]) -> Iterator[tuple[str, str, float]]:
    """Yield pairs of ids of one language whose texts share more than `NEAR` of their character 5-grams, with that share."""
    for language in sorted({row.lang for row in rows}):
        here = [row for row in rows if row.lang == language]
        texts = [re.sub(r"\W+", " ", row.text.lower()).ljust(5) for row in here]
        grams = CountVectorizer(analyzer="char", ngram_range=(5, 5), binary=True, dtype=np.int32).fit_transform(texts)
        common = (grams @ grams.T).toarray()
        sizes = common.diagonal()
        share = common / np.maximum(sizes[:, None] + sizes[None, :] - common, 1)
        for first, second in np.argwhere(np.triu(share > NEAR, k=1)):
            yield here[first].id, here[second].id, float(share[first, second])


def cue_precision(rows: Sequence[LabelledText]) -> Iterator[tuple[str, int, float]]:
    """Yield each kind of cue with how many texts hold it, and the share of those whose claim it speaks for."""
    hits: dict[str, list[bool]] = defaultdict(list)
    speaks_for = {cue: claim for claim, cues in SPEAKS_FOR.items() for cue in cues}
    readings = read_many([r.text for r in rows], [r.lang for r in rows])
    for row, reading in zip(rows, readings, strict=True):
        for cue in {c.type for c in reading.cues if not c.negated and not c.asked} & speaks_for.keys():
            hits[cue].append(row.claim is speaks_for[cue])
    for cue, found in sorted(hits.items(), key=lambda item: -len(item[1])):
        yield cue, len(found), sum(found) / len(found)


def main(folder: Path) -> int:
    """Print everything; return 1 where near-duplicates were found."""
    rows = load_corpus(folder)
    for language, counts in group_counts(rows).items():
        writers = len({r.group for r in rows if r.lang == language})
        claims = ", ".join(f"{claim} {n}" for claim, n in counts.items())
        print(f"{language}: {sum(counts.values())} texts of {writers} writers; {claims}")
    print(f"all: {len(rows)} texts, {sum(r.abuse for r in rows)} with abuse")
    for language in sorted({r.lang for r in rows}):
        here = [r for r in rows if r.lang == language]
        print(f"cues {language}:", ", ".join(f"{cue} {precision:.2f} of {n}" for cue, n, precision in cue_precision(here)))
    twins = list(near_duplicates(rows))
    for first, second, share in twins:
        print(f"near-duplicates: {first} and {second} share {share:.2f}")
    return int(bool(twins))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "corpus"))
