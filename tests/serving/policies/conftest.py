from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving.bundles import changed
from tests.serving.house import House
from tests.serving.policies.days import a_day


@pytest.fixture
def houses(any_url: str) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def ledger(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A day under the bundle that ships; nobody writes to it."""
    path = shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("ledger") / "triage.db")
    with House(f"sqlite:///{path}", changed()) as house:
        a_day(house, seed=3)
        yield house
