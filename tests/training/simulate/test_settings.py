from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from training.simulate.settings import SimulationSettings


class TestSimulationSettings:
    def test_a_start_that_is_no_midnight_in_utc_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="it must be a midnight in UTC"):
            SimulationSettings(start=datetime(2024, 9, 2, 7, tzinfo=UTC))

    def test_a_misspelt_setting_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="utilization"):
            SimulationSettings.model_validate({"utilization": 0.5})
