from __future__ import annotations

import pandas as pd

from features.carrier_records import Claim, Tender, TenderResponse
from features.tables import records_of
from training.simulate.generate import Simulation
from training.simulate.tenders import RELUCTANCE


def offers(made: Simulation) -> pd.DataFrame:
    """Each offer with the answer to it, if there was one."""
    answers = made.tables.tender_responses[["tender_id", "reply", "occurred_at", "known_at"]]
    answers = answers.rename(columns={"occurred_at": "answered_at", "known_at": "told_at"})
    return made.tables.tenders.merge(answers, on="tender_id", how="left")


class TestTenders:
    def test_every_row_is_a_valid_record(self, small: Simulation) -> None:
        assert len(list(records_of(small.tables, Tender))) == len(small.tables.tenders) > 600
        assert len(list(records_of(small.tables, TenderResponse))) == len(small.tables.tender_responses) > 600

    def test_each_load_is_accepted_last_and_by_the_carrier_that_carries_it(self, network: Simulation) -> None:
        made = offers(network).sort_values(["shipment_id", "occurred_at"])
        last = made.drop_duplicates("shipment_id", keep="last").set_index("shipment_id")
        shipments = network.tables.shipments.set_index("shipment_id")
        assert (last["reply"] == "accepted").all()
        assert len(last) == len(shipments)
        assert (last["carrier_id"] == shipments["carrier_id"]).all()
        assert (last["answered_at"] == shipments["occurred_at"]).all()
        assert (made["reply"] == "accepted").sum() == len(last)

    def test_the_next_carrier_is_asked_when_one_has_declined_or_let_the_deadline_pass(
        self, network: Simulation
    ) -> None:
        made = offers(network).sort_values(["shipment_id", "occurred_at"])
        same = made["shipment_id"].eq(made["shipment_id"].shift(-1))
        over = made["answered_at"].fillna(made["respond_by"])[same]
        apart = (made["occurred_at"].shift(-1)[same] - over).abs()
        assert same.sum() > 1_000
        assert (apart <= pd.Timedelta(seconds=1)).all()

    def test_reluctant_carriers_accept_less(self, network: Simulation) -> None:
        made = offers(network)
        accepted = (made["reply"] == "accepted").groupby(made["carrier_id"]).mean()
        by_reluctance = sorted(RELUCTANCE, key=RELUCTANCE.__getitem__)
        assert accepted[by_reluctance[:2]].min() > accepted[by_reluctance[-2:]].max()
        assert 0.7 < accepted.min() < accepted.max() < 0.97

    def test_some_answers_given_in_time_become_known_after_the_deadline(self, network: Simulation) -> None:
        made = offers(network)
        assert not (made["answered_at"] > made["respond_by"]).any()
        assert 0.01 < (made["told_at"] > made["respond_by"]).mean() < 0.06
        assert 0.02 < made["reply"].isna().mean() < 0.08


class TestClaims:
    def test_every_row_is_a_valid_record(self, network: Simulation) -> None:
        assert len(list(records_of(network.tables, Claim))) == len(network.tables.claims) > 100

    def test_each_is_filed_after_the_delivery_and_settled_after_that(self, network: Simulation) -> None:
        claims = network.tables.claims
        filed = claims[claims["status"] == "filed"].set_index("claim_id")
        settled = claims[claims["status"] != "filed"].set_index("claim_id")
        assert set(filed.index) == set(settled.index)
        assert (settled["occurred_at"] > filed["occurred_at"].reindex(settled.index)).all()
        events = network.tables.events
        delivered = events[events["status"] == "delivered"].drop_duplicates("shipment_id").set_index("shipment_id")
        assert (filed["filed_at"] > filed["shipment_id"].map(delivered["occurred_at"])).all()
        assert settled.loc[settled["status"] == "paid", "paid_minor"].notna().all()
        assert (settled["paid_minor"].dropna() <= settled["claimed_minor"][settled["paid_minor"].notna()]).all()
