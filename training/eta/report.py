"""The report of a model of arrival: one page of figures and one picture, beside the run that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.vocabulary import Moment
from models.eta import LEVELS
from training import pages
from training.card import lines_of
from training.eta.judged import JudgedArrivals
from training.eta.measures import STATED, covered

_COLOURS = ("#0b6e99", "#c4561d", "#4a7c3a", "#7b3f98", "#8a6d1a", "#555555")
"""One for each moment."""
_LANES_LISTED = 10


def write_report(result: dict[str, Any], judged: dict[Moment, JudgedArrivals], folder: Path) -> Path:
    """Write `report.md` and `report.png` into a folder and return the path of the first."""
    return pages.write(folder, _page(result), _picture(result, judged))


def _page(result: dict[str, Any]) -> str:
    lines = [
        f"# {result['model']}, version {result['version']}",
        "",
        f"Data: {result['data']}. Test period: {result['period'][0]} to {result['period'][1] or 'the end'}.",
        f"The interval is stated to hold {STATED:.0%} of arrivals. Every one is judged at its moment, corrected by "
        "outcomes known then; the 95 % intervals resample whole days.",
        "",
        *lines_of(result["card"]),
        "| moment | quantiles | covers (95 %) | earlier | later | median width | interval score | median error | n |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for moment, found in {**result["moments"], "all": result["overall"]}.items():
        low, high = found["coverage_interval_95"]
        lines.append(_row(moment, "model", found, f" ({low:.3f}–{high:.3f})"))
        lines += [_row("", name.replace("_", " "), other, "") for name, other in found["baselines"].items()]
    for key, rows in result["overall"]["slices"].items():
        lines += ["", f"## By {key.replace('_', ' ')}", "", *_slice_table(key, rows)]
    return "\n".join([*lines, "", "![coverage over time and by slice, levels, widths](report.png)", ""])


def _row(moment: str, scorer: str, found: dict[str, Any], interval: str) -> str:
    return (
        f"| {moment} | {scorer} | {found['coverage']:.3f}{interval} | {found['earlier']:.3f} | {found['later']:.3f} | "
        f"{found['median_width_hours']:.3f} h | {found['interval_score_hours']:.3f} h | "
        f"{found['median_error_hours']:.3f} h | {found['n']:,} |"
    )


def _slice_table(key: str, rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        f"| {key.replace('_', ' ')} | legs | covers (95 %) | median width | times the lane's history |",
        "|---|---|---|---|---|",
    ]
    if key == "lane":
        rows = sorted(rows, key=lambda row: row["coverage"])[:_LANES_LISTED]
        lines = [f"The {len(rows)} that are covered least:", "", *lines]
    for row in rows:
        low, high = row["coverage_interval_95"]
        lines.append(
            f"| {row['name']} | {row['legs']:,} | {row['coverage']:.3f} ({low:.3f}–{high:.3f}) | "
            f"{row['median_width_hours']:.3f} h | {row['width_to_lane_history']:.2f} |"
        )
    return lines


def _picture(result: dict[str, Any], judged: dict[Moment, JudgedArrivals]) -> Figure:
    figure = Figure(figsize=(12, 9), layout="constrained")
    figure.suptitle(f"{result['model']} {result['version']} — {result['data']}")
    (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
    _over_time(top_left, judged)
    _levels(top_right, judged)
    _by_carrier(bottom_left, result)
    _by_hours(bottom_right, result)
    return figure


def _over_time(axes: Axes, judged: dict[Moment, JudgedArrivals]) -> None:
    """Draw coverage week by week, and that of the lane's history."""
    for colour, (moment, found) in zip(_COLOURS, judged.items(), strict=False):
        weeks = (found.days - found.days.min()) // 7
        for hours, style, label in (
            (found.hours, "o-", moment.value),
            (found.baselines["lane_history"], ":", ""),
        ):
            inside = np.bincount(weeks, weights=covered(hours, found.delay_hours)) / np.bincount(weeks)
            axes.plot(np.arange(len(inside)), inside, style, color=colour, markersize=3, linewidth=1.2, label=label)
    axes.axhline(STATED, color="grey", linewidth=0.8)
    axes.set(title="Week by week (dotted: the lane's history)", xlabel="week of the test", ylabel="share covered")
    axes.legend()


def _levels(axes: Axes, judged: dict[Moment, JudgedArrivals]) -> None:
    """Draw how many arrivals came before each quantile."""
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for colour, (moment, found) in zip(_COLOURS, judged.items(), strict=False):
        before = (found.delay_hours[:, None] <= found.hours).mean(axis=0)
        axes.plot(LEVELS, before, "o-", color=colour, label=moment.value)
    axes.set(title="Is a quantile where it says?", xlabel="level", ylabel="share arrived by then")
    axes.legend()


def _by_carrier(axes: Axes, result: dict[str, Any]) -> None:
    rows = result["overall"]["slices"]["carrier"]
    _intervals(axes, rows)
    axes.set(title="By carrier (95 %)", ylabel="share covered")


def _by_hours(axes: Axes, result: dict[str, Any]) -> None:
    rows = result["overall"]["slices"]["hours_before_arrival"]
    _intervals(axes, rows)
    widths = axes.twinx()
    widths.plot(range(len(rows)), [row["median_width_hours"] for row in rows], "s--", color=_COLOURS[1], markersize=4)
    widths.set(ylabel="median width, h (dashed)", ylim=(0, None))
    axes.set(title="By hours before the promised arrival (95 %)", ylabel="share covered")


def _intervals(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = np.arange(len(rows))
    coverage = np.array([row["coverage"] for row in rows])
    ends = np.array([row["coverage_interval_95"] for row in rows]).reshape(-1, 2)
    errors = np.abs(ends - coverage[:, None]).T
    axes.errorbar(places, coverage, yerr=errors, fmt="o", color=_COLOURS[0], capsize=3)
    axes.axhline(STATED, color="grey", linewidth=0.8)
    axes.set(xticks=places, ylim=(0.6, 1.0))
    axes.set_xticklabels([row["name"] for row in rows], rotation=30, fontsize=8)
