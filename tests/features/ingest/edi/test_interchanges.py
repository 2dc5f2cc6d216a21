"""Interchanges of both syntaxes in one file, and what stands around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.ingest.edi.places import Zones
from features.records import DeliveryEvent
from tests.features.ingest.edi import test_edifact
from tests.features.ingest.edi.written import accounted, imported, one

X12 = one("214", "B10*P*X1*RHEI\nAT7*D1*NS***20260302*1200*ET")
EDIFACT = test_edifact.interchange()
ADVISED = test_edifact.interchange(una="UNA:+.? '").replace("REF9", "REF8").replace("+S1'", "+S2'")


def told(folder: Path, written: str) -> tuple[list[str], list[str]]:
    """Return the shipments of all events, and what was kept as a leftover."""
    found = imported(folder, written, zones=Zones(places={"NL": "Europe/Amsterdam"}))
    assert accounted(found.summary)
    return [event.shipment_id for event in found.all(DeliveryEvent)], [row["content"] for row in found.rejects]


class TestBothSyntaxes:
    @pytest.mark.parametrize("between", ["", "\r\n", "\n\ufeff"])
    def test_they_are_read_one_behind_the_other(self, tmp_path: Path, between: str) -> None:
        assert told(tmp_path, between.join([X12, EDIFACT])) == (["X1", "S1"], [])
        assert told(tmp_path, between.join([ADVISED, X12, EDIFACT])) == (["S2", "X1", "S1"], [])

    def test_one_may_begin_before_the_other_has_ended(self, tmp_path: Path) -> None:
        cut_x12, cut_edifact = X12[: X12.index("GE*")], EDIFACT[: EDIFACT.index("UNZ")]
        assert told(tmp_path, cut_x12 + EDIFACT) == (["X1", "S1"], [])
        assert told(tmp_path, cut_x12 + ADVISED) == (["X1", "S2"], [])
        assert told(tmp_path, cut_edifact + X12) == (["S1", "X1"], [])


class TestAround:
    @pytest.mark.parametrize("text", ["Dear all\n", "UNABLE to send\n", "UNBELIEVABLE, isn't it?\n", "ISA was here "])
    @pytest.mark.parametrize(("written", "shipment"), [(X12, "X1"), (EDIFACT, "S1"), (ADVISED, "S2")])
    def test_text_before_and_behind_does_no_harm(self, tmp_path: Path, text: str, written: str, shipment: str) -> None:
        shipments, left = told(tmp_path, text + written + text)
        assert shipments == [shipment]
        assert left == [text, text]
