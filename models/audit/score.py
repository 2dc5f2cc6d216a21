"""The audit model: what rules prove and what signs suggest, ranked by the money that a minute of review brings back.

A score never withholds a payment: it says which bills a person should look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.invoice import InvoiceMatrix
from models.audit.expected import Floats
from models.audit.facts import facts_of
from models.audit.findings import OPEN_QUESTIONS, Audit, AuditSettings
from models.audit.risk import SignWeights
from models.audit.signs import SIGNS, Expected, SignScales, carriers
from models.calibration import Platt
from models.missed import MissedBound


@dataclass(frozen=True, slots=True)
class ReviewMinutes:
    """How long a person takes to send a proven claim, to put an open question, to look into a suspicion."""

    proven: float = 3.0
    question: float = 5.0
    suspicion: float = 12.0


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of n bills.

    Attributes
    ----------
    surprise : float64 [n, len(SIGNS)]
        −log p of each sign.
    unusual : float64 [n]
        Their sum: how unusual a bill is, without any label or contract.
    probability : float64 [n]
        That it asks too much although no claim is proven; 0 where one is.
    proven_minor, suspected_minor : float64 [n]
        What can be claimed on proof, and what the signs speak of.
    minutes : float64 [n]
        How long a review takes.
    """

    surprise: Floats
    unusual: Floats
    probability: Floats
    proven_minor: Floats
    suspected_minor: Floats
    minutes: Floats

    @property
    def recoverable_minor(self) -> Floats:
        """Expected money that a review brings back: float64 [n]."""
        return np.asarray(self.proven_minor + self.probability * self.suspected_minor)

    @property
    def worth(self) -> Floats:
        """Expected money a minute of review: float64 [n]."""
        return np.asarray(self.recoverable_minor / self.minutes)


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason why a bill looks odd: p-value, what it adds to the log-odds of the suspicion, the money in minor units
    that it speaks of, and words.
    """

    name: str
    p_value: float
    log_odds: float
    amount_minor: float
    words: str


@dataclass(frozen=True, slots=True)
class AuditModel:
    """A fitted invoice audit.

    Attributes
    ----------
    fingerprints
        SHA-256 of `features` (declarations), `data` (training tables) and `model` (boosters and scales).
    settings, minutes
        What rules and ranking need to know of the company.
    missed
        The bound on what is missed; None where too few labels were known to give one.
    """

    name: str
    version: str
    fingerprints: Mapping[str, str]
    settings: AuditSettings
    minutes: ReviewMinutes
    expected: Expected
    scales: SignScales
    weights: SignWeights
    calibration: Platt
    missed: MissedBound | None

    def score(self, matrix: InvoiceMatrix, audits: Sequence[Audit]) -> Scores:
        """Score invoices.

        Parameters
        ----------
        audits
            What the rules found, bill by bill.
        """
        facts = facts_of(matrix.bills)
        surprise = self.scales.surprise(facts, self.expected.strengths(facts, matrix.values))
        proven = proven_minor(matrix, audits)
        suspected = (self.weights.shares(surprise) * self.expected.amounts(facts, matrix.values)).sum(axis=1)
        probability = self.calibration.probability(self.weights.log_odds(surprise))
        return Scores(
            surprise=surprise,
            unusual=surprise.sum(axis=1),
            probability=np.where(proven > 0, 0.0, probability),
            proven_minor=proven,
            suspected_minor=np.minimum(suspected, np.maximum(facts.total_minor, 0.0)),
            minutes=self._minutes(audits, proven),
        )

    def bounds(self, matrix: InvoiceMatrix, level: float = 0.9) -> tuple[Floats, Floats]:
        """Return the expected line haul of each bill and its upper conformal bound, in minor units: float64 [n] each.

        Of usual bills, no more than the share 1 − level lies above it, carrier by carrier.
        """
        facts = facts_of(matrix.bills)
        coded = facts.matrix(self.expected.vocabulary)
        line_haul = self.expected.line_haul
        limit = self.scales.scales["line_haul"].bound(level, len(matrix.bills), carriers(facts))
        middle = line_haul.middle(coded)
        return np.exp(middle), np.exp(middle + limit * line_haul.spread(coded))

    @property
    def base_log_odds(self) -> float:
        """Log-odds of a bill that shows no sign at all."""
        return self.calibration.slope * self.weights.intercept + self.calibration.intercept

    def log_odds(self, scores: Scores) -> Floats:
        """Return the log-odds of the suspicion against each bill: float64 [n]; base and all signs add up to it."""
        return self.calibration.log_odds(self.weights.log_odds(scores.surprise))

    def signs(self, matrix: InvoiceMatrix, scores: Scores, row: int, most: int = 3) -> list[Sign]:
        """Return the strongest signs against one bill, those that weigh most first."""
        one = InvoiceMatrix(matrix.values[row : row + 1], (matrix.bills[row],))
        return self._strongest(scores.surprise[row], self.expected.amounts(facts_of(one.bills), one.values)[0], most)

    def all_signs(self, matrix: InvoiceMatrix, scores: Scores, most: int = 3) -> list[list[Sign]]:
        """Return the strongest signs against each bill, as `signs` does for one."""
        amounts = self.expected.amounts(facts_of(matrix.bills), matrix.values)
        return [self._strongest(*pair, most) for pair in zip(scores.surprise, amounts, strict=True)]

    def _strongest(self, surprise: Floats, amounts: Floats, most: int) -> list[Sign]:
        weight = self.calibration.slope * surprise * np.array(self.weights.weights)
        names = list(SIGNS)
        order = [place for place in np.argsort(-weight, kind="stable")[:most].tolist() if weight[place] > 0]
        return [
            Sign(
                name=names[place],
                p_value=float(np.exp(-surprise[place])),
                log_odds=float(weight[place]),
                amount_minor=float(amounts[place]),
                words=SIGNS[names[place]],
            )
            for place in order
        ]

    def _minutes(self, audits: Sequence[Audit], proven: Floats) -> Floats:
        asked = np.array([any(one.label in OPEN_QUESTIONS for one in audit.findings) for audit in audits])
        kinds: list[NDArray[np.bool_]] = [proven > 0, asked]
        return np.asarray(
            np.select(kinds, [self.minutes.proven, self.minutes.question], self.minutes.suspicion), dtype=np.float64
        )


def proven_minor(matrix: InvoiceMatrix, audits: Sequence[Audit]) -> Floats:
    """Return what can be claimed of each bill on proof: float64 [n], in minor units."""
    return np.array(
        [audit.recoverable_minor(bill.total_minor) for bill, audit in zip(matrix.bills, audits, strict=True)],
        dtype=np.float64,
    )
