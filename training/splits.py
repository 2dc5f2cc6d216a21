"""Splits by time: fit, calibrate, test, with every shipment on one side only."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

from training.config import Split


class Period(StrEnum):
    """What a case is used for."""

    FIT = "fit"
    CALIBRATE = "calibrate"
    TEST = "test"


AWAITED = "awaited"
"""What a case is called whose outcome came only after the end of its fit or calibrate period: nothing is learnt from
it, but once its outcome is known that counts among the newest."""


def periods_of(planned_at: pd.Series, label_known_at: pd.Series, split: Split) -> pd.Series:
    """Return the period of each case, None for a case that belongs to none.

    Parameters
    ----------
    planned_at
        Planned departure of the case's shipment: one value for all its moments, so a shipment never straddles.
    label_known_at
        When its outcome was known. A fit or calibrate case whose outcome came after the end of its period is left
        out: at that time nobody could have learnt from it.
    """
    fit_until, calibrate_until = pd.Timestamp(split.fit_until), pd.Timestamp(split.calibrate_until)
    test_until = pd.Timestamp.max.tz_localize("UTC") if split.test_until is None else pd.Timestamp(split.test_until)
    fit = (planned_at < fit_until) & (label_known_at < fit_until)
    calibrate = (planned_at >= fit_until) & (planned_at < calibrate_until) & (label_known_at < calibrate_until)
    test = (planned_at >= calibrate_until) & (planned_at < test_until)
    chosen = np.select([fit, calibrate, test], [period.value for period in Period], default="")
    return pd.Series(chosen, index=planned_at.index).replace("", None)
