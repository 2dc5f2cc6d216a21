"""What a risk of shortage rests on: its likely cause, the quantity at risk, and who else could cover it.

Computed from the features that the score was made of, and from what stands around the line at the same cutoff. Which
cause is named follows the order in which `features.inventory.shortage_labels` tells causes after the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from features.inventory.around import Holder, Node
from features.inventory.features import INVENTORY_NAMES
from features.vocabulary import ShortageCause

Floats = NDArray[np.float64]

_HOLDERS_NAMED = 3


class LineVerdict(StrEnum):
    """What the books say of an order line; whether they are right is what the probability is about."""

    CANNOT_DETERMINE = "cannot_determine"
    SHORT = "short"
    """Free stock does not cover it."""
    CONTESTED = "contested"
    """Free stock covers it, but lines that come first have not reserved theirs and would take it."""
    COVERED = "covered"


NO_SUBSTITUTE = "no record names an article that could take its place"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a shortage of one order line.

    Attributes
    ----------
    cause
        The likely one, should it be short.
    quantity_at_risk
        Units that it would then lack, at what is known now.
    words
        One sentence a fact, in units: stock, who holds it, what is on its way, how far the books can be trusted.
    holders
        Who else has reserved some, the most first.
    nodes
        Other places that could give some, the most first.
    covered_by
        The first of them that could give all that is at risk; None if no single one can.
    substitute
        Canonical records name no substitutes, so this says so.
    """

    cause: ShortageCause
    quantity_at_risk: float
    words: tuple[str, ...]
    holders: tuple[Holder, ...]
    nodes: tuple[Node, ...]
    covered_by: str | None
    substitute: str = NO_SUBSTITUTE


def causes_of(values: Floats) -> NDArray[np.object_]:
    """Return the likely cause of each line, should it be short: `ShortageCause` [n].

    Too little lies there: what is late, if anything is, else that there is not enough. Enough lies there but too little
    is free, or lines that come first will take it: others. Free stock covers the line: then the books must be wrong.

    Parameters
    ----------
    values : float64 [n, len(INVENTORY_FEATURES)], with stock known
    """
    at = _named(values)
    is_late = (at["inbound_overdue"] > 0) | (at["inbound_put_off"] > 0)
    covered, enough = at["shortfall"] <= 0, at["on_hand"] >= at["needed"]
    others_first = at["free_after_ahead"] < at["needed"]
    return np.select(
        [covered & ~others_first, enough, is_late],
        [ShortageCause.NOT_FOUND.value, ShortageCause.FOR_OTHERS.value, ShortageCause.INBOUND_LATE.value],
        ShortageCause.NOT_ENOUGH.value,
    ).astype(object)


def quantities_at_risk(values: Floats) -> Floats:
    """Return what each line would lack, should it be short: float64 [n], units.

    What free stock does not cover; where it covers all, what lines that come first would take of it; where that leaves
    enough too, all of the line, as the books are wrong then and nobody knows by how much.
    """
    at = _named(values)
    taken = np.clip(at["needed"] - at["free_after_ahead"], 0.0, at["needed"])
    return np.select([at["shortfall"] > 0, taken > 0], [at["shortfall"], taken], at["needed"])


def verdict_of(values: Floats) -> LineVerdict:
    """Return what the books say of one line: float64 [len(INVENTORY_FEATURES)], with stock known."""
    at = dict(zip(INVENTORY_NAMES, values.tolist(), strict=True))
    if at["shortfall"] > 0:
        return LineVerdict.SHORT
    return LineVerdict.CONTESTED if at["free_after_ahead"] < at["needed"] else LineVerdict.COVERED


Around = Callable[[int], tuple[Sequence[Holder], Sequence[Node]]]
"""Returns who holds some of the article of a line, by its row, and who else has some: `features.inventory.around`."""


def evidence_of(values: Floats, holders: Sequence[Holder], nodes: Sequence[Node]) -> Evidence:
    """Return what speaks for a shortage of one line.

    Parameters
    ----------
    values : float64 [len(INVENTORY_FEATURES)], with stock known
    holders, nodes
        From `features.inventory.around`, of the same line and cutoff.
    """
    return evidences_of(values.reshape(1, -1), lambda _: (holders, nodes))[0]


def evidences_of(values: Floats, around: Around) -> list[Evidence]:
    """Return what speaks for a shortage of each line: float64 [n, len(INVENTORY_FEATURES)], with stock known."""
    found = zip(causes_of(values).tolist(), quantities_at_risk(values).tolist(), values.tolist(), strict=True)
    evidences = []
    for row, (cause, quantity, told) in enumerate(found):
        holders, nodes = around(row)
        covering = (node.place for node in nodes if node.free >= quantity)
        evidences.append(
            Evidence(
                cause=ShortageCause(cause),
                quantity_at_risk=quantity,
                words=_words(dict(zip(INVENTORY_NAMES, told, strict=True)), holders),
                holders=tuple(holders),
                nodes=tuple(nodes),
                covered_by=next(covering, None),
            )
        )
    return evidences


def _words(at: Mapping[str, float], holders: Sequence[Holder]) -> tuple[str, ...]:
    lacking = f"{at['shortfall']:g} short" if at["shortfall"] > 0 else "enough"
    words = [f"{at['on_hand']:g} on hand, {at['free']:g} free, {at['needed']:g} needed: {lacking}"]
    if at["reserved_for_others"] > 0:
        named = ", ".join(f"{holder.name} {holder.quantity:g}" for holder in holders[:_HOLDERS_NAMED])
        more = len(holders) - _HOLDERS_NAMED
        words.append(f"{at['reserved_for_others']:g} reserved for others: {named}{f' and {more} more' * (more > 0)}")
    if at["held"] + at["damaged"] > 0:
        words.append(f"{at['held']:g} held, {at['damaged']:g} damaged")
    if at["unreserved_ahead"] > 0:
        words.append(f"{at['unreserved_ahead']:g} wanted by lines that come first and have not reserved it")
    if at["inbound"] > 0:
        words.append(_inbound(at))
    if at["adjustment_count_28d"] > 0:
        net, count = at["adjustment_net_28d"], at["adjustment_count_28d"]
        words.append(f"{count:g} adjustments of its stock in 28 days, {net:+g} in all")
    if at["picks_28d"] > 0:
        words.append(f"{at['short_share_28d']:.0%} of its picks of 28 days taken to be short".replace("%", " %"))
    return tuple(words)


def _inbound(at: Mapping[str, float]) -> str:
    late = f"{at['lots_late_share_90d']:.0%} of such lots taken to be late".replace("%", " %")
    in_time = "" if np.isnan(at["inbound_due"]) else f", {at['inbound_due']:g} of it before the line is due"
    trouble = f"{at['inbound_overdue']:g} overdue, {at['inbound_put_off']:g} put off"
    return f"{at['inbound']:g} on its way{in_time}, {trouble}; {late}"


def _named(values: Floats) -> dict[str, Floats]:
    return {name: values[:, place] for place, name in enumerate(INVENTORY_NAMES)}
