"""Names of places, their zones, and the file that tells zones."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import MappingError, SourceError
from features.fields import is_zone
from features.ingest.edi.clocks import OFFSETS, ZONES
from features.ingest.edi.places import Zones, place_of


class TestPlace:
    @pytest.mark.parametrize(
        ("city", "state", "country", "postcode", "locode", "name"),
        [
            ("Boston", "ma", "USA", None, None, "US-MA-BOSTON"),
            ("Boston", "MA", None, "02108", None, "US-MA-BOSTON"),
            ("Ottawa", "ON", None, None, None, "CA-ON-OTTAWA"),
            ("Belfast", None, "GB", "BT17", None, "GB-BELFAST"),
            ("Oz", "ZZ", None, None, None, "ZZ-OZ"),
            (None, "MA", "US", "02108", None, "US-02108"),
            (None, "MA", "US", None, None, "US-MA"),
            (None, "MA", None, None, "usbos", "USBOS"),
            (None, None, None, None, None, None),
        ],
    )
    def test_it_is_named_by_country_state_and_city(
        self, city: str, state: str, country: str, postcode: str, locode: str, name: str | None
    ) -> None:
        assert place_of(city=city, state=state, country=country, postcode=postcode, locode=locode) == name

    def test_a_name_is_no_longer_than_an_identifier(self) -> None:
        assert len(place_of(city="X" * 500, state="MA", country="US") or "") == 200


class TestZone:
    def test_every_zone_there_is_in_the_tables_is_one(self) -> None:
        assert all(is_zone(zone) for zone in ZONES.values())
        states = "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ NM NV"
        states += " NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
        provinces = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
        for country, codes in (("US", states), ("CA", provinces)):
            for code in codes.split():
                found = Zones().of_place(f"{country}-{code}-X")
                assert found is not None
                assert is_zone(found.name)

    def test_offsets_are_those_of_the_codes(self) -> None:
        assert len(OFFSETS) == 24 + 2 + 16
        assert OFFSETS["12"].utcoffset(None).total_seconds() == 12 * 3600  # type: ignore[union-attr]
        assert OFFSETS["13"].utcoffset(None).total_seconds() == -12 * 3600  # type: ignore[union-attr]

    def test_a_state_of_another_country_is_not_taken_for_one(self) -> None:
        assert Zones().of_place("MX-CA-TIJUANA") is None

    def test_the_nearest_that_is_told_counts(self) -> None:
        zones = Zones(places={"US": "UTC", "US-TX-EL PASO": "America/Denver"}, default="Europe/Berlin")
        found = {place: zones.of_place(place) for place in ("US-TX-EL PASO", "US-TX-AUSTIN", "DE-BERLIN", None)}
        assert [zone and zone.name for zone in found.values()] == [
            "America/Denver",
            "UTC",
            "Europe/Berlin",
            "Europe/Berlin",
        ]

    def test_a_sender_has_its_own_or_the_default(self) -> None:
        zones = Zones(senders={"RHEI": "Europe/Berlin"}, default="UTC")
        assert [zone and zone.name for zone in map(zones.of_sender, ("RHEI", "X"))] == ["Europe/Berlin", "UTC"]
        assert Zones().of_sender("X") is None


class TestFile:
    def test_it_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "zones.yaml"
        path.write_text("default: UTC\nplaces: {nl-rotterdam: Europe/Amsterdam}\nsenders: {RHEI: Europe/Berlin}\n")
        zones = Zones.read(path)
        assert zones == Zones({"NL-ROTTERDAM": "Europe/Amsterdam"}, {"RHEI": "Europe/Berlin"}, "UTC")

    def test_an_empty_one_tells_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "zones.yaml"
        path.write_text("")
        assert Zones.read(path) == Zones()

    def test_all_that_is_wrong_is_told_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "zones.yaml"
        path.write_text("defaults: UTC\nplaces: {NL: Amsterdam}\nsenders: [RHEI]\ndefault: 3\n")
        with pytest.raises(MappingError) as raised:
            Zones.read(path)
        assert [problem.split(":")[0] for problem in raised.value.problems] == [
            "defaults",
            "senders",
            "default",
            "places.NL",
        ]

    @pytest.mark.parametrize("written", ["- a list", "just text"])
    def test_what_is_no_mapping_says_so(self, tmp_path: Path, written: str) -> None:
        path = tmp_path / "zones.yaml"
        path.write_text(written)
        with pytest.raises(MappingError, match="it is no mapping"):
            Zones.read(path)

    def test_what_cannot_be_read_says_so(self, tmp_path: Path) -> None:
        path = tmp_path / "zones.yaml"
        path.write_text("{")
        with pytest.raises(SourceError):
            Zones.read(path)
