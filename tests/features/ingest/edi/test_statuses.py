"""214: statuses, reasons, appointments, and in which zone a time is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.ingest.edi.codes import PARTIES_AT_FAULT, STATUSES
from features.ingest.edi.places import Zones
from features.records import DeliveryEvent
from features.vocabulary import Classifier, EventStatus, PartyAtFault
from tests.features.ingest.edi.written import imported, one, several

HEAD = "B10*PRO1*S1*RHEI\nLX*1"


def status(at7: str, ms1: str = "MS1*BOSTON*MA*US", release: str = "004010") -> str:
    return one("214", f"{HEAD}\nAT7*{at7}\n{ms1}" if ms1 else f"{HEAD}\nAT7*{at7}", release)


def event(folder: Path, written: str, zones: Zones | None = None) -> DeliveryEvent:
    found: DeliveryEvent = imported(folder, written, zones=zones).only(DeliveryEvent)
    return found


class TestCodes:
    @pytest.mark.parametrize(
        ("code", "canonical"),
        [
            ("X3", "pickup_arrived"),
            ("AF", "departed"),
            ("X1", "delivery_arrived"),
            ("D1", "delivered"),
            ("K1", "customs_hold"),
        ],
    )
    def test_a_status_is_its_canonical_one_and_kept_raw(self, tmp_path: Path, code: str, canonical: str) -> None:
        found = event(tmp_path, status(f"{code}*NS***20260302*1200*ET"))
        assert (found.status.value, found.raw_status, found.shipment_id) == (canonical, code, "S1")

    def test_an_unknown_status_and_an_unknown_reason_are_kept_and_found(self, tmp_path: Path) -> None:
        found = imported(tmp_path, status("QQ*ZY***20260302*1200*ET"))
        told = found.only(DeliveryEvent)
        assert (told.status, told.raw_status, told.reason) == (EventStatus.OTHER, "QQ", "ZY")
        assert told.party_at_fault is PartyAtFault.OTHER
        assert [row["words"] for row in found.findings] == ["status QQ", "reason ZY"]

    @pytest.mark.parametrize(
        ("reason", "party"),
        [
            ("AJ", "carrier"),
            ("AM", "shipper"),
            ("AG", "consignee"),
            ("AO", "outside"),
            ("A2", "address"),
            ("NS", "neutral"),
        ],
    )
    def test_a_reason_says_whose_doing_it_is(self, tmp_path: Path, reason: str, party: str) -> None:
        found = event(tmp_path, status(f"SD*{reason}***20260302*1200*ET"))
        assert (found.reason, found.party_at_fault) == (reason, party)

    def test_no_reason_is_of_two_parties(self) -> None:
        assert len(PARTIES_AT_FAULT) == 15 + 8 + 12 + 8 + 3 + 3

    @pytest.mark.parametrize(
        ("code", "classifier"), [("AG", Classifier.ESTIMATED), ("X2", Classifier.ESTIMATED), ("D1", Classifier.ACTUAL)]
    )
    def test_an_estimate_is_no_fact(self, tmp_path: Path, code: str, classifier: Classifier) -> None:
        assert event(tmp_path, status(f"{code}*NS***20260302*1200*ET")).classifier is classifier

    def test_an_appointment_is_planned(self, tmp_path: Path) -> None:
        found = event(tmp_path, status("**AB*NA*20260305*0900*ET"))
        assert (found.appointment, found.reason, found.status, found.classifier) == (
            "AB",
            "NA",
            EventStatus.OTHER,
            Classifier.PLANNED,
        )

    def test_a_feed_of_four_statuses(self, tmp_path: Path) -> None:
        lines = "\n".join(
            f"AT7*{code}*NS***20260302*1{hour}00*ET" for hour, code in enumerate(("X3", "AF", "X1", "D1"))
        )
        found = imported(tmp_path, one("214", f"{HEAD}\n{lines}")).all(DeliveryEvent)
        assert [told.status.value for told in found] == ["pickup_arrived", "departed", "delivery_arrived", "delivered"]
        assert len({told.event_id for told in found}) == 4

    def test_every_code_of_the_vocabulary_is_in_the_table(self) -> None:
        pickup, transit, estimate = "X3 X8 CP AM AF", "P1 X4 R1 J1 X6 AR RL", "AG X2"
        delivery, trouble = "X1 X5 D1 CD", "SD AH AP A7 A9 A3 AI PA CA K1 PR OO"
        assert set(STATUSES) == set(" ".join((pickup, transit, estimate, delivery, trouble)).split())


class TestRelease:
    @pytest.mark.parametrize("release", ["004010", "004020", "003060"])
    @pytest.mark.parametrize(("at7", "element"), [("D1****20260302*1200*ET", 2), ("**AB**20260302*1200*ET", 4)])
    def test_up_to_4020_a_status_needs_its_reason(self, tmp_path: Path, release: str, at7: str, element: int) -> None:
        reject = imported(tmp_path, status(at7, release=release)).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == ("pair_incomplete", "AT7", element)

    @pytest.mark.parametrize("release", ["004030", "004040", "005010"])
    def test_from_4030_on_it_does_not(self, tmp_path: Path, release: str) -> None:
        assert event(tmp_path, status("D1****20260302*1200*ET", release=release)).reason is None

    def test_a_reason_never_stands_alone(self, tmp_path: Path) -> None:
        reject = imported(tmp_path, status("*NS*AB*NA*20260302*1200*ET", release="004030")).reject
        assert (reject["reason"], reject["element"]) == ("pair_incomplete", 1)


class TestTime:
    @pytest.mark.parametrize(
        ("at7", "hour"),
        [
            ("20260302*1200*UT", 12),
            ("20260302*1200*GM", 12),
            ("20260302*1200*ET", 17),
            ("20260302*1200*ED", 16),
            ("20260302*1200*CT", 18),
            ("20260302*1200*MS", 19),
            ("20260302*1200*PT", 20),
            ("20260302*1200*AT", 21),
            ("20260302*1200*HT", 22),
            ("20260302*1200*TT", 16),
            ("20260302*1200*02", 10),
            ("20260302*1200*24", 13),
            ("20260302*1200*19", 18),
            ("20260702*1200*ET", 16),
            ("20260702*1200*ES", 17),
            ("20260302*1200*LT", 17),
            ("20260302*1200", 17),
        ],
    )
    def test_a_code_says_in_which_zone_and_without_one_it_is_local_to_the_place(
        self, tmp_path: Path, at7: str, hour: int
    ) -> None:
        month = int(at7[4:6])
        assert event(tmp_path, status(f"D1*NS***{at7}")).occurred_at == datetime(2026, month, 2, hour, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("clock", "seconds", "micros"), [("120005", 5, 0), ("1200059", 5, 900_000), ("12000507", 5, 70_000)]
    )
    def test_seconds_and_parts_of_them(self, tmp_path: Path, clock: str, seconds: int, micros: int) -> None:
        found = event(tmp_path, status(f"D1*NS***20260302*{clock}*UT"))
        assert found.occurred_at == datetime(2026, 3, 2, 12, 0, seconds, micros, tzinfo=UTC)

    @pytest.mark.parametrize("ms1", ["", "MS1*ROTTERDAM**NL", "MS1*NOWHERE"])
    def test_a_local_time_without_a_zone_is_rejected(self, tmp_path: Path, ms1: str) -> None:
        reject = imported(tmp_path, status("D1*NS***20260302*1200", ms1)).reject
        assert (reject["reason"], reject["segment"], reject["position"], reject["element"]) == ("zone", "AT7", 4, 7)
        assert "--zones" in reject["words"]

    @pytest.mark.parametrize(
        ("ms1", "zones"),
        [
            ("MS1*ROTTERDAM**NL", Zones(places={"NL": "Europe/Amsterdam"})),
            ("MS1*ROTTERDAM**NL", Zones(places={"NL-ROTTERDAM": "Europe/Amsterdam", "NL": "UTC"})),
            ("", Zones(default="Europe/Amsterdam")),
        ],
    )
    def test_the_zones_file_tells_zones(self, tmp_path: Path, ms1: str, zones: Zones) -> None:
        found = event(tmp_path, status("D1*NS***20260302*1200*LT", ms1), zones)
        assert found.occurred_at == datetime(2026, 3, 2, 11, tzinfo=UTC)

    def test_a_state_in_several_zones_is_found(self, tmp_path: Path) -> None:
        found = imported(tmp_path, status("D1*NS***20260302*1200", "MS1*EL PASO*TX"))
        assert found.only(DeliveryEvent).occurred_at == datetime(2026, 3, 2, 18, tzinfo=UTC)
        assert [(row["remark"], row["words"]) for row in found.findings] == [
            ("zone_assumed", "times at US-TX-EL PASO: America/Chicago")
        ]

    def test_a_time_that_comes_twice_is_the_first(self, tmp_path: Path) -> None:
        found = event(tmp_path, status("D1*NS***20261101*0130*ET"))
        assert found.occurred_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)

    def test_a_time_that_never_comes_is_read_as_if_the_clock_had_not_gone_forward(self, tmp_path: Path) -> None:
        found = event(tmp_path, status("D1*NS***20260308*0230*ET"))
        assert found.occurred_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)

    def test_a_day_without_a_time_is_found(self, tmp_path: Path) -> None:
        found = imported(tmp_path, status("D1*NS***20260302"))
        assert found.only(DeliveryEvent).occurred_at == datetime(2026, 3, 2, 5, tzinfo=UTC)
        assert found.remarks == ["time_of_day_missing"]

    @pytest.mark.parametrize(
        ("at7", "reason", "element"),
        [
            ("D1*NS***20260231*1200*ET", "date", 5),
            ("D1*NS***2026-3-2*1200*ET", "date", 5),
            ("D1*NS***٢٠٢٦٠٣٠٢*1200*ET", "date", 5),
            ("D1*NS****1200*ET", "element_missing", 5),
            ("D1*NS***20260302*2400*ET", "time", 6),
            ("D1*NS***20260302*12*ET", "time", 6),
            ("D1*NS***20260302*1200*XX", "code", 7),
            ("D1*NS***00010101*0000*01", "date", None),
            ("****20260302*1200*ET", "element_missing", 1),
        ],
    )
    def test_what_cannot_be_read_says_where(self, tmp_path: Path, at7: str, reason: str, element: int | None) -> None:
        reject = imported(tmp_path, status(at7)).reject
        assert (reject["reason"], reject["segment"], reject["element"]) == (reason, "AT7", element)

    def test_a_year_of_two_digits(self, tmp_path: Path) -> None:
        assert event(tmp_path, status("D1*NS***260302*1200*UT")).occurred_at.year == 2026


class TestShipment:
    def test_it_may_be_named_by_the_carrier_alone(self, tmp_path: Path) -> None:
        found = imported(tmp_path, status("D1*NS***20260302*1200*ET").replace("B10*PRO1*S1*", "B10*PRO1**"))
        assert found.only(DeliveryEvent).shipment_id == "PRO1"
        assert found.remarks == ["shipment_by_carrier_number"]

    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment"),
        [
            ("B10*PRO1*S1*RHEI~", "B10***RHEI~", "element_missing", "B10"),
            ("B10*PRO1*S1*RHEI~", "B10*PRO1*S1~", "element_missing", "B10"),
            ("B10*PRO1*S1*RHEI~", "", "segment_missing", "B10"),
            ("AT7*D1*NS***20260302*1200*ET~", "", "segment_missing", "AT7"),
            ("*S1*", f"*{'S' * 201}*", "record", "AT7"),
        ],
    )
    def test_what_is_missing_says_where(self, tmp_path: Path, good: str, bad: str, reason: str, segment: str) -> None:
        reject = imported(tmp_path, status("D1*NS***20260302*1200*ET").replace(good, bad)).reject
        assert (reject["reason"], reject["segment"]) == (reason, segment)

    def test_the_place_of_a_status_is_its_own(self, tmp_path: Path) -> None:
        body = f"{HEAD}\nAT7*AF*NS***20260302*1200*ET\nLX*2\nAT7*D1*NS***20260303*1200*ET\nMS1*OTTAWA*ON"
        found = imported(tmp_path, one("214", body)).all(DeliveryEvent)
        assert [told.place for told in found] == [None, "CA-ON-OTTAWA"]

    def test_all_that_is_wrong_is_told_at_once(self, tmp_path: Path) -> None:
        body = f"{HEAD}\nAT7*AF*NS***20260332*1200*ET\nAT7*D1*NS***20260303*2500*ET\nAT7*X1*NS***20260303*1200*ET"
        found = imported(tmp_path, several("214", body, f"{HEAD}\nAT7*X1*NS***20260303*1200*ET"))
        assert [line[:3] for line in found.reject["words"].splitlines()] == ["AT7", "AT7"]
        assert len(found.all(DeliveryEvent)) == 1
