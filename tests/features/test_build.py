"""A build from a folder: the numbers of one from tables, with no table in memory for longer than its own are made."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import build, tables
from features.build import Builder
from features.feeds import FEEDS
from features.instants import micros_of
from features.keyed import Keyed
from features.legs import TABLES, Legs
from features.moments import questions_of
from features.settings import FeatureSettings
from features.shape import FieldShape
from features.tables import RecordTables
from tests.features.feeds import with_feeds

SETTINGS = FeatureSettings(late_after_minutes=15)


@pytest.fixture(scope="module")
def told(world: RecordTables) -> RecordTables:
    return with_feeds(world)


def test_equals_the_build_from_tables(told: RecordTables, tmp_path: Path) -> None:
    told.write(tmp_path)
    asked = questions_of(told).iloc[::7]
    both = [Builder.of_tables(told, SETTINGS), Builder.of_folder(tmp_path, SETTINGS)]
    one, other = (
        builder.values(builder.positions_of(asked["shipment_id"]), micros_of(asked["cutoff_at"])) for builder in both
    )
    np.testing.assert_array_equal(one, other)


def test_no_table_is_held_beside_what_is_made_of_it_or_of_others(
    told: RecordTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.write(tmp_path)
    read, together = tables.read_table, [*(feed.tables for feed in FEEDS.values()), TABLES]
    frames: list[tuple[str, weakref.ref[pd.DataFrame]]] = []

    def held() -> set[str]:
        return {table for table, frame in frames if frame() is not None}

    def reading(path: Path, table: str, shapes: Sequence[FieldShape]) -> pd.DataFrame:
        assert any(held() | {table} <= set(some) for some in together), f"{table} is read beside {held()}"
        frame = read(path, table, shapes)
        frames.append((table, weakref.ref(frame)))
        return frame

    def making(made: Callable[..., Any]) -> Callable[..., Any]:
        def make(*given: Any) -> Any:
            assert not held(), f"timelines are made beside {held()}"
            return made(*given)

        return make

    monkeypatch.setattr(tables, "read_table", reading)
    for name, feed in FEEDS.items():
        monkeypatch.setitem(FEEDS, name, replace(feed, told=making(feed.told)))
    monkeypatch.setattr(build, "Keyed", making(Keyed))
    Builder.of_folder(tmp_path, SETTINGS)
    assert {table for table, _ in frames} >= {"weather", "warehouse_tasks", "tenders", *TABLES}


def test_equal_keys_of_legs_are_one_text(told: RecordTables) -> None:
    for field, values in Legs.of_tables(told).keys.items():
        assert len({id(value) for value in values}) == len(set(values)), field
