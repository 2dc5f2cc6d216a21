"""A queue as a desk finds it in the morning: about 25 varied items, all of them made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any

from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import Explanation, Reason
from routing.policy import Policy
from serving.scores.live import LiveState
from tests.serving.house import FakeModel, House, at, delivery, shipment

USUAL_RISK = 0.18
SCRIPT_ID = "<script>document.title='owned'</script>"
LONG_ID = "SH-20260302-HAMBURG-CONSOLIDATION-0000000000000000000000000000000000000000000000000000000000007741"
LONG_PLACE = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch Inland Freight Terminal"
LONG_CARRIER = "Österreichische Güterbeförderungs- und Speditionsgesellschaft Nordwest mbH & Co. KG"

_LANES = {
    ("DEHAM", "ATVIE"): ("NWX", "ACE"),
    ("NLRTM", "CHBSL"): ("RHINE", "ALPINE"),
    ("PLGDN", "CZPRG"): ("BALTIC", "VISTULA"),
    ("ESVLC", "FRLYS"): ("IBERIA", "RHONE"),
    ("ITGOA", "DEMUC"): ("BRENNER", "ALPINE"),
    (LONG_PLACE, "GBFXT"): (LONG_CARRIER, "CELTIC"),
    ("SEGOT", "ATVIE"): ("NORDIC", "ACE"),
}
"""Carriers of each lane; the second one is punctual."""

_HOLDERS = {"claimed": "Marit Sørensen", "long claim": "Wilhelmina-Charlotte van den Heuvel-Oosterhout"}

_REASONS = (
    ("origin_departures_delay_mean_6h", 37.0, "mean delay of departures from the origin in 6 hours: 37 minutes", 4),
    ("carrier_lane_arrivals_late_share_28d", 0.31, "share of the carrier's arrivals late in 28 days: 31 %", 3),
    ("hours_to_promise", 48.0, "hours from now to the promise: 48.0 hours", -2),
    ("origin_wind_speed_ms", None, "wind speed at the origin is not known", 1),
    ("planned_transit_hours", 36.0, "planned time on the way: 36.0 hours", -1),
    ("departure_weekday", 0.0, "weekday of the planned departure: Monday", 1),
)  # fmt: skip


class TalkativeModel(FakeModel):
    """Says the risk it is told to say, with six reasons of both directions that add up to it."""

    name = "delay"

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        base = log(USUAL_RISK / (1 - USUAL_RISK))
        risk = log(self.risk / (1 - self.risk))
        scale = (risk - base) / sum(weight for *_, weight in _REASONS)
        parts = [(name, value, words, weight * scale) for name, value, words, weight in _REASONS]
        reasons = tuple(
            Reason(name, value, part, f"{words} ({'raises' if part > 0 else 'lowers'} the risk)")
            for name, value, words, part in parts
        )
        return Explanation(base, tuple((name, part) for name, _, _, part in parts), risk, reasons)


@dataclass
class Filled:
    """A service with a queue; `items` is keyed by a word for what is special about an item."""

    house: House
    items: dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> str:
        return f"/queue/{self.items[name]}"


def desk(database_url: str, policy: Policy, **settings: Any) -> House:
    """Start a service that knows all carriers, but has decided nothing yet."""
    house = House(database_url, policy, model=TalkativeModel(), feature_settings=FeatureSettings(), **settings)
    assert isinstance(house.state, LiveState)
    for (origin, destination), carriers in _LANES.items():
        for carrier in carriers:
            for number in range(20 if carrier == carriers[1] else 2):
                _travelled(house.state, f"H-{origin[:5]}-{carrier[:5]}-{number}", carrier, origin, destination)
    return house


def fill(house: House) -> Filled:
    """Put about 25 items into the queue: open, claimed, answered, out of time, of unknown risk."""
    filled = Filled(house)

    def add(name: str, shipment_id: str, lane: tuple[str, str], risk: float, **plan: Any) -> str:
        house.announce(shipment_id, **_plan(shipment_id, lane, plan))
        item_id = house.decided(shipment_id, risk=risk)["review_item_id"]
        assert item_id is not None, name
        filled.items[name] = item_id
        return str(item_id)

    lanes = list(_LANES)
    add("top", "SH-240817", lanes[0], 0.82, value_minor=48_650_000, customer_tier="priority")
    add(
        "long",
        LONG_ID,
        lanes[5],
        0.71,
        value_minor=31_200_000,
        customer_id="Königlich Privilegierte Porzellanmanufaktur",
    )
    add("script", SCRIPT_ID, lanes[6], 0.64, value_minor=9_000_000)
    add("unknown carrier", "SH-240902", ("DEHAM", "ATVIE"), 0.5, carrier_id="NEWCO", value_minor=12_500_000)
    add("no promise", "SH-240911", lanes[1], 0.4, promised_at=None, value_minor=4_000_000)
    add("no value", "SH-240915", lanes[1], 0.33, value_minor=None, currency=None)
    add("dollars", "SH-240916", lanes[2], 0.38, currency="USD", value_minor=7_700_000)
    add("soon", "SH-240920", lanes[3], 0.66, planned_at=at(hours=7), promised_at=at(hours=40), value_minor=22_000_000)
    past = {"planned_at": at(hours=0.5), "promised_at": at(hours=3)}
    add("expired", "SH-240921", lanes[4], 0.35, value_minor=6_000_000, **past)
    for number in range(12):
        name = f"SH-24{1000 + 37 * number}"
        risk = (0.27, 0.31, 0.36, 0.62, 0.41, 0.74)[number % 6]
        value = (1_850_000, 640_000, 15_400_000, 5_120_000, 2_990_000, 880_000)[number % 6] + 10_000 * number
        hours = 6.5 + 3 * number
        add(
            f"plain {number}",
            name,
            lanes[number % 5],
            risk,
            value_minor=value,
            customer_tier=("standard", "priority")[number % 2],
            planned_at=at(hours=hours),
            promised_at=at(hours=hours + 30),
        )
    for name in _HOLDERS:
        add(name, f"SH-{name.upper().replace(' ', '-')}", lanes[0], 0.63, value_minor=8_800_000)
    for name in ("accepted", "overridden", "dismissed"):
        add(name, f"SH-{name.upper()}", lanes[0], 0.8, value_minor=5_000_000)
    house.advance(hours=3, minutes=12)
    for name, who in _HOLDERS.items():
        house.container.reviews.claim(filled.items[name], actor=who)
    _answer(filled)
    return filled


def _answer(filled: Filled) -> None:
    house = filled.house
    answers: Mapping[str, tuple[str, dict[str, str]]] = {
        "accepted": ("accept", {"note": "Booked with ACE by phone as well"}),
        "overridden": (
            "override",
            {"branch": "notify", "reason_code": "cost_too_high", "note": "The customer can wait"},
        ),
        "dismissed": ("dismiss", {"reason_code": "carrier_confirmed"}),
    }
    for name, (verb, body) in answers.items():
        token = house.claimed(filled.items[name], actor="marit")
        assert house.answer(filled.items[name], verb, actor="marit", claim_token=token, **body).status_code == 200


def _plan(shipment_id: str, lane: tuple[str, str], plan: dict[str, Any]) -> dict[str, Any]:
    origin, destination = lane
    made = shipment(shipment_id, **{"carrier_id": _LANES[lane][0], **plan})
    made["stops"][0]["place"], made["stops"][1]["place"] = origin, destination
    del made["shipment_id"]
    return {"value_minor": None, "currency": None, **made}


def _travelled(state: LiveState, name: str, carrier: str, origin: str, destination: str) -> None:
    """Let a carrier have carried something, half a day early."""
    times = {"occurred_at": at(hours=-200), "planned_at": at(hours=-190), "promised_at": at(hours=-150)}
    plan = shipment(name, carrier_id=carrier, **times)
    plan["stops"][0]["place"], plan["stops"][1]["place"] = origin, destination
    state.add(Shipment.model_validate({**plan, "known_at": at(hours=-200)}))
    arrived = delivery(f"{name}-D", "delivered", name, occurred_at=at(hours=-160))["data"]
    state.add(DeliveryEvent.model_validate({**arrived, "known_at": at(hours=-160)}))
