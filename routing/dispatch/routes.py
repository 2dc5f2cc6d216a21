"""Which target takes which calls: by the type of the event, or by the branch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import NamedTuple

from features.vocabulary import Branch, SubjectType
from routing.dispatch.envelope import COMPENSATION_PREFIX, type_of
from routing.subjects import called_branches


class CallKind(NamedTuple):
    """Calls that go the same way: about what, of which branch, and whether they undo another."""

    subject: SubjectType
    branch: Branch
    undoes: bool = False

    @property
    def type(self) -> str:
        """The type of the event, e.g. `freight.invoice.approve`."""
        return COMPENSATION_PREFIX + self.branch.value if self.undoes else type_of(self.subject, self.branch)

    def __str__(self) -> str:
        return f"{self.type} about {self.subject}s" if self.undoes else self.type


def kinds_of(subject: SubjectType, branches: Collection[Branch]) -> tuple[CallKind, ...]:
    """Return the calls that branches of a subject may make, those that undo included."""
    called = [branch for branch in called_branches(subject) if branch in branches]
    return tuple(CallKind(subject, branch, undoes) for branch in called for undoes in (False, True))


def to_owners(subject: SubjectType) -> CallKind:
    """Return the call by which owners are told of what is about no case of a subject."""
    return CallKind(subject, Branch.ESCALATE)


ALL_KINDS = tuple(
    dict.fromkeys(
        kind for subject in SubjectType for kind in (*kinds_of(subject, called_branches(subject)), to_owners(subject))
    )
)
"""Every call that there can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Calls that go to one target: of these branches, or of types that fit one of these patterns (`*` is any text)."""

    target: str
    branches: frozenset[Branch] = frozenset()
    types: tuple[str, ...] = ()

    def takes(self, kind: CallKind) -> bool:
        """Tell whether a call goes this way."""
        return kind.branch in self.branches or any(fnmatchcase(kind.type, each) for each in self.types)


@dataclass(frozen=True)
class Routes:
    """The way of every call: the first route that takes it, or else the target named `otherwise`."""

    routes: Sequence[Route]
    otherwise: str | None = None

    @cached_property
    def by_target(self) -> Mapping[str, frozenset[CallKind]]:
        """The calls that each target takes."""
        found: dict[str, set[CallKind]] = {}
        for kind in ALL_KINDS:
            target = self.target_of(kind)
            if target is not None:
                found.setdefault(target, set()).add(kind)
        return {target: frozenset(kinds) for target, kinds in found.items()}

    def target_of(self, kind: CallKind) -> str | None:
        """Return the target that takes a call; None if none does."""
        return next((route.target for route in self.routes if route.takes(kind)), self.otherwise)

    def without_target(self, kinds: Iterable[CallKind]) -> tuple[CallKind, ...]:
        """Return those of some calls that no target takes, in the order in which they are listed above."""
        asked = set(kinds)
        return tuple(kind for kind in ALL_KINDS if kind in asked and self.target_of(kind) is None)

    def idle(self) -> tuple[int, ...]:
        """Return the places of the routes that no call goes by: nothing fits them, or those before take it all."""
        used = {
            next((place for place, route in enumerate(self.routes) if route.takes(kind)), None) for kind in ALL_KINDS
        }
        return tuple(place for place in range(len(self.routes)) if place not in used)
