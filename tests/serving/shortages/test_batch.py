"""`triage shortages` on the generated sample network."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.inventory.features import INVENTORY_NAMES, build_inventory
from features.tables import RecordTables
from features.vocabulary import ShortageCause
from models.shortage_evidence import quantities_at_risk
from serving.shortages.batch import Asked, judge_lines, write_lines
from serving.shortages.errors import NoLinesError
from serving.shortages.judging import NO_MODEL

AT = datetime.fromisoformat("2024-09-25T12:00:00Z")
NETWORK = Path(__file__).parents[3] / "data_samples" / "network"


@pytest.fixture(scope="module")
def tables() -> RecordTables:
    return RecordTables.read(NETWORK)


def test_all_that_waits_is_judged_as_known_then_and_written_down(tables: RecordTables, tmp_path: Path) -> None:
    answers = judge_lines(tables, Asked(at=AT), None)
    names = [(one.order_id, one.line_id) for one in answers]
    asked = pd.DataFrame(names, columns=["order_id", "line_id"]).assign(cutoff_at=pd.Timestamp(AT))
    values = build_inventory(tables.known(until=AT), asked).values
    assert len(answers) > 20
    assert [one.needed for one in answers] == values[:, INVENTORY_NAMES.index("needed")].tolist()
    at_risk = [one.evidence.quantity_at_risk for one in answers if one.evidence is not None]
    told = np.array([one.evidence is not None for one in answers])
    assert at_risk == quantities_at_risk(values)[told].tolist()
    picks = tables.warehouse_tasks
    done = picks[(picks["kind"] == "pick") & (picks["status"] == "released") & (picks["known_at"] <= pd.Timestamp(AT))]
    assert not set(names) & set(zip(done["order_id"], done["line_id"], strict=True))
    assert all(one.probability is None and NO_MODEL in one.abstained_because for one in answers)
    stocked = [one.evidence is not None and one.evidence.cause is not ShortageCause.NOT_FOUND for one in answers]
    assert stocked == sorted(stocked, reverse=True)

    write_lines(answers, tmp_path)
    written = pq.read_table(tmp_path / "shortages.parquet").to_pylist()
    assert [(one["order_id"], one["line_id"]) for one in written] == names
    first = json.loads((tmp_path / "shortages.jsonl").read_text().splitlines()[0])
    assert first["evidence"]["words"]


def test_a_wave_is_judged_just_before_its_release(tables: RecordTables) -> None:
    picks = tables.warehouse_tasks[tables.warehouse_tasks["kind"] == "pick"]
    wave = picks["wave_id"].iloc[len(picks) // 2]
    own = picks[picks["wave_id"] == wave]
    released = own[own["status"] == "released"]["occurred_at"].min()
    answers = judge_lines(tables, Asked(wave), None)
    assert {one.as_of for one in answers} == {(released - pd.Timedelta(microseconds=1)).to_pydatetime()}
    assert {(one.order_id, one.line_id) for one in answers} <= set(zip(own["order_id"], own["line_id"], strict=True))
    assert answers


def test_a_wave_that_nobody_names_is_told(tables: RecordTables) -> None:
    with pytest.raises(NoLinesError, match="names the wave 'W-0'"):
        judge_lines(tables, Asked("W-0"), None)


def test_tables_without_lines_are_told() -> None:
    with pytest.raises(NoLinesError, match="hold no order lines"):
        judge_lines(RecordTables.from_records([]), Asked(), None)
