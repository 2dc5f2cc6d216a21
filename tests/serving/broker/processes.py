"""Real consumers as processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
TRIAGE = "serving"
DIES_BEFORE_IT_ACKNOWLEDGES = "tests.serving.broker.dies_before_acknowledging"


@contextmanager
def consumer(*arguments: str, program: str = TRIAGE) -> Iterator[subprocess.Popen[str]]:
    """Run `triage consume …`; it is killed on leaving if it still runs."""
    command = [sys.executable, "-m", program, "consume", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{condition} did not come true in {seconds} s"
        time.sleep(0.02)
