from decimal import Decimal

import pytest

from triage_ml.cases import Decision, Label, Outcome, OutcomeKind
from triage_ml.cases.histories import walk_histories
from triage_ml.cases.ledger import erase
from triage_ml.cues import CUE_TYPES
from triage_ml.insights.causes import facts_of, load_causes, load_fixes, trade_says
from triage_ml.messages import Category, Claim, Direction, MessageKind, Money


def _facts(store):
    return facts_of(next(walk_histories(store)))


@pytest.mark.parametrize(
    ("text", "claim", "cause", "expectation"),
    [
        ("The clasp snapped the first time my daughter put it on.", Claim.QUALITY, "fault", False),
        ("arrived smashed, there is glass everywhere", Claim.QUALITY, "damage", False),
        ("nothing like the picture, I am sorry to say", Claim.MISMATCH, "differs_picture", True),
        ("Not as described! It should be real leather.", Claim.MISMATCH, "differs_listing", True),
        ("I ordered navy and got black.", Claim.MISMATCH, "differs_order", False),
        ("You printed somebody else's photo, who are these people?", Claim.MISMATCH, "differs_order", False),
        ("Farbe ganz anders als auf dem Bild.", Claim.MISMATCH, "differs_picture", True),
        ("Reçu en bleu alors que j'ai commandé vert.", Claim.MISMATCH, "differs_order", False),
        ("写真と全然違う色でした。", Claim.MISMATCH, "differs_picture", True),
        ("跟图片完全不一样", Claim.MISMATCH, "differs_picture", True),
        ("The lid is missing.", Claim.MISMATCH, "missing", False),
        ("Feels cheap, I expected more for the money.", Claim.SUBJECTIVE, "expectation", True),
        ("Too small for me, sadly.", Claim.SUBJECTIVE, "fit", True),
        ("Too sweet for me, sorry.", Claim.SUBJECTIVE, "taste", True),
        ("I changed my mind, don't need it any more.", Claim.SUBJECTIVE, "changed_mind", False),
        ("hmm.", Claim.SUBJECTIVE, "unnamed_subjective", False),
        ("Where is my parcel? Tracking says nothing.", Claim.OTHER, "delivery", None),
        ("Could I have it with two names?", Claim.OTHER, "unnamed_other", None),
    ],
)  # fmt: skip
def test_causes_are_told_by_the_words(store, say, text, claim, cause, expectation):
    say(text, claim)
    facts = _facts(store)
    assert cause in facts.causes and facts.expectation is expectation
    assert {load_causes()[one].claim for one in facts.causes} == {claim}


def test_the_same_words_speak_for_one_cause(store, say):
    say("It is too small for me.", Claim.SUBJECTIVE)
    assert _facts(store).causes == ("fit",)


def test_what_is_denied_or_asked_is_no_cause(store, say):
    say("It is not broken. Does it leak in the dishwasher?", Claim.QUALITY)
    assert _facts(store).causes == ("unnamed_quality",)


def test_a_return_reason_stands_in_where_no_words_do(store, say):
    say("", reason_code="CR-NOT_AS_DESCRIBED", claim_hint=Claim.MISMATCH)
    facts = _facts(store)
    assert facts.causes == ("differs_listing",) and facts.expectation is None


def test_a_return_reason_beside_words_is_no_expectation(store, say):
    say("it is what it is", Claim.MISMATCH, reason_code="NOT_AS_DESCRIBED")
    facts = _facts(store)
    assert facts.causes == ("differs_listing",) and facts.expectation is False


def test_a_very_long_text_is_read_in_a_moment(store, say):
    say("it broke and it leaks, " * 800)
    facts = _facts(store)
    assert "fault" in facts.causes and len(facts.phrases) < 20


def test_phrases_are_the_words_themselves(store, say):
    say("It is too small for me.  TOO SMALL!", Claim.SUBJECTIVE)
    assert {cause for cause, _ in _facts(store).phrases} == {"fit"}
    assert any("too small" in words for _, words in _facts(store).phrases)


def test_an_erased_case_keeps_its_cause_and_cannot_tell_expectation(store, say):
    case = say("nothing like the picture, I am sorry to say", Claim.MISMATCH)
    with store.changing(case.id) as change:
        erase(change.journal, [store.case(case.id).messages[0].id], "retention", change.id, "")
    facts = _facts(store)
    assert facts.causes == ("differs",) and facts.expectation is None and not facts.phrases
    assert facts.complains and facts.cost is not None


def test_a_person_s_word_counts_more_than_the_judgement(store, say):
    case = say("Too small for me, sadly.", Claim.SUBJECTIVE)
    version = store.decide(case.id, case.version, Decision("Mia", Category.MISMATCH, "remake"))
    assert (_facts(store).category, _facts(store).claim) == (Category.MISMATCH, Claim.MISMATCH)
    store.undo(case.id, version, "Mia")
    assert _facts(store).claim is Claim.SUBJECTIVE
    store.label(case.id, Label("Mia", Claim.QUALITY, abuse=True))
    assert (_facts(store).category, _facts(store).claim) == (Category.ABUSE, Claim.QUALITY)
    assert _facts(store).complains


def test_cost_is_what_was_spent_then_decided_then_expected(store, say):
    case = say("The clasp snapped.")
    recommended = store.case(case.id).messages[0].judgement.resolution["recommended"]["cost"]
    assert _facts(store).cost == Money(Decimal(recommended["amount"]), recommended["currency"])
    five, three, one = (Money(Decimal(amount), "EUR") for amount in ("5.00", "3.00", "1.00"))
    store.decide(case.id, case.version, Decision("Mia", Category.QUALITY, "part_refund_keep", five))
    assert _facts(store).cost == five
    store.outcome(case.id, Outcome("Mia", OutcomeKind.ACCEPTED, spent=three))
    store.outcome(case.id, Outcome("Mia", OutcomeKind.REFUNDED, spent=one))
    assert _facts(store).cost == Money(Decimal("4.00"), "EUR")


def test_a_case_in_which_nobody_asked_says_nothing(store, say):
    say("Your parcel is on its way.", Claim.OTHER, direction=Direction.OUT, kind=MessageKind.SELLER)
    assert _facts(store) is None


def test_the_data_file_holds_together():
    for cause in load_causes().values():
        assert cause.id.split("_")[0] == "unnamed" or cause.id.startswith("differs") or cause.id in CUE_TYPES
        assert cause.fix in load_fixes() or cause.id == "unnamed_other"
        assert all(cause.names.values())
    assert {f"unnamed_{claim}" for claim in Claim} <= set(load_causes())
    for fix in load_fixes().values():
        assert all(fix.names.values()) and all(fix.advice.values())
        assert any(cause.fix == fix.id for cause in load_causes().values())
    assert trade_says() == 0.6
