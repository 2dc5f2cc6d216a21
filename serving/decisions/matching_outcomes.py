"""Compares what was reported of calls with what the audit trail notes of each report.

What stands of a booking, what is undone and what a target is worth follow from these reports. Whoever edits, deletes or
inserts one changes that, though every call is as it was let out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from routing.canonical import canonical_json
from routing.effects import Outcome, Reception
from serving.db.tables import OutcomeRow
from serving.effects.keeping import COLUMNS

_AT_ONCE = 500
Told = Mapping[str, Any]
"""A report as its entry tells it."""


class Standing(NamedTuple):
    """What was reported of a call, all in all."""

    outcome: str | None
    reference: str | None


NOTHING_REPORTED = Standing(None, None)


def outcomes_unlike(session: Session, noted: Mapping[str, Sequence[Told]]) -> Iterator[str]:
    """Yield which reports are not as the audit trail notes them.

    Parameters
    ----------
    noted
        What the entries tell, by position; of one position several if a report is gone whose place another has taken.
    """
    left = {position: list(told) for position, told in noted.items()}
    row = OutcomeRow
    found = select(row.position, *(getattr(row, name) for name in COLUMNS)).order_by(row.position)
    for position, *values in session.execute(found.execution_options(yield_per=_AT_ONCE)):
        kept = json.loads(canonical_json(dict(zip(COLUMNS, values, strict=True))))
        label = f"outcome {position} of call {kept['call_id']}"
        told = left.get(str(position))
        if not told:
            yield f"{label} is not in the audit trail: inserted."
            continue
        newest = told.pop()
        yield from (
            f"{label} says in its column {name} {kept[name]!r}, the audit trail {newest.get(name)!r}: edited."
            for name in COLUMNS
            if kept[name] != newest.get(name)
        )
    for position, gone in left.items():
        for each in gone:
            said = f"{each.get('outcome')}, reported by {each.get('reported_by')} at {each.get('reported_at')}"
            yield f"outcome {position} of call {each.get('call_id')} ({said}) was kept, and is gone: deleted."


def standing_by_call(noted: Mapping[str, Sequence[Told]]) -> dict[str, Standing]:
    """Return what the reports of each call come to, as `serving.effects.reporting` has it; noted in their order."""
    found: dict[str, Standing] = {}
    for told in (each for several in noted.values() for each in several):
        before = found.get(told["call_id"], NOTHING_REPORTED)
        if told["reception"] == Reception.CONTRADICTING:
            found[told["call_id"]] = Standing(Outcome.CONTRADICTED.value, before.reference)
        elif told["reception"] == Reception.COUNTED:
            found[told["call_id"]] = Standing(told["outcome"], told["reference"] or before.reference)
    return found


def in_words(outcome: str | None, reference: str | None) -> str:
    """Return what is known of a call, e.g. "done (BK-7)"."""
    return f"{outcome or 'none'}" + (f" ({reference})" if reference else "")
