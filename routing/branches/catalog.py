"""The branches there are, each with the facts it needs, its own settings and the builder of its payload.

A new branch is one file beside this one, one line here, one word in `features.vocabulary.Branch` and its place in
`routing.subjects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from features.vocabulary import Branch
from routing.branches import (
    approve,
    dispute,
    escalate,
    expedite,
    hold_wave,
    notify,
    reallocate,
    rebook,
    review,
    short_pay,
    split,
    split_order,
    substitute,
)
from routing.branches.case import Infeasible, Payload
from routing.branches.plan import Plan
from routing.facts import FactType


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchKind:
    """What the code of a branch asks of a bundle.

    `columns` are the row columns it reads from its list facts; `may_use` are facts that it makes use of where a bundle
    declares them. `spends_money` is whether it commits money by its nature, whatever a bundle says. `proof` names the
    amount that must be proven, above zero, wherever a rule leads to it. `amount` is where its payload says what it
    commits at most, in minor units of the cost table's currency.
    """

    needs: Mapping[str, FactType]
    may_use: Mapping[str, FactType] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, FactType]] = field(default_factory=dict)
    spends_money: bool = False
    proof: str | None = None
    amount: str | None = None
    plan: type[Plan]
    build: Callable[..., Payload | Infeasible]


KINDS: Mapping[Branch, BranchKind] = {
    Branch.REVIEW: BranchKind(needs=review.NEEDS, plan=review.ReviewPlan, build=review.build),
    Branch.NOTIFY: BranchKind(needs=notify.NEEDS, plan=notify.NotifyPlan, build=notify.build),
    Branch.SPLIT: BranchKind(
        needs=split.NEEDS,
        may_use=split.MAY_USE,
        columns=split.COLUMNS,
        spends_money=True,
        plan=split.SplitPlan,
        build=split.build,
    ),
    Branch.REBOOK: BranchKind(
        needs=rebook.NEEDS,
        may_use=rebook.MAY_USE,
        columns=rebook.COLUMNS,
        spends_money=True,
        amount="price_limit_minor",
        plan=rebook.RebookPlan,
        build=rebook.build,
    ),
    Branch.ESCALATE: BranchKind(needs=escalate.NEEDS, plan=escalate.EscalatePlan, build=escalate.build),
    Branch.APPROVE: BranchKind(needs=approve.NEEDS, amount="pay_minor", plan=approve.ApprovePlan, build=approve.build),
    Branch.SHORT_PAY: BranchKind(
        needs=short_pay.NEEDS,
        columns=short_pay.COLUMNS,
        spends_money=True,
        proof="proven_minor",
        amount="pay_minor",
        plan=short_pay.ShortPayPlan,
        build=short_pay.build,
    ),
    Branch.DISPUTE: BranchKind(
        needs=dispute.NEEDS,
        columns=dispute.COLUMNS,
        proof="proven_minor",
        amount="claim_minor",
        plan=dispute.DisputePlan,
        build=dispute.build,
    ),
    Branch.HOLD_WAVE: BranchKind(needs=hold_wave.NEEDS, plan=hold_wave.HoldWavePlan, build=hold_wave.build),
    Branch.REALLOCATE: BranchKind(
        needs=reallocate.NEEDS, columns=reallocate.COLUMNS, plan=reallocate.ReallocatePlan, build=reallocate.build
    ),
    Branch.SUBSTITUTE: BranchKind(
        needs=substitute.NEEDS, columns=substitute.COLUMNS, plan=substitute.SubstitutePlan, build=substitute.build
    ),
    Branch.SPLIT_ORDER: BranchKind(
        needs=split_order.NEEDS, spends_money=True, plan=split_order.SplitOrderPlan, build=split_order.build
    ),
    Branch.EXPEDITE: BranchKind(
        needs=expedite.NEEDS, spends_money=True, plan=expedite.ExpeditePlan, build=expedite.build
    ),
}
