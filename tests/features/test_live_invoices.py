"""The online state of invoices answers with the numbers of the batch build, bit for bit, however it is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contracts import Contracts
from features.errors import RecordError
from features.fields import Record
from features.invoice import build_invoices
from features.invoice_archive import InvoiceArchive
from features.invoice_records import BilledInvoice, BilledLine
from features.state import AnyRecord, State
from features.tables import RecordTables
from models.audit.rules import audit_bill, audit_bills
from tests.drawn import drawn
from tests.features.agreed import CUTOFF, DAY, clocks, event, fuel, plan
from tests.models.audit.billed import CONTRACT, STRICT

HAUL = BilledLine(line_number=1, kind="line_haul", amount_minor=25_00, quantity=250, rate_minor=10_00, rate_per=100,
                  basis="kg")  # fmt: skip
SHIPMENTS = ("S", "T")


def billed(name: str, days: float = 0, **given: Any) -> BilledInvoice:
    usual: dict[str, Any] = {
        "invoice_id": name, "invoice_number": name, "carrier_id": "C", "shipment_id": "S", "net_due_minor": 30_50,
        "currency": "EUR", "weight_kg": 250, "lines": (HAUL,),
    }  # fmt: skip
    return BilledInvoice.model_validate(clocks(CUTOFF + days * DAY) | usual | given)


def of_shipment(record: Any, shipment: str) -> Any:
    return record.model_copy(update={"shipment_id": shipment, **_named(record, shipment)})


def _named(record: Any, shipment: str) -> dict[str, str]:
    return {"event_id": f"{shipment}-{record.event_id}"} if hasattr(record, "event_id") else {}


FACTS: tuple[AnyRecord, ...] = (
    *(one for one in CONTRACT),  # type: ignore[misc]  # contracts alone
    *(of_shipment(plan(**clocks(CUTOFF - 10 * DAY)), shipment) for shipment in SHIPMENTS),
    *(of_shipment(plan(300, **clocks(CUTOFF + DAY)), shipment) for shipment in SHIPMENTS),
    *(of_shipment(event("delivered", 30), shipment) for shipment in SHIPMENTS),
    event("delivery_arrived", 20, known_at=CUTOFF + 2 * DAY),
    fuel(11, **clocks(CUTOFF + DAY)),
)
LINES = st.lists(
    st.sampled_from(
        [
            {"kind": "fuel", "amount_minor": 2_50, "percent": 10.0},
            {"kind": "fuel", "amount_minor": 4_00, "percent": 13.0},
            {"kind": "accessorial", "amount_minor": 3_00, "charge_code": "TOLL"},
            {"kind": "accessorial", "amount_minor": 38_00, "charge_code": "RDL"},
            {"kind": "accessorial", "amount_minor": 1_00},
        ]
    ),
    max_size=3,
)
BILLS = st.builds(
    lambda days, lines, **given: {
        **given, "days": days,
        "lines": (HAUL, *(BilledLine(line_number=2 + place, **line) for place, line in enumerate(lines))),
    },
    days=st.sampled_from([0, 0, 1, 2, 30, 89, 95, 200]),
    lines=LINES,
    invoice_number=st.sampled_from(["N1", "N1A", "N2", None]),
    shipment_id=st.sampled_from(["S", "S", "T", "X", None]),
    carrier_id=st.sampled_from(["C", "C", "D"]),
    kind=st.sampled_from(["original", "original", "original", "correction", "balance_due", "cancellation"]),
    net_due_minor=st.sampled_from([30_50, 30_50, 31_50, 99_00]),
    references=st.sampled_from([(), ({"kind": "pro", "value": "P"},)]),
    origin=st.sampled_from([None, "NLRTM"]),
)  # fmt: skip


def tables_of(records: Sequence[AnyRecord]) -> RecordTables:
    rows: list[Record] = []
    for record in records:
        rows += [record.invoice(), *record.invoice_lines()] if isinstance(record, BilledInvoice) else [record]
    return RecordTables.from_records(rows)


def assert_same_as_batch(state: State, records: Sequence[AnyRecord]) -> None:
    tables = tables_of(records)
    batch = build_invoices(tables)
    audits = audit_bills(batch.bills, Contracts.of_tables(tables), STRICT)
    for row, bill in enumerate(batch.bills):
        mine = state.invoices.bill(bill.invoice.invoice_id)
        assert mine == bill
        assert state.invoices.matrix(mine).values[0].tobytes() == batch.values[row].tobytes()
        repeats = state.invoices.ledger.repeats(mine.invoice)
        assert audit_bill(mine, state.invoices.contracts, repeats, STRICT) == audits[row]


@drawn(5)
@given(bills=st.lists(BILLS, min_size=3, max_size=7), data=st.data())
def test_whatever_is_told_in_whatever_order(bills: list[dict[str, Any]], data: st.DataObject) -> None:
    told_in_any_order(bills, data)


@pytest.mark.slow
@drawn(150)
@given(bills=st.lists(BILLS, min_size=1, max_size=9), data=st.data())
def test_many_histories_told_in_whatever_order(bills: list[dict[str, Any]], data: st.DataObject) -> None:
    told_in_any_order(bills, data)


def told_in_any_order(bills: list[dict[str, Any]], data: st.DataObject) -> None:
    invoices = [billed(f"I{place}", **one) for place, one in enumerate(bills)]
    records = data.draw(st.permutations([*FACTS, *invoices]))
    in_history = data.draw(st.integers(0, len(records)))
    state = State()
    state.add_tables(tables_of(records[:in_history]))
    asked = data.draw(st.integers(in_history, len(records)))
    for record in records[in_history:asked]:
        state.add(record)
    assert_same_as_batch(state, records[:asked])
    for record in records[asked:]:
        state.add(record)
    assert_same_as_batch(state, records)


def test_a_year_of_bills_is_loaded_and_those_of_before_are_counted_when_asked_for() -> None:
    invoices = [billed(f"I{days}", days, invoice_number=f"N{days}") for days in range(0, 400, 20)]
    state = State()
    state.add_tables(tables_of([*FACTS, *invoices]))
    assert len(state.invoices) == len(invoices)
    assert_same_as_batch(state, [*FACTS, *invoices])


def test_a_history_is_not_read_until_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    state, late = State(), billed("LATE", 9, invoice_number="I")
    state.add_tables(tables_of([*FACTS, billed("I")]))
    with monkeypatch.context() as watched:
        watched.setattr(InvoiceArchive, "history", lambda *_: pytest.fail("the history is read"))
        assert state.add(late)
        assert not state.add(billed("I"))
        assert state.invoices.bill("I").lines
        with pytest.raises(RecordError, match="'I' came before with other contents"):
            state.check(billed("I", net_due_minor=1))
        with pytest.raises(pytest.fail.Exception, match="the history is read"):
            state.invoices.ledger.repeats(late.invoice())
    state = State()
    state.add_tables(tables_of([*FACTS, billed("I")]))
    state.add(late)
    assert [one.invoice_id for one in state.invoices.ledger.repeats(late.invoice()).same_number] == ["I"]


def test_got_ready_beforehand_it_answers_the_same_and_re_rates_nothing_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [*FACTS, *(billed(f"I{days}", days, invoice_number=f"N{days}") for days in range(0, 400, 20))]
    state = State()
    state.invoices.get_ready()  # of nothing
    state.add_tables(tables_of(records))
    state.invoices.get_ready()
    with monkeypatch.context() as watched:
        watched.setattr(state.invoices, "_count_habit", lambda bill: pytest.fail(f"{bill} is re-rated"))
        state.invoices.matrix(state.invoices.bill("I380"))
    assert_same_as_batch(state, records)


def test_a_bill_that_was_not_told_is_judged_as_if_it_came_in_and_leaves_nothing_behind() -> None:
    state, first, again = State(), billed("I"), billed("J", 1, invoice_number="I")
    for record in (*FACTS, first):
        state.add(record)
    found = state.invoices.matrix(state.invoices.bill_inline(again)).values
    assert "J" not in state.invoices
    assert_same_as_batch(state, [*FACTS, first])
    state.add(again)
    assert state.invoices.matrix(state.invoices.bill("J")).values.tobytes() == found.tobytes()


def test_a_bill_told_again_says_nothing_new_and_one_with_other_contents_is_refused() -> None:
    state = State()
    assert state.add(billed("I"))
    assert not state.add(billed("I", known_at=CUTOFF + DAY))
    with pytest.raises(RecordError, match="'I' came before with other contents"):
        state.check(billed("I", net_due_minor=1))
    with pytest.raises(RecordError, match="'I' came before with other contents"):
        state.check(billed("I", lines=()))


def test_a_bill_from_history_told_again_says_nothing_new() -> None:
    state = State()
    state.add_tables(tables_of([billed("I")]))
    state.check(billed("I", known_at=CUTOFF + timedelta(hours=5)))
    assert not state.add(billed("I"))


def test_a_bill_is_known_anew_at_a_later_instant() -> None:
    state = State()
    for record in (*CONTRACT, plan(), billed("I"), event("delivered", 30, known_at=CUTOFF + DAY)):
        state.add(record)  # type: ignore[arg-type]  # contracts alone
    assert not state.invoices.bill("I").events
    assert state.invoices.bill("I", CUTOFF + DAY).events
    assert np.isfinite(state.invoices.matrix(state.invoices.bill("I", CUTOFF + DAY)).values).any()


def test_lines_with_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match=r"numbered \[1, 1\]"):
        billed("I", lines=(HAUL, HAUL))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"net_due_minor": -(10**14)}, "net_due_minor is -1e"),
        ({"weight_kg": 1e300}, "weight_kg is 1e"),
        ({"lines": (HAUL.model_copy(update={"amount_minor": 10**17}),)}, "amount_minor is 1e"),
        ({"lines": (HAUL.model_copy(update={"rate_per": 1e-300}),)}, "rate_per is 1e-300"),
    ],
)
def test_numbers_that_no_bill_holds_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        billed("I", **given)
