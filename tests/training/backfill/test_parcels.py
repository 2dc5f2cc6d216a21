"""The build in parcels against the build in one piece: the same bits, however the work is parted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.build import build
from features.definitions import NAMES
from features.legs import TABLES
from features.moments import questions_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import Moment
from tests.features.feeds import with_damage, with_feeds
from tests.training.backfill.mail import in_parcels
from training.backfill.local import backfill
from training.backfill.parcels import open_records, part_of
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings

SETTINGS = FeatureSettings(late_after_minutes=15)


@pytest.fixture(scope="module")
def world() -> RecordTables:
    made = simulate(SimulationSettings(shipments=400, days=120), np.random.default_rng(5)).tables
    return with_damage(with_feeds(made))


@pytest.fixture(scope="module")
def expected(world: RecordTables) -> pd.DataFrame:
    asked = questions_of(world).sort_values(["shipment_id", "moment", "cutoff_at"]).reset_index(drop=True)
    values = build(world, asked, SETTINGS).values
    return pd.concat([asked, pd.DataFrame(values, columns=list(NAMES))], axis=1)


@pytest.mark.parametrize("parts", [pytest.param(1, marks=pytest.mark.slow), 7])
def test_equal_the_build_in_one_piece(world: RecordTables, expected: pd.DataFrame, parts: int) -> None:
    pd.testing.assert_frame_equal(in_parcels(world, parts, SETTINGS), expected, check_exact=True, check_dtype=False)
    assert expected["customer_open_exceptions"].max() > 1


def test_a_part_that_is_opened_again_in_another_order_asks_the_same_under_the_same_numbers(world: RecordTables) -> None:
    """A machine may open a part anew while others answer what was asked when it was opened before."""

    def asked(order: slice) -> list[bytes]:
        rows = {table: getattr(world, table).iloc[order] for table in TABLES}
        return [payload for _, kind, payload in open_records(rows, SETTINGS, tuple(Moment), 0, 1) if kind == "question"]

    assert asked(slice(None, None, -1)) == asked(slice(None))


def test_only_the_moments_asked_for(world: RecordTables, expected: pd.DataFrame) -> None:
    some = in_parcels(world, 3, SETTINGS, (Moment.AT_DEPARTURE,))
    wanted = expected[expected["moment"] == Moment.AT_DEPARTURE.value].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, wanted, check_exact=True, check_dtype=False)


def test_on_one_machine_it_is_the_build_in_files(world: RecordTables, expected: pd.DataFrame, tmp_path: Path) -> None:
    world.write(tmp_path / "data")
    (tmp_path / "out").mkdir()
    assert backfill(tmp_path / "data", tmp_path / "out", SETTINGS, tuple(Moment)) == len(expected)
    read = pq.read_table(tmp_path / "out").to_pandas()
    pd.testing.assert_frame_equal(read, expected, check_exact=True, check_dtype=False)


def test_a_part_is_the_same_everywhere() -> None:
    assert part_of(["S1", "S2", "Größe"], 64).tolist() == [18, 40, 21]
