"""Which questions are asked again: a sample in groups that share one cutoff, so that a group needs one cut of the data.

Questions rarely share an instant. A group is made of the shipments that were last judged before an instant and are
still on their way: all of them are asked at that instant, as service would ask. So are order lines, whose newest
question it is; invoices are asked as they came in, the last ones before an instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from features.inventory.line_moments import line_questions_of
from features.labels import lateness_of
from features.moments import questions_of
from features.settings import FeatureSettings
from features.tables import RecordTables
from features.vocabulary import LineMoment, Moment

PER_CUTOFF = 30
INVOICES_PER_CUTOFF = 100
"""All invoices before a cutoff are built anew for each, so there are fewer cutoffs."""
NEARBY = 200

_LINE = ["order_id", "line_id"]


@dataclass(frozen=True, slots=True)
class Group:
    """Questions of one cutoff.

    Attributes
    ----------
    questions
        What is asked about (shipment_id; order_id, line_id; or invoice_id), moment and cutoff_at.
    nearby
        The shipments asked about, and up to `NEARBY` others that are on their way.
    about
        What else is asked about, by column: most of what is told late is about these.
    """

    cutoff: pd.Timestamp
    questions: pd.DataFrame
    nearby: tuple[str, ...]
    about: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def groups_of(
    tables: RecordTables, settings: FeatureSettings, sample: int, rng: np.random.Generator
) -> tuple[Group, ...]:
    """Return about `sample` questions in groups of up to `PER_CUTOFF`, those of all moments side by side.

    The cutoffs are those of real questions, drawn by moment in turn.
    """
    asked = questions_of(tables).sort_values("cutoff_at", kind="stable").reset_index(drop=True)
    known = lateness_of(tables, settings)["label_known_at"]
    asked["over_at"] = known.reindex(asked["shipment_id"]).array
    groups, left = [], sample
    for cutoff in _cutoffs(asked, Moment, -(-sample // PER_CUTOFF), rng):
        now = _on_their_way(asked, cutoff)
        questions = _of_every_moment(now, min(PER_CUTOFF, left), ["shipment_id"]).assign(cutoff_at=cutoff)
        left -= len(questions)
        nearby = dict.fromkeys([*questions["shipment_id"], *now["shipment_id"].iloc[-NEARBY:]])
        groups.append(Group(cutoff, questions, tuple(nearby)))
    return tuple(groups)


def line_groups_of(tables: RecordTables, sample: int, rng: np.random.Generator) -> tuple[Group, ...]:
    """Return about `sample` questions about order lines, as `groups_of` does about shipments."""
    asked = line_questions_of(tables).sort_values("cutoff_at", kind="stable").reset_index(drop=True)
    articles = tables.order_lines.drop_duplicates(_LINE, keep="last").set_index(_LINE)["sku"]
    groups, left = [], sample
    for cutoff in _cutoffs(asked, LineMoment, -(-sample // PER_CUTOFF), rng):
        now = asked[asked["cutoff_at"] <= cutoff].drop_duplicates(_LINE, keep="last")
        questions = _of_every_moment(now, min(PER_CUTOFF, left), _LINE).assign(cutoff_at=cutoff)
        left -= len(questions)
        skus = articles.reindex(pd.MultiIndex.from_frame(questions[_LINE])).dropna()
        about = {"order_id": tuple(questions["order_id"].unique()), "sku": tuple(skus.unique())}
        groups.append(Group(cutoff, questions, _newest_shipments(tables, cutoff), about))
    return tuple(groups)


def invoice_groups_of(tables: RecordTables, sample: int, rng: np.random.Generator) -> tuple[Group, ...]:
    """Return about `sample` questions about invoices, each as it came in: the last ones before a cutoff."""
    bills = tables.freight_invoices[["invoice_id", "shipment_id", "carrier_id"]].assign(
        moment="at arrival", cutoff_at=tables.freight_invoices[["occurred_at", "known_at"]].max(axis=1)
    )
    bills = bills.sort_values("cutoff_at", kind="stable").reset_index(drop=True)
    instants = bills["cutoff_at"].drop_duplicates()
    drawn = instants.iloc[rng.permutation(len(instants))[: -(-sample // INVOICES_PER_CUTOFF)]]
    groups, left = [], sample
    for cutoff in sorted(drawn):
        own = bills[bills["cutoff_at"] <= cutoff].iloc[-min(INVOICES_PER_CUTOFF, left) :]
        left -= len(own)
        columns = ("shipment_id", "invoice_id", "carrier_id")
        about = {column: tuple(own[column].dropna().unique()) for column in columns}
        questions = own[["invoice_id", "moment", "cutoff_at"]].reset_index(drop=True)
        groups.append(Group(cutoff, questions, about.pop("shipment_id"), about))
    return tuple(groups)


def subjects_named(questions: pd.DataFrame) -> list[str]:
    """Return what each question is about, in words."""
    if "invoice_id" in questions:
        return [f"invoice {invoice}" for invoice in questions["invoice_id"]]
    if "order_id" in questions:
        return [f"order line {'/'.join(line)}" for line in questions[_LINE].itertuples(index=False)]
    return [f"shipment {shipment}" for shipment in questions["shipment_id"]]


def _newest_shipments(tables: RecordTables, cutoff: pd.Timestamp) -> tuple[str, ...]:
    known = tables.shipments[tables.shipments["known_at"] <= cutoff].sort_values("known_at", kind="stable")
    return tuple(known["shipment_id"].drop_duplicates(keep="last").iloc[-NEARBY:])


def _cutoffs(
    asked: pd.DataFrame, moments: Iterable[Moment | LineMoment], count: int, rng: np.random.Generator
) -> list[pd.Timestamp]:
    by_moment = [asked.loc[asked["moment"] == moment.value, "cutoff_at"].drop_duplicates() for moment in moments]
    drawn = [times.iloc[rng.permutation(len(times))[:count]].tolist() for times in by_moment]
    longest = max(map(len, drawn), default=0)
    in_turn = [times[place] for place in range(longest) for times in drawn if place < len(times)]
    return sorted(dict.fromkeys(in_turn[:count]))


def _on_their_way(asked: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the newest question up to the cutoff of each shipment that is not delivered by then."""
    now = asked[(asked["cutoff_at"] <= cutoff) & ~(asked["over_at"] <= cutoff)]
    return now.drop_duplicates("shipment_id", keep="last")


def _of_every_moment(now: pd.DataFrame, count: int, identity: Sequence[str]) -> pd.DataFrame:
    """Return the newest question of each moment, then the second of each, and so on."""
    rank = now.groupby("moment").cumcount(ascending=False)
    chosen = now.iloc[np.argsort(rank.to_numpy(), kind="stable")[:count]]
    return chosen[[*identity, "moment"]].reset_index(drop=True)
