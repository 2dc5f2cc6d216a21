"""Options that the commands of the outgoing half share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from serving.clock import AwaitedClock, Clock, FastClock, SystemClock

DEFAULT_DATABASE = "sqlite:///triage.db"

DatabaseOption = Annotated[
    str, typer.Option("--database", envvar="TRIAGE_DATABASE_URL", help="SQLite or PostgreSQL, as a URL.")
]
SimulatedFromOption = Annotated[
    str | None, typer.Option(help="Run on simulated time that begins here, e.g. 2026-03-01T06:00:00Z.")
]
SpeedOption = Annotated[float, typer.Option(help="Simulated seconds in a real one.")]
RealEpochOption = Annotated[
    str | None,
    typer.Option(help="Real moment at which the simulated time began; give all processes the same. Default: now."),
]
EpochFileOption = Annotated[
    Path | None,
    typer.Option(help="File that will say when the simulated time begins; until it is there, time stands still."),
]
SimulatedUntilOption = Annotated[
    str | None, typer.Option(help="Simulated moment from which time goes on at the real pace. Default: never.")
]


def clock_for(
    simulated_from: str | None,
    speed: float,
    real_epoch: str | None,
    simulated_until: str | None = None,
    epoch_file: Path | None = None,
) -> Clock:
    """Return the clock that the options ask for: the machine's own unless time is simulated."""
    if simulated_from is None:
        if real_epoch is not None or epoch_file is not None or simulated_until is not None or speed != 1.0:
            raise typer.BadParameter(
                "--speed, --real-epoch, --epoch-file and --simulated-until are for simulated time; "
                "give --simulated-from too."
            )
        return SystemClock()
    epoch = None if real_epoch is None else _moment(real_epoch, "--real-epoch")
    until = None if simulated_until is None else _moment(simulated_until, "--simulated-until")
    if not speed > 0:
        raise typer.BadParameter(f"--speed is {speed:g}; give a number above 0.")
    start_at = _moment(simulated_from, "--simulated-from")
    if epoch_file is None:
        return FastClock(start_at, speed, real_epoch=epoch, until=until)
    if epoch is not None:
        raise typer.BadParameter("--real-epoch and --epoch-file both say when simulated time begins; give one of them.")
    return AwaitedClock(start_at, speed, epoch_file=epoch_file, until=until)


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} is {text!r}; give an ISO 8601 time with a zone.") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{option} is {text!r}, which has no zone; append Z for UTC.")
    return moment.astimezone(UTC)
