"""The verb `triage simulate-invoices`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from training.simulate.billing.settings import BillingSettings, QuoteSettings

if TYPE_CHECKING:
    from training.simulate.billing.generate import BilledYear

DEFAULT_SEED = 1
_DEFAULTS = BillingSettings()


def simulate_invoices(
    costs: Annotated[Path, typer.Option("--costs", help="tables of deliveries with weight and cost", exists=True)],
    out: Annotated[Path, typer.Option("--out", help="folder for the tables; made if missing", file_okay=False)],
    rates: Annotated[
        Path | None,
        typer.Option(
            "--rates", help="tables of a rate card and its orders; without it every cost is a price", exists=True
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="the same seed gives the same bytes")] = DEFAULT_SEED,
    loads: Annotated[
        int, typer.Option("--loads", min=50, max=200_000, help="number of loads on a rate card")
    ] = _DEFAULTS.loads,
) -> None:
    """Make invoices on recorded rates or freight costs, some with an injected error: see docs/audit.md."""
    import numpy as np  # imported here: no other command waits for these libraries

    from features.tables import RecordTables
    from training.simulate.billing.generate import bill_year
    from training.simulate.billing.quotes import bill_quotes

    console = Console(stderr=True)
    recorded, rng = RecordTables.read(costs), np.random.default_rng(seed)
    with console.status("writing bills"):
        if rates is None:
            made = bill_quotes(QuoteSettings(), recorded, rng)
        else:
            weights = recorded.shipments["weight_kg"].dropna().to_numpy(dtype=np.float64)
            made = bill_year(BillingSettings(loads=loads), RecordTables.read(rates), weights, rng)
        made.write(out)
    console.print(_table(made, seed))
    console.print(f"Written to {out}.")


def _table(made: BilledYear, seed: int) -> Table:
    invoices, truth = made.tables.freight_invoices, made.truth
    charged, over = invoices["net_due_minor"].sum(), truth["overcharge_minor"]
    table = Table(title=f"Generated invoices on recorded rates, seed {seed}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in {
        "loads": f"{made.tables.shipments['shipment_id'].nunique():,}",
        "invoices": f"{len(invoices):,}",
        "invoices with an error": f"{truth['invoice_id'].nunique() / len(invoices):.1%}",
        "kinds of error": f"{truth['kind'].nunique()}",
        "charged too much, of all that was charged": f"{over.clip(lower=0).sum() / charged:.1%}",
        "charged too little": f"{-over.clip(upper=0).sum() / charged:.1%}",
    }.items():
        table.add_row(name, value)
    return table
