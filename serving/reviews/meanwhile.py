"""What a person lets out, held against what has come since the decision: what is ordered now, and what is known now.

The bundle of the decision judges both. What speaks against a branch refuses the answer, and the item stays open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from features.errors import FeatureError
from features.vocabulary import Branch, SubjectType
from routing.branches.case import Infeasible
from routing.carrying import latest_useful_at
from routing.directives import Standing, in_force
from routing.policy import Policy
from routing.recording import decode_facts
from serving.db.tables import ReviewItemRow
from serving.decisions.acting import Action, action_for, excluded_by, made_anew
from serving.decisions.anew import DecidesAnew, Held
from serving.directives import repository as directives
from serving.errors import NothingToDecideError, ServingError
from serving.reviews.errors import AnswerError, OvertakenError
from serving.reviews.reasons import ReasonCode

_ANEW = {
    SubjectType.SHIPMENT: "/v1/triage",
    SubjectType.INVOICE: "/v1/triage/invoices",
    SubjectType.SHORTAGE: "/v1/triage/shortages",
}
"""Where a subject is decided about anew, by its type."""


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """An item's case between its decision and now.

    Attributes
    ----------
    policy, body
        The bundle of the decision, as it decided, and what was sealed.
    standing
        What is ordered now.
    known
        The facts as they are known now, by that bundle; as they were sealed where this process cannot judge such cases.
    """

    row: ReviewItemRow
    policy: Policy
    body: Mapping[str, Any]
    standing: Standing
    known: Mapping[str, Any]
    now: datetime

    @classmethod
    def look(
        cls,
        session: Session,
        decider: DecidesAnew,
        row: ReviewItemRow,
        policy: Policy,
        body: Mapping[str, Any],
        now: datetime,
    ) -> Meanwhile:
        """Look at a case anew. The directives are held, so that none is given before the transaction ends.

        Raises
        ------
        OvertakenError
            If nothing is left to decide about it, or it cannot be looked at.
        """
        policy = policy.as_overdue(body.get("context", {}).get("overdue", ()))
        try:
            known = (
                decider.known_again(session, policy, Held(row.key, row.decision_id), now)
                if decider.can_decide
                else policy.reader.read(decode_facts(body["facts"])).known
            )
        except NothingToDecideError as error:
            why = f"{row.key.type} {row.key.id} is delivered, picked, cancelled or closed otherwise by now"
            raise OvertakenError(row.item_id, why, f"Dismiss it as {ReasonCode.ALREADY_HANDLED}.") from error
        except (FeatureError, ServingError) as error:
            why = f"what is known by now cannot be told ({str(error).rstrip('.')})"
            raise OvertakenError(row.item_id, why, "Dismiss it, or have it decided about anew.") from error
        standing = in_force(directives.standing(session, now, row.key.type), now)
        return cls(row, policy, body, standing, known, now)

    def accepted(self, action: Action) -> Action:
        """Return what was suggested, as it is to be carried out now.

        Raises
        ------
        OvertakenError
            If what is ordered or known by now speaks against it.
        """
        self._check(action.branch)
        self._check_rules(action.branch)
        facts, made_at = decode_facts(self.body["facts"]), datetime.fromisoformat(self.body["decided_at"])
        excluded = excluded_by(self.policy, action, facts, made_at=made_at, standing=self.standing)
        if excluded is not None:
            raise self._ordered(excluded)
        return self._in_time(made_anew(self.policy, action, facts, made_at=made_at, now=self.now))

    def overridden(self, branch: Branch, words: str) -> Action:
        """Return another branch, to be carried out now for the reason that is given in words.

        Raises
        ------
        OvertakenError
            If what is ordered or known by now speaks against it.
        AnswerError
            If it cannot be carried out with the facts of the decision.
        """
        self._check(branch)
        facts = decode_facts(self.body["facts"])
        action = action_for(self.policy, branch, facts, standing=self.standing, now=self.now, reason_staff=words)
        if isinstance(action, Infeasible):
            why = f"{branch} cannot be carried out: {action.reason}"
            raise AnswerError(self.row.item_id, why, "Choose another branch.")
        return self._in_time(action)

    def _check(self, branch: Branch) -> None:
        """Refuse a branch that is stopped, or where a guardrail says by now that nothing is to be done."""
        against = self.standing.against(branch, self.known) or self.standing.stopping(branch, self.known)
        if against is not None:
            raise self._ordered(against)
        for rule in self.policy.guardrails:
            if rule.branch is Branch.NONE and rule.when.test(self.known):
                why = f"guardrail {rule.id} hits by now: {rule.when.why(self.known, True)}"
                raise OvertakenError(self.row.item_id, why, "Dismiss it.")

    def _check_rules(self, branch: Branch) -> None:
        """Refuse what was suggested if a guardrail hits that did not, or if its rules hit no more, or are snoozed.

        A rule is asked again with what is yes or no about the case, such as whether it has left; how likely or how
        much is judged anew with every event, and would bar at every threshold what a person has made up their mind on.
        """
        hit = {each["rule_id"] for each in self.body["rules"] if each["outcome"] == "hit"}
        for rule in self.policy.guardrails:
            if rule.id not in hit and rule.when.test(self.known):
                raise self._changed(f"guardrail {rule.id} hits by now: {rule.when.why(self.known, True)}")
        rules = [rule for rule in self.policy.rules if rule.id in hit and rule.branch is branch]
        snoozing = [self.standing.snoozing(rule.id, self.known) for rule in rules]
        if rules and all(snoozing):
            raise self._ordered("; ".join(f"{each.rule} is snoozed, {each.because}" for each in snoozing if each))
        sealed = self.policy.reader.read(decode_facts(self.body["facts"])).known
        flags = {name: value for name, value in self.known.items() if isinstance(value, bool)}
        turned = [name for name, value in flags.items() if sealed.get(name) not in (None, value)]
        lost = [rule for rule in rules if rule.when.test(sealed) and rule.when.test({**sealed, **flags}) is False]
        if turned and lost and len(lost) == len(rules):
            told = ", ".join(f"{name} is {'yes' if flags[name] else 'no'}" for name in turned)
            raise self._changed(f"{rules[0].id} hits no more: {told} by now")

    def _in_time(self, action: Action) -> Action:
        """Bound an action by its latest useful moment as it is known now."""
        latest = latest_useful_at(self.policy.branches[action.branch], self.known)
        if latest is None:
            return action
        if latest <= self.now:
            raise self._changed(f"{action.branch} was of use until {latest.isoformat()}, as is known by now")
        ends = (latest, action.latest_useful_at or latest)
        return replace(action, latest_useful_at=min(ends))

    def _ordered(self, why: str) -> OvertakenError:
        todo = "Override it with another branch, dismiss it, or wait for the end."
        return OvertakenError(self.row.item_id, why, todo)

    def _changed(self, why: str) -> OvertakenError:
        anew = _ANEW[self.row.key.type]
        todo = f"Have it decided about anew (POST {anew}), override it with a branch, or dismiss it."
        return OvertakenError(self.row.item_id, why, todo)
