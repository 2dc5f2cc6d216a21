"""Looks after common causes: what is held is looked at again, what is over is ended, what was held is decided anew.

Every step is one transaction under the chain's lock, as a decision is. So any process may tend at any time, several at
once, and one that is killed leaves each case either held or settled: the next one goes on from there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.errors import FeatureError
from features.vocabulary import SubjectType
from routing.causes import Verdict, judge
from routing.playbooks import Drain, DrainOrder, Playbook
from routing.policy import Policy
from serving.causes import repository
from serving.causes.effects import end_by_counts
from serving.causes.repository import FAILED, GONE, STANDING
from serving.causes.waiting import lacking_of
from serving.causes.watching import watch_of
from serving.clock import Clock
from serving.db.audit import SYSTEM, audit
from serving.db.engine import is_taken
from serving.db.subjects import SubjectKey
from serving.db.tables import CauseRow, ChildRow
from serving.decisions import repository as decisions
from serving.decisions.anew import DecidesAnew, Held
from serving.directives import repository as directives
from serving.effects.people import keep_stake
from serving.errors import NothingToDecideError, ServingError
from serving.events.following import Following
from serving.policies.bundles import Bundles

LOOKS = 10
"""Held cases of a cause that are looked at again at a time."""
AT_A_TIME = 20
"""Cases that are let go before others get their turn."""
RESTS = timedelta(seconds=5)
"""How long a cause whose turn ended in a mistake is left alone."""
WITHOUT_PLAYBOOK = Drain(at_most=300, per=timedelta(minutes=10), order=DrainOrder.VALUE, waits=timedelta(0))
"""How what is held is let go when the bundle has no such playbook any more."""
WITHOUT_REST = timedelta(hours=12)
"""For how long a cause that a person ended is not declared again if the bundle has no such playbook any more."""
_REFUSED = (FeatureError, ServingError)
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tended:
    """What was done: causes ended, cases settled; `is_more` if there is more that can be done at once.

    `failed` are the causes whose turn ended in a mistake, which the log tells.
    """

    ended: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    settled: int = 0
    is_more: bool = False


class _WaitsError(Exception):
    """Budgets are used up, or somebody before waits for them; the case stays held, and others go on."""

    def __init__(self, key: SubjectKey, budgets: frozenset[str]) -> None:
        self.key = key
        self.budgets = budgets
        super().__init__(key.id)

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


@dataclass(frozen=True, slots=True)
class _Open:
    """A cause that stands or still holds something, and who decides anew about what it holds."""

    cause_id: str
    status: str
    subject: SubjectType
    decider: DecidesAnew


class _StuckError(Exception):
    """A mistake is in the way of a case; it stays held, and others go on."""

    def __init__(self, key: SubjectKey, mistake: Exception) -> None:
        self.key = key
        self.mistake = mistake
        super().__init__(key.id)


@dataclass(frozen=True, slots=True)
class Tending:
    """Looks after the causes that stand or still hold something.

    `deciders` hold who decides anew, by type of subject. Causes of what this process cannot judge, such as order lines
    without a model of shortages, are left to one that can.
    """

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    following: Following
    bundles: Bundles
    deciders: Mapping[SubjectType, DecidesAnew]
    at_a_time: int = AT_A_TIME
    _in_vain: dict[str, _Queue] = field(default_factory=dict)
    """By cause, whom the last round of draining has passed by, if it came to nobody who could go."""
    _resting: dict[str, datetime] = field(default_factory=dict)
    """By cause whose last turn ended in a mistake, until when it is left alone."""

    @property
    def failing(self) -> int:
        """How many causes had a last turn, in this process, that ended in a mistake."""
        return len(self._resting)

    def tend(self) -> Tended:
        """Look after every cause once, but for those that rest after a mistake; one with a mistake stops no other.

        Raises
        ------
        SQLAlchemyError
            The database has failed: whoever comes after the cause that met it has no turn now, and the next time before
            that one.
        """
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
            except SQLAlchemyError as error:
                _log.warning("Common causes cannot be looked after: %s", error)
            except Exception:  # whatever it is, what is held must not stay so for want of a loop
                _log.exception("Common causes cannot be looked after.")
            await asyncio.sleep(0.01 if done.is_more else every_seconds)

    def _turns(self, done: Tended) -> Iterator[None]:
        """Look after one cause after the other."""
        with self.reads() as session:
            causes = [self._open(row) for row in repository.open_ones(session)]
        for each in self._in_turn(causes):
            try:
                (self._look if each.status == STANDING else self._drain)(each, done)
            except Exception as error:
                self._resting[each.cause_id] = self.clock.now() + RESTS
                done.failed.append(each.cause_id)
                if isinstance(error, SQLAlchemyError):
                    raise
                _log.exception("Common cause %s cannot be looked after; it is tried again.", each.cause_id)
            else:
                self._resting.pop(each.cause_id, None)
            yield

    def _in_turn(self, causes: list[_Open]) -> list[_Open]:
        """Return the causes that have a turn now: those that had a mistake come last, the longest ago first."""
        now, open_ones = self.clock.now(), {each.cause_id for each in causes}
        for gone in self._resting.keys() - open_ones:
            del self._resting[gone]
        begin = datetime.min.replace(tzinfo=UTC)
        since = {each.cause_id: self._resting.get(each.cause_id, begin) for each in causes}
        ready = [each for each in causes if each.decider.can_decide and since[each.cause_id] <= now]
        return sorted(ready, key=lambda each: since[each.cause_id])

    def _open(self, row: CauseRow) -> _Open:
        subject = SubjectType(row.subject_type)
        return _Open(row.cause_id, row.status, subject, self.deciders[subject])

    def _look(self, of: _Open, done: Tended) -> None:
        """Look at some of what a cause holds, and end it if its counts say so."""
        with self.sessions.begin() as session:
            now = self.following.catch_up_as_of(session, self.clock)
            cause = repository.find(session, of.cause_id)
            in_force = self.bundles.in_force(session, of.subject)
            playbook = None if cause is None else in_force.playbook(cause.playbook, now)
            seen = (
                []
                if playbook is None
                else [
                    (child, _facts(session, of.decider, child, in_force.for_subject(child.subject_id), now))
                    for child in repository.longest_unseen(session, of.cause_id, limit=LOOKS)
                ]
            )
            decisions.lock_chain(session)
            cause = repository.find(session, of.cause_id)
            if cause is None or cause.status != STANDING:
                return
            if playbook is None:
                end_by_counts(session, cause, f"the bundle in force has no playbook {cause.playbook}", now)
                done.ended.append(of.cause_id)
                return
            for child, facts in seen:
                if not repository.has_moved(session, child):
                    done.settled += _note(session, cause, child, playbook, facts, now)
            self._judge(session, cause, playbook, now, done)
            keep_stake(session, cause, now)

    def _judge(self, session: Session, cause: CauseRow, playbook: Playbook, now: datetime, done: Tended) -> None:
        watch = watch_of(session, playbook, SubjectType(cause.subject_type), cause.key, now)
        held = repository.count_held(session, cause.cause_id)
        if judge(playbook, watch, watch.counts, now, held=held) is not Verdict.OVER:
            return
        within = playbook.ending.within.total_seconds() / 60
        counts = f"{watch.counts.shown} of {watch.counts.seen} cases show it within {within:g} minutes"
        end_by_counts(session, cause, f"{cause.playbook} of {cause.key} is over: {counts}", now)
        done.ended.append(cause.cause_id)

    def _drain(self, of: _Open, done: Tended) -> None:
        """Let go of what a cause that is over holds, in order, as fast as its playbook allows.

        Who lacks a budget waits, and with them all who would take of it; others go on. The first who waits for a budget
        is tried again in every round; where so many wait, or are stuck, that a round comes to nobody else, the next one
        goes on behind them.
        """
        queue, before = self._in_vain.pop(of.cause_id, _Queue()), done.settled
        for _ in range(self.at_a_time):
            try:
                with self.sessions.begin() as session:
                    now = self.following.catch_up_as_of(session, self.clock)
                    if not self._let_go(session, of, now, done, queue):
                        break
            except _WaitsError as waits:
                queue.waiting[waits.waits_for] = waits.budgets
                with self.sessions.begin() as session:
                    repository.wait(session, of.cause_id, waits.key, waits.waits_for)
            except IntegrityError:  # another process decided the same version in this very moment
                done.is_more = True
                break
            except OperationalError as error:
                if not is_taken(error):
                    raise
                done.is_more = True  # another process moves a call of it that was let out in this very moment
                break
            except _StuckError as error:  # it is tried again in the next round
                queue.stuck[error.key.id] = error.mistake
        else:
            if done.settled > before:
                done.is_more = True
            else:
                self._in_vain[of.cause_id] = queue
        if queue.stuck:
            names = ", ".join(queue.stuck)
            raise ExceptionGroup(f"These cannot be decided anew: {names}", list(queue.stuck.values()))

    def _let_go(self, session: Session, of: _Open, now: datetime, done: Tended, queue: _Queue) -> bool:
        """Let go of the next case that is neither stuck nor waits; return False if there is none, or not yet."""
        cause_id = of.cause_id
        cause = repository.find(session, cause_id)
        if cause is None:
            return False
        playbook = self.bundles.in_force(session, of.subject).playbook(cause.playbook, now)
        drain = WITHOUT_PLAYBOOK if playbook is None else playbook.drain
        child = repository.next_in_turn(
            session, cause_id, drain.order, now=now, besides=queue.stuck, waiting=queue.waiting
        )
        if child is None:
            return self._finish(session, cause, now)
        of.decider.lock(session, child.key)  # in the order in which a decision takes its locks
        directives.lock_shared(session)
        decisions.lock_chain(session)
        if repository.count_drained(session, cause_id, since=now - drain.per) >= drain.at_most:
            return False
        if repository.is_held(session, cause_id, child.key) is None:
            return True  # another process was faster
        try:
            decided = of.decider.again(session, Held(child.key, child.decision_id), now)
        except _REFUSED as error:
            done.settled += _give_up(session, child, error, now)
            keep_stake(session, cause, now)
            return True
        except SQLAlchemyError:
            raise
        except Exception as error:
            raise _StuckError(child.key, error) from error
        body = json.loads(decided.sealed.body)
        if now < (cause.ended_at or now) + drain.waits:
            lacking = lacking_of(self.bundles.of_decision(session, body), body, queue.short)
            if lacking:
                raise _WaitsError(child.key, lacking)  # nothing of this turn is kept
        because = f"decided anew: {body['branch']}"
        repository.mark_drained(session, child, at=now, decision_id=decided.sealed.decision_id, because=because)
        keep_stake(session, cause, now)
        done.settled += 1
        return True

    def _finish(self, session: Session, cause: CauseRow, now: datetime) -> bool:
        decisions.lock_chain(session)
        keep_stake(session, cause, now)
        if not repository.count_held(session, cause.cause_id) and repository.drained(session, cause.cause_id, at=now):
            new = {"status": "drained"}
            audit(session, at=now, actor=SYSTEM, action="cause.drained", subject=f"cause:{cause.cause_id}", new=new)
        return False


def _facts(
    session: Session, decider: DecidesAnew, child: ChildRow, policy: Policy, now: datetime
) -> Mapping[str, Any] | Exception | None:
    """Return what is known of a case, why it cannot be asked about, or None if a mistake is in the way."""
    try:
        return decider.known_again(session, policy, Held(child.key, child.decision_id), now)
    except _REFUSED as error:
        return error
    except SQLAlchemyError:
        raise  # what was begun in this transaction cannot be ended
    except Exception:  # others of the cause are looked at all the same
        _log.exception("The %s %s cannot be looked at.", child.subject_type, child.subject_id)
        return None


def _note(
    session: Session,
    cause: CauseRow,
    child: ChildRow,
    playbook: Playbook,
    facts: Mapping[str, Any] | Exception | None,
    now: datetime,
) -> int:
    """Note a look at a held case; return 1 if there is nothing left to decide about it."""
    if isinstance(facts, Exception):
        return _give_up(session, child, facts, now)
    shows = playbook.shows(facts) if facts is not None and playbook.key_of(facts) == cause.key else None
    look = repository.Look(playbook.name, cause.key, shows)
    repository.note_looks(session, child.key, [look], at=now)
    child.looked_at = now
    return 0


def _give_up(session: Session, child: ChildRow, error: Exception, now: datetime) -> int:
    """Settle a case about which nothing is left to decide, or that cannot be asked about."""
    status = GONE if isinstance(error, NothingToDecideError) else FAILED
    repository.settle(session, child, status, at=now, decision_id=None, because=str(error))
    repository.forget_looks(session, child.key)
    new = {"status": status, "because": str(error), "cause_id": child.cause_id}
    subject = f"{child.subject_type}:{child.subject_id}"
    audit(session, at=now, actor=SYSTEM, action=f"child.{status}", subject=subject, new=new)
    return 1
