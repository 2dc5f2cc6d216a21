"""The tender features for one record and one question at a time: the numbers of `features.tenders`.

A record may come late and in any order: what became of the offers of its shipment to its carrier is judged anew, and
only what differs is taken back and put in. Offers of a history that was loaded in bulk are read when one of their
shipment comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from features import tenders
from features.archive import Archive
from features.board import Board
from features.carrier_records import Tender, TenderResponse
from features.errors import RecordError
from features.facts import Happened
from features.history import WINDOWS
from features.live_timeline import LiveTimeline
from features.offers import Lane, answer_of, judged, judgements_of, offer_of
from features.tables import RecordTables, no_records
from features.timeline import Ints

_KINDS = (Tender, TenderResponse)
_ALL = ()
"""The key of all carriers together."""


@dataclass(slots=True)
class _Held:
    """Offers and answers of one shipment and carrier by their numbers, and the judgements that are in the timeline."""

    offers: dict[str, Tender] = field(default_factory=dict)
    answers: dict[str, TenderResponse] = field(default_factory=dict)
    facts: Counter[tuple[Lane | None, Happened]] = field(default_factory=Counter)

    def before(self, record: Tender | TenderResponse) -> Tender | TenderResponse | None:
        """Return what came before under the number of a record."""
        return self.offers.get(record.tender_id) if isinstance(record, Tender) else self.answers.get(record.response_id)

    def put(self, record: Tender | TenderResponse) -> bool:
        """Hold a record; False if it was known before."""
        before = self.before(record)
        if before is not None and before.known_at <= record.known_at:
            return False
        if isinstance(record, Tender):
            self.offers[record.tender_id] = record
        else:
            self.answers[record.response_id] = record
        return True

    def judged(self) -> Counter[tuple[Lane | None, Happened]]:
        """Judge the offers by all that is held."""
        return Counter(judged([*map(offer_of, self.offers.values())], [*map(answer_of, self.answers.values())]))


class LiveTenders:
    """Offers and answers, ready to be asked by carrier."""

    def __init__(self, board: Board) -> None:
        self._timeline = LiveTimeline([WINDOWS[window] for window in tenders.SEEN], board)
        self._held: dict[tuple[str, str], _Held] = {}
        self._archive = Archive(no_records(), _KINDS)

    def check(self, record: Tender | TenderResponse) -> None:
        """Raise if the number of a record came before with other contents."""
        self._open(record.shipment_id)
        held = self._held.get((record.shipment_id, record.carrier_id))
        before = None if held is None else held.before(record)
        if before is not None and before.model_copy(update={"known_at": record.known_at}) != record:
            number = record.tender_id if isinstance(record, Tender) else record.response_id
            raise RecordError(
                f"{type(record).__name__} '{number}' of shipment '{record.shipment_id}' came before with "
                f"other contents. Give what is changed a number of its own."
            )

    def add(self, record: Tender | TenderResponse) -> bool:
        """Take a record in; False if it was known before."""
        self._open(record.shipment_id)
        held = self._held.setdefault((record.shipment_id, record.carrier_id), _Held())
        if not held.put(record):
            return False
        facts = held.judged()
        for lane, fact in held.facts - facts:
            for key in _keys(record.carrier_id, lane):
                self._timeline.remove(key, fact)
        for lane, fact in facts - held.facts:
            for key in _keys(record.carrier_id, lane):
                self._timeline.add(key, fact)
        held.facts = facts
        return True

    def load(self, tables: RecordTables) -> None:
        """Put in the offers and answers of tables, while nothing else is in; the outcome equals `add` of each."""
        facts = judgements_of(tables.tenders, tables.tender_responses)
        for names in ([], ["carrier"], [*tenders.LANE], [*tenders.CARRIER_ON_LANE]):
            chosen = facts[facts[names].notna().all(axis=1)]
            keys: list[Hashable] = [_ALL]
            codes: Ints = np.zeros(len(chosen), dtype=np.int64)
            if names:
                codes = chosen.groupby(names, sort=False).ngroup().to_numpy().astype(np.int64)
                rows = chosen[names].drop_duplicates().itertuples(index=False, name=None)
                keys = [row[0] if len(row) == 1 else row for row in rows]
            occurred, known, until = (
                chosen[column].to_numpy(dtype=np.int64) for column in ("occurred", "known", "until")
            )
            told = chosen[["accepted", "minutes"]].to_numpy(dtype=np.int64)
            self._timeline.add_many(keys, codes, occurred, known, until, told)
        self._archive = Archive(tables, _KINDS)

    def rows(self, carrier: str | None, lane: tuple[str | None, str | None], *, lasting: bool) -> list[int]:
        """Return where all, a carrier, a lane and a carrier on it are asked, as `tenders.ASKED` has them.

        See `LiveTimeline.rows`.
        """
        keys = (_ALL, carrier, lane, (carrier, *lane))
        return [row for key in keys for row in self._timeline.rows(key, lasting=lasting)]

    def __bool__(self) -> bool:
        return bool(self._held or self._archive)

    def _open(self, shipment_id: str) -> None:
        """Hold what the archive has of a shipment: its judgements are in the timeline already."""
        if shipment_id not in self._archive:
            return
        offers = self._archive.records(Tender, shipment_id)
        answers = self._archive.records(TenderResponse, shipment_id)
        self._archive.forget(shipment_id)
        opened: dict[str, _Held] = {}
        both: tuple[Tender | TenderResponse, ...] = (*offers, *answers)
        for record in both:
            opened.setdefault(record.carrier_id, _Held()).put(record)
        for carrier, held in opened.items():
            held.facts = held.judged()
            self._held[shipment_id, carrier] = held


def _keys(carrier: str, lane: Lane | None) -> tuple[Hashable, ...]:
    """Return under what a judgement counts: all, the carrier, the lane, the carrier on the lane."""
    return (_ALL, carrier) if lane is None else (_ALL, carrier, lane, (carrier, *lane))
