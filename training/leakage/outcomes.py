"""Do features or the split give the outcome away? What a value alone tells, what is learnt from shuffled outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import Moment
from training.dataset import MINIMUM_OF_EACH_OUTCOME, Dataset
from training.leakage.findings import SPLIT, Check, Finding
from training.splits import Period

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

COPIED_AUC = 0.98
"""From here on one value is the outcome, at whatever moment."""
TOO_GOOD_AUC = 0.9
"""From here on one value knows, before the shipment has left, more than can be known then."""
BINS = 200
PERMUTATIONS = 400
BAND = 3.3
"""Width of the band round 0.5, in standard deviations on each side: chance alone leaves it once in a thousand times."""

_BEFORE_DEPARTURE = (Moment.AT_BOOKING, Moment.DAY_BEFORE, Moment.HOURS_BEFORE)
_ROUNDS = 120
_MEMORY: dict[str, object] = {
    "objective": "binary",
    "num_leaves": 127,
    "min_child_samples": 3,
    "learning_rate": 0.1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
"""Trees that learn by heart whatever can be: with honest data there is nothing that helps on the other side."""


@dataclass(frozen=True, slots=True)
class Shuffled:
    """What was learnt from shuffled outcomes: AUC on the test period, and the band in which chance leaves it."""

    auc: float
    low: float
    high: float
    fitted: int
    judged: int


def check_sides(cases: pd.DataFrame) -> tuple[Check, tuple[Finding, ...]]:
    """Check that no shipment has cases in two periods of the split.

    Parameters
    ----------
    cases
        Columns shipment_id and period; n rows.
    """
    sides = cases.groupby("shipment_id", observed=True)["period"].nunique()
    both = sides[sides > 1]
    check = Check("sides", "all cases of a shipment are in one period of the split", len(sides), "shipments", len(both))
    if both.empty:
        return check, ()
    return check, (
        Finding(
            SPLIT,
            "sides",
            f"{len(both):,} of {len(sides):,} shipments have cases in two periods, the first {both.index[0]}.",
            "Each shipment in one period, with all its moments.",
            "Split by a time that all cases of a shipment share, as training.splits.periods_of does.",
        ),
    )


def check_twins(dataset: Dataset) -> tuple[Check, tuple[Finding, ...]]:
    """Check that no case of the test period has the very features, to the last bit, of one of the fit period."""
    cases = dataset.cases
    moment = pd.factorize(cases["moment"])[0]
    rows = pd.Series([bytes([code]) + row.tobytes() for code, row in zip(moment, dataset.values, strict=True)])
    fit, test = ((cases["period"] == period.value).to_numpy() for period in (Period.FIT, Period.TEST))
    twins = rows[test].isin(set(rows[fit]))
    failed = int(twins.sum())
    check = Check("twins", "no case is on both sides of the split", int(test.sum()), "test cases", failed)
    if not failed:
        return check, ()
    first = cases.loc[twins.index[twins][0], "shipment_id"]
    return check, (
        Finding(
            SPLIT,
            "twins",
            f"{failed:,} of {int(test.sum()):,} test cases equal one of the fit period in every feature, the first of "
            f"shipment {first}.",
            "No case twice, under whatever number.",
            "Import each shipment once; let copies under another number keep the number of the first.",
        ),
    )


def check_alone(dataset: Dataset, names: Sequence[str]) -> tuple[Check, tuple[Finding, ...]]:
    """Check what each value tells of the outcome by itself, at each moment, in either direction or in none.

    The AUC of the value as it is; and that of the late share in its neighbourhood (`BINS` groups), learnt on the fit
    period and judged on the test period. A missing value counts as the smallest, then as the largest.
    """
    findings: list[Finding] = []
    compared = 0
    for moment in Moment:
        rows = (dataset.cases["moment"] == moment.value).to_numpy()
        late = dataset.cases.loc[rows, "late"].to_numpy(dtype=bool)
        period = dataset.cases.loc[rows, "period"].to_numpy()
        if not _enough(late):
            continue
        compared += len(names)
        told = _told_alone(dataset.values[rows], late, period == Period.FIT.value, period == Period.TEST.value)
        limit = TOO_GOOD_AUC if moment in _BEFORE_DEPARTURE else COPIED_AUC
        findings += [
            _gives_away(names[column], moment, float(told[column]), len(late))
            for column in np.flatnonzero(told > limit).tolist()
        ]
    check = Check("alone", "no value alone tells the outcome", compared, "features by moment", len(findings))
    return (check if compared else _skipped(check)), tuple(findings)


def check_shuffled(dataset: Dataset, seed: int) -> tuple[Check, tuple[Finding, ...]]:
    """Check that nothing can be learnt from outcomes that were dealt out anew among the shipments.

    A shipment keeps one outcome over all its cases: where the two sides of the split share shipments, or rows, trees
    that learn by heart find some of the outcomes on the other side again. Of how features are made it says nothing:
    they stay as they were built, and what they may tell of the true outcomes tells nothing of the dealt ones.
    """
    check = Check("shuffled", "from shuffled outcomes nothing can be learnt", 0, "test cases", 0)
    learnt = learn_shuffled(dataset, seed)
    if learnt is None:
        return _skipped(check), ()
    outside = not learnt.low <= learnt.auc <= learnt.high
    check = Check(
        check.name,
        f"{check.meaning} (AUC {learnt.auc:.3f}, by chance {learnt.low:.3f} to {learnt.high:.3f})",
        learnt.judged,
        check.unit,
        learnt.judged if outside else 0,
    )
    if not outside:
        return check, ()
    return check, (
        Finding(
            SPLIT,
            "shuffled",
            f"Trained on {learnt.fitted:,} cases with shuffled outcomes, the AUC on {learnt.judged:,} others is "
            f"{learnt.auc:.3f}.",
            f"Between {learnt.low:.3f} and {learnt.high:.3f}, as by chance.",
            "The sides of the split share shipments, under one number or another. See `sides` and `twins`; if both "
            "hold, look for shipments that were imported twice and differ in little.",
        ),
    )


def learn_shuffled(dataset: Dataset, seed: int) -> Shuffled | None:
    """Train on shuffled outcomes of the fit period and judge on those of the test period; None with too few cases."""
    rng = np.random.default_rng(seed)
    cases = dataset.cases
    code, shipments = pd.factorize(cases["shipment_id"])
    outcome = np.zeros(len(shipments), dtype=bool)
    outcome[code] = cases["late"].to_numpy(dtype=bool)
    dealt = rng.permutation(outcome)
    fit, test = ((cases["period"] == period.value).to_numpy() for period in (Period.FIT, Period.TEST))
    late = dealt[code]
    if not (_enough(late[fit]) and _enough(late[test])):
        return None
    trees = lgb.train({**_MEMORY, "seed": seed}, lgb.Dataset(dataset.values[fit], late[fit]), num_boost_round=_ROUNDS)
    rank = _ranks(np.asarray(trees.predict(dataset.values[test], raw_score=True))[:, None])
    by_chance = np.array([_auc(rank, rng.permutation(dealt)[code[test]])[0] for _ in range(PERMUTATIONS)])
    wide = BAND * float(by_chance.std())
    return Shuffled(float(_auc(rank, late[test])[0]), 0.5 - wide, 0.5 + wide, int(fit.sum()), int(test.sum()))


def _told_alone(values: Floats, late: Bools, fit: Bools, test: Bools) -> Floats:
    """Return for each column the AUC that it reaches alone, 0.5 or more."""
    told = np.full(values.shape[1], 0.5)
    for missing in (-np.inf, np.inf):
        filled = np.where(np.isnan(values), missing, values)
        told = np.maximum(told, _either_way(_auc(_ranks(filled), late)))
    if _enough(late[fit]) and _enough(late[test]):
        shares = np.stack([_late_share(column, late, fit)[test] for column in values.T], axis=1)
        told = np.maximum(told, _auc(_ranks(shares), late[test]))
    return told


def _late_share(column: Floats, late: Bools, fit: Bools) -> Floats:
    """Return for each row the late share, in the fit period, among the values near its own."""
    filled = np.where(np.isnan(column), np.inf, column)
    edges = np.unique(np.quantile(filled[fit], np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    place = np.searchsorted(edges, filled, side="left") + np.isinf(filled)
    size = np.bincount(place[fit], minlength=len(edges) + 2)
    lates = np.bincount(place[fit], weights=late[fit], minlength=len(edges) + 2)
    return np.asarray(((lates + late[fit].mean()) / (size + 1))[place])


def _ranks(values: Floats) -> Floats:
    return pd.DataFrame(values).rank().to_numpy(dtype=np.float64)


def _auc(ranks: Floats, late: Bools) -> Floats:
    """Return the AUC of each column of ranks (Mann–Whitney); all values of the outcome must occur."""
    lates = int(late.sum())
    above = ranks[late].sum(axis=0) - lates * (lates + 1) / 2
    return np.asarray(above / (lates * (len(late) - lates)))


def _either_way(auc: Floats) -> Floats:
    return np.maximum(auc, 1 - auc)


def _gives_away(feature: str, moment: Moment, auc: float, cases: int) -> Finding:
    copied = auc >= COPIED_AUC
    limit = TOO_GOOD_AUC if moment in _BEFORE_DEPARTURE else COPIED_AUC
    return Finding(
        feature,
        "alone",
        f"Alone it tells late from punctual with an AUC of {auc:.4f} at {moment.value}, in {cases:,} cases"
        + (": it is a copy of the outcome." if copied else "."),
        f"At most {limit}.",
        "Look where its value comes from: the outcome, or something recorded with it, such as an actual time in a "
        "plan. Mend the mapping or the feature, or leave it out.",
    )


def _enough(late: Bools) -> bool:
    return min(int(late.sum()), int((~late).sum())) >= MINIMUM_OF_EACH_OUTCOME


def _skipped(check: Check) -> Check:
    reason = f"fewer than {MINIMUM_OF_EACH_OUTCOME} late or punctual cases in the fit or the test period"
    return Check(check.name, check.meaning, 0, check.unit, 0, reason)
