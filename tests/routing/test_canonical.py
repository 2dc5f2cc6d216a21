from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum, StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.canonical import canonical_json, digest, jsonable, rfc3339
from routing.errors import NotJsonError

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Share(float):
    """A float of another library."""

    def __repr__(self) -> str:
        return f"Share({float(self)})"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes() | st.dates()
    | st.datetimes(timezones=st.timezones()) | st.sampled_from([*Colour, *Size, Share(0.5), Share("nan"), {1}, {1: 2}]),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner)
    | st.dictionaries(st.text() | st.sampled_from([Colour.RED, Size.BIG, None, 1, True]), inner, max_size=4)
    | st.dictionaries(st.text(), inner, max_size=4).map(MappingProxyType),
    max_leaves=8,
)  # fmt: skip


class TestRfc3339:
    def test_writes_utc_with_a_z(self) -> None:
        berlin = timezone(timedelta(hours=2))
        assert rfc3339(datetime(2026, 3, 1, 14, 0, 0, 250, tzinfo=berlin)) == "2026-03-01T12:00:00.000250Z"

    def test_tells_the_two_hours_apart_that_the_clocks_show_twice(self) -> None:
        first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
        assert rfc3339(first) == "2026-10-25T00:30:00Z"
        assert rfc3339(first.replace(fold=1)) == "2026-10-25T01:30:00Z"


class TestCanonicalJson:
    @given(ANY_JSON)
    def test_reads_back_as_the_same_value(self, value: object) -> None:
        assert json.loads(canonical_json(value)) == value

    @given(ANY_JSON)
    def test_is_the_same_text_when_written_again(self, value: object) -> None:
        text = canonical_json(value)
        assert canonical_json(json.loads(text)) == text
        assert text.isascii()

    @given(ANYTHING)
    def test_writes_or_refuses_whatever_it_is_given_as_plain_json_is_written(self, value: object) -> None:
        try:
            plain = jsonable(value)
        except NotJsonError as refused:
            with pytest.raises(NotJsonError, match=re.escape(str(refused))):
                canonical_json(value)
        else:
            assert canonical_json(value) == json.dumps(plain, sort_keys=True, separators=(",", ":"))

    @given(st.dictionaries(st.text(), st.integers()))
    def test_does_not_depend_on_the_order_of_keys(self, value: dict[str, int]) -> None:
        assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)

    def test_keeps_an_integer_apart_from_a_float(self) -> None:
        assert canonical_json([1, 1.0, 0.1]) == "[1,1.0,0.1]"

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (0.1 + 0.2, "0.30000000000000004"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (123456789012345.6, "123456789012345.6"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2**53 + 1, "9007199254740993"),
            (-(2**70), "-1180591620717411303424"),
            (True, "true"),
            (Share(0.5), "0.5"),
            (Size.BIG, "3"),
        ],
    )
    def test_writes_the_shortest_number_that_reads_back_equal(self, number: float, text: str) -> None:
        assert canonical_json(number) == text
        assert json.loads(text) == number

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_loses_no_bit_of_a_float(self, number: float) -> None:
        assert json.loads(canonical_json(number)).hex() == number.hex()

    def test_writes_times_dates_members_and_tuples_as_plain_json(self) -> None:
        value = {"at": datetime(2026, 3, 1, tzinfo=UTC), "on": date(2026, 3, 1), "is": (Colour.RED, Size.BIG, True)}
        assert canonical_json(value) == '{"at":"2026-03-01T00:00:00Z","is":["red",3,true],"on":"2026-03-01"}'

    def test_survives_half_a_surrogate_pair(self) -> None:
        assert json.loads(canonical_json("\ud800")) == "\ud800"

    @pytest.mark.parametrize(
        ("value", "where", "found"),
        [
            ({"a": [1.0, float("nan")]}, r"the value\.a\[1\]", "nan"),
            (float("inf"), "the value", "inf"),
            (datetime(2026, 3, 1), "the value", "without a zone"),  # noqa: DTZ001
            ({1: 2}, "the value", "the key 1"),
            ([({None: 2},)], r"the value\[0\]\[0\]", "the key None"),
            ({"a": {2}}, r"the value\.a", "a set"),
        ],
    )
    def test_refuses_what_json_has_no_word_for(self, value: object, where: str, found: str) -> None:
        with pytest.raises(NotJsonError, match=f"^{where} is .*{found}"):
            canonical_json(value)


class TestJsonable:
    def test_takes_any_mapping_and_returns_builtin_types_only(self) -> None:
        class Odd(Mapping[str, object]):
            def __getitem__(self, key: str) -> object:
                return Colour.RED

            def __iter__(self):  # type: ignore[no-untyped-def]
                return iter(["a"])

            def __len__(self) -> int:
                return 1

        plain = jsonable(Odd())
        assert plain == {"a": "red"}
        assert type(plain["a"]) is str  # type: ignore[index]


class TestDigest:
    def test_is_a_sha256_of_the_canonical_text(self) -> None:
        assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

    def test_changes_with_the_value(self) -> None:
        assert digest({"a": 1}) != digest({"a": 1.0})
