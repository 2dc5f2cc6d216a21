"""The `Idempotency-Key` header (IETF draft): one key, one payload, one answer."""

from __future__ import annotations

import re

from serving.errors import KeyMissingError

_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(header: str | None) -> str:
    """Read the key from its header: a quoted string after the draft, or the bare text that most clients send.

    Raises
    ------
    KeyMissingError
        If there is none, or it is empty, too long or not printable.
    """
    if header is None:
        raise KeyMissingError(None)
    key = header.strip()
    if len(key) >= 2 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not _VISIBLE.fullmatch(key):
        raise KeyMissingError(header)
    return key
