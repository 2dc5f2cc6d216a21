"""`python -m features.catalogue` writes docs/features.md: every feature with unit, window, source, owner, meaning."""

from __future__ import annotations

from pathlib import Path

from features.definitions import FEATURES


def catalogue() -> str:
    """Return the catalogue as Markdown."""
    lines = [
        "# Features",
        "",
        f"{len(FEATURES)} features, made from the declarations in `features/` by `make docs`. All are float64; what is",
        "missing is NaN. A window looks back from the cutoff and counts only what was known by then.",
        "",
        "| name | unit | window | source | owner | meaning |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| `{f.name}` | {f.unit} | {f.window} | {f.source} | {f.owner} | {f.meaning} |" for f in FEATURES]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path("docs/features.md").write_text(catalogue(), encoding="utf-8")
