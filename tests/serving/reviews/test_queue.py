"""The queue: what a minute is worth decides the order; a cursor pages through it and misses nothing."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from serving.db.tables import ReviewItemRow
from tests.serving.house import House, Json, at, delivery, problem_in

STAKES = {"SH-A": 500_000, "SH-B": 9_000_000, "SH-C": 2_000_000, "SH-D": 2_000_000, "SH-E": 100}


@pytest.fixture
def queue(any_house: House) -> dict[str, str]:
    """Five items, told by their shipment; C is older than D, which has as much at stake."""
    items = {}
    for shipment_id, value_minor in STAKES.items():
        items[shipment_id] = any_house.for_review(shipment_id, value_minor=value_minor)
        any_house.advance(minutes=1)
    return items


def listed(house: House, **params: Any) -> Json:
    answer = house.api.get("/v1/reviews", params=params)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def names(page: Json) -> str:
    return "".join(item["shipment_id"].removeprefix("SH-") for item in page["items"])


class TestOrder:
    def test_most_at_stake_comes_first_then_the_oldest(self, any_house: House, queue: dict[str, str]) -> None:
        assert names(listed(any_house)) == "BCDAE"

    def test_claimed_ones_stand_behind_free_ones(self, any_house: House, queue: dict[str, str]) -> None:
        any_house.claimed(queue["SH-B"])
        assert names(listed(any_house)) == "CDAEB"

    def test_a_claim_that_ran_out_puts_it_back_in_its_place(self, any_house: House, queue: dict[str, str]) -> None:
        any_house.claimed(queue["SH-B"])
        any_house.advance(minutes=15)
        assert names(listed(any_house)) == "BCDAE"

    def test_what_is_too_late_to_help_stands_last(self, any_house: House, queue: dict[str, str]) -> None:
        any_house.for_review("SH-F", value_minor=90_000_000, promised_at=at(hours=13))
        assert names(listed(any_house))[0] == "F"
        any_house.advance(hours=14)

        page = listed(any_house)
        assert names(page) == "BCDAEF"
        assert page["items"][-1]["too_late"]

    def test_done_ones_are_not_waiting(self, any_house: House, queue: dict[str, str]) -> None:
        token = any_house.claimed(queue["SH-C"])
        any_house.answer(queue["SH-C"], "dismiss", claim_token=token, reason_code="not_late")
        assert names(listed(any_house)) == "BDAE"

    def test_what_saves_more_a_minute_comes_before_what_has_more_at_stake(self, any_house: House) -> None:
        any_house.for_review("SH-L", risk=0.3, value_minor=3_000_000)  # nothing is suggested: a look saves little
        any_house.for_review("SH-S", risk=0.65, value_minor=1_000_000)  # another carrier can take it
        first, second = listed(any_house)["items"]
        assert (first["shipment_id"], first["suggested_branch"]) == ("SH-S", "rebook")
        assert first["value_at_stake_minor"] < second["value_at_stake_minor"]
        worth = [item["priority"]["worth_minor_per_minute"] for item in (first, second)]
        assert worth == sorted(worth, reverse=True)
        assert first["priority"] == {
            "expected_loss_minor": 39_000,
            "saved_share": 0.7,
            "in_time": 1.0,
            "saving_minor": 27_300,
            "minutes": 10.0,
            "worth_minor_per_minute": 2_730.0,
        }

    def test_terms_that_say_more_than_the_tier_count_instead(self, house: House) -> None:
        item_id = house.for_review("SH-1", risk=0.4, late_penalty_minor=90_000, late_penalty_per_day_minor=10_000,
                                   value_minor=1_000_000)  # fmt: skip
        told = house.api.get(f"/v1/reviews/{item_id}").json()
        assert told["value_at_stake_minor"] == 40_000
        assert told["loss"] == {
            "probability": 0.4,
            "is_guess": False,
            "loss_if_late_minor": 100_000,
            "by_tier_minor": 60_000,
            "by_terms_minor": 100_000,
            "unknown_because": None,
        }

    def test_more_than_any_database_could_multiply_is_still_ordered(self, any_house: House) -> None:
        any_house.for_review("SH-1", value_minor=2**53)
        any_house.for_review("SH-2", value_minor=1_000)
        page = listed(any_house, limit=1)
        assert page["items"][0]["shipment_id"] == "SH-1"
        assert listed(any_house, limit=1, cursor=page["next"])["items"][0]["shipment_id"] == "SH-2"

    def test_the_stake_is_risk_times_value_times_the_tiers_share(self, house: House) -> None:
        house.for_review("SH-1", risk=0.4, value_minor=1_000_000, customer_tier="priority")
        item = listed(house)["items"][0]
        assert (item["value_at_stake_minor"], item["currency"]) == (24_000, "EUR")

    def test_what_the_model_cannot_tell_is_ordered_as_likely_as_not(self, house: House) -> None:
        house.for_review("SH-1", value_minor=1_000_000, carrier_id="NEW")
        item = listed(house)["items"][0]
        assert item["value_at_stake_minor"] == 30_000
        assert "risk cannot be told" in item["title"]

    def test_another_currency_than_the_policys_is_not_added_up(self, house: House) -> None:
        house.for_review("SH-1", currency="USD", risk=0.3)
        item = listed(house)["items"][0]
        assert (item["value_at_stake_minor"], item["currency"]) == (0, "USD")


class TestWhich:
    @pytest.mark.parametrize(
        ("status", "shown"), [("waiting", "BDAEC"), ("open", "BDAE"), ("claimed", "C"), ("done", ""), ("all", "BDAEC")]
    )
    def test_a_status_shows_its_items(
        self, any_house: House, queue: dict[str, str], status: str, shown: str
    ) -> None:  # fmt: skip
        any_house.claimed(queue["SH-C"])
        assert names(listed(any_house, status=status)) == shown

    def test_counts_are_of_the_whole_queue(self, any_house: House, queue: dict[str, str]) -> None:
        any_house.claimed(queue["SH-A"])
        token = any_house.claimed(queue["SH-B"])
        any_house.answer(queue["SH-B"], "dismiss", claim_token=token, reason_code="not_late")

        assert listed(any_house, limit=1)["counts"] == {"open": 3, "claimed": 1, "done": 1}
        any_house.advance(minutes=15)
        assert listed(any_house, limit=1)["counts"] == {"open": 4, "claimed": 0, "done": 1}

    def test_an_unknown_status_is_refused(self, house: House) -> None:
        problem_in(house.api.get("/v1/reviews?status=lost"), 422, "invalid-request")


class TestPaging:
    @pytest.mark.parametrize("limit", [1, 2, 3])
    def test_pages_make_up_the_whole(self, any_house: House, queue: dict[str, str], limit: int) -> None:
        any_house.claimed(queue["SH-B"])
        shown, cursor = "", None
        for _ in range(10):
            page = listed(any_house, limit=limit, **({"cursor": cursor} if cursor else {}))
            shown += names(page)
            cursor = page["next"]
            if cursor is None:
                break
        assert shown == "CDAEB"

    def test_what_is_taken_meanwhile_makes_nothing_slip_by(self, any_house: House, queue: dict[str, str]) -> None:
        first = listed(any_house, limit=2)
        any_house.claimed(queue["SH-B"])
        assert names(listed(any_house, cursor=first["next"])) == "DAEB"

    @pytest.mark.parametrize("limit", [0, 201, "ten"])
    def test_a_limit_out_of_bounds_is_refused(self, house: House, limit: object) -> None:
        problem_in(house.api.get("/v1/reviews", params={"limit": str(limit)}), 422, "invalid-request")

    @pytest.mark.parametrize(
        "parts",
        [
            {"a": 1},
            [0, 1],
            [9, 1, at(), "x"],
            [0, "1", at(), "x"],
            [0, True, at(), "x"],
            [0, 2**63, at(), "x"],
            [0, 1, "2026-03-02T06:00:00", "x"],
            [0, 1, "soon", "x"],
            [0, 1, "9999-12-31T23:59:59-12:00", "x"],
            [0, 1, at(), 7],
            [0, 1, at(), "\x00"],
        ],
    )
    def test_a_cursor_that_was_never_given_out_is_refused(self, any_house: House, parts: object) -> None:
        cursor = urlsafe_b64encode(json.dumps(parts).encode()).decode()
        problem = problem_in(any_house.api.get("/v1/reviews", params={"cursor": cursor}), 422, "cursor")
        assert "Leave it out, or take `next` of the page before." in problem["detail"]

    @pytest.mark.parametrize("cursor", ["", "x", "\u00e9", "////", "bm90IGpzb24="])
    def test_a_cursor_that_is_none_at_all_is_refused(self, house: House, cursor: str) -> None:
        problem_in(house.api.get("/v1/reviews", params={"cursor": cursor}), 422, "cursor")


class TestOneItem:
    def test_shows_the_decision_and_the_reasons_that_may_be_given(self, any_house: House) -> None:
        item_id = any_house.for_review("SH-1")
        detail = any_house.api.get(f"/v1/reviews/{item_id}").json()

        assert detail["decision"]["decision_id"] == detail["decision_id"]
        assert "better_option" in detail["reasons_to_override"]
        assert "better_option" not in detail["reasons_to_dismiss"]
        assert not any("newer_decision" in detail[name] for name in ("reasons_to_override", "reasons_to_dismiss"))

    def test_an_unknown_one_is_404(self, any_house: House) -> None:
        problem = problem_in(any_house.api.get("/v1/reviews/rev_0"), 404, "unknown-review-item")
        assert "GET /v1/reviews" in problem["detail"]


class TestANewerDecision:
    def test_takes_the_place_of_a_free_item(self, any_house: House) -> None:
        old = any_house.for_review("SH-1", risk=0.3)
        any_house.send(delivery("d-1", "terminal_arrived"))
        new = any_house.decided("SH-1", risk=0.8)["review_item_id"]

        rows = {row.item_id: row for row in any_house.rows(ReviewItemRow)}
        assert (rows[old].status, rows[old].verdict, rows[old].closed_by) == ("done", "superseded", "system")
        assert rows[new].status == "open"
        assert any_house.audited()["review.superseded"] == 1

    def test_leaves_an_item_to_whoever_holds_it(self, any_house: House) -> None:
        old = any_house.for_review("SH-1", risk=0.3)
        token = any_house.claimed(old)
        any_house.send(delivery("d-1", "terminal_arrived"))
        any_house.decided("SH-1", risk=0.8)

        answer = any_house.answer(old, "dismiss", claim_token=token, reason_code="not_late")
        assert answer.status_code == 200

    def test_of_another_shipment_changes_nothing(self, any_house: House) -> None:
        any_house.for_review("SH-1")
        any_house.for_review("SH-2")
        assert {row.status for row in any_house.rows(ReviewItemRow)} == {"open"}
