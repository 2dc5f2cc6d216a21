"""Training can be pointed at every recorded set: its cases fall into periods, with their labels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.ingest.importer import prepare
from features.vocabulary import Moment
from tests.features.ingest.recorded import mapping_of, needs, source_of
from training.config import Split, TrainingConfig, load_config
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


@pytest.mark.parametrize("name", [pytest.param("scms", marks=needs("scms"))])
def test_all_lines_of_an_order_stand_on_one_side(name: str) -> None:
    tables = prepare(mapping_of(name), source_of(name)).kept
    config = load_config(Path(f"training/configs/{name}.yaml"), TrainingConfig)
    order_of = tables.shipments.set_index("shipment_id")["order_id"]

    def tested(split: Split) -> set[str]:
        cases = cases_of(tables, config.model_copy(update={"split": split}))
        assert set(cases["moment"]) == {Moment.AT_BOOKING.value}
        orders = cases["shipment_id"].map(order_of)
        assert cases.groupby(orders)["period"].nunique().max() == 1
        return set(orders[cases["period"] == Period.TEST.value])

    # Between the lines of this order ends the period of calibration; its first line decides for all of them.
    split = config.split.model_copy(update={"calibrate_until": datetime(2013, 6, 29, tzinfo=UTC)})
    assert "SCMS-188330" not in tested(split)
    assert "SCMS-188330" in tested(split.model_copy(update={"together": None}))
