"""Whatever is reported, lost, late, undone or decided anew: never two live bookings of one shipment.

The machine keeps its own book of what may stand: from the moment a worker has a booking in hand until somebody who can
know says that it is gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import booleans, data, sampled_from
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.effects import Effect, Outcome, Reception, Report
from routing.policy import Policy
from serving.db.audit import SYSTEM
from serving.db.engine import create_engine_for, session_factory
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.acting import Action
from serving.decisions.calls import enqueue
from serving.effects import answers
from serving.effects.errors import UndoError
from serving.effects.moves import locked
from serving.effects.reporting import take_report
from serving.policies.bundles import Bundles
from serving.worker.dead_letters import DeadLetterError, dead_letters, dismiss, replay
from serving.worker.outbox import SqlOutbox
from tests.serving.house import NOW, copy_of, put_in_force

HOUR = timedelta(hours=1)
SHIPMENT = "SH-1"
SETTLED = (Effect.VERIFIED, Effect.COMPENSATED, Effect.FAILED, Effect.WITHDRAWN, Effect.UNVERIFIED)


class OneShipment(RuleBasedStateMachine):
    """One shipment that is decided about again and again, an orchestrator that tells anything, and a person."""

    template: Path
    engine: Engine
    policy: Policy

    def __init__(self) -> None:
        super().__init__()
        assert self.engine.url.database is not None
        self.copy = copy_of(self.template, Path(self.engine.url.database))
        self.copy.__enter__()
        self.sessions = session_factory(self.engine)
        self.outbox, self.bundles = SqlOutbox(self.engine), Bundles()
        self.now: datetime = NOW
        self.decisions = 0
        self.may_stand: set[str] = set()
        self.contradicted: set[str] = set()

    def teardown(self) -> None:
        try:
            self.everything_ends_somewhere()
        finally:
            self.engine.dispose()
            self.copy.__exit__(None, None, None)

    @rule(branch=sampled_from([Branch.REBOOK, Branch.SPLIT]))
    def decide_anew(self, branch: Branch) -> None:
        if self.decisions == 4:
            return
        self.decisions += 1
        decision_id = f"dec_{self.decisions}"
        with self.sessions.begin() as session:
            session.add(decision(self.decisions, decision_id, self.policy, branch, self.now))
            session.flush()
            enqueue(
                session,
                Action(branch, {}, None),
                decision_id=decision_id,
                key=SubjectKey.shipment(SHIPMENT),
                target="orchestrator",
                sequence=self.decisions,
                now=self.now,
                actor=SYSTEM,
                verify_within=self.policy.branches[branch].verify_within,
            )

    @precondition(lambda self: self.decisions)
    @rule()
    def a_worker_never_comes_back(self) -> None:
        self.claim()

    @precondition(lambda self: self.decisions)
    @rule(ends=sampled_from(["delivered", "delivered", "retry_at", "dead"]))
    def work(self, ends: str) -> None:
        for call in self.claim():
            if ends == "delivered":
                assert self.outbox.delivered(call, now=self.now)
            elif ends == "retry_at":
                assert self.outbox.retry_at(call, at=self.now, reason="HTTP 500", now=self.now)
            elif ends == "dead":
                assert self.outbox.dead(call, reason="HTTP 422", now=self.now)

    @precondition(lambda self: self.decisions)
    @rule(data=data(), outcome=sampled_from([Outcome.DONE, Outcome.FAILED, Outcome.PARTIAL]))
    def report(self, data: object, outcome: Outcome) -> None:
        row = self.any_call(data, sent=True)
        if row is None:
            return
        with self.sessions.begin() as session:
            found = locked(session, row.call_id)
            assert found is not None
            told = Report(outcome=outcome, occurred_at=self.now)
            received = take_report(session, self.bundles, found, told, actor="orchestrator", now=self.now)
        if received.reception is Reception.CONTRADICTING:
            self.contradicted.add(row.compensates or row.call_id)
        elif row.compensates is not None and outcome is Outcome.DONE:
            self.may_stand.discard(row.compensates)
        elif row.compensates is None and outcome is Outcome.FAILED:
            self.may_stand.discard(row.call_id)

    @rule()
    def time_passes(self) -> None:
        self.now += 2 * HOUR
        self.outbox.tend_effects(now=self.now)

    @precondition(lambda self: self.decisions)
    @rule(data=data())
    def undo(self, data: object) -> None:
        row = self.any_call(data, sent=False)
        try:
            with self.sessions.begin() as session:
                found = locked(session, row.call_id)
                assert found is not None
                answers.undo(session, self.bundles, found, "not wanted", actor="dana", now=self.now)
        except UndoError:
            pass

    @precondition(lambda self: self.decisions)
    @rule(data=data(), happened=booleans(), leaves=booleans())
    def answer(self, data: object, happened: bool, leaves: bool) -> None:
        row = self.any_call(data, sent=False)
        with self.sessions.begin() as session:
            item = session.scalars(select(ReviewItemRow).filter_by(call_id=row.call_id, status="open")).one_or_none()
            if item is None:
                return
            found = locked(session, row.call_id)
            assert found is not None
            if leaves:
                answers.leave(session, row.call_id, None, actor="dana", now=self.now)
            elif found.effect == Effect.WITH_PERSON:
                outcome = Outcome.DONE if happened else Outcome.FAILED
                answers.settle(session, found, outcome, None, actor="dana", now=self.now)
                if not happened:
                    self.may_stand.discard(row.call_id)
                self.contradicted.discard(row.call_id)
            else:
                return
            item.status = "done"

    @precondition(lambda self: self.decisions)
    @rule(sends=booleans())
    def look_through_dead_letters(self, sends: bool) -> None:
        for letter in dead_letters(self.engine):
            try:
                if sends:
                    replay(self.engine, letter.call_id, actor="dana", now=self.now)
                else:
                    dismiss(self.engine, letter.call_id, reason="not needed", actor="dana", now=self.now)
                    if letter.effect == Effect.WITH_PERSON and self.row(letter.call_id).outcome is None:
                        self.may_stand.discard(letter.call_id)
            except DeadLetterError:
                continue

    @invariant()
    def never_two_live_bookings(self) -> None:
        sure = self.may_stand - self.contradicted
        assert len(sure) <= 1, sure

    @invariant()
    def at_most_one_compensation_and_one_open_item_a_call(self) -> None:
        with self.sessions() as session:
            undoing = list(session.scalars(select(OutgoingCallRow.compensates)))
            asked = list(session.scalars(select(ReviewItemRow.call_id).filter_by(status="open")))
        undone = [each for each in undoing if each is not None]
        assert len(undone) == len(set(undone))
        assert len(asked) == len(set(asked))

    def everything_ends_somewhere(self) -> None:
        """When nobody says anything more, every call is settled, or a person is asked, or it waits for one who is."""
        for _ in range(12):
            self.work("delivered")
            self.never_two_live_bookings()
            self.now += 5 * HOUR
            self.outbox.tend_effects(now=self.now)
        with self.sessions() as session:
            asked = set(session.scalars(select(ReviewItemRow.call_id).filter_by(status="open")))
            for row in session.scalars(select(OutgoingCallRow)):
                is_settled = row.effect in SETTLED or row.call_id in asked or row.status == "dead"
                is_asked_of_the_other = row.compensates in asked or self.is_gone(session, row.compensates)
                ends = is_settled or is_asked_of_the_other or row.effect == Effect.COMPENSATING
                assert ends or self.waits(session, row, asked), row.call_id

    def is_gone(self, session: Session, call_id: str | None) -> bool:
        """Tell whether a call was certainly not done, so that nobody need know whether it was undone."""
        row = session.scalars(select(OutgoingCallRow).filter_by(call_id=call_id)).one_or_none()
        return row is not None and row.effect in (Effect.FAILED, Effect.WITHDRAWN)

    def waits(self, session: Session, row: OutgoingCallRow, asked: set[str | None]) -> bool:
        """Tell whether a call waits for one that is before a person or was left uncertain by one.

        One whose worker never came back waits as others do.
        """
        earlier = select(OutgoingCallRow).where(OutgoingCallRow.position < row.position)
        return row.status in ("pending", "leased") and any(
            other.effect in (Effect.UNVERIFIED, Effect.WITH_PERSON, Effect.VERIFIED, Effect.INTENDED)
            for other in session.scalars(earlier)
        )

    def claim(self) -> list[object]:
        asked = {"target": "orchestrator", "owner": "w", "limit": 10, "lease": timedelta(seconds=1)}
        calls = list(self.outbox.claim(**asked, now=self.now, real_now=self.now))
        self.may_stand |= {call.call_id for call in calls if "_compensate" not in call.call_id}
        self.now += timedelta(seconds=1)
        return calls

    def any_call(self, data: object, *, sent: bool) -> OutgoingCallRow | None:
        with self.sessions() as session:
            rows = list(session.scalars(select(OutgoingCallRow).order_by(OutgoingCallRow.position)))
        rows = [row for row in rows if row.attempts > 0 or not sent]
        return data.draw(sampled_from(rows)) if rows else None

    def row(self, call_id: str) -> OutgoingCallRow:
        with self.sessions() as session:
            return session.scalars(select(OutgoingCallRow).filter_by(call_id=call_id)).one()


def decision(sequence: int, decision_id: str, policy: Policy, branch: Branch, now: datetime) -> DecisionRow:
    return DecisionRow(
        sequence=sequence,
        decision_id=decision_id,
        subject_version=f"{SHIPMENT}#{sequence}",
        subject_type="shipment",
        subject_id=SHIPMENT,
        moment="2h_before",
        branch=branch.value,
        mode="act_financial",
        decided_at=now,
        body=f'{{"policy":{{"digest":"{policy.digest}"}},"facts":{{}}}}',
        previous_hash="0" * 64,
        hash="0" * 64,
    )


@pytest.fixture
def machine(migrated_sqlite: Path, disk_of_memory: Path, late_shipments: Policy) -> Iterator[type[OneShipment]]:
    """The machine over one engine, which knows the statements that it has compiled, and a file anew each time."""
    template, place = Path(shutil.copy(migrated_sqlite, disk_of_memory / "template.db")), disk_of_memory / "history.db"
    engine = create_engine_for(f"sqlite:///{template}")
    with session_factory(engine).begin() as session:
        put_in_force(session, late_shipments, NOW)
    engine.dispose()
    engine = create_engine_for(f"sqlite:///{place}")
    yield type("OneShipmentHere", (OneShipment,), {"template": template, "engine": engine, "policy": late_shipments})
    engine.dispose()
    template.unlink()


def test_there_are_never_two_live_bookings(machine: type[OneShipment]) -> None:
    run_state_machine_as_test(machine, settings=_settings(4))


def test_a_booking_whose_worker_died_waits_for_who_is_asked_of_the_one_before_and_goes_on(
    machine: type[OneShipment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in hand when the one before, said to have failed, was said to be done in part."""
    history = machine()
    monkeypatch.setattr(history, "any_call", lambda *_, **__: history.row("dec_1_split_1"))
    history.decide_anew(Branch.SPLIT)
    history.work("delivered")
    history.decide_anew(Branch.SPLIT)
    history.report(None, Outcome.FAILED)
    history.a_worker_never_comes_back()
    history.report(None, Outcome.PARTIAL)
    history.everything_ends_somewhere()
    assert (history.row("dec_1_split_1").effect, history.row("dec_2_split_1").attempts) == (Effect.WITH_PERSON, 1)
    history.answer(None, happened=False, leaves=False)
    history.work("delivered")
    again = history.row("dec_2_split_1")
    assert (again.status, again.attempts) == ("delivered", 2)
    history.teardown()


@pytest.mark.slow
def test_there_are_never_two_live_bookings_in_many_histories(machine: type[OneShipment]) -> None:
    run_state_machine_as_test(machine, settings=_settings(400))


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=25,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes and these histories are short
    )
