"""Who and what segments name: references, parties and their places, articles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from features.ingest.edi.codes import REFERENCES
from features.ingest.edi.places import place_of
from features.ingest.edi.segments import Segment
from features.records import Reference
from features.vocabulary import ReferenceKind

_GOODS = (ReferenceKind.TRACKING, ReferenceKind.PRO, ReferenceKind.BILL_OF_LADING, ReferenceKind.SHIPMENT)
"""Kinds of numbers of what a carrier carries, the narrowest first."""
_ARTICLES = ("SK", "IN", "BP", "VN", "VP", "VC", "MG", "UP", "UK", "UA", "EN")
"""Kinds of numbers of articles, the owner's first (element 235)."""


def references_of(segments: Sequence[Segment]) -> tuple[Reference, ...]:
    """Return the numbers that N9, L11 and REF segments bear, each once."""
    found: dict[tuple[ReferenceKind, str], None] = {}
    for segment in segments:
        if segment.tag in ("N9", "REF"):
            kind, number = segment.text(1), segment.text(2)
        elif segment.tag == "L11":
            kind, number = segment.text(2), segment.text(1)
        else:
            continue
        if number is not None:
            found[REFERENCES.get(kind or "", ReferenceKind.OTHER), number[:200]] = None
    return tuple(Reference(kind=kind, value=number) for kind, number in found)


def goods_of(segments: Sequence[Segment]) -> Reference | None:
    """Return the number of the one parcel or shipment that segments are about; None where they name none or several."""
    told = references_of(segments)
    for kind in _GOODS:
        of_kind = [reference for reference in told if reference.kind is kind]
        if of_kind:
            return of_kind[0] if len(of_kind) == 1 else None
    return None


@dataclass(frozen=True, slots=True)
class Party:
    """Who takes part, and where: an N1 segment and those that belong to it."""

    role: str
    name: str | None
    code: str | None
    place: str | None


def parties_of(segments: Sequence[Segment]) -> list[Party]:
    """Return the parties that some segments name, in their order."""
    starts = [index for index, segment in enumerate(segments) if segment.tag == "N1"]
    return [_party(segments, start) for start in starts]


def party(parties: Sequence[Party], *roles: str) -> Party | None:
    """Return the party that has one of these roles, the first role first."""
    return next((one for role in roles for one in parties if one.role == role), None)


def _party(segments: Sequence[Segment], start: int) -> Party:
    head, where = segments[start], None
    for segment in islice(segments, start + 1, None):
        if segment.tag == "N4":
            where = segment
            break
        if segment.tag not in ("N2", "N3"):
            break
    place = None
    if where is not None:
        place = place_of(
            city=where.text(1),
            state=where.text(2),
            postcode=where.text(3),
            country=where.text(4),
            locode=where.text(6) if where.text(5) == "UN" else None,
        )
    return Party(head.text(1) or "", head.text(2), head.text(4), place)


def article_of(segment: Segment, *places: int, code: int | None = None) -> str | None:
    """Return the article that a segment names, by its own number before that of its maker, and that before a bar code.

    `places` are those of the qualifiers, each with its number behind it; `code` is that of a bar code without one.
    """
    numbers = {segment.text(place) or "": segment.text(place + 1) for place in places if segment.text(place + 1)}
    best = next((numbers[kind] for kind in _ARTICLES if kind in numbers), None)
    return best or next(iter(numbers.values()), None) or (None if code is None else segment.text(code))
