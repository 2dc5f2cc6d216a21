"""Row checks of canonical tables: each says which rows break it, and why, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.records import is_zone
from features.vocabulary import AssertedBy, Classifier, CustomerTier, EventStatus, Mode, StopKind

Broken = NDArray[np.bool_]

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "shipments": ("shipment_id", "carrier_id", "mode", "occurred_at", "known_at"),
    "stops": ("shipment_id", "sequence", "place", "kind", "timezone"),
    "events": ("event_id", "shipment_id", "status", "occurred_at", "known_at"),
    "weather": ("place", "occurred_at", "known_at"),
}
"""Fields that no row may lack."""

DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "shipments": {"customer_tier": CustomerTier.STANDARD.value, "ship_complete": False},
    "stops": {},
    "events": {"classifier": Classifier.ACTUAL.value, "asserted_by": AssertedBy.CARRIER.value},
    "weather": {},
}
"""What a field holds that the mapping does not name."""

_UNIQUE: Mapping[str, tuple[str, ...]] = {
    "shipments": ("shipment_id",),
    "stops": ("shipment_id", "sequence"),
    "events": ("event_id",),
    "weather": ("place", "occurred_at", "known_at"),
}
_WORDS: Mapping[str, Mapping[str, type]] = {
    "shipments": {"mode": Mode, "customer_tier": CustomerTier},
    "stops": {"kind": StopKind},
    "events": {"status": EventStatus, "classifier": Classifier, "asserted_by": AssertedBy},
    "weather": {},
}
_AT_LEAST: Mapping[str, Mapping[str, float]] = {
    "shipments": {"pieces": 1, "weight_kg": 0, "distance_km": 0, "value_minor": 0},
    "stops": {"sequence": 0},
    "events": {},
    "weather": {"wind_speed_ms": 0, "precipitation_mm": 0, "visibility_km": 0},
}


def broken_rows(table: str, frame: pd.DataFrame) -> Iterator[tuple[Broken, str]]:
    """Yield for each check the rows that break it and the reason."""
    for name in REQUIRED[table]:
        yield frame[name].isna().to_numpy(), f"'{name}' is missing"
    for name, words in _WORDS[table].items():
        allowed = [str(word) for word in words]  # type: ignore[attr-defined]  # every entry is an enumeration
        wrong = frame[name].notna() & ~frame[name].isin(allowed)
        yield wrong.to_numpy(), f"'{name}' is none of {', '.join(allowed)}"
    for name, least in _AT_LEAST[table].items():
        yield (frame[name] < least).fillna(False).to_numpy(dtype=bool), f"'{name}' is below {least:g}"
    if table == "shipments":
        yield (frame["value_minor"].notna() & frame["currency"].isna()).to_numpy(), "'value_minor' has no currency"
    if table == "stops":
        zones = {zone: is_zone(str(zone)) for zone in frame["timezone"].dropna().unique()}
        unknown = frame["timezone"].map(zones).astype("boolean").fillna(True)
        yield (~unknown).to_numpy(dtype=bool), "'timezone' is no IANA time zone"
    key = list(_UNIQUE[table])
    yield frame.duplicated(key).to_numpy(), f"another row has the same {', '.join(key)}"


def broken_links(frames: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, Broken, str]]:
    """Yield table, rows and reason for rows that do not fit the rows of another table."""
    shipments, stops = frames["shipments"], frames["stops"]
    has_stops = stops["shipment_id"].value_counts()
    count = shipments["shipment_id"].map(has_stops).fillna(0)
    yield "shipments", (count < 2).to_numpy(), "the shipment has fewer than two stops"
    yield "stops", (~stops["shipment_id"].isin(shipments["shipment_id"])).to_numpy(), "its shipment is not in the data"
