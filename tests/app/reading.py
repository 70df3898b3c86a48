"""What a person sees of a page: the text of everything on it, without tags."""

import re
from html import unescape


def html_of(at):
    """Return the page's HTML without its style sheet, as it is sent to the browser."""
    return "\n".join(one.proto.body for one in at.html if not one.proto.body.startswith("<style"))


def text_of(at):
    """Return all that is written on the page."""
    parts = [unescape(re.sub(r"<[^>]+>", " ", html_of(at)))]
    for kind in ("title", "header", "subheader", "caption", "markdown", "text"):
        parts += [one.value for one in getattr(at, kind)]
    for kind in ("button", "selectbox", "text_input", "text_area", "checkbox"):
        parts += [one.label for one in getattr(at, kind)]
    parts += [str(field.value) for field in at.text_area]
    parts += [str(option) for box in at.selectbox for option in box.options]
    return "\n".join(parts)


def words_of(at):
    """Return the page's HTML without tags and without gaps where they were: a marked passage reads on."""
    return unescape(re.sub(r"<[^>]+>", "", html_of(at)))


def opened(at):
    """Follow the screen to the case it opened: a screen without a browser forgets, by its next run, where it was sent."""
    return at.switch_page("case/page.py").run()


def button(at, name):
    """Return the button whose key, or its part before the case's number, is this."""
    return next(one for one in at.button if (one.key or "").partition(":")[0] == name)


def has_button(at, name):
    return any((one.key or "").partition(":")[0] == name for one in at.button)


def case_of(at):
    """Return the number of the case that is on the screen."""
    found = re.search(r"<h3>(C-\d+)", html_of(at))
    return found[1] if found else ""


def field(at, kind, name):
    """Return a field of the form, by the name of its part."""
    return next(one for one in getattr(at, kind) if re.split("[:]", one.key or "")[0] == name)
