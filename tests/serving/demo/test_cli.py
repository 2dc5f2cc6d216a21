"""The demo's own promises: it empties no folder but its own, and its summary counts what is there."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from rich.console import Console

from features.vocabulary import SubjectType
from serving.demo.processes import DemoError, Processes
from serving.demo.summary import Summary

ROOT = Path(__file__).parents[3]
GOOD = Summary(
    events=1_834,
    repeats=5,
    rejected=0,
    asked={SubjectType.SHIPMENT: 626, SubjectType.INVOICE: 156, SubjectType.SHORTAGE: 353},
    answered=1_133,
    decisions={
        SubjectType.SHIPMENT: {"none": 485, "review": 103, "notify": 34, "escalate": 2},
        SubjectType.INVOICE: {"approve": 134, "review": 20, "short_pay": 2},
        SubjectType.SHORTAGE: {"none": 339, "review": 14},
    },
    suggested={"split": 18},
    calls={"delivered": 36},
    attempts=42,
    messages=2,
    told_of=7,
    effects=36,
    verified=36,
    repeated_calls=3,
    waiting={SubjectType.SHIPMENT: 103, SubjectType.INVOICE: 20, SubjectType.SHORTAGE: 14},
    at_stake_minor={"EUR": 1_860_260},
    chain_problems=0,
    p50_ms=6.7,
    p99_ms=13.2,
)


def triage(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serving", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def named(folder: Path) -> list[str]:
    """Return the command lines of the processes that name a folder."""
    lines = (process / "cmdline" for process in Path("/proc").glob("[0-9]*"))
    return [line for each in lines if str(folder) in (line := text_of(each))]


def text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended
        return ""


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    until = monotonic() + seconds
    while not is_so():
        assert monotonic() < until
        sleep(0.05)


class TestDemo:
    def test_refuses_a_folder_with_files_of_somebody_else(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("ten years")
        ended = triage("demo", "--once", "--out", str(tmp_path))
        assert ended.returncode == 2
        assert "no demo wrote" in ended.stderr
        assert (tmp_path / "thesis.txt").read_text() == "ten years"

    @pytest.mark.parametrize("asked_to_end", [signal.SIGTERM, signal.SIGHUP])
    def test_ends_what_it_has_started_when_it_is_told_to_end(
        self, tmp_path: Path, asked_to_end: signal.Signals
    ) -> None:
        command = [sys.executable, "-m", "serving", "demo", "--out", str(tmp_path / "demo")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as demo:
            wait_until(lambda: any("simulate" in line for line in named(tmp_path)))
            demo.send_signal(asked_to_end)
            assert demo.wait(60) == 128 + asked_to_end
        assert named(tmp_path) == []

    @pytest.mark.slow
    def test_tells_the_whole_story_by_itself_and_begins_the_next_in_an_empty_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "demo"
        ended = triage("demo", "--once", "--out", str(folder))
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "reported done, each once" in ended.stdout
        of_the_first = sorted(each for each in folder.rglob("*.db") if each.is_file())
        assert of_the_first
        again = [sys.executable, "-m", "serving", "demo", "--once", "--out", str(folder)]
        with subprocess.Popen(again, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as demo:
            wait_until(lambda: any("simulate" in line for line in named(tmp_path)))
            assert [each for each in of_the_first if each.exists()] == []
            demo.terminate()
            assert demo.wait(60) == 128 + signal.SIGTERM


class TestSummary:
    def test_a_good_demo_has_no_faults(self) -> None:
        assert GOOD.faults == []

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"calls": {"delivered": 36, "pending": 1}}, "not settled"),
            ({"calls": {"delivered": 36, "dead": 1}}, "dead letters"),
            ({"effects": 35}, "36 calls are delivered but 35 had their effect"),
            ({"verified": 35}, "36 calls are delivered but 35 are verified"),
            ({"calls": {}, "effects": 0, "verified": 0}, "No call was delivered"),
            ({"waiting": {}}, "Nothing waits"),
            ({"answered": 1_132}, "1132 decisions were answered but 1133"),
            ({"decisions": GOOD.decisions | {SubjectType.INVOICE: {}}, "answered": 977}, "decided about invoices"),
            ({"decisions": GOOD.decisions | {SubjectType.SHORTAGE: {}}, "answered": 780}, "decided about shortages"),
            ({"chain_problems": 1}, "chain of decisions"),
        ],
    )
    def test_names_what_should_not_be(self, change: Mapping[str, Any], word: str) -> None:
        faults = replace(GOOD, **change).faults
        assert len(faults) == 1
        assert word in faults[0]

    def test_draws_every_figure(self) -> None:
        console = Console(width=100, record=True, file=StringIO())
        console.print(GOOD.table())
        drawn = console.export_text()
        for words in (
            "1,834 taken in",
            "ask a person 103",
            "short pay 2",
            "103 shipments, 20 invoices and 14 shortages",
            "split 18",
            "36 calls in 42 attempts",
            "18,602.60 EUR",
            "6.7 ms / 13.2 ms",
        ):
            assert words in drawn


class TestProcesses:
    def test_a_part_that_fails_is_named_with_the_end_of_its_log(self, tmp_path: Path) -> None:
        with Processes(tmp_path) as processes, pytest.raises(DemoError, match="nonsense ended before its time"):
            processes.run("nonsense", ["timeit", "-n", "1", "-r", "1", "raise SystemExit(3)"])

    def test_a_part_that_ends_before_its_time_is_noticed(self, tmp_path: Path) -> None:
        with Processes(tmp_path) as processes:
            processes.start("brief", ["timeit", "-n", "1", "print('gone')"])
            with pytest.raises(DemoError, match="brief ended before its time"):
                processes.wait_for("brief", "http://127.0.0.1:9/", seconds=20)

    def test_parts_are_ended_on_leaving(self, tmp_path: Path) -> None:
        with Processes(tmp_path) as processes:
            processes.start("server", ["http.server", "0", "--bind", "127.0.0.1"])
            running = processes.running["server"]
            processes.check()
        assert running.returncode is not None

    @pytest.mark.parametrize("begin", [Processes.run, Processes.start])
    def test_a_part_that_was_just_being_started_when_the_end_was_asked_for_is_ended_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., None]
    ) -> None:
        started: list[subprocess.Popen[bytes]] = []

        class ToldToEnd(subprocess.Popen):  # type: ignore[type-arg]  # it is not generic while it runs
            def __init__(self, *command: Any, **options: Any) -> None:
                super().__init__(*command, **options)
                started.append(self)
                signal.raise_signal(signal.SIGTERM)

        monkeypatch.setattr(subprocess, "Popen", ToldToEnd)
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended, Processes(tmp_path) as processes:
            begin(processes, "server", ["http.server", "0", "--bind", "127.0.0.1"])
        assert ended.value.code == 128 + signal.SIGTERM
        assert [each.returncode is not None for each in started] == [True]
        assert signal.getsignal(signal.SIGTERM) is before

    def test_secrets_go_to_the_environment_not_to_the_command_line(self, tmp_path: Path) -> None:
        code = "import os; print(os.environ['TRIAGE_WEBHOOK_SECRETS'])"
        with Processes(tmp_path) as processes:
            processes.start("teller", ["timeit", "-n", "1", "-r", "1", code], {"TRIAGE_WEBHOOK_SECRETS": "whsec_x"})
            processes.running["teller"].wait(20)
            assert "whsec_x" not in str(processes.running["teller"].args)
        assert (tmp_path / "teller.log").read_text().startswith("whsec_x")
