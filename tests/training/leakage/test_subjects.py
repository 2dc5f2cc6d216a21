"""Order lines, invoices and the work in warehouses: honest features pass, and leaks planted beside them are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from features import work
from features.build import FeatureMatrix, build
from features.inventory.features import INVENTORY_NAMES
from features.invoice import INVOICE_NAMES
from features.settings import FeatureSettings
from features.tables import RecordTables
from tests.training.leakage.planted import SETTINGS, world
from training.leakage.clocks import Build, check_clocks
from training.leakage.findings import Finding, Trail
from training.leakage.questions import INVOICES_PER_CUTOFF, Group, groups_of, invoice_groups_of, line_groups_of
from training.leakage.subjects import BUILDS, INVOICES, LINES, SHIPMENTS, subjects_of

Column = Callable[[RecordTables, pd.DataFrame], NDArray[np.float64]]
BY_CLOCK = {"changed", "told late"}


@dataclass(frozen=True)
class Planted:
    """Features of n questions, with others beside them."""

    values: NDArray[np.float64]
    names: tuple[str, ...]


def planting(honest: Build | None, **columns: Column) -> Build:
    """Return what builds honest features, or none, with others beside them."""

    def build(tables: RecordTables, questions: pd.DataFrame, settings: FeatureSettings) -> Planted:
        own = [column(tables, questions).astype(np.float64) for column in columns.values()]
        if honest is None:
            return Planted(np.column_stack(own), tuple(columns))
        found = honest(tables, questions, settings)
        return Planted(np.column_stack([found.values, *own]), (*found.names, *columns))

    return build


def leaks(
    build: Build, groups: Sequence[Group], tables: RecordTables | None = None
) -> tuple[Mapping[str, set[str]], tuple[Finding, ...], tuple[Trail, ...]]:
    """Return the checks that each feature fails, the findings, and the trails."""
    rng = np.random.default_rng(1)
    _, findings, trails = check_clocks(build, tables or world(), groups, SETTINGS, rng)
    found: dict[str, set[str]] = {}
    for finding in findings:
        found.setdefault(finding.feature, set()).add(finding.check)
    return found, findings, trails


def stock_now(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """The newest position of the article, whenever it became known."""
    lines = tables.order_lines.drop_duplicates(["order_id", "line_id"])
    newest = tables.inventory_positions.sort_values("known_at").drop_duplicates("sku", keep="last")
    skus = questions.merge(lines, on=["order_id", "line_id"], how="left")["sku"]
    return skus.map(newest.set_index("sku")["quantity"]).to_numpy(dtype=np.float64)


def counted(table: str, clocks: Sequence[str], tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How many records of a table there are up to the cutoff, by the later of some clocks."""
    frame: pd.DataFrame = getattr(tables, table)
    at = np.sort(frame[list(clocks)].max(axis=1).to_numpy())
    return np.searchsorted(at, questions["cutoff_at"].to_numpy(), side="right")


def orders_waiting(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """Orders with a task that was released by the cutoff, whether or not that was known by then."""
    tasks = tables.warehouse_tasks
    released = tasks[tasks["status"] == "released"]
    return np.array(
        [released.loc[released["occurred_at"] <= cutoff, "order_id"].nunique() for cutoff in questions["cutoff_at"]]
    )


def weight_now(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """The weight by the newest plan of the invoice's shipment."""
    plans = tables.shipments.sort_values("known_at").drop_duplicates("shipment_id", keep="last")
    bills = tables.freight_invoices.set_index("invoice_id")["shipment_id"]
    return (
        questions["invoice_id"].map(bills).map(plans.set_index("shipment_id")["weight_kg"]).to_numpy(dtype=np.float64)
    )


def bills_of_carrier(tables: RecordTables, questions: pd.DataFrame) -> NDArray[np.float64]:
    """How many bills the carrier sends, those to come with them."""
    carrier = tables.freight_invoices.set_index("invoice_id")["carrier_id"]
    return questions["invoice_id"].map(carrier).map(carrier.value_counts()).to_numpy(dtype=np.float64)


def through_a_hub() -> RecordTables:
    """The world, with all shipments transferred at one of its warehouses."""
    tables = world()
    stops = tables.stops.assign(sequence=tables.stops["sequence"] * 2)
    hub = stops[stops["sequence"] == 0].assign(
        sequence=1, kind="transfer", place=tables.warehouse_tasks["warehouse_id"].iloc[0]
    )
    return replace(tables, stops=pd.concat([stops, hub], ignore_index=True))


class TestOrderLines:
    def test_honest_features_pass_and_planted_leaks_are_found(self) -> None:
        both = partial(counted, "inventory_positions", ("occurred_at", "known_at"))
        by_event = partial(counted, "inventory_positions", ("occurred_at",))
        build = planting(BUILDS[LINES], stock_now=stock_now, both_clocks=both, by_event_time=by_event)
        groups = line_groups_of(world(), 60, np.random.default_rng(1))
        found, findings, trails = leaks(build, groups)
        assert set(found) == {"stock_now", "by_event_time"}
        assert found["by_event_time"] >= BY_CLOCK
        assert {"removed", "told late"} <= found["stock_now"]
        assert findings[0].examples[0].subject.startswith("order line ")
        assert [trail.feature for trail in trails][: len(INVENTORY_NAMES)] == list(INVENTORY_NAMES)
        assert {trail.compared for trail in trails} == {60}
        assert {trail.feature for trail in trails if trail.newest_known} >= {"on_hand", "picks_7d"}


class TestInvoices:
    def test_honest_features_pass_and_planted_leaks_are_found(self) -> None:
        by_event = partial(counted, "freight_invoices", ("occurred_at",))
        build = planting(BUILDS[INVOICES], weight_now=weight_now, bills=bills_of_carrier, by_event_time=by_event)
        tables = world().known(until=pd.Timestamp("2024-09-16", tz="UTC"))
        groups = invoice_groups_of(tables, INVOICES_PER_CUTOFF, np.random.default_rng(1))
        found, findings, trails = leaks(build, groups, tables)
        assert set(found) == {"weight_now", "bills", "by_event_time"}
        assert "told late" in found["weight_now"]
        assert "removed" in found["bills"]
        assert found["by_event_time"] >= BY_CLOCK
        assert findings[0].examples[0].subject.startswith("invoice ")
        assert [trail.feature for trail in trails][: len(INVOICE_NAMES)] == list(INVOICE_NAMES)


class TestWork:
    def test_a_count_by_when_it_happened_is_found_and_one_by_both_clocks_is_not(self) -> None:
        columns = {
            f"{table}_{'_'.join(clocks)}": partial(counted, table, clocks)
            for table in ("warehouse_tasks", "labour_shifts", "tenders", "claims", "disruptions")
            for clocks in (("occurred_at",), ("occurred_at", "known_at"))
        }
        build = planting(None, orders_waiting=orders_waiting, **columns)
        groups = groups_of(world(), SETTINGS, 60, np.random.default_rng(1))
        found, _, _ = leaks(build, groups)
        told = {name for name in columns if name.endswith("s_occurred_at") and len(getattr(world(), name[:-12]))}
        assert set(found) == {"orders_waiting", *told}
        assert all("told late" in checks for checks in found.values())

    @pytest.mark.slow
    def test_every_feature_of_tasks_is_found_if_tasks_count_from_when_they_happened(self) -> None:
        def by_event_time(tables: RecordTables, questions: pd.DataFrame, settings: FeatureSettings) -> FeatureMatrix:
            tasks = tables.warehouse_tasks
            return build(
                replace(tables, warehouse_tasks=tasks.assign(known_at=tasks["occurred_at"])), questions, settings
            )

        tables = through_a_hub()
        groups = groups_of(tables, SETTINGS, 60, np.random.default_rng(1))
        found, _, _ = leaks(by_event_time, groups, tables)
        assert set(found) >= {feature.name for feature in work.FEATURES}
        assert {"origin_orders_waiting", "transfer_orders_waiting"} <= set(found)
        assert leaks(build, groups, tables)[0] == {}


class TestSubjectsOf:
    def test_what_the_data_do_not_tell_of_is_not_asked(self) -> None:
        rng = np.random.default_rng(1)
        asked = dict(subjects_of(world(), SETTINGS, 30, rng))
        assert list(asked) == [SHIPMENTS, LINES, INVOICES]
        tables = world()
        alone = RecordTables(**{name: getattr(tables, name) for name in ("shipments", "stops", "events", "weather")})
        assert list(dict(subjects_of(alone, SETTINGS, 30, rng))) == [SHIPMENTS]

    def test_lines_and_invoices_are_asked_once_known(self) -> None:
        lines = line_groups_of(world(), 60, np.random.default_rng(2))
        assert [len(group.questions) for group in lines] == [30, 30]
        known = world().order_lines.groupby(["order_id", "line_id"])["known_at"].min()
        for group in lines:
            asked = pd.MultiIndex.from_frame(group.questions[["order_id", "line_id"]])
            assert asked.is_unique
            assert (known[asked] <= group.cutoff).all()
        (bills,) = invoice_groups_of(world(), 50, np.random.default_rng(2))
        assert len(bills.questions) <= 50
        assert (bills.questions["cutoff_at"] <= bills.cutoff).all()
        assert bills.questions["cutoff_at"].max() == bills.cutoff
