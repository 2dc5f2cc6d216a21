"""The report of a model: one page of figures and one picture, beside the run that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve

from training import pages
from training.card import lines_of
from training.evaluate import Judged
from training.metrics import lift, reliability

_M = TypeVar("_M", bound=str)
_COLOURS = ("#0b6e99", "#c4561d", "#4a7c3a", "#7b3f98", "#8a6d1a", "#555555")
"""One for each moment."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a report calls things.

    Attributes
    ----------
    outcome
        What is predicted, as an adjective.
    things
        What is judged.
    rival
        Name of the baseline that is drawn.
    by
        What tells the parts of the result from one another.
    """

    outcome: str
    things: str
    rival: str
    by: str = "moment"

    @property
    def rival_words(self) -> str:
        """The baseline, in words."""
        return self.rival.replace("_", " ")


DELAY = Told("late", "shipments", "carrier_lane_rate")


def write_report(result: dict[str, Any], judged: Mapping[_M, Judged], folder: Path, told: Told = DELAY) -> Path:
    """Write `report.md` and `report.png` into a folder and return the path of the first."""
    return pages.write(folder, page(result, told), picture(result, judged, told))


def page(result: dict[str, Any], told: Told) -> str:
    """Return the page: a table of measures by moment and scorer, and the picture."""
    lines = [
        f"# {result['model']}, version {result['version']}",
        "",
        f"Data: {result['data']}. Test period: {result['period'][0]} to {result['period'][1] or 'the end'}.",
        "Every row is judged at its moment, from what was known then; intervals resample whole days.",
        "",
        *lines_of(result["card"]),
        f"| moment | scorer | AUC (95 %) | average precision | Brier | ECE | n | {told.outcome} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for moment, found in result["moments"].items():
        low, high = found["auc_interval_95"]
        lines.append(_row(moment, "model", found, f" ({low:.3f}–{high:.3f})"))
        lines += [_row("", name.replace("_", " "), other, "") for name, other in found["baselines"].items()]
    bounds = {moment: found["missed"] for moment, found in result["moments"].items() if found["missed"] is not None}
    lines += ["", *(_missed(moment, bound, told) for moment, bound in bounds.items())]
    hours = {moment: found["hours_late"] for moment, found in result["moments"].items() if found.get("hours_late")}
    if hours:
        lines += ["", "## Expected hours late, one in time counting as 0", "", *_hours(hours)]
    for moment, found in result["moments"].items():
        for kind, rows in found.get("slices", {}).items():
            if rows:
                lines += ["", f"## {moment}, by {kind.replace('_', ' ')}", "", *_slices(kind, rows, told)]
    return "\n".join([*lines, "", "![reliability, precision and recall, lift, quality by moment](report.png)", ""])


def _missed(moment: str, found: dict[str, Any], told: Told) -> str:
    return (
        f"* {moment}: whoever looks at all {told.things} from a risk of {found['threshold']:.3f} on, "
        f"{found['looked_at_share']:.1%} of them, misses at most {found['alpha']:.0%} of the {told.outcome} ones with "
        f"confidence {1 - found['delta']:.0%}; here {found['missed_share']:.1%}. Over resamples of days the promise "
        f"was broken in {found['broken_share']:.1%}."
    )


def _hours(found: Mapping[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| moment | came | expected | more than expected (95 %) | root mean square error "
        "| of risk times mean | of the mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for moment, of in found.items():
        (low, high), errors = of["more_late_interval_95"], of["root_mean_square_error"]
        lines.append(
            f"| {moment} | {of['mean']:.3f} h | {of['expected']:.3f} h | {low:+.3f} to {high:+.3f} h | "
            f"{errors['model']:.3f} h | {errors['risk_times_mean']:.3f} h | {errors['mean']:.3f} h |"
        )
    return lines


def _slices(kind: str, rows: list[dict[str, Any]], told: Told) -> list[str]:
    lines = [
        f"| {kind.replace('_', ' ')} | n | {told.outcome} | predicted | more {told.outcome} than predicted (95 %) "
        f"| AUC (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row["more_late_interval_95"]
        auc = "too few" if row["auc"] is None else "{:.3f} ({:.3f}–{:.3f})".format(row["auc"], *row["auc_interval_95"])
        lines.append(
            f"| {row['name']} | {row['n']:,} | {row['late']:.1%} | {row['predicted']:.1%} | "
            f"{100 * low:+.1f} to {100 * high:+.1f} points | {auc} |"
        )
    return lines


def _row(moment: str, scorer: str, found: dict[str, Any], interval: str) -> str:
    return (
        f"| {moment} | {scorer} | {found['auc']:.3f}{interval} | {found['average_precision']:.3f} | "
        f"{found['brier']:.4f} | {found['ece']:.4f} | {found['n']:,} | {found['base_rate']:.1%} |"
    )


def picture(result: dict[str, Any], judged: Mapping[_M, Judged], told: Told) -> Figure:
    """Return the picture: reliability, precision and recall, lift, quality by moment."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    figure.suptitle(f"{result['model']} {result['version']} — {result['data']}")
    (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
    _reliability(top_left, judged, told)
    _precision_recall(top_right, judged, told)
    _lift(bottom_left, judged, told)
    _by_moment(bottom_right, result, told)
    return figure


def _reliability(axes: Axes, judged: Mapping[_M, Judged], told: Told) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for colour, (moment, cases) in zip(_COLOURS, judged.items(), strict=False):
        predicted, observed, _ = reliability(cases.late, cases.probability)
        axes.plot(predicted, observed, "o-", color=colour, markersize=4, label=str(moment))
    axes.set(title="Does a probability mean what it says?", xlabel="predicted", ylabel=f"share {told.outcome}")
    axes.legend()


def _precision_recall(axes: Axes, judged: Mapping[_M, Judged], told: Told) -> None:
    for colour, cases in zip(_COLOURS, judged.values(), strict=False):
        for scores, style in ((cases.probability, "-"), (cases.baselines[told.rival], ":")):
            precision, recall, _ = precision_recall_curve(cases.late, scores)
            axes.plot(recall[1:], precision[1:], style, color=colour, linewidth=1.2)
    for style, label in (("-", "model"), (":", told.rival_words)):  # the colours are those beside
        axes.plot([], [], style, color="grey", linewidth=1.2, label=label)
    axes.set(
        title=f"How many alarms are right, how many {told.outcome} ones are found?", xlabel="recall", ylabel="precision"
    )
    axes.legend(fontsize=8, loc="best")


def _lift(axes: Axes, judged: Mapping[_M, Judged], told: Told) -> None:
    capacity = np.linspace(0.01, 1.0, 100)
    for colour, (moment, cases) in zip(_COLOURS, judged.items(), strict=False):
        axes.plot(capacity * 100, lift(cases.late, cases.probability, capacity), color=colour, label=str(moment))
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(title="What is a review slot worth?", xlabel=f"share of {told.things} looked at, %", ylabel="times chance")
    axes.legend()


def _by_moment(axes: Axes, result: dict[str, Any], told: Told) -> None:
    moments = list(result["moments"])
    places = np.arange(len(moments))
    for offset, (measure, colour) in zip(
        (-0.2, 0.2), (("auc", _COLOURS[0]), ("average_precision", _COLOURS[1])), strict=True
    ):
        heights = [result["moments"][moment][measure] for moment in moments]
        bars = axes.bar(places + offset, heights, 0.36, color=colour, label=measure.replace("_", " "))
        axes.bar_label(bars, fmt="%.3f", fontsize=9)
        base = [result["moments"][moment]["baselines"][told.rival][measure] for moment in moments]
        axes.plot(places + offset, base, "_", color="black", markersize=22)
    axes.set(title=f"Quality by {told.by} (dash: {told.rival_words})", xticks=places, ylim=(0, 1.18))
    axes.set_xticklabels([name.replace(", ", ",\n") for name in moments])
    axes.legend(loc="upper left", ncols=2)
