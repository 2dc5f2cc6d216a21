from __future__ import annotations

from features.as_if import as_if_carried, as_if_sent_from
from features.contracts import Contracts, Offered
from features.definitions import NAMES
from features.records import Shipment
from features.vocabulary import Mode
from tests.features.agreed import AGREED, CUTOFF, DAY, PICKUP, plan, rate
from tests.serving.house import NOW, at, shipment, with_history


class TestAsIf:
    def test_another_carrier_has_the_same_plan_without_the_vehicle(self) -> None:
        found = as_if_carried(plan(vehicle_id="V", service_id="X"), "D", mode=Mode.RAIL)
        assert (found.carrier_id, found.mode, found.vehicle_id, found.service_id) == ("D", Mode.RAIL, None, None)
        assert found.stops == plan().stops

    def test_another_place_sends_to_the_same_destination(self) -> None:
        found = as_if_sent_from(plan(distance_km=300), "BEBRU")
        assert (found.origin, found.destination, found.distance_km) == ("BEBRU", "DEHAM", None)
        assert found.planned_departure_at == PICKUP

    def test_features_are_those_of_a_shipment_that_the_other_carrier_has(self) -> None:
        state = with_history()
        told = {"known_at": at(hours=-24)}
        ours = Shipment.model_validate({**shipment("SH-1"), **told})
        theirs = Shipment.model_validate({**shipment("SH-2", carrier_id="ACE"), **told})
        state.add(ours)
        found = dict(zip(NAMES, state.features(as_if_carried(ours, "ACE"), NOW).values.tolist(), strict=True))
        really = dict(zip(NAMES, state.features(theirs, NOW).values.tolist(), strict=True))
        as_it_is = dict(zip(NAMES, state.features(ours, NOW).values.tolist(), strict=True))
        different = {name for name in NAMES if found[name] == found[name] and found[name] != really[name]}
        assert not different
        assert found["carrier_lane_arrivals_count_28d"] == 20 != as_it_is["carrier_lane_arrivals_count_28d"]


class TestOffered:
    def test_is_what_holds_for_the_lane_that_day_and_is_known(self) -> None:
        contracts = Contracts(
            [
                rate(rate_id="A", carrier_id="A"),
                rate(rate_id="B", carrier_id="B", service_id="X", mode="rail", origin="NL"),
                rate(rate_id="C", carrier_id="C", destination="BEBRU"),
                rate(rate_id="D", carrier_id="D", valid_until=PICKUP),
                rate(rate_id="E", carrier_id="E", valid_from=PICKUP + DAY),
                rate(rate_id="F", carrier_id="F", known_at=CUTOFF + DAY),
            ]
        )
        found = contracts.offered("NLRTM", "DEHAM", PICKUP, CUTOFF)
        assert found == (Offered("A", None, None), Offered("B", "X", Mode.RAIL))
        assert contracts.offered("NLRTM", "DEHAM", AGREED - DAY, CUTOFF) == ()
