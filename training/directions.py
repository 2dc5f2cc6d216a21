"""Which way a feature may move the risk, where the field knows it: more delay of the like never lowers it, more slack
never raises it. LightGBM keeps its trees to that (`monotone_constraints`), so no quirk of one season reverses it.
"""

from __future__ import annotations

import re

from features.definitions import NAMES

_RAISES = re.compile(
    r"_late_share_\d+[hd]$"
    r"|_departures_delay_mean_|_arrivals_delay_mean_"
    r"|^(departure_delay|overdue|projected_delay|vehicle_last_delay|service_last_delay)_minutes$"
    r"|^(step_delay|step_overdue|transfer_delay)_hours$"
)
_LOWERS = re.compile(r"^slack_(if_slow_|by_steps_)?hours$")


def directions(names: tuple[str, ...] = NAMES) -> list[int]:
    """Return 1 for each feature that may only raise the risk, -1 for one that may only lower it, 0 for any other."""
    return [1 if _RAISES.search(name) else -1 if _LOWERS.search(name) else 0 for name in names]
