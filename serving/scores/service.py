"""Scores one shipment at one time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from features.records import Shipment
from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import DelayScore, Explanation
from serving.clock import Clock
from serving.errors import NoDecisionMomentError
from serving.events.records import Intake, read_record
from serving.scores.absent import AbsentModel
from serving.scores.errors import NoDelayModelError
from serving.scores.ports import DelayPredictor, FeatureState


@dataclass(frozen=True, slots=True)
class Question:
    """Which shipment is asked about: a known one by its id, or one given inline; and at which moment."""

    shipment_id: str | None = None
    shipment: Mapping[str, Any] | None = None
    moment: Moment | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A shipment at a moment, as of a time."""

    shipment: Shipment
    moment: Moment
    as_of: datetime
    inline: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with all it was made from."""

    subject: Subject
    row: FeatureRow
    score: DelayScore


@dataclass(frozen=True, slots=True)
class ScoreService:
    """Scores shipments with the model that is loaded."""

    clock: Clock
    state: FeatureState
    model: DelayPredictor
    intake: Intake

    def subject(self, question: Question, now: datetime, among: Collection[Moment] | None = None) -> Subject:
        """Find the shipment a question is about, and the moment to judge it at.

        Parameters
        ----------
        among
            The moments that are asked for; by default those that the model was trained for.

        Raises
        ------
        UnknownShipmentError
            If nobody announced it.
        InvalidRecordError, KnownTimeError, FutureKnowledgeError
            If the inline shipment cannot be read.
        NoDecisionMomentError
            If no moment is named and none holds.
        """
        if question.shipment is not None:
            shipment = read_record(Shipment, question.shipment, now=now, intake=self.intake, where="body.shipment")
        else:
            shipment = self.state.shipment(question.shipment_id or "", now)
        asked = self.model.moments if among is None else among
        moment = question.moment or self.state.moment(shipment, now, asked)
        if moment is None:
            raise NoDecisionMomentError(shipment.shipment_id, now)
        return Subject(shipment, moment, now, inline=question.shipment is not None)

    def require_model(self) -> None:
        """Refuse to score where nothing can be said; deciding goes on without, and sends every case to a person.

        Raises
        ------
        NoDelayModelError
            If no model is loaded.
        """
        if isinstance(self.model, AbsentModel):
            raise NoDelayModelError

    def score(self, subject: Subject) -> Scored:
        """Score a subject as of its time."""
        row = self.state.features(subject.shipment, subject.as_of)
        return Scored(subject, row, self.model.score(row, subject.moment))

    def hours_late(self, scored: Scored) -> float | None:
        """Return the expected hours after the promise; None where the model abstained, or has not learnt it."""
        if scored.score.probability is None:
            return None
        found = float(self.model.hours_late(scored.row.values.reshape(1, -1), scored.subject.moment)[0])
        return None if math.isnan(found) else found

    def explain(self, scored: Scored) -> Explanation | None:
        """Return the reasons of a score; None where the model abstained and so has none."""
        if scored.score.probability is None:
            return None
        return self.model.explain(scored.row, scored.subject.moment)


def features_digest(row: FeatureRow) -> str:
    """Return the SHA-256 of a row's values: equal features, equal digest, on every machine."""
    values = np.where(np.isnan(row.values), np.nan, row.values) + 0.0  # one NaN, and no negative zero
    return hashlib.sha256(values.astype("<f8").tobytes()).hexdigest()
