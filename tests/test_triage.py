from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage_ml.classifier import FixedClassifier
from triage_ml.customisation import Verdict
from triage_ml.messages import Category, Claim, Message, MessageKind, Money, OrderLine
from triage_ml.policy import load_policy
from triage_ml.replies.library import load_templates
from triage_ml.replies.ranker import ReplyRanker
from triage_ml.resolution import Evidence, Findings, RemedyKind
from triage_ml.triage import Triage, settle

POLICY = load_policy()
RANKER = ReplyRanker(load_templates(), POLICY)
MUG = OrderLine("302-1111111-2222222", "MUG-1", "Name mug", Money(Decimal("24.90"), "EUR"), 1, "de", None, True, "Für Oma")


def _triage(claim=Claim.QUALITY, probability=0.91, abuse=0.01):
    return Triage(FixedClassifier(claim, probability, abuse), POLICY, RANKER)


def test_an_assessment_holds_everything():
    found = _triage().assess(Message("m1", "Die Tasse ist kaputt", order=MUG))
    assert (found.category, found.prediction.language) == (Category.QUALITY, "de")
    assert found.resolution.recommended.kind in (RemedyKind.REMAKE, RemedyKind.FULL_REFUND_KEEP)
    assert len(found.replies) == 3
    assert "Name mug" in "".join(reply.text for reply in found.replies)
    assert (found.model, found.policy) == ("fixed", "shipped 2026-11-01")


@given(
    st.sampled_from(list(Claim)),
    st.sampled_from([0.0, 0.99]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["It broke", "写错了名字", "perché", "?"]),
)
def test_replies_never_go_beyond_the_resolution(claim, abuse, personalised, text):
    message = Message("1", text, order=replace(MUG, personalised=personalised))
    found = _triage(claim, abuse=abuse).assess(message)
    allowed = {r.kind for r in found.resolution.remedies}
    assert found.replies
    for reply in found.replies:
        template = RANKER.templates[reply.template_id]
        assert claim in template.claims
        assert allowed & set(template.remedies)
        assert reply.template_id != "s_explain_policy" or (claim is Claim.SUBJECTIVE and personalised)
        assert 0 <= reply.score <= 1 and reply.reason
    assert [r.score for r in found.replies] == sorted((r.score for r in found.replies), reverse=True)


def test_a_notice_is_no_complaint_whatever_it_says():
    found = _triage(abuse=0.99).assess(Message("1", "Return: item defective", kind=MessageKind.RETURN_REQUEST))
    assert (found.category, found.prediction.claim) == (Category.OTHER, Claim.OTHER)
    assert found.replies == ()
    assert found.reasons[0] == "return request text, not a buyer's message"


def test_a_reason_without_a_comment_stands_in_for_it():
    judged = FixedClassifier(Claim.OTHER).predict_many([""])[0]
    found, why = settle(Message("1", "", reason_code="DEFECTIVE", claim_hint=Claim.QUALITY), judged)
    assert (found.claim, found.category) == (Claim.QUALITY, Category.QUALITY)
    assert why == ("no comment; return reason DEFECTIVE suggests quality",)
    unknown, _ = settle(Message("1", "", reason_code="XYZ"), judged)
    assert unknown.category is Category.NEEDS_REVIEW


def test_a_reason_breaks_a_tie_and_never_overrules():
    judged = FixedClassifier(Claim.SUBJECTIVE, 0.4).predict_many(["hm"])[0]
    torn = replace(judged, category=Category.NEEDS_REVIEW, claim_set=(Claim.SUBJECTIVE, Claim.QUALITY))
    hinted = Message("1", "hm", reason_code="DEFECTIVE", claim_hint=Claim.QUALITY)
    assert settle(hinted, torn)[0].category is Category.QUALITY
    assert settle(hinted, judged)[0].category is Category.SUBJECTIVE


def test_reasons_quote_the_words_they_stand_on():
    found = _triage().assess(Message("1", "It is broken and I want a refund"))
    assert any("broken" in reason for reason in found.reasons)


def test_one_and_many_agree(triage):
    messages = [Message(str(n), text, order=MUG) for n, text in enumerate(["It broke", "名字写错了", "Danke!", "Where is it?"])]
    assert [triage.assess(m) for m in messages] == triage.assess_many(messages)


def test_what_happened_before_reaches_the_resolution():
    message = Message("1", "Der Henkel ist ab", order=MUG)
    triage = _triage()
    first = triage.assess(message).resolution
    assert RemedyKind.ASK_EVIDENCE in {remedy.kind for remedy in first.remedies}
    asked = triage.assess(message, Findings(asked=True)).resolution
    assert asked.recommended.kind is RemedyKind.WAIT
    shown = triage.assess(message, Findings(evidence=Evidence.SENT)).resolution
    assert RemedyKind.ASK_EVIDENCE not in {remedy.kind for remedy in shown.remedies}
    declined = triage.assess(message, Findings(declined=(RemedyKind.PART_REFUND_KEEP,))).resolution
    assert declined.offer.offer.amount > first.offer.offer.amount


def test_the_order_is_always_compared():
    message = Message("1", "It says Ema on it, but I ordered Emma", order=replace(MUG, customisation="Emma"))
    with_findings = _triage(Claim.MISMATCH).assess(message, Findings(asked=True))
    assert with_findings.comparison == _triage(Claim.MISMATCH).assess(message).comparison
    assert with_findings.comparison.verdict is Verdict.OUR_ERROR


def test_each_message_has_findings_of_its_own():
    messages = [Message(str(n), "Der Henkel ist ab", order=MUG) for n in range(2)]
    asked, fresh = _triage().assess_many(messages, [Findings(asked=True), Findings()])
    assert asked.resolution.recommended.kind is RemedyKind.WAIT != fresh.resolution.recommended.kind
    with pytest.raises(ValueError, match="shorter"):
        _triage().assess_many(messages, [Findings()])
