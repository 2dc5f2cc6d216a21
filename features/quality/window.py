"""The records of one sender, parted into recent ones and those that say what is usual."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.quality.feeds import Sender
from features.quality.measures import Kind, Measure
from features.quality.settings import QualitySettings


@dataclass(frozen=True, slots=True)
class Window:
    """What was known of one sender at an instant.

    Attributes
    ----------
    recent, usual
        Records known in the last `recent_days`, and in the `usual_days` before those.
    """

    sender: Sender
    at: pd.Timestamp
    settings: QualitySettings
    recent: pd.DataFrame
    usual: pd.DataFrame

    @classmethod
    def of(cls, sender: Sender, at: pd.Timestamp, settings: QualitySettings) -> Window:
        """Part the records of a sender; they are those known by `at`, in order."""
        known = sender.records["known_at"]
        begin = at - pd.Timedelta(days=settings.recent_days)
        before = begin - pd.Timedelta(days=settings.usual_days)
        return cls(
            sender,
            at,
            settings,
            sender.records[known > begin],
            sender.records[(known > before) & (known <= begin)],
        )

    @property
    def who(self) -> str:
        """The feed in words, with sender and carrier."""
        source = f" from {self.sender.source}" if self.sender.source else ""
        carrier = f" of carrier {self.sender.carrier}" if self.sender.carrier else ""
        return f"{self.sender.feed.table}{source}{carrier}"

    def measure(
        self,
        kind: Kind,
        value: float,
        limit: float,
        unit: str,
        *,
        records: int,
        found: str,
        expected: str,
        to_do: str,
        usual: float | None = None,
        field: str | None = None,
        since: pd.Timestamp | None = None,
        alarm: bool | None = None,
    ) -> Measure:
        """Return a measure of this sender; it is an alarm if the value is over the limit."""
        raised = value > limit if alarm is None else alarm
        return Measure(
            kind=kind,
            feed=self.sender.feed.table,
            source=self.sender.source,
            carrier=self.sender.carrier,
            field=field,
            value=float(value),
            usual=usual,
            limit=float(limit),
            unit=unit,
            alarm=bool(raised),
            since=since.to_pydatetime() if raised and since is not None else None,
            records=records,
            owner=self.sender.feed.owner,
            found=found,
            expected=expected,
            to_do=to_do,
        )


def change_point(values: NDArray[np.float64]) -> int:
    """Return where the level of a series changes most: the first position of the new level (CUSUM, Page 1954).

    Parameters
    ----------
    values : float64 [n], n >= 2, in order of time
    """
    away = np.abs(np.cumsum(values - values.mean()))[:-1]
    return int(np.argmax(away)) + 1
