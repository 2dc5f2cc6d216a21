"""The online state: takes records one by one, in any order, and answers with the numbers of the batch build.

A shipment's plan is taken once; its milestones are the first known event of each status, so a record that arrives
late but was known earlier takes the old facts back and puts in the new ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from features import weather
from features.errors import RecordError, UnknownShipmentError
from features.legs import Legs, Row, keys_of, micros, numbers_of, times_of
from features.live import LiveFacts
from features.moments import moment_at
from features.records import DeliveryEvent, Shipment, WeatherObservation
from features.settings import FeatureSettings
from features.tables import RecordTables, events_of, shipments_of, weather_of
from features.vocabulary import Moment

Record = Shipment | DeliveryEvent | WeatherObservation


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """Features of one question.

    Attributes
    ----------
    values : float64 [len(FEATURES)], NaN where unknown
    missing
        What a prediction cannot do without and is not there, each in words.
    """

    values: NDArray[np.float64]
    missing: tuple[str, ...]


@dataclass(slots=True)
class _Case:
    """One shipment: its plan, its events by id, the times that are in the timelines, its numbers once asked for."""

    shipment: Shipment | None = None
    events: dict[str, DeliveryEvent] = field(default_factory=dict)
    times: Row | None = None
    numbers: tuple[float, ...] | None = None


class State:
    """All that is known, ready to be asked.

    Parameters
    ----------
    settings
        Must be those the model was trained with; the feature fingerprint covers them.
    """

    def __init__(self, settings: FeatureSettings | None = None) -> None:
        self.settings = settings or FeatureSettings()
        self.facts = LiveFacts(self.settings)
        self._cases: dict[str, _Case] = {}
        self._observed: set[tuple[str, int, int]] = set()
        self._carriers_of: dict[tuple[str, str], set[str]] = {}
        self._origins_of: dict[str, set[str]] = {}
        self._carriers: Counter[str] = Counter()

    def add(self, record: Record) -> bool:
        """Take in a record.

        Returns
        -------
        bool
            False if it was there already (same `event_id`, same plan, same observation) and changed nothing.

        Raises
        ------
        RecordError
            If the shipment was announced before with another plan, or the event id came with other contents.
        """
        self.check(record)
        match record:
            case Shipment():
                return self._add_shipment(record)
            case DeliveryEvent():
                return self._add_event(record)
            case WeatherObservation():
                return self._add_weather(record)

    def check(self, record: Record) -> None:
        """Raise what `add` would raise, and change nothing."""
        if isinstance(record, Shipment):
            case = self._cases.get(record.shipment_id)
            if case is not None and case.shipment is not None and not _same(case.shipment, record):
                raise RecordError(
                    f"Shipment '{record.shipment_id}' was announced before with another plan. A plan is taken once; "
                    f"send what changed as delivery events, or use a new shipment_id."
                )
        elif isinstance(record, DeliveryEvent):
            case = self._cases.get(record.shipment_id)
            before = None if case is None else case.events.get(record.event_id)
            if before is not None and not _same(before, record):
                raise RecordError(
                    f"Event '{record.event_id}' of shipment '{record.shipment_id}' came before with other contents. "
                    f"Give a correction an event_id of its own and name the old one in `corrects`."
                )

    def add_tables(self, tables: RecordTables) -> None:
        """Take in a history of canonical tables; an empty state takes it in bulk, about twenty times as fast."""
        if self._cases:
            for records in (shipments_of(tables), events_of(tables)):
                for record in records:
                    self.add(record)
        else:
            self._load(tables)
        for observation in weather_of(tables):
            self.add(observation)

    def knows(self, shipment_id: str) -> bool:
        """Tell whether the shipment was announced."""
        case = self._cases.get(shipment_id)
        return case is not None and case.shipment is not None

    def knows_carrier(self, carrier_id: str, *, besides: str | None = None) -> bool:
        """Tell whether this carrier carries any announced shipment besides that one: its own is no history of it."""
        case = None if besides is None else self._cases.get(besides)
        is_own = case is not None and case.shipment is not None and case.shipment.carrier_id == carrier_id
        return self._carriers[carrier_id] > int(is_own)

    def shipment(self, shipment_id: str) -> Shipment:
        """Return a shipment as announced.

        Raises
        ------
        UnknownShipmentError
            If it was not.
        """
        case = self._cases.get(shipment_id)
        if case is None or case.shipment is None:
            raise UnknownShipmentError(shipment_id)
        return case.shipment

    def shipments(self) -> Iterable[Shipment]:
        """Yield all announced shipments."""
        return (case.shipment for case in self._cases.values() if case.shipment is not None)

    def events(self, shipment_id: str) -> tuple[DeliveryEvent, ...]:
        """Return the events held of a shipment, in the order in which they were known."""
        case = self._cases.get(shipment_id)
        held = () if case is None else case.events.values()
        return tuple(sorted(held, key=lambda event: (event.known_at, event.occurred_at, event.event_id)))

    def events_known(self, shipment_id: str) -> int:
        """Return how many distinct events are held of a shipment."""
        case = self._cases.get(shipment_id)
        return 0 if case is None else len(case.events)

    def times(self, subject: Shipment) -> Row:
        """Return plan and milestones of an announced or an inline shipment."""
        case = self._cases.get(subject.shipment_id)
        if case is not None and case.shipment is subject and case.times is not None:
            return case.times
        return times_of(subject, () if case is None else case.events.values())

    def features(self, subject: Shipment, cutoff: datetime) -> FeatureRow:
        """Return the features of an announced or an inline shipment at the cutoff."""
        values = self.facts.features(keys_of(subject), self.times(subject), self._numbers(subject), micros(cutoff))
        return FeatureRow(values, self._missing(subject))

    def moment(self, subject: Shipment, cutoff: datetime) -> Moment | None:
        """Return the decision moment that holds for a shipment at the cutoff, None if nothing is left to decide."""
        return moment_at(self.times(subject), cutoff)

    def carriers_on(self, origin: str, destination: str) -> frozenset[str]:
        """Return the carriers that have been booked on a lane."""
        return frozenset(self._carriers_of.get((origin, destination), ()))

    def origins_for(self, destination: str) -> frozenset[str]:
        """Return the places from which a destination has been served."""
        return frozenset(self._origins_of.get(destination, ()))

    def _numbers(self, subject: Shipment) -> tuple[float, ...]:
        case = self._cases.get(subject.shipment_id)
        if case is None or case.shipment is not subject:
            return numbers_of(subject)
        if case.numbers is None:
            case.numbers = numbers_of(subject)
        return case.numbers

    def _missing(self, subject: Shipment) -> tuple[str, ...]:
        missing = []
        if subject.promised_at is None:
            missing.append("no promise is given")
        if subject.planned_departure_at is None:
            missing.append("no planned departure is given")
        if not self.knows_carrier(subject.carrier_id, besides=subject.shipment_id):
            missing.append(f"carrier {subject.carrier_id} has no history")
        return tuple(missing)

    def _add_shipment(self, record: Shipment) -> bool:
        case = self._cases.setdefault(record.shipment_id, _Case())
        if case.shipment is not None:
            return False
        case.shipment = record
        self._note(record)
        self._refresh(case)
        return True

    def _add_event(self, record: DeliveryEvent) -> bool:
        case = self._cases.setdefault(record.shipment_id, _Case())
        if record.event_id in case.events:
            return False
        case.events[record.event_id] = record
        self._refresh(case)
        return True

    def _add_weather(self, record: WeatherObservation) -> bool:
        occurred, known = micros(record.occurred_at), micros(record.known_at)
        identity = (record.place, occurred, known)
        if identity in self._observed:
            return False
        self._observed.add(identity)
        measured = [getattr(record, column) for column, _, _ in weather.COLUMNS]
        self.facts.observe(record.place, occurred, known, measured)
        return True

    def _note(self, record: Shipment) -> None:
        self._carriers[record.carrier_id] += 1
        self._carriers_of.setdefault((record.origin, record.destination), set()).add(record.carrier_id)
        self._origins_of.setdefault(record.destination, set()).add(record.origin)

    def _refresh(self, case: _Case) -> None:
        if case.shipment is None:
            return  # events may come before their shipment; they count from when it is announced
        times = times_of(case.shipment, case.events.values())
        if times != case.times:
            self.facts.replace(keys_of(case.shipment), case.times, times)
            case.times = times

    def _load(self, tables: RecordTables) -> None:
        legs = Legs.of_tables(tables)
        self.facts.load(legs)
        for times, record in zip(legs.times.tolist(), shipments_of(tables), strict=True):
            self._cases[record.shipment_id] = _Case(shipment=record, times=tuple(times))
            self._note(record)
        for event in events_of(tables):
            self.check(event)
            self._cases.setdefault(event.shipment_id, _Case()).events[event.event_id] = event


def _same(one: Shipment | DeliveryEvent, other: Shipment | DeliveryEvent) -> bool:
    """Compare contents; when it was learnt does not count, a repeat is learnt later."""
    return one.model_copy(update={"known_at": other.known_at}) == other
