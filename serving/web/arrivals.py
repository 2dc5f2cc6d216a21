"""When an item's shipment arrives: told when the page is opened, and no part of the decision that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from features.errors import UnknownShipmentError
from serving.arrivals.schemas import STATED_COVERAGE
from serving.arrivals.service import Arrival
from serving.bootstrap import Container
from serving.errors import NoDecisionMomentError
from serving.scores.service import Question
from serving.web import words


@dataclass(frozen=True, slots=True)
class ArrivalView:
    """An arrival in words: `said` is empty where it cannot be told, and `abstained` says why."""

    said: str
    abstained: tuple[str, ...]
    as_of: datetime
    coverage: str
    model: str


def arrival_view(app: Container, shipment_id: str) -> ArrivalView | None:
    """Tell when a shipment arrives, as of now; None without a model, or if nothing of it is awaited."""
    if not app.arrivals.has_model:
        return None
    app.following.catch_up_if_possible()
    try:
        found = app.arrivals.arrival(Question(shipment_id), app.clock.now())
    except (UnknownShipmentError, NoDecisionMomentError):
        return None
    return ArrivalView(
        said=_said(found),
        abstained=found.score.abstained_because,
        as_of=found.subject.as_of,
        coverage=words.percent(STATED_COVERAGE),
        model=f"{words.plain(app.arrivals.model_name)} model version {app.arrivals.model_version}",
    )


def _said(found: Arrival) -> str:
    early, median, late = found.score.early, found.score.median, found.score.late
    if early is None or median is None or late is None:
        return ""
    return words.arrival(early, median, late, found.subject.as_of)
