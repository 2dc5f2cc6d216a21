"""What a bundle would have missed: shipments that came late and about which it would have done nothing at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.as_known import counts_from, standing
from features.records import DeliveryEvent
from features.vocabulary import Branch, EventStatus, EventType
from models.missed import upper_bound
from routing.preview.comparing import Compared
from serving.db.tables import EventRow

DELTA = 0.05
"""The bound holds with 95 % confidence."""
_CHUNK = 500


@dataclass(slots=True)
class Misses:
    """Counts, over a preview, which shipments a bundle would have left alone at every moment."""

    promised: dict[str, datetime] = field(default_factory=dict)
    seen_to: set[str] = field(default_factory=set)

    def add(self, compared: Compared) -> None:
        """Count one decision in."""
        promised_at = compared.facts.get("promised_at")
        if isinstance(promised_at, datetime):
            self.promised[compared.subject_id] = promised_at
        if compared.after.branch is not Branch.NONE:
            self.seen_to.add(compared.subject_id)

    def as_json(self, session: Session) -> dict[str, object]:
        """Return the share of late shipments that would have been missed, with its upper confidence bound.

        Counts shipments that the record log says were delivered, and when. What the bundle in force did about them may
        have saved others, which are not late any more and do not count.
        """
        delivered = dict(_delivered(session, list(self.promised)))
        late = [name for name, at in delivered.items() if at > self.promised[name]]
        missed = sum(name not in self.seen_to for name in late)
        return {
            "delivered": len(delivered),
            "late": len(late),
            "missed": missed,
            "missed_share_at_most": upper_bound(missed / len(late), len(late), DELTA) if late else 1.0,
            "confidence": 1 - DELTA,
        }


def _delivered(session: Session, shipment_ids: list[str]) -> Iterator[tuple[str, datetime]]:
    """Yield when each of some shipments was delivered, as far as that is known and was not taken back."""
    for start in range(0, len(shipment_ids), _CHUNK):
        chosen = shipment_ids[start : start + _CHUNK]
        rows = session.scalars(
            select(EventRow.data)
            .where(EventRow.type == EventType.DELIVERY.value, EventRow.subject.in_(chosen))
            .order_by(EventRow.position)
        )
        told: dict[str, list[DeliveryEvent]] = {}
        for data in rows:
            event = DeliveryEvent.model_validate(json.loads(data))
            told.setdefault(event.shipment_id, []).append(event)
        for shipment_id, events in told.items():
            stand = standing(events, max(map(counts_from, events)))
            delivered = [event.occurred_at for event in stand if event.status is EventStatus.DELIVERED]
            if delivered:
                yield shipment_id, min(delivered)
