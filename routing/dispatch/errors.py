"""Errors of dispatch. Each says what was found, what was expected and what to do.

DispatchError
 ├─ SecretError                 a signing secret cannot be used
 ├─ MessageIdError              a message id could be mistaken for another part of what is signed
 ├─ SignatureError              a message is not believed
 │   ├─ SignatureMissingError      a header is absent or unreadable
 │   ├─ TimestampToleranceError    it was sent too long ago, or too far ahead
 │   └─ SignatureMismatchError     no signature fits any secret
 ├─ EnvelopeError               a branch call cannot be put into words
 ├─ TargetError                 a target cannot be called
 │   ├─ TargetUrlError             its URL is not one we call
 │   ├─ BrokerPlaceError           it names no place of a broker
 │   ├─ TlsFilesError              a file of its TLS connection cannot be used
 │   ├─ DeploymentNameError        it names no deployment of Prefect
 │   └─ AddressRefusedError        its name leads to an address inside the house
 ├─ UnreachableError            no answer came: the effect may or may not have happened
 ├─ NotConfirmedError           a broker did not say that it has the call: it may have it or not
 ├─ MessageRefusedError         the target will never take this call
 ├─ OutboxUnavailableError      the outbox did not answer; try again
 └─ LeaseTooShortError          a lease would run out before the slowest target answers
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from routing.errors import RoutingError


class DispatchError(RoutingError):
    """Base of every error of this package."""


class SecretError(DispatchError):
    """A signing secret cannot be used. The secret itself is never shown."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The signing secret {reason}. Expected whsec_ and 24 to 64 random bytes in base64; "
            f"make one with `triage new-secret`."
        )


class MessageIdError(DispatchError):
    """A message id could be mistaken for another part of what is signed."""

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        super().__init__(
            f"Message id {message_id!r} cannot be signed. Expected 1 to 256 visible ASCII characters: "
            f"a full stop would let one message pass for another, so it is not among them."
        )


class SignatureError(DispatchError):
    """A message is not believed. Answer 401 and have no effect."""


class SignatureMissingError(SignatureError):
    """A header is absent or unreadable."""

    def __init__(self, header: str, found: str | None) -> None:
        self.header = header
        self.found = found
        shown = "is absent" if found is None else f"is {found[:40]!r}, which cannot be read"
        super().__init__(f"Header {header} {shown}. Send the three headers of Standard Webhooks 1.0.0.")


class TimestampToleranceError(SignatureError):
    """A message was sent too long ago, or claims a time too far ahead."""

    def __init__(self, sent_at: datetime, now: datetime, tolerance: timedelta) -> None:
        self.sent_at = sent_at
        self.now = now
        self.tolerance = tolerance
        super().__init__(
            f"The message was signed at {sent_at.isoformat()} and it is {now.isoformat()}; at most "
            f"{tolerance.total_seconds():g} s apart are allowed. Sign every attempt anew, and check both clocks."
        )


class SignatureMismatchError(SignatureError):
    """No signature fits any secret."""

    def __init__(self, signatures: int, secrets: int) -> None:
        self.signatures = signatures
        self.secrets = secrets
        super().__init__(
            f"None of {signatures} v1 signature(s) fits any of {secrets} secret(s). "
            f"Check that both sides share a secret and that the body was not rewritten on the way."
        )


class EnvelopeError(DispatchError):
    """A branch call cannot be put into words."""

    def __init__(self, call_id: str, reason: str) -> None:
        self.call_id = call_id
        self.reason = reason
        super().__init__(f"Call '{call_id}' cannot be written: {reason}.")


class TargetError(DispatchError):
    """A target cannot be called."""


class TargetUrlError(TargetError):
    """The URL of a target is not one we call."""

    def __init__(self, target: str, shown_url: str, reason: str) -> None:
        self.target = target
        self.reason = reason
        super().__init__(
            f"Target '{target}' has the URL {shown_url}, which {reason}. "
            f"Expected http(s)://host[:port]/path without credentials."
        )


class BrokerPlaceError(TargetError):
    """A target names no place of a broker. Its URL is not shown: it may hold credentials."""

    def __init__(self, target: str, found: str, expected: str) -> None:
        self.target = target
        super().__init__(f"Target '{target}' {found}. Expected {expected}.")


class TlsFilesError(TargetError):
    """A file of a TLS connection cannot be used."""

    def __init__(self, found: str, path: Path | None) -> None:
        self.path = path
        super().__init__(f"Found {found} at {path}. Expected PEM files that can be read, a key without a password.")


class DeploymentNameError(TargetError):
    """A target names no deployment of Prefect."""

    def __init__(self, target: str, found: str) -> None:
        self.target = target
        self.found = found
        super().__init__(f"Target '{target}' names the deployment {found!r}. Expected its id, or flow/deployment.")


class AddressRefusedError(TargetError):
    """The name of a target leads to an address inside the house."""

    def __init__(self, host: str, address: str, kind: str) -> None:
        self.host = host
        self.address = address
        self.kind = kind
        todo = "Give another address: such a one is never called."
        if kind in ("private", "loopback"):
            todo = "Give a public address, or allow private ones for this target if it is meant to be inside the house."
        super().__init__(f"Host '{host}' resolves to {address}, a {kind} address, so nothing was sent. {todo}")


class UnreachableError(DispatchError):
    """No answer came. The effect may or may not have happened, so the call is repeated with the same id."""

    def __init__(self, host: str, reason: str) -> None:
        self.host = host
        self.reason = reason
        super().__init__(f"No answer from {host}: {reason}.")


class NotConfirmedError(DispatchError):
    """A broker did not say that it has the call. It may have it, so the call is repeated with the same id."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"{place} did not confirm the call: {reason}.")


class MessageRefusedError(DispatchError):
    """The target will never take this call, so it is a dead letter."""

    def __init__(self, place: str, reason: str) -> None:
        self.place = place
        self.reason = reason
        super().__init__(f"{place} will not take the call: {reason}.")


class OutboxUnavailableError(DispatchError):
    """The outbox did not answer."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The outbox did not answer: {reason}. Leases stay as they are; the next poll tries again.")


class LeaseTooShortError(DispatchError):
    """A lease would run out before the slowest target answers, and the call would be made twice at once."""

    def __init__(self, lease: timedelta, target: str, timeout: timedelta) -> None:
        self.lease = lease
        self.target = target
        self.timeout = timeout
        super().__init__(
            f"The lease is {lease.total_seconds():g} s, but target '{target}' may take {timeout.total_seconds():g} s. "
            f"Expected a lease of at least twice the timeout: lengthen the one or shorten the other."
        )
