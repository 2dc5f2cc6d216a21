"""The versions of one leg when an event more is known: what follows from those before is what is worked out anew."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from features.records import DeliveryEvent
from features.versions import versions_of, with_event
from tests.features.agreed import event, plan

STATUSES = ("departed", "delivered", "cancelled", "refused", "delayed", "terminal_arrived")
EVENTS = st.lists(
    st.tuples(st.sampled_from(STATUSES), st.integers(0, 9), st.integers(-3, 3), st.sampled_from(["ACT", "ACT", "EST"])),
    max_size=6,
)


@given(EVENTS)
def test_what_follows_is_what_is_worked_out_anew(told: list[tuple[str, int, int, str]]) -> None:
    plans, events = [plan()], list[DeliveryEvent]()
    for number, (status, hours, late, classifier) in enumerate(told):
        one = event(status, hours, f"E{number}", classifier=classifier, place="DEHAM")
        one = one.model_copy(update={"known_at": one.occurred_at + timedelta(hours=late)})
        found = with_event(versions_of(plans, events), one)
        events.append(one)
        assert found is None or found == versions_of(plans, events)


def test_the_first_word_on_a_milestone_follows_and_another_does_not() -> None:
    before = versions_of([plan()], [])
    left = with_event(before, event("departed", 1))
    assert left is not None
    assert left == versions_of([plan()], [event("departed", 1)]) != before
    assert with_event(left, event("departed", 0)) is None
    assert with_event(left, event("delivered", 9)) is not None


def test_a_correction_an_arrival_and_a_leg_of_two_versions_are_worked_out_anew() -> None:
    before = versions_of([plan()], [])
    assert with_event(before, event("departed", 2, corrects="E1", correction="incorrect_data")) is None
    assert with_event(before, event("terminal_arrived", 2)) is None
    planned_anew = plan(300, known_at=event("departed", 0).known_at)
    assert with_event(versions_of([plan(), planned_anew], []), event("departed", 2)) is None
