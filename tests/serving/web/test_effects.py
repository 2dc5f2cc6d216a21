"""What became of calls on the page of an item: in plain words, with the answers to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.effects.calls import delivered, effect, items_about, rebooked, tended
from tests.serving.house import House
from tests.serving.web.visitor import Visitor, words_of


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    with House(sqlite_url, late_shipments) as made:
        yield made


def overdue(house: House) -> tuple[str, str]:
    """Let a booking go unconfirmed; return its call and the page of the item about it."""
    call_id = rebooked(house)
    delivered(house)
    house.advance(hours=3)
    tended(house)
    (item,) = items_about(house, call_id)
    return call_id, f"/queue/{item.item_id}"


def test_an_overdue_booking_is_told_in_words_and_undone_from_the_page(house: House) -> None:
    call_id, path = overdue(house)
    with Visitor(house, "dana") as dana:
        said = words_of(dana.shown(path))
        assert "What became of rebook, and what should be done?" in said
        assert "it is not certain; a person is to find out: rebook was accepted, but within 3 hours nobody" in said
        token = dana.claimed(path)
        said = words_of(dana.shown(path))
        assert all(button in said for button in ("It was done", "It was not done", "Undo rebook"))
        answer = dana.post(f"{path}/undo", token=token, call_id=call_id)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert effect(house, call_id) == "compensating"
        assert "it is being undone: dana undoes it" in words_of(dana.shown(path))


def test_a_person_says_on_the_page_that_it_was_done(house: House) -> None:
    call_id, path = overdue(house)
    with Visitor(house, "dana") as dana:
        dana.post(f"{path}/happened", token=dana.claimed(path), note="seen in the portal")
        said = words_of(dana.shown(path))
    assert effect(house, call_id) == "verified"
    assert "happened rebook, by dana" in said
