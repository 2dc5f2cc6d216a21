"""Budgets in the browser: what is left of them, and what one more would have been worth."""

from __future__ import annotations

from serving.web.budgets import SHOWN
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import changed, messages
from tests.serving.house import House
from tests.serving.web.visitor import Visitor, words_of


def scarce(url: str, **budget: object) -> House:
    """A service that had one message for four customers."""
    house = House(url, changed(choosing_by_cost, messages(1, per_hours=3, **budget)))  # type: ignore[arg-type]
    for number in range(4):
        house.announce(f"SH-{number}", value_minor=(1 + number) * 500_000, customer_id=f"C-{number}")
        house.decided(f"SH-{number}", risk=0.5)
    return house


def test_a_budget_is_told_with_what_is_left_and_what_one_more_would_have_saved(sqlite_url: str) -> None:
    with scarce(sqlite_url) as house, Visitor(house) as dana:
        (price,) = (
            each for each in house.api.get("/v1/policies/budgets/shadow-prices").json()["budgets"]
            if each["name"] == "messages"
        )  # fmt: skip
        (part,) = price["parts"]
        assert (part["went_without"], part["shadow_price_minor"] > 0) == (3, True)
        assert '<a id="budgets" href="/budgets">' in dana.shown("/queue")
        said = words_of(dana.shown("/budgets"))
        assert "Messages of shipments 1 messages within 3 hours, 0 left · owned by the customer service" in said
        assert f"Cases {part['shadow_price_minor'] / 100:,.2f} EUR 3 4" in said
        assert "Slots of shipments" in said
        assert "Nobody took any of it, or lacked it." in said


def test_one_that_is_kept_apart_lists_the_dearest_and_folds_the_others_away(sqlite_url: str) -> None:
    with scarce(sqlite_url, per=["customer_id"]) as house, Visitor(house) as dana:
        for number in range(4, SHOWN + 3):
            house.announce(f"SH-{number}", customer_id=f"C-{number}")
            house.decided(f"SH-{number}", risk=0.5)
        page = dana.shown("/budgets")
        said = words_of(page)
        assert "for each customer id" in said
        at_once, _, folded = page.partition("<details><summary>3 more</summary>")
        assert at_once.count('<th scope="row">C-') == SHOWN
        assert folded.count('<th scope="row">C-') == 3
        assert said.count(" left ·") == 2, "of the other two budgets: what is left of this one is another for each"
