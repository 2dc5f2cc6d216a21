"""Which shipments a rollout has reached: the same ones each time it is asked, and never fewer as its share grows."""

from __future__ import annotations

import hashlib

ALL = 1_000_000
"""A share is a whole number of millionths."""


def is_reached(subject_id: str, rollout_id: str, share_millionths: int) -> bool:
    """Tell whether a rollout with that share has reached a subject.

    Each subject has a fixed place between 0 and 1 within a rollout, the first 64 bits of a SHA-256; it is reached when
    the share passes that place. Another rollout has other places, so that it is not always the same who go first.
    """
    hashed = hashlib.sha256(f"{rollout_id}\n{subject_id}".encode()).digest()
    return int.from_bytes(hashed[:8], "big") * ALL < share_millionths << 64
