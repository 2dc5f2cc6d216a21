"""Every record refuses what contradicts itself, with a sentence that says what to do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from features.fields import Record
from features.records import Shipment, WeatherForecast
from features.tables import RECORDS


class TestRecords:
    def test_each_has_a_purpose_in_words_and_two_clocks(self) -> None:
        for kind in RECORDS.values():
            assert kind.__doc__
            assert {"occurred_at", "known_at"} <= set(kind.model_fields)

    @pytest.mark.parametrize(
        ("table", "change", "words"),
        [
            ("orders", {"currency": None}, "value_minor is given without currency"),
            ("invoice_lines", {"currency": None}, "amount_minor is given without currency"),
            ("carrier_rates", {"valid_until": "2026-03-02T12:00:00Z"}, "is not after valid_from"),
            ("carrier_rates", {"rate_per": 0}, "greater than 0"),
            ("carrier_rates", {"rate_per": 1e-300}, "rate_per is 1e-300, less than 1e-06; mend its unit"),
            ("carrier_rates", {"rate_per": 1e300}, "rate_per is 1e.300, more than 1e.13; mend its unit"),
            ("carrier_rates", {"minimum_minor": 10**14}, "minimum_minor is 1e.14, more than 1e.13"),
            ("fuel_index", {"price_per": 1e-9}, "price_per is 1e-09, less than 1e-06"),
            ("accessorials", {"rate_per": 1e-9}, "rate_per is 1e-09, less than 1e-06"),
            ("carrier_rates", {"rate_minor": 71.34}, "valid integer"),
            ("events", {"corrects": None}, "correction is given without corrects"),
            ("events", {"party_at_fault": "nobody"}, "Input should be"),
            ("shipments", {"freight_class": "78"}, "Input should be"),
            ("disruptions", {"place": None}, "neither carrier_id nor place"),
            ("weather_forecasts", {"valid_at": "2026-03-02T11:59:00Z"}, "send a WeatherObservation"),
            ("places", {"latitude": 90.1}, "less than or equal to 90"),
            ("claims", {"currency": None}, "claimed_minor is given without currency"),
            ("claims", {"kind": "grief"}, "Input should be"),
            ("inventory_adjustments", {"from_disposition": "damaged"}, "nothing is moved"),
            ("invoice_lines", {"line_number": 0}, "greater than or equal to 1"),
            ("reviews", {"verdict": "perhaps"}, "Input should be"),
        ],
    )
    def test_what_contradicts_itself_is_refused(
        self, filled: dict[str, Record], table: str, change: dict[str, object], words: str
    ) -> None:
        record = filled[table]
        with pytest.raises(ValidationError, match=words):
            type(record).model_validate(record.model_dump() | change)

    def test_a_window_that_ends_before_it_begins_is_refused(self, filled: dict[str, Record]) -> None:
        plan = filled["shipments"].model_dump()
        plan["stops"][1]["promised_at"] = plan["stops"][1]["promised_from_at"] - timedelta(minutes=1)
        with pytest.raises(ValidationError, match="promised_at is before promised_from_at"):
            Shipment.model_validate(plan)

    def test_a_shipment_has_the_window_of_its_last_stop(self, filled: dict[str, Record]) -> None:
        shipment = filled["shipments"]
        assert isinstance(shipment, Shipment)
        assert shipment.promised_from_at == shipment.stops[1].promised_from_at is not None
        assert shipment.promised_at == shipment.stops[1].promised_at is not None

    def test_a_forecast_is_issued_before_the_hour_it_is_about(self, filled: dict[str, Record]) -> None:
        forecast = filled["weather_forecasts"]
        assert isinstance(forecast, WeatherForecast)
        assert forecast.issued_at == forecast.occurred_at
        assert forecast.lead == timedelta(hours=3)
