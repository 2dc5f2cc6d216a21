"""Carriers for one shipment: who cannot take it and why, what each who can is expected to cost, in which order to ask.

What is known of a carrier comes from elsewhere: its rate from the contracts, its risk from the delay model asked as if
it carried the shipment, its answers to tenders, its disruptions and its silence from the online state. A thing that is
asked for and not known of a carrier rules it out: unknown is never taken for yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from features.vocabulary import Branch
from routing.facts import Unknown
from routing.loss import Loss
from routing.policy import Policy
from routing.recommending.ranking import Option, Way, ranked
from routing.recommending.transit import late_by_transit

UNPRICED = "what lateness costs cannot be told"
"""Reason against every carrier where nothing can be compared; why follows."""
SEVERE = 3
"""Rank of a severe disruption, as `features.disruption` counts: 1 minor, 2 moderate, 3 severe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is to be carried, and by when it must be handed over.

    Attributes
    ----------
    closes_at
        Until when the place of departure takes goods in; the planned departure where no such time is given.
    departed
        Whether it is on its way: nobody else can take it then.
    equipment, dangerous_goods
        What it needs of a carrier.
    """

    closes_at: datetime | None
    promised_at: datetime | None
    leaves_at: datetime | None = None
    departed: bool = False
    equipment: frozenset[str] = frozenset()
    dangerous_goods: bool = False

    @property
    def left_hours(self) -> float | None:
        """Time from the planned departure to the promise; None where one of them is not known."""
        if self.leaves_at is None or self.promised_at is None:
            return None
        return (self.promised_at - self.leaves_at) / timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What is known of one carrier for this load.

    Attributes
    ----------
    name
        The carrier, with its service or mode where it offers several.
    rate_minor
        What it charges by contract, in `currency`; None where that cannot be told, for the reasons in `no_rate`.
    late_probability
        Calibrated; None where the model abstains, for the reasons in `no_risk`.
    usual_hours, slow_hours
        Transit from departure to delivery that half, and nine in ten, of its runs on the lane keep, as far as known.
    tenders, accepted
        Offers on this lane that were judged, and the share accepted, shrunk towards the carrier and all carriers.
    disruption
        Worst severity known for the planned departure, 0 for none.
    hours_silent
        Since anything was heard of it; None where nothing ever was.
    equipment, takes_dangerous_goods
        None where it is not known.
    """

    name: str
    carrier_id: str
    is_current: bool = False
    rate_minor: int | None = None
    currency: str | None = None
    no_rate: tuple[str, ...] = ()
    late_probability: float | None = None
    no_risk: tuple[str, ...] = ()
    usual_hours: float | None = None
    slow_hours: float | None = None
    tenders: int = 0
    accepted: float = 1.0
    disruption: int = 0
    hours_silent: float | None = None
    equipment: frozenset[str] | None = None
    takes_dangerous_goods: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How carriers are asked, and what that costs.

    Attributes
    ----------
    handling_minor
        People's time and fees of giving the load to another carrier; what stands costs none.
    refusal_minor
        What a no costs in people's time.
    window
        How long a carrier has to answer.
    silent_after
        From when on a carrier that says nothing counts as silent.
    """

    currency: str
    handling_minor: int = 0
    refusal_minor: int = 0
    window: timedelta = field(default_factory=lambda: timedelta(hours=2))
    silent_after: timedelta = field(default_factory=lambda: timedelta(hours=12))


def carrier_options(
    carriers: Sequence[Carrier], load: Load, loss: Loss | Unknown, asking: Asking, now: datetime
) -> tuple[Option, ...]:
    """Rank carriers for a load, those that cannot take it last.

    Parameters
    ----------
    loss
        What it costs if the load is late. Where that is not known nothing can be compared, and every option says so.
    """
    return ranked([_way(each, load, loss, asking, now) for each in carriers], refusal_minor=asking.refusal_minor)


def minutes_minor(policy: Policy) -> int:
    """Return what people's time costs, by a bundle, for giving a load to another carrier, and for a no."""
    rebook = policy.branches.get(Branch.REBOOK)
    return 0 if rebook is None else round(rebook.offer.analyst_minutes * policy.costs.analyst_minute_minor)


def reasons_against(carrier: Carrier, load: Load, asking: Asking, now: datetime) -> tuple[str, ...]:
    """Return why a carrier cannot take a load, each reason in words; nothing for one that can.

    The carrier that has it needs no tender, so no cut-off and no silence stands against it; nor does its own lateness.
    """
    reasons = [*_terms_against(carrier, asking), *(() if carrier.is_current else _asking_against(load, asking, now))]
    if carrier.late_probability is None:
        reasons.append(f"its risk cannot be told: {'; '.join(carrier.no_risk) or 'the model abstained'}")
    reasons += _abilities_against(carrier, load)
    if carrier.is_current:
        return tuple(reasons)
    left = load.left_hours
    if left is not None and carrier.usual_hours is not None and carrier.usual_hours > left:
        usual = f"half of its runs on this lane take more than {carrier.usual_hours:.0f} hours"
        reasons.append(f"{usual}, {left:.0f} are left from the departure to the promise")
    if carrier.disruption >= SEVERE:
        reasons.append("a severe disruption of it is known for the planned departure")
    if carrier.hours_silent is not None and timedelta(hours=carrier.hours_silent) >= asking.silent_after:
        reasons.append(f"nothing was heard of it for {carrier.hours_silent:.0f} hours")
    return tuple(reasons)


def risk_of(carrier: Carrier, load: Load) -> float | None:
    """Return the risk that a carrier is reckoned with; None where the model abstains.

    For the carrier that has it, what the model says. For any other, no less than what its own transits on the lane say:
    a promise is made for the carrier that was planned, so a model has hardly seen one that is too short for a carrier.
    """
    risk, left = carrier.late_probability, load.left_hours
    if risk is None or carrier.is_current or left is None or carrier.usual_hours is None or carrier.slow_hours is None:
        return risk
    return max(risk, late_by_transit(left, carrier.usual_hours, carrier.slow_hours))


def _terms_against(carrier: Carrier, asking: Asking) -> list[str]:
    if carrier.rate_minor is None:
        return [f"what it charges cannot be told: {'; '.join(carrier.no_rate) or 'no contract is on file'}"]
    if carrier.currency != asking.currency:
        return [f"it charges in {carrier.currency}, the policy counts in {asking.currency}"]
    return []


def _asking_against(load: Load, asking: Asking, now: datetime) -> list[str]:
    if load.departed:
        return ["the shipment has left"]
    answered = now + asking.window
    if load.closes_at is not None and answered > load.closes_at:
        said = f"{asking.window / timedelta(hours=1):g} hours to answer end after the cut-off"
        return [f"{said}, {load.closes_at:%Y-%m-%d %H:%M} UTC"]
    return []


def _abilities_against(carrier: Carrier, load: Load) -> list[str]:
    reasons = []
    if load.equipment and carrier.equipment is None:
        reasons.append(f"it is not known whether it has {', '.join(sorted(load.equipment))}")
    elif load.equipment - (carrier.equipment or frozenset()):
        reasons.append(f"it has no {', '.join(sorted(load.equipment - (carrier.equipment or frozenset())))}")
    if load.dangerous_goods and carrier.takes_dangerous_goods is not True:
        known = carrier.takes_dangerous_goods is False
        reasons.append(f"{'it takes no' if known else 'it is not known whether it takes'} dangerous goods")
    return reasons


def _way(carrier: Carrier, load: Load, loss: Loss | Unknown, asking: Asking, now: datetime) -> Way:
    reasons = reasons_against(carrier, load, asking, now)
    delay = None
    if isinstance(loss, Unknown):
        reasons = (*reasons, f"{UNPRICED}: {loss.reason}")
    elif (risk := risk_of(carrier, load)) is not None:
        delay = round(risk * loss.minor)
    return Way(
        name=carrier.name,
        rate_minor=carrier.rate_minor,
        delay_minor=delay,
        handling_minor=0 if carrier.is_current else asking.handling_minor,
        accepted=1.0 if carrier.is_current else carrier.accepted,
        stands=carrier.is_current,
        infeasible_because=reasons,
    )
