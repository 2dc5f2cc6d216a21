"""The same on PostgreSQL: in a file of its own, so that another process may play it meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.killed.surviving import ROUNDS, survives


@pytest.mark.slow
@pytest.mark.service
def test_many_rounds_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    played = survives(postgresql_url, tmp_path, rounds=ROUNDS, seed=3)
    assert played.clients.counts.cut.total() >= ROUNDS / 2
    assert played.left_leased > 0
