"""What endpoints are given: the services of the app's container, and who is calling."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.bootstrap import Container
from serving.db.audit import SYSTEM
from serving.decisions.service import DecisionService
from serving.errors import ActorMissingError, MediaTypeError, UnauthorizedError
from serving.events.service import EventService
from serving.health.service import HealthService
from serving.reviews.service import ReviewService
from serving.scores.service import ScoreService

_bearer = HTTPBearer(auto_error=False, description="needed where the service was started with an API token")


async def _container(request: Request) -> Container:
    container = request.app.state.container
    assert isinstance(container, Container)  # noqa: S101  create_app puts it there
    return container


App = Annotated[Container, Depends(_container)]


async def _events(container: App) -> EventService:
    return container.events


async def _scores(container: App) -> ScoreService:
    container.following.catch_up_if_possible()
    return container.scores


async def _decisions(container: App) -> DecisionService:
    return container.decisions


async def _reviews(container: App) -> ReviewService:
    return container.reviews


async def _health(container: App) -> HealthService:
    return container.health


async def require_token(
    container: App, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Refuse a call without the token, where the service was given one."""
    if not container.settings.accepts(None if credentials is None else credentials.credentials):
        raise UnauthorizedError


async def require_json(request: Request) -> None:
    """Refuse a body that is not announced as JSON."""
    found = request.headers.get("content-type")
    media_type = (found or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError(found, ("application/json",))


async def _actor(x_actor: Annotated[str | None, Header(max_length=100, description="who acts")] = None) -> str:
    if x_actor is None or not x_actor.strip():
        raise ActorMissingError
    return x_actor.strip()


async def _actor_or_system(
    x_actor: Annotated[str | None, Header(max_length=100, description="who asks; else the service itself")] = None,
) -> str:
    return (x_actor or "").strip() or SYSTEM


Actor = Annotated[str, Depends(_actor)]
ActorOrSystem = Annotated[str, Depends(_actor_or_system)]
Events = Annotated[EventService, Depends(_events)]
Scores = Annotated[ScoreService, Depends(_scores)]
Decisions = Annotated[DecisionService, Depends(_decisions)]
Reviews = Annotated[ReviewService, Depends(_reviews)]
Health = Annotated[HealthService, Depends(_health)]
