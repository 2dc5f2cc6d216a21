"""Signed checkpoints: how far the chains of decisions and of the audit trail had come, and their hashes then, kept
outside the database.

Whoever can write to the database can cut off the end of a chain or make all of it anew. They cannot sign, if the key
lies elsewhere: a chain that does not hold what a checkpoint says is another chain.
Signatures are Ed25519 (RFC 8032) over the canonical JSON of everything else in the line. To check one takes the public
key alone, and neither the service nor its database.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from routing.canonical import canonical_json
from routing.errors import CheckpointError

SCHEMA = "freight-triage/checkpoint/2"
"""The form of a line that is signed now."""
FIRST_SCHEMA = "freight-triage/checkpoint/1"
"""The form before the audit trail was a chain: a line tells of decisions alone."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One line of a file of checkpoints."""

    sequence: int
    hash: str
    signed_at: str
    """RFC 3339, by the clock of whoever signed."""
    key_id: str
    """First 16 hex digits of the SHA-256 of the raw public key."""
    signature: str
    """Base64 of 64 bytes."""
    trail_sequence: int | None = None
    trail_hash: str | None = None

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the newest decision; 0 and a hash of zeros if there was none."""
        return self.sequence, self.hash

    @property
    def trail(self) -> tuple[int, str] | None:
        """Number and hash of the newest entry of the audit trail; None of a line of before that was a chain."""
        if self.trail_sequence is None or self.trail_hash is None:
            return None
        return self.trail_sequence, self.trail_hash

    def signed(self) -> bytes:
        """Return the bytes that the signature is over."""
        rest: dict[str, object] = {"sequence": self.sequence, "hash": self.hash, "signed_at": self.signed_at}
        if self.trail is None:
            rest["schema"] = FIRST_SCHEMA
        else:
            rest |= {"schema": SCHEMA, "trail_sequence": self.trail_sequence, "trail_hash": self.trail_hash}
        return canonical_json(rest | {"key_id": self.key_id}).encode("ascii")

    def line(self) -> str:
        """Return the line of the file, without its end."""
        return canonical_json(json.loads(self.signed()) | {"signature": self.signature})

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a line; raises `ValueError` if it is none."""
        data = json.loads(line)
        if not isinstance(data, dict) or data.pop("schema", None) not in (FIRST_SCHEMA, SCHEMA):
            raise ValueError(f"no {SCHEMA}")
        found = cls(**data)
        numbers = (found.sequence,) if found.trail is None else (found.sequence, found.trail_sequence)
        if not all(isinstance(number, int) for number in numbers) or found.line() != line:
            raise ValueError(f"no {SCHEMA} as it is written")
        return found


def new_key() -> tuple[bytes, bytes]:
    """Return a private key and its public key, each as PEM (PKCS 8 without a password, and SubjectPublicKeyInfo)."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    return private, key.public_key().public_bytes(serialization.Encoding.PEM, public)


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Read the key that signs; raises `CheckpointError` if the file holds none."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CheckpointError(f"{path} holds no private key without a password", _MAKE_ONE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointError(f"{path} holds a {type(key).__name__}, no Ed25519 key", _MAKE_ONE)
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read the key that checks; raises `CheckpointError` if the file holds none."""
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CheckpointError(f"{path} holds no public key", _MAKE_ONE) from error
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointError(f"{path} holds a {type(key).__name__}, no Ed25519 key", _MAKE_ONE)
    return key


def sign(
    key: Ed25519PrivateKey, sequence: int, digest: str, *, signed_at: str, trail: tuple[int, str] | None = None
) -> Checkpoint:
    """Sign the heads of chains that were found whole: that of decisions, and that of the audit trail."""
    trail_sequence, trail_hash = trail or (None, None)
    unsigned = Checkpoint(sequence, digest, signed_at, key_id(key.public_key()), "", trail_sequence, trail_hash)
    return replace(unsigned, signature=base64.b64encode(key.sign(unsigned.signed())).decode("ascii"))


def read_checkpoints(path: Path, key: Ed25519PublicKey) -> tuple[Checkpoint, ...]:
    """Read a file of checkpoints and check every signature.

    Raises
    ------
    CheckpointError
        If a line is no checkpoint, was signed by another key or not at all, or does not come after the line before.
    """
    found: list[Checkpoint] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        place = f"line {number} of {path}"
        try:
            checkpoint = Checkpoint.parse(line)
        except (ValueError, TypeError) as error:
            raise CheckpointError(f"{place} is no checkpoint", "Keep the file as `triage audit checkpoint` wrote it.") \
                from error  # fmt: skip
        if checkpoint.key_id != key_id(key):
            what = f"{place} was signed with key {checkpoint.key_id}, not with {key_id(key)}"
            raise CheckpointError(what, "Give the public key of that time, and begin a new file with a new key.")
        if not _is_signed(checkpoint, key):
            raise CheckpointError(f"{place} does not match its signature", "Somebody changed it. Keep it as evidence.")
        before = found[-1] if found else None
        if before and (_place(checkpoint) <= _place(before) or _time(checkpoint) < _time(before)):
            what = f"{place} (decision {checkpoint.sequence}) does not come after decision {before.sequence}"
            raise CheckpointError(what, "Lines were moved, or two chains were signed into one file: keep both.")
        found.append(checkpoint)
    return tuple(found)


def key_id(key: Ed25519PublicKey) -> str:
    """Name a key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


_MAKE_ONE = "Make a pair with `triage audit key`."


def _place(checkpoint: Checkpoint) -> tuple[int, int]:
    return checkpoint.sequence, checkpoint.trail_sequence or 0


def _time(checkpoint: Checkpoint) -> datetime:
    return datetime.fromisoformat(checkpoint.signed_at)


def _is_signed(checkpoint: Checkpoint, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(base64.b64decode(checkpoint.signature, validate=True), checkpoint.signed())
    except (InvalidSignature, binascii.Error):
        return False
    return True
