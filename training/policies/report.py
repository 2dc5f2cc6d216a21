"""What is told of a judged policy: tables of the terminal and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from routing.wording import money
from training.policies import contest
from training.policies.estimators import NAMES

WAYS = {
    contest.NOTHING: "doing nothing",
    contest.BY_RISK: "best thresholds on the risk",
    contest.BY_RISK_AND_TIER: "the same, best tiers",
    contest.ONE_BY_ONE: "the bundle, one by one",
    contest.BY_STAKE: "best thresholds on the stake",
}
_ESTIMATORS = {"ips": "IPS", "snips": "SNIPS", "doubly_robust": "doubly robust"}


def table_of_log(result: dict[str, Any]) -> Table:
    """Return what a candidate would have cost, as a table."""
    found, currency, clusters = result["cost_minor_a_decision"], result["currency"], result["clusters"]
    title = (
        f"{result['policy']['name']} {result['policy']['version']}: {result['decisions']:,} decisions, worth "
        f"{result['effective_samples']:,.0f} of its own; {clusters['count']} {clusters['are']}s"
    )
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)
    for column in ("a decision", "cost (95 %)", "more than logged (95 %)"):
        table.add_column(column, justify="left" if column == "a decision" else "right")
    table.add_row("as logged", _money(found["logged"], currency), "")
    for name in NAMES:
        more = _money(found["more_than_logged"][name], currency)
        table.add_row(_ESTIMATORS[name], _money(found[name], currency), more)
    return table


def table_of_networks(result: dict[str, Any]) -> Table:
    """Return what a policy saved in generated networks, and how often intervals and the bound held, as a table."""
    title = f"{result['policy']['name']} {result['policy']['version']} in {len(result['networks'])} generated networks"
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=0)
    for column in ("beside", "saved of what doing nothing costs (95 %)", "networks above 0"):
        table.add_column(column, justify="left" if column == "beside" else "right")
    for name, told in WAYS.items():
        saved = result["saved_of_doing_nothing"][name]
        interval = "" if saved["low"] is None else f" ({saved['low']:.1%} to {saved['high']:.1%})"
        table.add_row(told, f"{saved['value']:.1%}{interval}", f"{saved['networks_above_zero']} of {saved['networks']}")
    table.add_section()
    off_policy, missed = result["off_policy"], result["missed"]
    for name, told in _ESTIMATORS.items():
        held = off_policy["estimators"][name]["covered"]
        more = off_policy["more_than_logged"][name]["covered"]
        table.add_row(f"intervals, {told}", f"hold {held:.1%}, {more:.1%}", f"{off_policy['runs']} runs")
    table.add_row(f"missed above {missed['alpha']:.0%}", f"{missed['broken_share']:.1%}", f"{missed['runs']} runs")
    return table


def write_picture(result: dict[str, Any], path: Path) -> None:
    """Draw what a policy saved in generated networks, and how often intervals held."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    saved, held = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_saved(saved, result)
    _draw_held(held, result["off_policy"])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _draw_saved(axes: Axes, result: dict[str, Any]) -> None:
    names = [name for name in WAYS if name != contest.NOTHING]
    for place, name in enumerate(reversed(names)):
        each = [network["saved_by_together_of_doing_nothing"][name]["value"] for network in result["networks"]]
        axes.scatter([100 * value for value in each], [place] * len(each), s=14, color="0.65", zorder=2)
        over = result["saved_of_doing_nothing"][name]
        reach = 0.0 if over["high"] is None else 100 * (over["high"] - over["value"])
        axes.errorbar([100 * over["value"]], [place], xerr=reach, fmt="o", color="tab:blue", capsize=4, zorder=3)
    axes.axvline(0.0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(names)), [WAYS[name] for name in reversed(names)])
    axes.set_xlabel("saved beside it, in % of what doing nothing costs")
    axes.set_title(f"Expected cost under capacity, {len(result['networks'])} generated networks", fontsize=10)


def _draw_held(axes: Axes, off_policy: dict[str, Any]) -> None:
    runs = off_policy["runs"]
    for shift, part, told in ((-0.1, "estimators", "cost"), (0.1, "more_than_logged", "difference to the log")):
        held = [off_policy[part][name]["covered"] for name in _ESTIMATORS]
        error = [1.96 * (share * (1.0 - share) / runs) ** 0.5 for share in held]
        places = [place + shift for place in range(len(held))]
        axes.errorbar(places, held, yerr=error, fmt="o", capsize=4, label=told)
    axes.axhline(off_policy["nominal"], color="0.3", linewidth=0.8, linestyle="--", label="what they say")
    axes.set_xticks(range(len(_ESTIMATORS)), list(_ESTIMATORS.values()))
    axes.set_ylim(0.8, 1.0)
    axes.set_ylabel("intervals that hold the truth")
    axes.set_title(f"Off-policy intervals, {runs} generated logs of {off_policy['days']} days", fontsize=10)
    axes.legend(fontsize=8, loc="lower right")


def _money(found: dict[str, float], currency: str) -> str:
    value, low, high = (money(round(found[name]), currency) for name in ("value", "low", "high"))
    return f"{value} ({low.removesuffix(f' {currency}')} to {high.removesuffix(f' {currency}')})"
