"""Errors of judging order lines."""

from __future__ import annotations

from serving.errors import ServingError


class NoLinesError(ServingError):
    """There is no order line to judge."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"There is no order line to judge: {found}. Import orders and warehouse tasks, or name another wave."
        )
