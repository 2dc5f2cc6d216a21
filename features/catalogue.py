"""`python -m features.catalogue` writes docs/features.md: every feature with unit, window, source, owner, meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from features.declaration import Feature
from features.definitions import FEATURES
from features.inventory.features import INVENTORY_FEATURES
from features.invoice import INVOICE_FEATURES

_SECTIONS: tuple[tuple[str, str, Sequence[Feature]], ...] = (
    ("Of a shipment", "For the delay model, at each decision moment.", FEATURES),
    ("Of an invoice", "When the invoice came in. Amounts are in the minor units of its currency.", INVOICE_FEATURES),
    ("Of an order line", "When it is ordered, and just before its wave is released.", INVENTORY_FEATURES),
)


def catalogue() -> str:
    """Return the catalogue as Markdown."""
    count = sum(len(features) for _, _, features in _SECTIONS)
    lines = [
        "# Features",
        "",
        f"{count} features, made from the declarations in `features/` by `make docs`. All are float64; what is",
        "missing is NaN. A window looks back from the cutoff and counts only what was known by then.",
    ]
    for title, when, features in _SECTIONS:
        lines += [
            "",
            f"## {title}",
            "",
            f"{len(features)} features. {when}",
            "",
            "| name | unit | window | source | owner | meaning |",
            "|---|---|---|---|---|---|",
        ]
        lines += [f"| `{f.name}` | {f.unit} | {f.window} | {f.source} | {f.owner} | {f.meaning} |" for f in features]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path("docs/features.md").write_text(catalogue(), encoding="utf-8")
