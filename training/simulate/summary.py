"""What a simulation holds, in a few figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.tables import RecordTables
from features.vocabulary import EventStatus
from training.simulate.generate import Simulation


def outcomes_of(tables: RecordTables) -> pd.DataFrame:
    """Return what became of each shipment in the end, corrections applied and repeats left out.

    This is hindsight for describing a simulation. Features and labels follow what was known when: `features.labels`.

    Returns
    -------
    DataFrame
        Indexed by shipment_id: carrier_id, origin, destination, planned_at, promised_at, departed_at, delivered_at,
        `departure_delay_hours`, `late` (1.0, 0.0, or NaN without promise or delivery).
    """
    stops = tables.stops.sort_values(["shipment_id", "sequence"], kind="stable")
    first = stops.drop_duplicates("shipment_id").set_index("shipment_id")
    last = stops.drop_duplicates("shipment_id", keep="last").set_index("shipment_id")
    outcome = tables.shipments.set_index("shipment_id")[["carrier_id"]].copy()
    outcome["origin"], outcome["destination"] = first["place"], last["place"]
    outcome["planned_at"], outcome["promised_at"] = first["planned_at"], last["promised_at"]
    standing = tables.events[~tables.events["event_id"].isin(tables.events["corrects"].dropna())]
    for status, column in ((EventStatus.DEPARTED, "departed_at"), (EventStatus.DELIVERED, "delivered_at")):
        of_status = standing[standing["status"] == status.value].drop_duplicates("shipment_id")
        outcome[column] = of_status.set_index("shipment_id")["occurred_at"]
    outcome["departure_delay_hours"] = (outcome["departed_at"] - outcome["planned_at"]).dt.total_seconds() / 3600
    judged = outcome["promised_at"].notna() & outcome["delivered_at"].notna()
    outcome["late"] = np.where(judged, (outcome["delivered_at"] > outcome["promised_at"]).astype(float), np.nan)
    return outcome


def summary_of(made: Simulation) -> dict[str, str]:
    """Return the figures that describe a simulation, in words and as text."""
    tables = made.tables
    outcome = outcomes_of(tables)
    cancelled = (tables.events["status"] == EventStatus.CANCELLED.value).sum()
    told_hours = (tables.events["known_at"] - tables.events["occurred_at"]).dt.total_seconds() / 3600
    charged, extra = tables.freight_invoices["net_due_minor"].sum(), made.invoice_truth["overcharge_minor"]
    return {
        "shipments": f"{len(tables.shipments):,}",
        "cancelled": f"{cancelled:,}",
        "delivery events": f"{len(tables.events):,}",
        "weather observations": f"{len(tables.weather):,}",
        "carriers": f"{tables.shipments['carrier_id'].nunique()}",
        "lanes": f"{len(outcome[['origin', 'destination']].drop_duplicates())}",
        "vehicles": f"{tables.shipments['vehicle_id'].nunique()}",
        "late (delivered after the promise)": f"{outcome['late'].mean():.1%}",
        "left more than an hour late": f"{(outcome['departure_delay_hours'] > 1).mean():.1%}",
        "events known more than two hours after the fact": f"{(told_hours > 2).mean():.1%}",
        "loads offered": f"{len(tables.tenders):,}",
        "claims": f"{tables.claims['claim_id'].nunique():,}",
        "invoices": f"{len(tables.freight_invoices):,}",
        "invoices with an error": f"{len(made.invoice_truth) / len(tables.freight_invoices):.1%}",
        "charged too much, of all that was charged": f"{extra.clip(lower=0).sum() / charged:.1%}",
    }
