"""`POST /v1/recommend/carriers`, and what a decision is given of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from features.definitions import NAMES
from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import DelayScore
from routing.policy import Policy
from serving.db.tables import AuditRow, DecisionRow
from tests.serving.house import FakeModel, House, delivery, problem_in, shipment
from tests.serving.recommendations.agreed import contracts


class KnowsCarriers(FakeModel):
    """Says a risk for each carrier, told by the number of its arrivals on the lane."""

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        seen = row.values[NAMES.index("carrier_lane_arrivals_count_28d")]
        self.risk, kept = (0.1, self.risk) if seen >= 20 else (self.risk, self.risk)
        try:
            return super().score(row, moment)
        finally:
            self.risk = kept


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(
        sqlite_url, late_shipments, model=KnowsCarriers(0.8), contracts=contracts(NWX=20_000, ACE=24_000)
    ) as made:
        made.announce("SH-A", carrier_id="ACE")
        made.send(delivery("A-1", "departed", shipment_id="SH-A"))  # ACE is heard of
        yield made


def ask(house: House, **asked: Any) -> httpx.Response:
    return house.api.post("/v1/recommend/carriers", json=asked)


def options(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["options"]}


class TestAnAnswer:
    def test_ranks_by_rate_risk_handling_and_acceptance(self, house: House) -> None:
        house.announce("SH-1")
        answer = ask(house, shipment_id="SH-1")
        found, told = options(answer), answer.json()
        assert told["loss_if_late_minor"] == 120_000  # 6 % of 20,000.00, priority
        assert told["recommended"] == "ACE"
        assert found["NWX"]["expected_cost_minor"] == 20_000 + 96_000
        assert found["NWX"]["stands"]
        yes = found["ACE"]["accepted"]
        assert found["ACE"]["expected_cost_minor"] == round(yes * (24_000 + 12_000 + 360) + (1 - yes) * (116_000 + 360))
        assert [found[name]["propensity"] for name in ("ACE", "NWX")] == [1.0, 0.0]
        assert found["ACE"]["charges"][0]["clause"] == "R-ACE"

    def test_records_and_decides_nothing(self, house: House) -> None:
        house.announce("SH-1")
        ask(house, shipment_id="SH-1")
        assert house.count(DecisionRow) == house.count(AuditRow) == 0

    def test_takes_a_shipment_inline(self, house: House) -> None:
        assert options(ask(house, shipment=shipment("SH-9"))).keys() == {"NWX", "ACE"}

    def test_says_why_one_cannot_take_it(self, house: House) -> None:
        house.announce("SH-1")
        able = [{"carrier_id": "NWX", "equipment": ["reefer"]}]
        found = options(ask(house, shipment_id="SH-1", equipment=["reefer"], carriers=able))
        assert found["ACE"]["infeasible_because"] == ["it is not known whether it has reefer"]
        assert found["ACE"]["rank"] is None
        assert found["NWX"]["rank"] == 1

    def test_lists_carriers_of_the_lane_without_a_contract(self, sqlite_url: str, late_shipments: Policy) -> None:
        with House(sqlite_url, late_shipments, contracts=contracts(NWX=20_000)) as house:
            house.announce("SH-1")
            reason, *_ = options(ask(house, shipment_id="SH-1"))["ACE"]["infeasible_because"]
        assert "what it charges cannot be told: no rate holds for ACE, DEHAM to ATVIE" in reason

    def test_after_departure_leaves_it_where_it_is(self, house: House) -> None:
        house.announce("SH-1")
        house.send(delivery("D-1", "departed"))
        found = options(ask(house, shipment_id="SH-1", moment="at_departure"))
        assert found["ACE"]["infeasible_because"] == ["the shipment has left"]
        assert found["NWX"]["rank"] == 1

    def test_counts_the_terms_of_the_shipment_where_they_say_more(self, house: House) -> None:
        plan = shipment("SH-9", late_penalty_minor=100_000, late_penalty_per_day_minor=30_000)
        assert ask(house, shipment=plan, days_late=2).json()["loss_if_late_minor"] == 160_000

    def test_without_a_value_compares_nothing_and_says_so(self, house: House) -> None:
        answer = ask(house, shipment=shipment("SH-9", value_minor=None)).json()
        assert answer["recommended"] is None
        assert answer["loss_unknown_because"] == "no value is given"


class TestARefusal:
    def test_without_contracts_says_what_to_do(self, sqlite_url: str, late_shipments: Policy) -> None:
        with House(sqlite_url, late_shipments) as house:
            house.announce("SH-1")
            problem = problem_in(ask(house, shipment_id="SH-1"), 409, "no-contracts")
        assert "--contracts" in problem["detail"]

    def test_of_an_unknown_shipment(self, house: House) -> None:
        problem_in(ask(house, shipment_id="SH-404"), 404, "unknown-shipment")

    def test_of_what_nobody_asked_for(self, house: House) -> None:
        problem_in(ask(house, shipment_id="SH-1", colour="red"), 422, "invalid-request")


class TestADecision:
    def test_that_may_lead_to_another_carrier_seals_them_ranked(self, house: House) -> None:
        house.announce("SH-1")
        decided = house.decided("SH-1")
        assert decided["recommended_branch"] == "rebook"
        body = house.api.get(f"/v1/decisions/{decided['decision_id']}").json()["body"]
        rows = body["facts"]["rebook_options"]
        assert [(row["carrier_id"], row["is_current"], row["propensity"]) for row in rows] == [
            ("ACE", False, 1.0),
            ("NWX", True, 0.0),
        ]
        assert rows[0]["source"] == "contract R-ACE, model fake 7"
        (asked,) = body["payload"]["suggestion"]["payload"]["carriers"]
        assert (asked["carrier_id"], asked["rate_minor"]) == ("ACE", 24_000)

    def test_that_cannot_lead_there_asks_for_none(self, house: House) -> None:
        house.announce("SH-1")
        body = house.api.get(f"/v1/decisions/{house.decided('SH-1', risk=0.3)['decision_id']}").json()["body"]
        assert "rebook_options" not in body["facts"]

    def test_is_made_again_from_its_record(self, house: House) -> None:
        house.announce("SH-1")
        decided = house.decided("SH-1")
        found = house.api.get(f"/v1/decisions/{decided['decision_id']}/counterfactuals")
        assert found.status_code == 200, found.text

    def test_shows_them_on_the_page_of_its_item(self, house: House) -> None:
        house.announce("SH-1")
        page = house.api.get(f"/queue/{house.decided('SH-1')['review_item_id']}").text
        assert "Who could carry it" in page
        assert "has it" in page

    def test_that_needed_none_shows_them_as_of_now(self, house: House) -> None:
        page = house.api.get(f"/queue/{house.for_review('SH-1', risk=0.3)}").text
        assert "no part of the decision" in page
