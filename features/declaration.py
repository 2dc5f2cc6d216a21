"""How a feature is declared: once, with everything a reader or an auditor asks of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One model input.

    Attributes
    ----------
    name, unit, meaning
        `meaning` is a noun phrase in plain words; explanations use it.
    source
        The canonical tables that it is computed from.
    window
        How far back it looks, e.g. "24h"; empty when it looks at the present.
    owner
        The role that answers for it.
    """

    name: str
    unit: str
    meaning: str
    source: str
    owner: str
    window: str = ""
    dtype: str = "float64"
