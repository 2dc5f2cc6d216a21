"""One subject's calls go out one after the other: which earlier ones a call waits for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from serving.db.subjects import same_subject
from serving.db.tables import OutgoingCallRow
from serving.directives import repository as directives
from serving.effects import booking

OPEN = ("pending", "leased")
"""The states of a call that is still to be settled, and goes out by itself."""
JOINED = "joined"
"""The status of a call that waits with others for the message that they go with."""
UNSENT = (*OPEN, JOINED)
GATHERED = "gathered"
"""The status of a call that goes with a message which is under way."""
_EARLIER = aliased(OutgoingCallRow, name="earlier")
_MESSAGE = aliased(OutgoingCallRow, name="message")
"""Made once: to make them costs several times what the query does."""


def is_open_before(call: Any, now: datetime) -> ColumnElement[bool]:
    """Tell, in a query, whether an earlier call of the same subject is under way, by itself or with a message.

    One that still waits for others to be told with holds up nothing, nor does one that waits for a booking, nor one
    that does not go out, by itself or with its message, because its branch is stopped.
    """
    earlier, message = _EARLIER, _MESSAGE
    waits_with_it = exists().where(message.call_id == earlier.goes_with, message.status == "pending")
    in_nobodys_hand = or_(earlier.status == "pending", and_(earlier.status == GATHERED, waits_with_it))
    return exists().where(
        same_subject(earlier, call),
        earlier.position < call.position,
        earlier.status.in_((*OPEN, GATHERED)),
        ~booking.waits(earlier),
        ~and_(in_nobodys_hand, directives.stops(earlier.branch, now)),
    )
