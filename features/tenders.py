"""Tender features: how often the carrier has accepted the loads offered to it, and how long it took to answer.

An offer counts from when it is answered or past its deadline (`features.offers`); one that stays without an answer in
time was not accepted, and took until its deadline. So nobody looks quick by leaving the hard ones unanswered.

A lane and a carrier are shrunk towards all, a carrier on a lane towards the carrier: who turns loads down on this lane
though it takes them elsewhere is told apart from who turns them down anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.counted import EVERYBODY, JOIN, Counted, joined, subject_of, told_of_each
from features.declaration import Feature
from features.legs import Time
from features.offers import judgements_of
from features.rates import COUNT, MEAN, SHARE, Column, Layout, Shrunk, rates_of

SEEN = ("24h", "7d", "28d", "90d")
PRIOR_ACCEPTED_SHARE = 0.8
PRIOR_ANSWER_MINUTES = 60.0

LANE, CARRIER_ON_LANE = ("origin", "destination"), ("carrier", "origin", "destination")
ASKED = (
    (EVERYBODY, Time.PLANNED),
    ("carrier", Time.PLANNED),
    (JOIN.join(LANE), Time.PLANNED),
    (JOIN.join(CARRIER_ON_LANE), Time.PLANNED),
)
TABLES = ("tenders", "tender_responses")

_OWNER = "carrier management"
_JUDGED = "that were answered, or past their deadline,"


def _declared(name: str, unit: str, meaning: str, window: str) -> Feature:
    span = window.replace("h", " hours").replace("d", " days")
    return Feature(
        f"{name}_{window}", unit, f"{meaning} in the last {span}", "tenders, tender_responses", _OWNER, window
    )


FEATURES = tuple(
    _declared(name, unit, meaning, window)
    for window in SEEN
    for name, unit, meaning in (
        ("all_tenders_accepted_share", "share", "share accepted among loads offered to all carriers"),
        ("lane_tenders_accepted_share", "share", "share accepted among loads offered on this lane"),
        ("carrier_tenders_count", "tenders", f"loads offered to this carrier {_JUDGED}"),
        ("carrier_tenders_accepted_share", "share", f"share accepted among loads offered to this carrier {_JUDGED}"),
        (
            "carrier_tenders_answer_mean",
            "minutes",
            f"mean time to answer or deadline of loads offered to this carrier {_JUDGED}",
        ),
        ("carrier_lane_tenders_count", "tenders", f"loads offered to this carrier on this lane {_JUDGED}"),
        (
            "carrier_lane_tenders_accepted_share",
            "share",
            f"share accepted among loads offered to this carrier on this lane {_JUDGED}",
        ),
    )
)

_ALL, _CARRIER, _LANE, _CARRIER_ON_LANE = range(len(ASKED))
_PARENTS = {_ALL: None, _CARRIER: _ALL, _LANE: _ALL, _CARRIER_ON_LANE: _CARRIER}
_WANTED = (
    (SHARE, _ALL),
    (SHARE, _LANE),
    (COUNT, _CARRIER),
    (SHARE, _CARRIER),
    (MEAN, _CARRIER),
    (COUNT, _CARRIER_ON_LANE),
    (SHARE, _CARRIER_ON_LANE),
)
_PRIORS = (PRIOR_ACCEPTED_SHARE, PRIOR_ANSWER_MINUTES)


def _shrunk() -> Shrunk:
    windows = range(len(SEEN))
    columns = [
        Column(None if parent is None else parent * len(SEEN) + window, _PRIORS)
        for parent in _PARENTS.values()
        for window in windows
    ]
    wanted = [(kind, whose * len(SEEN) + window) for window in windows for kind, whose in _WANTED]
    return Shrunk(tuple(columns), tuple(wanted))


SHRUNK = _shrunk()
"""A column for each of `ASKED` and each window, and what the features are of these."""

_LAYOUT = Layout(SHRUNK)


def prepare(frames: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the judgements in the whole tables `TABLES`: of all, each carrier, each lane, each carrier on a lane."""
    facts = judgements_of(frames["tenders"], frames["tender_responses"])
    told = [told_of_each(facts.drop(columns=[*LANE]))]
    for fields in (LANE, CARRIER_ON_LANE):
        names = joined([facts[field].to_numpy(dtype=object) for field in fields])
        of_lane = facts.drop(columns=[*CARRIER_ON_LANE]).assign(subject=names)
        of_lane = of_lane[of_lane["subject"].notna()]
        told.append(of_lane.assign(subject=[subject_of(JOIN.join(fields), name) for name in of_lane["subject"]]))
    return pd.concat(told, ignore_index=True)


def told(facts: pd.DataFrame) -> Counted:
    """Make what `prepare` returned, or the part of some subjects, ready to be asked."""
    return Counted(facts, SEEN, ("accepted", "minutes"))


def values(answers: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the features: float64 [q, len(FEATURES)], from what `Counted.at` returned to each of `ASKED`."""
    return rates_of(_LAYOUT, np.concatenate(answers, axis=1))
