"""`features.timeline` beside the as-of joins and windows of other engines, in one run over the same generated facts."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from tests.benchmarks.memory import grown_megabytes
from tests.benchmarks.page import write_section
from tests.benchmarks.peers import ENGINES, Question

PAGE = Path("docs/benchmarks.md")
CUTOFFS = 200_000

pytestmark = [pytest.mark.benchmark, pytest.mark.filterwarnings("default")]


def seconds_of(question: Question, rounds: int) -> dict[str, float]:
    """Return the best time of each engine; they take turns, so that a busy machine is busy for all."""
    taken: dict[str, list[float]] = {name: [] for name in ENGINES}
    expected = ENGINES["ours"](question)
    for _ in range(rounds):
        for name, engine in ENGINES.items():
            gc.collect()
            began = perf_counter()
            answers = engine(question)
            taken[name].append(perf_counter() - began)
            assert np.array_equal(answers, expected), f"{name} disagrees"
    return {name: min(times) for name, times in taken.items()}


def test_nine_windowed_features_beside_peers() -> None:
    pytest.importorskip("polars", reason="polars is not installed; install the extra 'bench'")
    pytest.importorskip("duckdb", reason="duckdb is not installed; install the extra 'bench'")
    if sys.platform != "linux":
        pytest.skip("memory is read from /proc, which only Linux has")
    rows = []
    for facts, rounds, orders in ((1_000_000, 5, ("sorted", "unsorted")), (10_000_000, 2, ("unsorted",))):
        grown = {name: grown_megabytes(name, facts, CUTOFFS) for name in ENGINES}
        for order in orders:
            seconds = seconds_of(Question(facts, CUTOFFS, sorted_cutoffs=order == "sorted"), rounds)
            rows += [
                (
                    f"{facts // 1_000_000}M",
                    order,
                    name,
                    f"{taken:.2f}",
                    f"{taken / seconds['ours']:.1f}",
                    f"{grown[name]:.0f}",
                )
                for name, taken in seconds.items()
            ]
    write_section(
        PAGE,
        "Windowed counts and sums at a cutoff, two clocks",
        f"Generated facts of 1,000 keys over a year, each learnt 5 h late on average; {CUTOFFS:,} cutoffs; nine "
        "features: the count, the late ones and the minutes over 1, 7 and 28 days. From raw arrays to answers, "
        "building included. Best of five rounds taken in turn (of two at 10M), all answers equal to the last digit. "
        "Peak memory is by how much a fresh process grew at most. Every engine has two threads to use "
        "and key and time in one integer, which is what made each of them fastest. `make bench` writes this table.",
        ("facts", "cutoffs", "engine", "seconds", "ratio to ours", "peak MB"),
        rows,
    )
