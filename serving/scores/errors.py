"""Errors of scoring shipments."""

from __future__ import annotations

from serving.errors import ServingError


class NoDelayModelError(ServingError):
    """The service was not started to score shipments."""

    def __init__(self) -> None:
        super().__init__(
            "No model of lateness is loaded, so no shipment is scored here, and decisions send every case to a person. "
            "Train one with `triage train delay`, and start the service with --tracking-uri and --model, its name."
        )
