"""The past as a preview needs it, read from the ledger: decisions, calls, and what went before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from pydantic_core import SchemaValidator, from_json
from pydantic_core.core_schema import CoreSchema, any_schema, nullable_schema, typed_dict_field, typed_dict_schema
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Branch, SubjectType
from routing.context import Past
from routing.policy import Policy
from routing.preview.past import PastCall, PastDecision
from routing.recording import decode_facts
from serving.db.subjects import AboutSubject
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.decisions.context import past_of
from serving.decisions.usage import counted_at, counts_for

_CHUNK = 500


def _parts(**parts: CoreSchema) -> CoreSchema:
    """Read of a JSON object these parts, where they are there, and pass over the others."""
    return typed_dict_schema({name: typed_dict_field(part, required=False) for name, part in parts.items()})


_TERMS = ("value_minor", "currency", "customer_tier", "late_penalty_minor", "late_penalty_per_day_minor")
"""What the loss follows from, of a shipment as it was known."""
SEALED = SchemaValidator(
    _parts(
        **dict.fromkeys(("decision_id", "branch", "recommended_branch", "decided_by", "mode"), any_schema()),
        **dict.fromkeys(("facts", "context", "rules", "passed_over", "cause", "exploration", "together"), any_schema()),
        **dict.fromkeys(("suppressed_because", "latest_useful_at"), any_schema()),
        policy=_parts(digest=any_schema()),
        payload=_parts(suggestion=nullable_schema(_parts(branch=any_schema()))),
        model=nullable_schema(_parts(probability=any_schema(), shipment=_parts(**dict.fromkeys(_TERMS, any_schema())))),
    )
)
"""Reads what a preview looks at in a body, and leaves the rest, above all hundreds of features, as text."""


@dataclass(frozen=True)
class PastOfLedger:
    """The decisions made from `since` until just before `until`, and what a bundle may look at besides.

    Only what concerns the bundle's own type of subject is looked at.
    """

    session: Session
    policy: Policy
    since: datetime
    until: datetime

    def decisions(self) -> Iterator[PastDecision]:
        """Yield the decisions in the order of the chain."""
        row = DecisionRow
        columns = select(row.sequence, row.subject_id, row.decided_at, row.body).order_by(row.sequence)
        for begin in range(0, self.count, _CHUNK):
            statement = columns.where(row.sequence.in_(self._sequences[begin : begin + _CHUNK]))
            for sequence, subject_id, decided_at, body in self.session.execute(statement):
                yield PastDecision(sequence, subject_id, decided_at, SEALED.validate_json(body))

    @property
    def count(self) -> int:
        """How many decisions there are."""
        return len(self._sequences)

    @property
    def first(self) -> int:
        """The sequence of the first decision; 0 if there is none."""
        return self._sequences[0] if self._sequences else 0

    @cached_property
    def _sequences(self) -> Sequence[int]:
        """Where the decisions stand in the chain; without bodies, which a database would sort along."""
        row = DecisionRow
        return self.session.scalars(select(row.sequence).where(self._made()).order_by(row.sequence)).all()

    def earlier_calls(self) -> list[PastCall]:
        """Return the calls of before, as far as the bundle's budgets and rests reach."""
        budgets = [budget.per for budget in self.policy.budgets.values()]
        rests = [terms.cool_down.lasts for terms in self.policy.branches.values() if terms.cool_down]
        reach = max((*budgets, *rests), default=timedelta(0))
        call = OutgoingCallRow
        lately = call.created_at > self.since - reach
        return self._calls(_calls(self.policy.subject).where(lately, _sequence() < self.first))

    def calls_of_people(self) -> list[PastCall]:
        """Return the calls that people let out since, in the order of the chain."""
        call, decision = OutgoingCallRow, DecisionRow
        by_people = decision.branch == Branch.REVIEW.value
        return self._calls(
            _calls(self.policy.subject).where(by_people, _sequence() >= self.first, call.created_at < self.until)
        )

    def history_before(self, subject_id: str) -> tuple[Past, ...]:
        """Return what went before for a subject, as far as the bundle looks back."""
        last = self._last_before.get(subject_id)
        if last is None:
            return ()
        row, back = DecisionRow, self.policy.looks_back or timedelta(0)
        seen = or_(row.sequence == last, row.decided_at >= self.since - back)
        statement = (
            select(row.decided_at, row.branch, row.body)
            .where(self._own(row), row.subject_id == subject_id, row.sequence <= last, seen)
            .order_by(row.sequence)
        )
        return tuple(past_of(at, branch, from_json(body)) for at, branch, body in self.session.execute(statement))

    @cached_property
    def _last_before(self) -> dict[str, int]:
        """The last decision of before for each subject that is decided about again."""
        row = DecisionRow
        again = select(row.subject_id).where(self._made())
        statement = (
            select(row.subject_id, func.max(row.sequence))
            .where(row.sequence < self.first, self._own(row), row.subject_id.in_(again))
            .group_by(row.subject_id)
        )
        return dict(self.session.execute(statement).all())

    def _made(self) -> ColumnElement[bool]:
        row = DecisionRow
        return and_(self._own(row), row.decided_at >= self.since, row.decided_at < self.until)

    def _own(self, row: type[AboutSubject]) -> ColumnElement[bool]:
        return row.subject_type == self.policy.subject.value

    def _calls(self, statement: Select[str, str, str, datetime, int, str]) -> list[PastCall]:
        calls = []
        for decision_id, subject_id, branch, at, sequence, text in self.session.execute(statement):
            body = from_json(text)
            facts, bundle = decode_facts(body["facts"]), body["policy"]["digest"]
            calls.append(PastCall(decision_id, subject_id, Branch(branch), at, sequence, facts, bundle))
        return calls


def _sequence() -> ColumnElement[int]:
    return func.coalesce(OutgoingCallRow.sequence, DecisionRow.sequence)


def _calls(subject: SubjectType) -> Select[str, str, str, datetime, int, str]:
    call, decision = OutgoingCallRow, DecisionRow
    return (
        select(call.decision_id, call.subject_id, call.branch, counted_at(), _sequence(), decision.body)
        .join(decision, decision.decision_id == call.decision_id)
        .where(counts_for(subject))
        .order_by(_sequence(), call.position)
    )
