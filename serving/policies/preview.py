"""`triage policy preview`: what a bundle would have decided in the past, read from the ledger. It sends nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from features.vocabulary import Branch
from routing.policy import Policy
from routing.preview.comparing import Compared, compare
from routing.preview.summary import Summary
from routing.restating import restate
from routing.wording import money
from serving.policies.past import PastOfLedger


def preview(session: Session, policy: Policy, since: datetime, until: datetime) -> Iterator[Compared]:
    """Decide again, under a bundle, what was decided from `since` until just before `until`."""
    return preview_of(PastOfLedger(session, policy, since, until))


def preview_of(past: PastOfLedger) -> Iterator[Compared]:
    """Decide a past again, under the bundle that looks at it."""
    return compare(
        past.policy,
        past.decisions(),
        earlier_calls=past.earlier_calls(),
        calls_of_people=past.calls_of_people(),
        history_before=past.history_before,
        restate=partial(restate, policy=past.policy),
    )


def flip_as_json(compared: Compared) -> dict[str, object]:
    """Return one decision that comes to something else, in plain JSON types."""
    return {
        "decision_id": compared.decision_id,
        "subject_id": compared.subject_id,
        "decided_at": compared.decided_at.isoformat(),
        "before": str(compared.before),
        "after": str(compared.after),
        "why": compared.why,
        "reason_staff": compared.choice.reason_staff,
    }


def in_words(summary: Summary) -> list[str]:
    """Return a summary as lines to read."""
    lines = [f"{summary.decisions} decisions, {summary.flipped} come to something else."]
    lines += [f"{count:>8}  {before} → {after}" for (before, after), count in summary.flips.most_common()]
    lines += ["Why:"] if summary.reasons else []
    lines += [f"{count:>8}  {why}" for why, count in summary.reasons.most_common(20)]
    lines.append(
        f"Messages to customers: {summary.messages_before} → {summary.messages_after}. "
        f"Analyst minutes: {summary.analyst_minutes(summary.before):,.0f} → "
        f"{summary.analyst_minutes(summary.after):,.0f}."
    )
    if summary.letters(summary.before) or summary.letters(summary.after):
        letters = f"{summary.letters(summary.before)} → {summary.letters(summary.after)}"
        lines.append(f"Disputes put to carriers: {letters}.")
    before, after = (
        money(round(cost / 1e6), summary.policy.costs.currency) for cost in (summary.cost_before, summary.cost_after)
    )
    lines.append(
        f"Expected cost of what comes to something else: {before} → {after} ({summary.unpriced} cannot be priced)."
    )
    if summary.passed_over:
        lines.append(f"Passed over for want of budget or by order: {_counted(summary.passed_over)}.")
    lines += summary.spending.in_words()
    lines += _scarce(summary)
    if summary.drawn_before or summary.drawn_after:
        lines.append(f"Taken by chance instead: {summary.drawn_before} → {summary.drawn_after} times.")
    if summary.absent:
        lines.append(f"Not in the record, and so unknown: {_counted(summary.absent)}.")
    return lines


def _scarce(summary: Summary) -> list[str]:
    """Say what one more unit of each budget that some went without would have saved."""
    policy, lines = summary.policy, []
    for name, windows in summary.scarcity.windows().items():
        prices, budget = [each.shadow_price_minor for each in windows], policy.budgets[name]
        without = sum(each.went_without for each in windows)
        if without:
            mean, most = (
                money(round(each), policy.costs.currency) for each in (sum(prices) / len(prices), max(prices))
            )
            stretch = f"{len(windows)} windows of {budget.per / timedelta(hours=1):g} h"
            lines.append(
                f"One more of {name}, shared out at best, would have saved {mean} a window, at most {most} "
                f"({stretch}; {without} cases went without)."
            )
    return lines


def _counted(counts: Counter[str] | Counter[Branch]) -> str:
    return ", ".join(f"{name} {count} times" for name, count in counts.most_common())
