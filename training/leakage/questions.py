"""Which questions are asked again: a sample in groups that share one cutoff, so that a group needs one cut of the data.

Questions rarely share an instant. A group is made of the shipments that were last judged before an instant and are
still on their way: all of them are asked at that instant, as service would ask.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.labels import lateness_of
from features.moments import questions_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import Moment

PER_CUTOFF = 30
NEARBY = 200


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one cutoff.

    Attributes
    ----------
    questions
        Columns shipment_id, moment, cutoff_at.
    nearby
        The shipments asked about, and up to `NEARBY` others that are on their way.
    """

    cutoff: pd.Timestamp
    questions: pd.DataFrame
    nearby: tuple[str, ...]


def groups_of(
    tables: RecordTables, settings: FeatureSettings, sample: int, rng: np.random.Generator
) -> tuple[Group, ...]:
    """Return about `sample` questions in groups of up to `PER_CUTOFF`, those of all moments side by side.

    The cutoffs are those of real questions, drawn by moment in turn.
    """
    asked = questions_of(tables).sort_values("cutoff_at", kind="stable").reset_index(drop=True)
    known = lateness_of(tables, settings)["label_known_at"]
    asked["over_at"] = asked["shipment_id"].map(known).to_numpy()
    groups, left = [], sample
    for cutoff in _cutoffs(asked, -(-sample // PER_CUTOFF), rng):
        now = _on_their_way(asked, cutoff)
        questions = _of_every_moment(now, min(PER_CUTOFF, left)).assign(cutoff_at=cutoff)
        left -= len(questions)
        nearby = dict.fromkeys([*questions["shipment_id"], *now["shipment_id"].iloc[-NEARBY:]])
        groups.append(Group(cutoff, questions, tuple(nearby)))
    return tuple(groups)


def _cutoffs(asked: pd.DataFrame, count: int, rng: np.random.Generator) -> list[pd.Timestamp]:
    by_moment = [asked.loc[asked["moment"] == moment.value, "cutoff_at"].drop_duplicates() for moment in Moment]
    drawn = [times.iloc[rng.permutation(len(times))[:count]].tolist() for times in by_moment]
    longest = max(map(len, drawn), default=0)
    in_turn = [times[place] for place in range(longest) for times in drawn if place < len(times)]
    return sorted(dict.fromkeys(in_turn[:count]))


def _on_their_way(asked: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the newest question up to the cutoff of each shipment that is not delivered by then."""
    now = asked[(asked["cutoff_at"] <= cutoff) & ~(asked["over_at"] <= cutoff)]
    return now.drop_duplicates("shipment_id", keep="last")


def _of_every_moment(now: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the newest question of each moment, then the second of each, and so on."""
    rank = now.groupby("moment").cumcount(ascending=False)
    chosen = now.iloc[np.argsort(rank.to_numpy(), kind="stable")[:count]]
    return chosen[["shipment_id", "moment"]].reset_index(drop=True)
