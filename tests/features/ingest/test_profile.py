"""What a check tells of files before anything is written."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.ingest.importer import Prepared, prepare
from features.ingest.mapping import load_mapping
from features.ingest.profile import profile_of

MAPPING = """\
name: scans
version: 1
owner: us
sources:
  scans: {file: scans.csv, text: [scan]}
tables:
  - table: events
    source: scans
    fields:
      event_id: scan
      shipment_id: shipment
      status: status
      place: place
      occurred_at: at
      known_at: plus_minutes(parse_time(at, "UTC"), later)
  - table: references
    source: scans
    where: scan == "none"
    fields: {subject: '"shipment"', subject_id: shipment, kind: '"pro"', value: scan}
"""


@pytest.fixture
def scans(tmp_path: Path) -> Prepared:
    rows = [
        {"scan": "1", "later": 0, "place": "X"},
        {"scan": "2", "later": -30, "place": ""},
        {"scan": "3", "later": 60, "place": "Y"},
        {"scan": "3", "later": 60, "place": "Y"},
        {"scan": "3", "later": 90, "place": "Y"},
        {"scan": "", "later": 90, "place": "Y"},
        {"scan": "", "later": 90, "place": "Y"},
        {"scan": "4", "later": 600, "place": "Y", "status": "vanished"},
    ]
    common = {"shipment": "S1", "status": "departed", "at": "2026-03-02T12:00:00Z"}
    pd.DataFrame([common | row for row in rows]).to_csv(tmp_path / "scans.csv", index=False)
    (tmp_path / "mapping.yaml").write_text(MAPPING)
    return prepare(load_mapping(tmp_path / "mapping.yaml"), tmp_path)


class TestProfileOf:
    def test_coverage_is_the_share_of_rows_that_give_a_field_and_no_default(self, scans: Prepared) -> None:
        coverage = profile_of(scans).tables["events"].coverage
        assert coverage["place"] == 7 / 8
        assert coverage["event_id"] == 6 / 8
        assert coverage["status"] == 1.0
        assert coverage["classifier"] == coverage["corrects"] == 0.0

    def test_the_lag_between_the_clocks_is_that_of_the_rows_kept(self, scans: Prepared) -> None:
        lag = profile_of(scans).tables["events"].lag
        assert lag is not None
        assert (lag.records, lag.negatives) == (3, 1)
        assert (lag.minimum_hours, lag.median_hours, lag.maximum_hours) == (-0.5, 0.0, 1.0)
        assert (lag.p90_hours, lag.p99_hours) == (0.8, 0.98)

    def test_repeated_keys_are_counted_and_those_that_repeat_all(self, scans: Prepared) -> None:
        events = profile_of(scans).tables["events"]
        assert (events.offered, events.kept, events.same_key, events.identical) == (8, 3, 2, 1)

    def test_a_table_without_rows_or_clocks_has_no_lag(self, scans: Prepared) -> None:
        references = profile_of(scans).tables["references"]
        assert (references.offered, references.kept, references.lag) == (0, 0, None)
        assert set(references.coverage.values()) == {0.0}

    def test_rejects_come_by_reason(self, scans: Prepared) -> None:
        rejects = profile_of(scans).summary.rejects
        assert rejects["events: 'event_id' is missing"] == 2
        assert rejects["events: another row has the same event_id"] == 2
        assert sum(rejects.values()) == 5


class TestParts:
    def test_a_part_that_has_the_clock_of_its_record_alone_has_no_lag(self, tmp_path: Path) -> None:
        (tmp_path / "legs.csv").write_text(
            "leg,end,order,at\nL1,NLRTM,0,2026-03-02T12:00Z\nL1,DEHAM,1,2026-03-02T12:00Z\n"
        )
        (tmp_path / "mapping.yaml").write_text("""\
name: legs
version: 1
owner: us
sources:
  legs: {file: legs.csv, text: [leg]}
tables:
  - table: shipments
    source: legs
    where: order == 0
    fields:
      shipment_id: leg
      carrier_id: '"RHEI"'
      mode: '"road_ltl"'
      occurred_at: parse_time(at, "UTC")
      known_at: parse_time(at, "UTC")
  - table: stops
    source: legs
    fields:
      shipment_id: leg
      sequence: order
      place: end
      kind: '"transfer"'
      timezone: '"UTC"'
      known_at: parse_time(at, "UTC")
""")
        tables = profile_of(prepare(load_mapping(tmp_path / "mapping.yaml"), tmp_path)).tables
        assert tables["stops"].kept == 2
        assert tables["stops"].lag is None
        assert tables["shipments"].lag is not None
