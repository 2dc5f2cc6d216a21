"""Every feature, once, in the order in which models see them, and the fingerprint that binds a model to them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from features import backlog, carrier, route, shipment, weather
from features.history import PRIOR_DELAY_MINUTES, PRIOR_LATE_SHARE, PSEUDO_LEGS, History
from features.settings import FeatureSettings

HISTORY = History(carrier.STREAMS + route.STREAMS)
"""Streams of carrier and route, and how they become features."""

FEATURES = HISTORY.features + backlog.FEATURES + weather.FEATURES + shipment.FEATURES
NAMES = tuple(feature.name for feature in FEATURES)

LOST_ON_THE_WAY = HISTORY.column("service_transits_delay_mean_28d")
"""Column of the history that the projected delay of a shipment builds on."""


def fingerprint(settings: FeatureSettings) -> str:
    """Return the SHA-256 of all declarations and settings: a model made with others must not be used with these."""
    text = json.dumps(
        {
            "features": [asdict(feature) for feature in FEATURES],
            "settings": settings.model_dump(mode="json"),
            "shrinkage": [PSEUDO_LEGS, PRIOR_LATE_SHARE, PRIOR_DELAY_MINUTES],
        },
        sort_keys=True,
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()
