"""Route features: the same by lane, destination, transfer, recurring service, vehicle, and by carrier on the lane."""

from __future__ import annotations

from features.history import SQUARE_AND_DELAY, Fact, Stream

_OWNER = "transport planning"

STREAMS = (
    Stream(
        "destination_arrivals",
        Fact.ARRIVAL,
        ("destination",),
        ("2h", "6h", "24h", "7d", "28d", "90d"),
        "at this destination",
        _OWNER,
        parent="all_arrivals",
    ),
    Stream(
        "transfer_arrivals",
        Fact.ARRIVAL,
        ("transfer",),
        ("28d", "90d"),
        "by way of this transfer",
        _OWNER,
        parent="all_arrivals",
    ),
    Stream(
        "lane_arrivals",
        Fact.ARRIVAL,
        ("origin", "destination"),
        ("2h", "6h", "24h", "7d", "28d", "90d"),
        "on this lane",
        _OWNER,
        "all_arrivals",
    ),
    Stream(
        "carrier_lane_arrivals",
        Fact.ARRIVAL,
        ("carrier", "origin", "destination"),
        ("2h", "6h", "24h", "7d", "28d", "90d"),
        "of this carrier on this lane",
        _OWNER,
        parent="lane_arrivals",
    ),
    Stream(
        "service_arrivals",
        Fact.ARRIVAL,
        ("carrier", "origin", "destination", "service"),
        ("7d", "28d", "90d"),
        "of this recurring service",
        _OWNER,
        parent="carrier_lane_arrivals",
    ),
    Stream(
        "service_delays",
        Fact.ARRIVAL,
        ("carrier", "origin", "destination", "service"),
        ("28d", "90d"),
        "of this recurring service",
        _OWNER,
        "carrier_delays",
        ("spread",),
        SQUARE_AND_DELAY,
    ),
    Stream("all_transits", Fact.TRANSIT, (), ("28d",), "anywhere", _OWNER, gives=()),
    Stream(
        "lane_transits",
        Fact.TRANSIT,
        ("origin", "destination"),
        ("28d",),
        "on this lane",
        _OWNER,
        "all_transits",
        ("delay_mean",),
    ),
    Stream(
        "carrier_lane_transits",
        Fact.TRANSIT,
        ("carrier", "origin", "destination"),
        ("28d",),
        "of this carrier on this lane",
        _OWNER,
        "lane_transits",
        ("delay_mean",),
    ),
    Stream(
        "service_transits",
        Fact.TRANSIT,
        ("carrier", "origin", "destination", "service"),
        ("28d",),
        "of this recurring service",
        _OWNER,
        "carrier_lane_transits",
        ("delay_mean",),
    ),
    Stream(
        "origin_departures",
        Fact.DEPARTURE,
        ("origin",),
        ("2h", "6h", "24h"),
        "out of this origin",
        _OWNER,
        parent="all_departures",
    ),
    Stream(
        "service_departures",
        Fact.DEPARTURE,
        ("carrier", "origin", "destination", "service"),
        ("7d", "28d"),
        "of this recurring service",
        _OWNER,
        parent="carrier_departures",
    ),
    Stream(
        "vehicle_departures",
        Fact.DEPARTURE,
        ("vehicle",),
        ("24h", "7d"),
        "of this vehicle",
        _OWNER,
        parent="all_departures",
    ),
    Stream(
        "vehicle_arrivals", Fact.ARRIVAL, ("vehicle",), ("24h", "7d"), "of this vehicle", _OWNER, parent="all_arrivals"
    ),
)
"""How lanes, services and vehicles keep departures, promises and transit times."""
