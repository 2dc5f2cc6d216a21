"""Which way a feature may move the risk of a shortage: more that is free never raises it, more that is needed never
lowers it.
"""

from __future__ import annotations

from features.inventory.features import INVENTORY_NAMES

_RAISES = frozenset({"shortfall", "lacks_on_hand", "unreserved_ahead"})
_LOWERS = frozenset({"free", "free_to_needed", "free_after_ahead", "days_of_cover"})


def shortage_directions(names: tuple[str, ...] = INVENTORY_NAMES) -> list[int]:
    """Return 1 for each feature that may only raise the risk, -1 for one that may only lower it, 0 for any other."""
    return [1 if name in _RAISES else -1 if name in _LOWERS else 0 for name in names]
