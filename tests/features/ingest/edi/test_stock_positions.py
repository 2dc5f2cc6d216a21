"""Positions of stock that follow from given levels and what warehouses tell, as known at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import SourceError
from features.ingest.checks import broken_rows
from features.ingest.edi.places import Zones
from features.ingest.edi.stock_ledger import StockLedger
from features.inventory.features import build_inventory
from features.order_records import OrderLine
from features.stock_records import InventoryAdjustment, InventoryPosition, WarehouseTask
from features.tables import RecordTables
from features.vocabulary import Disposition
from tests.drawn import drawn
from tests.features.ingest.edi.test_warehouse import SHIPPED
from tests.features.ingest.edi.written import CODES, HEADER, Imported, imported, one, transaction

START = datetime(2026, 3, 2, tzinfo=UTC)
ZONES = Zones(default="UTC")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def level(
    quantity: float,
    disposition: Disposition = Disposition.AVAILABLE,
    occurred: float = 0,
    known: float = 0,
    **more: object,
) -> InventoryPosition:
    fields = {"place": "DC1", "sku": "A1", "quantity": quantity, "disposition": disposition}
    return InventoryPosition.model_validate(fields | {"occurred_at": at(occurred), "known_at": at(known)} | more)


@dataclass(frozen=True)
class Document:
    """One line that a warehouse tells, and when it happened and was sent."""

    name: str
    number: str
    quantity: float
    occurred: float
    sent: float
    lot: str = ""
    unit: str = "EA"
    code: str = "AA"

    def body(self) -> str:
        happened = at(self.occurred)
        day, time, who = f"{happened:%Y%m%d}", f"{happened:%H%M}", "N1*WH*NORTH DC*92*DC1"
        if self.name == "944":
            head, line = (
                f"W17*F*{day}*{self.number}*P1***{time}",
                f"W07*{self.quantity:g}*{self.unit}**VN*A1***{self.lot}",
            )
        elif self.name == "945":
            head = f"W06*F*{self.number}*{day}*S1\n{who}\nG62*11*{day}*W*{time}"
            line = f"W12*CC**{self.quantity:g}**{self.unit}**VN*A1*{self.lot}"
            return f"{head}\nLX*1\n{line}"
        else:
            head, line = (
                f"W15*{day}*{self.number}",
                f"W19*{self.code}*{self.quantity:g}*{self.unit}**VN*A1***{self.lot}",
            )
        return f"{head}\n{who}\n{line}"

    def written(self, control: int) -> bytes:
        sent = at(self.sent)
        head = HEADER.format(control=f"{control:09d}")
        group = f"GS*{CODES[self.name]}*RHEI*SHIPPER*{sent:%Y%m%d}*{sent:%H%M}*{control}*X*004010~"
        return f"{head}{group}{transaction(self.name, self.body())}GE*1*{control}~IEA*1*{control:09d}~".encode()


def received(quantity: float, occurred: float, sent: float, number: str = "R1", **more: str) -> Document:
    return Document("944", number, quantity, occurred, sent, **more)


def shipped(quantity: float, occurred: float, sent: float, number: str = "O1", **more: str) -> Document:
    return Document("945", number, quantity, occurred, sent, **more)


def adjusted(quantity: float, occurred: float, sent: float, number: str = "J1", **more: str) -> Document:
    return Document("947", number, quantity, occurred, sent, **more)


def told(folder: Path, levels: Sequence[InventoryPosition], *documents: Document) -> Imported:
    written = [document.written(control) for control, document in enumerate(documents, start=1)]
    return imported(folder, written, known_at=None, zones=ZONES, stock=StockLedger(levels))


def lying(
    found: Imported | Sequence[InventoryPosition],
    cutoff: float,
    disposition: Disposition = Disposition.AVAILABLE,
    **named: str | None,
) -> float | None:
    """Return what is known at a cutoff to lie in one position; None where nothing is."""
    chosen = {"disposition": disposition, "lot": None, "held_by": None} | named
    counts = [
        position
        for position in (found.all(InventoryPosition) if isinstance(found, Imported) else found)
        if all(getattr(position, name) == value for name, value in chosen.items())
        and max(position.occurred_at, position.known_at) <= at(cutoff)
    ]
    newest = max(counts, key=lambda position: (position.occurred_at, position.known_at), default=None)
    return None if newest is None else newest.quantity


class TestMovements:
    def test_each_changes_the_level_from_when_it_is_known(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10)], received(5, 1, 2), shipped(4, 3, 5), adjusted(-2.5, 24, 26))
        assert [lying(found, hour) for hour in (0, 1.9, 2, 4.9, 5, 25.9, 26)] == [10, 10, 15, 15, 11, 11, 8.5]
        newest = found.all(InventoryPosition)[-1]
        assert (newest.occurred_at, newest.known_at, newest.unit) == (at(24), at(26), "EA")
        assert found.summary.stock == {"given": 1, "followed": 3, "placed": 3, "below_zero": 0}

    def test_a_late_one_leaves_the_past_as_it_was_known(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10)], shipped(4, 3, 30), received(5, 10, 12))
        assert [lying(found, hour) for hour in (3, 12, 29.9, 30)] == [10, 15, 15, 11]
        assert found.all(InventoryPosition)[-1].occurred_at == at(10)

    def test_the_same_document_twice_changes_stock_once(self, tmp_path: Path) -> None:
        document = shipped(4, 3, 5)
        written = [document.written(1), document.written(1)]
        found = imported(tmp_path, written, known_at=None, zones=ZONES, stock=StockLedger([level(10)]))
        assert found.summary.repeated == {"945": 1}
        assert lying(found, 99) == 6

    def test_one_that_is_sent_anew_takes_the_place_of_the_first(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10)], received(5, 3, 5), received(7, 3, 9), received(7, 3, 11))
        assert [lying(found, hour) for hour in (5, 9, 11)] == [15, 17, 17]
        assert found.summary.stock["replaced"] == 2

    def test_two_shipments_of_one_order_both_count(self, tmp_path: Path) -> None:
        first, second = shipped(4, 3, 5), shipped(3, 6, 8)
        written = [first.written(1), second.written(2).replace(b"*S1~", b"*S2~")]
        found = imported(tmp_path, written, known_at=None, zones=ZONES, stock=StockLedger([level(10)]))
        assert lying(found, 99) == 3
        assert len({task.task_id for task in found.all(WarehouseTask)}) == 2

    def test_what_is_held_is_moved(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10)], adjusted(-3, 24, 25, code="05"), adjusted(1, 48, 49, "J2", code="55"))
        assert [lying(found, hour) for hour in (25, 49)] == [7, 8]
        assert [lying(found, hour, Disposition.HELD) for hour in (24, 25, 49)] == [None, 3, 2]

    def test_below_zero_is_shown_as_none_and_made_up_for(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(2)], shipped(5, 3, 4), received(10, 2, 8))
        assert [lying(found, hour) for hour in (4, 8)] == [0, 7]
        assert found.summary.stock["below_zero"] == 1

    def test_an_order_ships_what_it_reserved_first(self, tmp_path: Path) -> None:
        levels = [level(10), level(6, Disposition.RESERVED, held_by="O1"), level(3, Disposition.RESERVED, held_by="O2")]
        found = told(tmp_path, levels, shipped(4, 3, 4), shipped(5, 5, 6, number="O3"))
        assert [lying(found, hour, Disposition.RESERVED, held_by="O1") for hour in (3, 4)] == [6, 2]
        assert lying(found, 99, Disposition.RESERVED, held_by="O2") == 3
        assert [lying(found, hour) for hour in (4, 6)] == [10, 5]
        beyond = told(tmp_path, levels, shipped(8, 3, 4))
        assert (lying(beyond, 4, Disposition.RESERVED, held_by="O1"), lying(beyond, 4)) == (0, 8)

    def test_what_was_in_transit_has_come(self, tmp_path: Path) -> None:
        levels = [level(10), level(8, Disposition.IN_TRANSIT, lot="L1", expected_at=at(2))]
        found = told(tmp_path, levels, received(8, 3, 4, lot="L1"))
        assert (lying(found, 4), lying(found, 4, Disposition.IN_TRANSIT, lot="L1")) == (18, 0)


class TestOpening:
    def test_without_one_there_is_no_position(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10, sku="B2")], received(5, 1, 2), adjusted(-1, 24, 25))
        assert [position.sku for position in found.all(InventoryPosition)] == ["B2"]
        assert len(found.all(WarehouseTask)) == len(found.all(InventoryAdjustment)) == 1
        assert found.summary.stock["no_opening"] == 2
        assert found.remarks == ["no_opening"] * 2
        assert found.findings[0]["words"] == "stock of A1 at DC1 is not changed: no level of it was given"
        assert found.findings[0]["source"] == "000.edi"

    def test_what_happened_before_is_in_it(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10, occurred=6, known=7)], shipped(4, 5, 9), shipped(1, 6, 9, number="O2"))
        assert lying(found, 99) == 9
        assert found.remarks == ["before_opening"]

    def test_what_happened_since_counts_though_it_was_known_before(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10, occurred=1, known=7)], shipped(4, 2, 3))
        assert [lying(found, hour) for hour in (3, 7.1)] == [None, 6]

    def test_a_later_one_takes_the_place_of_what_followed(self, tmp_path: Path) -> None:
        levels = [level(10), level(20, occurred=8, known=10)]
        found = told(tmp_path, levels, shipped(4, 3, 5), shipped(1, 9, 9, number="O2"), shipped(2, 4, 12, number="O3"))
        assert [lying(found, hour) for hour in (5, 9, 10.1, 12)] == [6, 5, 19, 19]

    def test_a_lot_that_a_later_one_does_not_list_is_gone(self, tmp_path: Path) -> None:
        levels = [level(10, lot="L1"), level(9, lot="L1", occurred=8, known=9)]
        found = told(tmp_path, levels, received(5, 1, 2, lot="L2"), shipped(1, 10, 11, lot="L1"))
        assert [lying(found, hour, lot="L2") for hour in (2, 8.9, 9)] == [5, 5, 0]
        assert [lying(found, hour, lot="L1") for hour in (9, 11)] == [9, 8]

    def test_lots_are_followed_where_the_levels_have_them(self, tmp_path: Path) -> None:
        documents = (received(5, 1, 2, lot="L2"), shipped(3, 3, 4, lot="L1"), shipped(1, 5, 6, number="O2"))
        found = told(tmp_path, [level(10, lot="L1")], *documents)
        assert (lying(found, 9, lot="L1"), lying(found, 9, lot="L2")) == (7, 5)
        assert found.remarks == ["lot_not_told"]
        whole = told(tmp_path, [level(10)], *documents)
        assert lying(whole, 9) == 11

    @pytest.mark.parametrize(
        "document", [received(5, 1, 2, unit="CA"), shipped(5, 1, 2, unit="CA"), adjusted(5, 24, 25, unit="CA")]
    )
    def test_another_unit_is_rejected(self, tmp_path: Path, document: Document) -> None:
        found = told(tmp_path, [level(10)], document)
        assert (found.reject["reason"], found.reject["table"]) == ("unit", document.name)
        assert "the quantity is in CA, stock of A1 at DC1 in EA" in found.reject["words"]
        assert lying(found, 99) == 10

    def test_levels_in_two_units_are_refused(self, tmp_path: Path) -> None:
        RecordTables.from_records([level(1), level(1, unit="CA", lot="L1")]).write(tmp_path)
        with pytest.raises(SourceError, match="tell it in one unit"):
            StockLedger.read(tmp_path)

    def test_a_folder_without_levels_is_refused(self, tmp_path: Path) -> None:
        RecordTables.from_records([]).write(tmp_path)
        with pytest.raises(SourceError, match="inventory_positions"):
            StockLedger.read(tmp_path)

    def test_without_levels_nothing_follows(self, tmp_path: Path) -> None:
        found = imported(tmp_path, one("945", SHIPPED))
        assert found.all(InventoryPosition) == []
        assert found.summary.stock == {}


@dataclass(frozen=True)
class History:
    """Levels that were given and documents, in the order in which they arrive."""

    levels: list[InventoryPosition]
    documents: list[Document]

    @classmethod
    def drawn(cls, rng: Random) -> History:
        documents = []
        for turn in range(rng.randrange(1, 14)):
            day = 24 * rng.randrange(-1, 6)
            # An adjustment is dated by day, so its time is the first of it.
            name, occurred = rng.choice(
                [("944", day + rng.randrange(24)), ("945", day + rng.randrange(24)), ("947", day)]
            )
            number = f"J{turn}" if name == "947" else f"{name}-{rng.randrange(4)}"
            quantity = rng.choice([0.125, 1, 2.5, 4, 9]) * (rng.choice([1, -1]) if name == "947" else 1)
            sent = occurred + rng.choice([0, 0, 1, 5, 70, -3]) + turn / 60  # no two at one instant
            documents.append(Document(name, number, quantity, occurred, sent))
        levels = [level(rng.choice([0, 3, 20]), occurred=hour, known=hour + rng.choice([0, 2.5])) for hour in (0, 51)]
        return cls(levels[: rng.choice([1, 1, 2])], rng.sample(documents, len(documents)))

    def expected(self, cutoff: float) -> float | None:
        """Return the level given last, and all that has happened since it was so, as far as known by the cutoff."""
        given = [one for one in self.levels if max(one.occurred_at, one.known_at) <= at(cutoff)]
        if not given:
            return None
        newest = max(given, key=lambda one: one.occurred_at)
        states = {}
        for state in sorted(self.documents, key=lambda document: (document.occurred, document.sent)):
            if max(state.occurred, state.sent) <= cutoff:
                states[state.name, state.number] = state
        signs = {"944": 1, "945": -1, "947": 1}
        since = [one for one in states.values() if at(one.occurred) >= newest.occurred_at]
        return max(newest.quantity + sum(signs[one.name] * one.quantity for one in since), 0)


class TestRandomHistories:
    @drawn(15)
    @given(st.integers(0, 2**32))
    def test_what_is_known_to_lie_there_is_the_level_given_and_all_that_was_known_since(self, seed: int) -> None:
        history = History.drawn(Random(seed))
        with TemporaryDirectory() as folder:
            found = told(Path(folder), history.levels, *history.documents)
            assert sum(found.summary.rejected.values()) == 0
            positions = found.all(InventoryPosition)
            turns = {max(one.occurred, one.sent) for one in history.documents} | {0.0, 2.5, 51.0, 53.5}
            for cutoff in sorted(turn + later for turn in turns for later in (-1e-3, 1e-3)):
                assert lying(positions, cutoff) == history.expected(cutoff), cutoff
            table = RecordTables.read(found.out).inventory_positions
            assert [reason for broken, reason in broken_rows("inventory_positions", table) if broken.any()] == []

    @drawn(4)
    @given(st.integers(0, 2**32))
    def test_what_is_learnt_later_changes_nothing_that_was_known(self, seed: int) -> None:
        history = History.drawn(Random(seed))
        cutoff = sorted(one.sent for one in history.documents)[len(history.documents) // 2]
        early = [one for one in history.documents if one.sent <= cutoff]
        with TemporaryDirectory() as whole, TemporaryDirectory() as part:
            all_of_it = told(Path(whole), history.levels, *history.documents)
            then = told(Path(part), history.levels, *early)
            assert lying(all_of_it, cutoff) == lying(then, cutoff)


class TestFeatures:
    LINE = OrderLine(
        order_id="O9", line_id="1", sku="A1", quantity=8, warehouse_id="DC1", occurred_at=at(0), known_at=at(0)
    )

    def free(self, found: Imported, *cutoffs: float) -> list[float]:
        tables = replace(RecordTables.read(found.out), order_lines=RecordTables.from_records([self.LINE]).order_lines)
        questions = pd.DataFrame({"order_id": "O9", "line_id": "1", "cutoff_at": [at(cutoff) for cutoff in cutoffs]})
        matrix = build_inventory(tables, questions)
        return [float(value) for value in matrix.values[:, matrix.names.index("free")]]

    def test_free_stock_falls_by_what_was_shipped_once_that_is_known(self, tmp_path: Path) -> None:
        found = told(tmp_path, [level(10)], shipped(4, 3, 5), shipped(1, 6, 30, number="O2"), received(2, 8, 9))
        assert self.free(found, 4, 5, 9, 29, 30) == [10, 6, 8, 8, 7]

    def test_what_another_order_reserved_and_ships_was_not_free(self, tmp_path: Path) -> None:
        levels = [level(10), level(6, Disposition.RESERVED, held_by="O1")]
        found = told(tmp_path, levels, shipped(6, 3, 5))
        assert self.free(found, 4, 5) == [10, 10]
