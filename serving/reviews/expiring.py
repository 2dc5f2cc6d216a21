"""Closes the items of the review queue that nobody answered while an answer was of use: nothing is done about them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from features.vocabulary import Branch
from routing.canonical import rfc3339
from routing.recording import decode_facts
from serving.clock import Clock
from serving.db.audit import SYSTEM, audit
from serving.decisions import repository as decisions
from serving.decisions.acting import LastUse
from serving.policies.bundles import Bundles
from serving.reviews import repository
from serving.reviews.reasons import Answer, ReasonCode
from serving.reviews.repository import Closing

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Expiring:
    """Closes items once no answer is of use any more, whoever else does so at the same time."""

    sessions: sessionmaker[Session]
    reads: sessionmaker[Session]
    clock: Clock
    bundles: Bundles
    _until: dict[str, datetime | None] = field(default_factory=dict)
    """By item that waits though its suggestion is too late, until when another answer helps; None: it stays open."""

    def expire(self) -> list[str]:
        """Close every item that nobody holds and no answer to which is of use any more; return their ids."""
        return [item_id for item_id in self._turns() if item_id is not None]

    async def keep_expiring(self, *, every_seconds: float = 60) -> None:
        """Close what has expired until cancelled."""
        while True:
            try:
                for _ in self._turns():
                    await asyncio.sleep(0)  # requests wait for one item at most
            except SQLAlchemyError as error:
                _log.warning("The review queue cannot be looked through for what has expired: %s", error)
            except Exception:  # whatever it is, the next round may get through
                _log.exception("The review queue cannot be looked through for what has expired.")
            await asyncio.sleep(every_seconds)

    def _turns(self) -> Iterator[str | None]:
        """Look at one item after the other; yield its id if it was closed."""
        now = self.clock.now()
        with self.reads() as session:
            late = repository.too_late(session, now)
        for gone in self._until.keys() - {item_id for item_id, _ in late}:
            del self._until[gone]
        for item_id, decision_id in late:
            try:
                is_closed = self._expired(item_id, decision_id, now)
            except SQLAlchemyError:
                raise
            except Exception:  # others may expire all the same
                _log.exception("It cannot be told whether review item %s has expired; it is tried again.", item_id)
                is_closed = False
            yield item_id if is_closed else None

    def _expired(self, item_id: str, decision_id: str, now: datetime) -> bool:
        """Close an item if it has expired; return whether it was closed."""
        if item_id not in self._until:
            self._until[item_id] = self._useful_until(decision_id)
        until = self._until[item_id]
        return until is not None and until <= now and self._close(item_id, until, now)

    def _useful_until(self, decision_id: str) -> datetime | None:
        """Return until when an answer helps; None if it does for ever, or did not even when the item was opened."""
        with self.reads() as session:
            decision = decisions.find(session, decision_id)
            assert decision is not None  # noqa: S101  the database holds the reference
            body = json.loads(decision.body)
            until = LastUse(self.bundles.of_decision(session, body)).of(decode_facts(body["facts"]))
        return None if until is None or until <= decision.decided_at else until

    def _close(self, item_id: str, until: datetime, now: datetime) -> bool:
        note = f"nobody answered by {rfc3339(until)}, after which no branch of the bundle is of use: nothing is done"
        closing = Closing(Answer.EXPIRED, SYSTEM, Branch.NONE.value, ReasonCode.NOBODY_ANSWERED, note)
        with self.sessions.begin() as session:
            if not repository.expire(session, item_id, now=now, closing=closing):
                return False
            new = {"status": repository.DONE, "verdict": closing.verdict, "branch": closing.branch, "note": note}
            old = {"status": repository.OPEN}
            audit(session, at=now, actor=SYSTEM, action="review.expired", subject=f"review:{item_id}", old=old, new=new)
        return True
