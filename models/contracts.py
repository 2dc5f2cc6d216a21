"""What models answer with: plain values that cross package boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from features.vocabulary import LineMoment, Moment, Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a score.

    Attributes
    ----------
    feature
        The feature that speaks loudest for the reason; empty for the sum of all reasons not listed.
    value
        Its value, None where unknown.
    log_odds
        What the reason adds to the log-odds of what is predicted; negative lowers the risk.
    words
        The reason in plain words.
    """

    feature: str
    value: float | None
    log_odds: float
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a score is what it is: `base_log_odds` plus all contributions equals `log_odds`; so do the reasons."""

    base_log_odds: float
    contributions: tuple[tuple[str, float], ...]
    log_odds: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class DelayScore:
    """Risk that a shipment is delivered after its promise.

    Attributes
    ----------
    probability
        Calibrated, None when the model abstains.
    abstained_because
        Why it abstains; empty otherwise.
    """

    probability: float | None
    verdict: Verdict
    moment: Moment
    abstained_because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EtaScore:
    """When a shipment will arrive.

    Attributes
    ----------
    early, median, late
        Instants by which one in ten, half and nine in ten such shipments have arrived; None when the model abstains.
    abstained_because
        Why it abstains; empty otherwise.
    """

    early: datetime | None
    median: datetime | None
    late: datetime | None
    moment: Moment
    abstained_because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArrivalReason:
    """One reason why the middle of an arrival lies where it does.

    Attributes
    ----------
    feature, value
        As of a `Reason`; the feature is empty for what the newest outcomes add, and for the sum of all not listed.
    hours
        What the reason adds to the delay; negative makes it earlier.
    words
        The reason in plain words.
    """

    feature: str
    value: float | None
    hours: float
    words: str


@dataclass(frozen=True, slots=True)
class ArrivalExplanation:
    """Why the middle of an arrival lies so many `hours` after the promise: base, contributions and correction add up
    to it; so do base and reasons.
    """

    base_hours: float
    contributions: tuple[tuple[str, float], ...]
    correction_hours: float
    hours: float
    reasons: tuple[ArrivalReason, ...]


@dataclass(frozen=True, slots=True)
class ShortageScore:
    """Risk that an order line is picked short.

    Attributes
    ----------
    probability
        Calibrated, None when the model abstains.
    abstained_because
        Why it abstains; empty otherwise.
    """

    probability: float | None
    moment: LineMoment
    abstained_because: tuple[str, ...]
