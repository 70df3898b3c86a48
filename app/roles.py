"""Who looks at the screen, and what they may do: agents decide cases, reviewers look a second time, admins change the rules.

Who it is comes from one of three: this machine's only user, a login (OIDC), or a header of the proxy in front.
What they may do comes from the file `roles.toml`. `docs/screen.md` tells both.
"""

from __future__ import annotations

import getpass
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from triage_ml.home import home

_HERE = frozenset(["localhost", "127.0.0.1", "::1"])
_NOBODY = "none"


class Role(IntEnum):
    """What a person may do; each may also do what those before it may."""

    AGENT = 1
    REVIEWER = 2
    ADMIN = 3


class Way(Enum):
    """How it is known who looks at the screen."""

    ALONE = auto()
    LOGIN = auto()
    HEADER = auto()


@dataclass(frozen=True, slots=True)
class Access:
    """What one person may do.

    Parameters
    ----------
    role
        None where this person may not come in.
    why
        Key of the sentence that tells what is wrong with it, "" where nothing is.
    facts
        The sentence's fields.
    """

    role: Role | None
    why: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class RolesFileError(Exception):
    """The file of roles cannot be used; `why` is the key of a sentence, `facts` are its fields."""

    def __init__(self, why: str, **facts: str) -> None:
        self.why, self.facts = why, facts
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Roles:
    """What the file of roles says.

    Parameters
    ----------
    people
        E-mail, name, or "@domain" for all of a domain, in small letters, to role; None: may not come in.
    default
        The role of those it does not name; "" where the file does not say.
    """

    people: Mapping[str, Role | None]
    default: Role | None

    def of(self, person: str) -> Role | None:
        """Return the role of a person; a person counts before a domain."""
        name = person.casefold()
        domain = "@" + name.rpartition("@")[2] if "@" in name else name
        return self.people[name] if name in self.people else self.people.get(domain, self.default)

    @property
    def has_admin(self) -> bool:
        """Whether anybody is an admin."""
        return Role.ADMIN in (*self.people.values(), self.default)


def role() -> Role:
    """Return the role of the one who looks at the screen."""
    return access().role or Role.AGENT  # whoever may not come in sees no page that could ask


def person() -> str:
    """Return who looks at the screen, as it stands beside decisions; "" where that is not known."""
    if way() is Way.HEADER:
        return _from_header()
    if way() is Way.LOGIN:
        return _from_login()
    return str(st.session_state.get("person", login_name())).strip()


def login_name() -> str:
    """Return the name of the computer's user, "" where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def way() -> Way:
    """Return how it is known who looks at the screen: the proxy's header counts before a login."""
    if _header():
        return Way.HEADER
    # Streamlit knows this key only where secrets.toml has [auth].
    return Way.ALONE if st.user.get("is_logged_in") is None else Way.LOGIN


def access() -> Access:
    """Return what the one who looks at the screen may do."""
    found = way()
    if found is Way.ALONE:
        return Access(Role.ADMIN) if _is_here() else Access(None, "roles.not_here")
    if found is Way.LOGIN and not st.user.get("is_logged_in"):
        return Access(None, "roles.login")
    if not (who := person()):
        return Access(None, "roles.no_email") if found is Way.LOGIN else Access(None, "roles.no_header", {"header": _header()})
    return granted(who, found)


def granted(who: str, found: Way) -> Access:
    """Return what the file of roles gives a person."""
    # A proxy lets in only whom it knows. Behind a login is everybody with an account there, which may be all the world.
    least = Role.AGENT if found is Way.HEADER else None
    place = roles_file()
    facts = {"file": str(place), "person": who}
    try:
        roles = read_roles(place, least)
    except RolesFileError as error:
        return Access(least, error.why, facts | error.facts)
    if roles is None:
        return Access(least, "roles.no_file", facts)
    if (given := roles.of(who)) is None:
        return Access(None, "roles.not_listed", facts)
    return Access(given) if roles.has_admin else Access(given, "roles.no_admin", facts)


def roles_file() -> Path:
    """Return the file of roles: TRIAGE_ROLES, else `roles.toml` in `home()`."""
    return Path(os.environ["TRIAGE_ROLES"]) if os.environ.get("TRIAGE_ROLES") else home() / "roles.toml"


def read_roles(place: Path, least: Role | None = None) -> Roles | None:
    """Read a file of roles; None where there is none.

    Parameters
    ----------
    place
        The file.
    least
        The role of those it does not name where it does not say that itself.

    Raises
    ------
    RolesFileError
        Where it cannot be used.
    """
    try:
        table = tomllib.loads(place.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # the second: no TOML, or no UTF-8
        raise RolesFileError("roles.bad_file", reason=str(error)) from None
    if odd := sorted(table.keys() - {"default", "people"}):
        raise RolesFileError("roles.bad_key", found=odd[0])
    people = table.get("people", {})
    if not isinstance(people, dict):
        raise RolesFileError("roles.bad_key", found="people")
    return Roles(
        {name.strip().casefold(): _role(name, given) for name, given in people.items()},
        _role("default", table["default"]) if "default" in table else least,
    )


def _role(name: str, given: object) -> Role | None:
    known = {_NOBODY: None, **{one.name.lower(): one for one in Role}}
    if not isinstance(given, str) or given.strip().lower() not in known:
        raise RolesFileError("roles.bad_role", name=name, found=str(given))
    return known[given.strip().lower()]


def _header() -> str:
    return os.environ.get("TRIAGE_USER_HEADER", "").strip()


def _from_header() -> str:
    """Return what the proxy says; nothing where it says two things: then one of them came from the outside."""
    values = st.context.headers.get_all(_header())
    if len(values) != 1:
        return ""
    try:  # headers come as Latin-1, whatever was sent
        return values[0].encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        return values[0].strip()


def _from_login() -> str:
    """Return the e-mail that the provider vouches for."""
    doubtful = st.user.get("email_verified") in (False, "false")
    return "" if doubtful or not st.user.get("is_logged_in") else str(st.user.get("email") or "").strip()


def _is_here() -> bool:
    """Say whether the browser calls this machine by its own name: no other name may lead to a screen without a login."""
    host = st.context.headers.get("Host")
    if not host:
        return True
    try:
        return urlsplit(f"//{host}").hostname in _HERE
    except ValueError:
        return False
