"""What is the same whatever is decided about: once for each key, under what is in force, sealed and set in motion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.decision import SealedDecision
from routing.engine import Choice
from routing.policy import Policy
from serving.causes import effects as causes
from serving.clock import Clock
from serving.db.engine import is_taken
from serving.db.subjects import SubjectKey
from serving.decisions import repository, usage
from serving.decisions.calls import is_called
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.decisions.owners import call_owner, why_not_called
from serving.decisions.sealing import keep_sealed, let_out
from serving.decisions.weighing import Weighed
from serving.directives import repository as directives
from serving.events.following import Following
from serving.policies import overdue, shadow
from serving.policies.bundles import Bundles, InForce
from serving.reviews.opening import Matter, open_item

_OK = 200


@dataclass(frozen=True, slots=True)
class Decided:
    """A sealed decision; `is_new` is False if the same version was decided before."""

    sealed: SealedDecision
    is_new: bool


Render = Callable[[Decided], str]
"""Writes the answer to a request; it is kept with the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What is sealed beside what was weighed.

    Attributes
    ----------
    model
        Says which model spoke and what it said; it is told what was decided, as some of it is worked out only for what
        somebody is going to act on.
    """

    key: SubjectKey
    version: str
    moment: str
    features: Mapping[str, float]
    model: Callable[[Choice], Mapping[str, object]]
    actor: str


def decide_once(
    sessions: sessionmaker[Session],
    following: Following,
    clock: Clock,
    keyed: Keyed,
    act: Callable[[Session, datetime], str],
) -> Answer:
    """Do in one transaction what a request asks for, as of all that is known now; a repeat gets the first answer.

    Parameters
    ----------
    act
        Decides, as of the time that it is given, and writes the answer.

    Raises
    ------
    KeyInUseError, KeyReusedError
        If the key is taken.
    """

    def at_once(session: Session) -> tuple[datetime, str]:
        now = following.catch_up_as_of(session, clock)
        return now, act(session, now)

    return act_once(sessions, keyed, at_once)


def act_once(sessions: sessionmaker[Session], keyed: Keyed, act: Callable[[Session], tuple[datetime, str]]) -> Answer:
    """Do what a request asks for as `answer_once` does, and once more if somebody else came between.

    Raises
    ------
    KeyInUseError, KeyReusedError
        If the key is taken.
    """
    try:
        return answer_once(sessions, keyed, status=_OK, act=act)
    except IntegrityError:
        # Another process decided the same version, or used the same key, between our look and our write. Its decision
        # stands now, so the second look finds it.
        return answer_once(sessions, keyed, status=_OK, act=act)
    except OperationalError as error:
        if not is_taken(error):
            raise
        # Somebody moves a call that was let out between our look and our turn. The second look waits for it.
        return answer_once(sessions, keyed, status=_OK, act=act)


def governing(session: Session, bundles: Bundles, key: SubjectKey) -> tuple[InForce, Policy]:
    """Return what is in force for a type of subject, and the bundle that decides about one of it.

    What is in force and what is ordered stays so until the decision is sealed, and so does what is left now.

    Raises
    ------
    NothingInForceError
        If no bundle on that type of subject is in force.
    """
    directives.lock_shared(session)
    in_force = bundles.in_force(session, key.type)
    policy = in_force.for_subject(key.id)
    if policy.is_shared or (in_force.shadow is not None and in_force.shadow.is_shared):
        repository.lock_chain(session)
    return in_force, policy


def weigh_and_seal(
    session: Session, in_force: InForce, policy: Policy, weigh: Callable[[Policy], Weighed], noted: Noted
) -> tuple[SealedDecision, Weighed]:
    """Weigh a case under its bundle and under the one in shadow, if there is one, and seal what is decided."""
    weighed = weigh(policy)
    looked = None
    if in_force.shadow is not None:
        looked = shadow.look(session, in_force.shadow, partial(weigh, in_force.shadow))
    sealed = keep_sealed(
        session,
        weighed,
        key=noted.key,
        version=noted.version,
        moment=noted.moment,
        features=noted.features,
        model=noted.model(weighed.choice),
        actor=noted.actor,
    )
    if looked is not None:
        shadow.record(session, looked, sealed)
    return sealed, weighed


def set_in_motion(
    session: Session, sealed: SealedDecision, weighed: Weighed, in_force: InForce, matter: Matter, *, target: str
) -> None:
    """Enqueue the call of a decision, or put it before a person; then let it have its effect on common causes.

    What is overdue in its bundle is put before the owners.
    """
    choice = weighed.choice
    if is_called(choice.branch):
        let_out(session, sealed, weighed, in_force, key=matter.key, target=target)
    elif choice.branch is Branch.REVIEW:
        open_item(session, sealed.decision_id, choice, matter)
    if choice.findings or in_force.may_hold:
        call = partial(_call_owner, session, sealed, weighed, in_force, target)
        causes.take_effect(session, choice, matter, decision_id=sealed.decision_id, call=call)
    overdue.put_before_owners(session, weighed.policy, sealed, choice.decided_at, target=target)


def _call_owner(
    session: Session,
    sealed: SealedDecision,
    weighed: Weighed,
    in_force: InForce,
    target: str,
    cause_id: str,
    owner: str,
    payload: Mapping[str, object],
) -> causes.Called:
    """Call the owner of a cause, unless the bundle has no terms for that and it may not be as of any bundle."""
    now, policy = weighed.choice.decided_at, weighed.policy
    if Branch.ESCALATE not in policy.branches:
        because = why_not_called(session, policy, owner, now)
        if because is not None:
            return causes.Called(None, because)
    call_id = call_owner(session, sealed, SubjectKey(policy.subject, cause_id), payload, target=target, now=now)
    usage.note(session, in_force.counting(policy), usage.LetOut(Branch.ESCALATE, call_id, now), weighed.facts)
    return causes.Called(call_id, None)
