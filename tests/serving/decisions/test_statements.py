"""How many SQL statements a decision takes: each is a round trip, and building them most of its time.

A ceiling by count, not by time: what raises one is to say why.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from features.vocabulary import SubjectType
from routing.loader import load_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.decisions import repository
from tests.features.agreed import CUTOFF, plan
from tests.models.audit.billed import ARRIVED, CONTRACT, DELIVERED
from tests.serving.house import House, put_in_force
from tests.serving.invoices.test_deciding import decided as decided_invoice
from tests.serving.invoices.test_scoring import billed, opened, tell

AT_MOST = {"none": 15, "notify": 16, "review": 17}
"""On SQLite, from BEGIN on, without COMMIT, by what is decided about a shipment."""
LOCKS = 8
"""PostgreSQL's own besides: locks, and the savepoint within which the record log is held."""
INVOICE_AT_MOST = 19
"""Three of them are for common causes: which stand, the look at it, and where it is held; one looks once more, with the
chain held, whether its carrier has cancelled it meanwhile; one asks what is left of all budgets."""


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def ceiling(house: House, at_most: int) -> int:
    is_sqlite = house.container.engine.dialect.name == "sqlite"
    return at_most if is_sqlite else at_most - 1 + LOCKS  # the driver itself begins


@pytest.mark.parametrize(("branch", "risk"), [("none", 0.05), ("notify", 0.5), ("review", 0.9)])
def test_a_shipment_takes_no_more_than_these(any_url: str, late_shipments: Policy, branch: str, risk: float) -> None:
    with House(any_url, late_shipments) as house:
        house.announce("SH-1", "SH-2")
        house.decided("SH-1", risk=risk)
        with statements(house.container.engine) as sent:
            assert house.decided("SH-2", risk=risk)["branch"] == branch
    assert len(sent) <= ceiling(house, AT_MOST[branch]), "\n".join(sent)
    assert len(set(sent)) >= len(sent) - 3, "one statement twice: fold it"


def test_an_invoice_takes_no_more_than_these(any_url: str, late_shipments: Policy) -> None:
    with opened(any_url, late_shipments) as house:
        with house.container.sessions.begin() as session:
            put_in_force(session, load_policy(bundled_policy(SubjectType.INVOICE)), CUTOFF)
        tell(house, *CONTRACT, plan(), plan(shipment_id="T"), ARRIVED, DELIVERED)
        house.send(billed("I"), billed("J", shipment_id="T"))
        decided_invoice(house, "I")
        with statements(house.container.engine) as sent:
            decided_invoice(house, "J")
    assert len(sent) <= ceiling(house, INVOICE_AT_MOST), "\n".join(sent)


class TestTheHeadOfTheChain:
    """It is read once in a transaction, and never remembered beyond what made it so."""

    def test_it_is_read_once(self, any_url: str, late_shipments: Policy) -> None:
        with House(any_url, late_shipments) as house, house.container.sessions.begin() as session:
            before = repository.lock_chain(session)
            with statements(house.container.engine) as sent:
                assert repository.lock_chain(session) == before
            assert sent == []

    def test_a_later_transaction_of_the_same_session_reads_it_anew(self, any_url: str, late_shipments: Policy) -> None:
        with House(any_url, late_shipments) as house, house.container.sessions() as session:
            house.announce("SH-1")
            with session.begin():
                assert repository.lock_chain(session)[0] == 0
            house.decided("SH-1", risk=0.05)
            with session.begin():
                assert repository.lock_chain(session)[0] == 1

    def test_what_a_savepoint_undid_is_not_remembered(self, any_url: str, late_shipments: Policy) -> None:
        with House(any_url, late_shipments) as house, house.container.sessions.begin() as session:
            savepoint = session.begin_nested()
            repository.lock_chain(session)
            savepoint.rollback()
            with statements(house.container.engine) as sent:
                repository.lock_chain(session)
            assert any("FROM decisions" in each for each in sent)
