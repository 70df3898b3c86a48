"""The library of replies: what each is for, how it reads and how it fared; admins change it, and bring in their macros."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from markupsafe import Markup

import panels
import roles
import session
import telling
from replies import drafting, editing, faring, macro_import
from replies.sampling import ORDER_ID, conditions, reads, sample
from triage_ml.errors import TemplateError, TriageError
from triage_ml.home import own_templates, templates_place
from triage_ml.messages import Claim
from triage_ml.replies.library import check_templates, shipped_text
from triage_ml.replies.lint import Outgoing, check
from triage_ml.replies.templates import Template
from triage_ml.replies.writing import Earlier, earlier, is_id, own_ids, own_text, remove_template, save_template
from triage_ml.resolution import RemedyKind

_VIEWS = ("read", "usage", "macros")


def library() -> None:
    """Draw the library, or the editor where a reply is being written."""
    say = session.say()
    st.title(say("library.title"))
    st.caption(say("library.intro"))
    session.show_told()
    if (begun := drafting.work()) and _is_admin():
        editing.page(begun)
        return
    wrong: list[str] = []
    templates = check_templates(own_templates(), wrong)
    if wrong:
        broken(templates, wrong)
    views = _VIEWS if _is_admin() else _VIEWS[:2]
    view = st.segmented_control(
        say("library.view"), views, key="library-view", default=views[0], required=True, label_visibility="collapsed",
        format_func=lambda name: say(f"library.view_{name}"), persist_state="session",
    )  # fmt: skip
    if view == "usage":
        faring.table(templates)
    elif view == "macros":
        macro_import.panel()
    else:
        reading(templates)


def _is_admin() -> bool:
    return roles.role() >= roles.Role.ADMIN


def broken(templates: Mapping[str, Template], wrong: list[str]) -> None:
    """Tell which of the shop's own files cannot be used, which keeps all suggestions back, and let an admin mend them."""
    say = session.say()
    session.show_note("bad", say("library.broken", why=" ".join(say.sentence(one) for one in wrong)))
    names = [name for name in own_ids(templates_place()) if name not in templates or not templates[name].own]
    with st.container(horizontal=True):
        for name in filter(is_id, names if _is_admin() else ()):
            # An id has no sign that Markdown knows but "_", and that only within words.
            st.button(say("library.mend", name=name), key=f"mend-{name}", on_click=drafting.change, args=(name,))


# --- reading


def reading(templates: Mapping[str, Template]) -> None:
    """Draw what narrows the library down, and one reply."""
    say = session.say()
    shown = chosen(templates)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(say("library.count", shown=len(shown), all=len(templates)))
        if _is_admin():
            st.button(say("library.new"), key="new-reply", on_click=drafting.new)
    removed(templates)
    if not shown:
        session.show_note("note", say("library.none"))
        return
    if st.session_state.get("reply") not in shown:
        st.session_state["reply"] = next(iter(shown))
    purposes = {name: template.purpose[say.language] for name, template in shown.items()}
    left, right = st.columns([5, 7], gap="large")
    with left:
        name = st.selectbox(
            say("library.choose"),
            list(shown),
            key="reply",
            format_func=purposes.__getitem__,
            persist_state="session",
        )
        template = shown[name or next(iter(shown))]
        about(template)
        st.html(Markup('<div class="quiet">{}</div>').format(_fared(template)))
        changing(template)
    with right:
        preview(template)


def chosen(templates: Mapping[str, Template]) -> dict[str, Template]:
    """Draw what narrows the library down, and return what is left."""
    say = session.say()
    with st.container(horizontal=True):
        claim = st.selectbox(
            say("library.claim"), [None, *Claim], key="library-claim", width=220,
            format_func=lambda c: say("inbox.any") if c is None else say(f"claim.{c.value}"),
        )  # fmt: skip
        remedy = st.selectbox(
            say("library.remedy"), [None, *RemedyKind], key="library-remedy", width=260,
            format_func=lambda r: say("inbox.any") if r is None else telling.remedy_name(r.value, say),
        )  # fmt: skip
        words = st.text_input(say("library.search"), key="library-search", placeholder=say("library.search_hint"))
    wanted = words.casefold().split()
    return {
        name: template
        for name, template in sorted(templates.items())
        if (claim is None or claim in template.claims)
        and (remedy is None or remedy in template.remedies)
        and all(word in _words(template) for word in wanted)
    }


def _words(template: Template) -> str:
    return " ".join((template.id, *template.purpose.values(), *template.text.values())).casefold()


def about(template: Template) -> None:
    """Draw what a reply is for and when it is offered."""
    say = session.say()
    kind = "shipped" if not template.own else "own" if shipped_text(template.id) is None else "own_version"
    st.html(Markup('<p><b>{}</b> <span class="badge">{}</span></p>').format(template.id, say(f"library.{kind}")))
    parts = [
        ("library.claim", [say(f"claim.{claim.value}") for claim in template.claims]),
        ("library.remedy", [telling.remedy_name(remedy.value, say) for remedy in template.remedies]),
        ("library.conditions", list(conditions(template)) or [say("condition.always")]),
        ("library.fields", list(map(editing.field_namer(), (*template.required, *template.optional))) or ["–"]),
    ]
    for title, lines in parts:
        st.html(Markup("<b>{}</b>{}").format(say(title), panels.bullets(lines)))


def _fared(template: Template) -> str:
    return faring.line(faring.usage().get(template.id, faring.NEVER))


def preview(template: Template) -> None:
    """Draw a reply filled with sample values in one language, and what the outgoing check says of it."""
    say = session.say()
    codes = list(template.text)
    key = f"preview-{template.id}"
    language = st.segmented_control(
        say("library.preview"), codes, key=key, default=codes[0], required=True, wrap=True,
        format_func=lambda c: say(f"languages.{c}"),
    )  # fmt: skip
    text = reads(template, language or codes[0], sample(template, without=("buyer_name",)))
    channel = (template.channels or ("amazon",))[0]
    context = Outgoing(channel, language or "", template.claims[0], ORDER_ID, full_refund_allowed=True, personalised=True)
    errors = [f for f in check(text, context) if f.severity == "error" and f.rule != "unfilled"]
    if errors:
        st.html(panels.bullets(f"“{f.found}”: {say.sentence(f.why)} {say.sentence(f.fix)}" for f in errors))
    else:
        st.html(Markup('<div class="quiet">✓ {}</div>').format(say("library.checked", channel=channel)))


# --- changing


def changing(template: Template) -> None:
    """Draw what an admin can do with a reply."""
    say, name = session.say(), template.id
    if not _is_admin():
        st.caption(say("edit.admins_only"))
        return
    if not is_id(name):
        st.caption(say("library.odd_name"))
        return
    with st.container(horizontal=True):
        verb = "edit.begin_own" if template.own else "edit.begin_shipped"
        st.button(say(verb), key="edit-begin", help=say(f"{verb}_help"), on_click=drafting.change, args=(name,))
        st.button(say("edit.copy"), key="edit-copy", help=say("edit.copy_help"), on_click=drafting.copy, args=(name,))
        if template.own:
            back = "edit.back" if shipped_text(name) is not None else "edit.delete"
            st.button(say(back), key="edit-remove", on_click=_ask, args=(name,))
    if template.own and st.session_state.get("removing") == name:
        sure(template)
    if versions := earlier(templates_place(), name):
        with st.expander(say("versions.title", count=len(versions))):
            bring_back(versions, f"versions-{name}")


def _ask(name: str) -> None:
    st.session_state["removing"] = name
    st.session_state["removing-text"] = own_text(templates_place(), name)


def sure(template: Template) -> None:
    """Ask once before an own reply is taken away."""
    say = session.say()
    question = "edit.sure_back" if shipped_text(template.id) is not None else "edit.sure_delete"
    session.show_note("note", say(question, name=template.id))
    with st.container(horizontal=True):
        st.button(say("edit.yes"), key="remove-yes", type="primary", on_click=_remove, args=(template.id,))
        st.button(say("edit.no"), key="remove-no", on_click=lambda: st.session_state.pop("removing", None))


def _remove(name: str) -> None:
    say, state = session.say(), st.session_state
    state.pop("removing", None)
    if not _is_admin():
        session.tell("bad", say("edit.admins_only"))
        return
    try:
        remove_template(templates_place(), name, over=state.pop("removing-text", None) or "")
    except TemplateError as error:
        session.tell("bad", say("edit.not_saved", why=say.sentence(str(error))))
    else:
        session.tell("good", say("edit.removed", name=name))


def removed(templates: Mapping[str, Template]) -> None:
    """Offer the last version of own replies that were deleted, or whose file cannot be used."""
    if not _is_admin():
        return
    files = set(own_ids(templates_place()))
    gone: dict[str, Earlier] = {}
    for one in earlier(templates_place()):
        used = one.id in templates and (templates[one.id].own or one.id not in files)
        if not used:
            gone.setdefault(one.id, one)
    if gone:
        with st.expander(session.say()("versions.removed", count=len(gone))):
            bring_back(list(gone.values()), "versions-removed")


def bring_back(versions: list[Earlier] | tuple[Earlier, ...], key: str) -> None:
    """Draw earlier versions, and let one of them be taken again."""
    say, zone = session.say(), session.seller_zone()
    names = [say("versions.until", name=one.id, time=telling.at(one.until, zone)) for one in versions]
    number = st.selectbox(say("versions.choose"), range(len(versions)), key=key, format_func=names.__getitem__)
    one = versions[number or 0]
    st.code(one.text(), language="toml", height=260)
    st.button(say("versions.take"), key=f"{key}-take", on_click=_take, args=(one,))


def _take(one: Earlier) -> None:
    """Let an earlier version count again; what counts now becomes an earlier one."""
    say = session.say()
    if not _is_admin():
        session.tell("bad", say("edit.admins_only"))
        return
    try:
        save_template(templates_place(), one.id, one.text(), over=own_text(templates_place(), one.id))
    except (TriageError, OSError) as error:
        session.tell("bad", say("edit.not_saved", why=say.sentence(str(error))))
    else:
        session.tell("good", say("versions.taken", name=one.id))
        st.session_state["reply"] = one.id


library()
