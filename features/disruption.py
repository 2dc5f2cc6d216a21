"""Disruption features: what is known to be out of order at a carrier and at the ends of a leg, now and when it counts.

A later record of the same disruption takes the place of the earlier one from its own `known_at` on. One that names a
carrier and a place counts for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.as_known import counts_from
from features.declaration import Feature
from features.errors import RecordError
from features.instants import micros, micros_of
from features.legs import Time
from features.records import Disruption
from features.succession import held_until, held_until_of_one
from features.timeline import NEVER, Ints, starts_of
from features.vocabulary import Severity

ASKED = (("carrier", Time.PLANNED), ("origin", Time.PLANNED), ("destination", Time.PROMISED))
"""What of a leg may be hit, and what time ahead is asked about."""

WIDTH = 3
_OWNER = "control tower"
_RANK = {severity.value: rank for rank, severity in enumerate(Severity, start=1)}
_AHEAD = {Time.PLANNED: "at the planned departure", Time.PROMISED: "at the promised arrival"}


def _declared(subject: str, time: int) -> tuple[Feature, ...]:
    worst = f"worst severity (1 minor, 2 moderate, 3 severe) of what disrupts the {subject}"
    return (
        Feature(f"{subject}_disruptions", "disruptions", f"disruptions of the {subject}", "disruptions", _OWNER),
        Feature(f"{subject}_disruption_severity", "rank", worst, "disruptions", _OWNER),
        Feature(f"{subject}_disruption_severity_ahead", "rank", f"{worst} {_AHEAD[time]}", "disruptions", _OWNER),
    )


FEATURES = tuple(feature for subject, time in ASKED for feature in _declared(subject, time))


class State(NamedTuple):
    """What one record says of a disruption: known on [known, until_known), out of order on [start, end)."""

    known: int
    until_known: int
    start: int
    end: int
    rank: int


def subject_of(field: str, value: str) -> str:
    """Return what a disruption hits, in one word: a carrier and a place may have the same name."""
    return f"carrier {value}" if field == "carrier" else f"place {value}"


def states_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the states in the whole table `disruptions`: `subject`, and the fields of `State`.

    Of the records of one disruption that count the one told last holds (`features.succession`); a subject that it no
    longer names is free from then on.
    """
    frame = frame.sort_values(["disruption_id", "known_at"], kind="stable")
    known = starts_of(micros_of(frame["occurred_at"]), micros_of(frame["known_at"]))
    identity, _ = pd.factorize(frame["disruption_id"])
    states = pd.DataFrame(
        {
            "known": known,
            "until_known": held_until(identity, known),
            "start": micros_of(frame["valid_from"]),
            "end": NEVER,
            "rank": frame["severity"].map(_RANK).to_numpy(dtype=np.int64),
        }
    )
    ends = frame["valid_until"].notna().to_numpy()
    states.loc[ends, "end"] = micros_of(frame["valid_until"][ends])
    hit = []
    for column, field in (("carrier_id", "carrier"), ("place", "place")):
        named = frame[column].notna().to_numpy()
        hit.append(states[named].assign(subject=[subject_of(field, value) for value in frame[column][named]]))
    return pd.concat(hit, ignore_index=True)


class Disruptions:
    """The states of disruptions by subject.

    Parameters
    ----------
    states
        What `states_of` returned, or those of some subjects.
    """

    def __init__(self, states: pd.DataFrame) -> None:
        states = states.sort_values("subject", kind="stable")
        self._states = states[list(State._fields)].to_numpy(dtype=np.int64).T
        self._subjects, first = np.unique(states["subject"].to_numpy(dtype=str), return_index=True)
        self._bounds = np.append(first, len(states))

    def at(self, subjects: NDArray[np.object_], targets: Ints, cutoffs: Ints) -> NDArray[np.float64]:
        """Return count and worst severity now, and worst severity at the target, as known then: float64 [q, WIDTH].

        The last is NaN where there is no target.
        """
        found = np.zeros((len(subjects), WIDTH))
        code = pd.Index(self._subjects).get_indexer(pd.Index(subjects))
        for hit in np.unique(code[code >= 0]).tolist():
            asked = np.flatnonzero(code == hit)
            known, until_known, start, end, rank = self._states[:, self._bounds[hit] : self._bounds[hit + 1], None]
            now, target = cutoffs[asked], targets[asked]
            held = (known <= now) & (now < until_known)
            active = held & (start <= now) & (now < end)
            ahead = held & (start <= target) & (target < end)
            found[asked] = np.stack([active.sum(0), (active * rank).max(0), (ahead * rank).max(0)], axis=1)
        found[targets == NEVER, 2] = np.nan
        return found


class LiveDisruptions:
    """The same, one record and one question at a time."""

    def __init__(self) -> None:
        self._told: dict[str, list[Disruption]] = {}
        self._subjects: dict[str, Subject] = {}

    def check(self, record: Disruption) -> None:
        """Raise if a disruption is told twice in one instant, with other contents."""
        for other in self._told.get(record.disruption_id, ()):
            if other.known_at == record.known_at and other != record:
                raise RecordError(
                    f"Disruption '{record.disruption_id}' is told twice at {record.known_at.isoformat()}, so neither "
                    f"is the newer one. Give the changed one the `known_at` at which it was learnt."
                )

    def add(self, record: Disruption) -> bool:
        """Take a record in; False if it was there already."""
        told = self._told.setdefault(record.disruption_id, [])
        if record in told:
            return False
        told.append(record)
        told.sort(key=lambda each: each.known_at)
        for subject in self._subjects.values():
            subject.forget(record.disruption_id)
        for name, state in _states(told):
            self._subjects.setdefault(name, Subject()).put(record.disruption_id, state)
        return True

    def at(self, field: str, value: str | None, target: int, cutoff: int) -> Sequence[float]:
        """Return the features of one subject: WIDTH numbers."""
        subject = None if value is None else self._subjects.get(subject_of(field, value))
        return (_NOBODY if subject is None else subject).at(target, cutoff)

    def under(self, field: str, value: str | None, *, lasting: bool) -> Subject:
        """Return one subject, to be asked again and again; one of which nothing was told is kept if that is `lasting`.

        Without a value nothing will ever be told of it.
        """
        if value is None:
            return _NOBODY
        name = subject_of(field, value)
        return self._subjects.setdefault(name, Subject()) if lasting else self._subjects.get(name, _NOBODY)


class Subject:
    """What disrupts one carrier or place."""

    __slots__ = ("_by_id", "_latest_first")

    def __init__(self) -> None:
        self._by_id: dict[str, list[State]] = {}
        self._latest_first: list[tuple[int, State]] | None = None

    def put(self, disruption_id: str, state: State) -> None:
        """Add a state of a disruption."""
        self._by_id.setdefault(disruption_id, []).append(state)
        self._latest_first = None

    def forget(self, disruption_id: str) -> None:
        """Take back all states of a disruption."""
        if self._by_id.pop(disruption_id, None) is not None:
            self._latest_first = None

    def at(self, target: int, cutoff: int) -> Sequence[float]:
        """Return the features: WIDTH numbers."""
        if not self._by_id:
            return _NOTHING if target < NEVER else _NOTHING_AHEAD
        count = worst = ahead = 0
        first = min(cutoff, target)
        for last, (known, until_known, start, end, rank) in self._ordered():
            if last <= first:
                break
            if known <= cutoff < until_known:
                if start <= cutoff < end:
                    count += 1
                    worst = max(worst, rank)
                if start <= target < end:
                    ahead = max(ahead, rank)
        return (float(count), float(worst), np.nan if target == NEVER else float(ahead))

    def _ordered(self) -> list[tuple[int, State]]:
        """Return the states, each with when the last of it is over: most were over long ago."""
        if self._latest_first is None:
            states = (state for each in self._by_id.values() for state in each)
            self._latest_first = sorted(((min(one.until_known, one.end), one) for one in states), reverse=True)
        return self._latest_first


_NOBODY = Subject()
_NOTHING, _NOTHING_AHEAD = (0.0, 0.0, 0.0), (0.0, 0.0, np.nan)


def _states(told: Sequence[Disruption]) -> Iterator[tuple[str, State]]:
    """Yield subject and state of each record of one disruption, in the order they became known.

    A subject that a later record no longer names is free from then on.
    """
    starts = [micros(counts_from(record)) for record in told]
    for record, known, until_known in zip(told, starts, held_until_of_one(starts), strict=True):
        end = NEVER if record.valid_until is None else micros(record.valid_until)
        state = State(known, until_known, micros(record.valid_from), end, _RANK[record.severity])
        for field, value in (("carrier", record.carrier_id), ("place", record.place)):
            if value is not None:
                yield subject_of(field, value), state
