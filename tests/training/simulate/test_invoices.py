from __future__ import annotations

import numpy as np
import pandas as pd

from training.simulate.generate import Simulation, simulate
from training.simulate.invoices import ERROR_SHARES
from training.simulate.settings import SimulationSettings


def honest_total(invoices: pd.DataFrame) -> pd.Series:
    return invoices["contract_base_minor"] + invoices["contract_fuel_minor"] + invoices["contract_accessorial_minor"]


class TestMakeInvoices:
    def test_every_delivered_shipment_is_billed_and_after_its_delivery(self, network: Simulation) -> None:
        events = network.tables.events
        delivered = events[events["status"] == "delivered"].groupby("shipment_id")["occurred_at"].min()
        billed = network.invoices.groupby("shipment_id")["occurred_at"].min()
        assert set(delivered.index) <= set(billed.index)
        assert (billed[delivered.index] > delivered).all()
        assert (network.invoices["known_at"] > network.invoices["occurred_at"]).all()

    def test_invoices_without_an_error_follow_the_contract_to_the_cent(self, network: Simulation) -> None:
        right = network.invoices[~network.invoices["invoice_id"].isin(network.invoice_truth["invoice_id"])]
        assert (right["charged_total_minor"] == honest_total(right)).all()
        recomputed = np.maximum(
            np.round(right["weight_kg"] * right["contract_rate_minor_per_100kg"] / 100), right["contract_minimum_minor"]
        )
        assert (recomputed == right["contract_base_minor"]).all()

    def test_the_truth_names_each_wrong_invoice_and_its_difference(self, network: Simulation) -> None:
        truth = network.invoice_truth.set_index("invoice_id")
        wrong = network.invoices.set_index("invoice_id").loc[truth.index]
        single = truth["error"] != "duplicate_invoice"
        difference = wrong["charged_total_minor"] - honest_total(wrong)
        assert (difference[single] == truth["overcharge_minor"][single]).all()
        assert (wrong["charged_total_minor"][~single] == truth["overcharge_minor"][~single]).all()
        assert (truth["overcharge_minor"] != 0).all()
        assert set(truth["error"]) == set(ERROR_SHARES)
        assert (truth["overcharge_minor"] < 0).equals(truth["error"] == "undercharge")

    def test_about_a_tenth_are_wrong_and_two_to_four_percent_of_spend_is_at_stake(self, network: Simulation) -> None:
        truth, invoices = network.invoice_truth, network.invoices
        assert 0.08 < len(truth) / len(invoices) < 0.12
        stake = truth["overcharge_minor"].abs().sum() / invoices["charged_total_minor"].sum()
        assert 0.02 < stake < 0.04
        assert (truth["overcharge_minor"] > 0).mean() > 0.9

    def test_a_duplicate_is_the_second_invoice_of_its_shipment(self, network: Simulation) -> None:
        truth = network.invoice_truth
        duplicates = truth[truth["error"] == "duplicate_invoice"]["invoice_id"]
        again = network.invoices[network.invoices["shipment_id"].duplicated()]
        assert set(again["invoice_id"]) == set(duplicates)

    def test_without_errors_the_truth_is_empty(self) -> None:
        settings = SimulationSettings(shipments=300, days=14, invoice_error_share=0.0)
        made = simulate(settings, np.random.default_rng(1))
        assert made.invoice_truth.empty
        assert (made.invoices["charged_total_minor"] == honest_total(made.invoices)).all()
