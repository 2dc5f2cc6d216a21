"""What became of one message is what became of each case in it, of which nobody has said something else."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from routing.effects import Effect
from serving.db.tables import OutcomeRow, OutgoingCallRow


def following(session: Session, message: OutgoingCallRow) -> Iterator[OutgoingCallRow]:
    """Bring the calls that go with a message, which is locked, to where it has come, and yield each to be moved.

    They are locked first, and only then it is asked what was said of them: a statement that waited for a row looks at
    no other table again.

    Any other call has none. Until when it is to be confirmed is the message's own affair: one item asks for all.
    """
    if message.gathers is None:
        return
    call = OutgoingCallRow
    own = (call.goes_with == message.call_id, call.status != "joined", call.effect != Effect.WITHDRAWN.value)
    found = select(call).where(*own).order_by(call.position).with_for_update()
    rows = session.scalars(found.execution_options(populate_existing=True)).all()
    said = select(OutcomeRow.call_id).where(OutcomeRow.call_id.in_([row.call_id for row in rows]))
    reported = set(session.scalars(said))
    for row in rows:
        if row.call_id in reported:
            continue
        row.status = "gathered" if message.status in ("pending", "leased") else message.status
        row.attempts, row.last_error, row.delivered_at = message.attempts, message.last_error, message.delivered_at
        row.outcome, row.reference = message.outcome, message.reference
        yield row
