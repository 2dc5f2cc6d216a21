"""What must hold of a database, and of the orchestrator's effects, however often the processes were killed."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from features.vocabulary import Branch
from routing.dispatch.envelope import call_id_for
from serving.db.tables import (
    AuditRow,
    BranchTakingRow,
    BudgetUseRow,
    DecisionRow,
    EventRow,
    IdempotencyRow,
    OutcomeRow,
    OutgoingCallRow,
    ReviewItemRow,
)
from serving.decisions.calls import is_called
from serving.decisions.cli import register
from serving.decisions.verification import verify
from serving.reporting import ReportSettings, Telling
from serving.reviews.asking import item_id_of
from tests.serving.killed.clients import Clients

MILLION = 1_000_000
Effect = dict[str, str]


def check_answers(session: Session, clients: Clients) -> None:
    """Nothing is answered that is not kept as it was answered, and nothing is kept that nobody was told."""
    keys = select(IdempotencyRow).where(~IdempotencyRow.key.startswith("outcome:"))
    kept = {row.key: row.response for row in session.scalars(keys)}
    assert kept == {key: body for key, (_, body) in clients.answers.items()}
    decisions = {row.decision_id: row for row in session.scalars(select(DecisionRow))}
    answers = {key: (shipment, json.loads(body)) for key, (shipment, body) in clients.answers.items()}
    for shipment, answer in answers.values():
        decision = decisions[answer["decision_id"]]
        told = (answer["sequence"], answer["hash"], answer["shipment_id"], answer["branch"])
        assert told == (decision.sequence, decision.hash, shipment, decision.branch)
    assert {answer["decision_id"] for _, answer in answers.values()} == decisions.keys()
    assert Counter(row.shipment_id for row in decisions.values()) == Counter(clients.announced)
    assert once(session.scalars(select(EventRow.subject))) == clients.announced


def check_what_was_set_in_motion(session: Session, clients: Clients) -> None:
    """A decision has one call under the key that follows from it, or one item; a person's answer makes one call."""
    calls, items = defaultdict(list), defaultdict(list)
    for call in session.scalars(select(OutgoingCallRow).where(OutgoingCallRow.compensates.is_(None))):
        calls[call.decision_id].append((call.call_id, call.branch))
    for item in session.scalars(select(ReviewItemRow).where(ReviewItemRow.call_id.is_(None))):
        items[item.decision_id].append((item.item_id, item.verdict))
    for decision in session.scalars(select(DecisionRow)):
        branch, its_calls, its_items = Branch(decision.branch), [], []
        overridden = decision.decision_id in clients.overridden
        if branch is Branch.REVIEW:
            its_items = [(item_id_of(decision.decision_id), "override" if overridden else None)]
        if is_called(branch) or overridden:
            taken = Branch.ESCALATE if overridden else branch
            its_calls = [(call_id_for(decision.decision_id, taken), taken)]
        assert calls.pop(decision.decision_id, []) == its_calls
        assert items.pop(decision.decision_id, []) == its_items
    assert not calls
    assert not items
    audited = Counter((row.action, row.subject) for row in session.scalars(select(AuditRow)))
    for action in ("decision.sealed", "call.enqueued", "call.delivered", "review.opened", "review.override"):
        assert {times for (done, _), times in audited.items() if done == action} == {1}, action


def check_effects(session: Session, effects: Sequence[Effect]) -> None:
    """Each call had its effect once, under its own key, and none had one that is not a call."""
    calls = {row.call_id: row for row in session.scalars(select(OutgoingCallRow))}
    assert {row.status for row in calls.values()} == {"delivered"}
    assert once(effect["webhook_id"] for effect in effects) == calls.keys()
    asked = [effect["decision_id"] for effect in effects if effect["undoes"] is None]
    assert once(asked) == {row.decision_id for row in calls.values()}
    undone = {effect["webhook_id"]: effect["undoes"] for effect in effects if effect["undoes"] is not None}
    assert undone == {row.call_id: row.compensates for row in calls.values() if row.compensates is not None}
    for effect in effects:
        call = calls[effect["webhook_id"]]
        assert (effect["id"], effect["decision_id"]) == (call.call_id, call.decision_id)
        assert (effect["shipment_id"], effect["branch"]) == (call.shipment_id, call.branch)


def check_outcomes(session: Session, effects: Sequence[Effect], reports: ReportSettings) -> dict[str, int]:
    """Each call has exactly one verified effect, or a compensation, or a person's item: what its orchestrator knows.

    Return how many there are of each.
    """
    calls = {row.call_id: row for row in session.scalars(select(OutgoingCallRow))}
    waiting = Counter(session.scalars(select(ReviewItemRow.call_id).where(ReviewItemRow.status != "done")))
    verified = Counter(row.subject for row in session.scalars(select(AuditRow).filter_by(action="effect.verified")))
    done = {each["webhook_id"]: each["outcome"] for each in effects if is_told(each["webhook_id"], reports)}
    found = Counter[str]()
    for call in (each for each in calls.values() if each.compensates is None):
        undoing = calls.get(f"{call.call_id.removesuffix('1')}compensate")
        expected = "with_person"
        if done.get(call.call_id) == "done":
            expected = "verified"
        elif undoing is not None and done.get(undoing.call_id) == "done":
            expected = "compensated"
        assert call.effect == expected, (call.call_id, call.effect, expected, call.effect_because)
        assert waiting[call.call_id] == (expected == "with_person")
        assert verified[f"call:{call.call_id}"] == (expected == "verified")
        in_part = done.get(call.call_id) == "partial" and call.branch == Branch.ESCALATE
        assert (undoing is not None) == in_part
        found[expected] += 1
    reported = Counter(session.scalars(select(OutcomeRow.call_id)))
    assert reported == Counter(done.keys()), "each report is counted once"
    return dict(found)


def is_told(call_id: str, reports: ReportSettings) -> bool:
    return reports.telling_of(call_id) is not Telling.NEVER


def check_budgets(session: Session, amount: int) -> None:
    """Each message is counted once and in its turn, and none goes to a customer for whom the branch rests."""
    told = {row.call_id: row for row in session.scalars(select(OutgoingCallRow).filter_by(branch="notify"))}
    uses = list(session.scalars(select(BudgetUseRow)))
    assert once(use.call_id for use in uses) == told.keys()
    assert {(use.budget, use.amount_millionths) for use in uses} == {("messages", MILLION)}
    takings = list(session.scalars(select(BranchTakingRow)))
    assert once(taking.call_id for taking in takings) == told.keys()
    assert len({taking.key_digest for taking in takings}) == len(takings)
    left = amount
    for decision in session.scalars(select(DecisionRow).order_by(DecisionRow.sequence)):
        assert json.loads(decision.body)["context"]["capacity"] == {"messages": left}
        left -= decision.branch == "notify"
    assert left == max(amount - len(told), 0)


def check_the_record(session: Session, database_url: str) -> None:
    """The chain is whole, and every decision comes out of its record byte for byte."""
    found = verify(session)
    assert found.problems == ()
    app = typer.Typer()
    register(app)
    app.callback()(lambda: None)  # or the only command would have no name
    result = CliRunner().invoke(app, ["replay", "--json", "--database", database_url])
    told: dict[str, Any] = json.loads(result.stdout)
    assert (result.exit_code, told) == (0, {"decisions": found.decisions, "equal": found.decisions, "failed": []})


def once(names: Iterable[str | None]) -> set[str | None]:
    """Return names, none of which may come twice."""
    counted = Counter(names)
    assert set(counted.values()) <= {1}, [name for name, times in counted.items() if times > 1]
    return set(counted)
