"""The parts of a case as a person reads them; each function draws one. What buyers say is escaped, never HTML or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import streamlit as st
from markupsafe import Markup

import session
import telling
from marking import CARE, Mark, marked, marks_of, quotes
from triage_ml.cases import Case, CaseSummary, Filter, Order
from triage_ml.cases.records import CaseDecision, CaseMessage
from triage_ml.clocks import Actor, all_clocks
from triage_ml.customisation import Comparison, Verdict
from triage_ml.messages import Direction, MessageKind, OrderLine
from triage_ml.resolution import Remedy, Resolution
from triage_ml.triage import Assessment

_OTHERS_SHOWN = 5


def badge(category: str) -> Markup:
    """Return a category as a coloured word."""
    return Markup('<span class="badge {}">{}</span>').format(category, session.say()(f"category.{category}"))


def due(due_at: datetime | None) -> Markup:
    """Return how long there is, red where it is over."""
    now = session.store().now()
    return Markup('<span class="due {}">{}</span>').format(
        telling.urgency(due_at, now), telling.left(due_at, now, session.say())
    )


def list_line(case: CaseSummary, excerpt: str = "") -> Markup:
    """Return one line of a list of cases."""
    order, say = case.order, session.say()
    language = say(f"languages.{case.language}") if say.knows(f"languages.{case.language}") else case.language
    about = " · ".join(part for part in (order.product or order.sku, order.order_id) if part) or "–"
    where = " · ".join(part for part in (language, order.marketplace.upper()) if part)
    line = Markup(
        '<div class="line"><span>{}</span><span>{}</span><span class="cut" title="{}">{}</span><span class="cut">{}</span>'
        '<span class="number">{}</span><span class="number">{}</span></div>'
    ).format(
        due(case.due_at), badge(case.category.value), about, about, where, order.paid or "", telling.percent(case.sureness)
    )
    return line + Markup('<div class="excerpt">{}</div>').format(excerpt) if excerpt else line


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


# --- what was said


def conversation(case: Case) -> None:
    """Draw the thread, oldest first, with the telling words marked, and the legend of the marks."""
    say = session.say()
    st.subheader(say("case.thread"))
    marks = {one.id: marks_of(one.judgement.cues) if one.judgement else () for one in case.messages}
    for one in case.messages:
        st.html(_turn(one, marks[one.id]))
    _legend([mark for found in marks.values() for mark in found])


def _turn(one: CaseMessage, marks: Sequence[Mark]) -> Markup:
    message, say = one.message, session.say()
    sent_at = message.sent_at or one.recorded_at
    who, kind = ("seller", "out") if message.direction is Direction.OUT else ("buyer", "in")
    if message.kind not in (MessageKind.BUYER, MessageKind.SELLER):
        who, kind = "notice", "notice"
    head = " · ".join(filter(None, (say(f"case.{who}"), telling.at(sent_at, session.seller_zone()), message.subject)))
    if one.erased:
        said = Markup("<em>{}</em>").format(say("case.erased_text"))
    else:
        said = marked(message.text, marks, session.titles("cue")) or Markup("<em>{}</em>").format(say("case.empty_text"))
    language = one.judgement.language if one.judgement else message.language
    more = [say("case.return_reason", reason=message.reason_code)] if message.reason_code else []
    more += [say("case.attached", names=", ".join(message.attachments))] if message.attachments else []
    foot = Markup("").join(Markup('<div class="head">{}</div>').format(line) for line in more)
    turn = '<div class="turn {}"><div class="head">{}</div><div class="said" lang="{}" dir="auto">{}</div>{}</div>'
    return Markup(turn).format(kind, head, language, said, foot)


def _legend(marks: Iterable[Mark]) -> None:
    say, names = session.say(), {}
    for mark in marks:
        name = say(f"cue.{mark.cue}") if say.knows(f"cue.{mark.cue}") else mark.cue
        name = say("cue.negated", cue=name) if mark.negated else say("cue.asked", cue=name) if mark.asked else name
        names[name] = mark.group
    if not names:
        st.html(Markup('<div class="legend">{}</div>').format(say("case.no_marks")))
        return
    chips = Markup(" ").join(Markup('<mark class="cue {}">{}</mark>').format(group, name) for name, group in names.items())
    st.html(Markup('<div class="legend">{} {}</div>').format(say("case.legend"), chips))


# --- what is known


def order(case: Case, comparison: Comparison | None) -> None:
    """Draw the order line, and beside what the buyer typed what the message says was made."""
    say, line = session.say(), case.summary.order
    st.subheader(say("case.order"))
    facts = [(name, value) for name, value in _order_facts(line) if value]
    rows = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(say(f"case.{name}"), value) for name, value in facts)
    st.html(Markup('<dl class="facts">{}</dl>').format(rows))
    says = comparison if comparison and (comparison.made or comparison.wanted) else None
    if says or line.customisation:
        _both(line.customisation, says)


def _order_facts(line: OrderLine) -> list[tuple[str, str]]:
    say = session.say()
    made = "unknown" if line.personalised is None else "yes" if line.personalised else "no"
    return [
        ("order_id", line.order_id),
        ("product", line.product),
        ("sku", line.sku),
        ("paid", str(line.paid or "")),
        ("marketplace", line.marketplace.upper()),
        ("delivered", telling.at(line.delivered_at, session.seller_zone()) if line.delivered_at else ""),
        ("personalised", say(f"case.{made}")),
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


def clocks(case: Case, resolution: Resolution | None) -> None:
    """Draw every clock that runs: the seller's as the record keeps them, the others as the messages start them."""
    say, zone, now = session.say(), session.seller_zone(), session.store().now()
    st.subheader(say("clocks.title"))
    # A clock may be worded for one platform: that wording comes last and wins.
    known = sorted(all_clocks(), key=lambda clock: clock.channel == case.summary.channel)
    texts = {clock.id: clock.text[say.language] for clock in known}
    lines = []
    for one in case.deadlines:
        if one.met_at:
            when = Markup("{}").format(say("clocks.met", time=telling.at(one.met_at, zone)))
        else:
            when = Markup("{} {}").format(telling.at(one.due_at, zone), due(one.due_at))
        lines.append(Markup("<li>{}<br>{}</li>").format(texts.get(one.clock, one.clock), when))
    kept = {one.clock for one in case.deadlines}
    for running in resolution.deadlines if resolution else ():
        if running.clock_id not in kept and running.clock.who is not Actor.SELLER:
            whose = say(f"clocks.{running.clock.who.value}")
            until = say("clocks.due", time=telling.at(running.due_at, zone), left=telling.left(running.due_at, now, say))
            lines.append(Markup('<li class="quiet">{} ({})<br>{}</li>').format(running.text[say.language], whose, until))
    st.html(Markup('<ul class="plain">{}</ul>').format(Markup("").join(lines)) if lines else say("clocks.none"))


# --- what it is and what may be done


def judged(found: Assessment) -> None:
    """Draw what the message claims in a sentence, and below it how likely each claim is."""
    say, prediction = session.say(), found.prediction
    st.subheader(say("judged.title"))
    st.html(Markup('<div class="says">{}</div>').format(telling.judged(prediction.probabilities, prediction.claim_set, say)))
    if prediction.category.value == "needs_review":
        session.show_note("note", say("judged.unsure"))
    bar = Markup('<span>{}</span><i style="width:{}%"></i><span>{}</span>')
    likely = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    bars = Markup("").join(bar.format(say(f"claim.{c.value}"), max(1, round(p * 100)), telling.percent(p)) for c, p in likely)
    with st.expander(say("judged.all")):
        st.html(Markup('<div class="bars">{}</div>').format(bars))


def remedies(resolution: Resolution) -> None:
    """Draw what may be done, the recommended first, each with cost, rule and break-even; below what not to do or say."""
    say = session.say()
    st.subheader(say("remedies.title"))
    st.html(_remedy(resolution.recommended, first=True))
    with st.expander(" · ".join(telling.remedy_name(r.kind, say) for r in resolution.alternatives[:3]) or "–"):
        for remedy in resolution.alternatives:
            st.html(_remedy(remedy))
        _not_to_do(resolution)


def _remedy(remedy: Remedy, *, first: bool = False) -> Markup:
    say = session.say()
    mark = Markup(' <span class="badge">{}</span>').format(say("remedies.recommended")) if first else ""
    more = (
        telling.money_line(remedy, say),
        telling.rule_and_reason(remedy.rule, remedy.why, say),
        say.sentence(remedy.break_even),
    )
    small = Markup("").join(Markup("<small>{}</small>").format(line) for line in more if line)
    name = telling.remedy_name(remedy.kind, say)
    return Markup('<div class="remedy {}"><b>{}</b>{}{}</div>').format("first" if first else "", name, mark, small)


def _not_to_do(resolution: Resolution) -> None:
    say = session.say()
    refused = [f"{telling.remedy_name(r.kind, say)}: {telling.rule_and_reason(r.rule, r.why, say)}" for r in resolution.refused]
    forbidden = [telling.what_not_to_say(line, say) for line in resolution.forbidden]
    for title, lines in (("remedies.refused", refused), ("remedies.forbidden", forbidden)):
        if lines:
            st.html(Markup("<b>{}</b>{}").format(say(title), bullets(lines)))


def bullets(lines: Iterable[str]) -> Markup:
    """Return lines as a list."""
    return Markup('<ul class="plain">{}</ul>').format(Markup("").join(Markup("<li>{}</li>").format(line) for line in lines))


def facts_first(case: Case) -> None:
    """Draw, where a second person must look, what is known: passages, files, other cases. It accuses nobody."""
    say = session.say()
    st.subheader(say("facts.title"))
    session.show_note("note", say("facts.text"))
    passages = [
        quote
        for one in case.messages
        if one.judgement and not one.erased
        for quote in quotes(one.message.text, marks_of(one.judgement.cues), CARE)
    ]
    files = [file.name or file.kind.value for file in case.attachments]
    if passages:
        st.html(Markup("<b>{}</b>{}").format(say("facts.words"), bullets(f"“{quote}”" for quote in passages)))
    st.html(Markup("<b>{}</b>{}").format(say("facts.files"), bullets(files or [say("facts.no_files")])))
    others = other_cases(case)
    st.html(Markup("<b>{}</b>{}").format(say("facts.others"), bullets(others or [say("facts.no_others")])))


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


def history(case: Case) -> None:
    """Draw what was decided, what came of it, and what was noted and kept."""
    say, zone = session.say(), session.seller_zone()
    st.subheader(say("history.title"))
    lines = [_decided(made) for made in case.decisions]
    for came in case.outcomes:
        when = telling.at(came.outcome.at, zone) if came.outcome.at else ""
        lines.append(say("history.outcome", time=when, who=came.outcome.by, kind=say(f"outcome.{came.outcome.kind.value}")))
    for given in case.labels:
        claim = say(f"claim.{given.label.claim.value}")
        lines.append(say("history.label", time=telling.at(given.at, zone), who=given.label.by, claim=claim))
    lines += [say("history.call", time=telling.at(call.at, zone), who=call.note.by) for call in case.phone_notes]
    for file in case.attachments:
        kept = telling.at(file.added_at, zone), file.added_by, file.name or say("case.erased_text")
        lines.append(say("history.file", time=kept[0], who=kept[1], name=kept[2]))
    st.html(bullets(lines or [say("history.none")]))
    for made in case.decisions:
        if made.decision.final_text and not made.undone_at:
            st.html(Markup('<div class="turn out"><div class="said">{}</div></div>').format(made.decision.final_text))


def _decided(made: CaseDecision) -> str:
    say, decision = session.say(), made.decision
    what = say(
        "history.decided",
        time=telling.at(made.decided_at, session.seller_zone()),
        who=decision.by,
        category=say(f"category.{decision.category.value}"),
        remedy=telling.remedy_name(decision.remedy, say),
    )
    more = [say("history.amount", amount=decision.amount)] if decision.amount else []
    more += [say("history.second", who=decision.second_person)] if decision.second_person else []
    more += [say("history.undone", who=made.undone_by)] if made.undone_at else []
    return ", ".join([what, *more])
