from __future__ import annotations

from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.house import House

ON_POSTGRESQL = pytest.param("postgresql_url", marks=[pytest.mark.service, pytest.mark.slow])


@pytest.fixture(params=["sqlite_url", ON_POSTGRESQL])
def any_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database: SQLite always, PostgreSQL among the slow tests."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def any_house(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service on SQLite, and, among the slow tests, one on PostgreSQL."""
    with House(any_url, late_shipments) as made:
        yield made


@pytest.fixture(params=["sqlite_url", pytest.param("postgresql_url", marks=pytest.mark.service)])
def both_house(request: pytest.FixtureRequest, late_shipments: Policy) -> Iterator[House]:
    """A service on SQLite, and one on PostgreSQL, always."""
    with House(request.getfixturevalue(request.param), late_shipments) as made:
        yield made
