"""The verdict: whose error it is, by which side of a difference the order shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from triage_ml.customisation.comparison import Comparison, Kind, Verdict
from triage_ml.customisation.complaint import Complaint, Difference
from triage_ml.customisation.matching import Match
from triage_ml.customisation.order import Field
from triage_ml.customisation.spelling import Likeness
from triage_ml.customisation.values import Number

_KINDS = {"date": Kind.DATE, "colour": Kind.COLOUR, "number": Kind.SIZE}


@dataclass(frozen=True, slots=True)
class _Pairing:
    """A difference held against one field of the order: how each side of it stands to the field."""

    difference: Difference
    field: Field
    made: Match | None
    wanted: Match | None

    @property
    def is_weak(self) -> bool:
        """Whether it turns on accents, umlauts or variants of a character."""
        return any(match.level is Likeness.WEAK for match in (self.made, self.wanted) if match)


_Ruling = tuple[Verdict, _Pairing]


def judge(complaint: Complaint, fields: Sequence[Field]) -> Comparison:
    """Say whose error it is.

    Parameters
    ----------
    complaint
        What the message says.
    fields
        What the order says.
    """
    pairs = [difference for difference in complaint.differences if difference.is_pair]
    singles = [difference for difference in complaint.differences if not difference.is_pair]
    # A value that stands alone says less: it counts where no pair is settled.
    for differences in (pairs, singles):
        rulings = [ruling for difference in differences for ruling in _rulings(difference, complaint, fields)]
        verdicts = {verdict for verdict, _ in rulings}
        if len(verdicts) == 2:
            return _undecided(complaint, "The message names two differences, and the order speaks for the buyer in one only.")
        if complaint.admitted and verdicts == {Verdict.OUR_ERROR}:
            return _undecided(complaint, "The buyer admits a slip, but the order shows what they want.")
        if rulings:
            return _decided(*rulings[0], complaint)
    for difference in complaint.differences if complaint.admitted else ():
        if pairing := _admitted(difference, fields):
            return _decided(Verdict.BUYERS_TYPO, pairing, complaint)
    if not complaint.differences:
        return _undecided(complaint, "The message does not say what was made or what was wanted.")
    return _undecided(complaint, "The order does not show clearly which of the two the buyer typed.")


# --- rules


def _rulings(difference: Difference, complaint: Complaint, fields: Sequence[Field]) -> list[_Ruling]:
    """Return what each field says of a difference; where they disagree, those of the kind that the message names."""
    pairings = [pairing for field in fields if (pairing := _paired(difference, field))]
    rule = _rule_pair if difference.is_pair else _rule_single
    found = [(verdict, pairing) for pairing in pairings if (verdict := rule(pairing, complaint))]
    if not found and len(pairings) == 1 and not difference.is_pair:
        found = [(verdict, pairing) for pairing in pairings if (verdict := _rule_other(pairing, complaint))]
    if len({verdict for verdict, _ in found}) == 2:
        found = [(verdict, pairing) for verdict, pairing in found if pairing.field.kind in complaint.kinds]
    return found


def _paired(difference: Difference, field: Field) -> _Pairing | None:
    """Hold a difference against a field; None where they are not of a sort."""
    made = field.match(difference.made) if difference.made else None
    wanted = field.match(difference.wanted) if difference.wanted else None
    return _Pairing(difference, field, made, wanted) if made or wanted else None


def _rule_pair(pairing: _Pairing, _: Complaint) -> Verdict | None:
    """Decide by which of the two is closer to the field; None where neither is."""
    made, wanted, difference = pairing.made, pairing.wanted, pairing.difference
    if not (made and wanted and difference.made and difference.wanted):
        return None
    if not difference.own and _is_closer(wanted, made, difference.wanted.text, difference.made.text):
        return Verdict.OUR_ERROR
    return Verdict.BUYERS_TYPO if _is_closer(made, wanted, difference.made.text, difference.wanted.text) else None


def _is_closer(match: Match, other: Match, text: str, other_text: str) -> bool:
    if match.level < Likeness.WEAK or match.level != other.level:
        return match.level > max(other.level, Likeness.NEAR)
    if match.whole != other.whole:
        return match.whole
    # Both stand in the field: the longer one says more of it.
    return len(text) > len(other_text) and other_text in text


def _rule_single(pairing: _Pairing, complaint: Complaint) -> Verdict | None:
    """Decide by how the one value that is named stands to the field: the same, or a slip away."""
    made, wanted, difference = pairing.made, pairing.wanted, pairing.difference
    # A date that may be read in two ways says too little; an accent counts where the message speaks of accents.
    same = Likeness.SAME if difference.sort == "date" else Likeness.CASE
    slips = (Likeness.NEAR, Likeness.WEAK) if complaint.of_accents else (Likeness.NEAR,)
    if wanted and difference.firm:
        if wanted.level >= same:
            return Verdict.OUR_ERROR
        if wanted.level in slips and not complaint.unread:
            return Verdict.BUYERS_TYPO
    if made:
        if made.level >= same and made.whole and (difference.sort in complaint.wrong or complaint.admitted):
            return Verdict.BUYERS_TYPO
        if made.level in slips:
            return Verdict.OUR_ERROR
    return None


def _rule_other(pairing: _Pairing, complaint: Complaint) -> Verdict | None:
    """Decide where a date, size, colour or count is no slip away, but another than the only one ordered."""
    made, wanted, difference = pairing.made, pairing.wanted, pairing.difference
    if difference.sort == "spelling" or any(match.level > Likeness.NONE for match in (made, wanted) if match):
        return None
    if wanted:
        return Verdict.BUYERS_TYPO if difference.firm else None
    return Verdict.OUR_ERROR if difference.sort in complaint.wrong else None


def _admitted(difference: Difference, fields: Sequence[Field]) -> _Pairing | None:
    """Return the field that an admitted slip is in: the only one of its sort, and not what is wanted."""
    if not difference.wanted or not difference.firm or (difference.made and not difference.own):
        return None
    found = [_Pairing(difference, field, None, match) for field in fields if (match := field.match(difference.wanted))]
    return found[0] if len(found) == 1 and found[0].wanted and found[0].wanted.level < Likeness.WEAK else None


# --- the answer


def _decided(verdict: Verdict, pairing: _Pairing, complaint: Complaint) -> Comparison:
    difference, ordered = pairing.difference, pairing.field.text
    made, wanted = difference.made, difference.wanted
    if verdict is Verdict.OUR_ERROR:
        why = f'The order says "{ordered}", as the buyer wants it' if wanted else f'The order says "{ordered}"'
        why += f', and "{made.text}" was made' if made else ", and something else was made"
    else:
        says = ", as the buyer says" if difference.own else ", which is what was made" if made else ""
        why = f'The order says "{ordered}"{says}'
        why += f', and the buyer wants "{wanted.text}"' if wanted else ", though the buyer calls it wrong"
    if pairing.is_weak:
        why += "; the difference is in accents, umlauts or variants of a character"
    return _comparison(verdict, ordered, difference, _kind(pairing, complaint), f"{why}.", complaint)


def _kind(pairing: _Pairing, complaint: Complaint) -> Kind:
    """Return the field's kind; where its label is silent or general, what the value and the message tell."""
    kind, difference = pairing.field.kind, pairing.difference
    if kind not in (None, Kind.TEXT):
        return kind
    if difference.sort == "spelling":
        return Kind.NAME if Kind.NAME in complaint.kinds else Kind.TEXT
    value = difference.wanted or difference.made
    if value and isinstance(value.reading, Number) and (value.reading.unit == "count" or Kind.COUNT in complaint.kinds):
        return Kind.COUNT
    return _KINDS[difference.sort]


def _undecided(complaint: Complaint, why: str) -> Comparison:
    difference = max(complaint.differences, key=lambda d: d.is_pair, default=Difference())
    kind = _KINDS.get(difference.sort, Kind.TEXT)
    return _comparison(Verdict.CANNOT_TELL, "", difference, kind, why, complaint)


def _comparison(
    verdict: Verdict, ordered: str, difference: Difference, kind: Kind, why: str, complaint: Complaint
) -> Comparison:
    made, wanted = difference.made, difference.wanted
    texts = made.text if made else "", wanted.text if wanted else ""
    return Comparison(verdict, ordered, *texts, kind, why, complaint.span(made), complaint.span(wanted))
