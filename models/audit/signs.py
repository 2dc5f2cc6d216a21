"""Signs that something is wrong with a bill which no rule can prove: how unusual each is, and how much money it means.

Signs are p-values: the share of usual bills on which they are at least as strong. Their logarithms add up to one
measure of how unusual a bill is (Fisher, 1925), which needs no label of any error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.invoice import INVOICE_NAMES
from models.audit.expected import Expectation, Floats, Scale
from models.audit.facts import WORDS, Facts, log_of

SIGNS: Mapping[str, str] = {
    "line_haul": "the line haul is above what such loads cost",
    "beside_freight": "the charges beside the freight are above what such loads have",
    "weight": "the weight is high for the pieces and the volume",
    "fuel_week": "the fuel surcharge is not that of others in the week",
    "fuel_arithmetic": "the fuel surcharge is more than its percentage of the line haul",
    "twin": "it agrees with an earlier bill for another shipment",
    "repeated_line": "a line stands on it more than once",
    "charge_rise": "the carrier bills one of its charges more often than others do",
    "rare_charge": "few bills have one of its charges",
}
_BY_FEATURE = {
    "twin": ("near_twins_before", 1.0),
    "repeated_line": ("repeated_lines_minor", 1.0),
    "charge_rise": ("charge_rise_28d", 1.0),
    "rare_charge": ("rarest_charge_share_90d", -1.0),
}
ROUNDING_MINOR = 2.0


@dataclass(frozen=True, slots=True)
class WeightByVolume:
    """Log weight as a straight line in log pieces and log volume (median regression, Koenker and Bassett, 1978)."""

    intercept: float
    by_pieces: float
    by_volume: float

    def log_weight(self, facts: Facts) -> Floats:
        """Return the expected log weight; NaN where pieces or volume are not told."""
        return np.asarray(
            self.intercept + self.by_pieces * facts.number("log_pieces") + self.by_volume * facts.number("log_volume")
        )


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of bills."""

    vocabulary: Mapping[str, list[str]]
    line_haul: Expectation
    beside_freight: Expectation
    weight: WeightByVolume

    def strengths(self, facts: Facts, values: Floats) -> dict[str, Floats]:
        """Return how strong each sign is: float64 [n] each, in units of its own; minus infinity where it is not told.

        Parameters
        ----------
        values : float64 [n, len(INVOICE_FEATURES)]
        """
        matrix = facts.matrix(self.vocabulary)
        fuel = column(values, "fuel_arithmetic_minor")
        found = {
            "line_haul": self.line_haul.score(matrix, log_of(facts.haul_minor)),
            "beside_freight": self.beside_freight.score(matrix, facts.beside_minor),
            "weight": facts.number("log_weight") - self.weight.log_weight(facts),
            "fuel_week": np.abs(column(values, "fuel_pct_beside_peers")),
            "fuel_arithmetic": np.where(fuel > ROUNDING_MINOR, fuel / np.maximum(facts.total_minor, 100.0), 0.0),
            **{sign: weight * column(values, name) for sign, (name, weight) in _BY_FEATURE.items()},
        }
        return {sign: np.where(np.isnan(found[sign]), -np.inf, found[sign]) for sign in SIGNS}

    def amounts(self, facts: Facts, values: Floats) -> Floats:
        """Return the money that each sign speaks of, in minor units: float64 [n, len(SIGNS)], not negative."""
        matrix = facts.matrix(self.vocabulary)
        haul = facts.haul_minor - np.exp(self.line_haul.middle(matrix))
        beside = facts.beside_minor - self.beside_freight.middle(matrix)
        lighter = 1.0 - np.exp(self.weight.log_weight(facts) - facts.number("log_weight"))
        fuel = column(values, "fuel_arithmetic_minor")
        found = {
            "line_haul": haul,
            "beside_freight": beside,
            "weight": facts.haul_minor * lighter,
            "fuel_week": facts.haul_minor * column(values, "fuel_pct_beside_peers") / 100.0,
            "fuel_arithmetic": fuel,
            "twin": facts.total_minor,
            "repeated_line": column(values, "repeated_lines_minor"),
            "charge_rise": beside,
            "rare_charge": beside,
        }
        amounts: Floats = np.maximum(np.nan_to_num(np.stack([found[sign] for sign in SIGNS], axis=1)), 0.0)
        return amounts


@dataclass(frozen=True, slots=True)
class SignScales:
    """How usual each strength of each sign is."""

    scales: Mapping[str, Scale]

    @classmethod
    def fit(cls, facts: Facts, strengths: Mapping[str, Floats]) -> SignScales:
        """Learn from bills of a later period than the expectations were learnt from."""
        kept = facts.is_comparable
        groups = carriers(facts)[kept]
        return cls({sign: Scale.fit(strengths[sign][kept], groups if sign in BY_CARRIER else None) for sign in SIGNS})

    def surprise(self, facts: Facts, strengths: Mapping[str, Floats]) -> Floats:
        """Return −log p of each sign: float64 [n, len(SIGNS)]; 0 where a sign is not told or is quite usual."""
        groups = carriers(facts)
        return np.stack(
            [
                -np.log(self.scales[sign].p_values(strengths[sign], groups if sign in BY_CARRIER else None))
                for sign in SIGNS
            ],
            axis=1,
        )


BY_CARRIER = ("line_haul", "beside_freight")
"""Signs whose usual strength is the carrier's own."""


def carriers(facts: Facts) -> NDArray[np.str_]:
    """Return the carrier of each bill."""
    return np.asarray(facts.words[:, WORDS.index("carrier")])


def column(values: Floats, name: str) -> Floats:
    """Return one column of invoice features."""
    return np.asarray(values[:, INVOICE_NAMES.index(name)])
