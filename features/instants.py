"""Instants as microseconds since 1970 in UTC: what the point-in-time engine reckons with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from features.timeline import NEVER, Ints

MINUTE = 60_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime | None) -> int:
    """Return microseconds since 1970, `NEVER` for None."""
    if instant is None:
        return NEVER
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant_of(micros: int) -> datetime:
    """Return the instant so many microseconds after 1970 began."""
    return _EPOCH + timedelta(microseconds=micros)


def micros_of(instants: pd.Series) -> Ints:
    """Return microseconds since 1970 of each time, `NEVER` where missing: int64 [n]."""
    aware = instants if isinstance(instants.dtype, pd.DatetimeTZDtype) else pd.to_datetime(instants, utc=True)
    naive = aware.to_numpy(dtype="datetime64[us]")  # in UTC, whatever the zone
    return np.where(np.isnat(naive), NEVER, naive.astype(np.int64))
