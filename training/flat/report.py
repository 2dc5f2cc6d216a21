"""The report of a flat table: a page and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training import pages
from training.evaluate import Judged
from training.flat.config import FlatConfig
from training.report import Told, picture


def write_report(result: dict[str, Any], drawn: dict[str, Judged], config: FlatConfig, folder: Path) -> Path:
    """Write `report.md` and `report.png` into a folder and return the path of the first."""
    rival = [*config.rules, *config.shares_by, "base_rate"][0]
    told = Told(config.outcome, config.things, rival, by="what is known")
    return pages.write(folder, _page(result), picture(result, drawn, told))


def _page(result: dict[str, Any]) -> str:
    lines = [
        f"# {result['model']}",
        "",
        f"Data: {result['data']}; {result['n']:,} rows, {result['yes']:,} of them yes.",
        "",
        "| judged | scorer | AUC (95 %) | average precision (95 %) | Brier | ECE | n | yes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in result["moments"].items():
        auc, precision = found["auc_interval_95"], found["average_precision_interval_95"]
        lines.append(_row(name, "model", found, auc, precision))
        lines += [_row("", other.replace("_", " "), one) for other, one in found["baselines"].items()]
    if "truth" in result:
        lines.append(_row("", "the truth", result["truth"], result["truth"]["auc_interval_95"]))
    return "\n".join([*lines, "", "![reliability, precision and recall, lift](report.png)", ""])


def _row(
    name: str, scorer: str, found: dict[str, Any], auc: list[float] | None = None, ap: list[float] | None = None
) -> str:
    def told(measure: str, interval: list[float] | None) -> str:
        return f"{found[measure]:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval else "")

    return (
        f"| {name} | {scorer} | {told('auc', auc)} | {told('average_precision', ap)} | {found['brier']:.4f} | "
        f"{found['ece']:.4f} | {found['n']:,} | {found['base_rate']:.2%} |"
    )
