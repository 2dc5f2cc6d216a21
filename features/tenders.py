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

from features.counted import EVERYBODY, JOIN, WIDTH, Counted, joined, subject_of, told_of_each
from features.declaration import Feature
from features.history import PSEUDO_LEGS
from features.legs import Time
from features.offers import judgements_of

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
    of_all, of_carrier, of_lane, of_carrier_on_lane = answers
    columns: list[NDArray[np.float64]] = []
    for place in range(0, WIDTH * len(SEEN), WIDTH):
        count, accepted, minutes = of_all[:, place : place + WIDTH].T
        parent_share = (accepted + PSEUDO_LEGS * PRIOR_ACCEPTED_SHARE) / (count + PSEUDO_LEGS)
        parent_mean = (minutes + PSEUDO_LEGS * PRIOR_ANSWER_MINUTES) / (count + PSEUDO_LEGS)
        count, accepted, _ = of_lane[:, place : place + WIDTH].T
        columns += [parent_share, (accepted + PSEUDO_LEGS * parent_share) / (count + PSEUDO_LEGS)]
        count, accepted, minutes = of_carrier[:, place : place + WIDTH].T
        share = (accepted + PSEUDO_LEGS * parent_share) / (count + PSEUDO_LEGS)
        columns += [count, share, (minutes + PSEUDO_LEGS * parent_mean) / (count + PSEUDO_LEGS)]
        count, accepted, _ = of_carrier_on_lane[:, place : place + WIDTH].T
        columns += [count, (accepted + PSEUDO_LEGS * share) / (count + PSEUDO_LEGS)]
    return np.stack(columns, axis=1)


def values_of_one(answers: Sequence[Sequence[float]]) -> list[float]:
    """Return `values` of one row: the same operations, so the same bits."""
    of_all, of_carrier, of_lane, of_carrier_on_lane = answers
    row: list[float] = []
    for place in range(0, WIDTH * len(SEEN), WIDTH):
        accepted, minutes = place + 1, place + 2
        weight = of_all[place] + PSEUDO_LEGS
        parent_share = (of_all[accepted] + PSEUDO_LEGS * PRIOR_ACCEPTED_SHARE) / weight
        parent_mean = (of_all[minutes] + PSEUDO_LEGS * PRIOR_ANSWER_MINUTES) / weight
        on_lane = (of_lane[accepted] + PSEUDO_LEGS * parent_share) / (of_lane[place] + PSEUDO_LEGS)
        count = of_carrier[place]
        weight = count + PSEUDO_LEGS
        share = (of_carrier[accepted] + PSEUDO_LEGS * parent_share) / weight
        mean = (of_carrier[minutes] + PSEUDO_LEGS * parent_mean) / weight
        here = of_carrier_on_lane[place]
        share_here = (of_carrier_on_lane[accepted] + PSEUDO_LEGS * share) / (here + PSEUDO_LEGS)
        row += (parent_share, on_lane, float(count), share, mean, float(here), share_here)
    return row
