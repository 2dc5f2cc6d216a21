from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.definitions import NAMES
from features.vocabulary import Moment
from tests.training.small import small_dataset
from training.dataset import Dataset
from training.leakage.findings import SPLIT
from training.leakage.outcomes import check_alone, check_shuffled, check_sides, check_twins, learn_shuffled


def with_column(values: np.ndarray) -> Dataset:
    dataset = small_dataset()
    return replace(dataset, values=np.column_stack([dataset.values, values]))


def late() -> np.ndarray:
    return small_dataset().cases["late"].to_numpy(dtype=bool)


def of_some_shipments() -> Dataset:
    """Every third shipment: as many as are learnt from in a moment."""
    dataset = small_dataset()
    chosen = pd.factorize(dataset.cases["shipment_id"])[0] % 3 == 0
    return Dataset(dataset.cases[chosen].reset_index(drop=True), dataset.values[chosen], dataset.fingerprint)


def mixed_up() -> Dataset:
    """Cases are put into periods by chance, whatever shipment they are of."""
    dataset = of_some_shipments()
    period = np.random.default_rng(4).choice(["fit", "test"], len(dataset.cases))
    return replace(dataset, cases=dataset.cases.assign(period=period))


class TestCheckSides:
    def test_a_split_by_planned_departure_holds(self) -> None:
        check, findings = check_sides(small_dataset().cases)
        assert findings == ()
        assert (check.compared, check.failed) == (small_dataset().cases["shipment_id"].nunique(), 0)

    def test_one_shipment_on_two_sides_is_a_leak_with_its_number(self) -> None:
        cases = small_dataset().cases.copy()
        first = cases["shipment_id"].iloc[0]
        (case, *_) = cases.index[cases["shipment_id"] == first]
        cases.loc[case, "period"] = "test"
        check, (finding,) = check_sides(cases)
        assert check.failed == 1
        assert finding.feature == SPLIT
        assert finding.found.startswith("1 of ")
        assert finding.found.endswith(f"the first {first}.")


class TestCheckTwins:
    def test_honest_data_have_none(self) -> None:
        check, findings = check_twins(small_dataset())
        assert findings == ()
        assert check.compared == (small_dataset().cases["period"] == "test").sum()

    def test_a_copy_of_a_fit_case_under_another_number_is_found(self) -> None:
        dataset = small_dataset()
        cases, values = dataset.cases.copy(), dataset.values.copy()
        fit, test = (np.flatnonzero(cases["period"] == period)[5] for period in ("fit", "test"))
        values[test] = values[fit]
        cases.loc[test, "moment"] = cases.loc[fit, "moment"]
        check, (finding,) = check_twins(Dataset(cases, values, ""))
        assert check.failed == 1
        assert cases.loc[test, "shipment_id"] in finding.found
        # The same numbers at another moment are another case.
        cases.loc[test, "moment"] = "24h_before" if cases.loc[fit, "moment"] != "24h_before" else "2h_before"
        assert check_twins(Dataset(cases, values, ""))[1] == ()


class TestCheckAlone:
    def test_honest_features_do_not_tell_the_outcome(self) -> None:
        check, findings = check_alone(small_dataset(), NAMES)
        assert findings == ()
        assert check.compared == 3 * len(NAMES)

    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_a_copy_of_the_outcome_is_found_in_either_direction_at_every_moment(self, sign: float) -> None:
        _, findings = check_alone(with_column(sign * late()), (*NAMES, "planted"))
        assert [finding.feature for finding in findings] == ["planted"] * 3
        assert "AUC of 1.0000 at 24h_before" in findings[0].found
        assert [finding.expected for finding in findings] == ["At most 0.9.", "At most 0.9.", "At most 0.98."]
        assert "copy of the outcome" in findings[0].found

    def test_an_outcome_told_by_what_is_missing_is_found(self) -> None:
        assert len(check_alone(with_column(np.where(late(), np.nan, 7.0)), (*NAMES, "planted"))[1]) == 3

    def test_a_code_without_an_order_is_found(self) -> None:
        """Even codes are punctual, odd ones late: no threshold tells them apart."""
        code = 2 * np.random.default_rng(1).integers(0, 20, len(late())) + late()
        assert len(check_alone(with_column(code), (*NAMES, "planted"))[1]) == 3

    def test_what_is_too_good_before_departure_may_be_true_at_departure(self) -> None:
        """Nine of ten outcomes told: AUC 0.95 or so."""
        rng = np.random.default_rng(1)
        blurred = late() + rng.normal(0, 0.43, len(late()))
        _, findings = check_alone(with_column(blurred), (*NAMES, "planted"))
        assert {finding.found.split(" at ")[1].split(",")[0] for finding in findings} == {"24h_before", "2h_before"}
        assert {finding.expected for finding in findings} == {"At most 0.9."}
        assert not any("copy" in finding.found for finding in findings)

    def test_a_moment_with_too_few_cases_is_not_judged(self) -> None:
        dataset = small_dataset()
        cases = dataset.cases.assign(late=dataset.cases["late"] & (dataset.cases["moment"] == Moment.DAY_BEFORE.value))
        assert check_alone(replace(dataset, cases=cases), NAMES)[0].compared == len(NAMES)
        check, _ = check_alone(replace(dataset, cases=cases.assign(late=False)), NAMES)
        assert "fewer than 20 late or punctual" in check.skipped_because


class TestCheckShuffled:
    @pytest.mark.slow
    def test_with_an_honest_split_there_is_nothing_to_learn(self) -> None:
        check, findings = check_shuffled(of_some_shipments(), seed=1)
        assert findings == ()
        assert check.compared == (of_some_shipments().cases["period"] == "test").sum()
        assert "by chance" in check.meaning

    @pytest.mark.slow
    def test_the_same_shipments_on_both_sides_are_learnt_by_heart(self) -> None:
        check, (finding,) = check_shuffled(mixed_up(), seed=1)
        assert finding.feature == SPLIT
        assert check.failed == check.compared > 0
        learnt = learn_shuffled(mixed_up(), seed=1)
        assert learnt is not None
        assert learnt.auc > 0.8 > learnt.high > 0.5 > learnt.low
        assert f"{learnt.auc:.3f}" in finding.found

    def test_with_too_few_cases_it_says_that_it_was_not_made(self) -> None:
        dataset = small_dataset()
        check, findings = check_shuffled(replace(dataset, cases=dataset.cases.assign(late=False)), seed=1)
        assert findings == ()
        assert check.skipped_because
