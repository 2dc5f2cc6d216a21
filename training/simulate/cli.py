"""The verb `triage simulate`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.simulate.settings import SimulationSettings

if TYPE_CHECKING:
    from training.simulate.generate import Simulation

DEFAULT_SEED = 7
_DEFAULTS = SimulationSettings()


def register(app: typer.Typer) -> None:
    """Add `simulate` to the command line."""
    app.command("simulate")(simulate_network)


def simulate_network(
    out: Annotated[Path, typer.Option("--out", help="folder for the tables; made if missing", file_okay=False)],
    seed: Annotated[int, typer.Option("--seed", min=0, help="the same seed gives the same bytes")] = DEFAULT_SEED,
    shipments: Annotated[
        int, typer.Option("--shipments", min=50, max=5_000_000, help="number of bookings")
    ] = _DEFAULTS.shipments,
    days: Annotated[
        int, typer.Option("--days", min=7, max=1_500, help="days in which bookings are made")
    ] = _DEFAULTS.days,
    replay_days: Annotated[
        int,
        typer.Option(
            "--replay-days", min=0, help="also write replay/: what was known before the last days, and a feed"
        ),
    ] = 0,
) -> None:
    """Make months of a small freight network: shipments, events, weather and invoices, from a seed."""
    import numpy as np  # imported here: no other command waits for these libraries

    from training.simulate.generate import STAGES, simulate
    from training.simulate.replay import write_replay

    if replay_days >= days:
        raise typer.BadParameter(f"{replay_days} days cannot be replayed out of {days}; give fewer.")
    console = Console(stderr=True)
    settings = SimulationSettings(shipments=shipments, days=days)
    with _progress(console) as bar:
        task = bar.add_task("simulate", total=len(STAGES) + 1 + (replay_days > 0))

        def began(stage: str) -> None:
            bar.update(task, description=stage, completed=STAGES.index(stage))

        made = simulate(settings, np.random.default_rng(seed), began)
        bar.update(task, description="writing", completed=len(STAGES))
        made.write(out)
        if replay_days:
            bar.update(task, description="replay feed", completed=len(STAGES) + 1)
            end = settings.start + timedelta(days=days)
            write_replay(made.tables, end - timedelta(days=replay_days), end, out / "replay")
        bar.update(task, description="done", completed=len(STAGES) + 1 + (replay_days > 0))
    console.print(_table(made, seed))
    console.print(f"Written to {out}.")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


def _table(made: Simulation, seed: int) -> Table:
    from training.simulate.summary import summary_of

    table = Table(title=f"Simulated network, seed {seed}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in summary_of(made).items():
        table.add_row(name, value)
    return table
