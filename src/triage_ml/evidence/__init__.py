"""What a seller sends to win a dispute: what the record of a case shows, what is missing, and how anybody can check it.

purposes                  who is to be convinced of what; the limits, rules and words of it (data/evidence/)
record                    a case as it can be told: what was offered, what came of it, what was erased, what is new
items, drafting           what is there and what is missing; the text for the platform's box
telling                   what a bundle says: all that the platform may know, or what the buyer knows anyway
pages, fonts, pdf         the same to read: HTML, and PDF where the extra is installed
manifest                  the list of hashes, and whether a pack still is what it was
pack                      all of it in one file
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from triage_ml.evidence.drafting import Draft, draft
    from triage_ml.evidence.items import Item, checklist
    from triage_ml.evidence.manifest import check_pack
    from triage_ml.evidence.pack import PackReport, build_pack
    from triage_ml.evidence.purposes import Purpose

__all__ = ["Draft", "Item", "PackReport", "Purpose", "build_pack", "check_pack", "checklist", "draft"]

_HOMES = {
    "Draft": "drafting", "Item": "items", "PackReport": "pack", "Purpose": "purposes", "build_pack": "pack",
    "check_pack": "manifest", "checklist": "items", "draft": "drafting",
}  # fmt: skip


# Imported on first use, so that importing the package stays light.
def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"triage_ml.evidence.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'triage_ml.evidence' has no attribute {name!r}")
