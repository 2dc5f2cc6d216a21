from __future__ import annotations

import pytest

from features.vocabulary import Branch
from routing.policy import Policy
from routing.priority import Kind, Matter, Saving, invoice, late_shipment, savings, shortage


class TestMatter:
    def test_a_minute_is_worth_probability_times_loss_times_share_saved_by_the_minutes(self) -> None:
        matter = Matter(
            kind=Kind.SHORTAGE, loss_minor=10_000, probability=0.5, saved_share=0.4, minutes=8, in_time=0.25
        )
        assert (matter.expected_loss_minor, matter.saving_minor) == (5_000, 500)
        assert matter.worth_minor_per_minute == 62.5

    def test_three_kinds_that_save_the_same_in_the_same_time_are_worth_the_same(self) -> None:
        late = late_shipment(loss_minor=20_000, probability=0.5, saving=Saving(0.5, 10), is_too_late=False)
        short = shortage(quantity=10, unit_value_minor=10_000, lateness_share=0.1, probability=0.5, coverable=99,
                         minutes=10)  # fmt: skip
        bill = invoice(proven_minor=4_000, suspected_minor=10_000, probability=0.1, minutes=10)
        assert [each.worth_minor_per_minute for each in (late, short, bill)] == [500, 500, 500]

    def test_nothing_is_saved_once_it_is_too_late(self) -> None:
        late = late_shipment(loss_minor=20_000, probability=1.0, saving=Saving(1.0, 1), is_too_late=True)
        assert late.worth_minor_per_minute == 0
        assert late.expected_loss_minor == 20_000

    @pytest.mark.parametrize(("coverable", "share"), [(0.0, 0.0), (5.0, 0.5), (10.0, 1.0), (50.0, 1.0)])
    def test_of_a_shortage_only_what_others_can_give_is_saved(self, coverable: float, share: float) -> None:
        matter = shortage(quantity=10, unit_value_minor=100, lateness_share=0.1, probability=1.0, coverable=coverable,
                          minutes=1)  # fmt: skip
        assert matter.saved_share == share

    def test_of_an_invoice_that_asks_for_nothing_too_much_there_is_nothing_to_save(self) -> None:
        assert invoice(proven_minor=0, suspected_minor=0, probability=0.0, minutes=3).worth_minor_per_minute == 0


class TestSavings:
    def test_follow_from_the_cost_table_with_the_minutes_of_the_review_in_them(self, policy: Policy) -> None:
        found = savings(policy)
        assert found[Branch.REBOOK] == Saving(pytest.approx(0.7), 6 + 4)
        assert found[Branch.NOTIFY] == Saving(pytest.approx(0.3), 6)
        assert found[Branch.NONE] == found[Branch.REVIEW] == Saving(pytest.approx(0.2), 6)

    def test_are_whole_millionths_a_minute(self, policy: Policy) -> None:
        assert savings(policy)[Branch.REBOOK].millionths_per_minute == 70_000
