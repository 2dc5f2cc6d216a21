"""Looks after common causes: held shipments are looked at again, what is over is ended, what was held is decided anew.

Every step is one transaction under the chain's lock, as a decision is. So any process may tend at any time, several at
once, and one that is killed leaves each shipment either held or settled: the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.errors import FeatureError
from features.vocabulary import Branch
from routing.buckets import bucket_of
from routing.causes import Verdict, judge
from routing.playbooks import Drain, DrainOrder, Playbook
from routing.policy import Mode, Policy
from routing.recording import decode_facts
from serving.causes import repository
from serving.causes.effects import end_by_counts
from serving.causes.repository import FAILED, GONE, STANDING
from serving.causes.watching import watch_of
from serving.clock import Clock
from serving.db.audit import SYSTEM, audit
from serving.db.subjects import SubjectKey
from serving.db.tables import CauseRow, ChildRow
from serving.decisions import repository as decisions
from serving.decisions.idempotency import Keyed
from serving.decisions.service import DecisionService, Request
from serving.directives import repository as directives
from serving.errors import NoDecisionMomentError, ServingError
from serving.scores.service import Question

LOOKS = 10
"""Held shipments of a cause that are looked at again at a time."""
AT_A_TIME = 20
"""Shipments that are let go before others get their turn."""
WITHOUT_PLAYBOOK = Drain(at_most=300, per=timedelta(minutes=10), order=DrainOrder.VALUE, waits=timedelta(0))
"""How what is held is let go when the bundle has no such playbook any more."""
WITHOUT_REST = timedelta(hours=12)
"""For how long a cause that a person ended is not declared again if the bundle has no such playbook any more."""
_REFUSED = (FeatureError, ServingError)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tended:
    """What was done: causes ended, shipments settled; `is_more` if there is more that can be done at once."""

    ended: list[str] = field(default_factory=list)
    settled: int = 0
    is_more: bool = False


class _WaitsError(Exception):
    """Budgets are used up, or somebody before waits for them; the shipment stays held, and others go on."""

    def __init__(self, shipment_id: str, budgets: frozenset[str]) -> None:
        self.shipment_id = shipment_id
        self.budgets = budgets
        super().__init__(shipment_id)

    @property
    def waits_for(self) -> str:
        """What it waits for, as it is kept."""
        return ",".join(sorted(self.budgets))


@dataclass(slots=True)
class _Queue:
    """Who is passed by in one round of draining: who is stuck, and all that wait for what their first waits for."""

    stuck: dict[str, Exception] = field(default_factory=dict)
    waiting: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def short(self) -> frozenset[str]:
        """The budgets, or parts of them, that somebody waits for: nobody behind may take of them."""
        return frozenset().union(*self.waiting.values())


class _StuckError(Exception):
    """A mistake is in the way of a shipment; it stays held, and others go on."""

    def __init__(self, shipment_id: str, mistake: Exception) -> None:
        self.shipment_id = shipment_id
        self.mistake = mistake
        super().__init__(shipment_id)


@dataclass(frozen=True, slots=True)
class Tending:
    """Looks after the causes that stand or still hold something."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    service: DecisionService
    at_a_time: int = AT_A_TIME
    _in_vain: dict[str, _Queue] = field(default_factory=dict)
    """By cause, whom the last round of draining has passed by, if it came to nobody who could go."""

    def tend(self) -> Tended:
        """Look after every cause once; what goes wrong with one is raised when all others have had their turn."""
        done = Tended()
        for _ in self._turns(done):
            pass
        return done

    async def keep_tending(self, *, every_seconds: float = 5) -> None:
        """Tend until cancelled."""
        while True:
            done = Tended()
            try:
                for _ in self._turns(done):
                    await asyncio.sleep(0)  # requests wait for one cause at most
                is_more = done.is_more
            except SQLAlchemyError as error:
                _log.warning("Common causes cannot be looked after: %s", error)
                is_more = False
            except Exception:  # whatever it is, what is held must not stay so for want of a loop
                _log.exception("Common causes cannot be looked after.")
                is_more = False
            await asyncio.sleep(0.01 if is_more else every_seconds)

    def _turns(self, done: Tended) -> Iterator[None]:
        """Look after one cause after the other."""
        with self.reads() as session:
            causes = repository.open_ones(session)
        mistake: Exception | None = None
        for cause_id, status in causes:
            try:
                (self._look if status == STANDING else self._drain)(cause_id, done)
            except SQLAlchemyError:
                raise
            except Exception as error:
                mistake = error
            yield
        if mistake is not None:
            raise mistake

    def _look(self, cause_id: str, done: Tended) -> None:
        """Look at some of what a cause holds, and end it if its counts say so."""
        with self.sessions.begin() as session:
            now = self.service.following.catch_up_as_of(session, self.clock)
            cause = repository.find(session, cause_id)
            in_force = self.service.bundles.in_force(session)
            playbook = None if cause is None else in_force.playbook(cause.playbook, now)
            seen = (
                []
                if playbook is None
                else [
                    (child, self._facts(session, child, in_force.for_subject(child.shipment_id), now))
                    for child in repository.longest_unseen(session, cause_id, limit=LOOKS)
                ]
            )
            decisions.lock_chain(session)
            cause = repository.find(session, cause_id)
            if cause is None or cause.status != STANDING:
                return
            if playbook is None:
                end_by_counts(session, cause_id, f"the bundle in force has no playbook {cause.playbook}", now)
                done.ended.append(cause_id)
                return
            for child, facts in seen:
                done.settled += _note(session, cause, child, playbook, facts, now)
            self._judge(session, cause, playbook, now, done)

    def _facts(
        self, session: Session, child: ChildRow, policy: Policy, now: datetime
    ) -> dict[str, Any] | Exception | None:
        """Return what is known of a shipment, why it cannot be asked about, or None if a mistake is in the way."""
        try:
            return self.service.known_of(policy, self._question(session, child), now)
        except _REFUSED as error:
            return error
        except Exception:  # others of the cause are looked at all the same
            _log.exception("Shipment %s cannot be looked at.", child.shipment_id)
            return None

    def _judge(self, session: Session, cause: CauseRow, playbook: Playbook, now: datetime, done: Tended) -> None:
        watch = watch_of(session, playbook, cause.key, now)
        held = repository.count_held(session, cause.cause_id)
        if judge(playbook, watch, watch.counts, now, held=held) is not Verdict.OVER:
            return
        within = playbook.ending.within.total_seconds() / 60
        counts = f"{watch.counts.shown} of {watch.counts.seen} cases show it within {within:g} minutes"
        end_by_counts(session, cause.cause_id, f"{cause.playbook} of {cause.key} is over: {counts}", now)
        done.ended.append(cause.cause_id)

    def _drain(self, cause_id: str, done: Tended) -> None:
        """Let go of what a cause that is over holds, in order, as fast as its playbook allows.

        Who lacks a budget waits, and with them all who would take of it; others go on. The first who waits for a budget
        is tried again in every round; where so many wait, or are stuck, that a round comes to nobody else, the next one
        goes on behind them.
        """
        queue, before = self._in_vain.pop(cause_id, _Queue()), done.settled
        for _ in range(self.at_a_time):
            try:
                with self.sessions.begin() as session:
                    now = self.service.following.catch_up_as_of(session, self.clock)
                    if not self._let_go(session, cause_id, now, done, queue):
                        break
            except _WaitsError as waits:
                queue.waiting[waits.waits_for] = waits.budgets
                with self.sessions.begin() as session:
                    repository.wait(session, cause_id, waits.shipment_id, waits.waits_for)
            except IntegrityError:  # another process decided the same version in this very moment
                done.is_more = True
                break
            except _StuckError as error:  # it is tried again in the next round
                queue.stuck[error.shipment_id] = error.mistake
        else:
            if done.settled > before:
                done.is_more = True
            else:
                self._in_vain[cause_id] = queue
        for mistake in queue.stuck.values():
            raise mistake

    def _let_go(self, session: Session, cause_id: str, now: datetime, done: Tended, queue: _Queue) -> bool:
        """Let go of the next shipment that is neither stuck nor waits; return False if there is none, or not yet."""
        cause = repository.find(session, cause_id)
        if cause is None:
            return False
        playbook = self.service.bundles.in_force(session).playbook(cause.playbook, now)
        drain = WITHOUT_PLAYBOOK if playbook is None else playbook.drain
        child = repository.next_in_turn(
            session, cause_id, drain.order, now=now, besides=queue.stuck, waiting=queue.waiting
        )
        if child is None:
            return self._finish(session, cause_id, now)
        decisions.lock_subject(
            session, SubjectKey.shipment(child.shipment_id)
        )  # in the order in which a decision takes its locks
        directives.lock_shared(session)
        decisions.lock_chain(session)
        if repository.count_drained(session, cause_id, since=now - drain.per) >= drain.at_most:
            return False
        if repository.is_held(session, cause_id, child.shipment_id) is None:
            return True  # another process was faster
        request = Request(self._question(session, child), Keyed("", ""), SYSTEM)
        try:
            decided = self.service.again(session, request, now)
        except _REFUSED as error:
            done.settled += _give_up(session, child, error, now)
            return True
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise _StuckError(child.shipment_id, error) from error
        body = json.loads(decided.sealed.body)
        if now < (cause.ended_at or now) + drain.waits:
            policy = self.service.bundles.of_decision(session, body)
            buckets = _buckets(policy, body)
            lacking = {buckets[name] for name in _lacking(policy, body)}
            lacking |= queue.short.intersection(buckets[name] for name in body["uses"])
            if lacking:
                raise _WaitsError(child.shipment_id, frozenset(lacking))  # nothing of this turn is kept
        because = f"decided anew: {body['branch']}"
        repository.mark_drained(session, child, at=now, decision_id=decided.sealed.decision_id, because=because)
        done.settled += 1
        return True

    def _finish(self, session: Session, cause_id: str, now: datetime) -> bool:
        decisions.lock_chain(session)
        if not repository.count_held(session, cause_id) and repository.drained(session, cause_id, at=now):
            new = {"status": "drained"}
            audit(session, at=now, actor=SYSTEM, action="cause.drained", subject=f"cause:{cause_id}", new=new)
        return False

    def _question(self, session: Session, child: ChildRow) -> Question:
        """Ask about a shipment as it was asked before: by its id, or, if nobody announced it, as it was described."""
        if self.service.scores.state.knows(child.shipment_id):
            return Question(shipment_id=child.shipment_id)
        held = decisions.find(session, child.decision_id)
        assert held is not None  # noqa: S101  the database holds the reference
        described: Mapping[str, Any] = json.loads(held.body)["model"]["shipment"]
        return Question(shipment={name: value for name, value in described.items() if name != "known_at"})


def _note(
    session: Session,
    cause: CauseRow,
    child: ChildRow,
    playbook: Playbook,
    facts: dict[str, Any] | Exception | None,
    now: datetime,
) -> int:
    """Note a look at a held shipment; return 1 if there is nothing left to decide about it."""
    if isinstance(facts, Exception):
        return _give_up(session, child, facts, now)
    shows = playbook.shows(facts) if facts is not None and playbook.key_of(facts) == cause.key else None
    look = repository.Look(playbook.name, cause.key, shows)
    repository.note_looks(session, child.shipment_id, [look], at=now)
    child.looked_at = now
    return 0


def _lacking(policy: Policy, body: Mapping[str, Any]) -> frozenset[str]:
    """Return the budgets by whose being used up a decision came out as it did."""
    left = body["context"].get("capacity", {})
    wanted = [each["branch"] for each in body["passed_over"]]
    terms = policy.branches.get(Branch(body["recommended_branch"]))
    if body["held_because"] is not None and terms is not None and terms.acts(Mode(body["mode"])):
        wanted.append(terms.branch)
    return frozenset(
        budget
        for branch in wanted
        if branch in policy.branches
        for budget, amount in policy.branches[Branch(branch)].uses.items()
        if budget in left and left[budget] < amount
    )


def _buckets(policy: Policy, body: Mapping[str, Any]) -> dict[str, str]:
    """Return from what a decision takes of each budget, where that can be told."""
    known = policy.reader.read(decode_facts(body["facts"])).known
    found = {name: bucket_of(budget, known, policy.digest) for name, budget in policy.budgets.items()}
    return {name: str(bucket) for name, bucket in found.items() if bucket is not None}


def _give_up(session: Session, child: ChildRow, error: Exception, now: datetime) -> int:
    """Settle a shipment that there is nothing to decide about any more, or that cannot be asked about."""
    status = GONE if isinstance(error, NoDecisionMomentError) else FAILED
    repository.settle(session, child, status, at=now, decision_id=None, because=str(error))
    repository.forget_looks(session, child.shipment_id)
    new = {"status": status, "because": str(error), "cause_id": child.cause_id}
    audit(session, at=now, actor=SYSTEM, action=f"child.{status}", subject=f"shipment:{child.shipment_id}", new=new)
    return 1
