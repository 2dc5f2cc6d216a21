"""Training can be pointed at every recorded set: its cases fall into periods, with their labels."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from features.ingest.importer import prepare
from tests.features.ingest.recorded import mapping_of, needs, source_of
from training.config import Split, TrainingConfig
from training.dataset import cases_of
from training.splits import Period

FIT_UNTIL = {"cargo2000": datetime(2000, 4, 10, tzinfo=UTC), "scms": datetime(2012, 7, 1, tzinfo=UTC)}
CALIBRATE_UNTIL = {"cargo2000": datetime(2000, 5, 1, tzinfo=UTC), "scms": datetime(2013, 7, 1, tzinfo=UTC)}


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in FIT_UNTIL])
def test_every_period_has_late_and_punctual_cases(name: str) -> None:
    split = Split(fit_until=FIT_UNTIL[name], calibrate_until=CALIBRATE_UNTIL[name])
    config = TrainingConfig(owner="data science", data=f"recorded deliveries of {name}", split=split)
    cases = cases_of(prepare(mapping_of(name), source_of(name)).kept, config)
    counts = cases.groupby("period")["late"].agg(["sum", "size"])
    assert set(counts.index) == {period.value for period in Period}
    assert (counts["sum"] >= 20).all()
    assert (counts["size"] - counts["sum"] >= 20).all()
