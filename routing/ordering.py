"""What is wrong with a directive under a bundle: names it does not have, values its facts never take."""

from __future__ import annotations

from collections.abc import Iterable

from routing.directives import Directive, DirectiveKind, shape_mistakes
from routing.errors import did_you_mean, listed
from routing.facts import FactType
from routing.grammar import value_mistake
from routing.policy import Policy


def mistakes_in(directive: Directive, policy: Policy) -> list[str]:
    """Say everything that is wrong with a directive, each with what to do; nothing if it can be issued."""
    mistakes = shape_mistakes(directive)
    mistakes += _unlisted("owner", directive.owner, policy.owners)
    for name, value in directive.where.items():
        declaration = policy.facts.get(name)
        if declaration is None:
            mistakes += _unlisted("where", name, policy.facts)
        elif declaration.type is FactType.LIST:
            mistakes.append(f"`where`: `{name}` is a list, and cases do not share one. Name another fact.")
        elif (mistake := value_mistake(declaration, value)) is not None:
            mistakes.append(f"`where`: {mistake}")
    if directive.branch is not None:
        mistakes += _unlisted("branch", directive.branch, policy.branches)
    if directive.rule is not None:
        mistakes += _unlisted("rule", directive.rule, [rule.id for rule in policy.rules])
    if directive.kind is DirectiveKind.EXCLUDE and directive.rows_of is not None:
        mistakes += _row_mistakes(directive, policy, directive.rows_of)
    return mistakes


def _row_mistakes(directive: Directive, policy: Policy, rows_of: str) -> list[str]:
    lists = {name: item for name, item in policy.facts.items() if item.type is FactType.LIST}
    if rows_of not in lists:
        return _unlisted("rows_of", rows_of, lists)
    columns = lists[rows_of].columns
    if directive.column is None:
        return []
    if directive.column not in columns:
        return _unlisted("column", directive.column, columns)
    mistake = None if directive.value is None else value_mistake(columns[directive.column], directive.value)
    return [] if mistake is None else [f"`value`: {mistake}"]


def _unlisted(part: str, name: str, known: Iterable[str]) -> list[str]:
    names = list(known)
    if name in names:
        return []
    hint = did_you_mean(name, names) or f" Known: {listed(names)}."
    return [f"`{part}`: '{name}' is not in the bundle.{hint}"]
