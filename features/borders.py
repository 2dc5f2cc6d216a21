"""Borders between countries, by ISO 3166-1 alpha-2 code."""

from __future__ import annotations

import numpy as np

_CUSTOMS_UNION = frozenset(
    [
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU"),
        *("LV", "MC", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    ]
)
"""The customs territory of the European Union, with Monaco."""
_IN_TERRITORY_OF = {"LI": "CH", "IM": "GB", "GG": "GB", "JE": "GB"}


def crosses_border(one: str | None, other: str | None) -> float:
    """Return 1 if two countries differ, else 0; NaN if one is not known."""
    return np.nan if one is None or other is None else float(one != other)


def crosses_customs(one: str | None, other: str | None) -> float:
    """Return 1 if goods between two countries pass customs, else 0; NaN if one is not known."""
    return crosses_border(_territory(one), _territory(other))


def _territory(country: str | None) -> str | None:
    if country is None:
        return None
    return "EU" if country in _CUSTOMS_UNION else _IN_TERRITORY_OF.get(country, country)
