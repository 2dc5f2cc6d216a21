"""What became of one message is what became of each case in it, of which nobody has said something else."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from routing.effects import Effect
from serving.db.tables import OutcomeRow, OutgoingCallRow


def following(session: Session, message: OutgoingCallRow) -> Iterator[OutgoingCallRow]:
    """Bring the calls that go with a message, which is locked, to where it has come, and yield each to be moved.

    Any other call has none. Until when it is to be confirmed is the message's own affair: one item asks for all.
    """
    if message.gathers is None:
        return
    call = OutgoingCallRow
    reported = exists().where(OutcomeRow.call_id == call.call_id)
    own = (call.goes_with == message.call_id, call.status != "joined", call.effect != Effect.WITHDRAWN.value, ~reported)
    found = select(call).where(*own).order_by(call.position).execution_options(populate_existing=True)
    for row in session.scalars(found).all():
        row.status = "gathered" if message.status in ("pending", "leased") else message.status
        row.attempts, row.last_error, row.delivered_at = message.attempts, message.last_error, message.delivered_at
        row.outcome, row.reference = message.outcome, message.reference
        yield row
