"""The same question asked of other engines: windowed counts and sums by key at a cutoff, under two clocks.

A fact lives on `[start, end)` in a window, so what lives at a cutoff is what had started less what had ended. Each
engine answers it in the fastest of the forms that were tried with it: key and time in one integer, so that one sort
and one comparison serve for both; one cumulated side shared by all windows; arrays handed over without copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from features.timeline import Ints, Timeline

DAY = 86_400_000_000
_SPAN = 2**45
"""A key's share of the joint integer: longer than all times and windows together, about 400 days."""


class Question:
    """Facts and cutoffs of one measurement, seeded and generated; each fact has two values."""

    def __init__(self, facts: int, cutoffs: int, *, sorted_cutoffs: bool, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.keys = rng.integers(0, 1_000, facts)
        self.occurred = rng.integers(0, 365 * DAY, facts)
        self.known = self.occurred + rng.exponential(0.2 * DAY, facts).astype(np.int64)
        self.late = rng.integers(0, 2, facts)
        self.minutes = rng.integers(-100, 500, facts)
        self.windows = (DAY, 7 * DAY, 28 * DAY)
        self.cutoff_keys = rng.integers(0, 1_000, cutoffs)
        self.cutoffs = rng.integers(0, 365 * DAY, cutoffs)
        if sorted_cutoffs:
            order = np.lexsort((self.cutoffs, self.cutoff_keys))
            self.cutoff_keys, self.cutoffs = self.cutoff_keys[order], self.cutoffs[order]

    def sides(self) -> Iterator[Ints]:
        """Yield when each fact starts to count, then when it has left each window, as joint integers.

        One at a time: an engine that lets go of a side before it takes the next holds one.
        """
        yield self.keys * _SPAN + np.maximum(self.occurred, self.known)
        for window in self.windows:
            yield self.keys * _SPAN + np.maximum(self.occurred + window, self.known)

    def asked(self) -> Ints:
        """Return the cutoffs as joint integers."""
        return self.cutoff_keys * _SPAN + self.cutoffs


def ours(question: Question) -> Ints:
    """Answer with `features.timeline`."""
    values = (question.late, question.minutes)
    timeline = Timeline(question.keys, question.occurred, question.known, question.windows, values)
    return timeline.at(question.cutoff_keys, question.cutoffs)


def polars_asof(question: Question) -> Ints:
    """Answer with polars: an as-of join over cumulative sums for each side."""
    import polars as pl

    asked = pl.DataFrame({"code": question.asked()}).with_row_index("row").sort("code")

    def cumulated(codes: Ints) -> Ints:
        sums = (
            pl.DataFrame({"code": codes, "late": question.late, "minutes": question.minutes})
            .sort("code")
            .select(
                "code", pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("n"), pl.col("late", "minutes").cum_sum()
            )
        )
        found = asked.join_asof(sums, on="code", check_sortedness=False).sort("row")
        return np.asarray(found.select(pl.col("n", "late", "minutes").fill_null(0)).to_numpy())

    return _less_ended(question, cumulated)


def pandas_asof(question: Question) -> Ints:
    """Answer with pandas: `merge_asof` over cumulative sums for each side."""
    import pandas as pd

    asked = pd.DataFrame({"code": question.asked()})
    asked["row"] = np.arange(len(asked))
    asked = asked.sort_values("code")

    def cumulated(codes: Ints) -> Ints:
        facts = pd.DataFrame({"code": codes, "late": question.late, "minutes": question.minutes}).sort_values("code")
        sums = facts.assign(n=np.arange(1, len(facts) + 1), late=facts.late.cumsum(), minutes=facts.minutes.cumsum())
        found = pd.merge_asof(asked, sums, on="code").sort_values("row")  # noqa: TID251  the peer itself
        return found[["n", "late", "minutes"]].fillna(0).to_numpy(dtype=np.int64)

    return _less_ended(question, cumulated)


def duckdb_asof(question: Question) -> Ints:
    """Answer with DuckDB: an ASOF join over cumulative sums for each side."""
    import duckdb
    import pyarrow as pa

    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        asked = pa.table({"code": question.asked(), "row": np.arange(len(question.cutoffs))})
        connection.register("asked", asked)

        def cumulated(codes: Ints) -> Ints:
            facts = pa.table({"code": codes, "late": question.late, "minutes": question.minutes})
            connection.register("facts", facts)
            found = connection.execute(
                """
                WITH sums AS (SELECT code, count(*) OVER w AS n,
                                     sum(late) OVER w AS late, sum(minutes) OVER w AS minutes
                              FROM facts WINDOW w AS (ORDER BY code ROWS UNBOUNDED PRECEDING))
                SELECT coalesce(n, 0)::BIGINT AS n, coalesce(late, 0)::BIGINT AS late,
                       coalesce(minutes, 0)::BIGINT AS minutes
                FROM asked ASOF LEFT JOIN sums ON asked.code >= sums.code ORDER BY row
                """
            ).fetchnumpy()
            return np.stack([found["n"], found["late"], found["minutes"]], axis=1)

        return _less_ended(question, cumulated)


def duckdb_range(question: Question) -> Ints:
    """Answer with DuckDB: range windows over starts, ends and cutoffs together, a pass for each window.

    A frame as long as the window knows one clock only. Under two, each fact is a step up at its start and a step down
    at its end, and the frame reaches back to the beginning.
    """
    import duckdb
    import pyarrow as pa

    answers = []
    start, *ends = question.sides()
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        asked = pa.table({"code": question.asked(), "row": np.arange(len(question.cutoffs))})
        connection.register("asked", asked)
        for end in ends:
            facts = pa.table({"start": start, "stop": end, "late": question.late, "minutes": question.minutes})
            connection.register("facts", facts)
            found = connection.execute(
                """
                WITH steps AS (SELECT start AS code, 1::BIGINT AS n, late, minutes, NULL::BIGINT AS row FROM facts
                               UNION ALL SELECT stop, -1, -late, -minutes, NULL FROM facts
                               UNION ALL SELECT code, 0, 0, 0, row FROM asked),
                     sums AS (SELECT row, sum(n) OVER w AS n, sum(late) OVER w AS late, sum(minutes) OVER w AS minutes
                              FROM steps WINDOW w AS (ORDER BY code RANGE UNBOUNDED PRECEDING))
                SELECT n::BIGINT AS n, late::BIGINT AS late, minutes::BIGINT AS minutes
                FROM sums WHERE row IS NOT NULL ORDER BY row
                """
            ).fetchnumpy()
            answers.append(np.stack([found["n"], found["late"], found["minutes"]], axis=1))
    return np.stack(answers, axis=1)


def _less_ended(question: Question, cumulated: Callable[[Ints], Ints]) -> Ints:
    started, *ended = map(cumulated, question.sides())
    return np.stack([started - gone for gone in ended], axis=1)


ENGINES: dict[str, Callable[[Question], Ints]] = {
    "ours": ours,
    "polars, as-of join": polars_asof,
    "pandas, merge_asof": pandas_asof,
    "DuckDB, ASOF join": duckdb_asof,
    "DuckDB, range windows": duckdb_range,
}
