"""The parts of a sealed decision that say what the model saw and said, in plain JSON types."""

from __future__ import annotations

from features.definitions import NAMES
from features.state import FeatureRow
from models.contracts import Explanation
from serving.scores.ports import DelayPredictor
from serving.scores.service import Scored, features_digest


def features_of(row: FeatureRow) -> dict[str, float]:
    """Name the values of a row; NaN where unknown."""
    return dict(zip(NAMES, row.values.tolist(), strict=True))


def model_of(model: DelayPredictor, scored: Scored, explanation: Explanation | None) -> dict[str, object]:
    """Say which model spoke, on which shipment, what it said and, if that was computed, why."""
    subject, score = scored.subject, scored.score
    return {
        "name": model.name,
        "version": model.version,
        "fingerprints": dict(model.fingerprints),
        "features_digest": features_digest(scored.row),
        "shipment": subject.shipment.model_dump(mode="json", exclude_none=True),
        "inline": subject.inline,
        "moment": subject.moment.value,
        "probability": score.probability,
        "verdict": score.verdict.value,
        "abstained_because": list(score.abstained_because),
        "explanation": None if explanation is None else _explanation(explanation),
    }


def _explanation(explanation: Explanation) -> dict[str, object]:
    return {
        "base_log_odds": explanation.base_log_odds,
        "log_odds": explanation.log_odds,
        "contributions": dict(explanation.contributions),
        "reasons": [
            {"feature": reason.feature, "value": reason.value, "log_odds": reason.log_odds, "words": reason.words}
            for reason in explanation.reasons
        ],
    }
