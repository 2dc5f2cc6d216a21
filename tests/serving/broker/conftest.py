from __future__ import annotations

from collections.abc import Iterator

import pytest

from routing.policy import Policy
from tests.serving.house import House

ON_POSTGRESQL = pytest.param("postgresql_url", marks=[pytest.mark.service, pytest.mark.slow])
"""Each case starts processes of its own, which takes most of its time."""


@pytest.fixture(params=["sqlite_url", ON_POSTGRESQL])
def shared_house(request: pytest.FixtureRequest, late_shipments: Policy) -> Iterator[House]:
    """A service whose database processes share."""
    with House(request.getfixturevalue(request.param), late_shipments) as made:
        yield made
