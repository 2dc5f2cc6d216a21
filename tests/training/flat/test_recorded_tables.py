"""The two recorded flat tables are read, and what may not be seen is not: skipped where the folder is absent."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.ingest.recorded import needs, source_of
from training.config import load_config
from training.flat.config import CONFIGS, FlatConfig
from training.flat.groups import folds_of, groups_of
from training.flat.table import FlatTable, read_table
from training.flat.truth import truth_of


def recorded(name: str) -> tuple[FlatTable, FlatConfig]:
    config = load_config(CONFIGS / f"{name}.yaml", FlatConfig)
    return read_table(source_of(name), config), config


@needs("backorder")
def test_parts_seen_twice_stand_together_and_no_fold_is_empty() -> None:
    table, config = recorded("backorder")
    assert table.label.sum() == 1780
    for name in ("perf_6_month_avg", "perf_12_month_avg"):
        values = table.values[:, table.names.index(name)]
        assert np.isnan(values).any()
        assert np.nanmin(values) >= 0.0
    assert config.together is not None
    groups = groups_of(table.frame, config.columns, config.together)
    size = np.bincount(groups)
    assert size.max() < 0.1 * len(groups)
    fold = folds_of(groups, 5, np.random.default_rng(1))
    assert np.bincount(fold[table.label]).min() > 250


@needs("dataco")
def test_nothing_is_seen_that_came_after_the_order_and_the_truth_holds() -> None:
    table, config = recorded("dataco")
    seen = set(config.columns.numbers) | set(config.columns.categories)
    leaks = {
        "days_for_shipping_real",
        "shipping_date",
        "order_status_id",
        "delivery_status_id",
        "order_type_id",
        "order_id",
    }
    assert not seen & leaks
    assert config.truth is not None
    told = truth_of(table, config.truth)
    for share in np.unique(told):
        assert table.label[told == share].mean() == pytest.approx(share, abs=0.02)
