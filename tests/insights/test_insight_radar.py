"""New complaints are looked for among the texts of the corpus, which are as varied as texts get."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from known_shop import NOW, QUARTER

from triage_ml.cases import CaseState, CaseSummary
from triage_ml.cases.histories import History, Said
from triage_ml.corpus import load_corpus
from triage_ml.insights import Insights
from triage_ml.insights.causes import Facts
from triage_ml.insights.radar import LEAST_KNOWN, Watching, words_of
from triage_ml.messages import Category, Claim, Direction, MessageKind, OrderLine

MAGNETS = (
    "The little magnet on the back fell out of the fridge photo after one day.",
    "Magnet came unglued, the picture slid down the fridge and now has a bent corner.",
    "There is no magnet left on the back, it dropped off in the envelope I think.",
    "the magnets arent holding at all, tile keeps sliding off my fridge",
    "Glued magnet popped off when I took it off the refrigerator door. Can you send new ones?",
    "Mine arrived with one magnet loose in the box and the other one missing glue.",
    "Back magnet detached within hours. Lovely photo otherwise!",
    "Two of the four fridge tiles lost their magnet already",
    "hello, the magnet does not stick to the tile any more, only to the fridge lol",
    "It keeps falling off the fridge because the magnet is too weak for the weight.",
    "My mum's tile lost the magnet the first evening, it is still stuck to her fridge.",
    "magnet fell off. glue?",
)
WEEKS = 7 * timedelta(days=1)


@pytest.fixture(scope="module")
def corpus():
    rows = load_corpus(Path(__file__).parents[2] / "training" / "corpus")
    random.Random(5).shuffle(rows)
    return [(row.text, row.lang) for row in rows if "magnet" not in row.text.lower()]


def _history(number, text, language, at, unsure):
    category = Category.NEEDS_REVIEW if unsure else Category.QUALITY
    case = CaseSummary(
        f"C-{number:06d}", 1, CaseState.OPEN, at, at, at, OrderLine(sku="TILE-4"), "amazon", language, category, Claim.QUALITY, 0.5,
        0.0, None, "", None, None,
    )  # fmt: skip
    said = Said(
        number, at, Direction.IN, MessageKind.BUYER, language, "", text, "", False, Claim.QUALITY, category, (), "m", None
    )
    facts = Facts(at, category, Claim.QUALITY, ("fault",), frozenset(), None, None, frozenset())
    return History(case, (said,)), facts


def _radar(earlier, now):
    """Watch texts of before and of the quarter; each is (text, language, whether the model abstained)."""
    watching = Watching(QUARTER)
    for number, (text, language, unsure) in enumerate([*earlier, *now]):
        at = QUARTER.since - WEEKS if number < len(earlier) else QUARTER.since + WEEKS
        watching.add(*_history(number, text, language, at, unsure), "TILE-4")
    return watching.radar()


def test_a_new_complaint_among_varied_texts_is_found(corpus):
    earlier = [(*row, False) for row in corpus[:6000]]
    now = [(*row, False) for row in corpus[6000:8000]] + [(text, "en", False) for text in MAGNETS]
    found = _radar(earlier, now)
    (theme,) = [theme for theme in found.themes if "magnet" in theme.words]
    assert theme.words[0] == "magnet" and "magnet" in theme.standing_out and theme.language == "en"
    assert theme.cases >= 10 and theme.groups == {"TILE-4": theme.cases}
    assert all("magnet" in excerpt.text.lower() for excerpt in theme.excerpts)
    assert len(found.themes) <= 2
    assert found == _radar(earlier, now)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_nothing_is_new_hardly_anything_is_found(corpus, seed):
    draw = random.Random(seed)
    texts = [(*row, draw.random() < 0.08) for row in draw.sample(corpus, 6000)]
    found = _radar(texts[:4000], texts[4000:])
    assert found.cases == 2000 and found.known == 4000 and 100 < found.abstained < 220
    assert len(found.themes) <= 1


def test_what_the_model_abstains_on_is_found_even_without_a_past(corpus):
    now = [(*row, False) for row in corpus[:1500]] + [(text, "en", True) for text in MAGNETS]
    found = _radar([], now)
    assert (found.known, found.abstained, found.compared) == (0, 12, 12)
    assert found.themes[0].words[0] == "magnet" and found.themes[0].abstained >= 10


def test_few_cases_say_nothing(corpus):
    now = [(text, "en", True) for text in MAGNETS]
    earlier = [(*row, False) for row in corpus if row[1] == "en"][: LEAST_KNOWN - 1]
    found = _radar(earlier, now)
    assert found.themes == () and found.abstained == 12
    assert _radar([], []).themes == ()


def test_words_of_every_language_are_told_apart():
    assert list(words_of("The MAGNET fell off, 2x!")) == ["the", "magnet", "fell", "off"]
    assert list(words_of("Größe zu klein")) == ["grösse", "klein"]
    assert list(words_of("磁石が外れた mug")) == ["磁石", "石が", "が外", "外れ", "れた", "mug"]
    assert list(words_of("?! 12 :)")) == []


def test_excerpts_hold_no_personal_data_and_erased_cases_count(store, say):
    names = ("Lena", "Tobias", "Mirjam")
    for number in range(LEAST_KNOWN + 10):
        say(
            "Where is my parcel? Tracking says nothing since Monday.",
            Claim.OTHER,
            QUARTER.since - WEEKS,
            order=f"302-7777777-{number:07d}",
        )
    for name in names:
        text = f"The hologram sticker peels off, my number is +49 170 1234567. Best wishes, {name}"
        say(text, unsure=True, customisation=name)
    say("", unsure=True)
    radar = Insights.of(store, QUARTER.since, NOW).radar
    assert (radar.cases, radar.abstained) == (4, 4)
    (theme,) = radar.themes
    assert "hologram" in theme.words and theme.abstained == 3
    assert not any(name in repr(theme) or "1234567" in repr(theme) for name in names)
    assert not any(name.lower() in theme.words for name in names)
