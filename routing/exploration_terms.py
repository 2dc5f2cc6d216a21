"""Reads the exploration of a bundle, and finds what chance must not take and what it would never take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from features.vocabulary import Branch
from routing.branches.catalog import KINDS
from routing.exploration_document import ExplorationPart
from routing.grammar import value_mistake
from routing.marks import Path
from routing.policy import BranchTerms, Exploration, Rule
from routing.scope import Scope
from routing.shape import read_part

_HERE = "exploration"


def read_exploration(
    written: object, branches: Mapping[Branch, BranchTerms], rules: Iterable[Rule], scope: Scope
) -> Exploration | None:
    """Read the exploration of a bundle; None if it has none, or one of a wrong shape, which `check_shape` notes."""
    part = None if written is None else read_part(ExplorationPart, written)
    if part is None:
        return None
    reached = {rule.branch for rule in rules}
    for index, branch in enumerate(part.among):
        path: Path = (_HERE, "among", index)
        if branch in part.among[:index]:
            scope.findings.error(path, f"`{branch}` is named twice. Keep one of them.")
        elif branch is not Branch.NONE:
            _check_branch(branch, branches.get(branch), path, scope)
            if branch not in reached:
                scope.findings.error(path, f"no rule leads to `{branch}`, so chance never takes it. Drop it.")
    for name, value in part.where.items():
        place: Path = (_HERE, "where", name)
        declaration = scope.fact(name, place)
        if declaration is not None and (mistake := value_mistake(declaration, value)):
            scope.findings.error(place, mistake)
    return Exploration(
        share=part.share,
        among=tuple(part.among),
        where=MappingProxyType(part.where),
        salt=part.salt,
        owner=part.owner,
        review_by=part.review_by,
    )


def _check_branch(branch: Branch, terms: BranchTerms | None, path: Path, scope: Scope) -> None:
    if KINDS[branch].spends_money or (terms is not None and terms.spends_money):
        scope.findings.error(
            path, f"`{branch}` commits money and cannot be undone; chance must not decide about it. Drop it."
        )
    elif terms is not None and not (terms.acts(terms.mode) or any(terms.acts(part.mode) for part in terms.segments)):
        todo = "Give it a mode in which it acts, or drop it."
        scope.findings.warning(path, f"`{branch}` never acts by itself, so chance never takes it. {todo}")
