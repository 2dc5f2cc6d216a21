"""Starting the real receiver and the real worker as processes of their own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.routing.dispatch.fakes import SECRET

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def receiver(log: Path, *options: str) -> Iterator[str]:
    """Run `python -m serving.receiver`; yield its address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "serving.receiver", "--port", str(port), "--secret", SECRET.text()]
    process = subprocess.Popen([*command, "--log", str(log), *options], cwd=ROOT)
    try:
        _wait_until_up(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def start_worker(database_url: str, receiver_url: str, *options: str) -> subprocess.Popen[str]:
    """Run `python -m serving.worker` on a receiver, with short waits."""
    return start_worker_on(database_url, f"{receiver_url}/calls", "--allow-private", *options)


def start_worker_on(database_url: str, target_url: str, *options: str) -> subprocess.Popen[str]:
    """Run `python -m serving.worker` on any target, with short waits."""
    command = [sys.executable, "-m", "serving.worker", "--database", database_url, "--secret", SECRET.text()]
    command += ["--target-url", target_url, "--poll-seconds", "0.02"]
    return subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def effects(log: Path) -> list[dict[str, str]]:
    """Return every effect on file, in order; a line that is still being written is left out."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def summary(receiver_url: str) -> dict[str, Any]:
    """Return what the receiver says of itself."""
    with urlopen(f"{receiver_url}/effects", timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def wait_for_effects(log: Path, number: int, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not log.exists() or log.read_bytes().count(b"\n") < number:
        assert time.monotonic() < deadline, f"only {len(effects(log))} of {number} effects came"
        time.sleep(0.004)


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        assert process.poll() is None, "the receiver ended by itself"
        try:
            with urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                return
        except (URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, "the receiver does not answer"
            time.sleep(0.02)
