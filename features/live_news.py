"""News for one event or plan and one question at a time: the numbers of `features.news`.

Most events are told last and say what no other of their shipment said: each is one fact more. Where one takes the place
of another in what was told first, or the carrier in force changes, the news of its shipment are worked out anew, and
only what differs is taken back and put in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.board import Board
from features.history import WINDOWS
from features.instants import micros
from features.key_facts import Fact, Values
from features.live_timeline import LiveTimeline
from features.news import SUMS, WINDOW, news_in
from features.tables import RecordTables
from features.timeline import NEVER
from features.vocabulary import Classifier

if TYPE_CHECKING:
    from features.records import DeliveryEvent, Shipment

_MINUTE = timedelta(minutes=1)
_ACTUAL = Classifier.ACTUAL  # read once: Python 3.11 takes long to read a member

News = tuple[str, Fact]
"""Whose news it is, and the fact in the timeline."""


class LiveNews:
    """News of events, ready to be asked by carrier."""

    def __init__(self, board: Board) -> None:
        self._timeline = LiveTimeline([WINDOWS[WINDOW]], board, len(SUMS))

    def announce(self, plans: Sequence[Shipment], place: int, events: Collection[DeliveryEvent]) -> None:
        """Take in a plan that was put at its place among those of its shipment, of which these events are held."""
        if not events or (place and plans[place - 1].carrier_id == plans[place].carrier_id):
            return
        self._replace(news_of([*plans[:place], *plans[place + 1 :]], events), news_of(plans, events))

    def tell(
        self,
        event: DeliveryEvent,
        before: DeliveryEvent | None,
        plans: Sequence[Shipment],
        events: Collection[DeliveryEvent],
    ) -> None:
        """Take in an event that was put among those of its shipment, where `before` was held under its id."""
        if not plans:
            return
        happened = event.occurred_at
        alike = [other for other in events if other.occurred_at == happened and other is not event]
        if alike:
            alike = [other for other in alike if _content(other) == _content(event)]
        if before is None and (not alike or max(other.known_at for other in alike) <= event.known_at):
            self._timeline.add(*_news(event, plans, is_again=bool(alike)))
            return
        others = [other for other in events if other is not event]
        self._replace(news_of(plans, others if before is None else [*others, before]), news_of(plans, events))

    def load(self, tables: RecordTables) -> None:
        """Take in the news of many shipments at once, of which none is in; the outcome equals that of each record."""
        news = news_in(tables.shipments, tables.events)
        codes, carriers = pd.factorize(news["carrier"])
        starts, values = news["start"].to_numpy(), news[[*SUMS]].to_numpy()
        never = np.full(len(starts), NEVER)
        self._timeline.add_many(list(carriers), codes.astype(np.int64), starts, starts, never, values)

    def rows(self, carrier: str | None, *, lasting: bool) -> Sequence[int]:
        """Return where the news of a carrier is asked, see `LiveTimeline.rows`; the first holds since the newest."""
        return self._timeline.rows(carrier, lasting=lasting)

    def _replace(self, was: Iterable[News], now: Iterable[News]) -> None:
        before, after = Counter(was), Counter(now)
        for carrier, fact in (before - after).elements():
            self._timeline.remove(carrier, fact)
            self._timeline.forget(carrier)  # a row that holds may hold since what is gone
        for carrier, fact in (after - before).elements():
            self._timeline.add(carrier, fact)


def news_of(plans: Sequence[Shipment], events: Iterable[DeliveryEvent]) -> list[News]:
    """Return the news of one shipment, none before it is announced: what `news.news_in` returns of it."""
    if not plans:
        return []
    told: list[News] = []
    said: set[tuple[object, ...]] = set()
    for event in sorted(events, key=_known_at):
        content = _content(event)
        told.append(_news(event, plans, is_again=content in said))
        said.add(content)
    return told


def _news(event: DeliveryEvent, plans: Sequence[Shipment], *, is_again: bool) -> News:
    told = counts = event.known_at
    plan = first = plans[0]
    if len(plans) > 1:
        plan = plans[max(bisect_right(plans, told, key=_known_at) - 1, 0)]
    values: Values = (0, 0, is_again, 0, 0)
    if event.classifier is _ACTUAL:
        happened = event.occurred_at
        values = ((told - happened) // _MINUTE, told < happened, is_again, 1, event.place is None)
        if told < happened:
            counts = happened
    start = micros(counts if counts > first.known_at else first.known_at)
    return plan.carrier_id, (start, start, NEVER, values)


def _content(event: DeliveryEvent) -> tuple[object, ...]:
    """Return by what an event of one shipment says the same as another, see `news.SAME`."""
    return event.occurred_at, event.status, event.classifier, event.place, event.corrects


def _known_at(record: Shipment | DeliveryEvent) -> datetime:
    return record.known_at
