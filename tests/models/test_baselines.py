from __future__ import annotations

import numpy as np

from features.definitions import NAMES
from models.baselines import base_rate, carrier_lane_rate


class TestBaseRate:
    def test_everybody_gets_the_late_share_of_the_training_data(self) -> None:
        assert base_rate(np.array([True, False, False, False]), 3).tolist() == [0.25, 0.25, 0.25]


class TestCarrierLaneRate:
    def test_it_is_the_feature_of_that_name(self) -> None:
        values = np.zeros((2, len(NAMES)))
        values[:, NAMES.index("carrier_lane_arrivals_late_share_90d")] = [0.1, 0.7]
        assert carrier_lane_rate(values).tolist() == [0.1, 0.7]
