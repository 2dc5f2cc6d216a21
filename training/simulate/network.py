"""The invented network: its warehouses, destinations, lanes and carriers. The places are real, the carriers are not."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from features.vocabulary import Mode

ROAD_DETOUR = 1.25
EARTH_RADIUS_KM = 6_371.0


@dataclass(frozen=True, slots=True)
class Place:
    """A place by UN/LOCODE, with where it lies and what its clocks show."""

    code: str
    name: str
    latitude: float
    longitude: float
    timezone: str


@dataclass(frozen=True, slots=True)
class ScanHabit:
    """How a carrier reports: how long after the fact, and how often not at all.

    Attributes
    ----------
    median_minutes, spread
        Of the log-normal time from the fact to the report.
    tail_share
        Share of reports held up by hours (Pareto), e.g. a device without network.
    batch_hours
        0 for a live feed; else reports are sent every so many hours.
    missing_share
        Share of departure and terminal scans never made.
    """

    median_minutes: float
    spread: float
    tail_share: float
    batch_hours: float
    missing_share: float


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier and its habits.

    Attributes
    ----------
    market_share
        Weight in the choice among carriers of a lane.
    speed_kmh
        Speed that its plan assumes, stops excluded.
    departure_delay_minutes
        Mean of its own delay at departure on an ordinary day.
    weekday_factors
        Multiplies that delay, Monday first.
    transit_bias
        Share of the planned transit that it loses (or gains) as a rule.
    transit_spread
        Standard deviation of the log of actual over planned transit.
    bad_week_response, weather_response
        How hard a bad week and bad weather hit it; 1 is usual.
    recovery_share
        Share of a late departure that it makes good on the way.
    buffer_hours
        Planned time between a vehicle's return and its next departure.
    rate_factor
        Its prices against the network's.
    """

    carrier_id: str
    name: str
    mode: Mode
    market_share: float
    speed_kmh: float
    departure_delay_minutes: float
    weekday_factors: tuple[float, float, float, float, float, float, float]
    transit_bias: float
    transit_spread: float
    bad_week_response: float
    weather_response: float
    recovery_share: float
    buffer_hours: float
    rate_factor: float
    scans: ScanHabit
    destinations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Lane:
    """Origin and destination, as positions in `PLACES`."""

    origin: int
    destination: int
    distance_km: float


WAREHOUSES = (
    Place("NLRTM", "Rotterdam", 51.92, 4.48, "Europe/Amsterdam"),
    Place("DEHAM", "Hamburg", 53.55, 9.99, "Europe/Berlin"),
    Place("ITMIL", "Milan", 45.46, 9.19, "Europe/Rome"),
)
DESTINATIONS = (
    Place("ATVIE", "Vienna", 48.21, 16.37, "Europe/Vienna"),
    Place("BEBRU", "Brussels", 50.85, 4.35, "Europe/Brussels"),
    Place("CHZRH", "Zurich", 47.38, 8.54, "Europe/Zurich"),
    Place("CZPRG", "Prague", 50.08, 14.44, "Europe/Prague"),
    Place("DEMUC", "Munich", 48.14, 11.58, "Europe/Berlin"),
    Place("DKCPH", "Copenhagen", 55.68, 12.57, "Europe/Copenhagen"),
    Place("ESBCN", "Barcelona", 41.39, 2.17, "Europe/Madrid"),
    Place("FRLIO", "Lyon", 45.76, 4.84, "Europe/Paris"),
    Place("FRPAR", "Paris", 48.86, 2.35, "Europe/Paris"),
    Place("GBBHM", "Birmingham", 52.49, -1.89, "Europe/London"),
    Place("HUBUD", "Budapest", 47.50, 19.04, "Europe/Budapest"),
    Place("LTVNO", "Vilnius", 54.69, 25.28, "Europe/Vilnius"),
    Place("PLWAW", "Warsaw", 52.23, 21.01, "Europe/Warsaw"),
    Place("SESTO", "Stockholm", 59.33, 18.07, "Europe/Stockholm"),
)
PLACES = WAREHOUSES + DESTINATIONS
POSITION = {place.code: position for position, place in enumerate(PLACES)}

_SERVED = {
    "NLRTM": "BEBRU DEMUC DKCPH ESBCN FRLIO FRPAR GBBHM CZPRG PLWAW ATVIE",
    "DEHAM": "DKCPH SESTO PLWAW LTVNO CZPRG DEMUC ATVIE BEBRU HUBUD CHZRH",
    "ITMIL": "CHZRH DEMUC ATVIE HUBUD FRLIO ESBCN FRPAR CZPRG",
}

_ALL = frozenset(place.code for place in DESTINATIONS)
_NORTH = frozenset({"BEBRU", "CZPRG", "DEMUC", "DKCPH", "FRPAR", "GBBHM", "LTVNO", "PLWAW", "SESTO"})
_SOUTH = frozenset({"ATVIE", "CHZRH", "DEMUC", "ESBCN", "FRLIO", "FRPAR", "HUBUD", "BEBRU"})
_EAST = frozenset({"ATVIE", "CZPRG", "DEMUC", "HUBUD", "LTVNO", "PLWAW", "CHZRH"})
_SHORT = frozenset({"BEBRU", "CHZRH", "CZPRG", "DEMUC", "DKCPH", "FRLIO", "FRPAR", "GBBHM", "ATVIE"})

CARRIERS = (
    Carrier(
        carrier_id="NORX",
        name="Nordexa Linehaul",
        mode=Mode.ROAD_LTL,
        market_share=0.26,
        speed_kmh=64,
        departure_delay_minutes=10,
        weekday_factors=(1.0, 0.8, 0.8, 1.0, 1.4, 1.2, 1.0),
        transit_bias=-0.01,
        transit_spread=0.05,
        bad_week_response=0.8,
        weather_response=0.6,
        recovery_share=0.30,
        buffer_hours=2.5,
        rate_factor=1.12,
        scans=ScanHabit(4, 0.8, 0.02, 0, 0.01),
        destinations=_NORTH,
    ),
    Carrier(
        carrier_id="ALPK",
        name="Alpenkurier",
        mode=Mode.ROAD_LTL,
        market_share=0.20,
        speed_kmh=61,
        departure_delay_minutes=14,
        weekday_factors=(1.6, 1.0, 0.8, 0.8, 1.0, 1.3, 1.0),
        transit_bias=0.01,
        transit_spread=0.07,
        bad_week_response=1.0,
        weather_response=1.3,
        recovery_share=0.20,
        buffer_hours=2.0,
        rate_factor=1.00,
        scans=ScanHabit(9, 1.0, 0.04, 0, 0.02),
        destinations=_SOUTH,
    ),
    Carrier(
        carrier_id="VELO",
        name="Velocargo",
        mode=Mode.ROAD_LTL,
        market_share=0.20,
        speed_kmh=66,
        departure_delay_minutes=18,
        weekday_factors=(1.0, 1.0, 1.0, 1.1, 1.9, 1.5, 1.0),
        transit_bias=0.03,
        transit_spread=0.08,
        bad_week_response=1.7,
        weather_response=1.0,
        recovery_share=0.15,
        buffer_hours=1.0,
        rate_factor=0.90,
        scans=ScanHabit(14, 1.1, 0.06, 0, 0.04),
        destinations=_ALL,
    ),
    Carrier(
        carrier_id="OSTB",
        name="Ostbrücke Spedition",
        mode=Mode.ROAD_FTL,
        market_share=0.14,
        speed_kmh=60,
        departure_delay_minutes=22,
        weekday_factors=(1.3, 1.0, 1.0, 1.0, 1.2, 1.0, 1.0),
        transit_bias=0.02,
        transit_spread=0.10,
        bad_week_response=1.3,
        weather_response=1.6,
        recovery_share=0.10,
        buffer_hours=1.5,
        rate_factor=0.84,
        scans=ScanHabit(25, 1.2, 0.08, 6, 0.06),
        destinations=_EAST,
    ),
    Carrier(
        carrier_id="PAKT",
        name="Paketa Express",
        mode=Mode.PARCEL,
        market_share=0.12,
        speed_kmh=70,
        departure_delay_minutes=8,
        weekday_factors=(1.5, 1.2, 1.0, 0.9, 0.9, 0.8, 1.0),
        transit_bias=-0.02,
        transit_spread=0.05,
        bad_week_response=1.1,
        weather_response=0.9,
        recovery_share=0.25,
        buffer_hours=2.0,
        rate_factor=1.35,
        scans=ScanHabit(2, 0.6, 0.01, 0, 0.005),
        destinations=_SHORT,
    ),
    Carrier(
        carrier_id="RHEI",
        name="Rheinschiene Rail",
        mode=Mode.RAIL,
        market_share=0.08,
        speed_kmh=52,
        departure_delay_minutes=25,
        weekday_factors=(1.0, 1.0, 1.0, 1.0, 1.1, 0.7, 1.0),
        transit_bias=0.00,
        transit_spread=0.11,
        bad_week_response=1.9,
        weather_response=0.3,
        recovery_share=0.05,
        buffer_hours=3.0,
        rate_factor=0.72,
        scans=ScanHabit(40, 0.9, 0.05, 4, 0.08),
        destinations=frozenset({"ATVIE", "BEBRU", "CHZRH", "CZPRG", "DEMUC", "HUBUD", "PLWAW"}),
    ),
)


def distance_km(one: Place, other: Place) -> float:
    """Return the great-circle distance (haversine)."""
    high, low = radians(one.latitude), radians(other.latitude)
    across = sin((high - low) / 2) ** 2
    along = sin(radians(one.longitude - other.longitude) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(across + cos(high) * cos(low) * along))


def lanes() -> tuple[Lane, ...]:
    """Return the lanes of the network, by warehouse and then as served."""
    return tuple(
        Lane(
            origin=POSITION[warehouse.code],
            destination=POSITION[code],
            distance_km=round(ROAD_DETOUR * distance_km(warehouse, PLACES[POSITION[code]]), 1),
        )
        for warehouse in WAREHOUSES
        for code in _SERVED[warehouse.code].split()
    )


def carriers_of(lane: Lane) -> tuple[int, ...]:
    """Return the positions in `CARRIERS` of those that serve the lane."""
    code = PLACES[lane.destination].code
    return tuple(position for position, carrier in enumerate(CARRIERS) if code in carrier.destinations)
