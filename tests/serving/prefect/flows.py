"""Flows that take calls, served to a Prefect server from its own environment. How a run ends follows its shipment."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from prefect import flow, serve


@flow(name="rebook-shipment")
def rebook(call: dict[str, Any]) -> None:
    """Book, or fail, hang or die in the middle of it."""
    shipment = call["subject"]
    if shipment == "SH-FAILS":
        raise RuntimeError("the carrier did not answer")
    if shipment == "SH-HANGS":
        time.sleep(600)
    if shipment == "SH-DIES":
        os.kill(os.getpid(), signal.SIGKILL)


@flow(name="cancel-booking")
def cancel(call: dict[str, Any]) -> None:
    """Undo what a run may have booked, which the call names."""
    if not call["data"]["undoes"] or not call["data"]["reference"]:
        raise ValueError("nothing to undo is named")


if __name__ == "__main__":
    serve(rebook.to_deployment("test"), cancel.to_deployment("test"))
