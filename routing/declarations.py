"""Reads the declarations of a bundle: each fact with its type, unit, values and columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.vocabulary import SubjectType
from routing.document import ColumnPart, FactPart
from routing.errors import did_you_mean, listed
from routing.facts import IMPLIED_UNITS, STRONGEST_BRANCH_TAKEN, Declaration, FactType, plain
from routing.grammar import value_mistake
from routing.marks import Findings, Path
from routing.shape import read_part
from routing.subjects import BRANCHES_OF


def read_declarations(data: Mapping[str, Any], subject: SubjectType, findings: Findings) -> dict[str, Declaration]:
    """Read all facts that are declared in the right shape; the others are noted by `check_shape`."""
    facts = data.get("facts")
    if not isinstance(facts, dict):
        return {}
    parts = {name: read_part(FactPart, item) for name, item in facts.items()}
    declarations = {
        name: _declaration(name, part, ("facts", name), findings) for name, part in parts.items() if part is not None
    }
    for name, declaration in declarations.items():
        _check_currency(declaration, parts, ("facts", name), findings)
    if STRONGEST_BRANCH_TAKEN in declarations or STRONGEST_BRANCH_TAKEN not in parts:
        _check_strongest_branch(declarations.get(STRONGEST_BRANCH_TAKEN), subject, findings)
    return declarations


def _declaration(name: str, part: FactPart, path: Path, findings: Findings) -> Declaration:
    if name.startswith("$") or not name.isidentifier():
        findings.error(path, f"'{name}' is no name for a fact. Use letters, digits and underscores.")
    declaration = _typed(name, part, path, findings)
    if part.when_absent is not None and (mistake := value_mistake(declaration, part.when_absent)):
        findings.error((*path, "when_absent"), mistake)
    return declaration


def _typed(name: str, part: ColumnPart, path: Path, findings: Findings) -> Declaration:
    implied = IMPLIED_UNITS.get(part.type)
    if part.type is FactType.NUMBER and part.unit is None:
        findings.error(path, f"`{name}` is a number without a unit. Add `unit:`, e.g. pieces.")
    if part.type is not FactType.NUMBER and part.unit not in (None, implied):
        todo = f"Its unit is always {implied}; leave it out." if implied else "It has no unit; leave it out."
        findings.error((*path, "unit"), f"found '{part.unit}' for `{name}`, which is of type {part.type}. {todo}")
    values = tuple(part.values or ())
    if part.type is FactType.ENUMERATION and not values:
        findings.error(path, f"`{name}` is an enumeration without values. Add `values:` with all it may be.")
    if part.type is not FactType.ENUMERATION and values:
        findings.error(
            (*path, "values"), f"`{name}` is of type {part.type}, which has no values. Declare an enumeration."
        )
    if len(set(values)) < len(values):
        twice = listed(sorted({value for value in values if values.count(value) > 1}))
        findings.error((*path, "values"), f"{twice} is listed twice. Keep one.")
    extra = _fact_extras(name, part, path, findings) if isinstance(part, FactPart) else {}
    unit = part.unit if part.type is FactType.NUMBER else implied
    return Declaration(name=name, type=part.type, unit=unit, meaning=part.meaning, values=values, **extra)


def _fact_extras(name: str, part: FactPart, path: Path, findings: Findings) -> dict[str, Any]:
    columns: dict[str, Declaration] = {}
    if part.type is FactType.LIST and not part.columns:
        findings.error(path, f"`{name}` is a list without columns. Add `columns:` with what each row holds.")
    elif part.type is not FactType.LIST and part.columns:
        findings.error((*path, "columns"), f"`{name}` is of type {part.type}, which has no columns. Declare a list.")
    for column, item in (part.columns or {}).items():
        place = (*path, "columns", column)
        columns[column] = _typed(column, item, place, findings)
        if item.type in (FactType.LIST, FactType.MONEY_MINOR):
            findings.error(place, f"a column cannot be of type {item.type}. Use a plain type; amounts go into facts.")
        if column.startswith("$"):
            findings.error(place, f"'{column}' is no name for a column. Use letters, digits and underscores.")
    return {
        "columns": columns,
        "currency": part.currency,
        "when_absent": plain(part.when_absent),
        "shown_to_customer": part.shown_to_customer,
        "changed_by": part.changed_by,
    }


def _check_currency(
    declaration: Declaration, parts: Mapping[str, FactPart | None], path: Path, findings: Findings
) -> None:
    name, currency = declaration.name, declaration.currency
    if declaration.type is not FactType.MONEY_MINOR:
        if currency is not None:
            findings.error(
                (*path, "currency"), f"`{name}` is of type {declaration.type}, no amount. Leave `currency` out."
            )
    elif currency is None:
        findings.error(path, f"`{name}` is an amount without `currency`. Add it: the fact that holds its code.")
    elif currency not in parts:
        hint = did_you_mean(currency, parts) or f" Declared: {listed(parts)}."
        findings.error((*path, "currency"), f"'{currency}' is not a declared fact.{hint}")
    elif (part := parts[currency]) is not None and part.type not in (FactType.TEXT, FactType.ENUMERATION):
        findings.error((*path, "currency"), f"`{currency}` is of type {part.type}, expected text or enumeration.")


def _check_strongest_branch(taken: Declaration | None, subject: SubjectType, findings: Findings) -> None:
    if taken is None:
        findings.error(
            ("facts",),
            f"`{STRONGEST_BRANCH_TAKEN}` is not declared. Add it, so that nothing is done twice.",
        )
    elif set(taken.values) != {branch.value for branch in BRANCHES_OF[subject]}:
        findings.error(
            ("facts", STRONGEST_BRANCH_TAKEN, "values"),
            f"found {listed(taken.values)}; expected an enumeration of {listed(BRANCHES_OF[subject])}.",
        )
