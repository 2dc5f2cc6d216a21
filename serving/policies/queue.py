"""The review queue in a preview: what the ledger put before people, and what a bundle would have put before them.

Each side goes by the bundle that decides it: what is at stake by its cost table, what a minute saves of it and how long
it takes by its branches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.canonical import rfc3339
from routing.policy import Policy
from routing.preview.comparing import Compared
from routing.preview.queue import Closed, Move, Opened, Restated, serve
from routing.preview.queue_figures import QueueFigures
from routing.preview.roster import FIRST_LOOK_MINUTES, REVIEWERS, Roster, Shift
from routing.priority import Saving, savings
from routing.recording import decode_facts
from serving.causes.repository import OVER
from serving.db.tables import CauseRow, DecisionRow
from serving.decisions.acting import LastUse
from serving.policies.bundles import Bundles
from serving.policies.errors import NothingInForceError
from serving.reviews.asking import item_id_of, suggested_branch
from serving.reviews.stakes import stake_in

_AT_STAKE = {SubjectType.INVOICE: "recoverable_minor", SubjectType.SHORTAGE: "expected_loss_minor"}
"""The fact that says what is at stake in an item, by type of subject; of shipments that follows from their terms."""


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who looks at the queue when, and within which time everything is to be looked at."""

    roster: Roster
    first_look: timedelta

    @classmethod
    def parse(cls, reviewers: Sequence[str] = (REVIEWERS,), first_look_minutes: float = FIRST_LOOK_MINUTES) -> Staffing:
        """Read it as it is given to the command or the service.

        Raises
        ------
        RosterError
            If who looks at the queue cannot be read.
        """
        return cls([Shift.parse(each) for each in reviewers], timedelta(minutes=first_look_minutes))


@dataclass(frozen=True, slots=True)
class QueuePreview:
    """How the queue goes under what was decided, and under the bundle that is tried, with the same people."""

    staffing: Staffing
    before: QueueFigures
    after: QueueFigures

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "reviewers": [shift.words for shift in self.staffing.roster],
            "first_look_minutes": self.staffing.first_look / timedelta(minutes=1),
            "before": self.before.as_json(),
            "after": self.after.as_json(),
        }


def in_words(preview: QueuePreview) -> list[str]:
    """Return how the queue goes on both sides as lines to read."""
    before, after, staffing = preview.before, preview.after, preview.staffing
    look = staffing.first_look / timedelta(minutes=1)
    causes = f" ({before.causes} → {after.causes} common causes)" if before.causes or after.causes else ""
    rows = [
        ("opened", f"{before.opened:,} → {after.opened:,}{causes}"),
        ("open at the peak", f"{_peak(before)} → {_peak(after)}"),
        ("waited, half at most", f"{_told(before.waited_median)} → {_told(after.waited_median)}"),
        ("waited, nine in ten at most", f"{_told(before.waited_nine_in_ten)} → {_told(after.waited_nine_in_ten)}"),
        (f"waited for more than {look:g} min", _shares(before, after, "looked_at_late")),
        ("answered too late or not at all", _shares(before, after, "answered_too_late")),
        ("gave way to a newer decision", f"{before.superseded:,} → {after.superseded:,}"),
        ("expired", f"{before.expired:,} → {after.expired:,}"),
        ("left at the end", f"{before.left:,} → {after.left:,}"),
        ("at work", f"{_used(before)} → {_used(after)}"),
    ]
    said = f"The queue, looked at by {' and '.join(map(str, staffing.roster))}:"
    return [said, *(f"{name:>33}  {told}" for name, told in rows)]


def _peak(figures: QueueFigures) -> str:
    if figures.peak_at is None:
        return "0"
    return f"{figures.peak:,} at {rfc3339(figures.peak_at.replace(microsecond=0))}"


def _told(time: timedelta) -> str:
    minutes = time / timedelta(minutes=1)
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:,.1f} h"


def _shares(before: QueueFigures, after: QueueFigures, name: str) -> str:
    counts = [(each, getattr(each, name)) for each in (before, after)]
    return " → ".join(f"{count:,} ({each.share(count):.1%})" for each, count in counts)


def _used(figures: QueueFigures) -> str:
    hours, used = timedelta(hours=1), figures.utilisation
    share = "nobody is there" if used is None else f"{used:.1%}"
    return f"{figures.worked / hours:,.1f} h ({share})"


class _Taken(NamedTuple):
    """What a decision comes to, as far as the queue is concerned.

    `useful_until` is until when any branch is of use; it is asked only where a suggestion ceases to be.
    """

    branch: Branch
    recommended: Branch
    is_suppressed: bool
    is_held: bool
    suggested: Branch
    latest_useful_at: datetime | None
    useful_until: datetime | None
    facts: Mapping[str, object]


class _Terms(NamedTuple):
    """What of a bundle the queue goes by: what each of its suggestions can save, and until when any is of use."""

    policy: Policy
    savings: Mapping[Branch, Saving]
    last_use: LastUse


@dataclass(slots=True)
class Queues:
    """Gathers, over a preview, what happens to the queue: as it was decided, and as a bundle would have it.

    Parameters
    ----------
    policy
        The bundle that is tried.
    """

    session: Session
    policy: Policy
    before: list[Move] = field(default_factory=list)
    after: list[Move] = field(default_factory=list)
    _bundles: Bundles = field(default_factory=Bundles)
    _terms: dict[str, _Terms] = field(default_factory=dict)

    def add(self, compared: Compared) -> None:
        """Take in what one decision does."""
        if self._counts(compared.before.branch, compared.body.get("suppressed_because")):
            terms = self._of_decision(compared.body)
            self.before += _moves(compared, _as_sealed(compared, terms.last_use), terms)
        if self._counts(compared.after.branch, compared.choice.suppressed_because):
            terms = self._of(self.policy)
            self.after += _moves(compared, _as_tried(compared, terms.last_use), terms)

    def add_causes(self, since: datetime, until: datetime) -> None:
        """Take in the common causes that were declared from `since` until just before `until`, once everything else."""
        for row in self._causes(since, until):
            self.before += _of_cause(row, self._of_cause_before(row))
            self.after += _of_cause(row, self._of(self.policy))

    def preview(self, staffing: Staffing, since: datetime, until: datetime) -> QueuePreview:
        """Let people look at both queues, from `since` until just before `until`; each begins empty."""
        before, after = (
            QueueFigures.of(serve(moves, staffing.roster, since, until), first_look=staffing.first_look)
            for moves in (self.before, self.after)
        )
        return QueuePreview(staffing, before, after)

    def _counts(self, branch: Branch, suppressed_because: str | None) -> bool:
        """Tell whether a decision may do anything to the queue; most do not."""
        if branch is Branch.REVIEW or self.policy.subject is SubjectType.SHORTAGE:
            return True
        return suppressed_because is not None and self.policy.subject is SubjectType.INVOICE

    def _of(self, policy: Policy) -> _Terms:
        found = self._terms.get(policy.digest)
        if found is None:
            found = self._terms[policy.digest] = _Terms(policy, savings(policy), LastUse(policy))
        return found

    def _of_decision(self, body: Mapping[str, Any]) -> _Terms:
        """Return the terms of the bundle that made a decision; those of the one tried if the database has none."""
        digest = body["policy"]["digest"]
        found = self._terms.get(digest)
        if found is None:
            try:
                found = self._of(self._bundles.of_decision(self.session, body))
            except NothingInForceError:
                found = self._of(self.policy)
            self._terms[digest] = found
        return found

    def _causes(self, since: datetime, until: datetime) -> Sequence[CauseRow]:
        row = CauseRow
        declared = (row.declared_at >= since, row.declared_at < until)
        of_subject = row.subject_type == self.policy.subject.value
        return self.session.scalars(select(row).where(of_subject, *declared).order_by(row.position)).all()

    def _of_cause_before(self, cause: CauseRow) -> _Terms:
        body = self.session.scalar(select(DecisionRow.body).where(DecisionRow.decision_id == cause.decision_id))
        assert body is not None  # noqa: S101  the database holds the reference
        return self._of_decision(from_json(body))


def _as_sealed(compared: Compared, last_use: LastUse) -> _Taken:
    body, facts = compared.body, decode_facts(compared.body["facts"])
    latest = body.get("latest_useful_at")
    return _Taken(
        branch=compared.before.branch,
        recommended=Branch(body["recommended_branch"]),
        is_suppressed=body.get("suppressed_because") is not None,
        is_held="cause" in body,
        suggested=suggested_branch(body.get("payload", {})),
        latest_useful_at=None if latest is None else datetime.fromisoformat(latest),
        useful_until=None if latest is None else last_use.of(facts),
        facts=facts,
    )


def _as_tried(compared: Compared, last_use: LastUse) -> _Taken:
    choice = compared.choice
    latest = choice.latest_useful_at
    return _Taken(
        branch=choice.branch,
        recommended=choice.recommended_branch,
        is_suppressed=choice.suppressed_because is not None,
        is_held=choice.cause is not None,
        suggested=suggested_branch(choice.payload),
        latest_useful_at=latest,
        useful_until=None if latest is None else last_use.of_known(choice.trace.read.known),
        facts=compared.facts,
    )


def _moves(compared: Compared, taken: _Taken, terms: _Terms) -> Iterator[Move]:
    """Yield what a decision does to the queue, as the service does it for its type of subject."""
    at, subject_id, policy = compared.decided_at, compared.subject_id, terms.policy
    is_called = taken.branch not in (Branch.NONE, Branch.REVIEW)
    if policy.subject is SubjectType.SHORTAGE and (taken.recommended is Branch.NONE or is_called or taken.is_held):
        yield Closed(at, subject_id)
    if policy.subject is SubjectType.INVOICE and taken.is_suppressed:
        yield Restated(at, subject_id, _stake(compared.body, taken.facts, policy))
    if taken.branch is Branch.REVIEW:
        saving = terms.savings[taken.suggested]
        yield Opened(
            at=at,
            subject_id=subject_id,
            item_id=item_id_of(compared.decision_id),
            stake_minor=_stake(compared.body, taken.facts, policy),
            rate=saving.millionths_per_minute,
            minutes=saving.minutes,
            answer_by=taken.latest_useful_at,
            useful_until=_expires(taken, at),
        )


def _of_cause(cause: CauseRow, terms: _Terms) -> Iterator[Move]:
    """Yield what a common cause does to the queue, if the bundle has its playbook: one for all that it holds."""
    playbook = terms.policy.playbooks.get(cause.playbook)
    if playbook is None:
        return
    saving = terms.savings.get(playbook.parent.branch, terms.savings[Branch.NONE])
    yield Opened(
        at=cause.declared_at,
        subject_id=cause.cause_id,
        item_id=cause.cause_id,
        stake_minor=0,
        rate=0,
        minutes=saving.minutes,
        answer_by=cause.declared_at + playbook.parent.sla,
        is_cause=True,
    )
    if cause.status == OVER and cause.ended_at is not None:
        yield Closed(cause.ended_at, cause.cause_id)


def _stake(body: Mapping[str, Any], facts: Mapping[str, object], policy: Policy) -> int:
    """Return what is at stake in minor units of a bundle's currency; 0 if that cannot be told."""
    if policy.subject is SubjectType.SHIPMENT:
        model = body.get("model")
        return stake_in(body, policy.costs).minor if model and model.get("shipment") else 0
    found = facts.get(_AT_STAKE[policy.subject])
    return found if isinstance(found, int) and facts.get("currency") == policy.costs.currency else 0


def _expires(taken: _Taken, at: datetime) -> datetime | None:
    """Return when an item expires that nobody begins, as `serving.reviews.expiring` has it."""
    latest, until = taken.latest_useful_at, taken.useful_until
    return None if latest is None or until is None or until <= at else max(until, latest)
