"""Whether a greater risk ever gets a weaker branch, and whether a rule leaves a hole: proven, or shown by a case.

A proof by the form of the conditions comes first: where every rule goes on hitting as the risk rises, the strongest of
those that hit never gets weaker. Where the forms prove nothing, every case is tried (`routing.every_case`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from features.vocabulary import Branch
from routing.conditions import Condition, leaves
from routing.errors import Severity
from routing.every_case import Ending, Row, Rules, TooManyCasesError, questions_of, search
from routing.facts import ORDERED, describe
from routing.lint import PlacedRule, in_words, unless_too_many
from routing.marks import Findings, Path
from routing.ranges import turn


def check_risk(
    guardrails: Sequence[PlacedRule],
    rules: Sequence[PlacedRule],
    risk: str,
    rows: Sequence[Row] | None,
    strength: Mapping[Branch, int],
    *,
    unread: int,
    findings: Findings,
) -> None:
    """Find what answers a greater risk with a weaker branch.

    Parameters
    ----------
    risk
        Name of the fact that holds it.
    rows
        All cases along the risk; None if they are too many, then only the form of the conditions counts.
    unread
        Rank of the strongest branch of the rules that could not be read (-1: all could). They might step in, so a
        fall from a branch no stronger than that is no finding.
    """
    suspects = [*_suspects(guardrails, risk, guards=True), *_suspects(rules, risk, guards=False)]
    if not suspects:
        return
    if rows is None:
        for placed in suspects:
            findings.error(
                (*placed.path, "when"),
                f"it cannot be shown that '{placed.rule.id}' gives a greater `{risk}` no weaker branch: there are too "
                "many cases. Ask a rule for at_least or above only; ask a guardrail for at_most or below, and lead to "
                "none.",
            )
        return
    guards = {placed.rule.id for placed in guardrails}
    paths = {placed.rule.id: placed.path for placed in (*guardrails, *rules)}
    told: set[str] = set()
    falls = ((row, *pair) for row in rows for pair in _falls(row, strength))
    for row, (low_value, low), (high_value, high) in sorted(falls, key=lambda fall: len(fall[0].others)):
        culprit = high.decided_by if high.decided_by in guards or low.decided_by not in paths else low.decided_by
        if culprit in told or strength.get(low.branch, -1) <= unread:
            continue
        told.add(culprit)
        place = (*paths[culprit], "when") if culprit in paths else ("default",)
        where = f", where {in_words(row.others)}" if row.others else ""
        gap = "no rule hits and " if high.decided_by == "default" else ""
        findings.error(
            place,
            f"a greater risk gets a weaker branch: at `{risk}` {describe(low_value)} '{low.decided_by}' leads to "
            f"{low.branch}, at {describe(high_value)} {gap}'{high.decided_by}' leads to {high.branch}{where}. "
            "Let a rule go on hitting as the risk rises.",
        )


def check_gaps(explored: Rules, risk: str, paths: Mapping[str, Path], findings: Findings) -> None:
    """Find single values between two bands that belong to neither: `below: 4` beside `above: 4` forgets 4 itself."""
    for fact, questions in questions_of([rule.when for rule in explored.rules]).items():
        cuts = {bound for question in questions if question.operator != "known" for bound in question.bounds}
        if fact == risk or explored.declarations[fact].type not in ORDERED or len(questions) < 2:
            continue
        what = f"that no value of `{fact}` is left out between two bands"
        with unless_too_many(findings, ("facts", fact), what, severity=Severity.WARNING):
            for row in search(explored, fact):
                hole = _hole(row, cuts)
                if hole is None:
                    continue
                before, value, after = hole
                where = f", where {in_words(row.others)}" if row.others else ""
                findings.error(
                    (*paths[after.decided_by], "when"),
                    f"a gap: '{before.decided_by}' hits below `{fact}` {describe(value)} and '{after.decided_by}' above"
                    f" it, but at {describe(value)} itself no rule hits{where}. Let one of them include it.",
                )
                break


def rows_along(explored: Rules, fact: str, *, keep_all: bool = False) -> list[Row] | None:
    """Return all cases along a fact; None if they are too many."""
    try:
        return list(search(explored, fact, keep_all=keep_all))
    except TooManyCasesError:
        return None


def deciders(rows: Iterable[Row]) -> set[str]:
    """Return the rules by which a case is decided, or which offer a branch in one."""
    endings = [ending for row in rows for _, ending in row.endings]
    return {ending.decided_by for ending in endings} | {rule for ending in endings for _, rule in ending.offered}


def _falls(row: Row, strength: Mapping[Branch, int]) -> Iterator[tuple[tuple[Any, Ending], tuple[Any, Ending]]]:
    known = [(value, ending) for value, ending in row.endings if value is not None]
    for (low_value, low), (high_value, high) in pairwise(known):
        if strength.get(high.branch, -1) < strength.get(low.branch, -1):
            yield (low_value, low), (high_value, high)


def _hole(row: Row, cuts: Iterable[Any]) -> tuple[Ending, Any, Ending] | None:
    cuts = set(cuts)
    known = [(value, ending) for value, ending in row.endings if value is not None]
    for (_, before), (value, ending), (beyond, after) in zip(known, known[1:], known[2:], strict=False):
        is_point = value in cuts and beyond not in cuts
        if is_point and ending.decided_by == "default" and before.offered and after.offered:
            return before, value, after
    return None


def _suspects(placed_rules: Iterable[PlacedRule], risk: str, *, guards: bool) -> Iterator[PlacedRule]:
    """Yield what the form of its condition does not clear.

    A rule must only come to hit as the risk rises. A guardrail, which weakens, must only cease, and lead to none.
    """
    for placed in placed_rules:
        turns = set(_turns(placed.rule.when, risk))
        cleared = turns <= {"falls"} and placed.rule.branch is Branch.NONE if guards else turns <= {"rises"}
        if turns and not cleared:
            yield placed


def _turns(condition: Condition, fact: str) -> Iterator[str | None]:
    for leaf, positive in leaves(condition):
        if leaf.fact == fact and leaf.operator != "known":
            yield turn(leaf, positive=positive)
