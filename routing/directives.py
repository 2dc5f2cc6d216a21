"""Directives: what people order for a while, beside the bundle. "Do not rebook to carrier X until Friday."

A directive never widens what a bundle allows. It takes rows out of a list, forbids a branch, silences a kind of case,
snoozes a rule or limits how far branches go by themselves; each has an owner, a reason and an end. Where it cannot be
told whether a case falls under it, whatever holds back applies and whatever silences does not, but no money is spent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from features.vocabulary import Branch
from routing.canonical import rfc3339
from routing.errors import listed
from routing.policy import Mode
from routing.segments import Value, Where, covers

STANDS = "is_current"
"""The column of a list of options that says which of them stands already."""


class DirectiveKind(StrEnum):
    """What a directive does."""

    EXCLUDE = "exclude"
    FORBID = "forbid"
    SUPPRESS = "suppress"
    SNOOZE = "snooze"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One directive, in force from `since` until just before `until` (None: until it is lifted).

    `where` are facts that a case must have; empty means every case. `branch` is what `forbid` forbids and what `limit`
    limits (None: all branches), `mode` how far, `rule` what `snooze` snoozes. `exclude` takes out the rows of the list
    `rows_of` whose `column` is `value`.
    """

    id: str
    kind: DirectiveKind
    owner: str
    reason: str
    since: datetime
    until: datetime | None = None
    where: Where = field(default_factory=dict)
    branch: Branch | None = None
    mode: Mode | None = None
    rule: str | None = None
    rows_of: str | None = None
    column: str | None = None
    value: Value | None = None

    def in_force(self, now: datetime) -> bool:
        """Tell whether it is in force at that moment."""
        return self.since <= now and (self.until is None or now < self.until)

    def covers(self, known: Mapping[str, Any]) -> bool | None:
        """Tell whether a case falls under it; None if that cannot be told."""
        return covers(self.where, known)

    @property
    def because(self) -> str:
        """Who ordered it, until when and why."""
        until = "until it is lifted" if self.until is None else f"until {rfc3339(self.until)}"
        return f"{self.owner} ordered it {until}: {self.reason}"

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types, leaving out what it does not use."""
        written: dict[str, object] = {
            "id": self.id,
            "kind": self.kind.value,
            "owner": self.owner,
            "reason": self.reason,
            "since": rfc3339(self.since),
            "until": None if self.until is None else rfc3339(self.until),
            "where": dict(self.where),
        }
        for name in ("branch", "mode", "rule", "rows_of", "column", "value"):
            value = getattr(self, name)
            if value is not None:
                written[name] = value.value if isinstance(value, StrEnum) else value
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no directive.
        """
        until = written["until"]
        return cls(
            id=str(written["id"]),
            kind=DirectiveKind(written["kind"]),
            owner=str(written["owner"]),
            reason=str(written["reason"]),
            since=datetime.fromisoformat(written["since"]),
            until=None if until is None else datetime.fromisoformat(until),
            where=dict(written["where"]),
            branch=None if written.get("branch") is None else Branch(written["branch"]),
            mode=None if written.get("mode") is None else Mode(written["mode"]),
            rule=written.get("rule"),
            rows_of=written.get("rows_of"),
            column=written.get("column"),
            value=written.get("value"),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The directives in force for one case."""

    directives: Sequence[Directive] = ()

    def exclude_rows(self, known: dict[str, Any]) -> list[str]:
        """Take excluded rows out of the known lists, in place, and return the ids of the directives that did.

        What stands already is no option that could be excluded: it stays, for the others to be held against.
        """
        applied: list[str] = []
        for each in self.directives:
            if each.kind is not DirectiveKind.EXCLUDE:
                continue
            rows = known.get(str(each.rows_of))
            if not isinstance(rows, tuple) or each.covers(known) is False:
                continue
            column = str(each.column)
            kept = tuple(row for row in rows if row.get(column) != each.value or row.get(STANDS) is True)
            if len(kept) < len(rows):
                known[str(each.rows_of)] = kept
                applied.append(each.id)
        return applied

    def forbidding(self, branch: Branch, known: Mapping[str, Any]) -> Directive | None:
        """Return what forbids a branch."""
        for each in self.directives:
            if each.kind is DirectiveKind.FORBID and each.branch is branch and each.covers(known) is not False:
                return each
        return None

    def suppressing(self, known: Mapping[str, Any]) -> Directive | None:
        """Return what silences the case."""
        for each in self.directives:
            if each.kind is DirectiveKind.SUPPRESS and each.covers(known):
                return each
        return None

    def snoozing(self, rule: str, known: Mapping[str, Any]) -> Directive | None:
        """Return what snoozes a rule."""
        for each in self.directives:
            if each.kind is DirectiveKind.SNOOZE and each.rule == rule and each.covers(known):
                return each
        return None

    def silencing_perhaps(self, rule: str, known: Mapping[str, Any]) -> Directive | None:
        """Return what silences a case that a rule decides, or snoozes the rule, if it concerns the case, and may."""
        for each in self.directives:
            silences = each.kind is DirectiveKind.SUPPRESS or (each.kind is DirectiveKind.SNOOZE and each.rule == rule)
            if silences and each.covers(known) is None:
                return each
        return None

    def limiting(self, branch: Branch, known: Mapping[str, Any]) -> Directive | None:
        """Return the tightest limit on how far a branch goes by itself."""
        applying = [
            each
            for each in self.directives
            if each.kind is DirectiveKind.LIMIT
            and each.branch in (None, branch)
            and each.mode
            and each.covers(known) is not False
        ]
        return min(applying, key=lambda each: Mode(each.mode or Mode.ACT_FINANCIAL).rank) if applying else None

    def against(self, branch: Branch, known: Mapping[str, Any]) -> str | None:
        """Say what forbids a branch for a case or silences it, whoever has let it out; None if nothing does."""
        silencing, forbidding = self.suppressing(known), self.forbidding(branch, known)
        if silencing is not None:
            return f"such cases are suppressed; {silencing.because}"
        if forbidding is not None:
            return f"{branch} is forbidden; {forbidding.because}"
        return None

    def stopping(self, branch: Branch, known: Mapping[str, Any]) -> str | None:
        """Say what stops a branch for a case: a limit to observing, under which nothing is let out."""
        limit = self.limiting(branch, known)
        return f"{branch} is stopped; {limit.because}" if limit is not None and limit.mode is Mode.OBSERVE else None


NOTHING = Standing()


def in_force(directives: Sequence[Directive], now: datetime) -> Standing:
    """Keep what is in force at that moment."""
    kept = tuple(each for each in directives if each.in_force(now))
    return Standing(kept) if kept else NOTHING


_NEEDS: Mapping[DirectiveKind, tuple[str, ...]] = {
    DirectiveKind.EXCLUDE: ("until", "rows_of", "column", "value"),
    DirectiveKind.FORBID: ("until", "branch"),
    DirectiveKind.SUPPRESS: ("until", "where"),
    DirectiveKind.SNOOZE: ("until", "rule"),
    DirectiveKind.LIMIT: ("mode",),
}
_OPTIONAL = ("until", "where", "branch", "mode", "rule", "rows_of", "column", "value")
_MAY = {DirectiveKind.LIMIT: ("until", "where", "branch")}


def shape_mistakes(directive: Directive) -> list[str]:
    """Say what a directive lacks, or has too much of, by its kind."""
    needs = _NEEDS[directive.kind]
    may = (*needs, *_MAY.get(directive.kind, ("where",)))
    given = [name for name in _OPTIONAL if getattr(directive, name) not in (None, {})]
    mistakes = [f"`{name}` is missing for {directive.kind}. Give it." for name in needs if name not in given]
    mistakes += [
        f"`{name}` has no meaning for {directive.kind}, which takes {listed(may)}. Leave it out."
        for name in given
        if name not in may
    ]
    if not directive.owner.strip() or not directive.reason.strip():
        mistakes.append("found no owner or no reason. Say who orders it and why.")
    if directive.until is not None and directive.until <= directive.since:
        mistakes.append(f"it ends at {rfc3339(directive.until)}, before it begins. Give a later end.")
    if directive.kind is DirectiveKind.FORBID and directive.branch in (Branch.NONE, Branch.REVIEW):
        mistakes.append(f"{directive.branch} acts on nothing and cannot be forbidden. Name another branch.")
    return mistakes
