from __future__ import annotations

import numpy as np

from features.vocabulary import Moment
from training.tuning.gain import gain
from training.tuning.losses import Losses


def test_days_that_hang_together_make_the_interval_wide() -> None:
    rng = np.random.default_rng(3)
    days = np.arange(3000) // 100
    luck = rng.normal(0.0, 0.1, 30)[days]
    before = rng.normal(1.0, 0.1, 3000)
    apart = (
        {Moment.AT_DEPARTURE: Losses(before, np.arange(3000))},
        {Moment.AT_DEPARTURE: Losses(before - luck, np.arange(3000))},
    )
    by_day = {Moment.AT_DEPARTURE: Losses(before, days)}, {Moment.AT_DEPARTURE: Losses(before - luck, days)}
    alone, whole = (gain(*pair, np.random.default_rng(1)) for pair in (apart, by_day))
    assert alone.value == whole.value
    assert whole.high - whole.low > 5 * (alone.high - alone.low)


def test_every_moment_counts_alike_however_many_cases_it_has() -> None:
    few, many = np.arange(10), np.arange(1000)
    before = {Moment.AT_DEPARTURE: Losses(np.ones(10), few), Moment.AT_BOOKING: Losses(np.ones(1000), many)}
    after = {Moment.AT_DEPARTURE: Losses(np.zeros(10), few), Moment.AT_BOOKING: Losses(np.ones(1000), many)}
    assert gain(before, after, np.random.default_rng(1)).value == 0.5
