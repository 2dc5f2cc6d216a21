"""What is known by key: the streams, queues and newest observations of one set of key fields, asked at cutoffs.

Each set of key fields (carrier; origin and destination; none at all) stands alone: its facts and its questions can be
parted by the value of the key, and each part be asked elsewhere. `assemble` makes features of what was answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features import backlog, feeds, plan, rests, rotation, shipment, silence, tracking, typical
from features.definitions import DELIVERED, HISTORY, LOST_BY_CARRIER, LOST_BY_SERVICE, QUEUES, USUALLY_TOLD
from features.facts import Facts
from features.history import WINDOWS, Fact, Stream, seen_of
from features.legs import Time
from features.recent import Recent, Typical
from features.revisions import RevisedTimeline
from features.rotation import Rotation
from features.timeline import Ints, Latest, Spans

Key = tuple[str, ...]
"""Fields of a leg, out of `legs.KEYS`, that make a key; none for all legs."""

_VEHICLE: Key = ("vehicle",)

KEYS: tuple[Key, ...] = tuple(
    dict.fromkeys(
        [*(stream.key for stream in HISTORY.streams), *(queue.key for queue in QUEUES), *typical.KEYS, _VEHICLE]
    )
)
"""The sets of key fields that something is known by."""

LONGEST_WINDOW = max(WINDOWS[window] for stream in HISTORY.streams for window in stream.windows)
"""How long after it happened a fact of a stream may count, in microseconds."""

_STREAMS = {key: [stream for stream in HISTORY.streams if stream.key == key] for key in KEYS}
_QUEUES = {key: [queue for queue in QUEUES if queue.key == key] for key in KEYS}


def codes_of(key: Key, fields: Mapping[str, NDArray[np.object_]]) -> Ints:
    """Return the key of each row as a number, -1 where a part of it is missing: int64 [n]."""
    code = np.zeros(len(next(iter(fields.values()))), dtype=np.int64)
    for field in key:
        part, words = pd.factorize(fields[field])
        code = np.where((code < 0) | (part < 0), -1, code * (len(words) + 1) + part)
        # Renumber as we go, so that long keys stay small numbers.
        code = np.where(code < 0, -1, np.unique(code, return_inverse=True)[1])
    return code


class Keyed:
    """What legs have to say by one set of key fields.

    Parameters
    ----------
    codes : int64 [n]
        Key of each version of a leg, negative where it has none.
    times : int64 [n, len(Time)]
    facts
        `legs.facts_of` these times.
    """

    def __init__(self, key: Key, codes: Ints, times: Ints, facts: Mapping[Fact, Facts]) -> None:
        self._streams = _STREAMS[key]
        self._timelines = {}
        for (kind, _), seen in seen_of(self._streams).items():
            fact = facts[kind]
            chosen = fact.valid & (codes >= 0)
            occurred, known, until = fact.occurred[chosen], fact.known[chosen], fact.until[chosen]
            values = tuple(fact.values[chosen, : seen.width].T)
            self._timelines[kind] = RevisedTimeline(codes[chosen], occurred, known, until, seen.windows, values)
        self._spans = []
        for queue in _QUEUES[key]:
            start, end = backlog.span_of(queue, times)
            chosen = (codes >= 0) & (start < end)
            self._spans.append(Spans(codes[chosen], start[chosen], end[chosen]))
        self._recent = _recent(codes, facts[Fact.RUN]) if key in typical.KEYS else None
        self._reports = silence.Reports(codes, times) if key == silence.KEY else None
        self._departures = _Departures(codes, facts[Fact.DEPARTURE]) if key == _VEHICLE else None
        self._rotation = Rotation(codes, times) if key == _VEHICLE else None

    def at(self, codes: Ints, planned: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return what is known of each key at its cutoff: float64 [q, width]; whole numbers are exact.

        First the answers of the streams, then those of the queues, then what is typical of the newest legs, then when
        the carrier last told of anything, then the newest departure of the vehicle and its run before the planned
        departure. Nothing is known of a key that is missing: its row is NaN.
        """
        told = {kind: timeline.at(codes, cutoffs) for kind, timeline in self._timelines.items()}
        whole = [_seen(told[stream.fact], self._timelines[stream.fact].windows, stream) for stream in self._streams]
        whole += [spans.at(codes, cutoffs)[:, None] for spans in self._spans]
        parts = [answers.astype(np.float64) for answers in whole]
        if self._recent is not None:
            parts.append(self._recent.at(codes, cutoffs))
        if self._reports is not None:
            parts.append(self._reports.at(codes, cutoffs))
        if self._departures is not None:
            parts.append(self._departures.at(codes, cutoffs))
        if self._rotation is not None:
            parts.append(self._rotation.at(codes, planned, cutoffs))
        answers = np.concatenate(parts, axis=1)
        answers[codes < 0] = np.nan
        return answers


def assemble(
    answers: Mapping[Key, NDArray[np.float64]],
    observed: Sequence[NDArray[np.float64]],
    on_the_way: Sequence[NDArray[np.float64]],
    tracked: NDArray[np.float64],
    rested: NDArray[np.float64],
    times: Ints,
    numbers: NDArray[np.float64],
    cutoffs: Ints,
) -> NDArray[np.float64]:
    """Return the features of q questions from what was answered by each key.

    Parameters
    ----------
    answers
        What `Keyed.at` returned for each of `KEYS`.
    observed
        What feeds answered to each question of `feeds.asked`.
    on_the_way
        What `way.worst_of` returned for each of `way.FEEDS_ASKED`.
    tracked : float64 [q, len(tracking.FEATURES) + len(course.FEATURES)]
        What `features.tracking.Scans.values` and `features.course.Courses.values` returned, side by side.
    rested : float64 [q, rests.WIDTH * len(rests.LEVELS)]
        What `features.rests.RestsByLevel.at` returned.
    times : int64 [q, len(Time)]
    numbers : float64 [q, len(Number)]
        Of the version of the leg in force at the cutoff.
    cutoffs : int64 [q]

    Returns
    -------
    float64 [q, len(FEATURES)]
    """
    taken = dict.fromkeys(KEYS, 0)

    def take(key: Key, width: int) -> NDArray[np.float64]:
        start = taken[key]
        taken[key] += width
        return answers[key][:, start : start + width]

    flat = [take(stream.key, 3 * len(stream.windows)) for stream in HISTORY.streams]
    history = HISTORY.values(np.concatenate(flat, axis=1))
    queues = [take(queue.key, 1) for queue in QUEUES]
    silent = silence.values(take(silence.KEY, 1), history[:, USUALLY_TOLD], cutoffs)
    by_key = [take(key, len(Typical._fields)) for key in typical.KEYS]
    vehicle, run_before = take(_VEHICLE, len(shipment.NO_VEHICLE)), take(_VEHICLE, len(rotation.NO_RUN))
    lost_on_the_way = history[:, LOST_BY_SERVICE]
    lost_on_the_way = np.where(np.isnan(lost_on_the_way), history[:, LOST_BY_CARRIER], lost_on_the_way)
    own = shipment.values(times, numbers, cutoffs, lost_on_the_way, vehicle)
    planned = plan.values(numbers, own[:, shipment.TO_DEPARTURE], own[:, shipment.BOOKED_AHEAD])
    usual = typical.values(by_key, times, cutoffs)
    rotated = rotation.values(times[:, Time.PLANNED], run_before)
    told = feeds.features_of(observed, history[:, DELIVERED])
    since_scan = rests.values(rested, tracked[:, tracking.AGE])
    parts = [history, *queues, silent, *told, *on_the_way, own, planned, usual, rotated, tracked, since_scan]
    return np.concatenate(parts, axis=1)


def _seen(told: Ints, windows: Sequence[int], stream: Stream) -> Ints:
    """Return what a stream asks of what is told in some windows, int64 [q, w, 1 + m]: count and its two sums."""
    places = [windows.index(length) for length in stream.window_lengths]
    numbers = [0, *(1 + value for value in stream.sums)]
    return told[:, places][:, :, numbers].reshape(len(told), -1)


def _recent(codes: Ints, facts: Facts) -> Recent:
    chosen = facts.valid & (codes >= 0)
    return Recent(codes[chosen], facts.occurred[chosen], facts.known[chosen], facts.until[chosen], facts.values[chosen])


class _Departures:
    """The newest known departure by vehicle."""

    def __init__(self, codes: Ints, facts: Facts) -> None:
        chosen = np.flatnonzero(facts.valid & (codes >= 0))
        # Of two that left at one instant and were known at one, the later one counts, as in `LiveLatest`.
        chosen = chosen[np.argsort(facts.values[chosen, 1], kind="stable")]
        answers = np.stack([facts.values[chosen, 1], facts.occurred[chosen]], axis=1).astype(np.float64)
        self._answers = np.vstack([answers, shipment.NO_VEHICLE])
        self._latest = Latest(codes[chosen], facts.occurred[chosen], facts.known[chosen], facts.until[chosen])

    def at(self, codes: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        return np.asarray(self._answers[self._latest.at(codes, cutoffs)])
