"""The verb `evaluate policy`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from features.progress import counting
from training.console import AsJson, show

LEAST_EFFECTIVE = 1_000


def evaluate_policy(
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", help="the policy to judge (YAML); with --simulate, by default the one tried there"),
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option("--decisions", help="sealed decisions, as `triage audit export` writes them", exists=True),
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option("--outcomes", help="what came of them: CSV with decision_id and cost_minor", exists=True),
    ] = None,
    simulate: Annotated[
        int | None, typer.Option("--simulate", min=1, help="judge it in so many generated networks instead")
    ] = None,
    clusters: Annotated[
        str,
        typer.Option("--clusters", help="what an interval draws as a whole: day or shipment", metavar="[day|shipment]"),
    ] = "day",
    least_effective: Annotated[
        float,
        typer.Option("--least-effective", min=1, help="so many of the candidate's own decisions a log must be worth"),
    ] = LEAST_EFFECTIVE,
    picture: Annotated[Path | None, typer.Option("--picture", help="with --simulate: a picture (PNG)")] = None,
    as_json: AsJson = False,
) -> None:
    """Judge a policy before it decides: from decisions that chance had its part in, or in generated networks."""
    # Imported here: no other command waits for these libraries.
    from routing.loader import load_policy
    from training.policies import judge, report
    from training.policies.bundles import BY_COST
    from training.policies.records import Clusters

    if simulate is not None:
        if decisions is not None or outcomes is not None:
            raise typer.BadParameter("give --simulate, or --decisions with --outcomes, not both.")
        with counting(Console(stderr=True), "networks") as progress:
            result = judge.in_generated_networks(load_policy(bundle or BY_COST), simulate, progress=progress)
        if picture is not None:
            report.write_picture(result, picture)
        show(result, report.table_of_networks, as_json=as_json)
        return
    if bundle is None or decisions is None or outcomes is None:
        raise typer.BadParameter("give --bundle with --decisions and --outcomes, or --simulate.")
    if clusters not in list(Clusters):
        raise typer.BadParameter(f"--clusters is {clusters!r}; give day or shipment.")
    result = judge.from_log(
        load_policy(bundle), decisions, outcomes, clusters=Clusters(clusters), least_effective=least_effective
    )
    show(result, report.table_of_log, as_json=as_json)
