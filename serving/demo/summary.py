"""What a demo came to: counted from the database and from what the receiver holds, not from what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rich.table import Table
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from features.amounts import money
from features.vocabulary import Branch, SubjectType
from routing.effects import Effect
from serving.db.tables import DecisionRow, EventRow, OutgoingCallRow, RejectedEventRow, ReviewItemRow
from serving.decisions.verification import verify
from serving.demo.orchestrator import Tally
from serving.messages.turns import JOINED, UNSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of a finished demo; `faults` says what should not be, and is empty if all went well."""

    events: int
    repeats: int
    rejected: int
    asked: Mapping[SubjectType, int]
    answered: int
    decisions: Mapping[SubjectType, Mapping[str, int]]
    suggested: Mapping[str, int]
    calls: Mapping[str, int]
    attempts: int
    messages: int
    told_of: int
    effects: int
    verified: int
    repeated_calls: int
    waiting: Mapping[SubjectType, int]
    at_stake_minor: Mapping[str, int]
    chain_problems: int
    p50_ms: float
    p99_ms: float

    @property
    def faults(self) -> list[str]:
        """Return what should not be."""
        delivered, unsettled = self.calls.get("delivered", 0), self.unsettled
        on_record = sum(sum(branches.values()) for branches in self.decisions.values())
        sentences = {
            f"{unsettled} calls are not settled.": unsettled > 0,
            f"{self.calls.get('dead', 0)} calls are dead letters.": self.calls.get("dead", 0) > 0,
            f"{delivered} calls are delivered but {self.effects} had their effect.": delivered != self.effects,
            f"{delivered} calls are delivered but {self.verified} are verified.": delivered != self.verified,
            "No call was delivered.": delivered == 0,
            **{f"Nothing was decided about {about}s.": not self.decisions.get(about) for about in SubjectType},
            "Nothing waits for a person.": sum(self.waiting.values()) == 0,
            f"{self.answered} decisions were answered but {on_record} are on record.": self.answered != on_record,
            f"{self.chain_problems} problems in the chain of decisions.": self.chain_problems > 0,
        }
        return [sentence for sentence, is_so in sentences.items() if is_so]

    @property
    def unsettled(self) -> int:
        """Number of calls that may still be made."""
        return sum(self.calls.get(status, 0) for status in UNSENT)

    def table(self) -> Table:
        """Draw the figures."""
        table = Table(title="Two days of a generated network", title_justify="left", show_header=False)
        table.add_column(no_wrap=True)
        table.add_column()
        rows = {
            "events": f"{self.events:,} taken in, {self.repeats:,} repeats counted once, {self.rejected:,} rejected",
            **{f"decided about {about}s": _listed(branches) for about, branches in self.decisions.items()},
            "suggested to a person": _listed(self.suggested),
            "delivered": f"{self.calls.get('delivered', 0):,} calls in {self.attempts:,} attempts",
            "in one message": f"{self.messages:,} messages tell of {self.told_of:,} shipments",
            "verified": f"{self.verified:,} reported done, each once; {self.repeated_calls:,} repeats recognised",
            "in the queue": f"{_waiting(self.waiting)}, {_amounts(self.at_stake_minor)} at stake",
            "decision, p50 / p99": f"{self.p50_ms:.1f} ms / {self.p99_ms:.1f} ms over HTTP, explained and recorded",
            "record": "every hash in order" if not self.chain_problems else f"{self.chain_problems} problems",
        }
        for name, text in rows.items():
            table.add_row(name, text)
        return table


_SAID = {Branch.NONE: "nothing to do", Branch.REVIEW: "ask a person"}
"""Branches whose name says too little to somebody who reads it for the first time."""


def _listed(counts: Mapping[str, int]) -> str:
    said = ((_SAID.get(Branch(name), name.replace("_", " ")), count) for name, count in counts.items())
    return " · ".join(f"{name} {count:,}" for name, count in said) or "none"


def _waiting(counts: Mapping[SubjectType, int]) -> str:
    *first, last = [f"{count:,} {about}s" for about, count in counts.items()] or ["nothing"]
    return f"{', '.join(first)} and {last}" if first else last


def _amounts(minor: Mapping[str, int]) -> str:
    return " and ".join(money(amount, currency) for currency, amount in minor.items()) or "nothing"


def call_counts(session: Session) -> dict[str, int]:
    """Return how many calls of the outbox stand where; what goes with a message counts as long as it waits."""
    call = OutgoingCallRow
    by_itself = or_(call.goes_with.is_(None), call.status == JOINED)
    counted = session.execute(select(call.status, func.count()).where(by_itself).group_by(call.status))
    return dict(counted.tuples().all())


def unconfirmed(session: Session) -> int:
    """Return how many calls were taken and their outcome is not known."""
    return _count_effects(session, Effect.ACCEPTED) + _count_effects(session, Effect.WITH_PERSON)


def _count_effects(session: Session, effect: Effect) -> int:
    call = OutgoingCallRow
    return session.scalar(select(func.count()).where(call.effect == effect.value, call.goes_with.is_(None))) or 0


def summarise(session: Session, tally: Tally, effects: Mapping[str, object]) -> Summary:
    """Count what a demo did.

    Parameters
    ----------
    effects
        What the receiver says of itself: `effects` and, under `this_run`, its counts.
    """
    this_run = effects["this_run"]
    assert isinstance(this_run, Mapping)  # noqa: S101  the receiver's own summary
    waiting = session.scalars(select(ReviewItemRow).where(ReviewItemRow.status != "done")).all()
    counted = select(DecisionRow.subject_type, DecisionRow.branch, func.count().label("times"))
    by_branch = counted.group_by(DecisionRow.subject_type, DecisionRow.branch).order_by(func.count().desc())
    decided: dict[SubjectType, dict[str, int]] = {}
    for about, branch, times in session.execute(by_branch):
        decided.setdefault(SubjectType(about), {})[branch] = times
    at_stake: Counter[str] = Counter()
    for item in waiting:
        at_stake[item.currency or ""] += item.value_at_stake_minor
    suggested = Counter(item.suggested_branch for item in waiting if item.suggested_branch != Branch.NONE)
    p50, p99 = np.percentile(tally.seconds, [50, 99]) * 1000 if tally.seconds else (np.nan, np.nan)
    return Summary(
        events=session.scalar(select(func.count()).select_from(EventRow)) or 0,
        repeats=tally.events["duplicate"],
        rejected=session.scalar(select(func.count()).select_from(RejectedEventRow)) or 0,
        asked=dict(tally.asked),
        answered=len(tally.decision_ids),
        decisions=dict(sorted(decided.items(), reverse=True)),
        suggested=dict(suggested.most_common()),
        calls=call_counts(session),
        attempts=session.scalar(select(func.sum(OutgoingCallRow.attempts)).filter_by(goes_with=None)) or 0,
        messages=session.scalar(select(func.count(OutgoingCallRow.gathers))) or 0,
        told_of=session.scalar(select(func.sum(OutgoingCallRow.gathers))) or 0,
        effects=int(str(effects["effects"])),
        verified=_count_effects(session, Effect.VERIFIED),
        repeated_calls=int(this_run.get("repeats", 0)),
        waiting=dict(Counter(item.key.type for item in waiting).most_common()),
        at_stake_minor={currency: amount for currency, amount in at_stake.most_common() if currency},
        chain_problems=len(verify(session).problems),
        p50_ms=float(p50),
        p99_ms=float(p99),
    )
