"""How many examples a test on random input draws: few each time, and `EXAMPLES_TIMES` as many where one can wait."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_TIMES = int(os.environ.get("EXAMPLES_TIMES", "1"))


def drawn(examples: int) -> settings:
    """Return the settings of a test that draws so many examples in a default run."""
    return settings(
        max_examples=examples * _TIMES,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
