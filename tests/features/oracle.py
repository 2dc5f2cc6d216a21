"""Features of every family as a loop over all records, written from their meaning; slow and obvious."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from features.as_known import counts_from
from features.records import DeliveryEvent, Shipment, WeatherObservation
from features.stock_records import WarehouseTask
from features.vocabulary import Classifier, Correction, EventStatus

AnyRecord = Shipment | DeliveryEvent | WeatherObservation | WarehouseTask

NOTHING = float("nan")
CLOSED = {EventStatus.CANCELLED, EventStatus.DIVERTED, EventStatus.RETURNED, EventStatus.REFUSED}


@dataclass(frozen=True)
class Told:
    """All that is known at a cutoff, and about whom it is asked: the plans in force, and what stands of the events.

    That something happens after the cutoff is no event yet, whoever says so.
    """

    subject: Shipment
    cutoff: datetime
    shipments: Sequence[Shipment]
    announced: Mapping[str, datetime]
    changed: Mapping[str, datetime]
    events: Sequence[DeliveryEvent]
    weather: Sequence[WeatherObservation]

    @classmethod
    def of(cls, shipment_id: str, cutoff: datetime, records: Sequence[AnyRecord]) -> Told:
        known = sorted((one for one in records if one.known_at <= cutoff), key=lambda one: one.known_at)
        plans = [one for one in known if isinstance(one, Shipment)]
        events = [one for one in known if isinstance(one, DeliveryEvent)]
        corrected = {(one.shipment_id, one.corrects) for one in events if not is_taken_back(one, events)}
        newest = {plan.shipment_id: plan for plan in plans}
        return cls(
            newest[shipment_id],
            cutoff,
            list(newest.values()),
            {plan.shipment_id: plan.known_at for plan in reversed(plans)},
            {one.shipment_id: one.known_at for one in known if tells_anew(one)},
            [
                one
                for one in events
                if (one.shipment_id, one.event_id) not in corrected
                and one.correction is not Correction.DID_NOT_OCCUR
                and (one.occurred_at <= cutoff or one.classifier is not Classifier.ACTUAL)
            ],
            [one for one in known if isinstance(one, WeatherObservation)],
        )

    def first(self, shipment: Shipment, *statuses: EventStatus) -> DeliveryEvent | None:
        """The event of a status that was first both past and known of a shipment, of those that stand."""
        of_it = [
            event
            for event in self.events
            if event.shipment_id == shipment.shipment_id
            and event.status in statuses
            and event.classifier is Classifier.ACTUAL
        ]
        return min(of_it, key=lambda one: (counts_from(one), one.known_at, one.occurred_at, one.event_id), default=None)

    def departures(self) -> Iterator[tuple[Shipment, datetime, float]]:
        for shipment in self.shipments:
            left = self.first(shipment, EventStatus.DEPARTED)
            if left is not None and shipment.planned_departure_at is not None:
                yield shipment, left.occurred_at, minutes(left.occurred_at - shipment.planned_departure_at)

    def arrivals(self) -> Iterator[tuple[Shipment, datetime, float]]:
        for shipment in self.shipments:
            came = self.first(shipment, EventStatus.DELIVERED)
            if came is not None and shipment.promised_at is not None:
                yield shipment, came.occurred_at, minutes(came.occurred_at - shipment.promised_at)

    def within(self, hours: float, happened: datetime) -> bool:
        return self.cutoff < happened + timedelta(hours=hours)


def is_taken_back(correction: DeliveryEvent, events: Sequence[DeliveryEvent]) -> bool:
    """Whether it says that something did not occur, and another, itself not taken back, says so of it."""
    against = [
        one
        for one in events
        if one.shipment_id == correction.shipment_id
        and one.corrects == correction.event_id
        and one.correction is correction.correction is Correction.DID_NOT_OCCUR
    ]
    return any(not is_taken_back(one, [other for other in events if other is not correction]) for one in against)


def tells_anew(record: AnyRecord) -> bool:
    return isinstance(record, Shipment) or (isinstance(record, DeliveryEvent) and record.corrects is not None)


def minutes(span: timedelta) -> float:
    return span / timedelta(minutes=1)


def same_lane(one: Shipment, other: Shipment) -> bool:
    return (one.origin, one.destination) == (other.origin, other.destination)


def share(late: int, legs: int, parent: float) -> float:
    return (late + 10 * parent) / (legs + 10)


def carrier_departures_24h(told: Told) -> float:
    return sum(
        told.within(24, at) for shipment, at, _ in told.departures() if shipment.carrier_id == told.subject.carrier_id
    )


def carrier_origin_departures_7d(told: Told) -> float:
    me = (told.subject.carrier_id, told.subject.origin)
    return sum(told.within(168, at) for one, at, _ in told.departures() if (one.carrier_id, one.origin) == me)


def all_departures_late_share_7d(told: Told) -> float:
    recent = [delay for _, at, delay in told.departures() if told.within(168, at)]
    return share(sum(delay > 15 for delay in recent), len(recent), 0.2)


def all_arrivals_delay_mean_28d(told: Told) -> float:
    recent = [np.floor(delay) for _, at, delay in told.arrivals() if told.within(672, at)]
    return (sum(recent) + 10 * 5.0) / (len(recent) + 10)


def carrier_delays_spread_28d(told: Told) -> float:
    recent = [(one, np.floor(delay)) for one, at, delay in told.arrivals() if told.within(672, at)]
    mine = [delay for one, delay in recent if one.carrier_id == told.subject.carrier_id]
    mean, square = 5.0, 30.0**2 + 5.0**2
    for delays in ([delay for _, delay in recent], mine):
        mean = (sum(delays) + 10 * mean) / (len(delays) + 10)
        square = (sum(delay**2 for delay in delays) + 10 * square) / (len(delays) + 10)
    return float(np.sqrt(square - mean**2))


def lane_arrivals_late_share_7d(told: Told) -> float:
    recent = [(one, delay) for one, at, delay in told.arrivals() if told.within(168, at)]
    on_lane = [delay for one, delay in recent if same_lane(one, told.subject)]
    parent = share(sum(delay > 15 for _, delay in recent), len(recent), 0.2)
    return share(sum(delay > 15 for delay in on_lane), len(on_lane), parent)


def destination_arrivals_24h(told: Told) -> float:
    return sum(told.within(24, at) for one, at, _ in told.arrivals() if one.destination == told.subject.destination)


def origin_open(told: Told) -> float:
    count = 0
    for one in told.shipments:
        planned = one.planned_departure_at
        if one.origin != told.subject.origin or planned is None or planned > told.cutoff:
            continue
        over = (
            told.first(one, EventStatus.DEPARTED) or told.first(one, EventStatus.DELIVERED) or told.first(one, *CLOSED)
        )
        count += over is None and told.cutoff < max(planned, told.announced[one.shipment_id]) + timedelta(days=7)
    return count


def origin_ahead_24h(told: Told) -> float:
    until = told.cutoff + timedelta(hours=24)
    planned = [one.planned_departure_at for one in told.shipments if one.origin == told.subject.origin]
    return sum(at is not None and told.cutoff < at <= until for at in planned)


def origin_temperature(told: Told) -> float:
    there = [one for one in told.weather if one.place == told.subject.origin and one.occurred_at <= told.cutoff]
    last = max(there, key=lambda one: (one.occurred_at, one.known_at), default=None)
    if last is None or not told.within(24, last.occurred_at) or last.temperature_c is None:
        return NOTHING
    return last.temperature_c


def hours_to_promise(told: Told) -> float:
    promised = told.subject.promised_at
    return NOTHING if promised is None else (promised - told.cutoff) / timedelta(hours=1)


def departure_hour(told: Told) -> float:
    planned = told.subject.planned_departure_at
    if planned is None:
        return NOTHING
    local = planned.astimezone(ZoneInfo(told.subject.stops[0].timezone))
    return local.hour + local.minute / 60


def departure_delay(told: Told) -> float:
    left, planned = told.first(told.subject, EventStatus.DEPARTED), told.subject.planned_departure_at
    if left is None or planned is None:
        return NOTHING
    return minutes(left.occurred_at - planned)


def vehicle_last_delay(told: Told) -> float:
    own = [
        (at, delay)
        for one, at, delay in told.departures()
        if one.vehicle_id is not None and one.vehicle_id == told.subject.vehicle_id
    ]
    return np.floor(max(own)[1]) if own else NOTHING


def run_before(told: Told) -> tuple[datetime, datetime] | None:
    """Planned departure and promised arrival of what the subject's vehicle is planned to do last before."""
    planned, runs = told.subject.planned_departure_at, []
    for one in told.shipments:
        at = one.planned_departure_at
        if planned is None or at is None or one.promised_at is None or one.vehicle_id != told.subject.vehicle_id:
            continue
        if planned - timedelta(days=7) <= at < planned and told.first(one, *CLOSED) is None:
            runs.append((at, one.promised_at))
    return max(runs) if runs and told.subject.vehicle_id is not None else None


def vehicle_turnaround_hours(told: Told) -> float:
    run, planned = run_before(told), told.subject.planned_departure_at
    return NOTHING if run is None or planned is None else (planned - run[1]) / timedelta(hours=1)


def vehicle_gap_hours(told: Told) -> float:
    run, planned = run_before(told), told.subject.planned_departure_at
    return NOTHING if run is None or planned is None else (planned - run[0]) / timedelta(hours=1)


def vehicle_return_slack_hours(told: Told) -> float:
    run = run_before(told)
    return NOTHING if run is None else vehicle_turnaround_hours(told) - (run[1] - run[0]) / timedelta(hours=1)


def value(told: Told) -> float:
    return NOTHING if told.subject.value_minor is None else told.subject.value_minor / 100


def of_my_customer(told: Told, other: Shipment) -> bool:
    return told.subject.customer_id == other.customer_id


def customer_arrivals_late_share_28d(told: Told) -> float:
    if told.subject.customer_id is None:
        return NOTHING
    recent = [(one, delay) for one, at, delay in told.arrivals() if told.within(672, at)]
    mine = [delay for one, delay in recent if of_my_customer(told, one)]
    parent = share(sum(delay > 15 for _, delay in recent), len(recent), 0.2)
    return share(sum(delay > 15 for delay in mine), len(mine), parent)


def past_promise(told: Told, other: Shipment) -> bool:
    promised, announced = other.promised_at, told.announced[other.shipment_id]
    if promised is None or promised > told.cutoff or told.cutoff >= max(promised, announced) + timedelta(days=7):
        return False
    return told.first(other, EventStatus.DELIVERED) is None and told.first(other, *CLOSED) is None


def customer_past_promise(told: Told) -> float:
    if told.subject.customer_id is None:
        return NOTHING
    return sum(past_promise(told, one) for one in told.shipments if of_my_customer(told, one))


def customer_open_exceptions(told: Told) -> float:
    if told.subject.customer_id is None:
        return NOTHING
    count = 0
    for one in told.shipments:
        exception = told.first(one, EventStatus.ATTEMPTED, EventStatus.DAMAGED, EventStatus.CUSTOMS_HOLD)
        over = told.first(one, EventStatus.DELIVERED, *CLOSED)
        if exception is not None and over is None and of_my_customer(told, one):
            reported = max(counts_from(exception), told.announced[one.shipment_id])
            count += told.cutoff < reported + timedelta(days=7)
    return count


def carrier_past_promise(told: Told) -> float:
    return sum(past_promise(told, one) for one in told.shipments if one.carrier_id == told.subject.carrier_id)


def hours_to_cut_off(told: Told) -> float:
    closes = told.subject.stops[0].closes_at
    return NOTHING if closes is None else (closes - told.cutoff) / timedelta(hours=1)


def promised_after_request_hours(told: Told) -> float:
    last = told.subject.stops[-1]
    if last.promised_at is None or last.requested_at is None:
        return NOTHING
    return (last.promised_at - last.requested_at) / timedelta(hours=1)


def crosses_customs(told: Told) -> float:
    """Of the generated network, Switzerland and Great Britain alone stand outside the customs union."""
    outside = [stop.country in {"CH", "GB"} for stop in told.subject.stops]
    return NOTHING if told.subject.stops[0].country is None else outside[0] != outside[-1]


def late_penalty(told: Told) -> float:
    minor = told.subject.late_penalty_minor
    return NOTHING if minor is None else minor / 100


def runs(told: Told) -> list[tuple[datetime, Shipment, timedelta, float]]:
    """Legs whose departure and delivery are known: when that was told last, the leg, its transit, its delay."""
    found = []
    for one in told.shipments:
        left, came = told.first(one, EventStatus.DEPARTED), told.first(one, EventStatus.DELIVERED)
        if left is None or came is None or one.planned_departure_at is None or one.promised_at is None:
            continue
        since = max(counts_from(came), counts_from(left), told.changed[one.shipment_id])
        delay = np.floor(minutes(came.occurred_at - one.promised_at))
        found.append((since, one, came.occurred_at - left.occurred_at, delay))
    return found


def usual(told: Told) -> list[tuple[datetime, Shipment, timedelta, float]]:
    """The last twenty legs of the narrowest group that has five."""
    me, known = told.subject, runs(told)
    lane = [run for run in known if same_lane(run[1], me)]
    carrier = [run for run in lane if run[1].carrier_id == me.carrier_id]
    service = [run for run in carrier if run[1].service_id == me.service_id and me.service_id is not None]
    group = next((legs for legs in (service, carrier) if len(legs) >= 5), lane)
    return sorted(group, key=lambda run: run[0])[-20:]


def typical_transit_hours(told: Told) -> float:
    lengths = sorted(transit // timedelta(minutes=1) for _, _, transit, _ in usual(told))
    return lengths[(len(lengths) - 1) // 2] / 60 if lengths else NOTHING


def slack_hours(told: Told) -> float:
    planned, promised = told.subject.planned_departure_at, told.subject.promised_at
    if planned is None or promised is None:
        return NOTHING
    left = told.first(told.subject, EventStatus.DEPARTED)
    start = max(planned, told.cutoff) if left is None else left.occurred_at
    return (promised - start) / timedelta(hours=1) - typical_transit_hours(told)


def arrival_delay_spread_minutes(told: Told) -> float:
    delays = [delay for _, _, _, delay in usual(told)]
    return float(np.std(delays)) if delays else NOTHING


def service_last_delay_minutes(told: Told) -> float:
    me = told.subject
    own = [
        (since, one.promised_at + timedelta(minutes=delay), transit, delay)
        for since, one, transit, delay in runs(told)
        if same_lane(one, me) and one.carrier_id == me.carrier_id and one.service_id == me.service_id is not None
    ]
    return max(own)[-1] if own else NOTHING


def scans(told: Told, of: Shipment | None = None) -> list[DeliveryEvent]:
    """What is reported of a shipment, by default the subject: each report once, as it became known first, in order."""
    shipment_id = (of or told.subject).shipment_id
    once = {event.event_id: event for event in reversed(told.events) if event.shipment_id == shipment_id}
    happened = [one for one in once.values() if one.classifier is Classifier.ACTUAL]
    return sorted(happened, key=lambda one: (one.occurred_at, one.known_at, one.event_id))


def last_scan_age_hours(told: Told) -> float:
    return (told.cutoff - scans(told)[-1].occurred_at) / timedelta(hours=1) if scans(told) else NOTHING


def last_scan_delay_minutes(told: Told) -> float:
    last = scans(told)[-1:]
    planned = [stop.planned_at for stop in told.subject.stops if last and stop.place == last[0].place]
    planned = [at for at in planned if at is not None]
    return minutes(last[0].occurred_at - planned[0]) if planned else NOTHING


def dwell_hours(told: Told) -> float:
    last = scans(told)[-1:]
    arrivals = (EventStatus.PICKUP_ARRIVED, EventStatus.TERMINAL_ARRIVED, EventStatus.DELIVERY_ARRIVED)
    return (told.cutoff - last[0].occurred_at) / timedelta(hours=1) if last and last[0].status in arrivals else NOTHING


def usual_after_last_scan(told: Told) -> tuple[float, float, float]:
    """How many rests there were after such a scan at that place, and their shrunk mean and spread, in minutes."""
    if not scans(told):
        return NOTHING, NOTHING, NOTHING
    last, rests = scans(told)[-1], []
    for one in told.shipments:
        for first, second in pairwise(scans(told, one)):
            if second.occurred_at > first.occurred_at and told.within(90 * 24, second.occurred_at):
                rests.append((first, (second.occurred_at - first.occurred_at) // timedelta(minutes=1)))
    of_status = [(first, rest) for first, rest in rests if first.status is last.status]
    of_kind = [(first, rest) for first, rest in of_status if first.place == last.place]
    mean, square = 720.0, 2 * 720.0**2
    for known in (rests, of_status, of_kind):
        lengths = [rest for _, rest in known]
        mean = (sum(lengths) + 10 * mean) / (len(lengths) + 10)
        square = (sum(rest**2 for rest in lengths) + 10 * square) / (len(lengths) + 10)
    return len(of_kind), mean, float(np.sqrt(square - mean**2))


def last_scan_rests(told: Told) -> float:
    return usual_after_last_scan(told)[0]


def last_scan_usual_hours(told: Told) -> float:
    return usual_after_last_scan(told)[1] / 60


def last_scan_overdue_hours(told: Told) -> float:
    return last_scan_age_hours(told) - last_scan_usual_hours(told)


def last_scan_overdue_spreads(told: Told) -> float:
    return last_scan_overdue_hours(told) / (usual_after_last_scan(told)[2] / 60)


def delays_told(told: Told) -> float:
    return sum(one.status is EventStatus.DELAYED for one in scans(told))


ORACLES: dict[str, Callable[[Told], float]] = {
    "carrier_departures_count_24h": carrier_departures_24h,
    "carrier_origin_departures_count_7d": carrier_origin_departures_7d,
    "all_departures_late_share_7d": all_departures_late_share_7d,
    "all_arrivals_delay_mean_28d": all_arrivals_delay_mean_28d,
    "carrier_delays_spread_28d": carrier_delays_spread_28d,
    "lane_arrivals_late_share_7d": lane_arrivals_late_share_7d,
    "destination_arrivals_count_24h": destination_arrivals_24h,
    "origin_open": origin_open,
    "origin_ahead_24h": origin_ahead_24h,
    "origin_temperature_c": origin_temperature,
    "hours_to_promise": hours_to_promise,
    "departure_hour": departure_hour,
    "departure_delay_minutes": departure_delay,
    "vehicle_last_delay_minutes": vehicle_last_delay,
    "vehicle_gap_hours": vehicle_gap_hours,
    "vehicle_turnaround_hours": vehicle_turnaround_hours,
    "vehicle_return_slack_hours": vehicle_return_slack_hours,
    "value": value,
    "customer_arrivals_late_share_28d": customer_arrivals_late_share_28d,
    "customer_past_promise": customer_past_promise,
    "carrier_past_promise": carrier_past_promise,
    "hours_to_cut_off": hours_to_cut_off,
    "promised_after_request_hours": promised_after_request_hours,
    "crosses_customs": crosses_customs,
    "late_penalty": late_penalty,
    "typical_transit_hours": typical_transit_hours,
    "slack_hours": slack_hours,
    "arrival_delay_spread_minutes": arrival_delay_spread_minutes,
    "service_last_delay_minutes": service_last_delay_minutes,
    "last_scan_age_hours": last_scan_age_hours,
    "last_scan_delay_minutes": last_scan_delay_minutes,
    "delays_told": delays_told,
    "last_scan_rests": last_scan_rests,
    "last_scan_usual_hours": last_scan_usual_hours,
    "last_scan_overdue_hours": last_scan_overdue_hours,
    "last_scan_overdue_spreads": last_scan_overdue_spreads,
}

SELDOM: dict[str, Callable[[Told], float]] = {
    "dwell_hours": dwell_hours,
    "customer_open_exceptions": customer_open_exceptions,
}
"""Of what the generated network does not show at a decision moment."""
