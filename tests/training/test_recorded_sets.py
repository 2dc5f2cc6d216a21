"""Training can be pointed at every recorded set: its cases fall into periods, with their labels."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from features.ingest.importer import prepare
from tests.features.ingest.recorded import mapping_of, needs, source_of
from training.config import Split, TrainingConfig
from training.dataset import cases_of
from training.splits import Period


@pytest.mark.parametrize(
    ("name", "fit_until", "calibrate_until"),
    [
        pytest.param("cargo2000", datetime(2000, 4, 10, tzinfo=UTC), datetime(2000, 5, 1, tzinfo=UTC), marks=needs("cargo2000")),
        pytest.param("scms", datetime(2012, 7, 1, tzinfo=UTC), datetime(2013, 7, 1, tzinfo=UTC), marks=needs("scms")),
    ],
)  # fmt: skip
def test_every_period_has_late_and_punctual_cases(name: str, fit_until: datetime, calibrate_until: datetime) -> None:
    split = Split(fit_until=fit_until, calibrate_until=calibrate_until)
    config = TrainingConfig(owner="data science", data=f"recorded deliveries of {name}", split=split)
    cases = cases_of(prepare(mapping_of(name), source_of(name)).kept, config)
    counts = cases.groupby("period")["late"].agg(["sum", "size"])
    assert set(counts.index) == {period.value for period in Period}
    assert (counts["sum"] >= 20).all()
    assert (counts["size"] - counts["sum"] >= 20).all()
