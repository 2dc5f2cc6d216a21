"""Errors of recommending."""

from __future__ import annotations

from serving.errors import ServingError


class LineValueError(ServingError):
    """What a line of a known order is worth is not known, or in another currency than the bundle reckons in."""

    def __init__(self, order_id: str, line_id: str, found: str | None, expected: str) -> None:
        said = "says no value of a unit" if found is None else f"is in {found}"
        super().__init__(
            f"Line {line_id} of order '{order_id}' {said}, and the bundle in force reckons in {expected}, so nothing "
            f"can be compared. Send its `freight.order` event with unit_value_minor in {expected}, or bring lines and "
            f"nodes in the request."
        )
