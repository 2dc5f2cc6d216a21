"""Leads policy bundles through their lives: each step once for each key, between two decisions and never within one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import SubjectType
from routing.canonical import canonical_json, digest
from routing.policy import Budget
from serving.auth.people import People, Person
from serving.clock import Clock
from serving.db.tables import OverdueReviewRow, PolicyMoveRow
from serving.decisions import usage
from serving.decisions.idempotency import Answer, Keyed, answer_once
from serving.directives import repository as orders
from serving.policies import overdue, repository, shadow, steps
from serving.policies.bundles import Bundles
from serving.policies.evidence import WINDOW, Window, pack_of, read_bundle
from serving.policies.queue import Staffing
from serving.policies.scarcity import BudgetPrice, prices_of
from serving.policies.steps import Known, Taking

OK = 200
CREATED = 201
Render = Callable[[Known], str]
"""Writes the answer to a request; it is kept with the key."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """What is left of a budget: in all, or, if it is kept apart, for whom it was used; for others all is left."""

    subject: SubjectType
    budget: Budget
    left: float | None
    parts: tuple[tuple[dict[str, str], float], ...]


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a step, under which key, and how the answer is written."""

    person: Person
    keyed: Keyed
    render: Render


@dataclass(frozen=True, slots=True)
class PolicyService:
    """Leads bundles through their lives.

    Every step raises `KeyInUseError` or `KeyReusedError` if its key is taken, `RoleMissingError` if it is not the
    person's to take, `BundleNotFoundError` or `BundleDamagedError` if the bundle is not there or not as it was handed
    in, and `BundleStepError` if it cannot be taken now.
    """

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles
    people: People

    def submit(
        self,
        asking: Asking,
        text: str,
        *,
        since: datetime | None,
        until: datetime | None,
        staffing: Staffing,
        reason: str,
    ) -> Answer:
        """Freeze a bundle, with the evidence that the service gathers on it: what a second person approves.

        Parameters
        ----------
        since, until
            The past that it is tried on; by default the last seven days.
        staffing
            Who looks at the review queue that it fills in that past.

        Raises
        ------
        BundleRefusedError
            If it has mistakes, with all of them.
        """
        now = self.clock.now()
        policy = read_bundle(text, now.date())
        until = now if until is None else until
        window = Window(until - WINDOW if since is None else since, until)
        with self.reads() as session:  # thousands of decisions are made again, for which nobody else waits
            live = repository.standing(session, policy.subject).live_digest
            pack = pack_of(session, policy, window, live=live, staffing=staffing)

        def step(taking: Taking) -> str:
            steps.submit(taking, policy, reason=reason, pack=canonical_json(pack), signs=digest(pack))
            return policy.digest

        return self._once(asking, partial(repository.standing, subject=policy.subject), step, status=CREATED)

    def approve(self, asking: Asking, bundle: str, *, signed: str, waives: str | None = None) -> Answer:
        """Approve what another has submitted, by the digest of its evidence, which covers its bytes.

        Parameters
        ----------
        waives
            Why fewer past decisions than the evidence asks for are enough.
        """
        return self._of(
            asking,
            bundle,
            lambda taking: steps.approve(taking, bundle, signed=signed, waives=waives, people=self.people),
        )

    def reject(self, asking: Asking, bundle: str, *, reason: str) -> Answer:
        """Reject a bundle that is not in force, or take back one's own."""
        return self._of(asking, bundle, lambda taking: steps.reject(taking, bundle, reason=reason))

    def put_in_shadow(self, asking: Asking, bundle: str) -> Answer:
        """Let a bundle decide beside the one in force; nothing comes of it but a record."""
        return self._of(asking, bundle, lambda taking: steps.put_in_shadow(taking, bundle))

    def end_shadow(self, asking: Asking, bundle: str) -> Answer:
        """Let it decide beside the one in force no longer."""
        return self._of(asking, bundle, lambda taking: steps.end_shadow(taking, bundle))

    def publish(self, asking: Asking, bundle: str, *, share_millionths: int, reason: str) -> Answer:
        """Put an approved bundle in force, for all or for a share of its subjects that only grows."""
        return self._of(
            asking,
            bundle,
            lambda taking: steps.publish(taking, bundle, share_millionths=share_millionths, reason=reason),
        )

    def break_glass(self, asking: Asking, bundle: str, *, reason: str) -> Answer:
        """Put a submitted bundle in force on the word of one person; it is alarmed until a second one approves it."""
        answer = self._of(asking, bundle, lambda taking: steps.break_glass(taking, bundle, reason=reason))
        if not answer.is_replayed:
            _log.error("%s broke the glass: bundle %s is in force unapproved: %s", asking.person.name, bundle, reason)
        return answer

    def roll_back(self, asking: Asking, *, subject: SubjectType, reason: str) -> Answer:
        """Take back what came last for a type of subject, and answer with the bundle that is live then."""
        own = partial(repository.standing, subject=subject)
        return self._once(asking, own, lambda taking: steps.roll_back(taking, reason=reason))

    def known(self) -> list[Known]:
        """Return all bundles, newest first."""
        with self.reads() as session:
            return [
                steps.known(session, row.digest, repository.standing(session, SubjectType(row.subject_type)))
                for row in repository.bundles(session)
            ]

    def one(self, bundle: str) -> Known:
        """Return a bundle; `BundleNotFoundError` if it is not kept."""
        with self.reads() as session:
            return steps.known(session, bundle, repository.standing_beside(session, bundle))

    def history(self, *, before: int | None, limit: int) -> list[PolicyMoveRow]:
        """Return what happened to bundles, newest first."""
        with self.reads() as session:
            return repository.history(session, before=before, limit=limit)

    def budgets(self, *, limit: int) -> list[BudgetLeft]:
        """Return what is left of each budget of the live bundles; of one that is kept apart, for whom it was used."""
        now, found = self.clock.now(), []
        with self.reads() as session:
            for policy in self.bundles.all_live(session).values():
                left = usage.left(session, policy, {}, now)
                for budget in policy.budgets.values():
                    parts = usage.left_of_parts(session, policy, budget, now, limit=limit) if budget.apart else []
                    in_all = None if budget.apart else left[budget.name]
                    found.append(BudgetLeft(policy.subject, budget, in_all, tuple(parts)))
        return found

    def budget_prices(self) -> list[BudgetPrice]:
        """Return what one more unit of each budget of the live bundles would have saved within its hours."""
        now = self.clock.now()
        with self.reads() as session:
            live = self.bundles.all_live(session).values()
            return [price for policy in live for price in prices_of(session, policy, now)]

    def overdue(
        self, *, only_open: bool, subject: SubjectType | None = None, before: int | None = None, limit: int = 200
    ) -> list[OverdueReviewRow]:
        """Return overdue reviews of bundles on a type of subject, or on all, newest first.

        With `only_open` those that nobody has looked at yet.
        """
        with self.reads() as session:
            return overdue.page(session, only_open=only_open, subject=subject, before=before, limit=limit)

    def shadow_report(self, bundle: str, *, before: int | None, limit: int) -> shadow.ShadowReport:
        """Sum up a page of what a bundle would have decided while it was in shadow."""
        with self.reads() as session:
            return shadow.report(session, self.bundles.policy(session, bundle), before=before, limit=limit)

    def _of(self, asking: Asking, bundle: str, step: Callable[[Taking], None]) -> Answer:
        def answered(taking: Taking) -> str:
            step(taking)
            return bundle

        return self._once(asking, partial(repository.standing_beside, digest=bundle), answered)

    def _once(
        self,
        asking: Asking,
        standing: Callable[[Session], PolicyMoveRow],
        step: Callable[[Taking], str],
        *,
        status: int = OK,
    ) -> Answer:
        """Take a step once for each key, while nobody decides. `standing` returns what is in force for its subjects."""

        def act(session: Session) -> tuple[datetime, str]:
            orders.lock(session)
            now = self.clock.now()
            shown = step(Taking(session, self.bundles, standing(session), asking.person, now))
            return now, asking.render(steps.known(session, shown, standing(session)))

        return answer_once(self.sessions, asking.keyed, status=status, act=act)
