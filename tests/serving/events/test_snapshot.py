"""A snapshot: a service that starts from it answers as one that learnt everything, and learns only the rest."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from features.state import State
from features.tables import RecordTables
from serving import cli
from serving.bootstrap import build
from serving.config import Settings
from serving.errors import SnapshotError
from serving.events.records import AnyRecord
from serving.events.snapshot import NOTE, start_of, take
from tests.serving.house import Json, delivery, planned


class Running:
    """A service over one database, started from some history."""

    def __init__(self, database: Path, history: Path | None = None) -> None:
        self.url = f"sqlite:///{database}"
        self.container = build(Settings(database_url=self.url, history=history))

    def take_in(self, *events: Json) -> None:
        assert [taken.status for taken in self.container.events.receive(list(events))] == ["accepted"] * len(events)

    def features(self, shipment_id: str, now: datetime) -> list[float]:
        state = self.container.state
        assert isinstance(state, State)
        return state.features(state.shipment(shipment_id), now).values.tolist()


def story(*shipments: str) -> list[Json]:
    return [event for name in shipments for event in (planned(name), delivery(f"d-{name}", "departed", name))]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "triage.db"


def test_a_service_that_starts_from_it_answers_the_same_and_learns_only_the_rest(
    tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Running(database)
    first.take_in(*story("A", "B"))
    taken = take(first.container.reads, None, tmp_path / "one")
    assert taken.position == 4
    first.take_in(*story("C"))
    again = take(first.container.reads, tmp_path / "one", tmp_path / "two")
    assert again.position == 6

    told: list[AnyRecord] = []
    add = State.add
    monkeypatch.setattr(State, "add", lambda state, record: told.append(record) or add(state, record))
    now = first.container.clock.now()
    for folder, left in (("one", 2), ("two", 0)):
        told.clear()
        second = Running(database, tmp_path / folder)
        assert len(told) == left
        for name in "ABC":
            assert str(second.features(name, now)) == str(first.features(name, now))


def test_what_came_twice_is_in_it_once(tmp_path: Path, database: Path) -> None:
    running = Running(database)
    plan = planned("A")
    running.take_in(plan, {**plan, "id": "again"})
    take(running.container.reads, None, tmp_path / "one")
    assert len(RecordTables.read(tmp_path / "one").shipments) == 1


def test_an_ordinary_history_begins_before_the_log(tmp_path: Path, database: Path) -> None:
    assert start_of(Running(database).container.reads, tmp_path) == 0


class TestRefused:
    @pytest.fixture
    def taken(self, tmp_path: Path, database: Path) -> Path:
        running = Running(database)
        running.take_in(*story("A"))
        take(running.container.reads, None, tmp_path / "one")
        return tmp_path / "one"

    def test_a_snapshot_of_another_log(self, tmp_path: Path, taken: Path) -> None:
        other = Running(tmp_path / "other.db")
        other.take_in(*story("B"))
        with pytest.raises(SnapshotError, match="event 2 of another record log"):
            start_of(other.container.reads, taken)
        with pytest.raises(SnapshotError, match="event 2 of another record log"):
            Running(tmp_path / "empty.db", taken)

    def test_one_whose_files_changed(self, database: Path, taken: Path) -> None:
        (taken / "events.parquet").write_bytes((taken / "events.parquet").read_bytes()[:-1])
        with pytest.raises(SnapshotError, match=r"events.parquet changed since it was taken"):
            Running(database, taken)

    @pytest.mark.parametrize(("note", "found"), [("{", "cannot be read"), ("{}", "cannot be read")])
    def test_one_with_a_note_that_says_nothing(self, database: Path, taken: Path, note: str, found: str) -> None:
        (taken / NOTE).write_text(note)
        with pytest.raises(SnapshotError, match=found):
            Running(database, taken)

    def test_one_of_another_format(self, database: Path, taken: Path) -> None:
        note = json.loads((taken / NOTE).read_text())
        (taken / NOTE).write_text(json.dumps({**note, "format": 9}))
        with pytest.raises(SnapshotError, match="format 9, expected 1"):
            Running(database, taken)

    def test_a_folder_that_is_there(self, database: Path, taken: Path) -> None:
        with pytest.raises(SnapshotError, match="there already"):
            take(Running(database).container.reads, None, taken)


def test_the_command_says_how_far_it_reaches(tmp_path: Path, database: Path) -> None:
    running = Running(database)
    running.take_in(*story("A"))
    result = CliRunner().invoke(cli.app, ["snapshot", "--database", running.url, "--out", str(tmp_path / "one")])
    assert result.exit_code == 0, result.output
    assert "reaches to event 2" in result.output
    assert start_of(running.container.reads, tmp_path / "one") == 2
