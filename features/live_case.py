"""What is held of one shipment: its plans, its events, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from features import course
from features.course import Course
from features.errors import RecordError
from features.instants import micros
from features.live import LegKeys
from features.live_leg import LiveLeg
from features.live_rests import Trail
from features.records import DeliveryEvent, Shipment
from features.rests import Rest
from features.timeline import NEVER
from features.tracking import Scan
from features.versions import Version, version_at, versions_of


@dataclass(slots=True)
class Case:
    """One shipment: its plans in order of knowledge, its events by id, the versions that are in the timelines.

    `asked` is a plan as it was last asked about, `trail` what the events report and `steps` the course they tell, once
    that was asked; `keys` are those of its plans, each by its identity; `is_corrected` says whether an event corrects
    another.
    """

    plans: list[Shipment] = field(default_factory=list)
    events: dict[str, DeliveryEvent] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    asked: tuple[Shipment, LiveLeg] | None = None
    trail: Trail | None = None
    steps: Course | None = None
    keys: dict[int, LegKeys] = field(default_factory=dict)
    is_corrected: bool = False

    def held(self, event: DeliveryEvent) -> DeliveryEvent | None:
        """Return the event of the same id that is held, None if there is none; raise if it has other contents."""
        before = self.events.get(event.event_id)
        if before is not None and not _same(before, event):
            raise RecordError(
                f"Event '{event.event_id}' of shipment '{event.shipment_id}' came before with other contents. "
                f"Give a correction an event_id of its own and name the old one in `corrects`."
            )
        return before

    def put(self, event: DeliveryEvent) -> None:
        """Hold an event; what the versions are then is not worked out yet."""
        self.events[event.event_id] = event
        self.is_corrected |= event.corrects is not None
        self.steps = None

    def keys_of(self, plan: Shipment) -> LegKeys:
        """Return the keys of one of the plans."""
        found = self.keys.get(id(plan))
        if found is None:
            found = self.keys[id(plan)] = LegKeys.of_plan(plan)
        return found

    @property
    def announced(self) -> int:
        """When its first plan was known (microseconds), `NEVER` if there is none yet."""
        return micros(self.plans[0].known_at) if self.plans else NEVER

    def reported(self) -> Trail:
        """Return what the events report."""
        if self.trail is None:
            self.trail = Trail(self.events.values())
        return self.trail

    def told(self) -> tuple[Sequence[Scan], Course | None]:
        """Return what the events say: the scans, and the steps if any are planned."""
        if self.steps is None:
            self.steps = course.course_of(self.events.values())
        return self.reported().scans, self.steps if self.steps.planned else None

    def announce(self, plan: Shipment, place: int) -> tuple[Sequence[Rest], Sequence[Rest]]:
        """Hold a plan, at its place among those before it; return the rests that go and those that come."""
        announced = self.announced
        self.plans.insert(place, plan)
        if self.announced == announced:
            return (), ()
        trail = self.reported()
        return trail.rests(announced), trail.rests(self.announced)

    def report(self, event: DeliveryEvent, *, is_new: bool) -> tuple[Sequence[Rest], Sequence[Rest]]:
        """Hold an event; return the rests that go and those that come.

        Parameters
        ----------
        is_new
            Whether none of its id is held.
        """
        trail, announced = self.reported(), self.announced
        if is_new and event.corrects is None and not self.is_corrected:
            self.put(event)
            return trail.put(event, announced)
        self.put(event)
        self.trail = Trail(self.events.values())
        return trail.rests(announced), self.trail.rests(announced)


def version_of(case: Case | None, subject: Shipment, cutoff: int) -> Version:
    """Return the version of an announced shipment in force at the cutoff; an inline one is taken at its word."""
    if case is None:
        return versions_of([subject], ())[-1]
    for plan in case.plans:
        if plan is subject:
            return version_at(case.versions, cutoff)
    return version_at(versions_of([subject], case.events.values()), cutoff)


def known_at(record: Shipment | DeliveryEvent) -> datetime:
    """Return by what plans and events are put in order."""
    return record.known_at


def _same(one: DeliveryEvent, other: DeliveryEvent) -> bool:
    """Compare contents; when it was learnt does not count, a repeat is learnt later."""
    return one.model_copy(update={"known_at": other.known_at}) == other
