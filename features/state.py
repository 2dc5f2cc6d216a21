"""The online state: takes records one by one, in any order, and answers with the numbers of the batch build.

A shipment may be planned anew and an event corrected: each is in force from when it was known (`features.versions`). A
record that arrives late but was known earlier takes the old facts back and puts in the new ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import course, tracking
from features.archive import Archive
from features.carrier_records import Claim, Tender, TenderResponse
from features.errors import RecordError, UnknownShipmentError
from features.instants import micros
from features.inventory.live.stock import LiveStock
from features.invoice_records import Accessorial, BilledInvoice, CarrierRate, FuelIndex
from features.legs import Legs, Row, Time
from features.live import LegKeys, LiveFacts, putting_in
from features.live_case import Case, known_at, version_of
from features.live_invoices import LiveInvoices
from features.live_leg import LiveLeg
from features.moments import IN_TURN, moment_at
from features.numbers import numbers_of
from features.order_records import PlacedOrder
from features.records import DeliveryEvent, Disruption, Place, Shipment, WeatherForecast, WeatherObservation
from features.settings import FeatureSettings
from features.stock_records import InboundReceipt, InventoryAdjustment, InventoryPosition, LabourShift, WarehouseTask
from features.tables import RecordTables, events_of, no_records, records_of, shipments_of
from features.timeline import NEVER
from features.versions import Version, is_same_plan, version_at, versions_of, with_event
from features.vocabulary import Moment
from features.way import way_of

AnyRecord = (
    Shipment
    | DeliveryEvent
    | WeatherObservation
    | WeatherForecast
    | Place
    | Disruption
    | WarehouseTask
    | LabourShift
    | Tender
    | TenderResponse
    | Claim
    | BilledInvoice
    | CarrierRate
    | FuelIndex
    | Accessorial
    | PlacedOrder
    | InventoryPosition
    | InventoryAdjustment
    | InboundReceipt
)
"""Whatever the state can take in."""

_KINDS = (Shipment, DeliveryEvent)
"""Records that stay in the archive until their shipment is asked for."""


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


class State:
    """All that is known, ready to be asked.

    Parameters
    ----------
    settings
        Must be those the model was trained with; the feature fingerprint covers them.
    with_stock
        Whether orders and stock are kept: only who judges shortages needs them. Else what is told of them is let go.
    """

    def __init__(self, settings: FeatureSettings | None = None, *, with_stock: bool = False) -> None:
        self.settings = settings or FeatureSettings()
        self.facts = LiveFacts(self.settings)
        self.invoices = LiveInvoices(self.told)
        self.stock = LiveStock() if with_stock else None
        self._archive = Archive(no_records(), _KINDS)
        self._cases: dict[str, Case] = {}
        self._carriers_of: dict[tuple[str, str], set[str]] = {}
        self._origins_of: dict[str, set[str]] = {}
        self._carriers: Counter[str] = Counter()

    def add(self, record: AnyRecord) -> bool:
        """Take in a record.

        Returns
        -------
        bool
            False if it said nothing new (same `event_id`, same plan, same observation). Of orders and stock it is
            not known where they are not kept.

        Raises
        ------
        RecordError
            If two plans of a shipment are said to be known since the same instant, or an event id came with other
            contents.
        """
        if isinstance(record, DeliveryEvent):  # what comes most often: it is looked for once
            return self._add_event(record)
        self.check(record)
        match record:
            case Shipment():
                return self._add_shipment(record)
            case WeatherObservation():
                return self.facts.weather.add(record)
            case Place():
                return self.facts.locate(record)
            case WeatherForecast():
                return self.facts.forecasts.add(record)
            case Disruption():
                return self.facts.disruptions.add(record)
            case WarehouseTask():
                return self._add_task(record)
            case LabourShift():
                return self.facts.labour.add(record)
            case Tender() | TenderResponse():
                return self.facts.tenders.add(record)
            case Claim():
                return self.facts.claims.add(record)
            case BilledInvoice():
                return self.invoices.add(record)
            case CarrierRate() | FuelIndex() | Accessorial():
                return self.invoices.add_terms(record)
            case PlacedOrder() | InventoryPosition() | InventoryAdjustment() | InboundReceipt():
                return self.stock is None or self.stock.add(record)

    def check(self, record: AnyRecord) -> None:
        """Raise what `add` would raise, and change nothing."""
        if isinstance(record, DeliveryEvent):
            case = self._case(record.shipment_id)
            if case is not None:
                case.held(record)
        elif isinstance(record, Shipment):
            case = self._case(record.shipment_id)
            for plan in () if case is None else case.plans:
                if plan.known_at == record.known_at and plan != record:
                    raise RecordError(
                        f"Shipment '{record.shipment_id}' has two plans known since {record.known_at.isoformat()}, so "
                        f"neither is the newer one. Give the changed plan the `known_at` at which it was learnt."
                    )
        elif isinstance(record, Place):
            self.facts.weather.stations.check(record)
        elif isinstance(record, Disruption):
            self.facts.disruptions.check(record)
        elif isinstance(record, WarehouseTask):
            self.facts.work.check(record)
        elif isinstance(record, LabourShift):
            self.facts.labour.check(record)
        elif isinstance(record, Tender | TenderResponse):
            self.facts.tenders.check(record)
        elif isinstance(record, Claim):
            self.facts.claims.check(record)
        elif isinstance(record, BilledInvoice):
            self.invoices.check(record)

    def add_tables(self, tables: RecordTables) -> None:
        """Take in a history of canonical tables; an empty state takes it in bulk."""
        in_bulk = not (self._cases or self._archive)
        if not in_bulk:
            for records in (shipments_of(tables), events_of(tables)):
                for record in records:
                    self.add(record)
        else:
            self._load(tables)
        feeds: tuple[Iterable[AnyRecord], ...] = (
            records_of(tables, Place),
            records_of(tables, WeatherObservation),
            records_of(tables, WeatherForecast),
            records_of(tables, Disruption),
            records_of(tables, LabourShift),
            records_of(tables, Claim),
        )
        self.facts.work.add_tables(tables)
        for told in chain.from_iterable(feeds):
            self.add(told)
        if self.facts.tenders:
            for offer in records_of(tables, Tender):
                self.add(offer)
            for answer in records_of(tables, TenderResponse):
                self.add(answer)
        else:
            self.facts.tenders.load(tables)
        self.invoices.add_tables(tables, in_bulk=in_bulk)
        if self.stock is not None:
            self.stock.add_tables(tables)

    def knows(self, shipment_id: str) -> bool:
        """Tell whether the shipment was announced."""
        case = self._case(shipment_id)
        return case is not None and bool(case.plans)

    def knows_carrier(self, carrier_id: str, *, besides: str | None = None) -> bool:
        """Tell whether this carrier carries any announced shipment besides that one: its own is no history of it."""
        case = None if besides is None else self._case(besides)
        is_own = case is not None and any(plan.carrier_id == carrier_id for plan in case.plans)
        return self._carriers[carrier_id] > int(is_own)

    def shipment(self, shipment_id: str, as_of: datetime | None = None) -> Shipment:
        """Return a shipment as planned at that time; before it was announced, as first planned. By default the newest.

        Raises
        ------
        UnknownShipmentError
            If it was not.
        """
        case = self._case(shipment_id)
        if case is None or not case.plans:
            raise UnknownShipmentError(shipment_id)
        return version_at(case.versions, NEVER if as_of is None else micros(as_of)).plan

    def events(self, shipment_id: str) -> tuple[DeliveryEvent, ...]:
        """Return the events held of a shipment, in the order in which they were known."""
        case = self._case(shipment_id)
        held = () if case is None else case.events.values()
        return tuple(sorted(held, key=lambda event: (event.known_at, event.occurred_at, event.event_id)))

    def told(self, shipment_id: str) -> tuple[Sequence[Shipment], Sequence[DeliveryEvent]]:
        """Return the plans and the events held of a shipment; what lies in the archive stays there."""
        if shipment_id in self._archive:
            records = self._archive.records
            return records(Shipment, shipment_id), records(DeliveryEvent, shipment_id)
        case = self._cases.get(shipment_id)
        return ((), ()) if case is None else (case.plans, tuple(case.events.values()))

    def events_known(self, shipment_id: str) -> int:
        """Return how many distinct events are held of a shipment."""
        case = self._case(shipment_id)
        return 0 if case is None else len(case.events)

    def versions(self, shipment_id: str) -> tuple[Version, ...]:
        """Return the versions of a shipment in order of time; none if it was not announced."""
        case = self._case(shipment_id)
        return () if case is None else case.versions

    def features(self, subject: Shipment, cutoff: datetime) -> FeatureRow:
        """Return the features of an announced or an inline shipment at the cutoff."""
        at, case = micros(cutoff), self._case(subject.shipment_id)
        plan, times = version_of(case, subject, at)
        scans, steps = ((), None) if case is None else case.told()
        tracked, reported = tracking.values_of_one(scans, plan, times, at)
        if steps is None:
            tracked += course.NOTHING
        else:
            tracked += course.values_of_one(steps, plan.transfer, times[Time.BOOKED], times[Time.PROMISED], at)
        return FeatureRow(self._leg(case, plan).features(times, tracked, reported, at), self._missing(plan, times))

    def moment(self, subject: Shipment, cutoff: datetime, among: Collection[Moment] = IN_TURN) -> Moment | None:
        """Return which of the moments asked for holds at the cutoff, None if nothing is left to decide."""
        return moment_at(version_of(self._case(subject.shipment_id), subject, micros(cutoff)).times, cutoff, among)

    def carriers_on(self, origin: str, destination: str) -> frozenset[str]:
        """Return the carriers that have been booked on a lane."""
        return frozenset(self._carriers_of.get((origin, destination), ()))

    def origins_for(self, destination: str) -> frozenset[str]:
        """Return the places from which a destination has been served."""
        return frozenset(self._origins_of.get(destination, ()))

    def _leg(self, case: Case | None, plan: Shipment) -> LiveLeg:
        """Return a plan ready to be asked; an announced one is kept for the next time."""
        if case is not None and case.asked is not None and case.asked[0] is plan:
            return case.asked[1]
        announced = case is not None and any(each is plan for each in case.plans)
        keys = case.keys_of(plan) if case is not None and announced else LegKeys.of_plan(plan)
        leg = LiveLeg(self.facts, keys, numbers_of(plan, self.settings.currency), way_of(plan), lasting=announced)
        if case is not None and announced:
            case.asked = plan, leg
        return leg

    def _missing(self, plan: Shipment, times: Row) -> tuple[str, ...]:
        missing = []
        if times[Time.PROMISED] == NEVER:
            missing.append("no promise is given")
        if times[Time.PLANNED] == NEVER:
            missing.append("no planned departure is given")
        if self._carriers[plan.carrier_id] < 2 and not self.knows_carrier(plan.carrier_id, besides=plan.shipment_id):
            missing.append(f"carrier {plan.carrier_id} has no history")
        return tuple(missing)

    def _add_shipment(self, record: Shipment) -> bool:
        case = self._opened(record.shipment_id)
        before = case.plans[: bisect_right(case.plans, record.known_at, key=known_at)]
        if before and before[-1] == record:
            return False
        self.facts.rests.replace(*case.announce(record, len(before)))
        self.facts.news.announce(case.plans, len(before), case.events.values())
        self._note(case, record)
        self._refresh(case)
        self.invoices.note(record)
        return not (before and is_same_plan(before[-1], record))

    def _add_event(self, record: DeliveryEvent) -> bool:
        case = self._opened(record.shipment_id)
        before = case.held(record)
        if before is not None and before.known_at <= record.known_at:
            return False
        gone, come = case.report(record, is_new=before is None)
        if gone or come:
            self.facts.rests.replace(gone, come)
        self.facts.news.tell(record, before, case.plans, case.events.values())
        follows = before is None and not case.is_corrected
        self._refresh(case, with_event(case.versions, case.events.values(), record) if follows else None)
        self.invoices.note(record)
        return True

    def _add_task(self, record: WarehouseTask) -> bool:
        if self.stock is not None:
            self.stock.add(record)
        return self.facts.work.add(record)

    def _note(self, case: Case, record: Shipment) -> None:
        self._carriers[record.carrier_id] += [plan.carrier_id for plan in case.plans].count(record.carrier_id) == 1
        self._note_lane(record.carrier_id, record.origin, record.destination)

    def _note_lane(self, carrier_id: str, origin: str, destination: str) -> None:
        self._carriers_of.setdefault((origin, destination), set()).add(carrier_id)
        self._origins_of.setdefault(destination, set()).add(origin)

    def _refresh(self, case: Case, versions: tuple[Version, ...] | None = None) -> None:
        """Let the facts follow from the versions of a leg as they are now: worked out from all of it if not given."""
        if not case.plans:
            return  # events may come before their shipment; they count from when it is announced
        if versions is None:
            versions = versions_of(case.plans, case.events.values())
        before, case.versions = case.versions, versions
        if versions == before:
            return
        if len(before) == len(versions) == 1 and before[0].plan is versions[0].plan:
            plan, was, now = versions[0].plan, before[0].times, versions[0].times
            if putting_in(was) != putting_in(now):
                self.facts.change(case.keys_of(plan), was, now)
        else:
            self.facts.replace(*([(case.keys_of(plan), times) for plan, times in each] for each in (before, versions)))

    def _load(self, tables: RecordTables) -> None:
        legs = Legs.of_tables(tables)
        self.facts.load(legs)
        self.facts.news.load(tables)
        self._archive = Archive(tables, _KINDS)
        booked = {key: legs.keys[key] for key in ("carrier", "origin", "destination")}
        carried = pd.DataFrame({"shipment_id": legs.ids, "carrier": booked["carrier"]}).drop_duplicates()
        self._carriers.update(carried["carrier"])
        for carrier, origin, destination in pd.DataFrame(booked).drop_duplicates().itertuples(index=False):
            self._note_lane(carrier, origin, destination)
        events = tables.events[["shipment_id", "event_id"]]
        for shipment_id in events[events.duplicated()]["shipment_id"].unique():
            self._case(shipment_id)  # told twice: it must be the same

    def _case(self, shipment_id: str) -> Case | None:
        """Return the case of a shipment; one in the archive is opened."""
        case = self._cases.get(shipment_id)
        if case is None and shipment_id in self._archive:
            case = self._cases[shipment_id] = Case()
            plans = self._archive.records(Shipment, shipment_id)
            events = self._archive.records(DeliveryEvent, shipment_id)
            self._archive.forget(shipment_id)
            case.plans = sorted(plans, key=known_at)
            for event in sorted(events, key=known_at):
                if case.held(event) is None:
                    case.put(event)
            if plans:
                case.versions = versions_of(case.plans, case.events.values())
            case.reported()
        return case

    def _opened(self, shipment_id: str) -> Case:
        """Return the case of a shipment, a new one if there is none."""
        case = self._case(shipment_id)
        if case is None:
            case = self._cases[shipment_id] = Case()
        return case
