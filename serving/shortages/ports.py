"""What judging shortages asks of the feature state."""

from __future__ import annotations

from typing import Protocol

from features.inventory.live.stock import LiveStock


class KnowsStock(Protocol):
    """See `features.state.State`."""

    @property
    def stock(self) -> LiveStock | None:
        """All that is known of orders and stock, None where nobody judges shortages."""
        ...
