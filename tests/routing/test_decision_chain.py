"""The chain of sealed decisions: whatever is changed, taken out, put in or moved is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.decision import GENESIS, SealedDecision, decision_body, seal, verify_chain
from routing.engine import decide
from routing.loader import load_policy
from tests.routing.conftest import BUNDLE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LENGTH = 4


def chained(bodies: Sequence[dict[str, Any]], *, after: tuple[int, str] = (0, GENESIS)) -> list[SealedDecision]:
    sequence, previous = after
    chain = []
    for body in bodies:
        sequence += 1
        chain.append(seal(body, sequence=sequence, previous_hash=previous))
        previous = chain[-1].hash
    return chain


def bodies() -> list[dict[str, Any]]:
    policy = load_policy(BUNDLE)
    found = []
    for number in range(LENGTH):
        facts = {"late_probability": number / LENGTH, "carrier_known": True, "has_promise": True, "customer_id": "C-7"}
        subject = {"type": "shipment", "id": f"SHP-{number}", "version": "1"}
        body = decision_body(policy, decide(policy, facts, NOW), subject=subject, facts=facts, features={"a": 0.1})
        found.append(body)
    return found


CHAIN = chained(bodies())
HEAD = (LENGTH, CHAIN[-1].hash)
PLACES = st.integers(0, LENGTH - 1)


def leaves(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path in a JSON value that leads to something without parts."""
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def edited(body: str, path: tuple[str | int, ...], value: object) -> str:
    data = json.loads(body)
    part = data
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


LEAVES = leaves(json.loads(CHAIN[-1].body))


class TestWhole:
    def test_an_untouched_chain_has_no_problem(self) -> None:
        assert verify_chain(CHAIN) == []
        assert verify_chain(iter(CHAIN), heads=[HEAD]) == []

    def test_an_empty_chain_has_none_either_unless_more_is_known(self) -> None:
        assert verify_chain([]) == []
        assert verify_chain([], heads=[(0, GENESIS)]) == []
        assert verify_chain([], heads=[HEAD]) == ["the chain ends at 0, number 4 is known: truncated."]

    @pytest.mark.parametrize("start", range(1, LENGTH))
    def test_a_part_of_it_is_checked_from_the_decision_before(self, start: int) -> None:
        before = CHAIN[start - 1]
        assert verify_chain(CHAIN[start:], after=(before.sequence, before.hash), heads=[HEAD]) == []
        assert verify_chain(CHAIN[start:], after=(before.sequence, GENESIS)) != []

    def test_begins_at_a_fixed_hash(self) -> None:
        assert GENESIS == "0000000000000000000000000000000000000000000000000000000000000000"

    def test_the_chain_may_have_grown_since_its_head_was_noted(self) -> None:
        assert verify_chain(CHAIN, heads=[(2, CHAIN[1].hash)]) == []


class TestEdited:
    @pytest.mark.parametrize("path", LEAVES, ids=lambda path: ".".join(map(str, path)))
    def test_a_change_of_any_part_of_a_body_is_found(self, path: tuple[str | int, ...]) -> None:
        forged = edited(CHAIN[-1].body, path, "forged")
        chain = [*CHAIN[:-1], replace(CHAIN[-1], body=forged)]
        assert verify_chain(chain) == [f"decision 4 ({CHAIN[-1].decision_id}) does not match its hash: edited."]

    @given(place=PLACES, at=st.integers(0, 10_000), character=st.characters(codec="ascii"))
    def test_a_change_of_any_character_of_a_body_is_found(self, place: int, at: int, character: str) -> None:
        body = CHAIN[place].body
        at %= len(body)
        forged = body[:at] + character + body[at + 1 :]
        chain = [replace(each, body=forged) if each is CHAIN[place] else each for each in CHAIN]
        assert (verify_chain(chain) == []) is (forged == body)

    @given(
        place=PLACES,
        change=st.fixed_dictionaries({"sequence": st.integers(-2, LENGTH + 2)})
        | st.fixed_dictionaries({"decision_id": st.text(max_size=5)})
        | st.fixed_dictionaries({"previous_hash": st.sampled_from([GENESIS, *(each.hash for each in CHAIN)])})
        | st.fixed_dictionaries({"hash": st.sampled_from([GENESIS, *(each.hash for each in CHAIN)])}),
    )
    def test_a_change_of_any_field_beside_the_body_is_found(self, place: int, change: dict[str, Any]) -> None:
        forged = replace(CHAIN[place], **change)
        chain = [forged if each is CHAIN[place] else each for each in CHAIN]
        assert (verify_chain(chain) == []) is (forged == CHAIN[place])

    @given(place=st.integers(0, LENGTH - 2))
    def test_one_that_was_sealed_anew_breaks_with_the_next(self, place: int) -> None:
        body = {**json.loads(CHAIN[place].body), "branch": "rebook"}
        forged = seal(body, sequence=place + 1, previous_hash=CHAIN[place].previous_hash)
        problems = verify_chain([*CHAIN[:place], forged, *CHAIN[place + 1 :]])
        assert problems == [
            f"decision {place + 2} ({CHAIN[place + 1].decision_id}) does not continue {place + 1}: "
            "inserted, or the one before was replaced."
        ]

    @given(place=PLACES)
    def test_a_chain_rewritten_to_its_end_is_found_by_a_head_kept_elsewhere(self, place: int) -> None:
        contents = [json.loads(each.body) for each in CHAIN[place:]]
        contents[0]["branch"] = "rebook"
        before = (place, CHAIN[place - 1].hash if place else GENESIS)
        forged = [*CHAIN[:place], *chained(contents, after=before)]
        assert verify_chain(forged) == []
        assert verify_chain(forged, heads=[HEAD]) == [
            f"decision 4 ({CHAIN[-1].decision_id}) is not the one known as number 4: forked."
        ]

    @pytest.mark.parametrize("body", ["", "[]", "null", '{"decision_id":"dec_other"}', "no json"])
    def test_a_sealed_body_without_the_id_it_is_filed_under_is_found(self, body: str) -> None:
        lure = seal({"decision_id": "dec_1"}, sequence=1, previous_hash=GENESIS)
        fitting = hashlib.sha256(f"{GENESIS}\n1\n{body}".encode()).hexdigest()
        forged = replace(lure, body=body, hash=fitting)
        assert verify_chain([forged]) == ["decision 1 (dec_1) does not match the id in its body: edited."]


class TestMoved:
    @given(gone=st.sets(PLACES, min_size=1))
    def test_whatever_is_taken_out_is_missed(self, gone: set[int]) -> None:
        rest = [each for place, each in enumerate(CHAIN) if place not in gone]
        assert verify_chain(rest, heads=[HEAD]) != []
        only_the_end = gone == set(range(LENGTH - len(gone), LENGTH))
        assert (verify_chain(rest) == []) is only_the_end

    @given(order=st.permutations(range(LENGTH)))
    def test_any_other_order_is_found(self, order: list[int]) -> None:
        problems = verify_chain([CHAIN[place] for place in order])
        assert (problems == []) is (list(order) == sorted(order))

    @given(place=PLACES, at=st.integers(0, LENGTH))
    def test_one_that_stands_there_twice_is_found(self, place: int, at: int) -> None:
        assert verify_chain([*CHAIN[:at], CHAIN[place], *CHAIN[at:]]) != []

    @given(at=st.integers(0, LENGTH - 1))
    def test_one_that_was_put_in_is_found(self, at: int) -> None:
        previous = CHAIN[at - 1].hash if at else GENESIS
        strange = seal({"decision_id": "dec_strange"}, sequence=at + 1, previous_hash=previous)
        assert verify_chain([*CHAIN[:at], strange, *CHAIN[at:]]) != []

    def test_one_that_follows_under_the_number_of_the_one_before_is_found(self) -> None:
        twin = seal({"decision_id": "dec_twin"}, sequence=LENGTH, previous_hash=CHAIN[-1].hash)
        assert verify_chain([*CHAIN, twin]) == ["decision 4 (dec_twin) stands after 4: reordered, or inserted."]

    def test_each_problem_names_the_decision_and_what_may_have_happened(self) -> None:
        assert verify_chain([CHAIN[0], CHAIN[2], CHAIN[1]]) == [
            f"decision 3 ({CHAIN[2].decision_id}) follows 1: deleted between them, or reordered.",
            f"decision 2 ({CHAIN[1].decision_id}) stands after 3: reordered, or inserted.",
        ]
