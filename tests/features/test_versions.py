"""The versions of one leg when an event more is known: what follows from those before is what is worked out anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.records import DeliveryEvent, Shipment
from features.versions import versions_of, with_event
from tests.features.agreed import event, plan

STATUSES = (
    "departed",
    "delivered",
    "cancelled",
    "refused",
    "attempted",
    "damaged",
    "delayed",
    "terminal_arrived",
    "delivery_arrived",
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(STATUSES),
        st.integers(0, 9),
        st.integers(-3, 3),
        st.sampled_from(["ACT", "ACT", "EST", "PLN"]),
        st.sampled_from(["DEHAM", "DEHAM", "BEANR", "NLRTM", None]),
    ),
    max_size=6,
)
BY_WAY_OF_ANTWERP = plan(
    stops=[
        {"place": "NLRTM", "kind": "pickup"}, {"place": "BEANR", "kind": "transfer"},
        {"place": "DEHAM", "kind": "delivery"},
    ]
)  # fmt: skip


@pytest.mark.parametrize("planned", [plan(), BY_WAY_OF_ANTWERP], ids=["direct", "by way of a transfer"])
@given(EVENTS)
def test_what_follows_is_what_is_worked_out_anew(
    planned: Shipment, told: list[tuple[str, int, int, str, str | None]]
) -> None:
    plans, events = [planned], list[DeliveryEvent]()
    for number, (status, hours, late, classifier, place) in enumerate(told):
        one = event(status, hours, f"E{number}", classifier=classifier, place=place)
        one = one.model_copy(update={"known_at": one.occurred_at + timedelta(hours=late)})
        before = versions_of(plans, events)
        events.append(one)
        found = with_event(before, events, one)
        assert found is None or found == versions_of(plans, events)


def test_the_first_word_on_a_milestone_follows_and_another_does_not() -> None:
    before = versions_of([plan()], [])
    one, earlier, last = event("departed", 1), event("departed", 0), event("delivered", 9)
    left = with_event(before, [one], one)
    assert left is not None
    assert left == versions_of([plan()], [one]) != before
    assert with_event(left, [one, earlier], earlier) is None
    assert with_event(left, [one, last], last) is not None


def test_an_arrival_at_the_transfer_or_the_end_follows_and_elsewhere_changes_nothing() -> None:
    before = versions_of([BY_WAY_OF_ANTWERP], [])
    for place in ("BEANR", "DEHAM"):
        one = event("terminal_arrived", 2, place=place)
        assert with_event(before, [one], one) == versions_of([BY_WAY_OF_ANTWERP], [one]) != before
    elsewhere = event("terminal_arrived", 2, place="NLRTM")
    assert with_event(before, [elsewhere], elsewhere) == before


def test_a_correction_and_a_leg_of_two_versions_are_worked_out_anew() -> None:
    wrong = event("departed", 2, corrects="E1", correction="incorrect_data")
    assert with_event(versions_of([plan()], []), [wrong], wrong) is None
    planned_anew, one = plan(300, known_at=event("departed", 0).known_at), event("departed", 2)
    assert with_event(versions_of([plan(), planned_anew], []), [one], one) is None


@pytest.mark.parametrize("status", ["departed", "delivered", "cancelled", "attempted", "delivery_arrived"])
def test_what_takes_back_an_event_that_never_came_tells_of_nothing(status: str) -> None:
    back = event(status, 2, "E2", place="DEHAM", corrects="E1", correction="did_not_occur")
    assert versions_of([plan()], [back]) == versions_of([plan()], [])
