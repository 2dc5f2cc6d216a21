"""`triage places` on the generated sample network."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from features.settings import FeatureSettings
from features.tables import RecordTables, no_records
from models.shortage_evidence import LineVerdict
from routing.policy import Policy
from serving.recommendations.batch import FILE, Places, PlacesAnswer, rank_places, saving, write_places
from serving.scores.live import LiveState
from serving.shortages.batch import Asked, judge_lines
from serving.shortages.errors import NoLinesError
from tests.serving.house import FakeModel

AT = datetime.fromisoformat("2024-09-25T12:00:00Z")
NETWORK = Path(__file__).parents[3] / "data_samples" / "network"


def ranked(tables: RecordTables, policy: Policy) -> Places:
    return rank_places(tables, AT, FakeModel(0.2), LiveState(FeatureSettings(), with_stock=True), policy)


@pytest.fixture(scope="module")
def tables() -> RecordTables:
    return RecordTables.read(NETWORK)


@pytest.fixture(scope="module")
def found(tables: RecordTables, late_shipments: Policy) -> Places:
    return ranked(tables, late_shipments)


def test_every_order_that_lacks_something_is_ranked_or_counted(found: Places, tables: RecordTables) -> None:
    lacking: dict[str, set[str]] = {}
    for line in judge_lines(tables, Asked(at=AT), None):
        if line.verdict in (LineVerdict.SHORT, LineVerdict.CONTESTED):
            lacking.setdefault(line.order_id, set()).add(line.line_id)
    assert {each.order_id: {*each.lacking} for each in found.answers}.items() <= lacking.items()
    assert len(found.answers) + sum(found.left_out.values()) == len(lacking)
    assert len(found.answers) > 3


def test_what_saves_most_comes_first_and_is_no_dearer_than_what_stands(found: Places) -> None:
    savings = [saving(each) for each in found.answers]
    assert savings == sorted(savings, reverse=True)
    assert savings[-1] >= 0
    assert savings[0] > 0
    for each in found.answers:
        (best, *_) = each.ways.options
        assert (best.rank == 1) == (each.ways.recommended is not None)
        assert sum(option.stands for option in each.ways.options) == 1


def test_what_is_found_is_written_whole(found: Places, tmp_path: Path) -> None:
    write_places(found.answers, tmp_path)
    lines = (tmp_path / FILE).read_text(encoding="utf-8").splitlines()
    assert [PlacesAnswer.model_validate_json(line) for line in lines] == found.answers


def test_orders_of_which_nothing_can_be_said_are_counted_by_the_reason(
    tables: RecordTables, late_shipments: Policy, found: Places
) -> None:
    worthless = tables.order_lines.assign(unit_value_minor=pd.array([pd.NA] * len(tables.order_lines), dtype="Int64"))
    alone = found.answers[0].order_id
    shipments = tables.shipments.assign(order_id=tables.shipments["order_id"].replace(alone, None))
    none = ranked(replace(tables, order_lines=worthless, shipments=shipments), late_shipments)
    assert not none.answers
    assert none.left_out["the value of a line is not known in the bundle's currency"] == len(found.answers) - 1
    assert none.left_out["no shipment of the order is known"] == 1


def test_tables_without_lines_are_told(late_shipments: Policy) -> None:
    with pytest.raises(NoLinesError, match="no order line is known"):
        ranked(no_records(), late_shipments)
