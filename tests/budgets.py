"""The bundles that ship without their budgets and rests, for tests that give a bundle some of their own."""

from __future__ import annotations

from typing import Any


def without_budgets(data: dict[str, Any]) -> dict[str, Any]:
    """Take budgets and rests out of the data of a bundle, in place, and return it."""
    data.pop("capacity", None)
    for terms in data["branches"].values():
        terms.pop("uses", None)
        terms.pop("cool_down", None)
    return data
