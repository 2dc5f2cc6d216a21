"""Features of every family against a loop over the records, written from their meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.definitions import NAMES
from features.settings import FeatureSettings
from features.tables import RecordTables
from tests.features.oracle import ORACLES, AnyRecord, Told


@pytest.fixture(scope="module")
def cases(questions: pd.DataFrame) -> pd.DataFrame:
    return questions.iloc[:: max(1, len(questions) // 30)].reset_index(drop=True)


@pytest.fixture(scope="module")
def told(cases: pd.DataFrame, records: Sequence[AnyRecord]) -> list[Told]:
    return [Told.of(case.shipment_id, case.cutoff_at.to_pydatetime(), records) for case in cases.itertuples()]


@pytest.fixture(scope="module")
def built(world: RecordTables, cases: pd.DataFrame) -> np.ndarray:
    return build(world, cases, FeatureSettings(late_after_minutes=15)).values


@pytest.mark.parametrize("name", ORACLES)
def test_equals_a_loop_over_all_that_is_known(name: str, told: list[Told], built: np.ndarray) -> None:
    expected = np.array([ORACLES[name](one) for one in told])
    np.testing.assert_allclose(built[:, NAMES.index(name)], expected, rtol=1e-12, atol=1e-12)
    assert len(set(expected[np.isfinite(expected)].tolist())) > 1
