"""How the report of any model is written: one page and one picture, beside the run that made it."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def write(folder: Path, page: str, picture: Figure) -> Path:
    """Write `report.md` and `report.png` into a folder and return the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    picture.savefig(folder / "report.png", dpi=110)
    path = folder / "report.md"
    path.write_text(page, encoding="utf-8")
    return path
