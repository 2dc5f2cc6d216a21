"""Checks the record: the chain of decisions by itself, and against what the audit trail noted when each was sealed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from routing.decision import GENESIS, SealedDecision, chained, verify_chain
from serving.decisions import repository


@dataclass(frozen=True, slots=True)
class Verification:
    """How many decisions were looked at, the last of them, and what is wrong with the chain; nothing if it is whole."""

    decisions: int
    head: tuple[int, str] | None
    problems: tuple[str, ...]


def verify(session: Session, *, heads: Sequence[tuple[int, str]] = ()) -> Verification:
    """Check every decision.

    Parameters
    ----------
    heads
        Sequences and hashes noted elsewhere; without them the audit trail's last note serves, which whoever cut off
        the chain could have cut off too.
    """
    noted = [json.loads(row.new) for row in repository.sealed_heads(session) if row.new is not None]
    hash_of = {note["sequence"]: note["hash"] for note in noted}
    last = [max(hash_of.items())] if hash_of else []
    found = _checked(repository.chain(session), heads=heads or last)
    not_as_noted = [
        f"decision {decision.sequence} ({decision.decision_id}) is not as the audit trail noted it."
        for decision in repository.chain(session)
        if hash_of.get(decision.sequence) != decision.hash
    ]
    return Verification(found.decisions, found.head, (*found.problems, *not_as_noted))


def verify_since(session: Session, signed: tuple[int, str]) -> Verification:
    """Check that the chain still holds a decision that was signed, and each one after it.

    Parameters
    ----------
    signed
        Its sequence and hash; 0 and `GENESIS` if nothing was signed yet.
    """
    number, digest = signed
    if number and repository.hash_at(session, number) != digest:
        return Verification(0, None, (f"decision {number} is not the one that was signed, or is gone.",))
    return _checked(repository.chain(session, after=number), after=signed)


def verify_export(path: Path, *, heads: Sequence[tuple[int, str]]) -> Verification:
    """Check exported decisions, from the first on, by heads noted elsewhere; no database is needed.

    Parameters
    ----------
    path
        What `triage audit export` wrote, without `--from`. A line that was changed, moved, added or left out gives
        every head from there on another hash.
    """
    with path.open(encoding="utf-8") as lines:
        return _checked(chained(line.removesuffix("\n") for line in lines), heads=heads)


def _checked(
    decisions: Iterable[SealedDecision],
    *,
    after: tuple[int, str] = (0, GENESIS),
    heads: Sequence[tuple[int, str]] = (),
) -> Verification:
    count, head = 0, None

    def counted() -> Iterator[SealedDecision]:
        nonlocal count, head
        for decision in decisions:
            count, head = count + 1, (decision.sequence, decision.hash)
            yield decision

    problems = verify_chain(counted(), after=after, heads=heads)
    return Verification(count, head, tuple(problems))
