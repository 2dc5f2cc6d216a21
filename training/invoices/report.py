"""The report of the invoice audit: one page of figures and one picture, beside the run that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training import pages
from training.card import lines_of
from training.invoices import ranking
from training.invoices.evaluate import JudgedInvoices

_MODEL, _OTHER, _GREY = "#0b6e99", "#c4561d", "#9a9a9a"
_CURVES = {
    "model": (_MODEL, "-"),
    "proven_claims_only": ("#4a7c3a", "-"),
    "unusual_only": (_OTHER, "-"),
    "isolation_forest": (_OTHER, ":"),
    "largest_bill": (_GREY, "--"),
    "random": (_GREY, ":"),
}


def write_report(result: dict[str, Any], drawn: JudgedInvoices, folder: Path) -> Path:
    """Write `report.md` and `report.png` into a folder and return the path of the first."""
    return pages.write(folder, page(result), _picture(result, drawn))


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    rules, review, missed = result["rules"], result["review"], result["missed"]
    lines = [
        f"# {result['model']}, version {result['version']}",
        "",
        f"Data: {result['data']}. Test period: {result['period'][0]} to {result['period'][1] or 'the end'}; "
        f"{result['invoices']:,} invoices, {result['wrong']:,} of them wrong.",
        "Every invoice is judged as it came in, from what was known then; intervals resample whole days.",
        "",
        *lines_of(result["card"]),
        "| rules | recall (95 %) | precision (95 %) | errors | findings |",
        "|---|---|---|---|---|",
        _rule("rules", rules),
        _rule("rules, where all can be re-rated", rules["where_all_is_determined"]),
        _rule("rules, undercharges left aside", rules["claims"]),
        _rule("largest component", rules["baselines"]["largest_component"]),
        "",
        f"{rules['within_tolerance']} errors within the tolerance are not counted.",
        "",
        f"| ranking, {review['share']:.0%} of the minutes | precision | money recovered | invoices |",
        "|---|---|---|---|",
        _ranking("model", review, review["of_minutes_interval_95"]),
        *(_ranking(name.replace("_", " "), found, None) for name, found in review["baselines"].items()),
        _ranking("all known beforehand", review["all_known"], None),
        "",
        "| not seen in training, without rules | AUC (95 %) | isolation forest | invoices |",
        "|---|---|---|---|",
        *(_unseen(name, found) for name, found in result["unseen"].items()),
        "",
        f"The upper {result['expected_line_haul']['level']:.0%} bound of the line haul holds for "
        f"{result['expected_line_haul']['covers']:.1%} of right bills.",
    ]
    if missed is not None:
        lines += ["", _missed(missed)]
    return "\n".join([*lines, "", "![classes, money recovered, unseen kinds, bounds](report.png)", ""])


def _missed(missed: dict[str, Any]) -> str:
    seen, every = (
        "none" if missed[name] is None else f"{missed[name]:.1%}"
        for name in ("missed_share", "missed_share_with_novel_kinds")
    )
    return (
        f"With {missed['reviewed_share']:.1%} of the invoices reviewed, at most {missed['alpha']:.0%} of those that "
        f"ask too much are missed, with probability {1 - missed['delta']:.0%}, if errors stay of the kinds seen; "
        f"missed were {seen}, with the kinds that came later {every}."
    )


def _rule(name: str, found: dict[str, Any]) -> str:
    def share(measure: str) -> str:
        if found[measure] is None:
            return "–"
        low, high = found[f"{measure}_interval_95"]
        return f"{found[measure]:.3f} ({low:.3f}–{high:.3f})"

    return f"| {name} | {share('recall')} | {share('precision')} | {found['errors']:,} | {found['findings']:,} |"


def _ranking(name: str, found: dict[str, Any], intervals: dict[str, list[float]] | None) -> str:
    measured = found["of_minutes"]
    cells = []
    for measure in ("precision", "money_recovered"):
        interval = "" if intervals is None else f" ({intervals[measure][0]:.3f}–{intervals[measure][1]:.3f})"
        cells.append(f"{measured[measure]:.3f}{interval}")
    return f"| {name} | {cells[0]} | {cells[1]} | {measured['invoices']:,} |"


def _unseen(name: str, found: dict[str, Any]) -> str:
    low, high = found["model"]["auc_interval_95"]
    auc, forest = found["model"]["auc"], found["isolation_forest"]["auc"]
    return f"| {name.replace('_', ' ')} | {auc:.3f} ({low:.3f}–{high:.3f}) | {forest:.3f} | {found['invoices']:,} |"


def _picture(result: dict[str, Any], drawn: JudgedInvoices) -> Figure:
    figure = Figure(figsize=(13, 10), layout="constrained")
    figure.suptitle(f"{result['model']} {result['version']} — {result['data']}")
    (top_left, top_right), (bottom_left, bottom_right) = figure.subplots(2, 2)
    _classes(top_left, result["rules"]["classes"])
    _recovery(top_right, result, drawn)
    _kinds(bottom_left, result["unseen"])
    _bounds(bottom_right, result["expected_line_haul"])
    return figure


def _classes(axes: Axes, classes: dict[str, dict[str, Any]]) -> None:
    names = sorted(classes, key=lambda name: classes[name]["errors"])
    places = np.arange(len(names))
    axes.barh(places, [classes[name]["errors"] for name in names], color=_GREY, label="injected")
    axes.barh(places, [classes[name]["found"] for name in names], color=_MODEL, height=0.5, label="found")
    false = [classes[name]["false_alarms"] for name in names]
    axes.barh(places, [-count for count in false], color=_OTHER, height=0.5, label="false alarms")
    axes.set_yticks(places, [name.replace("_", " ") for name in names], fontsize=7)
    axes.set(title="What do rules prove?", xlabel="errors that the records show")
    axes.legend(fontsize=8, loc="lower right")


def _recovery(axes: Axes, result: dict[str, Any], drawn: JudgedInvoices) -> None:
    for name, score in drawn.rankings.items():
        spent, money = ranking.recovery_curve(drawn.ranked, ranking.order_of(score))
        colour, style = _CURVES[name]
        axes.plot(spent, money, style, color=colour, label=name.replace("_", " "))
    share = result["review"]["share"]
    axes.axvline(share, color="black", linewidth=0.8)
    axes.set(
        title="How much money does review time bring back?",
        xlabel="minutes spent, as a share of a look at every invoice",
        ylabel="share of the overcharge found",
        xlim=(0, 5 * share),
        ylim=(0, 1.02),
    )
    axes.legend(fontsize=8, loc="center right")


def _kinds(axes: Axes, unseen: dict[str, dict[str, Any]]) -> None:
    names = list(unseen)[::-1]
    places = np.arange(len(names))
    for offset, scorer, colour in ((0.2, "model", _MODEL), (-0.2, "isolation_forest", _OTHER)):
        auc = np.array([unseen[name][scorer]["auc"] for name in names])
        limits = np.array([unseen[name][scorer]["auc_interval_95"] for name in names])
        reach = np.abs(limits.T - auc)
        axes.errorbar(
            auc, places + offset, xerr=reach, fmt="o", color=colour, markersize=4, label=scorer.replace("_", " ")
        )
    axes.axvline(0.5, color="grey", linewidth=0.8)
    labels = [f"{name.replace('_', ' ')} ({unseen[name]['invoices']})" for name in names]
    axes.set_yticks(places, labels, fontsize=8)
    axes.set(title="What is seen without rules or labels?", xlabel="AUC against right invoices", xlim=(0.2, 1.02))
    axes.legend(fontsize=8, loc="lower left")


def _bounds(axes: Axes, bounds: dict[str, Any]) -> None:
    names = sorted(bounds["by_carrier"])
    axes.bar(np.arange(len(names)), [bounds["by_carrier"][name] for name in names], color=_MODEL)
    axes.axhline(bounds["level"], color="black", linewidth=0.8)
    axes.set_xticks(np.arange(len(names)), names, rotation=45, fontsize=8)
    axes.set(
        title=f"Does the upper {bounds['level']:.0%} bound of the line haul hold?",
        ylabel="right bills under it",
        ylim=(0.7, 1.0),
    )
