"""Whether the service can do its work, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import SubjectType
from models.shortage import ShortageModel
from routing.overdue import in_words
from routing.policy import Policy, Review
from serving.clock import Clock
from serving.db.migrate import require_head
from serving.errors import DatabaseNotMigratedError
from serving.events.following import Following
from serving.policies import repository as policies
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError
from serving.scores.absent import AbsentModel
from serving.scores.ports import DelayPredictor
from serving.shortages.ports import KnowsStock

AHEAD = timedelta(days=14)
"""How long before a review is due it is told."""
MOST_BEHIND = 2000
"""Events that a request may have to wait for. Beyond it the process is not ready."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part and whether it is well; `reason` says what is, or what is not and what to do."""

    name: str
    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class HealthService:
    """Looks at every part the service stands on."""

    engine: Engine
    clock: Clock
    model: DelayPredictor
    bundles: Bundles
    reads: sessionmaker[Session]
    following: Following
    shortage_model: ShortageModel | None
    stock: KnowsStock

    def readiness(self) -> list[Check]:
        """Check every part; one that fails does not hide the others."""
        checks = [self._database(), self._state(), self._model(), self._policy()]
        return checks if self.shortage_model is None else [*checks, self._shortages(self.shortage_model)]

    def _database(self) -> Check:
        def look() -> str:
            require_head(self.engine)
            return "answers, at the newest revision"

        return _checked("database", look)

    def _state(self) -> Check:
        def look() -> str:
            known = f"knows the record log to position {self.following.position}"
            behind = self.following.behind()
            if behind > MOST_BEHIND:
                raise _NotWellError(f"{known}, {behind} events behind, and is learning them. Wait until it has")
            return f"{known}, {behind} events behind" if behind else known

        return _checked("state", look)

    def _model(self) -> Check:
        if isinstance(self.model, AbsentModel):
            if self.model.is_meant:
                reason = "none is loaded, as was asked for: no shipment is scored, and every case goes to a person"
                return Check("model", ok=True, reason=reason)
            return Check(
                "model",
                ok=False,
                reason="none is loaded; start with --tracking-uri, or with --model none if no shipments are to be "
                "judged. Every case goes to a person",
            )
        return Check("model", ok=True, reason=f"{self.model.name} version {self.model.version}")

    def _shortages(self, model: ShortageModel) -> Check:
        lines = 0 if self.stock.stock is None else len(self.stock.stock)
        known = f"{lines:,} order lines known" if lines else "no order line known yet"
        return Check("shortages", ok=True, reason=f"{model.name} version {model.version}, {known}")

    def _policy(self) -> Check:
        def look() -> str:
            with self.reads() as session:
                others = [subject for subject in self.bundles.all_live(session) if subject is not SubjectType.SHIPMENT]
                return "; ".join(self._in_force(session, subject) for subject in (SubjectType.SHIPMENT, *others))

        return _checked("policy", look)

    def _in_force(self, session: Session, subject: SubjectType) -> str:
        """Say what is in force for a type of subject."""
        in_force = self.bundles.in_force(session, subject)
        named = f"{in_force.live.name} version {in_force.live.version}"
        if in_force.candidate is not None:
            share = in_force.share_millionths / 10_000
            named += f", and version {in_force.candidate.version} for {share:g} % of {subject}s"
        if policies.life(session, in_force.live.digest).is_unapproved:
            named += ", which nobody but whoever put it in force has approved"
        return named + _reviews_of(in_force.live, self.clock.now().date())


def _reviews_of(policy: Policy, today: date) -> str:
    """Say which reviews of a bundle are overdue or soon due, and whose they are."""
    overdue = ", ".join(_review(each) for each in policy.overdue(today))
    soon = ", ".join(_review(each) for each in policy.due_soon(today, AHEAD))
    past = f", past its review date: {overdue}" if overdue else ""
    return past + (f", soon to be reviewed: {soon}" if soon else "")


def _review(review: Review) -> str:
    return f"{in_words(review.part)} by {review.due} ({review.owner})"


class _NotWellError(Exception):
    """A part is not well; the message is the reason."""


def _checked(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, reason=look())
    except (_NotWellError, DatabaseNotMigratedError, LifeError) as error:
        return Check(name, ok=False, reason=str(error))
    except SQLAlchemyError as error:
        return Check(name, ok=False, reason=f"the database does not answer ({type(error).__name__})")
