"""What people did with suggestions becomes votes: by place, by how much was edited, and only for what it tells about."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled_shop import shop_row
from scipy.sparse import csr_matrix

from triage_ml.cases import Decision, Label
from triage_ml.cases.store import CaseStore
from triage_ml.classifier import FixedClassifier
from triage_ml.corpus import data_hash
from triage_ml.learning import Parameters, tabulate
from triage_ml.messages import Category, Claim, Message
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.reply_model import Circumstances, fit_replies, fitting
from triage_ml.retraining.choosing import propensities, voted, votes
from triage_ml.retraining.labels import from_record
from triage_ml.retraining.records import Choice
from triage_ml.triage import Triage

SHOWN = ("q_remake", "q_ask_photo", "q_full_refund")
LOOKED_AT, WEIGHTS = np.array([1.0, 0.5, 0.25]), np.array([1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    ("taken", "edited", "says"),
    [
        ("q_remake", 0.0, {"q_remake": 1.0}),
        ("q_remake", 0.25, {"q_remake": 1.0}),
        ("q_ask_photo", 0.1, {"q_remake": -1.0, "q_ask_photo": 2.0}),
        ("q_full_refund", None, {"q_remake": -1.0, "q_ask_photo": -0.5, "q_full_refund": 4.0}),
        ("q_ask_photo", 0.375, {"q_remake": -1.0, "q_ask_photo": 1.0}),
        ("q_ask_photo", 0.5, {}),
        ("q_ask_photo", 0.9, {"q_remake": -1.0, "q_ask_photo": -1.0, "q_full_refund": -0.25}),
        ("q_remake", 0.625, {"q_remake": -0.5, "q_ask_photo": -0.25, "q_full_refund": -0.125}),
        ("", None, {"q_remake": -1.0, "q_ask_photo": -0.5, "q_full_refund": -0.25}),
        ("o_thanks", None, {"o_thanks": 1.0}),
        ("o_thanks", 1.0, {"q_remake": -1.0, "q_ask_photo": -0.5, "q_full_refund": -0.25, "o_thanks": -1.0}),
    ],
)
def test_a_choice_speaks_for_what_was_kept_and_against_what_was_passed_over(taken, edited, says):
    assert votes(Choice(SHOWN, taken, edited), LOOKED_AT, WEIGHTS) == says


def test_without_an_answer_nothing_is_said():
    assert votes(Choice(SHOWN, answered=False), LOOKED_AT, WEIGHTS) == {}


def test_how_much_the_place_does_is_found_from_many_decisions():
    random, true = np.random.default_rng(3), np.array([1.0, 0.4, 0.15])
    expected = random.dirichlet([2, 1, 1], 6000)
    chances = expected * true / (expected @ true)[:, None]
    taken = (chances.cumsum(axis=1) < random.random(len(chances))[:, None]).sum(axis=1)
    assert propensities(expected, taken) == pytest.approx(true, abs=0.04)


def test_few_decisions_hardly_move_what_is_known_of_search_results():
    assert propensities(np.zeros((0, 3)), np.array([], dtype=int)) == pytest.approx([1, 1 / 2, 1 / 3])
    third = propensities(np.full((3, 3), 1 / 3), np.array([2, 2, 2]))
    assert third == pytest.approx([1, 1 / 2, 1 / 3], abs=0.2)


@given(st.lists(st.tuples(st.lists(st.floats(0.001, 1), min_size=3, max_size=3), st.integers(0, 2)), max_size=30))
def test_no_place_is_looked_at_more_often_than_the_one_before(told):
    expected = np.array([line for line, _ in told]).reshape(len(told), 3)
    found = propensities(expected, np.array([place for _, place in told], dtype=int))
    assert found[0] == 1 and (found > 0).all() and (np.diff(found) <= 0).all()


def _chose(taken, shown=SHOWN, n=0, edited=0.0):
    return replace(
        shop_row(f"The glaze is cracked on cup {n}", buyer=f"b{n}", id=str(n), votes=()), choice=Choice(shown, taken, edited)
    )


def test_a_taking_lower_down_counts_more_and_all_together_what_takings_count():
    rows = [_chose("q_remake", n=n) for n in range(8)] + [_chose("q_ask_photo", n=8), _chose("q_full_refund", n=9)]
    said = [dict(one.row.votes) for one in voted(rows)]
    first, second, third = said[0]["q_remake"], said[8]["q_ask_photo"], said[9]["q_full_refund"]
    assert (second / first, third / first) == (pytest.approx(2), pytest.approx(3))
    assert sum(vote for one in said for vote in one.values() if vote > 0) == pytest.approx(2 * len(rows))
    assert voted([shop_row("It broke")]) == [shop_row("It broke")]


def test_where_the_first_fits_best_anyway_its_place_explains_less():
    rows = [_chose("q_remake", n=n) for n in range(80)] + [_chose("q_ask_photo", n=n) for n in range(80, 100)]
    sure, even = {"q_remake": 0.8, "q_ask_photo": 0.2}, dict.fromkeys(SHOWN, 0.3)
    ratios = []
    for said in (sure, even):
        got = [dict(one.row.votes) for one in voted(rows, [said] * len(rows))]
        ratios.append(got[99]["q_ask_photo"] / got[0]["q_remake"])
    assert 1 <= ratios[0] < 1.5 < 2.5 < ratios[1] <= 4


def test_the_record_tells_what_was_done_with_the_suggestions(tmp_path, policy, templates):
    triage = Triage(FixedClassifier(Claim.QUALITY), policy, ReplyRanker(templates, policy))
    texts = ["The frame is cracked.", "The vase came in shards.", "Handle fell off today.", "Paint peels.", "It rattles."]
    messages = [Message(f"m{n}", text, sent_at=datetime(2026, 5, n + 1, tzinfo=UTC)) for n, text in enumerate(texts)]
    with CaseStore.open(str(tmp_path / "cases.db")) as store:
        store.record(triage.assess_many(messages), "import")
        second, rewritten, labelled, undone, silent = (case.id for case in store.walk())
        kept = Decision("Mia", Category.QUALITY, "remake", shown=SHOWN, final_text="We make it again.", template_id="q_remake")
        store.decide(second, 1, replace(kept, template_id="q_ask_photo", edited=0.1))
        store.decide(rewritten, 1, replace(kept, edited=0.8))
        store.label(labelled, Label("Li", Claim.SUBJECTIVE))
        store.decide(labelled, 2, replace(kept, edited=0.0))
        store.undo(undone, store.decide(undone, 1, replace(kept, edited=0.0)), "Mia")
        store.label(undone, Label("Li", Claim.QUALITY))
        store.decide(silent, 1, replace(kept, template_id="", final_text=""))
        said = {one.case_id: {name: vote > 0 for name, vote in one.row.votes} for one in from_record(store)}
    assert said == {
        second: {"q_remake": False, "q_ask_photo": True},
        rewritten: dict.fromkeys(SHOWN, False),
        labelled: {"q_remake": True},
        undone: {},
        silent: {},
    }


def test_votes_change_the_scores_of_what_they_speak_about():
    random = np.random.default_rng(1)
    words = (random.random((60, 12)) < 0.3).astype(float)
    words[:, 0] = np.arange(60) >= 40  # a word that only the shop's texts have
    replies = np.zeros((60, 4))
    replies[np.arange(60), np.arange(60) % 3] = 1
    known = np.ones((60, 4))
    replies[40:, :3], known[40:, :3] = 0, 0
    known[40:, 1] = 2
    against = _scores(words, replies, known)
    replies[40:, 1] = 1
    taken = _scores(words, replies, known)
    known[40:, 1] = 0
    silent = _scores(words, replies, known)
    assert against[1] < silent[1] < taken[1]
    assert silent[[0, 2]] == pytest.approx(_scores(words[:40], replies[:40], known[:40])[[0, 2]], abs=0.02)


def _scores(words, replies, known):
    n = len(words)
    judged, beside = (np.full((n, 4), 0.25), np.zeros(n)), [Circumstances()] * n
    matrix, widths = csr_matrix(np.hstack([words, np.ones((n, 1))])), (words.shape[1], 1)
    experts = fit_replies(matrix, widths, replies.astype(np.float32), known.astype(np.float32), judged, beside, 1.0)
    asked = csr_matrix(np.hstack([[[1.0] + [0.0] * (words.shape[1] - 1)], [[1.0]]]))
    return fitting(experts, asked, widths, (np.full((1, 4), 0.25), np.zeros(1)), [Circumstances()])[0][0]


def test_a_template_that_the_corpus_does_not_know_is_learned_from_twenty_takings_on():
    corpus = [shop_row(f"The clasp of necklace {n} broke", id=str(n), replies=("q_remake",)).row for n in range(30)]
    for takings, ids in ((19, ["q_remake"]), (20, ["own", "q_remake"])):
        shop = [one.row for one in voted([_chose("own", ("own",), n) for n in range(takings)])]
        table, _, found = tabulate([*corpus, *shop], Parameters(min_word=1, min_character=1))
        assert found == ids
        assert (table.known[:30] == 1).all() and (table.known[30:, ids.index("q_remake")] == 0).all()


def test_rows_without_votes_hash_as_ever_and_votes_tell_rows_apart():
    row = shop_row("It broke").row
    assert "votes" not in repr(row)
    assert len({data_hash([row]), data_hash([replace(row, votes=())]), data_hash([replace(row, votes=(("a", 1.0),))])}) == 3
