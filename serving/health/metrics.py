"""`GET /metrics`: what the service tells Prometheus. Counts are taken when it asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute, Session, sessionmaker

from features.vocabulary import SubjectType
from routing.errors import PolicyError
from routing.rollout import ALL
from serving.causes.tending import Tending
from serving.clock import Clock
from serving.db.audit import SYSTEM
from serving.db.tables import CauseRow, ChildRow, DirectiveRow, OutgoingCallRow, PolicyMoveRow, ReviewItemRow
from serving.dependencies import App
from serving.events import repository as events_repository
from serving.events.following import Following
from serving.health.service import AHEAD
from serving.policies import repository as policies
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError

_UP = "Whether the database answers."
_FAILING = "Common causes that this process could not look after when they last had their turn."

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(container: App) -> Response:
    """Tell how far the process follows the record log, and what waits in the queue and the outbox."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    parts = container.reads, container.following, container.bundles, container.clock, container.tending
    registry.register(ServiceCollector(*parts))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, slots=True, eq=False)
class ServiceCollector(Collector):
    """The figures of one process; without a database only those it knows by itself."""

    reads: sessionmaker[Session]
    following: Following
    bundles: Bundles
    clock: Clock
    causes: Tending

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every figure."""
        position = self.following.position
        yield _gauge("triage_record_log_position", "Position in the record log that this process knows.", position)
        yield _gauge("triage_causes_failing", _FAILING, self.causes.failing)
        try:
            with self.reads() as session:
                behind = events_repository.count_after(session, position)
                waiting = [
                    _by_status(session, "triage_review_items", "Review items by status.", ReviewItemRow.status),
                    _by_subject(session, "triage_causes", "Common causes by status.", CauseRow),
                    _by_subject(session, "triage_cause_children", "What causes hold or held, by status.", ChildRow),
                    _by_status(session, "triage_outgoing_calls", "Outgoing calls by status.", OutgoingCallRow.status),
                    _by_status(session, "triage_effects", "Effects of calls by state.", OutgoingCallRow.effect),
                    *_of_policies(session),
                    *self._of_reviews(session),
                ]
        except SQLAlchemyError:
            yield _gauge("triage_database_up", _UP, 0)
            return
        yield _gauge("triage_database_up", _UP, 1)
        yield _gauge("triage_record_log_behind_events", "Lag: events of the log this process has not learnt.", behind)
        yield from waiting

    def _of_reviews(self, session: Session) -> Iterator[GaugeMetricFamily]:
        """Tell how many reviews of the live bundles are overdue, and how many are due soon."""
        today = self.clock.now().date()
        try:
            live = self.bundles.all_live(session).values()
        except (LifeError, PolicyError):  # `/readyz` says which bundle cannot be read, and why
            return
        what = "Reviews of live bundles that are overdue or due soon."
        family = GaugeMetricFamily("triage_policy_reviews", what, labels=["status"])
        family.add_metric(["overdue"], sum(len(policy.overdue(today)) for policy in live))
        family.add_metric(["due_soon"], sum(len(policy.due_soon(today, AHEAD)) for policy in live))
        yield family


def _of_policies(session: Session) -> Iterator[GaugeMetricFamily]:
    """Tell what is in force, and whether somebody has put it in force alone: an alarm."""
    found = [standing for subject in SubjectType if (standing := policies.newest(session, subject)) is not None]
    if not found:
        return
    in_force = {digest for standing in found for digest in (standing.live_digest, standing.candidate_digest) if digest}
    alone = sum(policies.life(session, each).is_unapproved for each in in_force)
    yield _gauge("triage_policy_unapproved", "Bundles in force that no second person has approved.", alone)
    rising = max(standing.share_millionths or 0 for standing in found) / ALL
    yield _gauge("triage_policy_rollout_share", "Share of subjects that a rollout has reached; 0: none is.", rising)
    ours = select(func.count()).where(DirectiveRow.issued_by == SYSTEM, DirectiveRow.ended_at.is_(None))
    stepped = session.scalar(ours) or 0
    yield _gauge("triage_branches_stepped_down", "Limits that the service has set by itself and that stand.", stepped)
    yield _by_status(session, "triage_policy_steps", "Steps of bundles by what they were.", PolicyMoveRow.action)


def _gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


def _by_status(session: Session, name: str, meaning: str, status: InstrumentedAttribute[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["status"])
    for value, count in session.execute(select(status, func.count()).group_by(status).order_by(status)):
        family.add_metric([value], count)
    return family


def _by_subject(session: Session, name: str, meaning: str, row: type[CauseRow | ChildRow]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=["subject_type", "status"])
    columns = row.subject_type, row.status
    for subject, status, count in session.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns)):
        family.add_metric([subject, status], count)
    return family
