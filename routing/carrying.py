"""Carrying out what the rules recommend, or holding it back: once, in time, with all it needs, as far as allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from features.vocabulary import Branch
from routing.branches.case import Case, Infeasible, Payload, Suggestion
from routing.canonical import jsonable, rfc3339
from routing.causes import Finding
from routing.choosing import effective_mode
from routing.context import Context
from routing.directives import Standing
from routing.evaluation import Pick, why_open
from routing.facts import STRONGEST_BRANCH_TAKEN, ReadFacts
from routing.overdue import in_words
from routing.policy import BranchTerms, Mode, Policy
from routing.together import Joined, join
from routing.wording import money

_NONE, _REVIEW, _OBSERVE = Branch.NONE, Branch.REVIEW, Mode.OBSERVE


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What happens with a recommended branch. Filled in here, then read once."""

    branch: Branch
    decided_by: str
    reason_staff: str
    reason_customer: str
    payload: Mapping[str, object]
    held_because: str | None = None
    suppressed_because: str | None = None
    latest_useful_at: datetime | None = None
    missing: Mapping[str, str]
    mode: Mode
    uses: Mapping[str, float] = field(default_factory=dict)
    applied: tuple[str, ...] = ()
    cause: Finding | None = None
    together: Joined | None = None


class _Hold(NamedTuple):
    """Why a branch is not carried out, where the case goes instead, and what decided that."""

    because: str
    decided_by: str
    instead: Branch = Branch.REVIEW


class Circumstances(NamedTuple):
    """What a decision rests on besides facts and bundle. `findings` say which common causes stand."""

    now: datetime
    context: Context
    standing: Standing
    findings: Sequence[Finding] = ()

    def holding(self, branch: Branch) -> Finding | None:
        """Return the common cause that holds a branch, the first in the order of the bundle."""
        return next((each for each in self.findings if each.holds and branch in each.playbook.suspends), None)


def carry_out(
    policy: Policy, picked: Pick, read: ReadFacts, missing: Mapping[str, str], at: Circumstances, barred: str | None
) -> Outcome:
    """Carry out the recommended branch, or hold it back with the reason.

    Parameters
    ----------
    missing
        Facts for want of which rules are undetermined, with the reasons; an analyst is shown them.
    barred
        Why the branch may not or cannot be taken now, if so; a person decides then.
    """
    reason_staff = picked.words.sentence_staff.fill(read.known)
    reason_customer = picked.words.sentence_customer.fill(read.known)
    outcome = Outcome(
        branch=picked.branch,
        decided_by=picked.decided_by,
        reason_staff=reason_staff,
        reason_customer=reason_customer,
        payload={},
        missing=missing,
        mode=policy.mode,
    )
    if picked.branch is _NONE:
        return outcome
    terms = policy.branches[picked.branch]
    outcome.mode, limited_by = effective_mode(terms, read.known, at.standing)
    lacking = {name: read.why_missing(name) for name in terms.requires if name not in read.known}
    case = Case(
        branch=picked.branch,
        known=read.known,
        missing={**missing, **lacking} if lacking else missing,
        now=at.now,
        latest_useful_at=latest_useful_at(terms, read.known),
        costs=policy.costs,
        offer=terms.offer,
        approval_above_minor=terms.approval_above_minor,
        channels=policy.channels,
        reason_staff=reason_staff,
        reason_customer=reason_customer,
        why_missing=read.why_missing,
    )
    outcome.missing = case.missing
    outcome.latest_useful_at = case.latest_useful_at
    built = Infeasible("; ".join(lacking.values())) if lacking else build_payload(terms, case)
    payload = None if isinstance(built, Infeasible) else built
    silencing = at.standing.suppressing(read.known)
    if silencing is not None:
        hold: _Hold | None = _Hold(f"such cases are suppressed; {silencing.because}", picked.decided_by, Branch.NONE)
        outcome.applied = (silencing.id,)
    else:
        hold = _stop(policy, picked, terms, case, outcome.mode, at.context)
        if hold is None and picked.branch is not _REVIEW:
            hold = (
                _doubt(picked, terms, read, built)
                or _bar(barred, picked)
                or _leash(terms, outcome.mode, picked, read, at)
                or _above(terms, payload or {}, policy.costs.currency, picked)
            )
        outcome.applied = () if limited_by is None else (limited_by,)
        if not picked.is_guardrail and (hold is None or hold.instead is _REVIEW):
            outcome.cause = at.holding(picked.branch)
    if outcome.cause is not None:
        because = f"it is held as one of many with the same cause: {outcome.cause.because} ({outcome.cause.cause_id})"
        hold = _Hold(because, picked.decided_by, Branch.NONE)
    if hold is None:
        outcome.payload = payload or {}
        waiting = at.context.waiting.get(picked.branch)
        if terms.together is not None:
            outcome.together = join(terms.together, read.known, waiting, at.now, case.latest_useful_at)
        outcome.uses = terms.uses if waiting is None else {}
    else:
        _hold_back(policy, outcome, case, hold, payload)
    return outcome


def _stop(policy: Policy, picked: Pick, terms: BranchTerms, case: Case, mode: Mode, context: Context) -> _Hold | None:
    """Say what makes the branch pointless: it may not be shown, was done before, or comes too late."""
    if mode is _OBSERVE:
        return _Hold("mode observe only records what would be done", picked.decided_by, Branch.NONE)
    taken = case.known.get(STRONGEST_BRANCH_TAKEN)
    if taken is not None and policy.strength[taken] >= policy.strength[picked.branch]:
        reason = f"{taken} was taken or suggested before, which is as strong as {picked.branch} or stronger"
        return _Hold(reason, picked.decided_by, Branch.NONE)
    rest = terms.cool_down
    last = context.last_taken.get(picked.branch)
    joins = picked.branch in context.waiting
    if rest is not None and last is not None and case.now < last + rest.lasts and not joins:
        hours = rest.lasts.total_seconds() / 3600
        reason = f"{picked.branch} was taken at {rfc3339(last)} for the same {rest.key} and rests for {hours:g} hours"
        return _Hold(reason, picked.decided_by, Branch.NONE)
    latest = case.latest_useful_at
    if latest is not None and case.now >= latest:
        reason = f"the latest useful moment for {picked.branch} has passed ({rfc3339(latest)})"
        return _Hold(reason, picked.decided_by, terms.after_latest_useful)
    return None


def _doubt(picked: Pick, terms: BranchTerms, read: ReadFacts, built: Payload | Infeasible) -> _Hold | None:
    """Say what is not certain enough to act on."""
    if picked.open_guardrails:
        first = picked.open_guardrails[0]
        return _Hold(f"guardrail {first.id} could not be determined ({why_open(first, read)})", "unknown")
    if STRONGEST_BRANCH_TAKEN not in read.known:
        return _Hold(f"it is not certain what was done before ({read.why_missing(STRONGEST_BRANCH_TAKEN)})", "unknown")
    if isinstance(built, Infeasible):
        return _Hold(f"{picked.branch} cannot be carried out: {built.reason}", "branch_requirements")
    if terms.spends_money and picked.open_rules:
        first = picked.open_rules[0]
        reason = f"{picked.branch} spends money and rule {first.id} for {first.branch} could not be determined"
        return _Hold(f"{reason} ({why_open(first, read)})", "unknown")
    if terms.spends_money and picked.unsure is not None:
        return _Hold(f"{picked.branch} spends money, and {picked.unsure}", "unknown")
    return None


def _bar(barred: str | None, picked: Pick) -> _Hold | None:
    """Say what forbids the branch, or is used up."""
    return None if barred is None else _Hold(barred, picked.decided_by)


def _leash(terms: BranchTerms, mode: Mode, picked: Pick, read: ReadFacts, at: Circumstances) -> _Hold | None:
    """Say what the mode leaves to a person, and if that is so for what is overdue alone, say that."""
    if terms.acts(mode):
        return None
    if terms.written is not None and terms.acts(effective_mode(terms.written, read.known, at.standing)[0]):
        overdue = " and that of ".join(f"{in_words(review.part)} was due by {review.due}" for review in terms.waits_for)
        reason = (
            f"{terms.branch} spends money, and the review of {overdue}: until somebody has looked, a person decides"
        )
        return _Hold(reason, picked.decided_by)
    verb = "spends money, which" if terms.spends_money else "acts, which"
    return _Hold(f"{terms.branch} {verb} mode {mode} leaves to a person", picked.decided_by)


def _above(terms: BranchTerms, payload: Mapping[str, object], currency: str, picked: Pick) -> _Hold | None:
    """Say that it commits more than may be committed without a person."""
    amount = None if terms.amount is None else payload.get(terms.amount)
    if terms.approval_above_minor is None or not isinstance(amount, int) or amount <= terms.approval_above_minor:
        return None
    committed, limit = money(amount, currency), money(terms.approval_above_minor, currency)
    return _Hold(f"{terms.branch} commits {committed}, and above {limit} a person approves", picked.decided_by)


def _hold_back(policy: Policy, outcome: Outcome, case: Case, hold: _Hold, payload: Payload | None) -> None:
    """Send the case to review with the suggestion, or nowhere, and say why."""
    outcome.branch = hold.instead
    outcome.decided_by = hold.decided_by
    if hold.instead is Branch.NONE:
        outcome.suppressed_because = hold.because
        outcome.reason_staff += f" Nothing is done: {hold.because}."
        outcome.reason_customer = policy.default.sentence_customer.fill(case.known)
        return
    outcome.held_because = hold.because
    outcome.reason_staff += f" Held for review: {hold.because}."
    outcome.reason_customer = policy.on_unknown.sentence_customer.fill(case.known)
    question = case._replace(
        suggestion=None if case.branch is Branch.REVIEW else Suggestion(branch=case.branch, payload=payload),
        reason_staff=outcome.reason_staff,
        reason_customer=outcome.reason_customer,
    )
    built = build_payload(policy.branches[Branch.REVIEW], question)
    outcome.payload = {} if isinstance(built, Infeasible) else built


def latest_useful_at(terms: BranchTerms, known: Mapping[str, Any]) -> datetime | None:
    """Return the moment from which on a branch is of no use; None if it always is, or if that cannot be told."""
    if terms.latest_useful is None or terms.latest_useful.fact not in known:
        return None
    moment: datetime = known[terms.latest_useful.fact]
    return moment + terms.latest_useful.offset


def build_payload(terms: BranchTerms, case: Case) -> Payload | Infeasible:
    """Build what a branch needs: the facts its terms pass on, and what its own code adds."""
    built = terms.build(case)
    if isinstance(built, Infeasible):
        return built
    return {"facts": {name: jsonable(case.known.get(name)) for name in terms.payload}, **built}
