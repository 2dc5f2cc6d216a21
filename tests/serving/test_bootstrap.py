"""The service does not start with a bundle of which a part would silently have no effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.loader import load_policy
from serving.bootstrap import build
from serving.config import Settings, bundled_policy
from serving.errors import SettingsError

QUIET = "    confirm: {times: 2, within_hours: 6}\n"
LIKELY_LATE = "  - id: likely_late\n"


def test_the_shipped_bundle_needs_nothing_remembered() -> None:
    assert load_policy(bundled_policy()).remembers == ()


def test_a_rule_to_be_confirmed_is_refused_before_the_database_is_touched(tmp_path: Path) -> None:
    text = bundled_policy().read_text()
    assert text.count(LIKELY_LATE) == 1
    bundle = tmp_path / "quiet.yaml"
    bundle.write_text(text.replace(LIKELY_LATE, LIKELY_LATE + QUIET))
    database = tmp_path / "triage.db"
    with pytest.raises(SettingsError, match=r"rules\.likely_late\.confirm.*leave these parts out"):
        build(Settings(database_url=f"sqlite:///{database}", policy=bundle))
    assert not database.exists()


def test_budgets_rests_and_release_values_are_each_named(tmp_path: Path) -> None:
    text = bundled_policy().read_text()
    budgets = (
        "capacity:\n"
        "  calls: {amount: 3, unit: calls, per_hours: 24, owner: transport-operations, why: a day of the desk}\n\n"
    )
    rest = "  notify:\n    cool_down: {hours: 4, per: customer_id}\n"
    branches = text.index("\nbranches:")
    notify = text.index("  notify:\n", branches)
    text = text[:notify] + rest + text[notify + len("  notify:\n") :]
    threshold = text.index("  notify_from:\n", text.index("\nthresholds:")) + len("  notify_from:\n")
    text = text[:threshold] + "    release: 0.01\n" + text[threshold:]
    text = text.replace("\nthresholds:", "\n" + budgets + "thresholds:", 1)
    bundle = tmp_path / "remembering.yaml"
    bundle.write_text(text)
    needs = load_policy(bundle).remembers
    assert needs[:2] == ("capacity", "branches.notify.cool_down")
    assert "rules.likely_late (thresholds with release)" in needs
