"""The engine: `decide(policy, facts, now)`. Pure and total: equal input gives an equal choice, and any facts give one.

How a choice comes about
------------------------
1. Facts are held against their declarations: each is known, unknown or wrong (a wrong one counts as unknown).
2. Every guardrail and every rule is evaluated and recorded: `hit`, `no_hit`, `unknown`, or `error` (unknown because a
   fact is wrong).
3. A guardrail that hits decides, the first in the document's order. Else the strongest branch among the rules that hit
   is *recommended*: priority only rises, a later rule cannot lower it. If none hits, but a rule is undetermined, the
   bundle's `on_unknown` (review) is recommended, else its `default`.
4. The recommended branch is *carried out*, or held back to review or none by the first of these that fails: the mode
   is not `observe`; nothing as strong was recommended for this subject before; its latest useful moment lies ahead;
   every guardrail is determined, and so is what was done before; the facts it requires are known and its payload can
   be built; it spends no money while a stronger rule is undetermined; its mode lets it act.

Unknown never leads to an irreversible action
---------------------------------------------
A branch that spends money is carried out only if a rule hits by known facts alone, every guardrail is determined, and
every rule of a stronger branch is determined. By Kleene's logic each of these stays as it is when unknown facts become
known, so whatever the missing facts turn out to be, the same branch would have been chosen. A branch that spends
nothing is not held up by a stronger rule that is undetermined: waiting would help nobody; the rule is noted.

What "taken" means
------------------
The fact `strongest_branch_taken` is the strongest `recommended_branch` of the earlier choices for the subject whose
`branch` was not none. What was put before a person as a suggestion counts as taken: that person settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from features.vocabulary import Branch
from routing.carrying import carry_out
from routing.errors import NaiveTimeError
from routing.evaluation import Pick, RuleResult, evaluate, open_facts, pick
from routing.facts import ReadFacts
from routing.policy import Mode, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is decided for one case.

    `recommended_branch` is what the rules say, `branch` what happens. They differ when `held_because` (it went to
    review) or `suppressed_because` (nothing happens) says why. `mode` is how far the recommended branch may go by
    itself. `missing` maps each fact that stood in the way to the reason. `notes` name the rules that might have
    mattered and could not be determined. `payload` is what the branch needs, in plain JSON types.
    """

    decided_at: datetime
    branch: Branch
    recommended_branch: Branch
    decided_by: str
    mode: Mode
    rule_results: tuple[RuleResult, ...]
    reason_staff: str
    reason_customer: str
    payload: Mapping[str, object]
    held_because: str | None
    suppressed_because: str | None
    latest_useful_at: datetime | None
    missing: Mapping[str, str]
    notes: tuple[str, ...]


def decide(policy: Policy, facts: Mapping[str, object], now: datetime) -> Choice:
    """Decide one case.

    Parameters
    ----------
    policy
        A loaded bundle.
    facts
        Facts by name. Whatever is missing or wrong among them becomes unknown; nothing in them raises.
    now
        The moment of the decision, aware.

    Raises
    ------
    NaiveTimeError
        If `now` has no zone. Nothing else is raised.
    """
    if now.utcoffset() is None:
        raise NaiveTimeError("now", now)
    now = now.astimezone(UTC)
    read = policy.reader.read(facts)
    guardrails = [evaluate(rule, read) for rule in policy.guardrails]
    rules = [evaluate(rule, read) for rule in policy.rules]
    picked = pick(policy, guardrails, rules)
    outcome = carry_out(policy, picked, read, _missing(policy, picked, read), now)
    return Choice(
        decided_at=now,
        branch=outcome.branch,
        recommended_branch=picked.branch,
        decided_by=outcome.decided_by,
        mode=policy.mode if picked.branch is Branch.NONE else policy.branches[picked.branch].mode,
        rule_results=(*guardrails, *rules),
        reason_staff=outcome.reason_staff,
        reason_customer=outcome.reason_customer,
        payload=outcome.payload,
        held_because=outcome.held_because,
        suppressed_because=outcome.suppressed_because,
        latest_useful_at=outcome.latest_useful_at,
        missing=outcome.missing,
        notes=_notes(picked),
    )


def _missing(policy: Policy, picked: Pick, read: ReadFacts) -> dict[str, str]:
    """Name the facts for want of which a rule that might have mattered is undetermined."""
    wanting = {result.rule_id for result in (*picked.open_guardrails, *picked.open_rules)}
    if not wanting:
        return {}
    rules = (rule for rule in (*policy.guardrails, *policy.rules) if rule.id in wanting)
    return {name: read.why_missing(name) for rule in rules for name in open_facts(rule, read)}


def _notes(picked: Pick) -> tuple[str, ...]:
    return tuple(
        f"{result.rule_id} ({result.branch}) could not be determined: {result.why}"
        for result in (*picked.open_guardrails, *picked.open_rules)
    )
