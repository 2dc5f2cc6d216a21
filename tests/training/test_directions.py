"""What the field knows of features holds in every fitted model."""

from __future__ import annotations

import numpy as np
import pytest

from features.definitions import NAMES
from features.vocabulary import Moment
from tests.training.small import small_dataset, small_model
from training.directions import directions
from training.splits import Period

DIRECTIONS = dict(zip(NAMES, directions(), strict=True))


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("carrier_departures_late_share_24h", 1),
        ("lane_arrivals_delay_mean_28d", 1),
        ("departure_delay_minutes", 1),
        ("step_delay_hours", 1),
        ("slack_hours", -1),
        ("slack_by_steps_hours", -1),
        ("carrier_departures_count_24h", 0),
        ("origin_temperature_c", 0),
        ("hours_to_promise", 0),
    ],
)
def test_the_direction_is_what_the_field_knows(name: str, direction: int) -> None:
    assert DIRECTIONS[name] == direction


@pytest.mark.parametrize("moment", [Moment.DAY_BEFORE, Moment.HOURS_BEFORE, Moment.AT_DEPARTURE])
def test_no_late_share_or_delay_lowers_the_risk_and_no_slack_raises_it(moment: Moment) -> None:
    values, _, _ = small_dataset().part(Period.TEST, moment)
    rng, model = np.random.default_rng(3), small_model()
    before = model.probabilities(values, moment)
    moved = 0
    for name, direction in DIRECTIONS.items():
        column = NAMES.index(name)
        known = np.isfinite(values[:, column])
        if not direction or not known.any():
            continue
        more = values.copy()
        more[:, column] += rng.exponential(max(float(np.std(values[known, column])), 0.1), len(values))
        change = (model.probabilities(more, moment) - before) * direction
        assert change.min() >= -1e-12
        moved += change.max() > 0
    assert moved >= 3
