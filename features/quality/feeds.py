"""The feeds that are watched: canonical tables, told apart by who sent a record and whose shipment it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import news
from features.legs import CLOSED
from features.tables import STOPS, RecordTables, part_rows
from features.vocabulary import Classifier, EventStatus

ENDS = frozenset({EventStatus.DELIVERED, *CLOSED})
"""Statuses after which nothing more is waited for."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One table that somebody sends.

    Attributes
    ----------
    owner
        The role that talks to the sender.
    source, carrier
        Columns that tell the senders and the carriers apart; empty where there is none. A carrier of "shipment" is
        that of the newest plan.
    regular
        Whether its silence says something; of what is rare it does not.
    facts
        Whether its records say what has happened; a plan or a rate may be known long before.
    needed
        Fields without which no model answers.
    given
        Other fields whose absence matters.
    amounts
        Fields that have a unit.
    same
        Columns by which one record repeats another; none where a repeat means nothing.
    """

    table: str
    owner: str
    source: str = ""
    carrier: str = ""
    regular: bool = True
    facts: bool = True
    needed: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


FEEDS = (
    Feed(
        "shipments",
        "transport planning",
        carrier="carrier_id",
        facts=False,
        needed=("planned_at", "promised_at"),
        given=("service_id", "vehicle_id", "weight_kg", "pieces", "distance_km", "value_minor"),
        amounts=("weight_kg", "volume_m3", "distance_km", "value_minor"),
    ),
    Feed(
        "events",
        "carrier management",
        source="asserted_by",
        carrier="shipment",
        given=("place", "raw_status", "reason"),
        same=news.SAME,
    ),
    Feed(
        "weather",
        "network planning",
        source="place",
        given=("temperature_c", "wind_speed_ms", "precipitation_mm", "pressure_hpa", "visibility_km"),
        same=("place", "occurred_at", "temperature_c", "wind_speed_ms", "visibility_km"),
    ),
    Feed(
        "weather_forecasts",
        "network planning",
        source="place",
        given=("temperature_c", "wind_speed_ms", "precipitation_mm"),
        same=("place", "occurred_at", "valid_at", "temperature_c", "wind_speed_ms", "precipitation_mm"),
    ),
    Feed(
        "disruptions",
        "network planning",
        regular=False,
        given=("valid_until",),
        same=("disruption_id", "severity", "valid_from", "valid_until", "carrier_id", "place"),
    ),
    Feed("tender_responses", "carrier management", carrier="carrier_id", same=("tender_id", "shipment_id", "reply")),
    Feed("warehouse_tasks", "warehouse operations", source="warehouse_id", given=("quantity", "due_at")),
    Feed("labour_shifts", "warehouse operations", source="warehouse_id", facts=False),
    Feed("inventory_positions", "warehouse operations", source="place"),
    Feed(
        "freight_invoices",
        "freight audit",
        carrier="carrier_id",
        given=("shipment_id", "weight_kg", "total_minor"),
        amounts=("weight_kg", "distance_km", "net_due_minor"),
        same=("carrier_id", "invoice_number", "net_due_minor"),
    ),
    Feed("carrier_rates", "freight audit", carrier="carrier_id", facts=False, amounts=("rate_minor", "minimum_minor")),
    Feed("accessorials", "freight audit", carrier="carrier_id", facts=False, amounts=("rate_minor", "free_minutes")),
)
"""Every feed that is watched."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The records of one sender about one carrier, in the order in which they became known."""

    feed: Feed
    source: str | None
    carrier: str | None
    records: pd.DataFrame

    def of_what_happened(self) -> Sender:
        """Return the sender with only the records that say what has happened: a planned or estimated event does not."""
        if "classifier" not in self.records:
            return self
        return replace(self, records=self.records[actual(self.records)])


def actual(events: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which events say what has happened, and not what is planned or estimated: bool [n]."""
    return np.asarray(events["classifier"] == Classifier.ACTUAL.value, dtype=bool)


def senders_of(known: RecordTables) -> Iterator[Sender]:
    """Yield the senders of every feed that has records; the tables hold what is known and nothing else."""
    plans = known.shipments.sort_values("known_at", kind="stable").drop_duplicates("shipment_id", keep="last")
    carriers = plans.set_index("shipment_id")["carrier_id"]
    for feed in FEEDS:
        frame: pd.DataFrame = getattr(known, feed.table)
        if frame.empty:
            continue
        if feed.table == "shipments":
            frame = with_ends(known)
        frame = frame.sort_values(["known_at", "occurred_at"], kind="stable")
        parts: dict[str, pd.Series] = {}
        if feed.source:
            parts["source"] = frame[feed.source]
        if feed.carrier:
            own = feed.carrier != "shipment"
            parts["carrier"] = frame[feed.carrier] if own else frame["shipment_id"].map(carriers)
        if not parts:
            yield Sender(feed, None, None, frame)
            continue
        for names, records in frame.groupby(list(parts.values()), observed=True, sort=True):
            named = dict(zip(parts, map(str, names), strict=True))
            yield Sender(feed, named.get("source"), named.get("carrier"), records)


def with_ends(known: RecordTables) -> pd.DataFrame:
    """Return the plans with the planned time of their first stop and the promised time of their last."""
    plans = known.shipments.reset_index(drop=True)
    rows, holders = part_rows(STOPS, known.stops, plans)
    stops = known.stops.iloc[rows].assign(plan=holders).sort_values(["plan", "sequence"], kind="stable")
    first = stops.drop_duplicates("plan").set_index("plan")["planned_at"]
    last = stops.drop_duplicates("plan", keep="last").set_index("plan")["promised_at"]
    return plans.assign(planned_at=first.reindex(plans.index), promised_at=last.reindex(plans.index))


def without_end(known: RecordTables, at: pd.Timestamp, grace: pd.Timedelta, usual: pd.Timedelta) -> pd.DataFrame:
    """Return the shipments whose promise passed between `grace + usual` and `grace` ago.

    Returns
    -------
    DataFrame
        Columns shipment_id, carrier_id, promised_at, and `open`: no end of it is known; in order of promise.
    """
    plans = with_ends(known).sort_values("known_at", kind="stable").drop_duplicates("shipment_id", keep="last")
    due = plans[(plans["promised_at"] <= at - grace) & (plans["promised_at"] > at - grace - usual)]
    ended = known.events.loc[known.events["status"].isin([status.value for status in ENDS]), "shipment_id"]
    due = due.assign(open=~due["shipment_id"].isin(ended)).sort_values("promised_at", kind="stable")
    return due[["shipment_id", "carrier_id", "promised_at", "open"]]


def hours(span: pd.Timedelta | np.timedelta64) -> float:
    """Return a span of time in hours."""
    return pd.Timedelta(span) / pd.Timedelta(hours=1)
