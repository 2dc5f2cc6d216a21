"""Signatures after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, several at once while keys rotate.

The sender signs with every secret it holds, the receiver believes any secret it holds. So a secret is replaced without
a failed delivery: the receiver learns the new one, the sender signs with both, the receiver forgets the old one, the
sender forgets it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import Self

from routing.dispatch.errors import (
    MessageIdError,
    SecretError,
    SignatureMismatchError,
    SignatureMissingError,
    TimestampToleranceError,
)

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
TOLERANCE = timedelta(minutes=5)

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
_MESSAGE_ID = re.compile(r"[!-\-/-~]{1,256}")  # visible ASCII but the full stop, which separates what is signed
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Secret:
    """A shared key. Its text form is `whsec_` and base64; neither shows in a repr or a log."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that is too short to be safe or too long for the standard."""
        if len(self.key) not in _KEY_BYTES:
            raise SecretError(f"has {len(self.key)} bytes")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form, e.g. `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`."""
        stripped = text.strip()
        if not stripped.startswith(_PREFIX):
            raise SecretError(f"does not begin with {_PREFIX}")
        try:
            return cls(base64.b64decode(stripped.removeprefix(_PREFIX), validate=True))
        except binascii.Error as error:
            raise SecretError("is not base64") from error

    def text(self) -> str:
        """Return the text form, to be handed to the other side."""
        return _PREFIX + base64.b64encode(self.key).decode("ascii")


def new_secret() -> Secret:
    """Return a secret of 32 random bytes."""
    return Secret(token_bytes(32))


def sign(secrets: Sequence[Secret], *, message_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message, with one signature for each secret.

    Parameters
    ----------
    secrets
        The current secret first, then any that is being retired.
    message_id
        The same for every attempt; the receiver knows a repeat by it.
    sent_at
        The time of this attempt; aware, whole seconds count.
    body
        Exactly the bytes that are sent.
    """
    if not secrets:
        raise SecretError("is absent")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MessageIdError(message_id)
    timestamp = str(int(sent_at.timestamp()))
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: " ".join(
            "v1," + base64.b64encode(_digest(secret, message_id, timestamp, body)).decode("ascii") for secret in secrets
        ),
    }


def verify(
    secrets: Sequence[Secret],
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance: timedelta = TOLERANCE,
) -> str:
    """Return the message id if one signature fits one secret and the time is near enough.

    Parameters
    ----------
    secrets
        Every secret that is believed at present.
    headers
        As they came; names in any case. Signatures of versions other than `v1` are passed over.
    body
        As it came, byte for byte.
    now
        The receiver's real time.
    tolerance
        How far the sender's time may be from `now`, in either direction, the ends included.

    Raises
    ------
    SignatureMissingError, TimestampToleranceError, SignatureMismatchError
        The message is not believed.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    message_id = _required(lowered, ID_HEADER)
    timestamp = _required(lowered, TIMESTAMP_HEADER)
    signatures = _required(lowered, SIGNATURE_HEADER)
    if not _MESSAGE_ID.fullmatch(message_id):
        raise SignatureMissingError(ID_HEADER, message_id)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureMissingError(TIMESTAMP_HEADER, timestamp)
    sent_at = _EPOCH + timedelta(seconds=int(timestamp)) if int(timestamp) < _END_OF_TIME_SECONDS else _END_OF_TIME
    if abs(now - sent_at) > tolerance:
        raise TimestampToleranceError(sent_at, now, tolerance)
    given = _v1_signatures(signatures)
    expected = [_digest(secret, message_id, timestamp, body) for secret in secrets]
    # Every pair is compared, so that the time taken does not tell which secret or signature came near.
    fits = [hmac.compare_digest(one, other) for one in expected for other in given]
    if not any(fits):
        raise SignatureMismatchError(len(given), len(secrets))
    return message_id


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
_END_OF_TIME_SECONDS = int(_END_OF_TIME.timestamp())


def _digest(secret: Secret, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.new(secret.key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise SignatureMissingError(name, None)
    return value


def _v1_signatures(header: str) -> list[bytes]:
    found: list[bytes] = []
    for part in header.split(" ")[:_MOST_SIGNATURES]:
        version, _, text = part.partition(",")
        if version != "v1":
            continue
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found
