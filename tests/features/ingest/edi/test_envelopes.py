"""Envelopes: numbers and counts, what is cut off, what is nested wrongly; each leaves its neighbours as they are."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

import features.ingest.edi.envelopes as envelopes
from features.ingest.edi.interchanges import parts_of
from features.ingest.edi.parts import GroupEnded, InterchangeEnded, Leftover, Transaction
from tests.features.ingest.edi.written import group, interchange, several, transaction

BODY = "B10*P*S{}*RHEI\nAT7*D1*NS***20260302*1200*ET"
THREE = several("214", *(BODY.format(number) for number in (1, 2, 3)))


def parts(written: str) -> list[object]:
    return list(parts_of(BytesIO(written.encode())))


def became(written: str) -> list[tuple[str, str | None]]:
    """Return each transaction with what is wrong with it."""
    return [
        (part.control, part.fault and part.fault.reason.value)
        for part in parts(written)
        if isinstance(part, Transaction)
    ]


def remarks(written: str) -> list[str]:
    found: list[str] = []
    for part in parts(written):
        if isinstance(part, Transaction | GroupEnded | InterchangeEnded):
            found += [finding.remark.value for finding in part.findings]
    return found


def test_what_is_whole_has_neither_faults_nor_findings() -> None:
    assert became(THREE) == [("0001", None), ("0002", None), ("0003", None)]
    assert remarks(THREE) == []
    assert not any(isinstance(part, Leftover) for part in parts(THREE))


class TestFaults:
    @pytest.mark.parametrize(
        ("good", "bad", "reason"),
        [
            ("SE*4*0002~", "", "no_trailer"),
            ("SE*4*0002~", "SE*4*0003~", "control_number"),
            ("SE*4*0002~", "SE~", "control_number"),
            ("ST*214*0002~", "ST**0002~", "bad_header"),
            ("B10*P*S2*RHEI~", "?!*P*S2*RHEI~", "bad_segment"),
        ],
    )
    def test_one_takes_nobody_with_it(self, good: str, bad: str, reason: str) -> None:
        assert became(THREE.replace(good, bad)) == [("0001", None), ("0002", reason), ("0003", None)]

    def test_a_header_without_a_number(self) -> None:
        assert became(THREE.replace("ST*214*0002~", "ST*214~"))[1] == ("?", "bad_header")

    def test_what_is_cut_off_at_the_end_of_the_file(self) -> None:
        written = THREE[: THREE.index("AT7", THREE.index("S2"))]
        assert became(written) == [("0001", None), ("0002", "no_trailer")]
        assert remarks(written) == ["no_group_trailer", "no_interchange_trailer"]

    def test_a_transaction_outside_a_group(self) -> None:
        written = interchange(transaction("214", BODY.format(1)), group("214", transaction("214", BODY.format(2))))
        assert became(written) == [("0001", "no_group"), ("0001", None)]

    @pytest.mark.parametrize("release", ["", "X12", "4010"])
    def test_a_release_that_is_not_said(self, release: str) -> None:
        assert became(interchange(group("214", transaction("214", BODY.format(1)), release=release))) == [
            ("0001", "release")
        ]

    @pytest.mark.parametrize("release", ["004010VICS", "005010"])
    def test_a_release_that_is_said_in_other_ways(self, release: str) -> None:
        assert became(interchange(group("214", transaction("214", BODY.format(1)), release=release)))[0][1] is None

    def test_a_transaction_without_end_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(envelopes, "LARGEST_TRANSACTION", 1_000)
        long = THREE.replace("B10*P*S2*RHEI~", "B10*P*S2*RHEI~" + "NTE*" + "x" * 90 + "~" + "K1*x~" * 500)
        assert became(long) == [("0001", None), ("0002", "too_large"), ("0003", None)]
        assert len([part for part in parts(long) if isinstance(part, Leftover)]) == 1


class TestFindings:
    @pytest.mark.parametrize(
        ("good", "bad", "remark"),
        [
            ("SE*4*0002~", "SE*5*0002~", "segment_count"),
            ("SE*4*0002~", "SE*x*0002~", "segment_count"),
            ("GE*3*7~", "GE*2*7~", "transaction_count"),
            ("GE*3*7~", "GE*3*8~", "group_number"),
            ("GE*3*7~", "GE*3~", "group_number"),
            ("GE*3*7~", "", "no_group_trailer"),
            ("IEA*1*000000042~", "IEA*2*000000042~", "group_count"),
            ("IEA*1*000000042~", "IEA*1*000000043~", "interchange_number"),
            ("IEA*1*000000042~", "", "no_interchange_trailer"),
        ],
    )
    def test_what_is_read_stays_read(self, good: str, bad: str, remark: str) -> None:
        assert became(THREE.replace(good, bad)) == became(THREE)
        assert remarks(THREE.replace(good, bad)) == [remark]

    @pytest.mark.parametrize(("good", "same"), [("GE*3*7~", "GE*003*0007~"), ("SE*4*0002~", "SE*0004*0002~")])
    def test_leading_zeros_of_a_number_do_not_count(self, good: str, same: str) -> None:
        assert remarks(THREE.replace(good, same)) == []

    def test_groups_are_counted(self) -> None:
        groups = [group("214", transaction("214", BODY.format(number)), control=str(number)) for number in (1, 2)]
        assert remarks(interchange(*groups)) == []
        assert became(interchange(*groups)) == [("0001", None), ("0001", None)]


class TestLeftovers:
    def test_what_stands_between_transactions_is_one_piece(self) -> None:
        written = THREE.replace("ST*214*0002~", "XX*1~YY*2~ST*214*0002~")
        (leftover,) = (part for part in parts(written) if isinstance(part, Leftover))
        assert leftover.raw == b"XX*1~YY*2~"
        assert leftover.offset == written.index("XX*1~")
        assert became(written) == became(THREE)

    @pytest.mark.parametrize("tag", ["SE", "GE"])
    def test_a_trailer_of_nothing_is_left_over(self, tag: str) -> None:
        written = THREE.replace("IEA*", f"{tag}*1*7~IEA*")
        assert [part.raw for part in parts(written) if isinstance(part, Leftover)] == [f"{tag}*1*7~".encode()]


def test_the_identity_of_a_transaction_holds_both_parties_the_date_and_all_numbers(tmp_path: Path) -> None:
    first = next(part for part in parts(THREE) if isinstance(part, Transaction))
    assert first.identity == "02:RHEI/ZZ:SHIPPER/2603021830/000000042/7/0001"
