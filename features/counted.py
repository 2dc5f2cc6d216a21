"""Facts that feeds tell of carriers, counted through windows: those of one carrier, and those of all.

A share or mean of few is shrunk towards that of all carriers, as `features.history` does for legs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import WINDOWS
from features.revisions import RevisedTimeline
from features.timeline import Ints

EVERYBODY = "everybody"
"""What a feed is asked about where all carriers together are meant."""

WIDTH = 3
"""What is answered for each window: how many, and the sums of their two values."""


JOIN = "+"
"""What joins fields that are asked about together, and their values."""


def joined(columns: Sequence[NDArray[np.object_]]) -> NDArray[np.object_]:
    """Return the values of several fields of each row as one, None where any is missing: object [n]."""
    if len(columns) == 1:
        return columns[0]
    found = [
        None if None in (row := tuple(values)) or any(one != one for one in row) else JOIN.join(row)
        for values in zip(*columns, strict=True)
    ]
    return np.array(found, dtype=object)


def subject_of(field: str, value: str) -> str:
    """Return what a question is about, in one word: no carrier is taken for all of them."""
    return EVERYBODY if field == EVERYBODY else f"{field} {value}"


def told_of_each(facts: pd.DataFrame) -> pd.DataFrame:
    """Return facts with a column `carrier` once for the carrier and once for all, named in the column `subject`."""
    facts = facts.reset_index(drop=True)
    subject = pd.Series([subject_of("carrier", carrier) for carrier in facts.pop("carrier")], dtype=object)
    return pd.concat([facts.assign(subject=subject), facts.assign(subject=EVERYBODY)], ignore_index=True)


class Counted:
    """Facts by subject.

    Parameters
    ----------
    facts
        Columns subject, and int64: occurred, known, until, and two values.
    windows
        Names out of `history.WINDOWS`.
    """

    def __init__(self, facts: pd.DataFrame, windows: Sequence[str], values: tuple[str, str]) -> None:
        codes, self._subjects = pd.factorize(facts["subject"].to_numpy(dtype=object))
        occurred, known, until, *sums = (
            facts[column].to_numpy(dtype=np.int64) for column in ("occurred", "known", "until", *values)
        )
        lengths = [WINDOWS[window] for window in windows]
        self._timeline = RevisedTimeline(codes.astype(np.int64), occurred, known, until, lengths, sums)

    def at(self, subjects: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:  # noqa: ARG002  as every feed
        """Return count and both sums of each subject's facts in each window: float64 [q, WIDTH * len(windows)]."""
        codes = pd.Index(self._subjects).get_indexer(pd.Index(subjects)).astype(np.int64)
        return self._timeline.at(codes, cutoffs).reshape(len(subjects), -1).astype(np.float64)
