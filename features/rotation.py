"""Rotation: what the vehicle is planned to do before this departure, and how much time that leaves.

The run before is the leg of the same vehicle that is planned to depart last before this one, as planned at the cutoff,
a week before at most, and not known to be cancelled or given up.
"""

from __future__ import annotations

from bisect import bisect_left, insort_right
from collections.abc import Hashable, Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.codes import Codes
from features.declaration import Feature
from features.errors import TimelineError
from features.history import DAY, HOUR
from features.legs import Row, Time
from features.timeline import NEVER, Ints

_OWNER = "transport planning"
_SOURCE = "shipments, stops, events"
_AT_MOST = 7 * DAY

FEATURES = (
    Feature(
        "vehicle_gap_hours",
        "hours",
        "planned time between the departure of the vehicle's run before and this one",
        _SOURCE,
        _OWNER,
    ),
    Feature(
        "vehicle_turnaround_hours",
        "hours",
        "planned time between the promised arrival of the vehicle's run before and this departure",
        _SOURCE,
        _OWNER,
    ),
    Feature(
        "vehicle_return_slack_hours",
        "hours",
        "planned time between the vehicle's run before, if it has to come back in as long, and this departure",
        _SOURCE,
        _OWNER,
    ),
)

NO_RUN = (np.nan, np.nan)
"""What stands for a vehicle without a run before: planned departure and promised arrival in microseconds."""


def values(planned: Ints, before: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the features: float64 [n, len(FEATURES)].

    Parameters
    ----------
    planned : int64 [n]
        Planned departure of the leg.
    before : float64 [n, 2]
        Planned departure and promised arrival of the vehicle's run before, from `Rotation.at`.
    """
    gap, turnaround = planned - before[:, 0], planned - before[:, 1]
    return np.stack([gap, turnaround, turnaround - (before[:, 1] - before[:, 0])], axis=1) / HOUR


def values_of_one(planned: int, before: Sequence[float]) -> list[float]:
    """Return `values` of one leg: the same operations, so the same bits."""
    gap, turnaround = planned - before[0], planned - before[1]
    return [gap / HOUR, turnaround / HOUR, (turnaround - (before[1] - before[0])) / HOUR]


class Rotation:
    """The planned runs of vehicles.

    Parameters
    ----------
    codes : int64 [n]
        Vehicle of each version of a leg, negative where it has none.
    times : int64 [n, len(Time)]
    """

    def __init__(self, codes: Ints, times: Ints) -> None:
        runs = runs_of(times)
        chosen = np.flatnonzero((codes >= 0) & runs.valid)
        planned, promised, since, until = runs.columns[chosen].T
        order = np.lexsort((until, since, promised, planned, codes[chosen]))
        codes, planned = codes[chosen][order], planned[order]
        self._codes = Codes(codes, planned)
        self._places = self._codes.of(codes, planned)
        self._since, self._until = since[order], until[order]
        self._answers = np.vstack([np.stack([planned, promised[order]], axis=1).astype(np.float64), NO_RUN])

    def at(self, codes: Ints, planned: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return planned departure and promised arrival of the run before each planned departure: float64 [q, 2]."""
        asked = np.where(planned == NEVER, 0, planned)
        first = np.searchsorted(self._places, self._codes.of(codes, asked - _AT_MOST - 1), side="right")
        place = np.searchsorted(self._places, self._codes.of(codes, asked - 1), side="right") - 1
        looking = np.flatnonzero((place >= first) & (codes >= 0) & (planned != NEVER))
        found = np.full(len(codes), -1, dtype=np.int64)
        while len(looking):
            at, cutoff = place[looking], cutoffs[looking]
            holds = (self._since[at] <= cutoff) & (cutoff < self._until[at])
            found[looking[holds]] = at[holds]
            looking = looking[~holds]
            place[looking] -= 1
            looking = looking[place[looking] >= first[looking]]
        return np.asarray(self._answers[found])


class LiveRotation:
    """The planned runs of vehicles, one added or taken back at a time; the numbers are those of `Rotation`."""

    __slots__ = ("_by_vehicle",)

    def __init__(self) -> None:
        self._by_vehicle: dict[Hashable, _VehicleRuns] = {}

    def add(self, vehicle: Hashable, run: Run) -> None:
        """Add a run."""
        runs = self._of(vehicle)
        runs.held = None
        insort_right(runs.planned, run)

    def add_many(self, vehicles: Sequence[Hashable], runs: Ints) -> None:
        """Add runs in bulk: those of n vehicles, one each, int64 [n, 4]."""
        for vehicle, (departs, promised, since, until) in zip(vehicles, runs.tolist(), strict=True):
            self._of(vehicle).planned.append((departs, promised, since, until))
        for held in self._by_vehicle.values():
            held.held = None
            held.planned.sort()

    def remove(self, vehicle: Hashable, run: Run) -> None:
        """Take back a run that was added."""
        runs = self._of(vehicle)
        place = bisect_left(runs.planned, run)
        if place == len(runs.planned) or runs.planned[place] != run:
            raise TimelineError(f"No run of {vehicle!r} planned for {run[0]} was added, so none can be taken back.")
        runs.held = None
        del runs.planned[place]

    def at(self, vehicle: Hashable, planned: int, cutoff: int) -> Sequence[float]:
        """Return planned departure and promised arrival of the vehicle's run before a planned departure."""
        runs = self._by_vehicle.get(vehicle)
        return NO_RUN if runs is None or planned == NEVER else runs.before(planned, cutoff)

    def _of(self, vehicle: Hashable) -> _VehicleRuns:
        runs = self._by_vehicle.get(vehicle)
        if runs is None:
            runs = self._by_vehicle[vehicle] = _VehicleRuns()
        return runs


Run = tuple[int, int, int, int]
"""Planned departure, promised arrival, and between which instants that was the plan."""


class _VehicleRuns:
    """The runs of one vehicle in order; `held` is the last answer, to which departure, and on which instants."""

    __slots__ = ("held", "planned")

    def __init__(self) -> None:
        self.planned: list[Run] = []
        self.held: tuple[int, int, int, Sequence[float]] | None = None

    def before(self, planned: int, cutoff: int) -> Sequence[float]:
        held = self.held
        if held is not None and held[0] == planned and held[1] <= cutoff < held[2]:
            return held[3]
        holds_from, holds_until, answer = -NEVER, NEVER, NO_RUN
        for place in range(bisect_left(self.planned, (planned,)) - 1, -1, -1):
            departs, promised, since, until = self.planned[place]
            if planned - departs > _AT_MOST:
                break
            if since <= cutoff < until:
                holds_from, holds_until = max(holds_from, since), min(holds_until, until)
                answer = float(departs), float(promised)
                break
            if cutoff < since:
                holds_until = min(holds_until, since)
            else:
                holds_from = max(holds_from, until)
        self.held = planned, holds_from, holds_until, answer
        return answer


class Runs(NamedTuple):
    """The planned runs of versions of legs: int64 [n, 4] with the numbers of a `Run`, and which have one: bool [n]."""

    columns: Ints
    valid: NDArray[np.bool_]


def runs_of(times: Ints) -> Runs:
    """Return the planned run of each version of a leg; `times` is int64 [n, len(Time)]."""
    until = np.minimum(times[:, Time.UNTIL], times[:, Time.CLOSED_KNOWN])
    columns = np.column_stack([times[:, [Time.PLANNED, Time.PROMISED, Time.SINCE]], until])
    return Runs(columns, (columns[:, :2] != NEVER).all(axis=1) & (columns[:, 2] < columns[:, 3]))


times_of = itemgetter(Time.PLANNED, Time.PROMISED, Time.SINCE, Time.UNTIL, Time.CLOSED_KNOWN)
"""Takes from the times of a leg those that its planned run goes by."""


def run_of(row: Row) -> Run | None:
    """Return the run of `runs_of` one version of a leg, None if it has none."""
    planned, promised, since, until, closed = times_of(row)
    run = planned, promised, since, min(until, closed)
    return None if NEVER in run[:2] or run[2] >= until else run
