"""Has a field changed its unit? Then all of its values have changed by the same, well-known factor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.quality.measures import Kind, Measure
from features.quality.window import Window, change_point

FACTORS = {
    "_kg": ((2.2046, "pounds and kilograms"), (1000.0, "grams and kilograms")),
    "_km": ((1.6093, "kilometres and miles"), (1000.0, "metres and kilometres")),
    "_m3": ((35.315, "cubic feet and cubic metres"), (1000.0, "litres and cubic metres")),
    "_minor": ((100.0, "minor units of money and whole ones"), (1000.0, "thousands of money and ones")),
    "_minutes": ((60.0, "minutes and hours, or seconds and minutes"),),
}
"""By the end of a field's name: how much larger the numbers of the smaller unit are."""

_QUARTILES = (0.25, 0.5, 0.75)
_ERRORS = 3.5
"""How many standard errors a quartile may be away: a change of unit that is missed costs more than a look too many."""


def unit_jumps(window: Window) -> Iterator[Measure]:
    """Measure by what factor the level of each amount has jumped, and whether that is the factor between two units.

    The level is parted where it changes most. A jump counts only if all quartiles have moved by the factor, as nearly
    as so many records can tell, so that other goods are not taken for another unit.
    """
    settings = window.settings
    both = pd.concat([window.usual, window.recent])
    for field in window.sender.feed.amounts:
        amounts = both.loc[both[field] > 0, ["known_at", field]]
        if len(amounts) < 2 * settings.least_records:
            continue
        logs = np.log(amounts[field].to_numpy(dtype=np.float64))
        place = change_point(logs)
        if min(place, len(logs) - place) < settings.least_records:
            continue
        quartiles = np.quantile(logs[:place], _QUARTILES)
        moved = np.quantile(logs[place:], _QUARTILES) - quartiles
        factors = next(factors for ending, factors in FACTORS.items() if field.endswith(ending))
        # A quartile of n values of a normal distribution has a standard error of 1.36 deviations by the root of n.
        deviation = float(quartiles[2] - quartiles[0]) / 1.349
        error = 1.36 * deviation * np.sqrt(1 / place + 1 / (len(logs) - place))
        factor, words = _factor_of(moved, factors, max(float(np.log(settings.unit_tolerance)), _ERRORS * float(error)))
        ratio, since = float(np.exp(moved[1])), amounts["known_at"].iloc[place]
        before, after = (float(np.exp(np.median(part))) for part in (logs[:place], logs[place:]))
        yield window.measure(
            Kind.UNIT_JUMP,
            ratio,
            factor or factors[0][0],
            "times",
            usual=1.0,
            field=field,
            since=since,
            records=len(amounts),
            alarm=factor is not None,
            found=f"The median of {field} in {window.who} went from {before:,.4g} to {after:,.4g} on "
            f"{since:%Y-%m-%d %H:%M} UTC, {ratio:,.3g} times, and all quartiles with it"
            + (f": as between {words}." if words else "."),
            expected="The unit that the field is named for.",
            to_do="Compare one record with its paper. If the sender changed the unit, convert it in the mapping from "
            "that day on, and import the days since again.",
        )


def _factor_of(
    moved: NDArray[np.float64], factors: Sequence[tuple[float, str]], allowed: float
) -> tuple[float | None, str]:
    """Return the factor by which all quartiles moved, and its words; `moved` and `allowed` are in logarithms.

    What is nearer to no change at all, or off by more than a factor of two, is never taken for it.
    """
    for number, words in factors:
        for factor in (number, 1 / number):
            away = np.abs(moved - np.log(factor))
            if (away <= min(allowed, np.log(number) / 2, np.log(2))).all():
                return factor, words
    return None, ""
