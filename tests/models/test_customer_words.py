"""What a customer reads of a score: every feature has a subject, and nothing is told that is not theirs to know."""

from __future__ import annotations

import re
from math import fsum

import pytest

from features.definitions import NAMES
from features.inventory.features import INVENTORY_NAMES
from models.customer_words import OF_DELAY, OF_SHORTAGE, customer_reasons, subject_of

KEPT_IN_THE_HOUSE = re.compile(r"\d|%|carrier|fault|other customers|tier|penalty|reserved|claims", re.IGNORECASE)


class TestSubjects:
    @pytest.mark.parametrize("names", [NAMES, INVENTORY_NAMES])
    def test_every_feature_has_one_that_tells_no_number_and_blames_nobody(self, names: tuple[str, ...]) -> None:
        assert not [name for name in names if KEPT_IN_THE_HOUSE.search(subject_of(name))]

    def test_a_feature_without_one_is_told_where_to_add_it(self) -> None:
        with pytest.raises(LookupError, match=r"Add it to models/customer_words\.py"):
            subject_of("phase_of_the_moon")

    @pytest.mark.parametrize(
        ("feature", "subject"),
        [
            ("carrier_arrivals_late_share_28d", "how such transports have kept their times lately"),
            ("origin_wind_speed_ms", "the weather at the places on the way"),
            ("origin_tasks_waiting", "how busy the places on the way are"),
            ("departure_delay_minutes", "how far your shipment has come"),
            ("departure_hour", "the time and the way that are planned for it"),
            ("inbound_overdue", "goods of this article that are on their way to us"),
        ],
    )
    def test_it_is_what_the_feature_is_about(self, feature: str, subject: str) -> None:
        assert subject_of(feature) == subject


class TestReasons:
    PARTS = (
        ("carrier_arrivals_late_share_28d", 0.4),
        ("lane_arrivals_delay_mean_90d", 0.3),
        ("origin_wind_speed_ms", -1.5),
        ("weight_kg", 0.0),
    )

    def test_they_add_up_by_subject_with_the_strongest_first(self) -> None:
        found = customer_reasons(self.PARTS, OF_DELAY)
        assert [(each.part, each.words) for each in found] == [
            (-1.5, "The weather at the places on the way speaks for an arrival in time."),
            (pytest.approx(0.7), "How such transports have kept their times lately speaks for a late arrival."),
        ]
        assert fsum(each.part for each in found) == pytest.approx(fsum(part for _, part in self.PARTS))

    def test_several_things_speak(self) -> None:
        (found,) = customer_reasons([("inbound_overdue", 1.0)], OF_SHORTAGE)
        assert found.words == "Goods of this article that are on their way to us speak against a complete delivery."
