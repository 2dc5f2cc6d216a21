"""The whole check for leakage, on canonical tables, of whatever function builds the features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from features.build import build as product_build
from features.settings import FeatureSettings
from features.tables import RecordTables
from training.config import Split, TrainingConfig
from training.dataset import MINIMUM_OF_EACH_OUTCOME, Dataset, cases_of
from training.errors import TooLittleDataError
from training.leakage.clocks import Build, Step, check_clocks
from training.leakage.findings import Check, Report
from training.leakage.outcomes import check_alone, check_shuffled, check_sides, check_twins
from training.leakage.subjects import BUILDS, SHIPMENTS, subjects_of
from training.splits import Period

LABELLED = 8_000
"""How many shipments of each of the fit and test periods the checks of outcomes look at."""
_UNTIL = (0.6, 0.8)
"""Where the fit and the calibrate period end if no configuration says it, as shares of the planned departures."""


def check_leakage(
    tables: RecordTables,
    config: TrainingConfig,
    *,
    sample: int,
    seed: int,
    build: Build = product_build,
    others: Mapping[str, Build] = BUILDS,
    step: Step = lambda *_: None,
) -> Report:
    """Check features and split for what nobody could have known.

    Parameters
    ----------
    sample
        How many questions are answered again in other worlds.
    build, others
        What makes the features of shipments; and of what else the data tell of, by its name.

    Raises
    ------
    TooLittleDataError
        If there is no question to ask.
    """
    rng = np.random.default_rng(seed)
    step("questions", 0, 1)
    builds = {SHIPMENTS: build, **others}
    asked = subjects_of(tables, config.features, sample, rng)
    subjects = [(name, groups) for name, groups in asked if groups and name in builds]
    if not subjects or subjects[0][0] != SHIPMENTS:
        raise TooLittleDataError("all", "any", 0, 0, 1)
    found = [check_clocks(builds[name], tables, groups, config.features, rng, step) for name, groups in subjects]
    step("outcomes", 0, 3)
    cases = cases_of(tables, config)
    sides, straddling = check_sides(cases)
    cases = _some(cases, rng)
    matrix = build(tables, cases, config.features)
    dataset = Dataset(cases, matrix.values, "")
    twins, copied = check_twins(dataset)
    step("outcomes", 1, 3)
    alone, give_away = check_alone(dataset, matrix.names)
    step("outcomes", 2, 3)
    shuffled, learnt = check_shuffled(dataset, seed)
    step("outcomes", 3, 3)
    return Report(
        asked={name: sum(len(group.questions) for group in groups) for name, groups in subjects},
        cutoffs=sum(len(groups) for _, groups in subjects),
        checks=(*_together([checks for checks, _, _ in found]), sides, twins, alone, shuffled),
        findings=(*(one for _, findings, _ in found for one in findings), *straddling, *copied, *give_away, *learnt),
        trails=tuple(trail for _, _, trails in found for trail in trails),
    )


def _together(found: Sequence[Sequence[Check]]) -> Iterator[Check]:
    """Yield each check once, with all that it compared."""
    for same in zip(*found, strict=True):
        compared, failed = (sum(getattr(check, name) for check in same) for name in ("compared", "failed"))
        yield replace(same[0], compared=compared, failed=failed)


def default_config(tables: RecordTables, data: str) -> TrainingConfig:
    """Return a configuration that fits to the first 60 % of planned departures and tests on the last 20 %.

    Raises
    ------
    TooLittleDataError
        If the planned departures cannot be parted.
    """
    planned = tables.stops.loc[tables.stops["sequence"] == 0, "planned_at"].dropna().sort_values()
    bounds: list[datetime] = [
        planned.iloc[int(len(planned) * share)].to_pydatetime() for share in _UNTIL if len(planned)
    ]
    if not bounds or bounds[0] == bounds[1]:
        raise TooLittleDataError("all", "any", len(planned), 0, MINIMUM_OF_EACH_OUTCOME)
    split = Split(fit_until=bounds[0], calibrate_until=bounds[1])
    return TrainingConfig(owner="data science", data=data, features=FeatureSettings(), split=split)


def _some(cases: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return all cases of up to `LABELLED` shipments of each of the fit and test periods."""
    parts = []
    for period in (Period.FIT, Period.TEST):
        of_period = cases[cases["period"] == period.value]
        shipments = of_period["shipment_id"].unique()
        chosen = shipments[rng.permutation(len(shipments))[:LABELLED]]
        parts.append(of_period[of_period["shipment_id"].isin(chosen)])
    return pd.concat(parts, ignore_index=True)
