"""What lies outside of what a model has learnt from, in rows and in words."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from features.definitions import FEATURES, NAMES
from features.inventory.features import INVENTORY_FEATURES, INVENTORY_NAMES
from models.learnt import OF_A_LINE, OF_A_SHIPMENT, Learnt


def row(**given: float) -> np.ndarray:
    values = np.full(len(NAMES), nan)
    for name, value in given.items():
        values[NAMES.index(name)] = value
    return values


def learnt_from(*rows: np.ndarray) -> Learnt:
    return Learnt.of(np.array(rows), FEATURES, OF_A_SHIPMENT)


class TestLearnt:
    learnt = learnt_from(
        row(weight_kg=2.0, planned_transit_hours=10.0, carrier_silent_hours=0.0, overdue_minutes=5.0),
        row(weight_kg=900.0, planned_transit_hours=80.0, carrier_silent_hours=30.0),
    )

    def test_what_is_looked_at_are_features(self) -> None:
        assert set(OF_A_SHIPMENT) <= set(NAMES)
        assert set(OF_A_LINE) <= set(INVENTORY_NAMES)

    @pytest.mark.parametrize(
        ("name", "value", "is_beyond"),
        [
            ("weight_kg", 0.2, False),
            ("weight_kg", 0.19, True),
            ("weight_kg", 9000.0, False),
            ("weight_kg", 9000.1, True),
            ("weight_kg", inf, True),
            ("weight_kg", nan, False),
            ("planned_transit_hours", -3.0, True),
            ("carrier_silent_hours", 90.0, False),
            ("carrier_silent_hours", 91.0, True),
            ("pieces", 1e9, False),
            ("overdue_minutes", 1e9, False),
        ],
    )
    def test_far_beyond_what_it_learnt_is_out_of_range(self, name: str, value: float, is_beyond: bool) -> None:
        values = row(**{name: value})
        assert bool(self.learnt.told(values)) is is_beyond
        assert self.learnt.is_beyond(values.reshape(1, -1)).tolist() == [is_beyond]

    def test_a_silence_of_less_than_three_days_is_never_out_of_date(self) -> None:
        busy = learnt_from(row(carrier_silent_hours=0.0), row(carrier_silent_hours=2.0))
        assert [bool(busy.told(row(carrier_silent_hours=hours))) for hours in (72.0, 72.1)] == [False, True]

    def test_it_says_what_is_out_of_range_and_what_it_learnt_from(self) -> None:
        assert self.learnt.told(row(weight_kg=9e5)) == (
            "out of range: weight is 900,000 kg, and what was learnt from lies between 2 and 900",
        )

    def test_a_silent_carrier_makes_what_is_known_out_of_date(self) -> None:
        (told,) = self.learnt.told(row(carrier_silent_hours=500.0))
        assert told.startswith("what is known of the carrier is out of date")
        assert told.endswith("for 500 hours, and the longest silence that was learnt from is 30")

    def test_it_is_read_as_it_was_written(self) -> None:
        assert Learnt.read(self.learnt.written(), FEATURES) == self.learnt

    def test_of_an_order_line_quantities_are_looked_at(self) -> None:
        values = np.ones((2, len(INVENTORY_NAMES)))
        learnt = Learnt.of(values, INVENTORY_FEATURES, OF_A_LINE)
        values[0, INVENTORY_NAMES.index("needed")] = 10.1
        assert learnt.is_beyond(values).tolist() == [True, False]
