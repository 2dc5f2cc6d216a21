"""What a decision rests on besides facts, bundle and clock: what is left, what is ordered, what went before.

All of it is handed in and sealed with the decision, so that deciding stays a pure function and can be repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from features.vocabulary import Branch
from routing.canonical import rfc3339
from routing.causes import Watch
from routing.directives import Directive
from routing.together import Waiting


class Past(NamedTuple):
    """An earlier decision about the same subject: when, what happened, and which guardrails and rules had hit.

    A rule that hit and was snoozed had hit.
    """

    at: datetime
    branch: Branch
    hits: tuple[str, ...] = ()


class Context(NamedTuple):
    """The circumstances of a decision.

    Attributes
    ----------
    capacity
        What is left of each budget of the bundle, in its unit; a budget that is not named is untouched. Of one that is
        kept apart: of the part from which the case would take.
    directives
        What is ordered; those out of force are passed over.
    history
        Earlier decisions about the subject, oldest first.
    last_taken
        When a branch was last taken for the same key that its `cool_down` names, e.g. the same customer.
    watches
        What is known of the scopes that playbooks watch; one that is not named is untouched.
    subject_id
        Whom chance is drawn for, where the bundle explores; empty: nothing is drawn.
    overdue
        The parts of the bundle whose review is overdue, of those that change what is decided (`routing.overdue`).
    waiting
        Of a branch whose cases are told together: the message to which the case would belong, if one waits.
    """

    capacity: Mapping[str, float] = MappingProxyType({})
    directives: tuple[Directive, ...] = ()
    history: tuple[Past, ...] = ()
    last_taken: Mapping[Branch, datetime] = MappingProxyType({})
    watches: tuple[Watch, ...] = ()
    subject_id: str = ""
    overdue: tuple[str, ...] = ()
    waiting: Mapping[Branch, Waiting] = MappingProxyType({})

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types, leaving out what is empty."""
        written: dict[str, object] = {
            "capacity": dict(self.capacity),
            "directives": [each.as_json() for each in self.directives],
            "history": [
                {"at": rfc3339(past.at), "branch": past.branch.value, "hits": list(past.hits)} for past in self.history
            ],
            "last_taken": {branch.value: rfc3339(at) for branch, at in self.last_taken.items()},
            "watches": [each.as_json() for each in self.watches],
            "subject_id": self.subject_id,
            "overdue": list(self.overdue),
            "waiting": {branch.value: each.as_json() for branch, each in self.waiting.items()},
        }
        return {name: value for name, value in written.items() if value}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no context.
        """
        return cls(
            capacity=dict(written.get("capacity", {})),
            directives=tuple(Directive.from_json(each) for each in written.get("directives", ())),
            history=tuple(
                Past(at=datetime.fromisoformat(past["at"]), branch=Branch(past["branch"]), hits=tuple(past["hits"]))
                for past in written.get("history", ())
            ),
            last_taken={
                Branch(branch): datetime.fromisoformat(at) for branch, at in written.get("last_taken", {}).items()
            },
            watches=tuple(Watch.from_json(each) for each in written.get("watches", ())),
            subject_id=str(written.get("subject_id", "")),
            overdue=tuple(written.get("overdue", ())),
            waiting={Branch(branch): Waiting.from_json(each) for branch, each in written.get("waiting", {}).items()},
        )


NO_CONTEXT = Context()
"""Nothing is used up, nothing is ordered, nothing went before."""
