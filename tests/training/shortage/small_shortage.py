"""The shortage model on the small generated network of the tests."""

from __future__ import annotations

from functools import cache

from models.shortage import LineRow, ShortageModel
from tests.training.small import CONFIG, small_tables
from training.dataset import Dataset
from training.shortage.config import ShortageConfig
from training.shortage.dataset import make_shortage_dataset
from training.shortage.fit import fit_shortage

SHORTAGE = ShortageConfig.model_validate(
    {**CONFIG.model_dump(include={"owner", "data", "split", "trees"}), "stale_after_hours": 72.0}
)


@cache
def small_lines() -> Dataset:
    """Return the labelled order lines of the small network."""
    return make_shortage_dataset(small_tables(), SHORTAGE)


@cache
def small_shortage() -> ShortageModel:
    """Return the model fitted on them."""
    return fit_shortage(small_lines(), SHORTAGE)


def row_of(place: int) -> LineRow:
    """Return one line as the model is asked about it."""
    return LineRow(small_lines().values[place], float(small_lines().cases["news_hours"].iloc[place]))
