"""What the result of any model says of itself."""

from __future__ import annotations

from typing import Any

from models.audit.score import AuditModel
from models.delay import DelayModel
from models.eta import EtaModel
from models.shortage import ShortageModel
from training.card import Configured, card_of

CANDIDATE = {"version": "candidate"}
"""What a result says of a model that is not registered yet."""


def about(model: DelayModel | EtaModel | ShortageModel | AuditModel, config: Configured) -> dict[str, Any]:
    """Return which model was judged, on what data and in which period, and its card, as plain JSON values."""
    until = config.split.test_until
    return {
        "model": model.name,
        "version": model.version,
        "data": config.data,
        "period": [config.split.calibrate_until.isoformat(), until and until.isoformat()],
        "card": card_of(model, config),
    }
