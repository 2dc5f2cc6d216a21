"""Decision moments: when a shipment is judged, for training as for service."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.history import HOUR
from features.instants import micros
from features.legs import Legs, Row, Time
from features.tables import RecordTables
from features.timeline import NEVER, Ints
from features.vocabulary import Moment

HOURS_BEFORE_DEPARTURE = {Moment.DAY_BEFORE: 24, Moment.HOURS_BEFORE: 2}
"""Moments at a fixed time before the planned departure."""

IN_TURN = (*HOURS_BEFORE_DEPARTURE, Moment.AT_DEPARTURE)
"""The moments that hold one after the other for any shipment."""

ON_THE_WAY = {Moment.AT_TRANSFER: Time.TRANSFERRED_KNOWN, Moment.BEFORE_DELIVERY: Time.ARRIVED_KNOWN}
"""Moments on the way, and from when they hold, where they are asked for by name."""


def moment_at(row: Row, cutoff: datetime, among: Collection[Moment] = IN_TURN) -> Moment | None:
    """Return the moment that holds at the cutoff for a shipment whose version in force then has these times.

    Parameters
    ----------
    among
        The moments that are asked for; of those on the way only the ones that are named hold.

    Returns
    -------
    Moment or None
        None once the shipment is known to be delivered or closed: there is nothing left to decide.
    """
    at = micros(cutoff)
    if row[Time.DELIVERED_KNOWN] <= at or row[Time.CLOSED_KNOWN] <= at:
        return None
    for moment, since in reversed(ON_THE_WAY.items()):
        if moment in among and row[since] <= at:
            return moment
    if row[Time.DEPARTED_KNOWN] <= at:
        return Moment.AT_DEPARTURE
    if row[Time.PLANNED] - at <= HOURS_BEFORE_DEPARTURE[Moment.HOURS_BEFORE] * HOUR:
        return Moment.HOURS_BEFORE
    return Moment.DAY_BEFORE


def questions_of(tables: RecordTables) -> pd.DataFrame:
    """Return `questions_about` all legs of the tables."""
    return questions_about(Legs.of_tables(tables))


def questions_about(legs: Legs, moments: Collection[Moment] = tuple(Moment)) -> pd.DataFrame:
    """Return one row for each shipment and each of these moments at which it could have been judged.

    A moment exists if the shipment was known by then and not yet known to have moved past it. One whose plan or
    departure was changed is judged anew at the moments of the new version.

    Returns
    -------
    DataFrame
        Columns shipment_id, moment, cutoff_at, ordered by moment and shipment.
    """
    parts = []
    for moment in (moment for moment in Moment if moment in moments):
        cutoffs, exists = cutoffs_of(legs.times, moment)
        cutoff_at = pd.to_datetime(cutoffs[exists], unit="us", utc=True)
        parts.append(pd.DataFrame({"shipment_id": legs.ids[exists], "moment": moment.value, "cutoff_at": cutoff_at}))
    return pd.concat(parts, ignore_index=True)


def cutoffs_of(times: Ints, moment: Moment) -> tuple[Ints, NDArray[np.bool_]]:
    """Return when a moment of each version is, and whether that version could have been judged then.

    Parameters
    ----------
    times : int64 [n, len(Time)]

    Returns
    -------
    int64 [n], bool [n]
    """
    over = np.minimum(times[:, Time.DELIVERED_KNOWN], times[:, Time.CLOSED_KNOWN])
    before_departure = np.minimum(over, times[:, Time.DEPARTED_KNOWN])
    if moment is Moment.AT_BOOKING:
        cutoffs, past = times[:, Time.KNOWN], before_departure
    elif moment is Moment.AT_DEPARTURE:
        cutoffs, past = times[:, Time.DEPARTED_KNOWN], over
    elif moment is Moment.AT_TRANSFER:
        cutoffs, past = times[:, Time.TRANSFERRED_KNOWN], np.minimum(over, times[:, Time.ARRIVED_KNOWN])
    elif moment is Moment.BEFORE_DELIVERY:
        cutoffs, past = times[:, Time.ARRIVED_KNOWN], over
    else:
        ahead = HOURS_BEFORE_DEPARTURE[moment] * HOUR
        cutoffs = np.where(times[:, Time.PLANNED] == NEVER, NEVER, times[:, Time.PLANNED] - ahead)
        past = before_departure
    in_force = (times[:, Time.SINCE] <= cutoffs) & (cutoffs < times[:, Time.UNTIL])
    return cutoffs, (cutoffs != NEVER) & in_force & (past > cutoffs)
