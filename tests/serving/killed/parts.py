"""The parts of the service as processes that are killed and started again, again and again.

A fork server that has imported everything starts them: each is a process of its own all the same, running the very
command of `triage`, and is there in a moment.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from serving.clock import SystemClock
from tests.routing.dispatch.fakes import SECRET
from tests.serving.house import NOW

_FORKED = multiprocessing.get_context("forkserver")
_FROZEN = "tests.serving.killed.frozen"
_FORKED.set_forkserver_preload(["serving.cli", "serving.app", "serving.bootstrap", "training.cli", "uvicorn", _FROZEN])
APIS = 2
_POLICY = Path(__file__).parent / "policy.yaml"
_DELIVERY = (
    *("--timeout-seconds", "0.5", "--lease-seconds", "1", "--max-attempts", "8", "--poll-seconds", "0.02"),
    *("--first-wait-seconds", "0.02", "--longest-wait-seconds", "0.1", "--breaker-threshold", "1000"),
)


class Part:
    """One command of `triage`, with what it prints in a file."""

    def __init__(self, log: Path, *arguments: str) -> None:
        self.log = log
        self.arguments = arguments
        self.kills = 0
        self._process: BaseProcess | None = None

    @property
    def process(self) -> BaseProcess:
        assert self._process is not None, "not started yet"
        return self._process

    def start(self) -> None:
        self._process = _FORKED.Process(target=_run, args=(self.log, self.arguments), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """Kill it (SIGKILL) and see it dead. It must have been alive."""
        self.send_kill()
        self.process.join(20)
        assert self.process.exitcode == -signal.SIGKILL, self.log.read_text(encoding="utf-8")[-4000:]
        self.kills += 1

    def send_kill(self) -> None:
        """Send SIGKILL, and do not wait for it."""
        self.process.kill()

    def stop(self) -> None:
        """Kill it if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.join(20)

    def run(self, seconds: float) -> None:
        """Run it to its end, which must be a good one."""
        self.start()
        self.process.join(seconds)
        assert self.process.exitcode == 0, self.log.read_text(encoding="utf-8")[-4000:]


class Service:
    """Two processes of the API and a worker, beside each other on one database.

    Parameters
    ----------
    messages
        How many customers may be told.
    times
        Options of every part that tell what time it is.
    """

    def __init__(
        self,
        database_url: str,
        receiver_url: str,
        folder: Path,
        *,
        messages: int,
        ports: Sequence[int],
        times: Sequence[str],
    ) -> None:
        policy = folder / "policy.yaml"
        policy.write_text(_POLICY.read_text("utf-8").replace("amount: 8,", f"amount: {messages},"), "utf-8")
        shared = ("--database", database_url, *times)
        self.urls = [url_at(port) for port in ports]
        serving = ("serve", "--policy", f"{policy}", "--claim-minutes", "0.02", *shared)
        self.apis = [
            Part(folder / f"api-{number}.log", *serving, "--port", f"{port}") for number, port in enumerate(ports)
        ]
        calling = ("--target-url", f"{receiver_url}/calls", "--secret", SECRET.text(), "--allow-private")
        self.worker = Part(folder / "worker.log", "worker", *calling, *shared, *_DELIVERY)
        self.last_worker = Part(folder / "last-worker.log", *self.worker.arguments, "--until-empty")

    @contextmanager
    def running(self) -> Iterator[None]:
        parts = [*self.apis, self.worker]
        try:
            for part in parts:
                part.start()
            yield
        finally:
            for part in (*parts, self.last_worker):
                part.stop()


def url_at(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def times_from_now() -> tuple[str, ...]:
    """Return the options by which the business's time is NOW at this moment, and goes on at the real pace."""
    return ("--simulated-from", NOW.isoformat(), "--real-epoch", SystemClock().now().isoformat())


def _run(log: Path, arguments: Sequence[str]) -> None:
    from serving.cli import main

    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["triage", *arguments]
    main()
