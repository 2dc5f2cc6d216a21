"""Reasons as a customer may read them: what they are about, never whose fault, which number or whose goods.

Staff read of a carrier's late share or of how many lines come first. A customer reads that such transports were late
of late, or that others want the same article. Each feature belongs to one subject; the reasons by subject add up to the
same score.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

NEWEST_OUTCOMES = "newest_outcomes"
"""What the correction of an arrival by the newest outcomes is called among the contributions."""

_LATELY = "how such transports have kept their times lately"

_SUBJECTS: tuple[tuple[str, str], ...] = (
    (rf"^{NEWEST_OUTCOMES}$", _LATELY),
    (r"_disruption", "disturbances on the way"),
    (
        r"_(temperature_c|wind_speed_ms|wind_direction_deg|visibility_km|precipitation_mm|pressure_hpa|humidity_pct"
        r"|dew_point_c|station_km|forecast_age_hours)$",
        "the weather at the places on the way",
    ),
    (
        r"^(departed|departure_delay_|overdue_|projected_delay_|step_delay|step_overdue|steps_ahead|transfer_delay_"
        r"|last_scan|dwell_|delays_told|failed_attempts|troubles_told|estimated_delay|estimate_age|planned_left_"
        r"|slack_by_steps)",
        "how far your shipment has come",
    ),
    (r"^customer_(open_exceptions|past_promise)$", "how your shipments stand"),
    (
        r"^(origin|transfer)_(attendance|dock|due_done|heads|hours_of_work|inbound|labour|oldest_task|orders|picks"
        r"|tasks|waves|work)|_(open|past_promise)$|_ahead_\d+h$",
        "how busy the places on the way are",
    ),
    (
        r"^(carrier|lane|all|carrier_lane)_(tenders|claims)_|^carrier_(silen|feed_)",
        "the transport that is planned for it",
    ),
    (
        r"_(departures|arrivals|transits|delays)_|^arrival_delay_spread|^typical_transit|^slow_transit|^vehicle_"
        r"|^service_last_",
        _LATELY,
    ),
    (r"^(weight_kg|pieces|value|customer_tier|late_penalty)", "what is sent"),
    (
        r"^(hours_to_|planned_|booked_|departure_|promise_|promised_|distance_|transfers$|crosses_|closed_days"
        r"|slack_|origin_days|destination_days)",
        "the time and the way that are planned for it",
    ),
    # Of order lines.
    (r"^(place_)?adjustment_|^days_since_(adjustment|count)$|^books_age", "how sure the count of this article is"),
    (
        r"picks_\d+d$|short_share_\d+d$|^days_since_(short|full)_pick$",
        "how often this article was found complete lately",
    ),
    (r"inbound|^(place_)?lots_", "goods of this article that are on their way to us"),
    (
        r"^(reserved_for_others|holders|competing_|demand_|unreserved_ahead|free_after_ahead|lacks_for_others"
        r"|ordered_\d+d|forecast_error_|weekly_variation_)",
        "how much of this article is wanted",
    ),
    (
        r"^(on_hand|free|free_to_needed|shortfall|lacks_on_hand|held|damaged|days_of_cover|reserved_for_order"
        r"|reserved_for_wave)$",
        "how much of this article lies ready",
    ),
    (r"^(needed|hours_since_order|order_tier|order_ship_complete)$", "your order"),
)


@dataclass(frozen=True, slots=True)
class Ways:
    """What a reason speaks for that raises what is predicted, and one that lowers it."""

    higher: str
    lower: str


OF_DELAY = Ways("for a late arrival", "for an arrival in time")
OF_ARRIVAL = Ways("for a later arrival", "for an earlier arrival")
OF_SHORTAGE = Ways("against a complete delivery", "for a complete delivery")


@dataclass(frozen=True, slots=True)
class CustomerReason:
    """One reason for a customer: words, and what it adds in the unit of the score: log-odds, or hours of an arrival."""

    part: float
    words: str


@cache
def subject_of(feature: str) -> str:
    """Return what a feature is about, in a customer's words.

    Raises
    ------
    LookupError
        If nobody has said so yet: then add it here.
    """
    for pattern, subject in _SUBJECTS:
        if re.search(pattern, feature):
            return subject
    raise LookupError(f"Feature '{feature}' has no words for customers. Add it to models/customer_words.py.")


def customer_reasons(contributions: Iterable[tuple[str, float]], ways: Ways) -> tuple[CustomerReason, ...]:
    """Return the reasons of a score by subject, those that weigh most first; with the base they add up to the score.

    Parameters
    ----------
    contributions
        Of every feature, by name.
    """
    parts: dict[str, list[float]] = {}
    for name, part in contributions:
        if part:
            parts.setdefault(subject_of(name), []).append(part)
    totals = sorted(((math.fsum(of), subject) for subject, of in parts.items()), key=lambda one: -abs(one[0]))
    return tuple(
        CustomerReason(total, _sentence(subject, ways.higher if total > 0 else ways.lower)) for total, subject in totals
    )


def _sentence(subject: str, direction: str) -> str:
    return f"{subject[0].upper()}{subject[1:]} {'speak' if _is_plural(subject) else 'speaks'} {direction}."


def _is_plural(subject: str) -> bool:
    return subject.startswith(("disturbances", "goods", "the time and the way"))
