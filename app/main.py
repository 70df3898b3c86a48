"""The review screen: `streamlit run app/main.py`. This file is the router; what a page shows is in the folder of its name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import streamlit as st
from markupsafe import Markup
from streamlit.errors import StreamlitAuthError

import roles
import session
from roles import Access, Role, Way
from triage_ml.errors import TriageError
from wording import LANGUAGES

_HERE = Path(__file__).parent
# Every page, and the least role that may open it.
_PAGES = {
    "inbox": Role.AGENT,
    "case": Role.AGENT,
    "evidence": Role.AGENT,
    "insights": Role.AGENT,
    "replies": Role.AGENT,
    "policy": Role.AGENT,
    "batch": Role.AGENT,
    "label": Role.AGENT,
    "model": Role.ADMIN,
}


def main() -> None:
    """Draw what all pages share, then the page that was chosen."""
    st.session_state.setdefault("language", session.say().language)
    say, access = session.say(), roles.access()
    st.set_page_config(page_title=say("app.title"), layout="wide")
    st.html(_HERE / "style.css")
    pages = {
        name: st.Page(
            f"{name}/page.py", title=say(f"app.{name}"), url_path=name, default=name == "inbox",
            visibility="visible" if access.role and access.role >= least else "hidden",
        )
        for name, least in _PAGES.items()
    }  # fmt: skip
    page = st.navigation(list(pages.values()), position="sidebar" if access.role else "hidden")
    side_bar(access)
    if access.role is None:
        closed_door(access)
        return
    if access.why:
        session.show_note("note", sentence_of(access))
    least = next(_PAGES[name] for name, one in pages.items() if one == page)
    if access.role < least:
        named = {"needed": say(f"roles.{least.name.lower()}"), "role": say(f"roles.{access.role.name.lower()}")}
        session.show_note("bad", say("roles.not_allowed", **named))
        return
    try:
        session.store()
    except TriageError as error:
        session.show_note("bad", say("app.no_record", why=say.sentence(str(error))))
        return
    page.run()


def side_bar(access: Access) -> None:
    """Draw the language, who stands beside decisions, and the keys; before the door is open only the language."""
    say, way = session.say(), roles.way()
    with st.sidebar:
        st.segmented_control(
            say("app.language"),
            list(LANGUAGES),
            key="language",
            format_func=LANGUAGES.__getitem__,
            required=True,
            on_change=session.keep_choices,
        )
        if access.role and way is Way.ALONE:
            st.session_state.setdefault("person", roles.login_name())
            st.text_input(say("app.person"), key="person", help=say("app.person_help"), max_chars=80, persist_state="session")
        elif access.role:
            known = {"person": roles.person(), "role": say(f"roles.{access.role.name.lower()}")}
            st.html(Markup('<div class="quiet">{}</div>').format(say("roles.you_are", **known)))
        if way is Way.LOGIN and st.user.get("is_logged_in"):
            st.button(say("roles.log_out"), key="log-out", on_click=st.logout)
        if access.role:
            st.caption(say("app.keys"))


def closed_door(access: Access) -> None:
    """Draw why somebody may not come in, with the way in where there is one."""
    say = session.say()
    with st.container(key="page-head"):
        st.title(say("app.title"))
    if access.why != "roles.login":
        session.show_note("bad", sentence_of(access))
        if access.why in ("roles.no_file", "roles.bad_file", "roles.bad_key", "roles.bad_role"):
            session.show_note("note", say("roles.nobody_in"))
        return
    session.show_note("note", sentence_of(access))
    for provider in providers():
        label = say("roles.log_in_with", provider=provider.title()) if provider else say("roles.log_in")
        if st.button(label, key=f"log-in-{provider}", type="primary"):
            log_in(provider)


def sentence_of(access: Access) -> str:
    """Return what there is to say about somebody's role."""
    return session.say()(access.why, **access.facts)


def providers() -> list[str]:
    """Return the names of the login's providers; one without a name where secrets.toml has only one."""
    table = st.secrets.get("auth", {})
    named = [name for name, given in table.items() if isinstance(given, Mapping) and "client_id" in given]
    return named or [""]


def log_in(provider: str) -> None:
    """Send the person to the provider; settings that cannot work are told in a sentence."""
    begin = partial(st.login, provider) if provider else st.login
    try:
        begin()
    except StreamlitAuthError as error:
        session.show_note("bad", session.say()("roles.login_fails", reason=" ".join(str(error).split())))


main()
