"""What a bundle would change on the whole: counted, in money, in messages and in analyst minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from features.vocabulary import Branch
from routing.branches.catalog import KINDS
from routing.canonical import canonical_json, jsonable
from routing.context import Context
from routing.engine import Choice
from routing.facts import Unknown
from routing.policy import Policy
from routing.preview.comparing import Compared
from routing.preview.spending import Spending, Without
from routing.preview.telling import Grouped, Telling
from routing.scarcity import Scarcity, Windows
from routing.subjects import BRANCHES_OF

_MILLION = 1_000_000
_OPTIONAL = frozenset(name for kind in KINDS.values() for name in kind.may_use)


@dataclass(slots=True)
class Summary:
    """The sum of a preview, by the bundle's own cost table.

    `cost_before` and `cost_after` are expected costs, in millionths of a minor unit, of the flips that can be priced;
    `unpriced` counts the others. `absent` counts facts that the bundle declares and the record does not hold: they are
    unknown to it; what a branch merely makes use of may be absent. `passed_over` counts branches for which too little
    was left, or which were forbidden. `drawn_before` and `drawn_after` count decisions in which chance took something
    else than the rules. `told_before` and `told_after` count messages to customers: one for several counts once, and
    one of which nobody is left, as all were decided about anew before it went out, does not.
    `spending` tells how much of each budget is used and who goes without, `scarcity` what a unit more of it would have
    saved within its hours; both are of decisions that rest on what the bundle itself has used up before.
    """

    policy: Policy
    decisions: int = 0
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    before: Counter[Branch] = field(default_factory=Counter)
    after: Counter[Branch] = field(default_factory=Counter)
    cost_before: int = 0
    cost_after: int = 0
    unpriced: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[Branch] = field(default_factory=Counter)
    drawn_before: int = 0
    drawn_after: int = 0
    told_before: Telling = field(default_factory=Telling)
    told_after: Telling = field(default_factory=Telling)
    spending: Spending = field(init=False)
    scarcity: Windows = field(init=False)
    _asked_for: list[str] = field(init=False, repr=False)
    _at_most: int | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Look up which facts a record must hold, and begin the first windows of budgets."""
        self.spending, self.scarcity = Spending(self.policy), Windows(self.policy)
        notify = self.policy.branches.get(Branch.NOTIFY)
        if notify is not None and notify.together is not None:
            self._at_most = notify.together.at_most
        facts = self.policy.facts.items()
        self._asked_for = [name for name, each in facts if each.when_absent is None and name not in _OPTIONAL]

    def add(self, compared: Compared) -> None:
        """Count one decision in."""
        self.decisions += 1
        self.before[compared.before.branch] += 1
        self.after[compared.after.branch] += 1
        for passed in compared.choice.passed_over:
            self.passed_over[passed.branch] += 1
        if compared.context is not None:
            self.spend(compared.choice, compared.context)
        explored = compared.choice.explored
        self.drawn_before += compared.was_drawn
        self.drawn_after += explored is not None and explored.is_otherwise
        self._tell(compared)
        for name in self._asked_for:
            if name not in compared.facts:
                self.absent[name] += 1
        if compared.why is None:
            return
        self.flips[str(compared.before), str(compared.after)] += 1
        self.reasons[compared.why] += 1
        if compared.before.branch is not compared.after.branch:
            self._price(compared)

    def spend(self, choice: Choice, context: Context) -> Without | None:
        """Count in what a decision uses of the budgets, made in a context that tells what the bundle itself has left.

        Return what it would have come to, if it comes to something else for want of budget.
        """
        self.scarcity.add(choice, context)
        return self.spending.add(choice, context)

    @property
    def flipped(self) -> int:
        """How many decisions come to something else."""
        return sum(self.flips.values())

    @property
    def messages_before(self) -> int:
        """How many messages went to customers."""
        return self.told_before.count

    @property
    def messages_after(self) -> int:
        """How many messages would go to customers."""
        return self.told_after.count

    def letters(self, taken: Mapping[Branch, int]) -> int:
        """Return how many disputes are put to carriers, of branches that were taken so often."""
        return taken.get(Branch.DISPUTE, 0)

    def analyst_minutes(self, taken: Mapping[Branch, int]) -> float:
        """Return how many minutes people spend, by the bundle's own terms, on branches that were taken so often."""
        offers = self.policy.offers
        return sum(offers[branch].analyst_minutes * count for branch, count in taken.items() if branch in offers)

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {
            "policy": {"name": self.policy.name, "version": self.policy.version, "digest": self.policy.digest},
            "decisions": self.decisions,
            "flipped": self.flipped,
            "flips": [
                {"before": before, "after": after, "count": count}
                for (before, after), count in self.flips.most_common()
            ],
            "reasons": [{"why": why, "count": count} for why, count in self.reasons.most_common()],
            "branches": {
                branch.value: {"before": self.before[branch], "after": self.after[branch]}
                for branch in BRANCHES_OF[self.policy.subject]
            },
            "messages": {"before": self.messages_before, "after": self.messages_after},
            "letters_to_carriers": {"before": self.letters(self.before), "after": self.letters(self.after)},
            "analyst_minutes": {
                "before": self.analyst_minutes(self.before),
                "after": self.analyst_minutes(self.after),
            },
            "expected_cost_of_flips_minor": {
                "before": round(self.cost_before / _MILLION),
                "after": round(self.cost_after / _MILLION),
                "currency": self.policy.costs.currency,
                "unpriced": self.unpriced,
            },
            "passed_over": {branch.value: count for branch, count in sorted(self.passed_over.items())},
            "budgets": {
                name: {**self.spending.as_json(name), **_priced(windows)}
                for name, windows in self.scarcity.windows().items()
            },
            "drawn_by_chance": {"before": self.drawn_before, "after": self.drawn_after},
            "absent_facts": dict(sorted(self.absent.items())),
        }

    def _tell(self, compared: Compared) -> None:
        """Count in whom is told by a decision, before and after."""
        joined, in_shadow = compared.choice.together, compared.context is None
        after = None
        if joined is not None:
            by = canonical_json(jsonable(dict(joined.by)))
            after = Grouped(by, joined.joins is not None, joined.sends_at)
        for telling, taken, grouped, unheard in (
            (self.told_before, compared.before, compared.told_with, False),
            (self.told_after, compared.after, after, in_shadow),
        ):
            telling.decided(compared.subject_id, compared.decided_at)
            if taken.branch is Branch.NOTIFY:
                most = self._at_most if unheard else None
                telling.told(compared.subject_id, compared.decided_at, grouped, in_shadow=unheard, at_most=most)

    def _price(self, compared: Compared) -> None:
        known = self.policy.reader.read(compared.facts).known
        offers = [self.policy.offers.get(taken.branch) for taken in (compared.before, compared.after)]
        costs = [None if offer is None else self.policy.costs.exact_cost(offer, known) for offer in offers]
        before, after = costs
        if before is None or after is None or isinstance(before, Unknown) or isinstance(after, Unknown):
            self.unpriced += 1
            return
        self.cost_before += before
        self.cost_after += after


def _priced(windows: Sequence[Scarcity]) -> dict[str, object]:
    """Write how scarce a budget was, over its windows; nothing if there are none, as where costs do not choose."""
    if not windows:
        return {}
    prices = [window.shadow_price_minor for window in windows]
    return {
        "windows": len(windows),
        "scarce_windows": sum(window.went_without > 0 for window in windows),
        "went_without": sum(window.went_without for window in windows),
        "shadow_price_minor": {"mean": round(sum(prices) / len(prices), 2), "most": round(max(prices), 2)},
    }
