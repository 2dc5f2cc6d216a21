"""The first start brings the first bundle; afterwards the database says what is in force."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from serving.bootstrap import build
from serving.config import Settings, bundled_policy
from serving.db.tables import PolicyMoveRow
from serving.errors import SettingsError
from serving.policies.errors import AnotherBundleError, NothingInForceError
from tests.serving.house import House
from tests.serving.policies.lives import PEOPLE, back, bolder, live, stepped, version


def started(url: str, policy: Path | None = None, people: Path | None = None) -> str:
    """Start the service and return the name of the live bundle with its version."""
    container = build(Settings(database_url=url, policy=policy, people=people))
    with container.reads() as session:
        bundle = container.bundles.live(session)
    container.engine.dispose()
    return f"{bundle.name} {bundle.version}"


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    path = tmp_path / "edited.yaml"
    path.write_text(version(2, bolder), encoding="utf-8")
    return path


def test_the_first_start_brings_the_bundle_that_ships_or_is_given(any_url: str, edited: Path) -> None:
    with pytest.raises(NothingInForceError), House(any_url, None) as empty:
        _ = empty.policy
    assert started(any_url, edited) == "late_shipments 2"
    with House(any_url, None) as house:
        (row,) = house.rows(PolicyMoveRow)
        assert (row.action, row.actor, row.reason) == ("bootstrapped", "system", "the first start of the service")
        assert row.digest == row.live_digest == house.policy.digest
    assert started(any_url) == started(any_url, edited) == "late_shipments 2"


def test_a_file_that_the_database_does_not_know_is_refused_with_what_to_do(sqlite_url: str, edited: Path) -> None:
    assert started(sqlite_url) == "late_shipments 1"
    with pytest.raises(AnotherBundleError, match=r"is not the bundle in force .* `triage policy submit .*edited.yaml`"):
        started(sqlite_url, edited)


def test_a_file_that_was_in_force_changes_nothing_and_is_reported(
    sqlite_url: str, edited: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert started(sqlite_url) == "late_shipments 1"
    with House(sqlite_url, None, people=PEOPLE) as house:
        live(house, edited.read_text(encoding="utf-8"))
        with caplog.at_level(logging.WARNING):
            assert started(sqlite_url, bundled_policy()) == "late_shipments 2"
        assert "is kept and not in force" in caplog.text
        stepped(back(house))
        assert started(sqlite_url, edited) == "late_shipments 1"


def test_people_act_for_the_owners_of_what_is_in_force(sqlite_url: str, tmp_path: Path) -> None:
    people = tmp_path / "people.yaml"
    people.write_text(f"dana: {{token_sha256: {'a' * 64}, roles: [nobody-we-know]}}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="expected some of customer-service"):
        started(sqlite_url, people=people)
