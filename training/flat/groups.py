"""Which rows of a flat table may be the same thing seen twice, and folds that never part them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from training.flat.config import Columns, Together

Ints = NDArray[np.int64]

_DEALT_BY_SIZE = 500


def groups_of(frame: pd.DataFrame, columns: Columns, together: Together) -> Ints:
    """Return the group of each row: int64 [n]. Rows are linked as `Together` says; a group is all that hangs together.

    The grouping errs on the side of caution: chains of rows, each like the next, make one group.
    """
    links = [(list(columns.numbers + columns.flags), len(frame))]
    links += [(list(one), together.at_most) for one in together.agreeing]
    rows, nodes, used = [], [], len(frame)
    for names, most in links:
        _, code, count = np.unique(
            pd.util.hash_pandas_object(frame[names], index=False).to_numpy(), return_inverse=True, return_counts=True
        )
        linked = np.flatnonzero((count[code] > 1) & (count[code] <= most))
        rows.append(linked)
        nodes.append(used + code[linked])
        used += len(count)
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_matrix((np.ones(len(row), dtype=np.int8), (row, node)), shape=(used, used))
    _, found = connected_components(graph, directed=False)
    return np.asarray(pd.factorize(found[: len(frame)])[0], dtype=np.int64)


def folds_of(groups: Ints, folds: int, rng: np.random.Generator) -> Ints:
    """Return the fold of each row: int64 [n]. The largest groups are dealt by size, the rest at random."""
    size = np.bincount(groups)
    order = np.lexsort((rng.random(len(size)), -size))
    fold = rng.integers(0, folds, len(size))
    load = np.zeros(folds, dtype=np.int64)
    for group in order[:_DEALT_BY_SIZE]:
        fold[group] = load.argmin()
        load[fold[group]] += size[group]
    return np.asarray(fold[groups], dtype=np.int64)
