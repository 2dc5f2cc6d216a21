"""Carrier features: how the carrier has kept its plan lately, everywhere and out of this origin."""

from __future__ import annotations

from features.history import SQUARE_AND_DELAY, Fact, Stream

_OWNER = "carrier management"

STREAMS = (
    Stream("all_departures", Fact.DEPARTURE, (), ("2h", "6h", "24h", "7d", "28d"), "of all carriers", _OWNER),
    Stream(
        "carrier_departures",
        Fact.DEPARTURE,
        ("carrier",),
        ("2h", "6h", "24h", "7d", "28d"),
        "of this carrier",
        _OWNER,
        parent="all_departures",
    ),
    Stream(
        "carrier_origin_departures",
        Fact.DEPARTURE,
        ("carrier", "origin"),
        ("2h", "6h", "24h", "7d"),
        "of this carrier out of this origin",
        _OWNER,
        parent="carrier_departures",
    ),
    Stream("all_arrivals", Fact.ARRIVAL, (), ("2h", "6h", "24h", "7d", "28d", "90d"), "of all carriers", _OWNER),
    Stream(
        "carrier_arrivals",
        Fact.ARRIVAL,
        ("carrier",),
        ("2h", "6h", "24h", "7d", "28d", "90d"),
        "of this carrier",
        _OWNER,
        parent="all_arrivals",
    ),
    Stream(
        "all_delays",
        Fact.ARRIVAL,
        (),
        ("24h", "7d", "28d", "90d"),
        "of all carriers",
        _OWNER,
        gives=(),
        sums=SQUARE_AND_DELAY,
    ),
    Stream(
        "carrier_delays",
        Fact.ARRIVAL,
        ("carrier",),
        ("24h", "7d", "28d", "90d"),
        "of this carrier",
        _OWNER,
        parent="all_delays",
        gives=("spread",),
        sums=SQUARE_AND_DELAY,
    ),
)
"""How carriers keep departures and promises."""
