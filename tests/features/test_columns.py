"""Numbered columns: plain ints, counted and walked through like an enumeration."""

import pytest

from features.columns import Columns
from features.legs import Time


def test_are_plain_ints_in_order() -> None:
    assert type(Time.PLANNED) is int
    assert [*Time] == list(range(len(Time)))


def test_that_leave_a_number_out_are_refused() -> None:
    with pytest.raises(ValueError, match=r"columns of Gap are numbered \(0, 2\)"):
        type(Columns)("Gap", (Columns,), {"ONE": 0, "OTHER": 2})
