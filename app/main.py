"""The review screen: `streamlit run app/main.py`. This file is the router; what a page shows is in `views/`."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import session
from triage_ml.errors import TriageError
from wording import LANGUAGES

_HERE = Path(__file__).parent


def main() -> None:
    """Draw what all pages share, then the page that was chosen."""
    st.session_state.setdefault("language", session.say().language)
    say = session.say()
    st.set_page_config(page_title=say("app.title"), layout="wide")
    st.html(_HERE / "style.css")
    pages = [
        st.Page("views/inbox.py", title=say("app.inbox"), url_path="inbox", default=True),
        st.Page("views/case.py", title=say("app.case"), url_path="case"),
        st.Page("views/evidence.py", title=say("app.evidence"), url_path="evidence"),
        st.Page("views/insights.py", title=say("app.insights"), url_path="insights"),
        st.Page("views/replies.py", title=say("app.replies"), url_path="replies"),
        st.Page("views/policy.py", title=say("app.policy"), url_path="policy"),
        st.Page("views/batch.py", title=say("app.batch"), url_path="batch"),
    ]
    page = st.navigation(pages)
    side_bar()
    try:
        session.store()
    except TriageError as error:
        session.show_note("bad", say("app.no_record", why=str(error)))
        return
    page.run()


def side_bar() -> None:
    """Draw the language, the name that stands beside decisions, and the keys."""
    say = session.say()
    with st.sidebar:
        st.segmented_control(
            say("app.language"), list(LANGUAGES), key="language", format_func=LANGUAGES.__getitem__, required=True
        )
        if not st.user.get("is_logged_in"):
            st.session_state.setdefault("person", session.login_name())
            st.text_input(say("app.person"), key="person", help=say("app.person_help"), max_chars=80)
        st.caption(say("app.keys"))


main()
