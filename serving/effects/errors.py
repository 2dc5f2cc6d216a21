"""Errors about the effects of calls.

EffectError
 ├─ CallNotFoundError       nobody made a call of that id
 ├─ FutureOutcomeError      an outcome lies in the future
 ├─ EarlyOutcomeError       an outcome lies before its call was made
 ├─ UnsentCallError         the call was not sent yet
 └─ UndoError               a call cannot be undone
"""

from __future__ import annotations

from datetime import datetime

from serving.errors import ServingError


class EffectError(ServingError):
    """The effect of a call cannot be read or changed like that."""


class CallNotFoundError(EffectError):
    """No call has that id."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        super().__init__(
            f"Call '{call_id}' is unknown. Send the `id` of the branch call, which is its `webhook-id` header and its "
            f"`data.idempotency_key` too; GET /v1/decisions/{{decision_id}} lists the calls of a decision."
        )


class FutureOutcomeError(EffectError):
    """The outcome of a call lies in the future."""

    def __init__(self, occurred_at: datetime, now: datetime) -> None:
        super().__init__(
            f"occurred_at is {occurred_at.isoformat()}, now it is {now.isoformat()}. Report what has happened, "
            f"with the time at which it did."
        )


class EarlyOutcomeError(EffectError):
    """The outcome of a call lies before the call was made."""

    def __init__(self, call_id: str, occurred_at: datetime, made_at: datetime) -> None:
        self.call_id = call_id
        super().__init__(
            f"occurred_at is {occurred_at.isoformat()}, and call '{call_id}' was made at {made_at.isoformat()}: it "
            f"cannot be what became of it. Report what the call has brought about, with the time at which it did."
        )


class UnsentCallError(EffectError):
    """The call was not sent yet, so nobody can know what became of it."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        super().__init__(
            f"Call '{call_id}' waits in the outbox and was not sent yet, so nobody can know what became of it, and it "
            f"will be sent all the same. Report its outcome once it has arrived; to stop it, issue a directive."
        )


class UndoError(EffectError):
    """A call cannot be undone."""

    def __init__(self, call_id: str, why: str, what_to_do: str) -> None:
        self.call_id = call_id
        self.why = why
        self.what_to_do = what_to_do
        super().__init__(f"Call '{call_id}' is not undone: {why}. {what_to_do}")
