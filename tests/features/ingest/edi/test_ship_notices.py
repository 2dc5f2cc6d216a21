"""856: pallets, packs and what is in them, in every order of levels that partners use."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.records import Content, HandlingUnit, Package
from features.vocabulary import UnitKind
from tests.features.ingest.edi.written import imported, one, several

HEAD = "BSN*00*N1*20260302*1200\n"
PALLETS = f"""{HEAD}
    HL*1**S
    DTM*011*20260302*1500*ET
    N1*SF*PLANT
    N4*BOSTON*MA
    HL*2*1*O
    PRF*O1
    HL*3*2*T
    TD1*CRT71*4****G*1000*LB
    MAN*GM*001
    HL*4*3*P
    MAN*GM*002
    TD1*CTN25*1****G*10*KG
    REF*2I*TRACK1
    HL*5*4*I
    LIN*1*UP*999*SK*A1
    SN1**6*CA
    HL*6*4*I
    LIN*2*VN*A2
    SN1**2*EA
    CTT*6
"""


class TestPallets:
    def test_a_pack_stands_on_its_pallet_and_holds_its_items(self, tmp_path: Path) -> None:
        found = imported(tmp_path, one("856", PALLETS))
        pallet, pack = found.only(HandlingUnit), found.only(Package)
        assert (pallet.handling_unit_id, pallet.kind, pallet.pieces) == ("001", UnitKind.CRATE, 4)
        assert pallet.weight_kg == pytest.approx(453.59237)
        assert (pack.package_id, pack.shipment_id, pack.handling_unit_id) == ("002", "N1", "001")
        assert (pack.tracking_number, pack.weight_kg) == ("TRACK1", 10)
        assert pack.contents == (
            Content(sku="A1", quantity=6, unit="CA", order_id="O1", line_id="1"),
            Content(sku="A2", quantity=2, unit="EA", order_id="O1", line_id="2"),
        )
        assert pack.occurred_at == pallet.occurred_at == datetime(2026, 3, 2, 20, tzinfo=UTC)

    def test_pallets_may_stand_on_pallets_and_bear_no_number(self, tmp_path: Path) -> None:
        body = f"{HEAD}HL*1**S\nHL*2*1*T\nHL*3*2*T\nHL*4*3*I\nLIN**SK*A1\nSN1**1*EA"
        found = imported(tmp_path, one("856", body))
        lower, upper = found.all(HandlingUnit)
        assert (lower.handling_unit_id, lower.parent_id, lower.kind) == ("N1/2", None, UnitKind.PALLET)
        assert (upper.handling_unit_id, upper.parent_id) == ("N1/3", "N1/2")
        assert found.only(Package).handling_unit_id == "N1/3"

    def test_items_without_a_pack_are_what_their_order_holds(self, tmp_path: Path) -> None:
        body = f"{HEAD}HL*1**S\nHL*2*1*O\nPRF*O1\nHL*3*2*I\nLIN**SK*A1\nSN1**1*EA\nHL*4*2*I\nLIN**SK*A2\nSN1**2*EA"
        pack = imported(tmp_path, one("856", body)).only(Package)
        assert (pack.package_id, pack.handling_unit_id) == ("N1/2", None)
        assert [(content.sku, content.order_id) for content in pack.contents] == [("A1", "O1"), ("A2", "O1")]

    def test_packs_may_stand_below_their_item(self, tmp_path: Path) -> None:
        body = (
            f"{HEAD}HL*1**S\nHL*2*1*I\nLIN**SK*A1\nSN1**9*EA\n"
            "HL*3*2*P\nMAN*GM*003\nSN1**4*EA\nHL*4*2*P\nMAN*GM*004\nSN1**5*EA"
        )
        packs = imported(tmp_path, one("856", body)).all(Package)
        assert [(pack.package_id, pack.contents[0].sku, pack.contents[0].quantity) for pack in packs] == [
            ("003", "A1", 4),
            ("004", "A1", 5),
        ]

    def test_the_only_pack_of_an_item_holds_all_of_it(self, tmp_path: Path) -> None:
        body = f"{HEAD}HL*1**S\nHL*2*1*I\nLIN**SK*A1\nSN1**9*EA\nHL*3*2*P\nMAN*GM*003"
        assert imported(tmp_path, one("856", body)).only(Package).contents[0].quantity == 9

    def test_without_a_date_of_shipping_it_is_as_old_as_the_notice(self, tmp_path: Path) -> None:
        written = PALLETS.replace("DTM*011*", "DTM*017*")
        assert imported(tmp_path, one("856", written)).only(Package).occurred_at.hour == 12


class TestFaults:
    @pytest.mark.parametrize(
        ("good", "bad", "reason", "segment"),
        [
            ("BSN*00*", "BSN*01*", "code", "BSN"),
            ("BSN*00*N1*", "BSN*00**", "element_missing", "BSN"),
            ("HL*4*3*P", "HL*4*9*P", "code", "HL"),
            ("HL*4*3*P", "HL*4*4*P", "code", "HL"),
            ("HL*4*3*P", "HL*3*3*P", "code", "HL"),
            ("HL*4*3*P", "HL*4*3", "element_missing", "HL"),
            ("LIN*2*VN*A2", "PO4*1", "segment_missing", "LIN"),
            ("LIN*2*VN*A2", "LIN*2", "element_missing", "LIN"),
            ("LIN*2*VN*A2", f"LIN*2*VN*{'A' * 201}", "record", "LIN"),
            ("SN1**2*EA", "PO4*1", "segment_missing", "SN1"),
            ("SN1**2*EA", "SN1***EA", "element_missing", "SN1"),
            ("TD1*CTN25*1****G*10*KG", "TD1*CTN25*1****G*10*XX", "code", "TD1"),
        ],
    )
    def test_what_cannot_be_read_says_where(
        self, tmp_path: Path, good: str, bad: str, reason: str, segment: str
    ) -> None:
        assert good in PALLETS
        found = imported(tmp_path, one("856", PALLETS.replace(good, bad)))
        assert found.records == []
        assert (found.reject["reason"], found.reject["segment"]) == (reason, segment)

    def test_a_notice_without_levels_is_rejected(self, tmp_path: Path) -> None:
        assert imported(tmp_path, one("856", HEAD)).reject["segment"] == "HL"

    def test_a_replacement_is_another_state_of_its_packages(self, tmp_path: Path) -> None:
        changed = PALLETS.replace("BSN*00", "BSN*05").replace("SN1**6*CA", "SN1**4*CA")
        found = imported(tmp_path, several("856", PALLETS, changed))
        first, second = found.all(Package)
        assert [[held.quantity for held in pack.contents] for pack in (first, second)] == [[6, 2], [4, 2]]
        assert first.package_id == second.package_id
        assert first.known_at < second.known_at
        assert found.rejects == []

    @pytest.mark.parametrize(("number", "table"), [("MAN*GM*001", "handling_units"), ("MAN*GM*002", "packages")])
    def test_a_number_stands_once_in_a_notice(self, tmp_path: Path, number: str, table: str) -> None:
        kind = "T" if table == "handling_units" else "P"
        found = imported(tmp_path, one("856", PALLETS.replace("CTT*6", f"HL*7*2*{kind}\n{number}\nCTT*7")))
        assert (found.reject["reason"], found.records) == ("same_key", [])
        assert table in found.reject["words"]


def test_a_deep_hierarchy_is_read_in_time(tmp_path: Path) -> None:
    levels = "\n".join(f"HL*{level}*{level - 1}*T" for level in range(2, 5_000))
    found = imported(tmp_path, one("856", f"{HEAD}HL*1**S\n{levels}\nHL*5000*4999*I\nLIN**SK*A1\nSN1**1*EA"))
    assert found.summary.records == {"handling_units": 4_998, "packages": 1}
