"""What a marketplace's return reason suggests about the claim: a weak hint, from `data/reason_codes.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files

from triage_ml.messages import Claim


@lru_cache(maxsize=256)  # a file has a few codes, each in many rows
def claim_hint(code: str) -> Claim | None:
    """Return what a return reason suggests, None where it says too little.

    Parameters
    ----------
    code
        As it stands in the report: "DEFECTIVE", "CR-SWITCHEROO", "AMZ-PG-BAD-ITEM", or the words of the
        return form ("No longer needed"). Buyers choose it by who pays the postage, so it is never proof,
        and no code means abuse.
    """
    name = _normal(code)
    return next((claim for pattern, claim in _hints() if fnmatchcase(name, pattern)), None) if name else None


@cache
def _hints() -> tuple[tuple[str, Claim | None], ...]:
    """Return (pattern, claim) in the order of the file; a weak code stands there with None."""
    table = tomllib.loads((files("triage_ml") / "data" / "reason_codes.toml").read_text(encoding="utf-8"))
    return tuple(
        (_normal(pattern), Claim(entry["claim"]) if entry["confidence"] in ("high", "med") else None)
        for entry in table["reason"]
        for pattern in entry["patterns"]
    )


def _normal(code: str) -> str:
    """Take off Amazon's prefixes and all that differs between a code and its spelling on the screen."""
    name = re.sub(r"^(?:CR|AMZ-PG)[-_]", "", unicodedata.normalize("NFKC", code).strip().upper())
    return re.sub(r"[^\w*]+", "_", name.replace("'", "").replace("’", "")).strip("_")
