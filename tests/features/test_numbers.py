"""Numbers of one plan against those of many: the same bits, whatever is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.legs import Legs
from features.numbers import Number, numbers_of
from features.records import Shipment, Stop
from features.tables import RecordTables
from tests.drawn import drawn

START = datetime(2026, 3, 27, tzinfo=UTC)  # clocks change two days later, Easter is on 5 April

zones = st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
countries = st.sampled_from([None, "DE", "FR", "CH", "US", "SA", "ZZ"])
instants = st.one_of(st.none(), st.integers(0, 60 * 24 * 30).map(lambda minute: START + timedelta(minutes=minute)))
amounts = st.one_of(st.none(), st.integers(1, 10**9))


@st.composite
def plans(draw: st.DrawFn) -> Shipment:
    def stop(kind: str) -> dict[str, object]:
        given = {"place": "X", "kind": kind, "timezone": draw(zones), "country": draw(countries)}
        times = ("planned_at", "promised_at", "requested_at", "closes_at")
        return given | {time: draw(instants) for time in times}

    kinds = ["pickup", *["transfer"] * draw(st.integers(0, 2)), "delivery"]
    fields = ("value_minor", "late_penalty_minor", "late_penalty_per_day_minor", "pieces", "weight_kg", "distance_km")
    return Shipment.model_validate(
        {
            "shipment_id": "S",
            "carrier_id": "C",
            "mode": "air",
            "currency": "EUR",
            "occurred_at": START,
            "known_at": START,
        }
        | {"stops": [stop(kind) for kind in kinds], "customer_tier": draw(st.sampled_from(["standard", "critical"]))}
        | {field: draw(amounts) for field in fields}
    )


@drawn(28)
@given(st.lists(plans(), min_size=1, max_size=4))
def test_one_and_many_give_the_same_bits(drawn: list[Shipment]) -> None:
    named = [plan.model_copy(update={"shipment_id": f"S{number}"}) for number, plan in enumerate(drawn)]
    many = Legs.of_tables(RecordTables.from_records(named)).numbers
    np.testing.assert_array_equal(many, np.array([numbers_of(plan) for plan in named]))


class TestNumbers:
    """From Hamburg on Thursday 2 April 2026 to Oslo on Tuesday 7: it is Easter, and in Norway already on Thursday."""

    @pytest.fixture
    def numbers(self) -> tuple[float, ...]:
        leaves, promised = datetime(2026, 4, 2, 16, tzinfo=UTC), datetime(2026, 4, 7, 15, tzinfo=UTC)
        return numbers_of(
            Shipment(
                shipment_id="S",
                carrier_id="C",
                mode="road_ltl",
                currency="EUR",
                late_penalty_minor=12_050,
                occurred_at=START,
                known_at=START,
                stops=(
                    Stop(
                        place="DEHAM",
                        kind="pickup",
                        timezone="Europe/Berlin",
                        country="DE",
                        planned_at=leaves,
                        closes_at=leaves - timedelta(minutes=90),
                    ),
                    Stop(place="DEMUC", kind="transfer", country="DE"),
                    Stop(
                        place="NOOSL",
                        kind="delivery",
                        timezone="Europe/Oslo",
                        country="NO",
                        promised_from_at=promised - timedelta(hours=4),
                        promised_at=promised,
                        requested_at=promised - timedelta(days=1),
                    ),
                ),
            )
        )

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (Number.DEPARTURE_MINUTE, 18 * 60),
            (Number.PROMISE_WEEKDAY, 1),
            (Number.PENALTY, 120.5),
            (Number.PENALTY_PER_DAY, np.nan),
            (Number.TRANSFERS, 1),
            (Number.WINDOW_HOURS, 4),
            (Number.AFTER_REQUEST_HOURS, 24),
            (Number.CLOSES_BEFORE_HOURS, 1.5),
            (Number.CROSSES_CUSTOMS, 1),
            (Number.ORIGIN_TO_HOLIDAY, 1),
            (Number.DESTINATION_SINCE_HOLIDAY, 1),
            (Number.CLOSED_DAYS, 5),
        ],
    )
    def test_say_what_the_plan_says(self, numbers: tuple[float, ...], number: Number, expected: float) -> None:
        np.testing.assert_equal(numbers[number], expected)
