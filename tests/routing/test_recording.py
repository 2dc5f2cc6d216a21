from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.canonical import canonical_json
from routing.facts import Malformed, Unknown
from routing.recording import decode_facts, encode_facts

TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
SCALARS = (
    st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20)
    | TIMES
)
COLUMN = st.text(max_size=8).filter(lambda name: not name.startswith("$"))
FACTS = st.dictionaries(
    st.text(max_size=10),
    SCALARS
    | st.builds(Unknown, st.text())
    | st.builds(Malformed, st.text())
    | st.lists(st.dictionaries(COLUMN, SCALARS, max_size=3), max_size=3).map(tuple),
)


def through_text(facts: dict[str, Any]) -> dict[str, object]:
    return decode_facts(json.loads(canonical_json(encode_facts(facts))))


class TestEncodeFacts:
    @given(FACTS)
    def test_loses_nothing(self, facts: dict[str, Any]) -> None:
        again = through_text(facts)
        assert again == facts
        assert {name: type(value) for name, value in again.items()} == {name: type(v) for name, v in facts.items()}

    def test_keeps_a_number_that_is_none(self) -> None:
        again = through_text({"x": float("nan"), "y": float("-inf")})
        assert isnan(again["x"])  # type: ignore[arg-type]
        assert again["y"] == float("-inf")

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ({1, 2}, "a value of type set"),
            (datetime(2026, 3, 1), "a time without a zone"),  # noqa: DTZ001
            (2**70, "an integer beyond 64 bits"),
        ],
    )
    def test_says_what_was_found_where_there_is_no_fact(self, value: object, found: str) -> None:
        assert through_text({"x": value}) == {"x": Malformed(found)}

    def test_keeps_unknowns_inside_rows(self) -> None:
        rows = ({"a": Unknown("why")}, Malformed("a hole"))
        assert through_text({"x": rows}) == {"x": rows}
