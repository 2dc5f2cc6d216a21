"""The verb `evaluate alternatives`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from training.console import DEFAULT_TRACKING, AsJson, Data, Name, Tracking, show
from training.errors import AnotherNetworkError


def evaluate_alternatives(
    data: Data,
    seed: Annotated[int, typer.Option("--seed", min=0, help="that the network was generated from")],
    shipments: Annotated[int, typer.Option("--shipments", help="that it was generated with")] = 14_000,
    days: Annotated[int, typer.Option("--days", help="that it was generated with")] = 180,
    last_days: Annotated[int, typer.Option("--last-days", min=1, help="judge what leaves in these")] = 14,
    policy: Annotated[Path | None, typer.Option("--policy", help="bundle with the cost table; else ours")] = None,
    name: Name = "delay",
    tracking_uri: Tracking = DEFAULT_TRACKING,
    as_json: AsJson = False,
) -> None:
    """Judge the recommendation of carriers on a generated network, whose truth is known, beside simpler choices."""
    # Imported here: no other command waits for these libraries.
    from datetime import timedelta
    from importlib.resources import files

    from features.contracts import Contracts
    from features.state import State
    from features.tables import RecordTables, shipments_of
    from features.vocabulary import Branch
    from models.registry import load_champion
    from routing.loader import load_policy
    from training.alternatives.judge import choices, summary_of
    from training.simulate.chances import world_of
    from training.simulate.settings import SimulationSettings

    console = Console(stderr=True)
    settings = SimulationSettings(shipments=shipments, days=days)
    tables = RecordTables.read(data)
    with console.status("the network is made anew"):
        world = world_of(settings, seed)
    model, _ = load_champion(tracking_uri, name)
    bundle = load_policy(policy or Path(str(files("routing"))) / "policies" / "late_shipments.yaml")
    with console.status("records are read"):
        state = State(model.feature_settings)
        state.add_tables(tables)
        planned = {int(each.shipment_id[1:]) - 1: each for each in shipments_of(tables)}
    if len(planned) != len(world.bookings) or any(
        each.value_minor != world.bookings.value_minor[number] for number, each in planned.items()
    ):
        raise AnotherNetworkError(str(data), seed)
    end = max(each.planned_departure_at for each in planned.values() if each.planned_departure_at is not None)
    judged = {
        number: each
        for number, each in planned.items()
        if each.planned_departure_at is not None and each.planned_departure_at > end - timedelta(days=last_days)
    }
    rebook = bundle.branches[Branch.REBOOK].offer
    handling = round(rebook.analyst_minutes * bundle.costs.analyst_minute_minor)
    with console.status(f"{len(judged):,} shipments are judged"):
        contracts = Contracts.of_tables(tables)
        found = list(choices(world, judged, state, contracts, model, bundle.costs, handling, seed))
    result = {"model": name, "version": model.version, "data": f"generated, seed {seed}", **summary_of(found)}
    show(result, _table, as_json=as_json)


def _table(result: dict[str, Any]) -> Table:
    title = f"{result['shipments']:,} generated shipments, {result['candidates_mean']:.1f} carriers each"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)
    table.add_column("way to choose")
    for column in ("truly cheapest", "beyond it, mean", "nine in ten"):
        table.add_column(column, justify="right")
    for way, found in result["ways"].items():
        table.add_row(
            way,
            f"{found['truly_cheapest']:.1%}",
            f"{found['regret_mean_minor'] / 100:.2f}",
            f"{found['regret_p90_minor'] / 100:.2f}",
        )
    return table
