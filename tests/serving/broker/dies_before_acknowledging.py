"""`triage`, killed by SIGKILL in the moment between a commit and the acknowledgement."""

from __future__ import annotations

import os
import signal

from serving.broker.consuming import Consumer, Delivery
from serving.broker.messages import Handled
from serving.cli import main


async def die(_consumer: Consumer, _delivery: Delivery, _handled: Handled) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


if __name__ == "__main__":
    Consumer._settle = die  # type: ignore[method-assign]
    main()
