"""`triage demo`: the whole story on generated data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add `demo` to the command line."""
    app.command("demo")(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself with a summary, status 0 if all went well.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the demo; emptied first.", file_okay=False)] = Path("var/demo"),
    speed: Annotated[
        float | None, typer.Option(min=1, help="Simulated seconds in a real one. Default: 4320 with --once, else 360.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the service; 0 takes a free one.")] = 0,
) -> None:
    """Make a network, train on it, start everything and replay its last two days on a fast clock."""
    from serving.demo.story import tell  # imported here: no other command waits for it

    all_well = tell(out, speed=speed or (4320.0 if once else 360.0), port=port, lasts=not once)
    raise typer.Exit(0 if all_well else 1)
