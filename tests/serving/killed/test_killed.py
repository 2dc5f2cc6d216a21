"""Processes of the service and its worker are killed (SIGKILL) at random points: nothing is lost or done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.killed.surviving import ROUNDS, survives


def test_a_few_rounds(sqlite_url: str, tmp_path: Path) -> None:
    played = survives(sqlite_url, tmp_path, rounds=3, seed=6)
    assert played.clients.counts.cut.total() > 0


@pytest.mark.slow
def test_many_rounds(sqlite_url: str, tmp_path: Path) -> None:
    played = survives(sqlite_url, tmp_path, rounds=ROUNDS, seed=2)
    assert played.clients.counts.cut.total() >= ROUNDS / 2
    assert played.left_leased > 0
