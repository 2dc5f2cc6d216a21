from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from routing.policy import Policy
from serving.auth.people import NOBODY, People
from serving.db.engine import create_engine_for
from serving.db.migrate import upgrade
from tests.serving.bundles import changed
from tests.serving.house import House, copy_of
from tests.serving.worker.stores import SqlStore, emptied, postgresql_store

BOTH_DATABASES = ["sqlite_url", pytest.param("postgresql_url", marks=pytest.mark.service)]


@pytest.fixture(scope="session")
def late_shipments() -> Policy:
    """The policy that ships with the program, but that it tells each customer at once, and of one shipment."""
    return changed()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: migrating it for each test would take most of the time."""
    path = tmp_path_factory.mktemp("migrated") / "triage.db"
    engine = create_engine_for(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def disk_of_memory() -> Iterator[Path]:
    """A folder in memory where the system has one: no test waits for a disk to have flushed what it throws away."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(prefix="freight-", dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, disk_of_memory: Path) -> Iterator[str]:
    """An empty, migrated SQLite database, at the same place for each test."""
    with copy_of(migrated_sqlite, disk_of_memory / "triage.db") as url:
        yield url


@pytest.fixture(scope="session")
def fresh_postgresql() -> Iterator[SqlStore]:
    """A PostgreSQL database of this run, dropped at its end; skips where no server answers."""
    with postgresql_store() as store:
        yield store


@pytest.fixture
def postgresql_url(fresh_postgresql: SqlStore) -> Iterator[str]:
    """The run's PostgreSQL database, emptied after the test."""
    with emptied(fresh_postgresql) as url:
        yield url


@pytest.fixture(params=BOTH_DATABASES)
def any_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database: SQLite always, PostgreSQL where it answers."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def people() -> People:
    """Whom `house` and `any_house` know: nobody, unless a module says otherwise."""
    return NOBODY


@pytest.fixture
def house(sqlite_url: str, late_shipments: Policy, people: People) -> Iterator[House]:
    """A service on SQLite."""
    with House(sqlite_url, late_shipments, people=people) as made:
        yield made


@pytest.fixture
def any_house(any_url: str, late_shipments: Policy, people: People) -> Iterator[House]:
    """A service on SQLite, and one on PostgreSQL."""
    with House(any_url, late_shipments, people=people) as made:
        yield made


@pytest.fixture
def postgresql_house(postgresql_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service on PostgreSQL."""
    with House(postgresql_url, late_shipments) as made:
        yield made
