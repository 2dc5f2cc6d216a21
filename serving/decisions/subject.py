"""The version of what is decided about: the same version is decided once."""

from __future__ import annotations

from features.records import Shipment
from features.vocabulary import Moment
from routing.canonical import digest


def subject_version(shipment: Shipment, moment: Moment, events_known: int) -> str:
    """Name a version: the shipment, the moment, how many delivery events are known, and the plan.

    Any of these changes when something happened that a decision could depend on; a repeat of the question changes none.
    When the plan was learnt does not count: an inline shipment is learnt anew each time it is asked about.
    """
    plan = digest(shipment.model_dump(mode="json", exclude={"known_at"}, exclude_none=True))[:16]
    return f"{shipment.shipment_id}@{moment.value}#{events_known}+{plan}"
