"""The same question asked of other engines: windowed counts and sums by key at a cutoff, under two clocks.

Each engine gets the facts' lives `[start, end)` as `+value` at the start and `-value` at the end, cumulates them by
key and looks up the last row at or before each cutoff: the fastest formulation known for it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.timeline import Ints, Timeline, ends_of, starts_of


class Question:
    """Facts and cutoffs of one measurement, seeded and generated."""

    def __init__(self, facts: int, cutoffs: int, windows: int, *, sorted_cutoffs: bool, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        day = 86_400_000_000
        self.keys = rng.integers(0, 1_000, facts)
        self.occurred = rng.integers(0, 365 * day, facts)
        self.known = self.occurred + rng.exponential(0.2 * day, facts).astype(np.int64)
        self.values = rng.integers(0, 500, (facts, 1))
        self.windows = [day * 2**power // 4 for power in range(windows)]
        self.cutoff_keys = rng.integers(0, 1_000, cutoffs)
        self.cutoffs = rng.integers(0, 365 * day, cutoffs)
        if sorted_cutoffs:
            order = np.lexsort((self.cutoffs, self.cutoff_keys))
            self.cutoff_keys, self.cutoffs = self.cutoff_keys[order], self.cutoffs[order]

    def lives(self, window: int) -> tuple[Ints, Ints]:
        """Return starts and ends of the facts in one window."""
        return starts_of(self.occurred, self.known), ends_of(self.occurred, self.known, window)


def ours(question: Question) -> Ints:
    """Answer with `features.timeline`."""
    ends = np.stack([question.lives(window)[1] for window in question.windows], axis=1)
    starts = starts_of(question.occurred, question.known)
    return Timeline(question.keys, starts, ends, question.values).at(question.cutoff_keys, question.cutoffs)


def pandas_asof(question: Question) -> Ints:
    """Answer with pandas `merge_asof` over cumulative sums."""
    asked = pd.DataFrame(
        {"key": question.cutoff_keys, "time": question.cutoffs, "row": np.arange(len(question.cutoffs))}
    )
    asked = asked.sort_values("time", kind="stable")
    answers = []
    for window in question.windows:
        steps = _steps(question, window).sort_values("time", kind="stable")
        steps[["n", "total"]] = steps.groupby("key")[["n", "total"]].cumsum()
        found = pd.merge_asof(asked, steps, on="time", by="key").sort_values("row")  # noqa: TID251  the peer itself
        answers.append(found[["n", "total"]].fillna(0).to_numpy(dtype=np.int64))
    return np.stack(answers, axis=1)


def polars_asof(question: Question) -> Ints:
    """Answer with a polars as-of join over cumulative sums."""
    import polars as pl

    asked = pl.DataFrame({"key": question.cutoff_keys, "time": question.cutoffs}).with_row_index("row").sort("time")
    answers = []
    for window in question.windows:
        steps = (
            pl.from_pandas(_steps(question, window))
            .sort("time", maintain_order=True)
            .with_columns(pl.col("n", "total").cum_sum().over("key"))
        )
        found = asked.join_asof(steps, on="time", by="key", check_sortedness=False).sort("row")
        answers.append(found.select(pl.col("n", "total").fill_null(0)).to_numpy())
    return np.stack(answers, axis=1)


def duckdb_asof(question: Question) -> Ints:
    """Answer with DuckDB ASOF joins over cumulative sums."""
    import duckdb

    asked = pd.DataFrame(
        {"key": question.cutoff_keys, "time": question.cutoffs, "row": np.arange(len(question.cutoffs))}
    )
    answers = []
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("asked", asked)
        for window in question.windows:
            connection.register("steps", _steps(question, window))
            found = connection.execute(
                """
                WITH moments AS (SELECT key, time, sum(n) AS n, sum(total) AS total FROM steps GROUP BY key, time),
                     sums AS (SELECT key, time, sum(n) OVER w AS n, sum(total) OVER w AS total FROM moments
                              WINDOW w AS (PARTITION BY key ORDER BY time))
                SELECT coalesce(sums.n, 0)::BIGINT AS n, coalesce(sums.total, 0)::BIGINT AS total
                FROM asked ASOF LEFT JOIN sums ON asked.key = sums.key AND asked.time >= sums.time ORDER BY asked.row
                """
            ).fetchnumpy()
            answers.append(np.stack([found["n"], found["total"]], axis=1))
    return np.stack(answers, axis=1)


def _steps(question: Question, window: int) -> pd.DataFrame:
    start, end = question.lives(window)
    values = question.values[:, 0]
    ones = np.ones(len(start), dtype=np.int64)
    return pd.DataFrame(
        {
            "key": np.concatenate([question.keys, question.keys]),
            "time": np.concatenate([start, end]),
            "n": np.concatenate([ones, -ones]),
            "total": np.concatenate([values, -values]),
        }
    )
