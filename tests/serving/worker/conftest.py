from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.serving.worker.stores import FakeStore, SqlStore, Store, postgresql_store, sqlite_store

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.service)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: migrating it for each test would take most of the time."""
    path = tmp_path_factory.mktemp("migrated") / "triage.db"
    with sqlite_store(path):
        pass
    return path


@pytest.fixture
def sqlite_file(migrated_file: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated_file, tmp_path / "triage.db"))


@pytest.fixture(scope="module")
def postgresql_server() -> Iterator[SqlStore]:
    with postgresql_store() as store:
        yield store


@pytest.fixture
def postgresql(postgresql_server: SqlStore) -> Iterator[SqlStore]:
    yield postgresql_server
    with postgresql_server.engine.begin() as connection:
        connection.execute(text("TRUNCATE outgoing_calls, decisions, audit_log RESTART IDENTITY CASCADE"))


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
