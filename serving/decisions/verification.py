"""Checks the record: the chains of decisions and of the audit trail, and what the service works by against both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from routing.decision import GENESIS, SealedDecision, chained, verify_chain
from serving.db.audit import entry_hash_at, kept_entries, verify_entries
from serving.decisions import repository
from serving.decisions.matching import Noted, unlike

Head = tuple[int, str]
"""A number in a chain and the hash there."""


@dataclass(frozen=True, slots=True)
class Verification:
    """How much was looked at, the last of each chain, and what is wrong; nothing if all is whole."""

    decisions: int
    head: Head | None
    problems: tuple[str, ...]
    entries: int = 0
    trail: Head | None = None


def verify(session: Session, *, heads: Sequence[Head] = (), trail: Sequence[Head] = ()) -> Verification:
    """Check every decision and every entry of the audit trail, and compare with them what the service works by.

    Parameters
    ----------
    session
        One that sees nothing that is committed meanwhile (`serving.db.engine.as_of_now`), if anybody decides meanwhile.
    heads
        Sequences and hashes of decisions noted elsewhere; without them the audit trail's last note serves, which
        whoever cut off the chain could have cut off too.
    trail
        Numbers and hashes of entries of the audit trail noted elsewhere.
    """
    noted = Noted()
    entries = _Counted(noted.passing(kept_entries(session)))
    problems = list(verify_entries(entries, heads=dict(trail)))
    last = [max(noted.hashes.items())] if noted.hashes else []
    found = _checked(repository.chain(session), heads=heads or last)
    problems = [*found.problems, *problems, *unlike(session, noted)]
    return Verification(found.decisions, found.head, tuple(problems), entries.count, entries.head)


def verify_since(session: Session, signed: Head, trail: Head = (0, GENESIS)) -> Verification:
    """Check that both chains still hold what was signed of them, and whatever came after it.

    Parameters
    ----------
    signed, trail
        Number and hash of the last decision and the last entry of the audit trail; 0 and `GENESIS` if nothing was
        signed yet.
    """
    number, digest = signed
    if number and repository.hash_at(session, number) != digest:
        return Verification(0, None, (f"decision {number} is not the one that was signed, or is gone.",))
    if trail[0] and entry_hash_at(session, trail[0]) != trail[1]:
        gone = f"entry {trail[0]} of the audit trail is not the one that was signed, or is gone."
        return Verification(0, None, (gone,))
    found = _checked(repository.chain(session, after=number), after=signed)
    entries = _Counted(kept_entries(session, after=trail[0]))
    problems = (*found.problems, *verify_entries(entries, after=trail, heads={}))
    return Verification(found.decisions, found.head, problems, entries.count, entries.head)


def verify_export(path: Path, *, heads: Sequence[Head]) -> Verification:
    """Check exported decisions, from the first on, by heads noted elsewhere; no database is needed.

    Parameters
    ----------
    path
        What `triage audit export` wrote, without `--from`. A line that was changed, moved, added or left out gives
        every head from there on another hash.
    """
    with path.open(encoding="utf-8") as lines:
        return _checked(chained(line.removesuffix("\n") for line in lines), heads=heads)


class _Link(Protocol):
    @property
    def sequence(self) -> int: ...
    @property
    def hash(self) -> str: ...


_AnyLink = TypeVar("_AnyLink", bound=_Link)


class _Counted(Generic[_AnyLink]):
    """Goes once over the links of a chain, and remembers how many they were and the last of them."""

    def __init__(self, links: Iterable[_AnyLink]) -> None:
        self._links = links
        self.count = 0
        self.head: Head | None = None

    def __iter__(self) -> Iterator[_AnyLink]:
        for link in self._links:
            self.count, self.head = self.count + 1, (link.sequence, link.hash)
            yield link


def _checked(
    decisions: Iterable[SealedDecision], *, after: Head = (0, GENESIS), heads: Sequence[Head] = ()
) -> Verification:
    counted = _Counted(decisions)
    problems = verify_chain(counted, after=after, heads=heads)
    return Verification(counted.count, counted.head, tuple(problems))
