"""Recommends carriers for a shipment: nothing is decided or recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session, sessionmaker

from features.contracts import Contracts
from features.vocabulary import Moment
from routing.branches.rebook import OPTIONS, RULED_OUT
from routing.facts import Unknown
from routing.loss import Loss, Terms, loss_if_late
from routing.policy import Policy
from routing.recommending.carriers import Asking, Load, carrier_options, minutes_minor, risk_of
from routing.recommending.ranking import Option
from serving.clock import Clock
from serving.errors import NoContractsError
from serving.policies.bundles import Bundles
from serving.recommendations.known import Known, Sources
from serving.recommendations.wanted import NOTHING, Wanted
from serving.scores.service import Question, Scored, ScoreService, Subject


@dataclass(frozen=True, slots=True)
class Recommended:
    """Carriers for a shipment, ranked, with what each rests on."""

    subject: Subject
    loss: Loss | Unknown
    asking: Asking
    policy: Policy
    has_left: bool
    options: tuple[tuple[Option, Known], ...]
    load: Load


@dataclass(frozen=True, slots=True)
class CarrierService:
    """Recommends carriers, by the contracts on file and the models that are loaded."""

    clock: Clock
    reads: sessionmaker[Session]
    scores: ScoreService
    contracts: Contracts
    bundles: Bundles

    def recommend(self, question: Question, wanted: Wanted) -> Recommended:
        """Rank the carriers of a shipment, as of now.

        Raises
        ------
        NoContractsError
            If no contract is on file: without a rate nothing can be compared.
        UnknownShipmentError, NoDecisionMomentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError
            As `ScoreService.subject`.
        """
        if not self.contracts:
            raise NoContractsError
        subject = self.scores.subject(question, self.clock.now())
        with self.reads() as session:
            policy = self.bundles.in_force(session).for_subject(subject.shipment.shipment_id)
        return self._ranked(subject, policy, wanted)

    def facts(self, policy: Policy, scored: Scored) -> Mapping[str, object]:
        """Return the facts about carriers that a decision is given; none where they could play no part.

        That is: without contracts on file, under a bundle that does not ask for them, for a shipment that has left or
        whose risk cannot be told.
        """
        if not self.contracts or OPTIONS not in policy.facts or scored.score.probability is None:
            return {}
        subject = scored.subject
        if _has_left(self.scores, subject):
            return {}
        found = self._ranked(subject, policy, NOTHING)
        model = f"{self.scores.model.name} {self.scores.model.version}"
        return {
            OPTIONS: tuple(
                _row(option, known, found.load, model) for option, known in found.options if option.rank is not None
            ),
            RULED_OUT: tuple(
                {"carrier_id": known.carrier.carrier_id, "because": "; ".join(option.way.infeasible_because)}
                for option, known in found.options
                if option.rank is None
            ),
        }

    def _ranked(self, subject: Subject, policy: Policy, wanted: Wanted) -> Recommended:
        shipment = subject.shipment
        sources = Sources(self.scores.state, self.scores.model, self.contracts)
        found = {known.carrier.name: known for known in sources.of(subject, wanted)}
        loss = loss_if_late(policy.costs, Terms.of(shipment), days_late=wanted.days_late)
        asking = asking_of(policy, wanted)
        load = Load(
            closes_at=shipment.stops[0].closes_at or shipment.planned_departure_at,
            promised_at=shipment.promised_at,
            leaves_at=shipment.planned_departure_at,
            departed=_has_left(self.scores, subject),
            equipment=wanted.equipment,
            dangerous_goods=wanted.dangerous_goods,
        )
        options = carrier_options([known.carrier for known in found.values()], load, loss, asking, subject.as_of)
        joined = tuple((each, found[each.way.name]) for each in options)
        return Recommended(subject, loss, asking, policy, load.departed, joined, load)


def asking_of(policy: Policy, wanted: Wanted) -> Asking:
    """Return how carriers are asked; what people's time costs, the policy says."""
    of_people = minutes_minor(policy)
    return Asking(
        currency=policy.costs.currency,
        handling_minor=of_people if wanted.handling_minor is None else wanted.handling_minor,
        refusal_minor=of_people if wanted.refusal_minor is None else wanted.refusal_minor,
        window=wanted.window,
        silent_after=wanted.silent_after,
    )


def _has_left(scores: ScoreService, subject: Subject) -> bool:
    return scores.state.moment(subject.shipment, subject.as_of) in (None, Moment.AT_DEPARTURE)


def _row(option: Option, known: Known, load: Load, model: str) -> dict[str, object]:
    carrier, rate = known.carrier, known.expected.rate
    return {
        "carrier_id": carrier.carrier_id,
        "is_current": carrier.is_current,
        "expected_cost_minor": option.expected_cost_minor,
        "rate_minor": carrier.rate_minor,
        "delay_minor": option.way.delay_minor,
        "handling_minor": option.way.handling_minor,
        "accepted_share": option.way.accepted,
        "late_probability": risk_of(carrier, load),
        "dominated_by": option.dominated_by,
        "propensity": option.propensity,
        "source": f"contract {rate.rate_id}, model {model}" if rate is not None else f"model {model}",
    }
