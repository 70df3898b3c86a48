"""The editor of a shop's own replies: what a reply is for, its texts, the check as one writes, and how it reads.

Nothing is saved that does not pass the check, and what it said before is kept (`triage_ml.replies.writing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st
from markupsafe import Markup

import roles
import session
import telling
from replies.drafting import Work, change, drafted, leave, list_fields, name_problem, written
from replies.sampling import reads, sample
from triage_ml.errors import TemplateError
from triage_ml.home import templates_place
from triage_ml.language import LANGUAGES
from triage_ml.marketplaces import country_codes
from triage_ml.messages import Claim
from triage_ml.replies.library import CHOICES, Objection, shipped_text
from triage_ml.replies.rulebook import PLATFORMS
from triage_ml.replies.slips import Kind, Slip, gaps
from triage_ml.replies.templates import FIELDS, Template
from triage_ml.replies.writing import Checked, TemplateChangedError, check_text, own_text, save_template
from triage_ml.resolution import RemedyKind

_CHANNELS = (*PLATFORMS, "shop")
_TEXT_HEIGHT = 330
_FILE_HEIGHT = 560
_LONGEST_TEXT, _LONGEST_FILE = 10_000, 200_000
# What is not there yet, and what cannot be filled in as it stands.
_ABSENT = (Kind.ABSENT, Kind.LANGUAGE_ABSENT)
_UNREADABLE = (Kind.UNLISTED, Kind.UNKNOWN_FIELD, Kind.BRACES, Kind.OPEN, Kind.STRAY)
_ALL, _NONE = "*", "-"


def _save(begun: Work, *, anyway: bool = False) -> None:
    """Save; a callback, so that it sees the texts as they were last typed."""
    say, state = session.say(), st.session_state
    if roles.role() < roles.Role.ADMIN:
        session.tell("bad", say("edit.admins_only"))
        return
    text = written(begun)
    if name_problem(begun) or not check_text(begun.id, text).ok:
        session.tell("bad", say("edit.not_yet"))
        return
    if anyway:
        begun.over = own_text(templates_place(), begun.id)
    try:
        save_template(templates_place(), begun.id, text, over=begun.over)
    except TemplateChangedError:
        begun.changed = True
    except TemplateError as error:
        session.tell("bad", say("edit.not_saved", why=say.sentence(str(error))))
    else:
        session.tell("good", say("edit.saved", name=begun.id))
        # Whatever was filtered, it is shown now.
        state["library-claim"], state["library-remedy"], state["library-search"] = None, None, ""
        state["reply"] = begun.id
        state.setdefault("macros-done", set()).add(begun.proposal)
        leave()


# --- the page


def page(begun: Work) -> None:
    """Draw the editor."""
    say = session.say()
    titles = {True: "edit.new", False: "edit.change"}
    st.html(Markup("<h3>{}</h3>").format(say(titles[not begun.name], name=begun.name)))
    with st.container(horizontal=True):
        st.button(say("edit.save"), key="edit-save", type="primary", on_click=_save, args=(begun,))
        st.button(say("edit.leave"), key="edit-leave", on_click=leave)
    if begun.changed:
        _changed_note(begun)
    if begun.as_file:
        _file_page(begun)
        return
    draft, checked = drafted(begun), check_text(begun.id, written(begun))
    _to_do(begun, checked)
    left, right = st.columns([5, 7], gap="large")
    with left:
        _purpose(begun)
        _conditions(begun)
        _fields(begun)
    with right:
        _text(begun, draft, checked)


def _changed_note(begun: Work) -> None:
    """Tell that somebody was faster; both texts stay, whatever is chosen."""
    say = session.say()
    session.show_note("bad", say("edit.changed", name=begun.id))
    with st.container(horizontal=True):
        st.button(say("edit.see_theirs"), key="edit-theirs", on_click=change, args=(begun.id,))
        st.button(say("edit.save_mine"), key="edit-mine", on_click=_save, args=(begun,), kwargs={"anyway": True})


def _to_do(begun: Work, checked: Checked) -> None:
    """Draw what keeps the reply from being saved: what is not there yet, and what is wrong; texts have their own place."""
    say = session.say()
    absent = [_absent_name(slip) for slip in checked.slips if slip.kind in _ABSENT and not (slip.key == "id")]
    wrong = [said(slip) for slip in checked.slips if not slip.language and slip.kind not in _ABSENT and slip.key != "id"]
    if problem := name_problem(begun):
        absent, wrong = ([say("edit.name"), *absent], wrong) if problem == "edit.no_name" else (absent, [say(problem), *wrong])
    if absent:
        session.show_note("note", say("edit.absent", names=say("edit.comma").join(dict.fromkeys(absent))))
    places = dict.fromkeys([slip.language for slip in checked.slips if slip.language] + [o.language for o in checked.errors])
    wrong += [say("edit.look_at", language=say(f"languages.{code}")) for code in places]
    if wrong:
        show_findings(wrong, "error")
    elif not absent:
        st.html(Markup('<div class="quiet">✓ {}</div>').format(say("edit.ready")))


def _absent_name(slip: Slip) -> str:
    say = session.say()
    if slip.kind is Kind.LANGUAGE_ABSENT:
        names = say("edit.comma").join(say(f"languages.{code}") for code in slip.value.split(", "))
        return say(f"edit.absent_{slip.key}", languages=names)
    return _key_name(slip.key)


def _key_name(key: str) -> str:
    """Return what a key of the file is called on the screen."""
    say, called = session.say(), "edit.texts" if key == "text" else f"edit.{key}"
    return say(called) if say.knows(called) else key


def said(slip: Slip) -> str:
    """Return a slip in the reader's words."""
    say = session.say()
    language = say(f"languages.{slip.language}") if slip.language in LANGUAGES else slip.language
    text = say(f"slip.{slip.kind.value}", value=slip.value, key=_key_name(slip.key), language=language, expected=slip.expected)
    return say("slip.row", row=slip.row, text=text) if slip.row else text


def show_findings(lines: Iterable[str], severity: str) -> None:
    """Draw sentences as what the check found; nothing where there are none."""
    if drawn := Markup("").join(Markup('<div class="finding {}">{}</div>').format(severity, line) for line in lines):
        st.html(drawn)


def objection_line(one: Objection) -> str:
    """Return what the outgoing check says of a text."""
    say, found = session.say(), one.finding
    return say(
        "edit.objection", found=found.found[:80], channel=one.channel, why=say.sentence(found.why), fix=say.sentence(found.fix)
    )


# --- what it is for


def _purpose(begun: Work) -> None:
    say = session.say()
    st.subheader(say("edit.about"))
    if not begun.name:
        st.text_input(say("edit.name"), key=begun.key("name"), help=say("edit.name_help"), persist_state="session")
        if shipped_text(begun.id) is not None and not name_problem(begun):
            session.show_note("note", say("edit.replaces", name=begun.id))
    for code in ("en", "zh"):
        st.text_input(
            say(f"edit.purpose_{code}"), key=begun.key(f"purpose-{code}"), persist_state="session",
            placeholder=say("edit.purpose_hint"),
        )  # fmt: skip
    _several(begun, "claims", list(Claim), lambda name: say(f"claim.{name}"))
    _several(begun, "remedies", list(RemedyKind), lambda name: telling.remedy_name(name, say))


def _several(begun: Work, part: str, options: Sequence[str], shown: Callable[[str], str]) -> None:
    say = session.say()
    known = dict.fromkeys([*options, *(st.session_state.get(begun.key(part)) or [])])
    st.multiselect(
        say(f"edit.{part}"), list(known), key=begun.key(part), format_func=shown, persist_state="session", wrap=True,
        help=say(f"edit.{part}_help"), placeholder=say("edit.all" if part in ("channels", "marketplaces") else "edit.choose"),
    )  # fmt: skip


def _conditions(begun: Work) -> None:
    """Draw when it is offered; what is left as it is does not matter."""
    say = session.say()
    with st.expander(say("edit.conditions")):
        columns = st.columns(2)
        for number, (part, choices) in enumerate(CHOICES.items()):
            options = [choices[-1], *choices[:-1]]
            with columns[number % 2]:
                st.selectbox(
                    say(f"edit.{part}"), options, key=begun.key(part), persist_state="session",
                    format_func=_choice_namer(part),
                )  # fmt: skip
        _several(begun, "channels", _CHANNELS, str)
        _several(begun, "marketplaces", list(country_codes()), str.upper)


def _choice_namer(part: str) -> Callable[[str], str]:
    say = session.say()

    def named(choice: str) -> str:
        return say(f"condition.{part}_{choice}") if choice != "any" else say("condition.any")

    return named


def _fields(begun: Work) -> None:
    """Draw which fields of the order the texts use."""
    say = session.say()
    st.subheader(say("edit.fields"))
    for part in ("required", "optional"):
        _several(begun, part, FIELDS, field_namer())
    st.button(
        say("edit.from_texts"), key="edit-from-texts", on_click=list_fields, args=(begun,), help=say("edit.from_texts_help")
    )


def field_namer() -> Callable[[str], str]:
    """Return what shows a field as it is written, with what it is."""
    say = session.say()

    def named(name: str) -> str:
        return f"{name} ({say(f'field.{name}')})" if say.knows(f"field.{name}") else name

    return named


# --- the texts


def _text(begun: Work, draft: Template, checked: Checked) -> None:
    """Draw the text in one language, what is wrong with it, and how it reads."""
    say = session.say()
    st.subheader(say("edit.texts"))
    bad = {slip.language for slip in checked.slips} | {one.language for one in checked.errors}

    def named(code: str) -> str:
        mark = " ●" if code in bad else "" if code in draft.text else " –"
        return say(f"languages.{code}") + mark

    code = st.segmented_control(
        say("edit.language"), list(LANGUAGES), key=begun.key("language"), required=True, wrap=True, format_func=named,
        persist_state="session", help=say("edit.language_help"),
    ) or "en"  # fmt: skip
    st.text_area(
        say("edit.text", language=say(f"languages.{code}")), key=begun.key(f"text-{code}"), height=_TEXT_HEIGHT,
        max_chars=_LONGEST_TEXT, persist_state="session", help=say("edit.text_help"),
    )  # fmt: skip
    st.caption(say("edit.syntax"))
    if code not in draft.text:
        st.html(Markup('<div class="quiet">{}</div>').format(say("edit.no_text")))
        return
    slips = [slip for slip in checked.slips if slip.language == code]
    _text_findings(draft, code, slips, [one for one in checked.objections if one.language == code])
    if not any(slip.kind in _UNREADABLE for slip in slips):
        _preview(begun, draft, code)


def _text_findings(draft: Template, code: str, slips: Sequence[Slip], found: Sequence[Objection]) -> None:
    say = session.say()
    wrong = [said(slip) for slip in sorted(slips, key=lambda slip: slip.row)] + [
        objection_line(one) for one in found if one.finding.severity == "error"
    ]
    doubtful = [objection_line(one) for one in found if one.finding.severity != "error"]
    rows = gaps(draft.text[code], draft.optional) if not slips else ()
    doubtful += [say("slip.row", row=row, text=say("slip.gap", value=name)) for row, name in rows]
    show_findings(wrong, "error")
    show_findings(doubtful, "warning")


def _preview(begun: Work, draft: Template, code: str) -> None:
    """Draw how it reads with sample values, with all of them or with some that the order does not tell."""
    say = session.say()
    options = [_ALL, *draft.optional, _NONE] if draft.optional else [_ALL]
    key = begun.key("known")
    if st.session_state.get(key) not in options:
        st.session_state[key] = _ALL
    names = {_ALL: say("edit.known_all"), _NONE: say("edit.known_none")}
    known = st.selectbox(
        say("edit.known"), options, key=key, persist_state="session",
        format_func=lambda name: names.get(name) or say("edit.known_without", name=name),
    )  # fmt: skip
    without: Mapping[str, tuple[str, ...]] = {_ALL: (), _NONE: draft.optional}
    reads(draft, code, sample(draft, without.get(known or _ALL, (known or "",))))


# --- a file that cannot be read as a form


def _file_page(begun: Work) -> None:
    """Draw the file itself with what is wrong, line by line."""
    say = session.say()
    session.show_note("note", say("edit.file_note", name=begun.id))
    st.text_area(
        f"{begun.id}.toml", key=begun.key("file"), height=_FILE_HEIGHT, max_chars=_LONGEST_FILE, persist_state="session"
    )
    checked = check_text(begun.id, written(begun))
    lines = [say("slip.line", line=slip.line, text=said(slip)) if slip.line else said(slip) for slip in checked.slips]
    lines += [objection_line(one) for one in checked.errors]
    if lines:
        show_findings(lines, "error")
    else:
        st.html(Markup('<div class="quiet">✓ {}</div>').format(say("edit.ready")))
