"""Arrow tables hold what the frames say, without pandas' warning of zones."""

from __future__ import annotations

import warnings

import pyarrow as pa

from features.arrow import arrow_table
from features.tables import SCHEMAS, RecordTables
from tests.features.conftest import world

network = world


def test_they_are_those_of_pyarrow_itself(network: RecordTables) -> None:
    for table, schema in SCHEMAS.items():
        frame = getattr(network, table)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
        assert arrow_table(frame, schema).equals(expected), table
        assert (arrow_table(frame, schema).to_pandas().dtypes == expected.to_pandas().dtypes).all(), table


def test_no_zone_is_dropped_with_a_warning(network: RecordTables) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        instants = arrow_table(network.events, SCHEMAS["events"])["known_at"]
    assert instants.type == pa.timestamp("us", tz="UTC")
    assert instants.to_pylist()[0] == network.events["known_at"].iloc[0].to_pydatetime()


def test_the_index_plays_no_part(network: RecordTables) -> None:
    part = network.events.iloc[5:9]
    assert arrow_table(part, SCHEMAS["events"])["event_id"].to_pylist() == part["event_id"].tolist()
