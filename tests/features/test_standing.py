"""When events stand, against a loop over all instants; a long chain and a circle of corrections end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from features.standing import Told, spells_of
from features.timeline import NEVER
from tests.drawn import drawn


def holds(name: str, told: dict[str, Told], instant: int) -> bool:
    """Whether an event is known at an instant and no correction of it that holds then is."""
    one = told[name]
    against = [
        other
        for other in told.values()
        if other.corrects == name and other.known <= instant and (other.takes_back or not one.takes_back)
    ]
    return one.known <= instant and not any(
        not other.takes_back or holds(other.event_id, told, instant) for other in against
    )


@st.composite
def chains(draw: st.DrawFn) -> dict[str, Told]:
    """Up to eight events, each of which may correct one before it in the list, known at any time."""
    told = {}
    for number in range(draw(st.integers(1, 8))):
        corrects = draw(st.sampled_from([None, *map(str, range(number))]))
        takes_back = corrects is not None and draw(st.sampled_from([True, True, False]))
        told[str(number)] = Told(str(number), corrects, takes_back, draw(st.integers(0, 12)))
    return told


@drawn(60)
@given(chains())
def test_equals_a_loop_over_all_instants(told: dict[str, Told]) -> None:
    spells = spells_of(list(told.values()))
    for name in told:
        for instant in range(15):
            stands = any(since <= instant < until for since, until in spells[name])
            assert stands == holds(name, told, instant), (name, instant)


def test_a_long_chain_and_a_circle_come_to_an_end() -> None:
    chain = [Told("0", None, False, 0), *(Told(str(place), str(place - 1), True, place) for place in range(1, 5_001))]
    assert len(spells_of(chain)["0"]) == 2_501
    circle = [Told("a", "b", True, 6), Told("b", "a", True, 7), Told("c", "c", False, 3)]
    assert spells_of(circle) == {"a": [(6, NEVER)], "b": [(7, NEVER)], "c": [(3, 3)]}
