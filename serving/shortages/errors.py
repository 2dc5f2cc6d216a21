"""Errors of judging order lines."""

from __future__ import annotations

from collections.abc import Sequence

from serving.errors import NothingToDecideError, ServingError

_NAMED = 5


class NoLinesError(ServingError):
    """There is no order line to judge."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"There is no order line to judge: {found}. Import orders and warehouse tasks, or name another wave."
        )


class NoShortageModelError(ServingError):
    """The service was not started to judge shortages."""

    def __init__(self) -> None:
        super().__init__(
            "No model of shortages is loaded, so orders and stock are kept but not learnt here. Start the service with "
            "--shortage-model, the name of a registered model or the folder of its bundle."
        )


class UnknownLinesError(ServingError):
    """A question about order lines that nobody sent, or that were not known then."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        self.lines = tuple(lines)
        named = ", ".join(f"{line} of order '{order}'" for order, line in self.lines[:_NAMED])
        more = f" and {len(self.lines) - _NAMED} more" if len(self.lines) > _NAMED else ""
        super().__init__(f"Order lines {named}{more} are unknown. Send their `freight.order` event first.")


class LineDoneError(NothingToDecideError):
    """An order line that needs nothing more, or of which every pick is over."""

    def __init__(self, order_id: str, line_id: str) -> None:
        super().__init__(
            f"Line {line_id} of order '{order_id}' does not wait to be picked any more, so there is nothing left to "
            f"decide about it."
        )


class UnknownOrderError(ServingError):
    """A question about an order of which no line is known."""

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        super().__init__(f"No line of order '{order_id}' is known. Send its `freight.order` event first.")


class UnknownWaveError(ServingError):
    """A question about a wave in which no known line is picked."""

    def __init__(self, wave_id: str) -> None:
        self.wave_id = wave_id
        super().__init__(
            f"No pick of a known order line names wave '{wave_id}'. Send the `freight.order` events of its orders and "
            f"the `freight.warehouse.task` events of its picks, with order_id, line_id and wave_id."
        )


class UnknownPlaceError(ServingError):
    """A question about a place of which nothing was told."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"No order line, pick or stock of place '{place}' is known. Send its events first, or name another place."
        )


class TooManyLinesError(ServingError):
    """A question about more order lines than are judged at once."""

    def __init__(self, found: int, most: int) -> None:
        super().__init__(f"{found:,} order lines are asked about, at most {most:,} are judged at once. Ask by parts.")
