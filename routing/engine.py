"""The engine: `decide(policy, facts, now, context)`. Pure and total: equal input gives an equal choice, any facts one.

How a choice comes about
------------------------
0. If the context says that parts of the bundle are overdue, it decides as it does then (`routing.overdue`).
1. Facts are held against their declarations: each is known, unknown or wrong (a wrong one counts as unknown). Rows that
   a directive excludes are taken out.
2. Every guardrail and every rule is evaluated and recorded: `hit`, `no_hit`, `unknown`, `error` (unknown because a fact
   is wrong) or `snoozed` (it hits, but is not to count for a while, or has yet to be confirmed). One that hit the
   last time holds on by the release values of its thresholds.
3. A guardrail that hits decides, the first in the document's order. Else a branch is chosen among those of the rules
   that hit: the strongest, or the one of least expected cost, whichever the bundle says. A branch that is forbidden, or
   for which too little is left of a budget, is passed over for the next; if all are, a person decides about the first.
   The chosen branch is *recommended*. If no rule hits, but one is undetermined, the bundle's `on_unknown` (review) is
   recommended, else its `default`.
4. A common cause that a playbook watches for may stand for the case, be declared or be over by it. A branch that it
   suspends is held then, unless a guardrail decided: nothing is done about the case by itself.
5. The recommended branch is *carried out*, or held back to review or none by the first of these that fails: such cases
   are not suppressed; the mode is not `observe`; nothing as strong was recommended for this subject before; the branch
   does not rest for this customer, say; its latest useful moment lies ahead;
   every guardrail is determined, and so is what was done before; the facts it requires are known and its payload can
   be built; it spends no money while a stronger rule is undetermined, nor while it cannot be told what the branches
   cost that were to be chosen by cost, whether one that came before may be taken or whether an order silences it; its
   mode lets it act; it commits no more than may be committed without a person.
6. Where the bundle explores, and the recommended branch would be carried out, chance may take another one that is
   declared equally safe (`routing.exploration`). It is recommended then.

Unknown never leads to an irreversible action
---------------------------------------------
A branch that spends money is carried out only if a rule hits by known facts alone, every guardrail is determined,
every rule of a stronger branch is determined, and so is what puts it before the others that hit. By Kleene's logic each
of these stays as it is when unknown facts become known, so whatever the missing facts turn out to be, the same branch
would have been chosen; rows of a list that may be excluded count as excluded. A branch that spends nothing is not held
up by a stronger rule that is undetermined: waiting would help nobody; the rule is noted.

What "taken" means
------------------
The fact `strongest_branch_taken` is the strongest `recommended_branch` of the earlier choices for the subject whose
`branch` was not none. What was put before a person as a suggestion counts as taken: that person settles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from features.vocabulary import Branch
from routing.carrying import Circumstances, carry_out
from routing.causes import TURNS, Finding, Verdict, findings_of
from routing.choosing import Chosen, PassedOver, choose, want_of_capacity
from routing.context import NO_CONTEXT, Context
from routing.directives import NOTHING, Standing, in_force
from routing.errors import NaiveTimeError
from routing.evaluation import (
    Pick,
    RuleOutcome,
    RuleResult,
    Trace,
    evaluate,
    open_facts,
    pick,
    snooze,
    undecided,
    weightier,
    why_open,
)
from routing.exploration import Ending, Explored, explore
from routing.facts import ReadFacts, Unknown
from routing.parents import Parent, parents_of
from routing.policy import Choosing, Mode, Policy
from routing.together import Joined

_NO_HITS: frozenset[str] = frozenset()
"""The rules that had hit where nothing went before."""


class Choice(NamedTuple):
    """What is decided for one case.

    `recommended_branch` is what the rules say, `branch` what happens. They differ when `held_because` (it went to
    review) or `suppressed_because` (nothing happens) says why. `mode` is how far the recommended branch may go by
    itself. `missing` maps each fact that stood in the way to the reason. `notes` name the rules that might have
    mattered and could not be determined. `payload` is what the branch needs, in plain JSON types. `passed_over` are the
    branches that came first and were not taken, `uses` what the branch takes from the budgets, `applied` the directives
    without which the case would have gone otherwise. `findings` say how the scopes of the case stand, `cause` is the
    one that holds it, `parents` are the causes that are declared by it. `explored` is set if the case was open to
    chance. `together` says with what it is told, where cases are told in one message.
    """

    decided_at: datetime
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    mode: Mode
    trace: Trace
    reason_staff: str
    reason_customer: str
    payload: Mapping[str, object]
    held_because: str | None
    suppressed_because: str | None
    latest_useful_at: datetime | None
    missing: Mapping[str, str]
    notes: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]
    uses: Mapping[str, float]
    applied: tuple[str, ...]
    findings: tuple[Finding, ...]
    cause: Finding | None
    parents: tuple[Parent, ...]
    explored: Explored | None
    together: Joined | None

    @property
    def rule_results(self) -> tuple[RuleResult, ...]:
        """What became of every guardrail and rule, in the order of the document, and why; written anew each time."""
        return self.trace.results()

    @property
    def propensity(self) -> float:
        """The probability with which this was to be decided."""
        return 1.0 if self.explored is None else self.explored.propensities[self.branch]


def decide(policy: Policy, facts: Mapping[str, object], now: datetime, context: Context = NO_CONTEXT) -> Choice:
    """Decide one case.

    Parameters
    ----------
    policy
        A loaded bundle.
    facts
        Facts by name. Whatever is missing or wrong among them becomes unknown; nothing in them raises.
    now
        The moment of the decision, aware.
    context
        What is left of the budgets, what is ordered, what went before.

    Raises
    ------
    NaiveTimeError
        If `now` has no zone. Nothing else is raised.
    """
    return decide_read(policy, policy.reader.read(facts), now, context)


def decide_read(policy: Policy, read: ReadFacts, now: datetime, context: Context = NO_CONTEXT) -> Choice:
    """Decide one case whose facts were held against the bundle's declarations already; see `decide`.

    Rows that a directive excludes are taken out of `read`, in place.
    """
    if now.utcoffset() is None:
        raise NaiveTimeError("now", now)
    now = now.astimezone(UTC)
    policy = policy.as_overdue(context.overdue) if context.overdue else policy
    standing = in_force(context.directives, now) if context.directives else NOTHING
    applied = standing.exclude_rows(read.known)
    before = frozenset(context.history[-1].hits) if context.history else _NO_HITS
    guardrails, rules = evaluate(policy.guardrails, read, before), evaluate(policy.rules, read, before)
    snoozed: dict[str, str] = {}
    for place, rule in enumerate(policy.rules):
        if (rule.confirm is not None or standing is not NOTHING) and rules[place] is RuleOutcome.HIT:
            snoozing = snooze(rule, read, context, standing, now)
            if snoozing is not None:
                rules[place] = RuleOutcome.SNOOZED
                snoozed[rule.id] = snoozing.because
                applied += [] if snoozing.directive is None else [snoozing.directive]
    picked = pick(policy, guardrails, rules)
    chosen = _chosen(policy, picked, read, context, standing)
    if chosen is not None:
        rule, still_open = chosen.rule, weightier(policy, undecided(policy.rules, rules), chosen.rule.branch)
        picked = picked._replace(branch=rule.branch, decided_by=rule.id, words=rule, open_rules=still_open)
        picked = picked._replace(unsure=_unsure(policy, picked, read, chosen, standing))
        applied.extend(chosen.applied)
    findings: tuple[Finding, ...] = ()
    if policy.playbooks:
        findings = findings_of(policy.playbooks, context.watches, read.known, now, subject=policy.subject)
    turns = [each for each in findings if each.verdict in TURNS]
    declared = [each for each in turns if each.verdict is Verdict.DECLARED]
    at = Circumstances(now, context, standing, findings)
    barred = None if chosen is None else chosen.barred_because
    missing = _missing(picked, read)
    ending, explored = Ending(picked, carry_out(policy, picked, read, missing, at, barred)), None
    if policy.exploration is not None:
        ending, explored = explore(policy, ending, read, missing, at)
    picked, outcome = ending
    return Choice(
        decided_at=now,
        branch=outcome.branch,
        recommended_branch=picked.branch,
        decided_by=outcome.decided_by,
        mode=outcome.mode,
        trace=Trace(policy.guardrails, policy.rules, (*guardrails, *rules), read, before, snoozed),
        reason_staff=outcome.reason_staff,
        reason_customer=outcome.reason_customer,
        payload=outcome.payload,
        held_because=outcome.held_because,
        suppressed_because=outcome.suppressed_because,
        latest_useful_at=outcome.latest_useful_at,
        missing=outcome.missing,
        notes=_notes(policy, picked, read, turns),
        passed_over=() if chosen is None else chosen.passed_over,
        uses=outcome.uses,
        applied=tuple(dict.fromkeys((*applied, *outcome.applied))),
        findings=findings,
        cause=outcome.cause,
        parents=parents_of(policy, declared, read.known, now, context, standing, used=outcome.uses) if declared else (),
        explored=explored,
        together=outcome.together,
    )


def _chosen(policy: Policy, picked: Pick, read: ReadFacts, context: Context, standing: Standing) -> Chosen | None:
    """Choose among the rules that hit; None if there is nothing to choose, or nothing that could change the choice."""
    if not picked.hits:
        return None
    is_plain = policy.choosing is Choosing.STRONGEST and standing is NOTHING
    if is_plain and want_of_capacity(policy, picked.branch, read.known, context, standing) is None:
        return None  # the strongest is picked already
    return choose(policy, picked.hits, read.known, context, standing)


def _unsure(policy: Policy, picked: Pick, read: ReadFacts, chosen: Chosen, standing: Standing) -> str | None:
    """Say why it cannot be told that the chosen branch comes first, or is not silenced; None if it can."""
    unsure = _unpriced(policy, picked, read) or chosen.unsure
    perhaps = None if unsure else standing.silencing_perhaps(chosen.rule.id, read.known)
    return unsure if perhaps is None else f"whether it is to be left alone cannot be told; {perhaps.because}"


def _unpriced(policy: Policy, picked: Pick, read: ReadFacts) -> str | None:
    """Say that costs were to decide and could not."""
    if policy.choosing is Choosing.STRONGEST or len({rule.branch for rule in picked.hits}) < 2:
        return None
    stake = policy.costs.stake_of(read.known)
    if not isinstance(stake, Unknown):
        return None
    return f"expected costs cannot be told ({stake.reason}); the strongest branch is taken"


def _missing(picked: Pick, read: ReadFacts) -> dict[str, str]:
    """Name the facts for want of which a rule that might have mattered is undetermined."""
    undetermined = (*picked.open_guardrails, *picked.open_rules)
    return {name: read.why_missing(name) for rule in undetermined for name in open_facts(rule, read)}


def _notes(policy: Policy, picked: Pick, read: ReadFacts, turns: Sequence[Finding]) -> tuple[str, ...]:
    """Say what could not be determined or priced, which causes begin or end by this case, and what is overdue."""
    undetermined = [
        f"{rule.id} ({rule.branch}) could not be determined: {why_open(rule, read)}"
        for rule in (*picked.open_guardrails, *picked.open_rules)
    ]
    unpriced, because = _unpriced(policy, picked, read), [each.because for each in turns]
    return (*undetermined, *([] if unpriced is None else [unpriced]), *because, *policy.notices)
