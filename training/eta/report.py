"""The report of a model of arrival: one page of figures, beside the run that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write_report(result: dict[str, Any], folder: Path) -> Path:
    """Write `report.md` into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.md"
    path.write_text(page(result), encoding="utf-8")
    return path


def page(result: dict[str, Any]) -> str:
    """Return the page as Markdown."""
    lines = [
        f"# {result['model']}, version {result['version']}",
        "",
        f"Data: {result['data']}. Test period: {result['period'][0]} to {result['period'][1] or 'the end'}.",
        "Every interval is judged at its moment, corrected by outcomes known then; intervals resample whole days.",
        "",
        "| moment | quantiles | covers (95 %) | earlier | later | median width | interval score | median error | n |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for moment, found in {**result["moments"], "all": result["overall"]}.items():
        low, high = found["coverage_interval_95"]
        lines.append(_row(moment, "model", found, f" ({low:.3f}–{high:.3f})"))
        lines += [_row("", name.replace("_", " "), other, "") for name, other in found["baselines"].items()]
    return "\n".join([*lines, ""])


def _row(moment: str, scorer: str, found: dict[str, Any], interval: str) -> str:
    return (
        f"| {moment} | {scorer} | {found['coverage']:.3f}{interval} | {found['earlier']:.3f} | {found['later']:.3f} | "
        f"{found['median_width_hours']:.3f} h | {found['interval_score_hours']:.3f} h | "
        f"{found['median_error_hours']:.3f} h | {found['n']:,} |"
    )
