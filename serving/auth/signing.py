"""Two signatures: what one person has proposed, another approves by the digest of what was shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from serving.auth.people import Person


class Refusal(NamedTuple):
    """Why a signature does not count, and what to do."""

    why: str
    what_to_do: str


def refusal_of(person: Person, signed: str, *, authors: Collection[str], shown: str) -> Refusal | None:
    """Say why a signature is not that of a second person under what was shown; None if it is.

    Parameters
    ----------
    signed
        The digest that the person gives.
    authors
        Everybody who had a hand in what is signed.
    shown
        The digest of what is to be signed.
    """
    if person.name in authors:
        return Refusal(f"{person.name} proposed it", "Let a second person look at it.")
    if signed != shown:
        why = f"what was signed is {signed[:12]}…, what was proposed is {shown[:12]}…"
        return Refusal(why, "Read the proposal, and sign its digest.")
    return None
