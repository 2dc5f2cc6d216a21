"""What looks odd without a contract: each feature on small bills, and counts of charges against a loop."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.as_known import counts_from
from features.fields import Record
from features.invoice import INVOICE_NAMES, InvoiceMatrix, build_invoices
from features.invoice_records import FreightInvoice, InvoiceLine
from features.likeness import FEATURES
from features.tables import RecordTables
from tests.features.agreed import CUTOFF, DAY, PICKUP, clocks, plan

FACTS: dict[str, Any] = {
    "weight_kg": 250,
    "pieces": 4,
    "origin": "NLRTM",
    "destination": "DEHAM",
    "delivered_at": PICKUP,
}


def bill(name: str, known: datetime = CUTOFF, **given: Any) -> FreightInvoice:
    usual = {"invoice_id": name, "carrier_id": "C", "shipment_id": name, "net_due_minor": 100_00, "currency": "EUR"}
    return FreightInvoice.model_validate(clocks(known) | usual | given)


def line(name: str, number: int, kind: str, amount: int, known: datetime = CUTOFF, **given: Any) -> InvoiceLine:
    usual = {"invoice_id": name, "line_number": number, "kind": kind, "amount_minor": amount, "currency": "EUR"}
    return InvoiceLine.model_validate(clocks(known) | usual | given)


def matrix_of(*records: Record) -> InvoiceMatrix:
    return build_invoices(RecordTables.from_records(records))


def features(matrix: InvoiceMatrix, name: str = "I") -> dict[str, float]:
    row = [one.invoice.invoice_id for one in matrix.bills].index(name)
    return dict(zip(INVOICE_NAMES, matrix.values[row].tolist(), strict=True))


class TestTwins:
    def counts(self, *before: FreightInvoice, **given: Any) -> tuple[float, float]:
        found = features(matrix_of(*before, bill("I", **(FACTS | given))))
        return found["twins_before"], found["near_twins_before"]

    def test_a_bill_for_another_shipment_that_agrees_in_all_facts(self) -> None:
        before = bill("J", CUTOFF - DAY, **FACTS)
        assert self.counts(before) == (1, 1)
        assert self.counts(before, shipment_id=None) == (1, 1)
        assert self.counts(before, net_due_minor=104_00) == (0, 1)
        assert self.counts(before, net_due_minor=106_00) == (0, 0)

    @pytest.mark.parametrize(
        "other",
        [{"weight_kg": 251}, {"pieces": 5}, {"origin": "BEBRU"}, {"carrier_id": "D"}, {"kind": "correction"},
         {"delivered_at": PICKUP + DAY}, {"currency": "CHF"}, {"shipment_id": "I"}],
    )  # fmt: skip
    def test_one_fact_apart_and_it_is_none(self, other: dict[str, Any]) -> None:
        assert self.counts(bill("J", CUTOFF - DAY, **(FACTS | other))) == (0, 0)

    def test_none_without_a_weight_later_or_long_before(self) -> None:
        assert self.counts(bill("J", CUTOFF - DAY, **FACTS), weight_kg=None) == (0, 0)
        assert self.counts(bill("J", CUTOFF + DAY, **FACTS)) == (0, 0)
        assert self.counts(bill("J", CUTOFF - 90 * DAY, **FACTS)) == (0, 0)


class TestLines:
    def test_a_line_that_stands_twice(self) -> None:
        lines = [line("I", number, "accessorial", 7_00, charge_code="X") for number in (1, 2, 3)]
        found = features(matrix_of(bill("I"), *lines, line("I", 4, "accessorial", 7_00, charge_code="Y")))
        assert found["repeated_lines_minor"] == 14_00

    def test_a_surcharge_that_is_more_than_its_percentage(self) -> None:
        haul = (line("I", 1, "line_haul", 50_00), line("I", 2, "discount", -10_00))
        fuel = line("I", 3, "fuel", 4_40, percent=10)
        assert features(matrix_of(bill("I"), *haul, fuel))["fuel_arithmetic_minor"] == 40
        assert np.isnan(features(matrix_of(bill("I"), *haul))["fuel_arithmetic_minor"])

    def test_the_surcharge_of_others_that_left_in_the_same_week(self) -> None:
        def fuelled(name: str, percent: float, known: datetime, days: int = 0) -> list[Record]:
            left = plan(shipment_id=name, planned_at=PICKUP + days * DAY)
            return [left, bill(name, known), line(name, 1, "fuel", 1, known, percent=percent)]

        peers = [one for number in range(5) for one in fuelled(f"P{number}", 10 + number % 2, CUTOFF - DAY, number)]
        another_week = fuelled("Q", 30, CUTOFF - DAY, 7)
        own = fuelled("I", 12.5, CUTOFF)
        assert features(matrix_of(*peers, *another_week, *own))["fuel_pct_beside_peers"] == 2.5
        few = matrix_of(*peers[3:], *own)
        assert np.isnan(features(few)["fuel_pct_beside_peers"])


class TestCharges:
    def test_without_charges_beside_the_freight_nothing_is_rare(self) -> None:
        found = features(matrix_of(bill("I")))
        assert (found["rarest_charge_share_90d"], found["charge_rise_28d"]) == (1, 1)

    def test_against_a_loop(self) -> None:
        rng = np.random.default_rng(2)
        records: list[Record] = []
        told: list[tuple[str, datetime, set[str]]] = []
        for number in range(70):
            at = CUTOFF + timedelta(hours=int(rng.integers(0, 120 * 24)))
            carrier = str(rng.choice(["C", "D", "E"]))
            codes = {
                code for code, share in (("X", 0.5), ("Y", 0.1), ("Z", 0.3 * (carrier == "D"))) if rng.random() < share
            }
            name = f"B{number}"
            records.append(bill(name, at, carrier_id=carrier))
            records += [
                line(name, place, "accessorial", 1, at, charge_code=code) for place, code in enumerate(codes, 1)
            ]
            told.append((carrier, at, codes))
        matrix = matrix_of(*records)
        for row, (carrier, at, codes) in enumerate(told):
            quarter = [one for one in told if at - 90 * DAY < one[1] < at]
            month = [one for one in told if at - 28 * DAY < one[1] < at and one[0] == carrier]
            shares, rises = [1.0], [1.0]
            for code in codes:
                share = (sum(code in one[2] for one in quarter) + 1) / (len(quarter) + 20)
                own = (sum(code in one[2] for one in month) + 20 * share) / (len(month) + 20)
                shares.append(share)
                rises.append(own / share)
            found = features(matrix, f"B{row}")
            assert found["rarest_charge_share_90d"] == pytest.approx(min(shares))
            assert found["charge_rise_28d"] == pytest.approx(max(rises))


def test_only_what_was_there_before_counts() -> None:
    first, later = bill("I", **FACTS), bill("J", CUTOFF + DAY, **FACTS)
    assert counts_from(later) > counts_from(first)
    names = [feature.name for feature in FEATURES]
    alone, both = features(matrix_of(first)), features(matrix_of(first, later))
    assert [alone[name] for name in names] == pytest.approx([both[name] for name in names], nan_ok=True)
