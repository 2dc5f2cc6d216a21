"""One score and its exact explanation in process, by the size of the trees, beside what each size is worth.

The sizes are compared on months before those that any published figure is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import pytest

from features.ingest.importer import prepare
from features.state import FeatureRow
from features.vocabulary import Moment
from models.delay import DelayModel
from tests.benchmarks.page import write_section
from tests.features.ingest.recorded import mapping_of, needs, source_of
from training.config import Split, TrainingConfig, Trees, load_config
from training.dataset import make_dataset
from training.evaluate import days_of
from training.fit import fit_delay
from training.metrics import auc_interval, measures
from training.splits import Period

PAGE = Path("docs/benchmarks.md")
MOMENT = Moment.HOURS_BEFORE
SIZES = (
    Trees(num_leaves=63, max_depth=20),
    Trees(num_leaves=31, max_depth=20),
    Trees(num_leaves=31, max_depth=6),
    Trees(num_leaves=24, max_depth=6, learning_rate=0.05),
    Trees(num_leaves=15, max_depth=5, learning_rate=0.05),
)
SPLIT = Split(
    fit_until=datetime(2014, 6, 1, tzinfo=UTC),
    calibrate_until=datetime(2014, 7, 1, tzinfo=UTC),
    test_until=datetime(2014, 9, 1, tzinfo=UTC),
)
COLUMNS = ("leaves", "depth", "rate", "trees", "AUC (95 %)", "average precision", "score, µs", "explanation, µs")

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default"), needs("flights_pnw14")]


def microseconds(act: Callable[[FeatureRow], object], rows: Sequence[FeatureRow]) -> float:
    """Return the median time of one act."""
    taken = []
    for row in rows:
        began = perf_counter_ns()
        act(row)
        taken.append((perf_counter_ns() - began) / 1e3)
    return float(np.median(taken))


def test_score_and_explanation_by_size(tmp_path: Path) -> None:
    prepare(mapping_of("flights_pnw14"), source_of("flights_pnw14")).kept.write(tmp_path)
    config = load_config(Path("training/configs/flights_pnw14.yaml"), TrainingConfig)
    config = config.model_copy(update={"moments": (MOMENT,), "split": SPLIT})
    dataset = make_dataset(tmp_path, config)
    values, late, cases = dataset.part(Period.TEST, MOMENT)
    rows = [FeatureRow(row, ()) for row in values[::60]]
    table = []
    for trees in SIZES:
        model = fit_delay(dataset, config.model_copy(update={"trees": trees}))
        table.append(row_of(model, trees, values, late, days_of(cases), rows))
    text = (
        "P(late) two hours before departure, calibrated, and its exact Shapley values put in words, one row of "
        f"{values.shape[1]} features at a time on one thread; medians over {len(rows):,} rows. Recorded flights of "
        "2014, fitted to May, calibrated on June, judged on July and August. `make bench` writes this table."
    )
    write_section(PAGE, "One score and its explanation", text, COLUMNS, table)


def row_of(
    model: DelayModel,
    trees: Trees,
    values: np.ndarray,
    late: np.ndarray,
    days: np.ndarray,
    rows: Sequence[FeatureRow],
) -> tuple[str, ...]:
    probability = model.probabilities(values, MOMENT)
    found = measures(late, probability)
    low, high = auc_interval(late, probability, days, np.random.default_rng(1))
    return (
        f"{trees.num_leaves}",
        f"{trees.max_depth}",
        f"{trees.learning_rate}",
        f"{model.boosters[MOMENT].num_trees()}",
        f"{found['auc']:.4f} ({low:.3f}–{high:.3f})",
        f"{found['average_precision']:.3f}",
        f"{microseconds(lambda row: model.score(row, MOMENT), rows):.0f}",
        f"{microseconds(lambda row: model.explain(row, MOMENT), rows):.0f}",
    )
