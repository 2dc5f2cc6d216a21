"""Claim features: how many claims were filed against the carrier lately, for so many shipments that it delivered.

A claim counts from when it is known, by when it was filed, until it is known to be withdrawn; of its states the one
told last of those that count holds (`features.succession`). What it is set against
are the deliveries of the same span that had a promise, as `features.history` counts them. The share of few deliveries
is shrunk towards that of all carriers, as if they had contributed `PSEUDO_SHIPMENTS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_known import counts_from
from features.board import Board
from features.carrier_records import Claim
from features.counted import EVERYBODY, WIDTH, Counted, told_of_each
from features.declaration import Feature
from features.errors import RecordError
from features.facts import Happened
from features.history import WINDOWS
from features.instants import micros, micros_of
from features.legs import Time
from features.live_timeline import LiveTimeline
from features.succession import held_until, held_until_of_one
from features.timeline import starts_of
from features.vocabulary import ClaimStatus

SEEN = ("28d", "90d")
PSEUDO_SHIPMENTS = 200.0
PRIOR_CLAIMS = 0.005
"""Claims a shipment where nothing is known yet."""

ASKED = ((EVERYBODY, Time.PLANNED), ("carrier", Time.PLANNED))
TABLES = ("claims",)
DELIVERED = tuple(f"{whose}_arrivals_count_{window}" for window in SEEN for whose in ("all", "carrier"))
"""Features of the history that say how many shipments were delivered: for each window by all, then by the carrier."""

_ALL = ()
"""The key of all carriers together."""

_OWNER = "freight audit"


def _declared(name: str, unit: str, meaning: str, window: str) -> Feature:
    span = f"in the last {window.removesuffix('d')} days"
    source = "claims" if unit == "claims" else "claims, shipments, stops, events"
    return Feature(f"{name}_{window}", unit, f"{meaning} {span}", source, _OWNER, window)


FEATURES = tuple(
    feature
    for window in SEEN
    for feature in (
        _declared("all_claims_rate", "per 1000", "claims for 1000 shipments delivered by all carriers", window),
        _declared("carrier_claims_count", "claims", "claims filed against this carrier", window),
        _declared("carrier_claims_rate", "per 1000", "claims for 1000 shipments delivered by this carrier", window),
    )
)


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what the whole table `claims` tells, of each carrier and of all: each state of a claim until the next."""
    frame = frames["claims"].sort_values(["claim_id", "known_at"], kind="stable")
    starts = starts_of(micros_of(frame["occurred_at"]), micros_of(frame["known_at"]))
    claim, _ = pd.factorize(frame["claim_id"])
    facts = pd.DataFrame(
        {
            "carrier": frame["carrier_id"].to_numpy(dtype=object),
            "occurred": micros_of(frame["filed_at"]),
            "known": starts,
            "until": held_until(claim, starts),
            "one": 0,
            "other": 0,
        }
    )
    counts = (frame["status"] != ClaimStatus.WITHDRAWN.value).to_numpy() & (facts["known"] < facts["until"]).to_numpy()
    return told_of_each(facts[counts])


def told(facts: pd.DataFrame) -> Counted:
    """Make what `prepare` returned, or the part of some subjects, ready to be asked."""
    return Counted(facts, SEEN, ("one", "other"))


def values(
    of_all: NDArray[np.float64], of_carrier: NDArray[np.float64], delivered: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)].

    Parameters
    ----------
    of_all, of_carrier : float64 [q, WIDTH * len(SEEN)]
        What `Counted.at` returned.
    delivered : float64 [q, len(DELIVERED)]
    """
    columns: list[NDArray[np.float64]] = []
    for place in range(len(SEEN)):
        filed, own = of_all[:, WIDTH * place], of_carrier[:, WIDTH * place]
        parent = (filed + PSEUDO_SHIPMENTS * PRIOR_CLAIMS) / (delivered[:, 2 * place] + PSEUDO_SHIPMENTS)
        rate = (own + PSEUDO_SHIPMENTS * parent) / (delivered[:, 2 * place + 1] + PSEUDO_SHIPMENTS)
        columns += [1000.0 * parent, own, 1000.0 * rate]
    return np.stack(columns, axis=1)


def values_of_one(claimed: Sequence[float], delivered: Sequence[float]) -> list[float]:
    """Return `values` of one row: the same operations, so the same bits; `claimed` is of all, then of the carrier."""
    row: list[float] = []
    for place in range(len(SEEN)):
        filed, own = claimed[WIDTH * place], claimed[WIDTH * (len(SEEN) + place)]
        parent = (filed + PSEUDO_SHIPMENTS * PRIOR_CLAIMS) / (delivered[2 * place] + PSEUDO_SHIPMENTS)
        rate = (own + PSEUDO_SHIPMENTS * parent) / (delivered[2 * place + 1] + PSEUDO_SHIPMENTS)
        row += (1000.0 * parent, float(own), 1000.0 * rate)
    return row


class LiveClaims:
    """Claims for one record and one question at a time."""

    def __init__(self, board: Board) -> None:
        self._timeline = LiveTimeline([WINDOWS[window] for window in SEEN], board)
        self._told: dict[str, list[Claim]] = {}

    def check(self, record: Claim) -> None:
        """Raise if a claim is told twice in one instant, with other contents."""
        for other in self._told.get(record.claim_id, ()):
            if other.known_at == record.known_at and other != record:
                raise RecordError(
                    f"Claim '{record.claim_id}' is told twice at {record.known_at.isoformat()}, so neither is the "
                    f"newer one. Give the changed one the `known_at` at which it was learnt."
                )

    def add(self, record: Claim) -> bool:
        """Take a record in; False if it was there already."""
        told = self._told.setdefault(record.claim_id, [])
        if record in told:
            return False
        for carrier, fact in _states(told):
            for key in (carrier, _ALL):
                self._timeline.remove(key, fact)
        told.append(record)
        told.sort(key=lambda each: each.known_at)
        for carrier, fact in _states(told):
            for key in (carrier, _ALL):
                self._timeline.add(key, fact)
        return True

    def rows(self, carrier: str | None, *, lasting: bool) -> list[int]:
        """Return where the claims against all carriers, and those against one, are asked (`LiveTimeline.rows`)."""
        return [row for key in (_ALL, carrier) for row in self._timeline.rows(key, lasting=lasting)]


def _states(told: Sequence[Claim]) -> list[tuple[str, Happened]]:
    """Return carrier and fact of each state of one claim in which it stands."""
    starts = [micros(counts_from(record)) for record in told]
    return [
        (record.carrier_id, Happened(micros(record.filed_at), start, end, (0, 0)))
        for record, start, end in zip(told, starts, held_until_of_one(starts), strict=True)
        if record.status is not ClaimStatus.WITHDRAWN and start < end
    ]
