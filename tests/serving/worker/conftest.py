from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.worker.stores import FakeStore, SqlStore, Store, sqlite_store

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.service)


@pytest.fixture
def sqlite_file(migrated_sqlite: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated_sqlite, tmp_path / "triage.db"))


@pytest.fixture
def postgresql(fresh_postgresql: SqlStore, postgresql_url: str) -> SqlStore:
    return fresh_postgresql


@pytest.fixture
def sqlite(sqlite_file: Path) -> Iterator[SqlStore]:
    with sqlite_store(sqlite_file) as store:
        yield store


@pytest.fixture(params=["sqlite", POSTGRESQL])
def database(request: pytest.FixtureRequest) -> SqlStore:
    """An empty, migrated database: SQLite always, PostgreSQL where it answers."""
    store: SqlStore = request.getfixturevalue(request.param)
    return store


@pytest.fixture(params=["fake", "sqlite", POSTGRESQL])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty outbox: the fake and the real ones, which keep the same promises."""
    store: Store = FakeStore() if request.param == "fake" else request.getfixturevalue(request.param)
    return store
