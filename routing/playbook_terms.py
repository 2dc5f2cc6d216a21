"""Reads the playbooks of a bundle, and finds those that could never be declared, never end or reach nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from features.vocabulary import Branch, SubjectType
from routing.conditions import Condition, all_of, known_leaf, leaves, negation
from routing.errors import listed
from routing.every_case import satisfiable
from routing.facts import FactType
from routing.grammar import read_condition
from routing.lint import PlacedRule, unless_too_many
from routing.marks import Path
from routing.playbook_document import PLAYBOOK_PARTS, PlaybookPart
from routing.playbooks import Declaring, Drain, DrainOrder, Ending, ParentTerms, Playbook
from routing.policy import Owner
from routing.scope import Scope
from routing.shape import read_part, section_of
from routing.subjects import BRANCHES_OF


def read_playbooks(
    data: Mapping[str, Any],
    subject: SubjectType,
    owners: Mapping[str, Owner],
    branches: Collection[str],
    scope: Scope,
) -> dict[str, Playbook]:
    """Read every playbook that is declared in the right shape.

    Parameters
    ----------
    branches
        The names of those that are written, in the right shape or not.
    """
    read = {}
    for name, item in section_of(data, "playbooks").items():
        path: Path = ("playbooks", name)
        raw = item.get("when") if isinstance(item, dict) else None
        when = None if raw is None else read_condition(raw, (*path, "when"), scope)
        part = read_part(PLAYBOOK_PARTS[subject], item)
        if part is None:
            continue
        _check_name(name, path, scope)
        _check_watched(part, path, scope)
        _check_target(part, subject, owners, branches, path, scope)
        _check_suspended(part, path, scope)
        _check_end(part, path, scope)
        sentence = scope.sentence(part.sentence_staff, (*path, "sentence_staff"), customer=False)
        if when is None or sentence is None:
            continue
        _check_when(when, part, path, scope)
        read[name] = Playbook(
            name=name,
            owner=part.owner,
            watches=tuple(part.watches),
            when=when,
            declaring=Declaring(
                at_least=part.declare.at_least,
                share_at_least=part.declare.share_at_least,
                within=timedelta(minutes=part.declare.within_minutes),
            ),
            ending=Ending(
                seen_at_least=part.over.seen_at_least,
                share_below=part.over.share_below,
                within=timedelta(minutes=part.over.within_minutes),
            ),
            suspends=frozenset(Branch(each) for each in part.suspends),
            only_showing=part.holds == "showing",
            parent=ParentTerms(
                branch=Branch(part.parent.branch), to=part.parent.to, sla=timedelta(minutes=part.parent.sla_minutes)
            ),
            drain=Drain(
                at_most=part.drain.at_most,
                per=timedelta(minutes=part.drain.per_minutes),
                order=DrainOrder(part.drain.order),
                waits=timedelta(hours=part.drain.waits_hours),
            ),
            rests=timedelta(hours=part.rests_hours),
            sentence_staff=sentence,
            runbook=tuple(part.runbook),
        )
    return read


def check_suspensions(
    playbooks: Mapping[str, Playbook], rules: Collection[PlacedRule], probability_fact: str, scope: Scope
) -> None:
    """Warn of branches that a playbook leaves to act on what the model says while the feed behind it is stale.

    Where the evidence is no probability, such as an amount that is proven, no feed stands behind it.
    """
    if scope.declarations[probability_fact].type is not FactType.PROBABILITY:
        return
    by_model = {
        placed.rule.branch: placed.rule.id
        for placed in rules
        if any(question.fact == probability_fact for question, _ in leaves(placed.rule.when))
    }
    for playbook in playbooks.values():
        for branch, rule in by_model.items():
            if branch not in playbook.suspends:
                scope.findings.warning(
                    ("playbooks", playbook.name, "suspends"),
                    f"'{rule}' leads to {branch} by `{probability_fact}`, which rests on the feed that has failed, and "
                    f"{branch} is not suspended. Add it, unless it should go on all the same.",
                )


def _check_name(name: str, path: Path, scope: Scope) -> None:
    if not name.isidentifier():
        scope.findings.error(path, f"'{name}' is no name for a playbook. Use letters, digits and underscores.")


def _check_watched(part: PlaybookPart, path: Path, scope: Scope) -> None:
    for index, name in enumerate(part.watches):
        place = (*path, "watches", index)
        declaration = scope.fact(name, place)
        if declaration is not None and declaration.type not in (FactType.TEXT, FactType.ENUMERATION):
            scope.findings.error(
                place, f"`{name}` is of type {declaration.type}; a scope is known by text, e.g. carrier_id."
            )
        if name in part.watches[:index]:
            scope.findings.error(place, f"`{name}` is listed twice. Keep one.")


def _check_when(when: Condition, part: PlaybookPart, path: Path, scope: Scope) -> None:
    """Note a condition that no case of a scope can show, or that every one shows."""
    place = (*path, "when")
    with unless_too_many(scope.findings, place, "that some cases show it and others do not"):
        in_scope = [known_leaf(name, True) for name in part.watches if name in scope.declarations]
        if satisfiable(when, scope.declarations) is None:
            scope.findings.error(place, "no case can show it: its parts exclude each other. Change one.")
        elif satisfiable(negation(when), scope.declarations) is None:
            todo = "Ask for something that stops when the cause does."
            scope.findings.error(place, f"every case shows it, so it would never be over. {todo}")
        elif satisfiable(all_of((when, *in_scope)), scope.declarations) is None:
            watched = listed(f"`{name}`" for name in part.watches)
            scope.findings.error(
                place,
                f"no case can show it: it asks for one of which {watched} is not known, and that is what cases of one "
                "scope share. Watch something else.",
            )


def _check_target(
    part: PlaybookPart,
    subject: SubjectType,
    owners: Mapping[str, Owner],
    branches: Collection[str],
    path: Path,
    scope: Scope,
) -> None:
    place = (*path, "parent", "to")
    scope.owner(part.parent.to, place)
    if part.parent.branch != "escalate":
        return
    owner = owners.get(part.parent.to)
    if owner is not None and owner.channel is None:
        scope.findings.error(
            place, f"'{part.parent.to}' has no channel, so nobody would be reached. Give that owner one."
        )
    if Branch.ESCALATE in BRANCHES_OF[subject] and "escalate" not in branches:
        scope.findings.error(
            (*path, "parent", "branch"), "`escalate` is not among `branches`. Add its terms there, or lead to review."
        )


def _check_suspended(part: PlaybookPart, path: Path, scope: Scope) -> None:
    for index, name in enumerate(part.suspends):
        if name in part.suspends[:index]:
            scope.findings.error((*path, "suspends", index), f"`{name}` is listed twice. Keep one.")


def _check_end(part: PlaybookPart, path: Path, scope: Scope) -> None:
    if part.over.share_below > part.declare.share_at_least:
        scope.findings.error(
            (*path, "over", "share_below"),
            f"it would be over below a share of {part.over.share_below:g} and is declared from "
            f"{part.declare.share_at_least:g} on: both at once in between. Let it end at a smaller share.",
        )
