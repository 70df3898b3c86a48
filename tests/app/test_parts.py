"""Parts of the screen that need no screen: strings, marks, times, who has what open."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from saying import library_errors

from marking import marked, marks_of
from presence import Board
from telling import left, percent
from triage_ml.acceptance import Acceptance, OfferMade
from triage_ml.classifier import FixedClassifier
from triage_ml.clocks import Actor
from triage_ml.cues import CUE_TYPES
from triage_ml.errors import FormatError, ReadError
from triage_ml.language import LANGUAGES as SERVED
from triage_ml.messages import Category, Claim, Message, MessageKind
from triage_ml.readers import read_messages
from triage_ml.readers.foreign import _KNOWN, _PACKED
from triage_ml.replies.rulebook import load_rulebook
from triage_ml.resolution import RemedyKind
from triage_ml.text import clean
from triage_ml.triage import Triage
from wording import LANGUAGES, WordingError, check_strings, read_sentences, wording

HAN = re.compile(r"[\u4e00-\u9fff]")
# What is quoted or named stays as it is; three words of English in a row are a sentence that nobody translated.
QUOTED = re.compile(r"`[^`]*`|“[^”]*”")
ENGLISH = re.compile(r"(?:\b[A-Za-z]{2,} ){2}[a-z]{2,}")


def in_chinese(said):
    """Say whether nothing of a sentence is left in English."""
    meant = wording("zh").sentence(said)
    return bool(HAN.search(meant)) and not ENGLISH.search(QUOTED.sub("", meant))


# --- strings


def test_both_languages_say_the_same_things():
    for language in LANGUAGES:
        assert wording(language).strings


@pytest.mark.parametrize(
    ("en", "zh", "named"),
    [
        ({"a.b": "x", "a.c": "y"}, {"a.b": "x"}, "zh: found no a.c"),
        ({"a.b": "x"}, {"a.b": "x", "a.c": "y"}, "en: found no a.c"),
        ({"a.b": "{n} of {all}"}, {"a.b": "{n}"}, "zh, a.b"),
    ],
)
def test_files_that_differ_are_refused(en, zh, named):
    with pytest.raises(WordingError, match=named):
        check_strings({"en": en, "zh": zh})


def test_everything_the_library_can_name_has_a_name_on_the_screen():
    sections = {
        "category": Category, "claim": Claim, "remedy": RemedyKind, "cue": CUE_TYPES, "languages": SERVED,
        "clocks": [actor for actor in Actor if actor is not Actor.SELLER],
    }  # fmt: skip
    say = wording("zh")
    assert [f"{name}.{one}" for name, ones in sections.items() for one in ones if not say.knows(f"{name}.{one}")] == []


def test_what_the_outgoing_check_says_is_said_in_chinese():
    assert [text for rule in load_rulebook().rules for text in (rule.why, rule.fix) if not in_chinese(text)] == []


def test_what_the_library_says_of_remedies_is_said_in_chinese(policy, judge):
    said = set()
    for resolution in resolutions(policy, judge):
        for remedy in (*resolution.remedies, *resolution.refused):
            said |= {remedy.why, remedy.break_even}
        said |= {line.partition(": ")[2] for line in resolution.forbidden}
    said.discard("")
    assert len(said) > 30 and sorted(text for text in said if not in_chinese(text)) == []


def test_why_a_reply_is_proposed_is_said_in_chinese(judge):
    from mug import MUG

    said = set()
    for text in ("The handle broke off.", "I ordered blue and got red.", "I do not like the colour.", "Where is my parcel?"):
        for reply in judge.assess(Message("m", text, MUG, channel="amazon")).replies:
            said |= set(reply.reason.partition("); ")[2].split("; "))
    said.discard("")
    assert said and sorted(text for text in said if not in_chinese(text)) == []


def test_what_the_chance_of_an_offer_rests_on_is_said_in_chinese():
    offers = [OfferMade(Claim.QUALITY, 0.3, True), OfferMade(Claim.MISMATCH, 0.2, False)]
    for known in ([], offers[:1], offers):
        assert in_chinese(Acceptance(known).source(Claim.QUALITY))


def test_whatever_can_go_wrong_is_said_in_chinese():
    said = dict((sentence, place) for place, sentence in library_errors())
    assert len(said) > 150
    assert {sentence: place for sentence, place in said.items() if not in_chinese(sentence.replace("{}", "7"))} == {}


@pytest.mark.parametrize("magic", [magic for magic, _ in (*_KNOWN, *_PACKED)])
def test_what_a_file_is_instead_is_said_in_chinese(tmp_path, magic):
    file = tmp_path / "week.csv"
    file.write_bytes(magic + bytes(200))
    with pytest.raises(FormatError) as error:
        list(read_messages(file))
    assert in_chinese(str(error.value))


def test_a_row_that_cannot_be_read_is_told_in_chinese():
    error = ReadError("week.csv", 4, "sent_at", "not a day", "expected a date that exists, such as 2026-07-10 or 10-Jul-2026")
    meant = wording("zh").sentence(str(error))
    assert meant == "week.csv 第 4 行，sent_at：应为真实存在的日期，如 2026-07-10 或 10-Jul-2026（实际内容 'not a day'）"


def test_a_sentence_that_nobody_translated_stays_whole():
    for said in ("Something nobody translated.", "Put one in the other. Then wait.", "no such thing: found in the attic"):
        assert wording("zh").sentence(said) == said
        assert wording("en").sentence(said) == said


def resolutions(policy, judge):
    """Resolve every claim, kind and order that differ in what is said of them."""
    from dataclasses import replace
    from decimal import Decimal

    from mug import MUG

    from triage_ml.messages import Money

    texts = (
        "I want my money back. It broke.",
        "A part is missing, send a new one, see photo.",
        "My mistake, I typed it wrong. Too small.",
    )
    for claim, abuse, text in product(Claim, (0.01, 0.9), texts):
        triage = Triage(FixedClassifier(claim, 0.91, abuse), policy, judge.ranker)
        for personalised, paid in product((True, False, None), (None, Decimal("1.50"), Decimal("24.90"), Decimal(900))):
            order = replace(MUG, personalised=personalised, paid=Money(paid, "EUR") if paid else None)
            yield triage.assess(Message("m", text, order, channel="amazon")).resolution
    triage = Triage(FixedClassifier(), policy, judge.ranker)
    for kind in MessageKind:
        yield triage.assess(Message("m", "A notice", MUG, kind=kind, channel="amazon")).resolution


def test_a_sentence_with_amounts_keeps_them():
    say = wording("zh")
    said = say.sentence(
        "A remake pays against the refund as long as making and sending it costs less than 20.65 EUR (now 11.21 EUR)."
    )
    assert HAN.search(said) and "20.65 EUR" in said and "11.21 EUR" in said


def test_what_stands_for_a_sentence_has_as_many_gaps():
    for language in LANGUAGES:
        for said, meant in read_sentences(language).items():
            assert said.count("{}") == len(re.findall(r"\{\d*\}", meant)), said


# --- marks


@given(
    st.text(max_size=80), st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90), st.sampled_from(CUE_TYPES)), max_size=6)
)
def test_a_marked_text_is_the_text_and_nothing_in_it_is_a_tag(text, spans):
    marks = marks_of({"start": a, "end": min(b, len(clean(text))), "type": cue} for a, b, cue in spans)
    page = marked(text, marks, {})
    assert unescape(re.sub(r"</?mark[^>]*>", "", page)) == clean(text)
    assert set(re.findall(r"<(\w+)", page)) <= {"mark"}
    assert all(one.end <= other.start for one, other in zip(marks, marks[1:], strict=False))


def test_of_marks_that_overlap_the_longest_is_shown():
    cues = [{"start": 0, "end": 3, "type": "fault"}, {"start": 0, "end": 9, "type": "differs", "negated": True}]
    (mark,) = marks_of(cues)
    assert mark.cue == "differs" and mark.group == "plain"


# --- times and shares


@pytest.mark.parametrize(
    ("gap", "en"),
    [
        (timedelta(days=5), "in 5 days"), (timedelta(hours=47), "in 47 h"), (timedelta(minutes=5), "in 5 min"),
        (-timedelta(minutes=5), "5 min late"), (-timedelta(hours=3), "3 h late"), (-timedelta(days=9), "9 days late"),
    ],
)  # fmt: skip
def test_how_long_there_is(gap, en):
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert left(now + gap, now, wording("en")) == en
    assert left(None, now, wording("en")) == "nothing due"


@given(st.floats(0, 1))
def test_a_probability_is_never_called_certain_or_impossible(p):
    assert percent(p) not in ("0%", "100%")


# --- who has what open


def test_who_is_gone_is_not_shown_and_nobody_sees_themselves():
    moment = [datetime(2026, 11, 23, 12, tzinfo=UTC)]
    board = Board(lambda: moment[0])
    board.enter("C-1", "noah", "Noah")
    board.enter("C-1", "mia", "Mia")
    assert board.other("C-1", "mia").who == "Noah" and board.other("C-1", "noah").who == "Mia"
    board.enter("C-2", "noah", "Noah")
    assert board.other("C-1", "mia") is None
    board.leave("noah")
    assert board.other("C-2", "mia") is None
    moment[0] += timedelta(minutes=11)
    assert board.other("C-1", "noah") is None
