from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd

from features.tables import RecordTables
from tests.training.small import CONFIG, small_dataset, small_tables
from training.config import Split
from training.dataset import cases_of
from training.splits import AWAITED, Period, periods_of

FIT_UNTIL, CALIBRATE_UNTIL, TEST_UNTIL = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 4, 5))
SPLIT = Split(fit_until=FIT_UNTIL, calibrate_until=CALIBRATE_UNTIL, test_until=TEST_UNTIL)
MINUTE = timedelta(minutes=1)


def period(planned_at: datetime, label_known_at: datetime) -> str | None:
    found = periods_of(pd.Series([planned_at]), pd.Series([label_known_at]), SPLIT)[0]
    return None if pd.isna(found) else str(found)


class TestPeriodsOf:
    def test_the_bounds_are_half_open(self) -> None:
        later = TEST_UNTIL + timedelta(days=9)
        assert period(FIT_UNTIL - 2 * MINUTE, FIT_UNTIL - MINUTE) == Period.FIT
        assert period(FIT_UNTIL, FIT_UNTIL + MINUTE) == Period.CALIBRATE
        assert period(CALIBRATE_UNTIL, later) == Period.TEST
        assert period(TEST_UNTIL, later) is None

    def test_an_outcome_that_came_after_its_period_cannot_be_learnt_from(self) -> None:
        assert period(FIT_UNTIL - MINUTE, FIT_UNTIL) is None
        assert period(CALIBRATE_UNTIL - MINUTE, CALIBRATE_UNTIL) is None


class TestCasesOf:
    def test_what_was_awaited_beyond_its_period_is_there_only_if_asked_for(self) -> None:
        tables = RecordTables.read(small_tables())
        without, cases = cases_of(tables, CONFIG), cases_of(tables, CONFIG, awaited=True)
        awaited = cases["period"] == AWAITED
        assert AWAITED not in set(without["period"])
        assert len(cases) - len(without) == awaited.sum() > 0
        split = CONFIG.split
        assert (cases.loc[awaited, "planned_at"] < pd.Timestamp(split.calibrate_until)).all()
        in_fit = awaited & (cases["planned_at"] < pd.Timestamp(split.fit_until))
        assert (cases.loc[in_fit, "label_known_at"] >= pd.Timestamp(split.fit_until)).all()
        assert (cases.loc[awaited & ~in_fit, "label_known_at"] >= pd.Timestamp(split.calibrate_until)).all()


class TestTheSmallDataset:
    def test_each_shipment_is_on_one_side_only(self) -> None:
        assert (small_dataset().cases.groupby("shipment_id")["period"].nunique() == 1).all()

    def test_no_cutoff_of_a_later_period_is_before_the_label_of_an_earlier_one(self) -> None:
        cases = small_dataset().cases
        fit = cases[cases["period"] == Period.FIT]
        assert (fit["label_known_at"] < pd.Timestamp(datetime(2024, 11, 1, tzinfo=UTC))).all()
        test = cases[cases["period"] == Period.TEST]
        assert (test["planned_at"] >= pd.Timestamp(datetime(2024, 11, 16, tzinfo=UTC))).all()
