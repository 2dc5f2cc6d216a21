"""The demo's story: each part a process of its own, as it would run for real."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from time import monotonic, sleep

import httpx
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.orm import Session, sessionmaker

from features.tables import RecordTables, shipments_of
from features.vocabulary import SubjectType
from routing.dispatch.signing import new_secret
from serving.clock import AwaitedClock, Clock
from serving.config import bundled_policy
from serving.db.engine import create_engine_for, read_only, session_factory
from serving.demo.orchestrator import Tally, Task, feed, plan, play
from serving.demo.processes import DemoFolderError, Processes, free_port
from serving.demo.summary import Summary, call_counts, summarise, unconfirmed
from serving.messages.turns import UNSENT

SEED = 1
REPLAY_DAYS = 2
TRAINED = {"delay": "demo.yaml", "shortage": "shortage.yaml"}
"""Models of the demo, each with its configuration."""
BILL_DAYS = 14
"""Days of earlier bills that the service knows: one that comes twice within them is found."""
FAIL_SHARE = 0.2
"""Share of calls that the receiver fails on purpose: what goes wrong in the field is shown to be mended."""
RUNS_ON = timedelta(minutes=35)
"""How long simulated time runs on after the last event: a message for several waits half an hour for more."""
_SETTLE_SECONDS = 60.0
_MARK = ".demo"


def tell(out: Path, *, speed: float, port: int, lasts: bool) -> bool:
    """Tell the whole story and return whether all went well.

    Parameters
    ----------
    speed
        Simulated seconds in a real one.
    port
        Of the service; 0 takes a free one.
    lasts
        Leave everything running after the summary, until Ctrl-C.

    Raises
    ------
    DemoFolderError, DemoError
        If the folder is somebody else's, or a part ends before its time.
    """
    console = Console(stderr=True)
    _empty(out)
    with Processes(out / "logs") as processes:
        console.print("[bold]1/4[/] six months of a small freight network are generated")
        processes.run(
            "simulate",
            ["training", "simulate", "--out", f"{out}/data", "--seed", f"{SEED}", "--replay-days", f"{REPLAY_DAYS}"],
        )
        console.print("[bold]2/4[/] models are trained on all but the last two days, judged and registered")
        tracking = f"sqlite:///{out}/mlflow.db"
        history = out / "data" / "replay" / "history"
        _keep_bills(history)
        for model, config in TRAINED.items():
            processes.run(
                f"train-{model}",
                [
                    *("training", "train", model, "--data", f"{history}"),
                    *("--config", str(files("training") / "configs" / config)),
                    *("--out", f"{out}/models/{model}", "--tracking-uri", tracking),
                ],
            )
        console.print("[bold]3/4[/] service, worker and a receiver that fails every fifth call are started")
        tasks = _tasks(history, out / "data" / "replay" / "feed.jsonl")
        with _waiting(console, "the service reads the generated months, and rates the newest bills again"):
            running = _start(processes, out, tracking, history, tasks, speed, port or free_port(), lasts=lasts)
        console.print(f"[bold]4/4[/] two days pass; the queue fills at [link]{running.url}/queue[/]")
        tally = _replay(tasks, running, console)
        reads = session_factory(read_only(create_engine_for(running.database)))
        _settle(reads, processes)
        summary = _summary(reads, tally, running.effects_url)
        Console().print(summary.table())
        for fault in summary.faults:
            console.print(fault, style="red", markup=False)
        if lasts:
            console.print(f"Everything runs on: {running.url}/queue. Ctrl-C ends it.")
            _wait(processes)
    return not summary.faults


class _Running:
    """Where the demo's parts are."""

    def __init__(self, port: int, receiver_port: int, database: str, clock: Clock) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.effects_url = f"http://127.0.0.1:{receiver_port}/effects"
        self.database = database
        self.clock = clock


def _empty(folder: Path) -> None:
    """Empty the demo's folder; never one that is somebody else's."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).exists():
            raise DemoFolderError(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def _keep_bills(history: Path) -> None:
    """Leave the newest bills in the history: the service rates those it knows again before it answers."""
    bills, charges = (history / f"{name}.parquet" for name in ("freight_invoices", "invoice_lines"))
    known = pq.read_table(bills)
    newest = pc.max(known["known_at"]).as_py()
    kept = known.filter(pc.field("known_at") > newest - timedelta(days=BILL_DAYS))
    lines = pq.read_table(charges)
    pq.write_table(kept, bills)
    pq.write_table(lines.filter(pc.field("invoice_id").isin(kept["invoice_id"].to_pylist())), charges)


def _tasks(history: Path, feed_file: Path) -> list[Task]:
    events = list(feed(feed_file))
    start, end = events[0][0], events[-1][0]
    return plan(events, shipments_of(RecordTables.read(history)), start, end)


def _start(
    processes: Processes,
    out: Path,
    tracking: str,
    history: Path,
    tasks: list[Task],
    speed: float,
    port: int,
    *,
    lasts: bool,
) -> _Running:
    """Start receiver, service and worker on one simulated clock, which begins when all of them answer."""
    receiver_port, database = free_port(), f"sqlite:///{out}/triage.db"
    secret = {"TRIAGE_WEBHOOK_SECRETS": new_secret().text()}
    begins, epoch_file, until = tasks[0].at, out / "begun", tasks[-1].at + RUNS_ON if lasts else None
    clock = AwaitedClock(begins, speed, epoch_file=epoch_file, until=until)
    simulated = ["--simulated-from", begins.isoformat(), "--speed", f"{speed}", "--epoch-file", f"{epoch_file}"]
    if until is not None:
        simulated += ["--simulated-until", until.isoformat()]
    processes.start(
        "receiver",
        [
            *("serving.receiver", "--log", f"{out}/effects.jsonl", "--port", f"{receiver_port}"),
            *("--fail-share", f"{FAIL_SHARE}", "--seed", f"{SEED}"),
            *("--report-to", f"http://127.0.0.1:{port}", *simulated),
        ],
        secret,
    )
    claim_minutes = f"{15 * max(1.0, speed / 6)}" if lasts else "15"
    processes.start(
        "service",
        [
            *("serving", "serve", "--database", database, "--port", f"{port}", "--tracking-uri", tracking),
            *("--history", f"{history}", "--claim-minutes", claim_minutes, "--demo", *simulated),
            *("--invoice-policy", f"{bundled_policy(SubjectType.INVOICE)}", "--shortage-model", "shortage"),
        ],
    )
    processes.wait_for("receiver", f"http://127.0.0.1:{receiver_port}/health")
    processes.wait_for("service", f"http://127.0.0.1:{port}/readyz")
    processes.start(
        "worker",
        [
            *("serving.worker", "--database", database, "--target-url", f"http://127.0.0.1:{receiver_port}/calls"),
            *("--allow-private", "--poll-seconds", "0.1", *simulated),
        ],
        secret,
    )
    clock.begin()
    return _Running(port, receiver_port, database, clock)


@contextmanager
def _waiting(console: Console, what: str) -> Iterator[None]:
    """Show that something goes on, and for how long it has."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def _replay(tasks: list[Task], running: _Running, console: Console) -> Tally:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(tasks))

        def on_progress(done: int, now: datetime) -> None:
            progress.update(bar, completed=done, description=f"{now.astimezone(UTC):%a %d %b %Y %H:%M}")

        async def replay() -> Tally:
            async with httpx.AsyncClient(base_url=running.url, timeout=30.0) as api:
                return await play(tasks, api=api, clock=running.clock, on_progress=on_progress)

        return asyncio.run(replay())


def _settle(reads: sessionmaker[Session], processes: Processes) -> None:
    """Wait until every call is settled and its outcome known, or the time is up; the summary says what is left."""
    deadline = monotonic() + _SETTLE_SECONDS
    while monotonic() < deadline:
        processes.check()
        with reads() as session:
            counts = call_counts(session)
            waiting = unconfirmed(session)
        if not waiting and not any(counts.get(status) for status in UNSENT):
            return
        sleep(0.1)


def _summary(reads: sessionmaker[Session], tally: Tally, effects_url: str) -> Summary:
    effects = httpx.get(effects_url, timeout=10.0).raise_for_status().json()
    with reads() as session:
        return summarise(session, tally, effects)


def _wait(processes: Processes) -> None:
    try:
        while True:
            processes.check()
            sleep(1.0)
    except KeyboardInterrupt:
        return
