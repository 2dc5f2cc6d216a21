"""`features.timeline` beside the as-of joins of other engines, in the same run over the same generated facts."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from tests.benchmarks import peers
from tests.benchmarks.page import write_section

FACTS, CUTOFFS, WINDOWS, ROUNDS = 1_000_000, 200_000, 5, 3


@pytest.mark.benchmark
@pytest.mark.filterwarnings("default")
def test_windowed_sums_beside_peers() -> None:
    pytest.importorskip("polars", reason="polars is not installed; install the extra 'bench'")
    pytest.importorskip("duckdb", reason="duckdb is not installed; install the extra 'bench'")
    engines = (peers.ours, peers.polars_asof, peers.pandas_asof, peers.duckdb_asof)
    rows = []
    for sorted_cutoffs in (True, False):
        question = peers.Question(FACTS, CUTOFFS, WINDOWS, sorted_cutoffs=sorted_cutoffs)
        seconds: dict[str, list[float]] = {engine.__name__: [] for engine in engines}
        expected = peers.ours(question)
        for _ in range(ROUNDS):
            for engine in engines:  # in turn, so that a busy machine is busy for all
                began = perf_counter()
                answers = engine(question)
                seconds[engine.__name__].append(perf_counter() - began)
                assert np.array_equal(answers, expected), f"{engine.__name__} disagrees"
        own = min(seconds["ours"])
        order = "sorted" if sorted_cutoffs else "unsorted"
        rows += [(order, name, f"{min(times):.2f}", f"{min(times) / own:.2f}") for name, times in seconds.items()]
    write_section(
        Path("docs/benchmarks.md"),
        "Windowed counts and sums at a cutoff, two clocks",
        f"{FACTS:,} generated facts of 1,000 keys, {CUTOFFS:,} cutoffs, {WINDOWS} windows, building the structure "
        f"included; best of {ROUNDS} rounds taken in turn, all answers equal. `make bench` writes this table.",
        ("cutoffs", "engine", "seconds", "ratio to ours"),
        rows,
    )
