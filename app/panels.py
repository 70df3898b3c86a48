"""The parts of a case as a person reads them; each function draws one. What buyers say is escaped, never HTML or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import streamlit as st
from markupsafe import Markup

import session
import telling
from file_checks import thumbnail
from marking import CARE, marks_of, quotes
from triage_ml.cases import AttachmentKind, Case, Filter, Order
from triage_ml.cases.records import CaseDecision, CaseOutcome, CaseProposal
from triage_ml.clocks import Actor, all_clocks
from triage_ml.customisation import Comparison, Verdict
from triage_ml.messages import Category, OrderLine
from triage_ml.resolution import Evidence, Findings, Remedy, Resolution
from triage_ml.triage import Assessment

_OTHERS_SHOWN = 5
# Remedies named on the fold that holds them.
_NAMED = 2
_PHOTOS, _PHOTO_WIDTH = 3, 130


def badge(category: str) -> Markup:
    """Return a category as a coloured word."""
    return Markup('<span class="badge {}">{}</span>').format(category, session.say()(f"category.{category}"))


def due(due_at: datetime | None) -> Markup:
    """Return how long there is, red where it is over."""
    now = session.store().now()
    return Markup('<span class="due {}">{}</span>').format(
        telling.urgency(due_at, now), telling.left(due_at, now, session.say())
    )


def heading(case: Case) -> None:
    """Draw which case it is, what it is about and until when."""
    summary, say = case.summary, session.say()
    state = Markup('<span class="badge">{}</span>').format(say(f"state.{summary.state.value}"))
    st.html(
        Markup("<h3>{} &nbsp;{} {} &nbsp;{}</h3>").format(summary.id, badge(summary.category.value), state, due(summary.due_at))
    )
    if summary.hold:
        until = telling.at(summary.hold.expires_at, session.seller_zone())
        session.show_note("note", say("case.hold", date=until, reason=summary.hold.reason))


# --- what is known


def order(case: Case, comparison: Comparison | None) -> None:
    """Draw what the buyer typed beside what the message says was made, and the order line."""
    say, line = session.say(), case.summary.order
    titled(say("case.order"), case)
    says = comparison if comparison and (comparison.made or comparison.wanted) else None
    if says or line.customisation:
        _both(line.customisation, says)
    facts = [(name, value) for name, value in _order_facts(line) if value]
    cell = Markup("<div><small>{}</small>{}</div>")
    cells = [cell.format(say(f"case.{name}"), value) for name, value in facts]
    st.html(Markup('<div class="cells">{}</div>').format(Markup("").join(cells) or say("case.no_order")))


def titled(title: str, case: Case) -> None:
    """Draw a title, and beside it the way to what proves the case."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(title, anchor=False, width="stretch")
        label = session.say()("case.evidence")
        st.page_link("evidence/page.py", label=label, icon=":material/folder_open:", query_params={"case": case.id})


def _order_facts(line: OrderLine) -> list[tuple[str, str]]:
    say = session.say()
    made = "unknown" if line.personalised is None else "yes" if line.personalised else "no"
    known = line != OrderLine()
    return [
        ("product", line.product),
        ("paid", str(line.paid or "")),
        ("personalised", say(f"case.{made}") if known else ""),
        ("delivered", telling.at(line.delivered_at, session.seller_zone()) if line.delivered_at else ""),
        ("marketplace", line.marketplace.upper()),
        ("sku", line.sku),
        ("order_id", line.order_id),
    ]


def _both(customisation: str, comparison: Comparison | None) -> None:
    say = session.say()
    cell = Markup('<div><small>{}</small><span class="said">{}</span></div>')
    cells = [cell.format(say("case.customisation"), customisation or say("case.not_said"))]
    if comparison:
        cells += [
            cell.format(say("case.made"), comparison.made or say("case.not_said")),
            cell.format(say("case.wanted"), comparison.wanted or say("case.not_said")),
        ]
    st.html(Markup('<div class="both">{}</div>').format(Markup("").join(cells)))
    if comparison:
        session.show_note(
            "note" if comparison.verdict is Verdict.CANNOT_TELL else "good", say(f"case.{comparison.verdict.value}")
        )


def photos(case: Case) -> None:
    """Draw the buyer's kept pictures, small and drawn anew."""
    before: Mapping[str, bytes | None] = st.session_state.get("photos", {})
    kept = [file for file in case.attachments if file.kind is AttachmentKind.BUYER_PHOTO and Path(file.path).is_file()]
    # Those of this case alone are remembered, so that none outlives its erasure.
    st.session_state["photos"] = small = {
        file.sha256: before[file.sha256] if file.sha256 in before else thumbnail(Path(file.path).read_bytes())
        for file in kept[:_PHOTOS]
    }
    if pictures := [picture for picture in small.values() if picture]:
        with st.container(horizontal=True, gap="small"):
            for picture in pictures:
                st.image(picture, width=_PHOTO_WIDTH, alt=session.say()("case.photo"))


def clocks(case: Case, resolution: Resolution | None) -> None:
    """Draw every clock that runs: the seller's as the record keeps them, the others, folded, as the messages start them."""
    say, zone, now = session.say(), session.seller_zone(), session.store().now()
    st.subheader(say("clocks.title"))
    # A clock may be worded for one platform: that wording comes last and wins.
    known = sorted(all_clocks(), key=lambda clock: clock.channel == case.summary.channel)
    texts = {clock.id: clock.text[say.language] for clock in known}
    ours = []
    for one in case.deadlines:
        when = Markup("{}").format(say("clocks.met", time=telling.at(one.met_at, zone))) if one.met_at else due(one.due_at)
        ours.append(Markup("{} {} {}").format(texts.get(one.clock, one.clock), telling.at(one.due_at, zone), when))
    kept, others = {one.clock for one in case.deadlines}, []
    for running in resolution.deadlines if resolution else ():
        if running.clock_id not in kept and running.clock.who is not Actor.SELLER:
            until = say("clocks.due", time=telling.at(running.due_at, zone), left=telling.left(running.due_at, now, say))
            others.append(f"{running.text[say.language]} ({say(f'clocks.{running.clock.who.value}')}) {until}")
    others_folded = folded(say("clocks.others", n=len(others)), bullets(others)) if others else Markup("")
    st.html(bullets(ours or [say("clocks.none")]) + others_folded)


# --- what it is and what may be done


def judged(found: Assessment) -> None:
    """Draw what the message claims in a sentence, and folded below it how likely each claim is."""
    say, prediction = session.say(), found.prediction
    bar = Markup('<span>{}</span><i style="width:{}%"></i><span>{}</span>')
    likely = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    shares = [(say(f"claim.{claim.value}"), share) for claim, share in likely] + [(say("judged.care"), prediction.abuse)]
    bars = Markup("").join(bar.format(name, max(1, round(share * 100)), telling.percent(share)) for name, share in shares)
    care = say("judged.second") if prediction.category is Category.ABUSE else ""
    claim = telling.judged(prediction.probabilities, prediction.claim_set, say)
    sentence = Markup('<div class="says">{} {}</div>').format(claim, care)
    unsure = prediction.category is Category.NEEDS_REVIEW
    advice = Markup('<div class="note note">{}</div>').format(say("judged.unsure")) if unsure else ""
    st.html(sentence + advice + folded(say("judged.all"), Markup('<div class="bars">{}</div>').format(bars)))


def before(findings: Findings) -> None:
    """Draw what happened before in this case and counts now."""
    say = session.say()
    parts = [] if findings.evidence is Evidence.NONE else [say(f"before.{findings.evidence.value}")]
    parts += [say("before.asked")] if findings.asked else []
    parts += [say("before.declined", remedy=telling.remedy_name(kind, say)) for kind in dict.fromkeys(findings.declined)]
    if parts:
        st.html(Markup('<div class="quiet">{}</div>').format(" ".join(parts)))


def remedies(resolution: Resolution, chosen: str | None) -> None:
    """Draw the recommended remedy and the one that is chosen, each with cost and rule; the others and what not to do folded."""
    say, first = session.say(), resolution.recommended
    cards = _remedy(first, badge=say("remedies.recommended"), css="first")
    if chosen and chosen != first.kind:
        other = next((one for one in resolution.remedies if one.kind == chosen), None)
        never = next((one for one in resolution.refused if one.kind == chosen), None)
        if other or never:
            badge = say("remedies.chosen" if other else "remedies.not_allowed")
            cards += _remedy(other or never or first, badge=badge, css="" if other else "refused")
    others = Markup("").join(_remedy(one) for one in resolution.alternatives)
    pays = Markup('<div class="quiet">{}</div>').format(say.sentence(first.break_even)) if first.break_even else Markup("")
    names = [telling.short_name(one.kind, say) for one in resolution.alternatives]
    named = " · ".join([*names[:_NAMED], *(["…"] if len(names) > _NAMED else [])])
    title = say("remedies.more", names=named) if named else say("remedies.none")
    more = pays + others + _not_to_do(resolution)
    st.html(cards + (folded(title, more) if more else ""))


def _remedy(remedy: Remedy, *, badge: str = "", css: str = "") -> Markup:
    say = session.say()
    mark = Markup(' <span class="badge">{}</span>').format(badge) if badge else ""
    lines = (telling.money_line(remedy, say), telling.rule_and_reason(remedy.rule, remedy.why, say))
    small = Markup("").join(Markup("<small>{}</small>").format(line) for line in lines if line)
    return Markup('<div class="remedy {}"><b>{}</b>{}{}</div>').format(css, telling.remedy_name(remedy.kind, say), mark, small)


def _not_to_do(resolution: Resolution) -> Markup:
    say = session.say()
    refused = [f"{telling.remedy_name(r.kind, say)}: {telling.rule_and_reason(r.rule, r.why, say)}" for r in resolution.refused]
    forbidden = [telling.what_not_to_say(line, say) for line in resolution.forbidden]
    parts = ((say("remedies.refused"), refused), (say("remedies.forbidden"), forbidden))
    return Markup("").join(Markup("<b>{}</b>{}").format(title, bullets(lines)) for title, lines in parts if lines)


def folded(title: str, content: Markup) -> Markup:
    """Return something folded under its title, to be opened by a click or a key."""
    return Markup('<details class="more"><summary>{}</summary>{}</details>').format(title, content)


def bullets(lines: Iterable[str]) -> Markup:
    """Return lines as a list."""
    return Markup('<ul class="plain">{}</ul>').format(Markup("").join(Markup("<li>{}</li>").format(line) for line in lines))


def facts_first(case: Case) -> None:
    """Draw, where a second person must look, what is known: passages, files, other cases. It accuses nobody."""
    say = session.say()
    titled(say("facts.title"), case)
    read = [one for one in case.messages if one.judgement and not one.erased]
    passages = [
        f"“{quote}”" for one in read if one.judgement for quote in quotes(one.message.text, marks_of(one.judgement.cues), CARE)
    ]
    files = [file.name or file.kind.value for file in case.attachments]
    facts = {
        "words": bullets(dict.fromkeys(passages)) if passages else "",
        "files": bullets(files) if files else say("facts.no_files"),
        "others": bullets(others) if (others := other_cases(case)) else say("facts.no_others"),
    }
    part = Markup("<dt>{}</dt><dd>{}</dd>")
    known = Markup("").join(part.format(say(f"facts.{name}"), told) for name, told in facts.items() if told)
    note = '<div class="note note" role="status">{}</div><dl class="facts">{}</dl>'
    st.html(Markup(note).format(say("facts.text"), known))


def other_cases(case: Case) -> list[str]:
    """Return the newest other cases of the same buyer, each in a line."""
    if not case.summary.buyer_hash:
        return []
    say, zone = session.say(), session.seller_zone()
    where = Filter(buyer_hash=case.summary.buyer_hash)
    page = session.store().cases(where, Order.NEWEST, limit=_OTHERS_SHOWN + 1)
    found = [other for other in page.cases if other.id != case.id][:_OTHERS_SHOWN]
    return [" · ".join((o.id, telling.at(o.last_at, zone), say(f"claim.{o.claim.value}"), o.order.product)) for o in found]


# --- what was done


def proposed(proposal: CaseProposal, *, to_decide: bool) -> None:
    """Draw who proposed what, and when, and to whom may decide it what they may do."""
    say, made = session.say(), proposal.decision
    when = telling.at(proposal.proposed_at, session.seller_zone())
    told = say("second.proposed", who=made.by, time=when, what=telling.decision(made, say))
    session.show_note("note", f"{told} {say('second.what_now')}" if to_decide else told)


def proposed_text(proposal: CaseProposal) -> None:
    """Draw the reply that somebody proposed, as text."""
    if text := proposal.decision.final_text:
        st.html(Markup('<div class="turn out"><div class="said">{}</div></div>').format(text))


def history(case: Case) -> None:
    """Draw what was proposed and decided, what came of it, and what was noted and kept, oldest first."""
    say, zone = session.say(), session.seller_zone()
    st.subheader(say("history.title"))
    lines = [(made.id, _decided(made)) for made in case.decisions]
    lines += [(one.id, _proposed(one)) for one in case.proposals]
    lines += [(came.id, _came(came)) for came in case.outcomes]
    for given in case.labels:
        claim = say(f"claim.{given.label.claim.value}")
        lines.append((given.id, say("history.label", time=telling.at(given.at, zone), who=given.label.by, claim=claim)))
    lines += [(call.id, say("history.call", time=telling.at(call.at, zone), who=call.note.by)) for call in case.phone_notes]
    for file in case.attachments:
        name = file.name or say("case.erased_text")
        lines.append((file.id, say("history.file", time=telling.at(file.added_at, zone), who=file.added_by, name=name)))
    st.html(bullets([line for _, line in sorted(lines)] or [say("history.none")]))
    for made in case.decisions:
        if made.decision.final_text and not made.undone_at:
            st.html(Markup('<div class="turn out"><div class="said">{}</div></div>').format(made.decision.final_text))


def _decided(made: CaseDecision) -> str:
    say, decision = session.say(), made.decision
    when, what = telling.at(made.decided_at, session.seller_zone()), telling.decision(decision, say)
    more = [say("history.second", who=decision.second_person)] if decision.second_person else []
    more += [say("history.undone", who=made.undone_by)] if made.undone_at else []
    return ", ".join([say("history.decided", time=when, who=decision.by, what=what), *more])


def _proposed(one: CaseProposal) -> str:
    say, when = session.say(), telling.at(one.proposed_at, session.seller_zone())
    more = [say("history.withdrawn", who=one.withdrawn_by)] if one.withdrawn_at else []
    what = telling.decision(one.decision, say)
    return ", ".join([say("history.proposed", time=when, who=one.decision.by, what=what), *more])


def _came(came: CaseOutcome) -> str:
    say, outcome = session.say(), came.outcome
    when = telling.at(outcome.at, session.seller_zone()) if outcome.at else ""
    what = [say("history.outcome", time=when, who=outcome.by, kind=say(f"outcome.{outcome.kind.value}"))]
    what += [say("history.share", share=telling.percent(outcome.offered_share))] if outcome.offered_share is not None else []
    what += [say("history.spent", amount=outcome.spent)] if outcome.spent else []
    return ", ".join([*what, *([outcome.note] if outcome.note else [])])
