"""Who may do what on the screen: agents decide cases, reviewers look a second time, admins change policy, replies and model."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """What a person may do; each may also do what those before it may."""

    AGENT = 1
    REVIEWER = 2
    ADMIN = 3


def role() -> Role:
    """Return the role of the one who looks at the screen."""
    return Role.ADMIN
