"""Errors of the service. Each says what was found, what was expected and what to do; none knows HTTP.

ServingError
 ├─ SettingsError               the service refuses to start
 ├─ SnapshotError               a snapshot cannot be taken or used
 ├─ NoLinesError, Unknown…      see serving.shortages.errors
 ├─ DatabaseNotMigratedError    the tables are older or newer than the program
 ├─ RequestError                a request cannot be understood
 │   ├─ MalformedBodyError         the body is not JSON
 │   ├─ MediaTypeError             the body is of another type than the endpoint takes
 │   ├─ ContentTooLargeError       the body is over the limit
 │   ├─ UnauthorizedError          the token is absent or wrong
 │   ├─ ActorMissingError          nobody says who acts
 │   ├─ ImpersonationError         somebody acts in the name of another
 │   ├─ PersonUnknownError         a token of one's own is needed
 │   ├─ RoleMissingError           somebody orders what is not theirs to order
 │   ├─ CursorError                a page cursor that this service never gave out
 │   └─ InvalidRecordError         a record breaks the canonical form
 ├─ EventError                  an event is refused, and kept with the reason
 │   ├─ EnvelopeError              it is not a CloudEvent
 │   ├─ UnknownEventTypeError      nobody here reads that type
 │   ├─ KnownTimeError             it claims when it was learnt, which only a replay may do
 │   └─ EventConflictError         the same source and id came before with other data
 ├─ IdempotencyError
 │   ├─ KeyMissingError            there is no Idempotency-Key, or not a usable one
 │   ├─ KeyInUseError              the first request with the key is still running
 │   └─ KeyReusedError             the key belongs to another payload
 ├─ NothingToDecideError
 │   ├─ NoDecisionMomentError      the shipment has nothing to decide now
 │   ├─ InvoiceCancelledError      its carrier has cancelled it
 │   └─ LineDoneError              see serving.shortages.errors
 ├─ NoContractsError            without a rate no carrier can be recommended
 ├─ NoPromiseError              without a promise no place can be recommended
 ├─ LineValueError              see serving.recommendations.errors
 ├─ UnknownInvoiceError         an invoice that nobody sent
 ├─ DecisionNotFoundError
 ├─ EffectError                 see serving.effects.errors
 ├─ OrderError                  see serving.directives.errors
 ├─ CauseError                  see serving.causes.errors
 ├─ LifeError                   see serving.policies.errors
 └─ ReviewError                see serving.reviews.errors
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, with the path to it, e.g. `data.stops[1].place`."""

    path: str
    detail: str


class ServingError(Exception):
    """Base of every error this package raises on purpose."""


class SettingsError(ServingError):
    """The service refuses to start with these settings."""

    def __init__(self, setting: str, found: str, what_to_do: str) -> None:
        self.setting = setting
        super().__init__(f"Setting '{setting}' is {found}. {what_to_do}")


class SnapshotError(ServingError):
    """A snapshot of the record log cannot be taken or used."""

    def __init__(self, folder: Path, found: str, what_to_do: str) -> None:
        super().__init__(f"The snapshot {folder} cannot be used: {found}. {what_to_do}")


class DatabaseNotMigratedError(ServingError):
    """The database is not at the revision this program was written for."""

    def __init__(self, found: str | None, expected: str | None) -> None:
        self.found = found
        self.expected = expected
        super().__init__(f"The database is at revision {found}, expected {expected}. Run `triage db upgrade`.")


class RequestError(ServingError):
    """A request cannot be understood. `faults` lists every fault that was found."""

    faults: tuple[Fault, ...] = ()


class MalformedBodyError(RequestError):
    """The body is not JSON."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body is not valid JSON: {reason}. Send UTF-8 JSON (RFC 8259), without NaN or Infinity.")


class MediaTypeError(RequestError):
    """The body is of another type than the endpoint takes."""

    def __init__(self, found: str | None, expected: Sequence[str]) -> None:
        self.found = found
        self.expected = tuple(expected)
        super().__init__(f"Content-Type is {found or 'absent'}. Send one of: {', '.join(expected)}.")


class ContentTooLargeError(RequestError):
    """The body is too large; send a batch of events in smaller parts."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(
            f"The body is larger than {limit_bytes} bytes, so none of it was read in. "
            f"Send a batch of events in smaller parts."
        )


class UnauthorizedError(RequestError):
    """The token is absent or wrong."""

    def __init__(self) -> None:
        super().__init__("This service wants a token. Send `Authorization: Bearer <token>` with the one it was given.")


class ActorMissingError(RequestError):
    """Nobody says who acts, so nothing is written: every change is audited with its actor."""

    def __init__(self) -> None:
        super().__init__("Header X-Actor is absent. Send who acts, 1 to 100 characters, e.g. `X-Actor: dana`.")


class ImpersonationError(RequestError):
    """Somebody acts in the name of a person who has a token of their own, without it."""

    def __init__(self, claimed: str, found: str | None) -> None:
        self.claimed = claimed
        carrier = "no token of a person" if found is None else f"the token of {found}"
        super().__init__(
            f"Header X-Actor is '{claimed}', but the call carries {carrier}. Send {claimed}'s own token as "
            f"`Authorization: Bearer <token>`, or leave X-Actor out."
        )


class PersonUnknownError(RequestError):
    """The call is for people who are known by a token of their own."""

    def __init__(self) -> None:
        super().__init__(
            "This call is for people with a token of their own. Send `Authorization: Bearer <your token>`; whoever "
            "runs the service lists people in the file given to `triage serve --people`."
        )


class RoleMissingError(RequestError):
    """Somebody orders what is not theirs to order."""

    def __init__(self, person: str, held: Sequence[str], needed: Sequence[str], what: str) -> None:
        self.person = person
        self.needed = tuple(needed)
        super().__init__(
            f"{person} acts for {', '.join(held)}; {what} takes {' or '.join(needed)}. Ask somebody who acts for them."
        )


class CursorError(RequestError):
    """A page cursor that this service never gave out."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        super().__init__(f"Cursor '{cursor[:60]}' is not one of ours. Leave it out, or take `next` of the page before.")


class InvalidRecordError(RequestError):
    """A record breaks the canonical form. `faults` holds every fault with its path."""

    def __init__(self, record: str, faults: Sequence[Fault]) -> None:
        self.record = record
        self.faults = tuple(faults)
        listed = "; ".join(f"{fault.path}: {fault.detail}" for fault in self.faults)
        super().__init__(f"The {record} has {len(self.faults)} fault(s). Mend them all and send it again: {listed}")


class EventError(ServingError):
    """An event is refused. It is kept whole, with this sentence as the reason."""

    faults: tuple[Fault, ...] = ()


class EnvelopeError(EventError):
    """What came is not a CloudEvent."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        listed = "; ".join(f"{fault.path}: {fault.detail}" for fault in self.faults)
        super().__init__(f"This is not a CloudEvent 1.0 with JSON data: {listed}")


class UnknownEventTypeError(EventError):
    """Nobody here reads events of that type."""

    def __init__(self, found: str, known: Sequence[str]) -> None:
        self.found = found
        self.faults = (Fault("type", f"'{found}' is not one of {', '.join(known)}"),)
        super().__init__(f"Event type '{found}' is unknown. Known: {', '.join(known)}.{did_you_mean(found, known)}")


class KnownTimeError(EventError):
    """The sender says when we learnt it, which the service alone knows, unless it replays history."""

    def __init__(self) -> None:
        self.faults = (Fault("data.known_at", "is set by the service"),)
        super().__init__(
            "data.known_at is given, but the service sets it to the time it learns of the event. Leave it out; "
            "to replay history with its own clock, start the service with --trust-known-time."
        )


class EventConflictError(EventError):
    """The same source and id came before, with other data.

    `kept_faults` are those of the data that came before: an earlier release took them, and this one would not.
    """

    def __init__(self, source: str, event_id: str, received_at: datetime, kept_faults: Sequence[Fault] = ()) -> None:
        self.source = source
        self.event_id = event_id
        self.kept_faults = tuple(kept_faults)
        came = f"Event '{event_id}' of source '{source}' came at {received_at.isoformat()} with other data"
        if not kept_faults:
            super().__init__(
                f"{came}. Give a new event a new id; to correct one, send a new event whose `corrects` names the old."
            )
            return
        listed = "; ".join(f"{fault.path}: {fault.detail}" for fault in self.kept_faults)
        super().__init__(
            f"{came}, which an earlier release took and this one refuses ({listed}). It stays in the record log, and "
            f"nothing is learnt from it. Send the mended event with a new id."
        )


class IdempotencyError(ServingError):
    """The `Idempotency-Key` of a request cannot be honoured."""


class KeyMissingError(IdempotencyError):
    """There is no `Idempotency-Key`, or not a usable one."""

    def __init__(self, found: str | None) -> None:
        self.found = found
        super().__init__(
            f"Idempotency-Key is {'absent' if found is None else 'not usable'}. This call may set something in motion, "
            f"so send a key of 1 to 255 visible characters that is new for each new call and the same for each retry, "
            f"e.g. a UUID."
        )


class KeyInUseError(IdempotencyError):
    """The first request with the key is still running."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"A request with Idempotency-Key '{key}' is still running. "
            f"Send it again in a moment: it answers what the first one answers."
        )


class KeyReusedError(IdempotencyError):
    """The key belongs to another payload."""

    def __init__(self, key: str, started_at: datetime) -> None:
        self.key = key
        super().__init__(
            f"Idempotency-Key '{key}' was used at {started_at.isoformat()} for another payload. "
            f"Send a new call with a new key."
        )


class NothingToDecideError(ServingError):
    """Nothing is left to decide about a subject."""


class NoDecisionMomentError(NothingToDecideError):
    """The shipment has nothing to decide at this time."""

    def __init__(self, shipment_id: str, now: datetime) -> None:
        self.shipment_id = shipment_id
        super().__init__(
            f"Shipment '{shipment_id}' has no decision moment at {now.isoformat()}: it is known to be delivered, "
            f"cancelled or otherwise closed, so there is nothing left to decide. To judge it all the same, name the "
            f"`moment`."
        )


class UnknownInvoiceError(ServingError):
    """A question about an invoice that nobody sent."""

    def __init__(self, invoice_id: str) -> None:
        self.invoice_id = invoice_id
        super().__init__(
            f"Invoice '{invoice_id}' is unknown. Send its `freight.invoice` event first, or give the invoice inline."
        )


class InvoiceCancelledError(NothingToDecideError):
    """The carrier has cancelled the invoice."""

    def __init__(self, invoice_id: str, cancelled_by: str) -> None:
        self.invoice_id = invoice_id
        super().__init__(
            f"Invoice '{invoice_id}' was cancelled by the carrier, with '{cancelled_by}', so there is nothing left to "
            f"decide about it."
        )


class DecisionNotFoundError(ServingError):
    """No decision has that id."""

    def __init__(self, decision_id: str) -> None:
        self.decision_id = decision_id
        super().__init__(
            f"Decision '{decision_id}' is unknown. List those of a shipment: GET /v1/decisions?shipment_id=…"
        )


class NoContractsError(ServingError):
    """No contract with any carrier is on file."""

    def __init__(self) -> None:
        super().__init__(
            "No contract with any carrier is on file, so no rate is known and nothing can be compared. Start the "
            "service with --contracts, the folder of imported tables that holds carrier_rates."
        )


class NoPromiseError(ServingError):
    """Nobody says by when an order is promised."""

    def __init__(self) -> None:
        super().__init__(
            "Neither the request nor a shipment says by when the order is promised, so no way to send it is late or in "
            "time. Give promised_at, or a shipment that has a promise."
        )
