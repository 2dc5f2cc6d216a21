"""Numbers of one plan against those of many: the same bits, whatever is missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.build import build
from features.definitions import NAMES
from features.legs import Legs
from features.numbers import Number, numbers_of
from features.records import Shipment, Stop
from features.settings import FeatureSettings
from features.state import State
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
            "currency": draw(st.sampled_from(["EUR", "JPY", "KWD"])),
            "occurred_at": START,
            "known_at": START,
        }
        | {"stops": [stop(kind) for kind in kinds], "customer_tier": draw(st.sampled_from(["standard", "critical"]))}
        | {field: draw(amounts) for field in fields}
    )


@drawn(28)
@given(st.lists(plans(), min_size=1, max_size=4), st.sampled_from([None, "EUR", "JPY"]))
def test_one_and_many_give_the_same_bits(drawn: list[Shipment], currency: str | None) -> None:
    named = [plan.model_copy(update={"shipment_id": f"S{number}"}) for number, plan in enumerate(drawn)]
    many = Legs.of_tables(RecordTables.from_records(named), currency=currency).numbers
    np.testing.assert_array_equal(many, np.array([numbers_of(plan, currency) for plan in named]))


@pytest.mark.parametrize(
    ("currency", "wanted", "amount"),
    [
        ("EUR", None, 5_000), ("JPY", None, 500_000), ("KWD", None, 500),
        ("JPY", "JPY", 500_000), ("JPY", "EUR", np.nan), ("EUR", "EUR", 5_000),
    ],
)  # fmt: skip
def test_amounts_are_in_units_of_their_currency_and_missing_where_another_is_wanted(
    currency: str, wanted: str | None, amount: float
) -> None:
    stops = (Stop(place="X", kind="pickup"), Stop(place="Y", kind="delivery"))
    money = dict.fromkeys(("value_minor", "late_penalty_minor", "late_penalty_per_day_minor"), 500_000)
    plan = Shipment.model_validate(
        {"shipment_id": "S", "carrier_id": "C", "mode": "air", "occurred_at": START, "known_at": START}
        | {"stops": stops, "currency": currency, **money}
    )
    built = Legs.of_tables(RecordTables.from_records([plan]), currency=wanted).numbers[0]
    for numbers in (built.tolist(), numbers_of(plan, wanted)):
        told = [numbers[column] for column in (Number.VALUE, Number.PENALTY, Number.PENALTY_PER_DAY)]
        np.testing.assert_array_equal(told, [amount] * 3)


def test_the_state_wants_the_currency_of_its_settings() -> None:
    stops = [{"place": "X", "kind": "pickup"}, {"place": "Y", "kind": "delivery"}]
    clocks = {"occurred_at": START, "known_at": START}
    told = {"shipment_id": "S", "carrier_id": "C", "mode": "air", "stops": stops, "value_minor": 700, **clocks}
    plan = Shipment.model_validate({**told, "currency": "JPY"})
    for currency, value in ((None, 700), ("JPY", 700), ("EUR", np.nan)):
        settings = FeatureSettings(currency=currency)
        state = State(settings)
        state.add(plan)
        question = pd.DataFrame({"shipment_id": ["S"], "cutoff_at": [START]})
        built = build(RecordTables.from_records([plan]), question, settings).values[0]
        for row in (built, state.features(plan, START).values):
            np.testing.assert_array_equal(row[NAMES.index("value")], value)


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
