"""Tells when a shipment arrives, as of now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from features.moments import IN_TURN
from features.records import Shipment
from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import ArrivalExplanation, EtaScore
from models.eta import EtaModel
from serving.arrivals.outcomes import KnownOutcomes
from serving.clock import Clock
from serving.scores.service import Question, ScoreService, Subject

AT_A_TIME = 5
"""Shipments whose outcomes are worked out before others get their turn; each takes some milliseconds."""
NO_MODEL = "no model of arrival is loaded"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a shipment arrives, with all it was told from."""

    subject: Subject
    row: FeatureRow
    score: EtaScore


@dataclass(frozen=True, slots=True)
class ArrivalService:
    """Tells arrivals with the model that is loaded, corrected by the newest outcomes; without one it abstains."""

    clock: Clock
    scores: ScoreService
    model: EtaModel | None
    outcomes: KnownOutcomes | None

    @property
    def has_model(self) -> bool:
        """Whether anything can be told at all."""
        return self.model is not None

    @property
    def model_name(self) -> str:
        """Name of the model, "none" without one."""
        return "none" if self.model is None else self.model.name

    @property
    def model_version(self) -> str:
        """Version of the model, "0" without one."""
        return "0" if self.model is None else self.model.version

    def arrival(self, question: Question, now: datetime) -> Arrival:
        """Tell when a shipment arrives, from what is known now.

        Raises
        ------
        UnknownShipmentError, InvalidRecordError, KnownTimeError, FutureKnowledgeError, NoDecisionMomentError
            As `ScoreService.subject`.
        """
        moments = IN_TURN if self.model is None else self.model.moments
        subject = self.scores.subject(question, now, moments)
        row = self.scores.state.features(subject.shipment, now)
        return Arrival(subject, row, self.score(subject.shipment, row, subject.moment, now))

    def catch_up(self) -> None:
        """Work out the outcomes that came to be known, so that the next question need not wait for it."""
        if self.outcomes is not None:
            self.outcomes.catch_up(self.clock.now())

    async def keep_up(self, *, every_seconds: float = 1.0) -> None:
        """Work out new outcomes, a few at a time, until cancelled: a question then finds them done."""
        while self.outcomes is not None:
            is_more = self.outcomes.catch_up(self.clock.now(), AT_A_TIME)
            await asyncio.sleep(0 if is_more else every_seconds)

    def explain(self, arrival: Arrival) -> ArrivalExplanation | None:
        """Return the reasons of the middle of an arrival; None where the model abstained and so has none."""
        subject = arrival.subject
        promised_at = subject.shipment.promised_at
        if self.model is None or self.outcomes is None or arrival.score.median is None or promised_at is None:
            return None
        known = self.outcomes.at(subject.moment, subject.as_of)
        carrier_id = subject.shipment.carrier_id
        awaited = self._is_awaited(subject.shipment, subject.as_of)
        return self.model.explain(
            arrival.row, subject.moment, carrier_id, promised_at, subject.as_of, known, is_awaited=awaited
        )

    def score(self, shipment: Shipment, row: FeatureRow, moment: Moment, now: datetime) -> EtaScore:
        """Tell when a shipment of which the features are known arrives."""
        if self.model is None or self.outcomes is None:
            return EtaScore(None, None, None, moment, (*row.missing, NO_MODEL))
        known = self.outcomes.at(moment, now) if moment in self.model.moments else None
        awaited = self._is_awaited(shipment, now)
        return self.model.score(row, moment, shipment.carrier_id, shipment.promised_at, now, known, is_awaited=awaited)

    def _is_awaited(self, shipment: Shipment, now: datetime) -> bool:
        return self.scores.state.moment(shipment, now) is not None
