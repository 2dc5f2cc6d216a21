"""Reads the terms of each branch: what it requires and passes on, until when it is useful, its price, its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

from features.vocabulary import Branch, SubjectType
from routing.branches.catalog import KINDS, BranchKind
from routing.branches.escalate import EscalatePlan
from routing.document import BRANCH_PARTS, BranchPart, BudgetPart
from routing.errors import did_you_mean, listed
from routing.facts import FactType
from routing.grammar import value_mistake
from routing.marks import Path
from routing.policy import BranchTerms, Compensation, CoolDown, LatestUseful, Mode, Owner, Segment
from routing.scope import Scope
from routing.shape import read_part, section_of
from routing.together_document import TogetherPart
from routing.together_terms import read_together


def resolve_plans(data: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Put the values of thresholds into the branches' plans, where they are written as `$name`.

    Returns
    -------
    dict
        A copy of the bundle's data in which every plan holds numbers.
    """
    branches = data.get("branches")
    if not isinstance(branches, dict):
        return dict(data)
    return {**data, "branches": {name: _resolved(name, terms, scope) for name, terms in branches.items()}}


def read_terms(
    data: Mapping[str, Any], subject: SubjectType, owners: Mapping[str, Owner], scope: Scope
) -> dict[Branch, BranchTerms]:
    """Read the terms of every branch of a subject that is declared in the right shape."""
    branches = section_of(data, "branches")
    ceiling = data.get("mode")
    read: dict[Branch, BranchTerms] = {}
    for branch, shape in BRANCH_PARTS[subject].items():
        part = read_part(shape, branches.get(branch.value))
        if part is None:
            continue
        kind = KINDS[branch]
        path = ("branches", branch.value)
        _check_facts(part, kind, path, scope)
        plan = getattr(part, "plan", None)
        if isinstance(plan, EscalatePlan):
            _check_target(plan, owners, (*path, "plan", "to"), scope)
        mode = Mode(part.mode)
        if branch is Branch.REVIEW:
            _check_review(part, path, scope)
        if kind.spends_money and not part.money:
            scope.findings.error((*path, "money"), f"found false, but {branch} commits money. Write true.")
        _check_uses(part, path, data, scope)
        segments = tuple(_segments(part, path, scope, ceiling))
        if part.cool_down is not None:
            scope.fact(part.cool_down.per, (*path, "cool_down", "per"))
        _check_effect(part, path, scope)
        written = getattr(part, "together", None)
        if isinstance(written, TogetherPart):
            together = read_together(written, part.requires, kind.needs, (*path, "together"), scope)
        else:
            together = None
        if part.approval_above_minor is not None and kind.amount is None:
            without = listed(each for each, other in KINDS.items() if other.amount is not None)
            scope.findings.error(
                (*path, "approval_above_minor"), f"`{branch}` says no amount that it commits, as {without} do. Drop it."
            )
        if part.money and mode is Mode.ACT_NON_FINANCIAL:
            scope.findings.warning(
                (*path, "mode"), f"`{branch}` spends money, so in mode {mode} it only recommends. Write recommend."
            )
        read[branch] = BranchTerms(
            branch=branch,
            owner=part.owner,
            spends_money=part.money,
            mode=_lowered(mode, ceiling),
            requires=tuple(part.requires),
            payload=tuple(part.payload),
            latest_useful=_latest_useful(part),
            after_latest_useful=Branch(part.after_latest_useful),
            offer=part.cost.offer,
            build=partial(kind.build, plan=plan),
            uses=MappingProxyType(part.uses),
            segments=segments,
            cool_down=_cool_down(part),
            together=together,
            amount=kind.amount,
            approval_above_minor=part.approval_above_minor,
            verify_within=None if part.verify is None else timedelta(hours=part.verify.within_hours),
            compensation=_compensation(part),
        )
    return read


def _lowered(mode: Mode, ceiling: object) -> Mode:
    return min(mode, Mode(str(ceiling)), key=lambda each: each.rank) if ceiling in list(Mode) else mode


def _cool_down(part: BranchPart) -> CoolDown | None:
    if part.cool_down is None:
        return None
    return CoolDown(lasts=timedelta(hours=part.cool_down.hours), key=part.cool_down.per)


def _compensation(part: BranchPart) -> Compensation | None:
    if part.compensate is None:
        return None
    return Compensation(
        action=part.compensate.action,
        payload=tuple(part.compensate.payload),
        within=timedelta(hours=part.compensate.within_hours),
    )


def _check_effect(part: BranchPart, path: Path, scope: Scope) -> None:
    """What is undone must be verified first: nobody else tells that it happened in part."""
    if part.compensate is None:
        return
    place = (*path, "compensate")
    for index, name in enumerate(part.compensate.payload):
        scope.fact(name, (*place, "payload", index))
    if part.verify is None and path[-1] != Branch.REVIEW:
        scope.findings.error(
            place,
            f"`{path[-1]}` would be undone, but nobody is told whether it happened. Add `verify: {{within_hours: …}}`.",
        )


def _segments(part: BranchPart, path: Path, scope: Scope, ceiling: object) -> Iterator[Segment]:
    for index, segment in enumerate(part.segments):
        for name, value in segment.where.items():
            place = (*path, "segments", index, "where", name)
            declaration = scope.fact(name, place)
            if declaration is not None and (mistake := value_mistake(declaration, value)):
                scope.findings.error(place, mistake)
        yield Segment(where=MappingProxyType(segment.where), mode=_lowered(Mode(segment.mode), ceiling))


def _check_uses(part: BranchPart, path: Path, data: Mapping[str, Any], scope: Scope) -> None:
    budgets = section_of(data, "capacity")
    for name, amount in part.uses.items():
        place = (*path, "uses", name)
        if name not in budgets:
            hint = did_you_mean(name, budgets) or f" Declared: {listed(budgets)}."
            scope.findings.error(place, f"'{name}' is not a budget of `capacity`.{hint}")
            continue
        budget = read_part(BudgetPart, budgets[name])
        if budget is not None and amount > budget.amount:
            scope.findings.error(
                place,
                f"one case uses {amount:g}, the whole budget is {budget.amount:g} {budget.unit}: the branch would never"
                " be taken. Raise the budget or use less.",
            )


def _latest_useful(part: BranchPart) -> LatestUseful | None:
    if part.latest_useful is None:
        return None
    return LatestUseful(fact=part.latest_useful.fact, offset=timedelta(hours=part.latest_useful.offset_hours))


def _check_facts(part: BranchPart, kind: BranchKind, path: Path, scope: Scope) -> None:
    for section, names in (("requires", part.requires), ("payload", part.payload)):
        for index, name in enumerate(names):
            scope.fact(name, (*path, section, index))
    if part.latest_useful is not None:
        name = part.latest_useful.fact
        place = (*path, "latest_useful", "fact")
        declaration = scope.fact(name, place)
        if declaration is not None and declaration.type is not FactType.INSTANT:
            of_type = f"`{name}` is of type {declaration.type}"
            scope.findings.error(place, f"{of_type}, expected an instant, e.g. promised_at.")
        elif name not in part.requires and path[-1] != Branch.REVIEW:
            scope.findings.error(place, f"`{name}` is not in `requires`. Add it: the moment cannot be told without it.")
    for name, expected in (*kind.needs.items(), *kind.may_use.items()):
        if name in kind.may_use and name not in scope.declarations:
            continue
        if name in kind.may_use:
            scope.used_facts.add(name)
        elif name not in part.requires:
            scope.findings.error(path, f"the branch cannot be carried out without `{name}`. Add it to `requires`.")
        declaration = scope.declarations.get(name)
        if declaration is None:
            continue
        if declaration.type is not expected:
            scope.findings.error(("facts", name, "type"), f"found {declaration.type}; {path[-1]} needs {expected}.")
            continue
        for column, column_type in kind.columns.get(name, {}).items():
            found = declaration.columns.get(column)
            if found is None or found.type is not column_type:
                held = listed(f"{key} ({item.type})" for key, item in declaration.columns.items())
                scope.findings.error(
                    ("facts", name, "columns"),
                    f"found {held}; {path[-1]} needs the column `{column}` of type {column_type}. Add it.",
                )


def _check_review(part: BranchPart, path: Path, scope: Scope) -> None:
    """Review is where everything goes that cannot go elsewhere: nothing may keep a case out of it."""
    if part.money:
        scope.findings.error((*path, "money"), "a review spends analyst minutes, not money. Write false.")
    if Mode(part.mode) is Mode.OBSERVE:
        todo = "Write recommend; to stop everything, set the bundle's mode to observe."
        scope.findings.error((*path, "mode"), f"nobody would see what is held for review. {todo}")
    if part.uses or part.cool_down is not None:
        scope.findings.error(path, "a review is never refused: it uses no budget and does not rest. Drop it.")
    if any(Mode(segment.mode) is Mode.OBSERVE for segment in part.segments):
        scope.findings.error((*path, "segments"), "nobody would see what is held for review. Write recommend.")
    if part.verify is not None or part.compensate is not None:
        scope.findings.error(path, "a review calls nobody: there is no effect to verify or to undo. Drop it.")
    if part.requires:
        scope.findings.error((*path, "requires"), "a person can look at anything; a review requires nothing. Drop it.")


def _check_target(plan: EscalatePlan, owners: Mapping[str, Owner], path: Path, scope: Scope) -> None:
    scope.owner(plan.to, path)
    owner = owners.get(plan.to)
    if owner is not None and owner.channel is None:
        scope.findings.error(path, f"'{plan.to}' has no channel, so nobody would be reached. Give that owner one.")


def _resolved(branch: str, terms: Any, scope: Scope) -> Any:
    plan = terms.get("plan") if isinstance(terms, dict) else None
    if not isinstance(plan, dict):
        return terms
    units = _units(branch)
    values = dict(plan)
    for key, written in plan.items():
        if key not in units or not isinstance(written, str) or not written.startswith("$"):
            continue
        path = ("branches", branch, "plan", key)
        threshold = scope.threshold(written, path)
        values[key] = 1 if threshold is None else threshold.value  # 1: noted already, the rest is still to be checked
        if threshold is not None and threshold.unit != units[key]:
            scope.findings.error(
                path, f"'{written}' is in {threshold.unit}, `{key}` is in {units[key]}. Compare like with like."
            )
    return {**terms, "plan": values}


def _units(branch: str) -> dict[str, str]:
    """Return the fields of a branch's plan that take thresholds, with their units."""
    if branch not in list(KINDS):
        return {}
    fields = KINDS[Branch(branch)].plan.model_fields
    extras = {name: field.json_schema_extra for name, field in fields.items()}
    return {name: str(extra["unit"]) for name, extra in extras.items() if isinstance(extra, dict)}
