"""What a shop learns from its cases: frozen results, ready for JSON, tables and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from triage_ml.insights.rates import Change, Rate
from triage_ml.messages import Category, Claim, Money

# What all groups together are called, and cases that do not say which group they belong to.
ALL = "(all)"
UNKNOWN = "(unknown)"
# A trend of everything that is claimed about goods.
COMPLAINT = "complaint"


class By(StrEnum):
    """What cases are put together by."""

    SKU = "sku"
    PRODUCT = "product"
    MARKETPLACE = "marketplace"
    CHANNEL = "channel"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` to before `until`; a case belongs to it by its first message."""

    since: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.since <= at < self.until

    @property
    def before(self) -> Period:
        """The period of the same length that ends where this one begins."""
        return Period(self.since - (self.until - self.since), self.since)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that a cause stands on, and in how many cases at least."""

    words: str
    cases: int


@dataclass(frozen=True, slots=True)
class Line:
    """How often something comes: a category or a cause (`what`) in a group, in the period and in the one before.

    `phrases` are the words a cause stands on, `case_ids` the cases of the period that were recorded last, the newest first.
    """

    group: str
    what: str
    now: Rate
    before: Rate
    phrases: tuple[Phrase, ...] = ()
    case_ids: tuple[str, ...] = ()


class Verdict(StrEnum):
    """What a test says of a change."""

    MORE = "more"
    LESS = "less"
    NOISE = "noise"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Trend:
    """A rate against that of the period before.

    Parameters
    ----------
    group, what
        Which group, and which category; `complaint` is all that is claimed about goods.
    now, before
        Set against the orders where those of both periods are known; else against the cases of this sort and those that are no
        complaint, which stand for what was sold.
    change
        The test, None where there are too few cases for any.
    adjusted
        Its p after Benjamini and Hochberg, over all tests of the groups (or, for `ALL`, of the shop).
    verdict
        More or less where `adjusted` is at most 5 %, else noise.
    """

    group: str
    what: str
    now: Rate
    before: Rate
    change: Change | None
    adjusted: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Week:
    """Cases that began in one week, by category; `monday` is its first day in UTC, `case_ids` those recorded last."""

    monday: date
    cases: Mapping[Category, int]
    case_ids: Mapping[Category, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which share of the complaints comes from expectation against reality.

    Parameters
    ----------
    group
        Which group.
    share
        Of the complaints whose words can still be read.
    unreadable
        Complaints whose words were erased, or that had none.
    trade
        What the trade says; no source measures it.
    """

    group: str
    share: Rate
    unreadable: int
    trade: float


@dataclass(frozen=True, slots=True)
class RemedyResult:
    """What one remedy cost and achieved, over the decisions of the period that stand.

    Parameters
    ----------
    remedy
        Value of `RemedyKind`.
    decisions
        How often it was decided on.
    accepted, declined, escalated, no_answer, open
        What came of it, each decision once; an escalation counts before all else.
    bad_reviews
        With how many a negative review came.
    acceptance
        Share accepted of those with a result.
    mean_spent
        One for each currency, over the decisions for which something was noted.
    """

    remedy: str
    decisions: int
    accepted: int
    declined: int
    escalated: int
    no_answer: int
    open: int
    bad_reviews: int
    acceptance: Rate
    mean_spent: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class OfferBand:
    """How often offers of about one share of the price were taken.

    Parameters
    ----------
    claim
        What was claimed.
    above, up_to
        The band, as fractions of the price.
    mean_share
        The mean share offered in it.
    acceptance
        How often it was taken.
    trade
        The chance that the trade's figure gives for this share.
    """

    claim: Claim
    above: float
    up_to: float
    mean_share: float
    acceptance: Rate
    trade: float


@dataclass(frozen=True, slots=True)
class RepeatBuyer:
    """A buyer with several cases: the first letters of the keyed hash, never a name. Nobody is accused by a number."""

    buyer: str
    cases: int
    case_ids: tuple[str, ...]
    categories: Mapping[Category, int]


@dataclass(frozen=True, slots=True)
class Buyers:
    """Who came back, over the twelve months up to the end of the period.

    Parameters
    ----------
    known
        Buyers who can be told apart; erased ones cannot.
    repeated, often
        Those with two cases or more, and with three or more.
    most
        Those with the most cases, at least three.
    """

    known: int
    repeated: int
    often: int
    most: tuple[RepeatBuyer, ...]


@dataclass(frozen=True, slots=True)
class ReplyTimes:
    """How fast buyers' messages of the period were answered at one marketplace.

    Parameters
    ----------
    marketplace
        "de", "etsy.de"; `ALL` for all.
    messages
        Messages whose time is over, answered or not; the rates are of these.
    waiting
        Messages that can still be answered in time; they count nowhere else.
    within_day, within_clock
        Answered within 24 hours, and within the marketplace's clock; without a value where the record holds no answer at all.
    median_hours
        Of those answered, None where none was.
    """

    marketplace: str
    messages: int
    waiting: int
    within_day: Rate
    within_clock: Rate
    median_hours: float | None


@dataclass(frozen=True, slots=True)
class GroupCost:
    """What the cases of one group behind something cost."""

    group: str
    cases: int
    cost: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class FixFirst:
    """A place to put something right, with what stands behind it in the period.

    Parameters
    ----------
    fix
        As in `data/insights/causes.toml`, with its name and advice.
    names, advice
        In English ("en") and Chinese ("zh").
    cases
        Cases behind it; a case with several causes stands behind each, with its part of the cost.
    unpriced
        Those of unknown cost.
    cost
        Spent or expected, one for each currency.
    weight
        The cost in mean orders: each currency over the mean price paid in it, so that they can be added.
    share
        Of the weight of all.
    causes
        Cases by cause.
    groups
        The groups that cost most.
    """

    fix: str
    names: Mapping[str, str]
    advice: Mapping[str, str]
    cases: int
    unpriced: int
    cost: tuple[Money, ...]
    weight: float
    share: float
    causes: Mapping[str, int]
    groups: tuple[GroupCost, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Words of a buyer without personal data, and the case they stand in."""

    case_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Theme:
    """Cases of one language that say the same, which nothing known explains.

    Parameters
    ----------
    language
        ISO 639-1 code.
    words
        What they have in common, the most telling first.
    standing_out
        Those of the words that come at least three times as often as before the period, or as where the model did not abstain.
    cases
        Cases among those compared.
    abstained
        Of these, the ones on which the model abstained.
    groups
        Cases by group, most first.
    excerpts
        The most typical texts.
    case_ids
        The cases themselves, those recorded last.
    """

    language: str
    words: tuple[str, ...]
    standing_out: tuple[str, ...]
    cases: int
    abstained: int
    groups: Mapping[str, int]
    excerpts: tuple[Excerpt, ...]
    case_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Radar:
    """New complaints: what the model abstained on, and words unlike those known before the period.

    Parameters
    ----------
    cases, abstained
        Cases of the period, and those with a message on which the model abstained.
    known
        Cases before the period that words were learned from. Where a language has too few, only abstentions are compared.
    compared
        How many cases were compared with each other.
    themes
        The largest first.
    """

    cases: int
    abstained: int
    known: int
    compared: int
    themes: tuple[Theme, ...]
