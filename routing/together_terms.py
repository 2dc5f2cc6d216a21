"""Reads which cases are told in one message, and finds what could not be said in one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

from routing.errors import listed
from routing.facts import FactType
from routing.marks import Path
from routing.policy import Together
from routing.scope import Scope
from routing.together import COUNT
from routing.together_document import TogetherPart


def read_together(
    part: TogetherPart, requires: Collection[str], addressed_by: Collection[str], path: Path, scope: Scope
) -> Together | None:
    """Read which cases of a branch are told in one message; None if its words cannot be read, which is noted.

    Parameters
    ----------
    requires
        The facts that the branch cannot do without.
    addressed_by
        Those that say whom it tells.
    """
    for index, name in enumerate(part.by):
        _check_fact(name, part.by[:index], requires, (*path, "by", index), scope)
    lacking = [name for name in addressed_by if name not in part.by]
    if lacking:
        scope.findings.error(
            (*path, "by"), f"one message goes to one address, which {listed(lacking)} says. Add it to `by`."
        )
    place = (*path, "sentence_customer")
    with_count = replace(scope, declarations={**scope.declarations, COUNT.name: COUNT})
    sentence = with_count.sentence(part.sentence_customer, place, customer=True)
    if sentence is None:
        return None
    for name in sentence.facts:
        if name not in (*part.by, COUNT.name):
            scope.findings.error(
                place, f"`{name}` may differ among the cases of one message. Leave it out, or add it to `by`."
            )
    return Together(
        by=tuple(part.by),
        within=timedelta(minutes=part.within_minutes),
        at_most=part.at_most,
        sentence_customer=sentence,
    )


def _check_fact(name: str, before: Collection[str], requires: Collection[str], path: Path, scope: Scope) -> None:
    declaration = scope.fact(name, path)
    if declaration is None:
        return
    if name in before:
        scope.findings.error(path, f"`{name}` is listed twice. Keep one.")
    elif declaration.type not in (FactType.TEXT, FactType.ENUMERATION):
        of_type = f"`{name}` is of type {declaration.type}"
        scope.findings.error(path, f"{of_type}; cases belong together by text, e.g. customer_id.")
    elif name == COUNT.name:
        scope.findings.error(path, f"`{name}` means how many they are in the words. Rename the fact.")
    elif name not in requires:
        scope.findings.error(path, f"`{name}` is not in `requires`. Add it: to what a case belongs must be known.")
