"""Recorded deliveries become canonical tables by a mapping file alone, and nothing in them is known too early."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.definitions import NAMES
from features.ingest.importer import Prepared, prepare
from features.labels import lateness_of
from features.moments import questions_of
from features.records import DeliveryEvent, Shipment
from features.settings import FeatureSettings
from features.tables import RecordTables, records_of
from features.vocabulary import Classifier
from tests.features.ingest.recorded import mapping_of, needs, prepared_with, source_of

SETTINGS = FeatureSettings()
PLANS = ("shipments", "stops", "references", "orders", "order_lines")
"""Tables that hold what was planned; what came of it is in `events` alone."""


@pytest.fixture(scope="module")
def cargo2000() -> Prepared:
    return prepare(mapping_of("cargo2000"), source_of("cargo2000"))


@pytest.fixture(scope="module")
def scms() -> Prepared:
    return prepare(mapping_of("scms"), source_of("scms"))


def check_features(tables: RecordTables) -> None:
    """Features are built for a sample of questions, and the rest of the history changes nothing in the first ones."""
    questions = questions_of(tables)
    some = questions.iloc[:: max(1, len(questions) // 200)].reset_index(drop=True)
    matrix = build(tables, some, SETTINGS)
    assert matrix.names == NAMES
    assert np.isfinite(matrix.values).mean() > 0.5
    for number in (3, len(some) // 2, len(some) - 3):
        question = some.iloc[[number]]
        known = tables.known(until=question["cutoff_at"].iloc[0])
        np.testing.assert_array_equal(build(known, question, SETTINGS).values[0], matrix.values[number])


def check_plans_are_the_same(one: RecordTables, other: RecordTables) -> None:
    for table in PLANS:
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))


@needs("cargo2000")
class TestCargo2000:
    def test_every_shipment_is_there_and_as_many_are_late_as_in_the_file(self, cargo2000: Prepared) -> None:
        assert cargo2000.rejects == []
        file = pd.read_csv(source_of("cargo2000") / "c2k_data_comma.csv")
        steps = ("rcs", "dep_1", "rcf_1", "dep_2", "rcf_2", "dep_3", "rcf_3", "dlv")

        def minutes(kind: str) -> pd.Series:
            leg = {name: file[[f"{name}_{step}_{kind}" for step in steps]].sum(axis=1) for name in ("i1", "i2", "i3")}
            return pd.DataFrame(leg).max(axis=1) + file[[f"o_{step}_{kind}" for step in steps]].sum(axis=1)

        late = lateness_of(cargo2000.kept, SETTINGS)["late"]
        assert len(late) == 3_942
        assert late.tolist() == (minutes("e") > minutes("p")).astype(float).tolist()
        assert late.mean() == pytest.approx(0.266, abs=0.0005)
        assert late.iloc[int(0.7 * len(late)) :].mean() == pytest.approx(0.310, abs=0.001)

    def test_absent_legs_and_steps_are_no_stops_and_no_events(self, cargo2000: Prepared) -> None:
        shipments = {one.shipment_id: one for one in records_of(cargo2000.kept, Shipment)}
        events = list(records_of(cargo2000.kept, DeliveryEvent))
        # The first shipment has two inbound legs of one flight each and an outbound leg of one: 3 x 4 steps.
        told = [event for event in events if event.shipment_id == "C2K-1"]
        first = [event for event in told if event.classifier is Classifier.ACTUAL]
        planned = [event for event in told if event.classifier is Classifier.PLANNED]
        assert [stop.kind.value for stop in shipments["C2K-1"].stops] == ["pickup", "pickup", "transfer", "delivery"]
        assert len(first) == len(planned) == 12
        assert max(event.occurred_at for event in planned) == shipments["C2K-1"].promised_at
        start = shipments["C2K-1"].occurred_at + pd.Timedelta(days=2)
        minutes = {event.event_id: (event.occurred_at - start).total_seconds() / 60 for event in first}
        assert minutes["C2K-1-i1-dep_1"] == 218 + 215
        assert minutes["C2K-1-o-dlv"] == (2880 + 696 + 515 + 1280) + (7559 + 2865 + 1265 + 434)
        assert sum(event.status.value == "departed" for event in first) == 1

    def test_the_plan_holds_nothing_that_came_later(self, cargo2000: Prepared, tmp_path: Path) -> None:
        legs = ("i1", "i2", "i3", "o")
        steps = ("rcs", "dep_1", "rcf_1", "dep_2", "rcf_2", "dep_3", "rcf_3", "dlv")
        effective = {f"{leg}_{step}_e": [0, 7, 9_999] for leg in legs for step in steps}
        other = prepared_with("cargo2000", effective, tmp_path)
        check_plans_are_the_same(cargo2000.kept, other.kept)
        planned, others = (
            tables.kept.events.loc[tables.kept.events["classifier"] == "PLN"].reset_index(drop=True)
            for tables in (cargo2000, other)
        )
        pd.testing.assert_frame_equal(planned, others)
        assert not cargo2000.kept.events.equals(other.kept.events)

    def test_nothing_is_known_before_it_happened(self, cargo2000: Prepared) -> None:
        events = cargo2000.kept.events
        announced = cargo2000.kept.shipments.set_index("shipment_id")["known_at"]
        is_planned = (events["classifier"] == "PLN").to_numpy()
        planned, events = events[is_planned], events[~is_planned]
        assert (planned["known_at"].to_numpy() == announced[planned["shipment_id"]].to_numpy()).all()
        assert (events["known_at"] >= events["occurred_at"]).all()
        assert (events["known_at"].to_numpy() > announced[events["shipment_id"]].to_numpy()).all()

    def test_features_are_built_from_it(self, cargo2000: Prepared) -> None:
        check_features(cargo2000.kept)


@needs("scms")
class TestScms:
    def test_every_line_is_there_and_as_many_are_late_as_in_the_file(self, scms: Prepared) -> None:
        assert scms.rejects == []
        tables = scms.kept
        assert (len(tables.shipments), len(tables.orders), len(tables.order_lines)) == (10_324, 6_233, 10_324)
        late = lateness_of(tables, SETTINGS)["late"]
        assert late.sum() == 1_186
        assert late.mean() == pytest.approx(0.115, abs=0.0005)
        promised = tables.stops[tables.stops["sequence"] == 1].set_index("shipment_id")["promised_at"]
        assert late[promised.dt.year == 2006].sum() == 0
        assert late[promised.dt.year == 2011].mean() == pytest.approx(0.235, abs=0.0005)

    def test_lines_of_one_asn_are_held_together_by_their_order(self, scms: Prepared) -> None:
        asn = scms.kept.references.set_index("subject_id")["value"]
        shipments = scms.kept.shipments.set_index("shipment_id")
        assert asn.nunique() == 7_030
        assert (shipments.groupby(asn)["order_id"].nunique() == 1).all()

    def test_the_plan_holds_nothing_that_came_later(self, scms: Prepared, tmp_path: Path) -> None:
        later: dict[str, list[object]] = {
            "Delivered to Client Date": ["3-Mar-14", "14-Nov-07"],
            "Delivery Recorded Date": ["9-Mar-14"],
            "Weight (Kilograms)": ["1"],
            "Freight Cost (USD)": ["Invoiced Separately"],
        }
        other = prepared_with("scms", later, tmp_path)
        check_plans_are_the_same(scms.kept, other.kept)
        assert not scms.kept.events.equals(other.kept.events)

    def test_a_delivery_is_known_when_it_is_recorded_and_never_before_it_happened(self, scms: Prepared) -> None:
        lag = scms.kept.events["known_at"] - scms.kept.events["occurred_at"]
        assert lag.min() == pd.Timedelta(0)
        assert (lag == pd.Timedelta(0)).sum() == 3

    def test_money_is_read_to_the_cent(self, scms: Prepared) -> None:
        path = source_of("scms") / "SCMS_Delivery_History_Dataset.csv"
        file = pd.read_csv(path, dtype="string", encoding="utf-8-sig")
        exact = [int(Decimal(value) * 100) for value in file["Line Item Value"]]
        assert scms.kept.shipments["value_minor"].tolist() == exact
        assert scms.kept.orders["value_minor"].sum() == sum(exact)

    def test_features_are_built_from_it(self, scms: Prepared) -> None:
        check_features(scms.kept)


@needs("scms")
class TestScmsFreight:
    def test_every_cost_that_is_a_number_is_a_bill_to_the_cent(self) -> None:
        prepared = prepare(mapping_of("scms_freight"), source_of("scms"))
        path = source_of("scms") / "SCMS_Delivery_History_Dataset.csv"
        file = pd.read_csv(path, dtype="string", encoding="utf-8-sig")
        number = r"\d+(\.\d+)?"
        told = file["Freight Cost (USD)"].str.fullmatch(number) & file["Weight (Kilograms)"].str.fullmatch(number)
        told &= pd.to_numeric(file["Weight (Kilograms)"].where(told)) > 0
        bills = prepared.kept.freight_invoices
        assert prepared.rejects == []
        assert len(bills) == int(told.sum()) == 6_174
        assert bills["net_due_minor"].sum() == sum(
            int(100 * Decimal(cost)) for cost in file["Freight Cost (USD)"][told]
        )
        assert (bills["known_at"] > prepared.kept.events.set_index("shipment_id").loc[bills["shipment_id"], "known_at"]
                .array).all()  # fmt: skip
