"""A button that puts the reply on the clipboard, by a click or by the key Y outside of fields."""

from __future__ import annotations

from streamlit.components.v2 import component

_HTML = '<button type="button" class="copy"></button>'
_CSS = """
.copy { font: inherit; font-size: .93rem; color: inherit; padding: .3rem .7rem; border-radius: .5rem; cursor: pointer;
  white-space: nowrap; background: transparent; border: 1px solid var(--st-border-color, #999); }
.copy kbd { font: inherit; font-size: .8rem; opacity: .6; margin-left: .35rem; }
.copy:focus-visible { outline: 2px solid var(--st-primary-color, #0f766e); }
"""
_JS = """
export default function ({ parentElement, data }) {
  const button = parentElement.querySelector("button");
  const hint = document.createElement("kbd");
  hint.textContent = "Y";
  button.replaceChildren(data.label, hint);
  const copy = async () => {
    await navigator.clipboard.writeText(data.text);
    button.textContent = data.done;
  };
  const key = (event) => {
    const at = event.composedPath()[0];
    const typing = at.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName);
    if (event.key.toLowerCase() === "y" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) copy();
  };
  button.onclick = copy;
  document.addEventListener("keydown", key);
  return () => document.removeEventListener("keydown", key);
}
"""


def copy_button(label: str, done: str, text: str, key: str) -> None:
    """Draw the button; `done` is what it says once the text was copied."""
    # Registered on every run: the registry belongs to the running server, and the same definition counts once.
    component("copy_reply", html=_HTML, css=_CSS, js=_JS)(
        data={"label": label, "done": done, "text": text}, key=key, width="content"
    )
