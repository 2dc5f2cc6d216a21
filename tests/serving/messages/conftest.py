from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.bundles import changed, together
from tests.serving.effects.calls import acting
from tests.serving.house import House, staff

PEOPLE = staff(dana=["customer-service"])


@pytest.fixture
def grouping(any_url: str) -> Iterator[House]:
    """A service on SQLite and one on PostgreSQL that tell a customer of what leaves one place in one message."""
    with House(any_url, changed(acting, together("customer_id", "origin")), people=PEOPLE) as made:
        yield made


@pytest.fixture
def locally(sqlite_url: str) -> Iterator[House]:
    """The same on SQLite alone, for what no database makes a difference to."""
    with House(sqlite_url, changed(acting, together("customer_id", "origin"))) as made:
        yield made
