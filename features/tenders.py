"""Tender features: how often the carrier has accepted the loads offered to it, and how long it took to answer.

An offer counts from when it is answered or past its deadline (`features.offers`); one that stays without an answer in
time was not accepted, and took until its deadline. So nobody looks quick by leaving the hard ones unanswered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.counted import EVERYBODY, WIDTH, Counted, told_of_each
from features.declaration import Feature
from features.history import PSEUDO_LEGS
from features.legs import Time
from features.offers import judgements_of

SEEN = ("7d", "28d", "90d")
PRIOR_ACCEPTED_SHARE = 0.8
PRIOR_ANSWER_MINUTES = 60.0

ASKED = ((EVERYBODY, Time.PLANNED), ("carrier", Time.PLANNED))
TABLES = ("tenders", "tender_responses")

_OWNER = "carrier management"
_SPANS = {window: f"in the last {window.removesuffix('d')} days" for window in SEEN}
_JUDGED = "loads offered to this carrier that were answered, or past their deadline,"


def _declared(name: str, unit: str, meaning: str, window: str) -> Feature:
    return Feature(f"{name}_{window}", unit, f"{meaning} {_SPANS[window]}", "tenders, tender_responses", _OWNER, window)


FEATURES = (
    *(
        _declared("all_tenders_accepted_share", "share", "share accepted among loads offered to all carriers", window)
        for window in SEEN
    ),
    *(
        feature
        for window in SEEN
        for feature in (
            _declared("carrier_tenders_count", "tenders", _JUDGED, window),
            _declared("carrier_tenders_accepted_share", "share", f"share accepted among {_JUDGED}", window),
            _declared(
                "carrier_tenders_answer_mean", "minutes", f"mean time to answer or deadline of {_JUDGED}", window
            ),
        )
    ),
)


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the judgements in the whole tables `TABLES`, of each carrier and of all."""
    return told_of_each(judgements_of(frames["tenders"], frames["tender_responses"]))


def told(facts: pd.DataFrame) -> Counted:
    """Make what `prepare` returned, or the part of some subjects, ready to be asked."""
    return Counted(facts, SEEN, ("accepted", "minutes"))


def values(of_all: NDArray[np.float64], of_carrier: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)], from what `Counted.at` returned for all and for the carrier."""
    shares: list[NDArray[np.float64]] = []
    own: list[NDArray[np.float64]] = []
    for place in range(0, WIDTH * len(SEEN), WIDTH):
        count, accepted, minutes = of_all[:, place : place + WIDTH].T
        parent_share = (accepted + PSEUDO_LEGS * PRIOR_ACCEPTED_SHARE) / (count + PSEUDO_LEGS)
        parent_mean = (minutes + PSEUDO_LEGS * PRIOR_ANSWER_MINUTES) / (count + PSEUDO_LEGS)
        count, accepted, minutes = of_carrier[:, place : place + WIDTH].T
        share = (accepted + PSEUDO_LEGS * parent_share) / (count + PSEUDO_LEGS)
        mean = (minutes + PSEUDO_LEGS * parent_mean) / (count + PSEUDO_LEGS)
        shares.append(parent_share)
        own += [count, share, mean]
    return np.stack([*shares, *own], axis=1)


def values_of_one(of_all: Sequence[float], of_carrier: Sequence[float]) -> list[float]:
    """Return `values` of one row: the same operations, so the same bits."""
    shares: list[float] = []
    own: list[float] = []
    for place in range(0, WIDTH * len(SEEN), WIDTH):
        weight = of_all[place] + PSEUDO_LEGS
        parent_share = (of_all[place + 1] + PSEUDO_LEGS * PRIOR_ACCEPTED_SHARE) / weight
        parent_mean = (of_all[place + 2] + PSEUDO_LEGS * PRIOR_ANSWER_MINUTES) / weight
        count = of_carrier[place]
        weight = count + PSEUDO_LEGS
        share = (of_carrier[place + 1] + PSEUDO_LEGS * parent_share) / weight
        mean = (of_carrier[place + 2] + PSEUDO_LEGS * parent_mean) / weight
        shares.append(parent_share)
        own += (float(count), share, mean)
    return shares + own
