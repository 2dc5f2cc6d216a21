"""Every feature, once, in the order in which models see them, and the fingerprint that binds a model to them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from features import (
    backlog,
    carrier,
    claims,
    course,
    customer,
    feeds,
    plan,
    rests,
    rotation,
    route,
    shipment,
    silence,
    stations,
    tenders,
    tracking,
    typical,
    weather,
)
from features.declaration import Feature
from features.history import PRIOR_DELAY_MINUTES, PRIOR_DELAY_SPREAD_MINUTES, PRIOR_LATE_SHARE, History
from features.rates import PSEUDO_LEGS, Layout
from features.settings import FeatureSettings

HISTORY = History(carrier.STREAMS + route.STREAMS + customer.STREAMS)
"""Streams of carrier, route and customer, and how they become features."""

QUEUES = backlog.QUEUES + customer.QUEUES
"""What is counted in one state or another at the cutoff."""

FEATURES = (
    *HISTORY.features,
    *(queue.feature for queue in QUEUES),
    *silence.FEATURES,
    *feeds.FEATURES,
    *shipment.FEATURES,
    *plan.FEATURES,
    *typical.FEATURES,
    *rotation.FEATURES,
    *tracking.FEATURES,
    *course.FEATURES,
    *rests.FEATURES,
)
NAMES = tuple(feature.name for feature in FEATURES)

RATES = Layout(HISTORY.shrunk.beside(tenders.SHRUNK).beside(rests.SHRUNK))
"""How what is told of streams, of tenders and of rests, side by side, becomes features."""

LOST_BY_SERVICE = HISTORY.column("service_transits_delay_mean_28d")
LOST_BY_CARRIER = HISTORY.column("carrier_lane_transits_delay_mean_28d")
"""Columns of the history that the projected delay of a shipment builds on; the second where no service is named."""

DELIVERED = tuple(HISTORY.column(feature) for feature in claims.DELIVERED)
"""Columns of the history that claims are set against."""

USUALLY_TOLD = HISTORY.column(silence.USUAL)
"""Column of the history that the silence of a carrier is set against."""

_CONSTANTS = (
    PSEUDO_LEGS,
    PRIOR_LATE_SHARE,
    PRIOR_DELAY_MINUTES,
    PRIOR_DELAY_SPREAD_MINUTES,
    tenders.PRIOR_ACCEPTED_SHARE,
    tenders.PRIOR_ANSWER_MINUTES,
    claims.PSEUDO_SHIPMENTS,
    claims.PRIOR_CLAIMS,
    stations.WITHIN_KM,
    stations.SILENT_AFTER,
    weather.STALE_AFTER,
    rests.PRIOR_REST_MINUTES,
    rests.PRIOR_REST_SPREAD_MINUTES,
    rests.MAX_REST_MINUTES,
)


def fingerprint(settings: FeatureSettings, features: Sequence[Feature] = FEATURES) -> str:
    """Return the SHA-256 of all declarations and settings: a model made with others must not be used with these."""
    text = json.dumps(
        {
            "features": [asdict(feature) for feature in features],
            "settings": settings.model_dump(mode="json"),
            "constants": _CONSTANTS,
        },
        sort_keys=True,
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()
