"""The verbs `tune delay`, `tune eta`, `tune shortage` and `tune table`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from features.progress import counting
from features.yaml_file import read_yaml
from training.console import AsJson, Config, Data, show

if TYPE_CHECKING:
    from training.config import ModelConfig
    from training.dataset import Dataset
    from training.tuning.search import Found, Search

Out = Annotated[Path, typer.Option("--out", help="folder of the configuration that is written, and of the study")]
Trials = Annotated[int, typer.Option("--trials", min=1, help="how many trials the study is to have, earlier ones too")]
Minutes = Annotated[float | None, typer.Option("--minutes", min=0.1, help="search no longer than this")]
Sample = Annotated[
    int | None, typer.Option("--shipments", min=100, help="search on about so many shipments, evenly over the time")
]
Leaves = Annotated[int, typer.Option("--max-leaves", min=2, max=255, help="of a tree: more make explanations slower")]
Depth = Annotated[int, typer.Option("--max-depth", min=1, max=20, help="of a tree: deeper makes explanations slower")]


def tune_delay(
    data: Data,
    config: Config,
    out: Out = Path("var/tuning/delay"),
    trials: Trials = 40,
    minutes: Minutes = None,
    shipments: Sample = None,
    max_leaves: Leaves = 15,
    max_depth: Depth = 5,
    as_json: AsJson = False,
) -> None:
    """Search for trees of the delay model that lose less than those of a configuration, inside its fit period only."""
    # Imported here: no other command waits for these libraries.
    from training.config import TrainingConfig, load_config
    from training.tuning.losses import log_losses
    from training.tuning.search import CaseSearch, Limits

    settings = load_config(config, TrainingConfig)
    search = CaseSearch(_fit_cases(data, settings, shipments), settings, log_losses, Limits(max_leaves, max_depth))
    _tune(search, config, out, "log-loss", trials=trials, minutes=minutes, as_json=as_json)


def tune_eta(
    data: Data,
    config: Config,
    out: Out = Path("var/tuning/eta"),
    trials: Trials = 40,
    minutes: Minutes = None,
    shipments: Sample = None,
    max_leaves: Leaves = 15,
    max_depth: Depth = 5,
    as_json: AsJson = False,
) -> None:
    """Search for trees of the model of arrival that lose less than those of a configuration, likewise."""
    # Imported here: no other command waits for these libraries.
    from training.config import EtaConfig, load_config
    from training.tuning.losses import pinball_losses
    from training.tuning.search import CaseSearch, Limits

    settings = load_config(config, EtaConfig)
    search = CaseSearch(_fit_cases(data, settings, shipments), settings, pinball_losses, Limits(max_leaves, max_depth))
    _tune(search, config, out, "pinball loss in hours", trials=trials, minutes=minutes, as_json=as_json)


def tune_shortage(
    data: Data,
    config: Config,
    out: Out = Path("var/tuning/shortage"),
    trials: Trials = 40,
    minutes: Minutes = None,
    max_leaves: Leaves = 15,
    max_depth: Depth = 5,
    as_json: AsJson = False,
) -> None:
    """Search for trees of the shortage model that lose less than those of a configuration, likewise."""
    # Imported here: no other command waits for these libraries.
    from training.config import load_config
    from training.shortage.config import ShortageConfig
    from training.shortage.dataset import make_shortage_dataset
    from training.splits import Period
    from training.tuning.losses import short_losses
    from training.tuning.search import CaseSearch, Limits

    settings = load_config(config, ShortageConfig)
    with Console(stderr=True).status("features"):
        dataset = make_shortage_dataset(data, settings).only(Period.FIT)
    search = CaseSearch(dataset, settings, short_losses, Limits(max_leaves, max_depth))
    _tune(search, config, out, "log-loss", trials=trials, minutes=minutes, as_json=as_json)


def tune_table(
    data: Annotated[
        Path, typer.Option("--data", help="folder of the table as it was published", exists=True, file_okay=False)
    ],
    config: Config,
    out: Out = Path("var/tuning/table"),
    trials: Trials = 40,
    minutes: Minutes = None,
    max_leaves: Leaves = 31,
    max_depth: Depth = 6,
    as_json: AsJson = False,
) -> None:
    """Search for trees of a flat table that lose less, on the rows before those that it is calibrated and judged on."""
    # Imported here: no other command waits for these libraries.
    from training.config import load_config
    from training.flat.config import FlatConfig
    from training.flat.table import read_table
    from training.tuning.losses import row_losses
    from training.tuning.search import Limits, RowSearch

    settings = load_config(config, FlatConfig)
    search = RowSearch(read_table(data, settings), settings, row_losses, Limits(max_leaves, max_depth))
    _tune(search, config, out, "log-loss", trials=trials, minutes=minutes, as_json=as_json, then=_JUDGE)


_TRAIN = "Train with --config {path}; only that tells what the months after are like."
_JUDGE = "Judge it with `triage evaluate table --config {path}`; only that tells what the rows after are like."


def _fit_cases(data: Path, settings: ModelConfig, shipments: int | None) -> Dataset:
    """Read the cases of the fit period, and of no other; of about so many shipments, if a number is given."""
    from training.dataset import make_dataset
    from training.splits import Period
    from training.tuning.search import every_nth

    with counting(Console(stderr=True), "features") as progress:
        dataset = make_dataset(data, settings, progress, periods=(Period.FIT,))
    return dataset if shipments is None else every_nth(dataset, shipments)


def _tune(
    search: Search[Any, Any, Any],
    config: Path,
    out: Path,
    loss: str,
    *,
    trials: int,
    minutes: float | None,
    as_json: bool,
    then: str = _TRAIN,
) -> None:
    console = Console(stderr=True)
    with counting(console, "trials") as progress:
        found = search.run(
            out / "study.db",
            trials=trials,
            minutes=minutes,
            progress=progress,
            note=lambda line: console.print(f"  {line}"),
        )
    beaten = found.gain.is_beyond_chance
    trees = found.trees if beaten else search.config.trees
    path = _write(config, trees.model_dump(), out, found, loss, beaten=beaten)
    result = {
        "model": search.config.name,
        "loss": loss,
        "trials": found.trials,
        "beaten": beaten,
        "gain": asdict(found.gain),
        "searched": dict(zip(("found", "configuration"), found.searched, strict=True)),
        "compared": dict(zip(("found", "configuration"), found.compared, strict=True)),
        "trees": found.trees.model_dump(),
        "configuration": str(path),
    }
    show(result, _table, as_json=as_json)
    console.print(_verdict(found, loss, beaten=beaten))
    console.print(f"Written: {path}. {then.format(path=path)}")


def _verdict(found: Found, loss: str, *, beaten: bool) -> str:
    gained = f"On cases the search had not seen the trees found gain {_gained(found)} of {loss}"
    if beaten:
        return f"{gained}: they beat those of the configuration."
    return f"{gained}: the configuration is not beaten, as that interval does not lie above 0. Its own trees are kept."


def _gained(found: Found) -> str:
    return f"{found.gain.value:+.5f} ({found.gain.low:+.5f} to {found.gain.high:+.5f})"


def _write(config: Path, trees: dict[str, Any], out: Path, found: Found, loss: str, *, beaten: bool) -> Path:
    """Write the configuration with its trees as they are to be: what else it says, and leaves unsaid, stays."""
    import yaml

    told = read_yaml(config)
    path = out / "config.yaml"
    what = "as found" if beaten else "as they were, for none that were found lose less beyond chance"
    head = f"# {config.name} after {found.trials} trials of `triage tune`: trees {what}.\n"
    gained = f"# Gain of those found, on cases the search had not seen: {_gained(found)} of {loss}.\n"
    body = yaml.safe_dump({**told, "trees": trees}, sort_keys=False, allow_unicode=True)
    path.write_text(head + gained + body, encoding="utf-8")
    return path


def _table(result: dict[str, Any]) -> Table:
    table = Table(title=f"{result['model']}, {result['trials']} trials: {result['loss']}", box=box.SIMPLE_HEAD)
    table.add_column("")
    for column in ("trees found", "configuration"):
        table.add_column(column, justify="right")
    for name, told in (("searched", "cases searched on"), ("compared", "cases not seen by the search")):
        table.add_row(told, *(f"{result[name][which]:.5f}" for which in ("found", "configuration")))
    for name, value in result["trees"].items():
        table.add_row(name, f"{value:.4g}", "")
    return table
