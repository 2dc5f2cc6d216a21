"""The list: what waits, in the order of what is at stake, with everything needed to choose."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.house import House, problem_in
from tests.serving.shortages.lines import lies, one, opened, pick, tell
from tests.serving.shortages.lines import order as placed
from tests.serving.web.filled import Filled
from tests.serving.web.visitor import Visitor, words_of


@pytest.fixture
def alone(empty: House) -> Iterator[Visitor]:
    visitor = Visitor(empty)
    yield visitor
    visitor.close()


def row_of(filled: Filled, page: str, name: str) -> str:
    """Return what the row of an item says."""
    rows = re.findall(r'<tr role="row" class="item.*?</tr>', page, re.DOTALL)
    (row,) = [row for row in rows if f'id="{filled.items[name]}"' in row]
    return words_of(row)


def order(page: str) -> list[str]:
    return re.findall(r'<a id="(rev_[0-9a-f]+)" class="open"', page)


class TestWhatItShows:
    def test_the_root_leads_to_it(self, dana: Visitor) -> None:
        answer = dana.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue")

    def test_the_order_is_that_of_the_service(self, filled: Filled, dana: Visitor) -> None:
        expected = [item.item_id for item in filled.house.container.reviews.page(limit=25).items]
        assert order(dana.shown("/queue")) == expected
        assert expected[0] == filled.items["top"]

    def test_a_row_says_money_time_risk_lane_carrier_and_what_is_suggested(
        self, filled: Filled, dana: Visitor
    ) -> None:  # fmt: skip
        row = row_of(filled, dana.shown("/queue"), "top")
        assert row.startswith("23,935.80 EUR 6 h 48 min 82 % DEHAM → ATVIE NWX SH-240817")
        assert row.endswith("rebook Claim")

    def test_little_time_left_is_marked(self, filled: Filled, dana: Visitor) -> None:
        page = dana.shown("/queue")
        marked = re.findall(r'class="item open soon">.*?id="(rev_[0-9a-f]+)"', page, re.DOTALL)
        assert filled.items["soon"] in marked
        assert filled.items["top"] not in marked

    def test_what_is_too_late_says_so(self, filled: Filled, dana: Visitor) -> None:
        assert "too late, 12 min" in row_of(filled, dana.shown("/queue"), "expired")

    def test_a_risk_that_cannot_be_told_is_unknown_and_the_stake_a_guess(self, filled: Filled, dana: Visitor) -> None:
        row = row_of(filled, dana.shown("/queue"), "unknown carrier")
        assert row.startswith("≈ 3,750.00 EUR 1 d 20 h unknown DEHAM → ATVIE NEWCO")
        assert "find out" in row

    @pytest.mark.parametrize("name", ["dollars", "no value"])
    def test_a_stake_that_cannot_be_computed_is_unknown_and_not_nothing(
        self, filled: Filled, dana: Visitor, name: str
    ) -> None:  # fmt: skip
        row = row_of(filled, dana.shown("/queue"), name)
        assert row.startswith("unknown ")
        assert "0.00" not in row

    def test_a_claimed_one_says_who_holds_it_and_for_how_long(self, filled: Filled, dana: Visitor) -> None:
        assert row_of(filled, dana.shown("/queue"), "claimed").endswith("Marit Sørensen for 15 min")

    def test_ones_own_claim_is_yours(self, filled: Filled, dana: Visitor, marit: Visitor) -> None:
        dana.claimed(filled.path("top"))
        assert row_of(filled, dana.shown("/queue"), "top").endswith("yours for 15 min")
        assert row_of(filled, marit.shown("/queue"), "top").endswith("dana for 15 min")

    def test_an_answered_one_says_how_and_by_whom(self, filled: Filled, dana: Visitor) -> None:
        filled.house.advance(hours=1)
        assert row_of(filled, dana.shown("/queue?show=done"), "overridden").endswith("override marit, 1 h ago")

    def test_the_title_counts_what_can_be_taken(self, dana: Visitor) -> None:
        assert "<title>21 to review · Freight Triage</title>" in dana.shown("/queue")

    def test_an_empty_queue_says_that_nothing_waits(self, alone: Visitor) -> None:
        page = alone.shown("/queue")
        assert "Nothing waits. New items appear here by themselves." in words_of(page)
        assert re.search(r'id="next" class="primary" disabled', page)

    def test_it_asks_for_itself_every_few_seconds(self, dana: Visitor) -> None:
        page = dana.shown("/queue?show=claimed")
        assert 'hx-get="/queue?show=claimed&amp;about=all"' in page
        assert 'hx-trigger="every 5s" hx-select="#queue"' in page


class TestWhich:
    @pytest.mark.parametrize(
        ("show", "count"), [("waiting", 23), ("open", 21), ("claimed", 2), ("done", 3), ("all", 25)]
    )
    def test_a_tab_shows_its_items(self, dana: Visitor, show: str, count: int) -> None:
        assert len(order(dana.shown(f"/queue?show={show}"))) == count

    def test_tabs_count_what_is_behind_them(self, dana: Visitor) -> None:
        assert "Waiting 23 Open 21 Claimed 2 Done 3 All" in words_of(dana.shown("/queue"))

    def test_more_items_are_one_link_away_and_none_is_shown_twice(self, filled: Filled, dana: Visitor) -> None:
        first = dana.shown("/queue?show=all")
        more = re.search(r'id="more" href="([^"]*)"', first)
        assert more
        second = dana.shown(more[1].replace("&amp;", "&"))
        assert len({*order(first), *order(second)}) == len(filled.items) == 26
        assert 'id="first" href="/queue?show=all&amp;about=all"' in second

    def test_a_cursor_that_is_none_leads_to_the_first_page(self, dana: Visitor) -> None:
        answer = dana.get("/queue?show=done&cursor=nonsense")
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue?show=done")


@pytest.fixture
def mixed(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service in whose queue two shipments and an order line wait."""
    with opened(sqlite_url, late_shipments) as house:
        house.for_review("SH-1")
        house.for_review("SH-2")
        tell(house, placed("O-1"), pick("O-1"), lies(6), lies(9, place="ATVIE"))
        one(house, "O-1")
        yield house


class TestTakeNext:
    def test_it_claims_the_free_item_worth_most(self, filled: Filled, dana: Visitor, marit: Visitor) -> None:
        assert dana.post("/queue/next").headers["location"] == filled.path("top")
        assert marit.post("/queue/next").headers["location"] == filled.path("long")

    def test_an_empty_queue_stays_where_it_is(self, alone: Visitor) -> None:
        assert alone.post("/queue/next").headers["location"] == "/queue"


class TestAboutWhat:
    """Whoever audits invoices need not look past shipments, nor the other way round."""

    def test_the_list_its_counts_and_the_next_one_are_of_the_kind_that_is_chosen(self, mixed: House) -> None:
        with Visitor(mixed) as dana:
            everything = words_of(dana.shown("/queue"))
            assert "Waiting 3 Open 3 Claimed 0 Done 0 All Everything Shipments 2 Invoices 0 Shortages 1" in everything
            shortages = dana.shown("/queue?about=shortage")
            assert "Waiting 1 Open 1" in words_of(shortages)
            assert 'hx-get="/queue?show=waiting&amp;about=shortage"' in shortages
            assert len(order(shortages)) == 1
            assert dana.post("/queue/next").headers["location"] == f"/queue/{order(shortages)[0]}"
            assert dana.post("/queue/next").headers["location"] == "/queue", "no other shortage waits"

    def test_the_browser_remembers_what_somebody_chose_and_not_what_a_page_asks_by_itself(self, mixed: House) -> None:
        with Visitor(mixed) as dana:
            dana.shown("/queue?about=shipment")
            assert len(order(dana.shown("/queue"))) == 2
            dana.get("/queue?about=shortage", **{"hx-request": "true"})
            assert len(order(dana.shown("/queue"))) == 2
            assert len(order(dana.shown("/queue?about=all"))) == 3
            assert len(order(dana.shown("/queue"))) == 3

    def test_the_api_lists_one_kind_too(self, mixed: House) -> None:
        found = mixed.api.get("/v1/reviews", params={"about": "shortage"}).json()
        assert [item["subject_type"] for item in found["items"]] == ["shortage"]
        assert found["counts"] == {"open": 1, "claimed": 0, "done": 0}
        problem_in(mixed.api.get("/v1/reviews", params={"about": "parcel"}), 422, "invalid-request")
