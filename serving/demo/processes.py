"""The demo's processes: each part of the system runs as it would for real, as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep
from types import FrameType, TracebackType
from typing import Any, Self

import httpx

from serving.errors import ServingError


class DemoError(ServingError):
    """A part of the demo ended before its time."""

    def __init__(self, part: str, log: Path) -> None:
        self.part = part
        self.log = log
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]) if log.exists() else ""
        super().__init__(f"The demo's {part} ended before its time. The end of {log}:\n{tail}")


class DemoSilentError(ServingError):
    """A part of the demo runs and does not answer."""

    def __init__(self, part: str, seconds: float, log: Path) -> None:
        self.part = part
        self.log = log
        super().__init__(
            f"The demo's {part} did not answer within {seconds:g} seconds. Is the machine busy? See {log}."
        )


class DemoFolderError(ServingError):
    """The demo would empty a folder that is not its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"{folder} holds files that no demo wrote. The demo empties its folder first: give an empty one with --out."
        )


class Processes:
    """Starts parts, waits until they answer, and ends them all on leaving.

    Whoever tells this process to end (SIGTERM, SIGHUP) has it leave in order, with status 128 and the number of the
    signal: at once, but not in the middle of a start, when nobody would know yet what is to be ended.

    Parameters
    ----------
    logs
        Folder that keeps what each part prints.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._stack = ExitStack()
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._is_starting = False
        self._told_to_end: int | None = None
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Begin."""
        for told in (signal.SIGTERM, signal.SIGHUP):
            before = signal.signal(told, self._end)
            self._stack.callback(signal.signal, told, before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every part, the newest first."""
        for process in reversed(self.running.values()):
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._stack.close()

    def run(self, part: str, arguments: Sequence[str]) -> None:
        """Run a part to its end; its progress goes to the terminal.

        Raises
        ------
        DemoError
            If it fails.
        """
        log = self._logs / f"{part}.log"
        with log.open("wb") as output:
            status = self._started(part, arguments, stdout=output).wait()
        del self.running[part]
        if status:
            raise DemoError(part, log)

    def start(self, part: str, arguments: Sequence[str], secrets: Mapping[str, str] | None = None) -> None:
        """Start a part that runs until the demo ends; `secrets` go to its environment, unseen."""
        output = self._stack.enter_context((self._logs / f"{part}.log").open("wb"))
        environment = {**os.environ, **(secrets or {})}
        self._started(part, arguments, stdout=output, stderr=subprocess.STDOUT, env=environment)

    def _started(self, part: str, arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        self._is_starting = True
        try:
            command = [sys.executable, "-m", *arguments]
            started = self.running[part] = subprocess.Popen(command, **options)  # noqa: S603  our own modules
        finally:
            self._is_starting = False
        if self._told_to_end is not None:
            sys.exit(128 + self._told_to_end)
        return started

    def _end(self, told: int, _frame: FrameType | None) -> None:
        if self._is_starting:
            self._told_to_end = told
        else:
            sys.exit(128 + told)

    def check(self) -> None:
        """Raise if a part that should run does not."""
        for part, process in self.running.items():
            if process.poll() is not None:
                raise DemoError(part, self._logs / f"{part}.log")

    def wait_for(self, part: str, url: str, *, seconds: float = 600.0, sleep_: Callable[[float], None] = sleep) -> None:
        """Wait until a part answers at its address.

        Raises
        ------
        DemoError, DemoSilentError
            If a part ends meanwhile, or this one does not answer in time.
        """
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            self.check()
            try:
                if httpx.get(url, timeout=2.0).is_success:
                    return
            except httpx.TransportError:
                pass
            sleep_(0.1)
        raise DemoSilentError(part, seconds, self._logs / f"{part}.log")


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
