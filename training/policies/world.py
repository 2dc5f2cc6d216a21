"""A closed loop: generated shipments of which is known what each branch would come to.

A network is generated (`training.simulate`). The first third of its days is what a bundle may have learnt from; about
each later shipment it decides once, a day before the planned departure. Each branch then changes the generated delay as
`training.policies.effects` declares, so that the cost of what was not taken is known as well.

The risk is that of a forecaster of declared skill: the true delay with a normal error, turned into a probability by
Platt's logistic regression on the first third. It stands for a model; how good ours are is judged on recorded data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import Branch
from models.calibration import Platt
from routing.cost import CostTable
from routing.policy import Policy
from training.policies.effects import Effects, price_minor
from training.policies.log import Floats, Ints
from training.simulate.generate import simulate
from training.simulate.settings import SimulationSettings
from training.simulate.summary import outcomes_of

SETTINGS = SimulationSettings(days=180, shipments=7_000)
FORECAST_ERROR_HOURS = 6.0
"""Standard deviation of the forecaster's error; shipments are typically 8 hours apart in their delay."""
_LEARNT_SHARE = 1 / 3
_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Shipments about which is decided, in the order of time.

    Attributes
    ----------
    shipment_ids, decided_at, facts
        Of each of the n shipments: its id, when it is decided about, and the facts of that moment.
    day : int64 [n]
        Number of the day, in UTC and among those with shipments: a day shares what is left of the budgets.
    risk, late : float64 [n], bool [n]
        The forecaster's probability, and what comes if nothing is done.
    costs
        What each branch comes to for each shipment, in minor units: float64 [n].
    lateness_left
        Which share of the lateness cost each branch leaves, over all shipments: what the cost table should say.
    """

    shipment_ids: tuple[str, ...]
    decided_at: tuple[datetime, ...]
    facts: tuple[Mapping[str, Any], ...]
    day: Ints
    risk: Floats
    late: NDArray[np.bool_]
    costs: Mapping[Branch, Floats]
    lateness_left: Mapping[Branch, float]

    def __len__(self) -> int:
        return len(self.shipment_ids)

    def cost_of(self, taken: NDArray[np.object_]) -> Floats:
        """Return what it costs to take these branches, one a shipment: float64 [n], in minor units."""
        cost = np.empty(len(self))
        for branch, each in self.costs.items():
            chosen = taken == branch
            cost[chosen] = each[chosen]
        return cost

    def by_day(self, values: Floats) -> Floats:
        """Add up over each day: float64 [days]."""
        return np.bincount(self.day, weights=values).astype(np.float64)


def make_world(
    policy: Policy, seed: int, *, effects: Effects | None = None, settings: SimulationSettings = SETTINGS
) -> World:
    """Generate a network and what each branch of a policy would come to in it. Equal seeds give equal worlds."""
    effects = effects or Effects()
    for_network, for_forecasts, for_effects = np.random.default_rng(seed).spawn(3)
    shipments = _shipments(settings, for_network)
    delay_hours = shipments["delay_hours"].to_numpy()
    _, day = np.unique(shipments["decided_at"].dt.floor("D").to_numpy(), return_inverse=True)
    begins = int((day.max() + 1) * _LEARNT_SHARE)
    past, judged = day < begins, day >= begins
    signal = delay_hours + for_forecasts.normal(0.0, FORECAST_ERROR_HOURS, len(delay_hours))
    calibrated = Platt.fit(signal[past], delay_hours[past] > 0.0)
    now = shipments[judged]
    risk = calibrated.probability(signal[judged])
    costs, left = _costs(policy, now, effects, for_effects)
    return World(
        shipment_ids=tuple(now["shipment_id"]),
        decided_at=tuple(now["decided_at"].dt.to_pydatetime()),
        facts=tuple(_facts(policy.costs, now, risk, _alternates(shipments[past]))),
        day=day[judged] - begins,
        risk=risk,
        late=delay_hours[judged] > 0.0,
        costs=costs,
        lateness_left=left,
    )


def _shipments(settings: SimulationSettings, rng: np.random.Generator) -> pd.DataFrame:
    """Return the shipments that were promised and delivered, by when they are decided about."""
    tables = simulate(settings, rng).tables
    outcomes = outcomes_of(tables).drop(columns=["carrier_id"])
    columns = ["shipment_id", "carrier_id", "customer_id", "customer_tier", "value_minor", "currency"]
    found = tables.shipments[columns].merge(outcomes, left_on="shipment_id", right_index=True)
    found = found[found["late"].notna() & found["planned_at"].notna()].copy()
    found["delay_hours"] = (found["delivered_at"] - found["promised_at"]).dt.total_seconds() / 3600.0
    found["decided_at"] = found["planned_at"] - _AHEAD
    return found.sort_values(["decided_at", "shipment_id"], kind="stable").reset_index(drop=True)


def _alternates(past: pd.DataFrame) -> dict[tuple[str, str], dict[str, float]]:
    """Return who served each lane in the past, and which share of it was late."""
    shares = past.groupby(["origin", "destination", "carrier_id"], observed=True)["late"].mean()
    lanes: dict[tuple[str, str], dict[str, float]] = {}
    for row in shares.reset_index().to_dict("records"):
        lanes.setdefault((row["origin"], row["destination"]), {})[row["carrier_id"]] = float(row["late"])
    return lanes


def _facts(
    costs: CostTable, shipments: pd.DataFrame, risk: Floats, lanes: Mapping[tuple[str, str], Mapping[str, float]]
) -> list[dict[str, Any]]:
    facts = []
    for row, probability in zip(shipments.to_dict("records"), risk.tolist(), strict=True):
        given = {name: row[name] for name in ("currency", "customer_id", "customer_tier", "carrier_id")}
        value_minor = int(row["value_minor"])
        stake = costs.value_at_stake_minor(
            probability=probability, value_minor=value_minor, customer_tier=given["customer_tier"]
        )
        others = lanes.get((row["origin"], row["destination"]), {})
        alternates = [
            {"carrier_id": other, "late_share": late} for other, late in others.items() if other != row["carrier_id"]
        ]
        facts.append(
            {
                **given,
                "late_probability": probability,
                "value_at_stake_minor": stake,
                "value_minor": value_minor,
                "promised_at": row["promised_at"].to_pydatetime(),
                "planned_departure_at": row["planned_at"].to_pydatetime(),
                "alternate_carriers": tuple(alternates),
                "strongest_branch_taken": Branch.NONE.value,
            }
        )
    return facts


def _costs(
    policy: Policy, shipments: pd.DataFrame, effects: Effects, rng: np.random.Generator
) -> tuple[dict[Branch, Floats], dict[Branch, float]]:
    value = shipments["value_minor"].to_numpy(dtype=np.float64)
    share = shipments["customer_tier"].map(dict(policy.costs.lateness_share)).to_numpy(dtype=np.float64)
    delay_hours = shipments["delay_hours"].to_numpy()
    lateness = value * share
    costs, left = {}, {}
    for branch, of_branch in zip(Branch, rng.spawn(len(Branch)), strict=True):
        if branch not in policy.offers:
            continue
        remains = effects.lateness_left(branch, delay_hours, of_branch)
        price = price_minor(policy.offers[branch], value, policy.costs.analyst_minute_minor)
        costs[branch] = price + lateness * remains
        left[branch] = float((lateness * remains).sum() / lateness[delay_hours > 0.0].sum())
    return costs, left
