"""What a model has learnt from: between which values of its features. Far outside of them it knows nothing.

Trees answer for any number with their outermost leaf, as if it were the last they have seen. A weight in grams, a
promise before the departure or a carrier that has told nothing for far longer than ever get no risk, but the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature

Floats = NDArray[np.float64]

OUT_OF_RANGE = 10.0
"""A number counts as out of range above so many times the highest learnt from, or below the lowest by that share: it is
in other units then, or of another trade. Goods are worth three times the dearest of last year now and then."""
OUT_OF_DATE, DAYS_OF_SILENCE = 3.0, 3.0
"""What is known of a carrier counts as out of date after so many times the longest silence learnt from, but not before
so many days."""
SILENCE = "carrier_silent_hours"

OF_A_SHIPMENT = ("planned_transit_hours", "distance_km", "weight_kg", "pieces", "value", SILENCE)
"""What is looked at of a shipment: what its plan says, and how long its carrier has told nothing of any."""
OF_A_LINE = ("needed", "on_hand")
"""What is looked at of an order line."""


@dataclass(frozen=True, slots=True)
class Range:
    """Lowest and highest value of one feature that was learnt from, and the column in which it stands.

    Attributes
    ----------
    least, most
        What is not out of range yet.
    """

    feature: Feature
    column: int
    low: float
    high: float
    least: float
    most: float

    @classmethod
    def of(cls, feature: Feature, column: int, low: float, high: float) -> Range:
        """Tell how far from what was learnt a value may be."""
        least = low / OUT_OF_RANGE if low > 0 else low * OUT_OF_RANGE
        silent = max(high * OUT_OF_DATE, DAYS_OF_SILENCE * 24.0)
        return cls(feature, column, low, high, least, silent if feature.name == SILENCE else high * OUT_OF_RANGE)


@dataclass(frozen=True, slots=True)
class Learnt:
    """Ranges of the features that are looked at; one that was never known is not among them."""

    ranges: tuple[Range, ...] = ()

    @classmethod
    def of(cls, values: Floats, features: Sequence[Feature], looked_at: Sequence[str]) -> Learnt:
        """Look at the cases that a model is fitted on: float64 [n, len(features)], NaN where unknown."""
        found = {}
        for place, feature in enumerate(features):
            known = values[~np.isnan(values[:, place]), place] if feature.name in looked_at else ()
            if len(known):
                found[feature.name] = (float(np.min(known)), float(np.max(known)))
        return cls.read(found, features)

    @classmethod
    def read(cls, written: Mapping[str, Sequence[float]], features: Sequence[Feature]) -> Learnt:
        """Return what was written, of a model of these features."""
        return cls(
            tuple(
                Range.of(feature, place, *written[feature.name])
                for place, feature in enumerate(features)
                if feature.name in written
            )
        )

    def written(self) -> dict[str, list[float]]:
        """Return it as plain JSON values."""
        return {each.feature.name: [each.low, each.high] for each in self.ranges}

    def is_beyond(self, values: Floats) -> NDArray[np.bool_]:
        """Tell which rows have a value out of range: bool [n] from float64 [n, number of features]."""
        found = np.zeros(len(values), dtype=bool)
        for each in self.ranges:
            column = values[:, each.column]
            found |= (column < each.least) | (column > each.most)  # what is unknown is neither
        return found

    def told(self, values: Floats) -> tuple[str, ...]:
        """Return in words what of one row is out of range: float64 [number of features]; empty if nothing is."""
        found = []
        for each in self.ranges:
            value = float(values[each.column])
            if value < each.least or value > each.most:
                found.append(_words(each, value))
        return tuple(found)


NOTHING_NOTED = Learnt()
"""Of a model of which nobody has noted what it learnt from: nothing is out of range."""


def _words(of: Range, value: float) -> str:
    if of.feature.name == SILENCE:
        return (
            f"what is known of the carrier is out of date: it has told of no departure and no delivery for "
            f"{value:,.0f} hours, and the longest silence that was learnt from is {of.high:,.0f}"
        )
    return (
        f"out of range: {of.feature.meaning} is {value:,.10g} {of.feature.unit}, and what was learnt from lies between "
        f"{of.low:,.10g} and {of.high:,.10g}"
    )
