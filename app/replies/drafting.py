"""A reply that is being written: where it began, what stands in the form, and what that is as a template."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from uuid import uuid4

import streamlit as st

import session
from triage_ml.errors import TemplateError
from triage_ml.home import templates_place
from triage_ml.language import LANGUAGES
from triage_ml.messages import Claim
from triage_ml.replies.library import CHOICES, parse_template, shipped_text
from triage_ml.replies.slips import fields_of
from triage_ml.replies.templates import Template
from triage_ml.replies.writing import is_id, own_text, template_text
from triage_ml.resolution import RemedyKind


@dataclass
class Work:
    """A reply that is being written.

    Parameters
    ----------
    name
        Its id; "" where the person names it.
    over
        What the shop's own file said when the work began, None where there was none.
    start
        The file it is written over, for its comments.
    as_file
        Whether the file itself is edited, because it cannot be read as it is.
    proposal
        The imported macro it is made of, "" for none.
    changed
        Whether somebody else saved it meanwhile.
    """

    name: str
    over: str | None = None
    start: str = ""
    as_file: bool = False
    proposal: str = ""
    changed: bool = False
    token: str = field(default_factory=lambda: uuid4().hex[:8])

    def key(self, part: str) -> str:
        """Return the key of a part of the form; another piece of work is another form."""
        return f"edit-{part}:{self.token}"

    def value(self, part: str) -> str:
        """Return what stands in a field of the form."""
        return str(st.session_state.get(self.key(part)) or "").strip()

    def values(self, part: str) -> list[str]:
        """Return what is chosen of a list."""
        return [str(one) for one in st.session_state.get(self.key(part)) or []]

    @property
    def id(self) -> str:
        """The id it is saved under."""
        return self.name or self.value("name")


def work() -> Work | None:
    """Return what is being written, None where nothing is."""
    found: Work | None = st.session_state.get("editing")
    return found


# --- beginning and ending


def change(name: str) -> None:
    """Begin to change a reply under its id: the shop's own one, else a copy of the shipped one that then replaces it."""
    over = own_text(templates_place(), name)
    _begin(Work(name, over, over if over is not None else shipped_text(name) or ""))


def copy(name: str) -> None:
    """Begin a new reply with what another one says."""
    _begin(Work("", None, own_text(templates_place(), name) or shipped_text(name) or ""), f"own_{name.removeprefix('own_')}")


def new() -> None:
    """Begin an empty reply."""
    _begin(Work(""))


def take_over(text: str, name: str) -> None:
    """Begin with what was made of a macro."""
    _begin(Work("", None, text, proposal=name), name)


def _begin(begun: Work, name: str = "") -> None:
    leave()
    state, template = st.session_state, None
    if begun.start:
        file = f"{_id_in(begun.start) or begun.name}.toml"
        try:
            template = parse_template(file, begun.start)
        except TemplateError:
            begun.as_file = True
    state["editing"] = begun
    state[begun.key("file")] = begun.start
    state[begun.key("name")] = name
    for code in ("en", "zh"):
        state[begun.key(f"purpose-{code}")] = template.purpose[code] if template else ""
    for part in ("claims", "remedies", "channels", "marketplaces", "required", "optional"):
        state[begun.key(part)] = list(getattr(template, part)) if template else []
    for part, choices in CHOICES.items():
        state[begun.key(part)] = getattr(template, part) if template else choices[-1]
    for code in LANGUAGES:
        state[begun.key(f"text-{code}")] = template.text.get(code, "").strip() if template else ""
    first = session.say().language if not template or session.say().language in template.text else next(iter(template.text))
    state[begun.key("language")] = first


def _id_in(text: str) -> str:
    """Return the id that a file names, "" where it names none."""
    try:
        return str(tomllib.loads(text).get("id", ""))
    except tomllib.TOMLDecodeError:
        return ""


def leave() -> None:
    """Drop what is being written."""
    if gone := work():
        del st.session_state["editing"]
        for key in [str(key) for key in st.session_state if str(key).endswith(f":{gone.token}")]:
            del st.session_state[key]


# --- what stands in the form


def written(begun: Work) -> str:
    """Return the file as the form says it."""
    if begun.as_file:
        return str(st.session_state.get(begun.key("file")) or "")
    return template_text(drafted(begun), begun.start)


def drafted(begun: Work) -> Template:
    """Return what stands in the form as a template, right or wrong."""
    texts = {code: begun.value(f"text-{code}") for code in LANGUAGES if begun.value(f"text-{code}")}
    return Template(
        id=begun.id,
        purpose={code: begun.value(f"purpose-{code}") for code in ("en", "zh")},
        claims=tuple(Claim(name) for name in begun.values("claims")),
        remedies=tuple(RemedyKind(name) for name in begun.values("remedies")),
        channels=tuple(begun.values("channels")),
        marketplaces=tuple(begun.values("marketplaces")),
        languages=() if len(texts) in (0, len(LANGUAGES)) else tuple(texts),
        required=tuple(begun.values("required")),
        optional=tuple(begun.values("optional")),
        text=texts,
        source="",
        own=True,
        **{part: begun.value(part) for part in CHOICES},
    )


def name_problem(begun: Work) -> str:
    """Return why it cannot be saved under its id, as the key of a string; "" where it can."""
    if begun.name or begun.as_file:
        return ""
    if not begun.id:
        return "edit.no_name"
    if not is_id(begun.id):
        return "edit.bad_name"
    return "edit.name_taken" if own_text(templates_place(), begun.id) is not None else ""


def list_fields(begun: Work) -> None:
    """List the fields that the texts use."""
    required, optional = fields_of(list(drafted(begun).text.values()))
    st.session_state[begun.key("required")], st.session_state[begun.key("optional")] = list(required), list(optional)
