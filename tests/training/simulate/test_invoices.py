from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from features.as_known import counts_from
from features.charges import Expected, Reason
from features.contracts import Contracts
from features.invoice_records import FreightInvoice
from features.legs import Legs, Time
from features.rating import rate_shipment
from features.tables import events_of, records_of, shipments_of
from training.simulate.generate import Simulation, simulate
from training.simulate.invoices import ERROR_SHARES
from training.simulate.settings import SimulationSettings


def rated(made: Simulation) -> list[tuple[FreightInvoice, Expected]]:
    """Every invoice with what its shipment should cost, as known when the invoice came."""
    plans = {shipment.shipment_id: shipment for shipment in shipments_of(made.tables)}
    events = defaultdict(list)
    for event in events_of(made.tables):
        events[event.shipment_id].append(event)
    contracts = Contracts.of_tables(made.tables)
    return [
        (bill, rate_shipment(plans[bill.shipment_id], events[bill.shipment_id], contracts, counts_from(bill)))
        for bill in records_of(made.tables, FreightInvoice)
        if bill.shipment_id is not None
    ]


@pytest.fixture(scope="module")
def bills(network: Simulation) -> list[tuple[FreightInvoice, Expected]]:
    return rated(network)


class TestMakeInvoices:
    def test_every_delivered_shipment_is_billed_and_after_its_delivery(self, network: Simulation) -> None:
        events = network.tables.events
        delivered = events[events["status"] == "delivered"].groupby("shipment_id")["occurred_at"].min()
        invoices = network.tables.freight_invoices
        billed = invoices.groupby("shipment_id")["occurred_at"].min()
        assert set(delivered.index) <= set(billed.index)
        assert (billed[delivered.index] > delivered).all()
        assert (invoices["known_at"] > invoices["occurred_at"]).all()

    @pytest.mark.slow
    def test_re_rating_finds_every_error_to_the_cent_and_no_other(
        self, network: Simulation, bills: list[tuple[FreightInvoice, Expected]]
    ) -> None:
        truth = network.invoice_truth
        single = truth[truth["error"] != "duplicate_invoice"]
        overcharge = dict(zip(single["invoice_id"], single["overcharge_minor"], strict=True))
        judged = [(bill, expected.total_minor) for bill, expected in bills if expected.total_minor is not None]
        assert len(judged) > 13_500
        differing = {
            bill.invoice_id: bill.net_due_minor - total for bill, total in judged if bill.net_due_minor != total
        }
        seen = {bill.invoice_id for bill, _ in judged}
        assert differing == {invoice: amount for invoice, amount in overcharge.items() if invoice in seen}

    def test_what_cannot_be_determined_is_for_want_of_a_weight_or_an_end_of_a_stay(
        self, network: Simulation, bills: list[tuple[FreightInvoice, Expected]]
    ) -> None:
        weights = network.tables.shipments.set_index("shipment_id")["weight_kg"]
        for bill, expected in bills:
            reasons = {doubt.reason for doubt in expected.doubts}
            assert (Reason.NO_WEIGHT in reasons) == np.isnan(weights[bill.shipment_id])
            assert reasons <= {Reason.NO_WEIGHT, Reason.NO_BASE, Reason.OPEN_STAY}

    def test_every_kind_of_charge_and_every_weight_break_is_there(
        self, bills: list[tuple[FreightInvoice, Expected]]
    ) -> None:
        codes = {charge.code for _, expected in bills for charge in expected.charges}
        assert codes == {None, "DIESEL", "TRACTION", "DET", "RDL", "MSG", "DSC"}
        rates = [(expected.rate, expected.billed_kg) for _, expected in bills if expected.rate is not None]
        assert {rate.weight_from_kg for rate, _ in rates} == {0, 100, 500}
        assert sum(kg == rate.weight_from_kg for rate, kg in rates) > 100  # deficit weight

    def test_lines_add_up_but_where_the_error_is_the_sum(self, network: Simulation) -> None:
        invoices, truth = network.tables.freight_invoices, network.invoice_truth.set_index("invoice_id")["error"]
        sums = network.tables.invoice_lines.groupby("invoice_id")["amount_minor"].sum()
        wrong = invoices.set_index("invoice_id")["total_minor"] != sums.reindex(invoices["invoice_id"])
        assert set(wrong.index[wrong]) == set(truth.index[truth == "total_not_sum"])

    def test_quantity_times_rate_is_the_amount_but_where_the_error_is_the_extension(self, network: Simulation) -> None:
        lines, truth = network.tables.invoice_lines, network.invoice_truth.set_index("invoice_id")["error"]
        stated = lines[lines["rate_minor"].notna()]
        product = np.floor(stated["quantity"] * stated["rate_minor"] / stated["rate_per"] + 0.5 + 1e-9)
        wrong = stated.loc[product != stated["amount_minor"], "invoice_id"]
        assert set(wrong) == set(truth.index[truth == "extension"])

    def test_the_truth_names_every_class_and_what_it_costs(self, network: Simulation) -> None:
        truth = network.invoice_truth
        assert set(truth["error"]) == set(ERROR_SHARES)
        assert (truth["overcharge_minor"] != 0).all()
        assert (truth["overcharge_minor"] < 0).equals(truth["error"] == "undercharge")

    def test_about_a_tenth_are_wrong_and_two_to_four_percent_of_spend_is_at_stake(self, network: Simulation) -> None:
        truth, invoices = network.invoice_truth, network.tables.freight_invoices
        assert 0.08 < len(truth) / len(invoices) < 0.12
        stake = truth["overcharge_minor"].abs().sum() / invoices["net_due_minor"].sum()
        assert 0.02 < stake < 0.04
        assert (truth["overcharge_minor"] > 0).mean() > 0.9

    def test_a_duplicate_is_the_second_invoice_of_its_shipment(self, network: Simulation) -> None:
        truth, invoices = network.invoice_truth, network.tables.freight_invoices
        duplicates = truth[truth["error"] == "duplicate_invoice"]["invoice_id"]
        again = invoices[invoices["shipment_id"].duplicated()]
        assert set(again["invoice_id"]) == set(duplicates)

    def test_a_duplicate_comes_under_the_same_number_a_suffixed_or_a_new_one(self, network: Simulation) -> None:
        invoices = network.tables.freight_invoices
        again = invoices[invoices["shipment_id"].duplicated()].set_index("shipment_id")["invoice_number"]
        first = invoices.drop_duplicates("shipment_id").set_index("shipment_id")["invoice_number"].reindex(again.index)
        same, suffixed = again == first, again == first + "-1"
        counts = [int(same.sum()), int(suffixed.sum()), int((~same & ~suffixed).sum())]
        assert min(counts) > 20
        assert invoices["invoice_number"].duplicated().sum() == counts[0]

    def test_without_errors_the_truth_is_empty_and_every_bill_follows_the_contract(self) -> None:
        settings = SimulationSettings(shipments=300, days=14, invoice_error_share=0.0)
        made = simulate(settings, np.random.default_rng(1))
        assert made.invoice_truth.empty
        totals = [(bill.net_due_minor, expected.total_minor) for bill, expected in rated(made)]
        assert sum(total is not None for _, total in totals) > 280
        assert all(total in (None, billed) for billed, total in totals)


class TestContracts:
    def test_every_lane_and_carrier_has_three_breaks_before_and_after_the_renewal(self, network: Simulation) -> None:
        rates = network.tables.carrier_rates
        shape = rates.groupby(["carrier_id", "origin", "destination", "valid_from"])["weight_from_kg"].agg(tuple)
        assert set(shape) == {(0.0, 100.0, 500.0)}
        assert (shape.groupby(level=[0, 1, 2]).size() == 2).all()

    def test_all_is_known_before_it_holds(self, network: Simulation) -> None:
        for table in (network.tables.carrier_rates, network.tables.fuel_index, network.tables.accessorials):
            assert (table["known_at"] < table["valid_from"]).all()
            assert (table["occurred_at"] <= table["known_at"]).all()

    def test_fuel_weeks_follow_each_other_without_a_gap(self, network: Simulation) -> None:
        for _, weeks in network.tables.fuel_index.groupby("fuel_index_id"):
            assert (weeks["valid_from"].iloc[1:].to_numpy() == weeks["valid_until"].iloc[:-1].to_numpy()).all()
            assert weeks["valid_until"].max() > network.tables.stops["planned_at"].max()


class TestStays:
    def test_an_arrival_comes_before_its_delivery_and_after_the_terminal(self, network: Simulation) -> None:
        events = network.tables.events
        standing = events[~events["event_id"].isin(events["corrects"].dropna())]
        first = standing.drop_duplicates(["shipment_id", "status"]).pivot(
            index="shipment_id", columns="status", values="occurred_at"
        )
        arrived = first.dropna(subset=["delivery_arrived", "delivered"])
        assert len(arrived) > 1_000
        assert (arrived["delivery_arrived"] < arrived["delivered"]).all()
        stay_hours = (arrived["delivered"] - arrived["delivery_arrived"]).dt.total_seconds() / 3600
        assert 0.1 < (stay_hours > 2).mean() < 0.6

    def test_they_tell_of_the_arrival_alone(self, network: Simulation) -> None:
        """Without these events the times of the legs are the same, but for when all is known to have come."""
        told = network.tables.events
        tables = {name: getattr(network.tables, name) for name in ("shipments", "stops", "weather")}
        bare = type(network.tables)(events=told[~told["event_id"].str[0].isin(["A", "N"])], **tables)
        without, whole = Legs.of_tables(bare).times, Legs.of_tables(network.tables).times
        differs = (without != whole).any(axis=0)
        assert [time for time in Time if differs[time]] == [Time.ARRIVED_KNOWN]
