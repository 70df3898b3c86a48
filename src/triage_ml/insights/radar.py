"""New complaints: cases the model abstained on or whose words came up only now, put together by what they say.

Words of earlier cases are counted in a table of fixed size, by their hashes; of the period's cases a sample is kept that
depends on nothing but their numbers. So memory is bounded, and the same record gives the same themes.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Any

import numpy as np

from triage_ml.cases.histories import History
from triage_ml.insights.causes import Facts, asked
from triage_ml.insights.rates import adjusted
from triage_ml.insights.records import Excerpt, Period, Radar, Theme
from triage_ml.insights.sums import newest
from triage_ml.messages import Category
from triage_ml.redaction import redact

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A theme is said in so many cases, and so are the words it is told by: what few said may name one of them.
LEAST_CASES = 3
# With fewer cases of a language to compare with, most words would seem new.
LEAST_KNOWN = 200
_TIMES_AS_OFTEN = 3.0
_ALARM = 0.05
# What stands in more of all cases tells nothing of what a text is about, unless it came up only now.
_COMMON = 0.03
_SAMPLE, _ABSTAINED = 5_000, 500
_MOST_NEW = 500
_HASHES = 2**18
_BUFFER = 1_000
# Average cosine distance up to which cases say the same; on the corpus 0.75 to 0.9 part and join alike.
_ALIKE = 0.8
_TEXT, _EXCERPT = 1_500, 240
_WORDS, _EXCERPTS, _GROUPS, _THEMES = 6, 3, 5, 12
_SHORTEST = 3
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f]+|[^\W\d_]+")
_FIRST_BY_CHARACTER = "\u3040"


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text of any language, folded; of Japanese and Chinese every two characters in a row."""
    for match in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word = match.group()
        if word[0] >= _FIRST_BY_CHARACTER:
            yield from (word[start : start + 2] for start in range(len(word) - 1))
        elif len(word) >= _SHORTEST:
            yield word


@dataclass(frozen=True, slots=True)
class _Text:
    """What a buyer wrote in one case, `rank` in an order that means nothing."""

    rank: int
    case_id: str
    group: str
    text: str
    customisation: str
    abstained: bool


class _Sample:
    """The texts with the smallest ranks."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._heap: list[tuple[int, str, _Text]] = []

    def add(self, text: _Text) -> None:
        item = (-text.rank, text.case_id, text)
        if len(self._heap) < self.size:
            heappush(self._heap, item)
        else:
            heappushpop(self._heap, item)

    def texts(self) -> list[_Text]:
        return [text for _, _, text in sorted(self._heap, reverse=True)]


class _Known:
    """In how many earlier cases each word stands, by its hash."""

    def __init__(self) -> None:
        self.cases = 0
        self._counts: NDArray[Any] = np.zeros(_HASHES, dtype=np.int64)
        self._buffer: list[str] = []

    def add(self, text: str) -> None:
        self.cases += 1
        self._buffer.append(text)
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def of(self, words: Sequence[str]) -> NDArray[Any]:
        """Return in how many cases each of n words stands, shape (n,)."""
        self._flush()
        if not words:
            return np.zeros(0, dtype=np.int64)
        found: NDArray[Any] = self._counts[self._hashed([[word] for word in words]).indices]
        return found

    @property
    def words(self) -> int:
        """How many words stand in several cases."""
        self._flush()
        return int((self._counts >= LEAST_CASES).sum())

    def _flush(self) -> None:
        if self._buffer:
            found = self._hashed([words_of(text) for text in self._buffer]).indices
            self._counts += np.bincount(found, minlength=_HASHES)
            self._buffer.clear()

    @staticmethod
    def _hashed(texts: Sequence[Any]) -> Any:  # noqa: ANN401 - a sparse matrix, one row a text
        from sklearn.feature_extraction.text import HashingVectorizer

        vectorizer = HashingVectorizer(
            analyzer=list, n_features=_HASHES, binary=True, alternate_sign=False, norm=None, dtype=np.float32
        )
        return vectorizer.transform(texts)


class _Language:
    """Cases of one language."""

    def __init__(self) -> None:
        self.known = _Known()
        self.sample, self.abstained = _Sample(_SAMPLE), _Sample(_ABSTAINED)


class Watching:
    """Keeps of each case what telling new complaints takes.

    Parameters
    ----------
    period
        Cases that began in it are looked at, those before are what is known.
    """

    def __init__(self, period: Period) -> None:
        self.period = period
        self._languages: defaultdict[str, _Language] = defaultdict(_Language)
        self._cases = self._abstained = 0

    def add(self, history: History, facts: Facts, group: str) -> None:
        """Look at one case."""
        inside = facts.at in self.period
        if not inside and facts.at >= self.period.since:
            return
        messages = asked(history)
        abstained = any(said.category is Category.NEEDS_REVIEW for said in messages)
        self._cases += inside
        self._abstained += inside and abstained
        words = "\n".join(said.text for said in messages if said.text)[:_TEXT]
        if not words.strip():
            return
        language = self._languages[history.case.language]
        if not inside:
            language.known.add(words)
            return
        rank = int.from_bytes(blake2b(history.case.id.encode(), digest_size=8).digest())
        text = _Text(rank, history.case.id, group, words, messages[-1].customisation, abstained)
        language.sample.add(text)
        if abstained:
            language.abstained.add(text)

    def radar(self) -> Radar:
        """Return what is new."""
        views = [_View(name, language) for name, language in sorted(self._languages.items())]
        themes = sorted((theme for view in views for theme in view.themes()), key=lambda t: (-t.cases, t.language, t.words))
        known = sum(language.known.cases for language in self._languages.values())
        return Radar(self._cases, self._abstained, known, sum(len(view.texts) for view in views), tuple(themes[:_THEMES]))


class _View:
    """The cases of one language that are compared with each other."""

    def __init__(self, name: str, language: _Language) -> None:
        self.name, self.known = name, language.known
        self.sample, self.abstained = language.sample.texts(), language.abstained.texts()

    @cached_property
    def _often(self) -> Counter[str]:
        """In how many cases of the sample each word stands."""
        return _counted(self.sample)

    @cached_property
    def came_up(self) -> frozenset[str]:
        """Words that came up against earlier cases."""
        words = list(self._often)
        before = dict(zip(words, self.known.of(words).tolist(), strict=True))
        return _more_often(self._often, len(self.sample), before, self.known.cases, self.known.words)

    @cached_property
    def unclear(self) -> frozenset[str]:
        """Words that the model's abstentions have more of than its judgements."""
        judged = [text for text in self.sample if not text.abstained]
        before = _counted(judged)
        words = sum(cases >= LEAST_CASES for cases in before.values())
        return _more_often(_counted(self.abstained), len(self.abstained), before, len(judged), words)

    @cached_property
    def texts(self) -> list[_Text]:
        """The cases the model abstained on, and those with the most words that came up."""
        counted = [(len(self.came_up.intersection(words_of(text.text))), text) for text in self.sample]
        new = sorted((item for item in counted if item[0]), key=lambda item: (-item[0], item[1].rank))
        chosen = {text.case_id: text for text in (*self.abstained, *(text for _, text in new[:_MOST_NEW]))}
        return list(chosen.values())

    def themes(self) -> Iterator[Theme]:
        """Yield what several of them say."""
        from sklearn.cluster import AgglomerativeClustering

        if len(self.texts) < LEAST_CASES:
            return
        matrix, words = self._matrix()
        told = np.flatnonzero(np.diff(matrix.indptr))  # texts with any of the words
        if len(told) < LEAST_CASES:
            return
        distances = np.clip(1 - (matrix[told] @ matrix[told].T).toarray(), 0, None)
        clusters = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=_ALIKE)
        labels = clusters.fit_predict(distances)
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label)
            if len(rows) >= LEAST_CASES and (theme := self._theme(told[rows], matrix, words, distances[np.ix_(rows, rows)])):
                yield theme

    def _matrix(self) -> tuple[Any, NDArray[Any]]:
        """Return TF-IDF of n texts and m words that several use and that are not common, shapes (n, m) and (m,)."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.preprocessing import normalize

        vectorizer = CountVectorizer(analyzer=words_of, binary=True)
        counts = vectorizer.fit_transform([text.text for text in self.texts])
        words, here = vectorizer.get_feature_names_out(), np.asarray(counts.sum(axis=0)).ravel()
        often = self.known.of(list(words)) + np.maximum(here, [self._often[word] for word in words])
        cases = self.known.cases + len(self.sample)
        rare = (often <= max(_COMMON * cases, LEAST_CASES)) | np.isin(words, list(self.came_up | self.unclear))
        kept = rare & (here >= LEAST_CASES)
        rarity = np.log((1 + cases) / (1 + np.minimum(often, cases))) + 1
        weighted = counts[:, kept].multiply(rarity[kept]).tocsr()
        return normalize(weighted) if kept.any() else weighted, words[kept]

    def _theme(self, rows: NDArray[Any], matrix: Any, words: NDArray[Any], distances: NDArray[Any]) -> Theme | None:  # noqa: ANN401 - sparse
        """Return what the texts of these rows have in common, None where none of it stands out."""
        texts = [self.texts[row] for row in rows]
        weights, stands = np.asarray(matrix[rows].mean(axis=0)).ravel(), np.asarray((matrix[rows] > 0).sum(axis=0)).ravel()
        telling = [str(words[n]) for n in np.argsort(-weights, kind="stable") if stands[n] >= LEAST_CASES][:_WORDS]
        standing_out = tuple(word for word in telling if word in self.came_up or word in self.unclear)
        if not standing_out:
            return None
        typical = np.argsort(distances.mean(axis=1), kind="stable")[:_EXCERPTS]
        groups = Counter(text.group for text in texts).most_common(_GROUPS)
        excerpts = tuple(self._excerpt(texts[n]) for n in typical)
        abstained = sum(text.abstained for text in texts)
        ids = newest(text.case_id for text in texts)
        return Theme(self.name, tuple(telling), standing_out, len(rows), abstained, dict(groups), excerpts, ids)

    def _excerpt(self, text: _Text) -> Excerpt:
        from triage_ml.messages import OrderLine

        order = OrderLine(customisation=text.customisation)
        words = " ".join(redact(text.text, self.name, order=order).text.split())
        return Excerpt(text.case_id, words[:_EXCERPT] + (" …" if len(words) > _EXCERPT else ""))


def _counted(texts: Sequence[_Text]) -> Counter[str]:
    """Return in how many of the texts each word stands."""
    return Counter(word for text in texts for word in set(words_of(text.text)))


def _more_often(now: Mapping[str, int], of: int, before: Mapping[str, int], of_before: int, words: int) -> frozenset[str]:
    """Return the words that stand in at least three times as many cases as elsewhere, and that by no chance.

    Parameters
    ----------
    now, before
        In how many cases each word stands here and there.
    of, of_before
        How many cases there are.
    words
        How many words stand in several cases there: with those that are not here at all the test must be fair.
    """
    from scipy.stats import binom

    # Chosen by the sum of both, which says nothing of where they stand.
    tested = sorted(word for word, cases in now.items() if cases + before.get(word, 0) >= LEAST_CASES)
    if of_before < LEAST_KNOWN or not tested:
        return frozenset()
    counts, others = (np.array([cases.get(word, 0) for word in tested]) for cases in (now, before))
    p = binom.sf(counts - 1, counts + others, of / (of + of_before)).tolist()
    absent = max(0, words - int((others >= LEAST_CASES).sum()))
    sure = np.array(adjusted([*p, *[1.0] * absent])[: len(p)]) <= _ALARM
    often = (counts >= LEAST_CASES) & (counts / of >= _TIMES_AS_OFTEN * others / of_before)
    return frozenset(np.array(tested)[sure & often].tolist())
