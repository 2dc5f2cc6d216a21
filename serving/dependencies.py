"""What endpoints are given: the services of the app's container, and who is calling."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from serving.arrivals.service import ArrivalService
from serving.auth.people import Person, is_of_the_service
from serving.bootstrap import Container
from serving.causes.service import CauseService
from serving.db.audit import SYSTEM
from serving.decisions.idempotency import read_key
from serving.decisions.service import DecisionService
from serving.directives.service import DirectiveService
from serving.effects.service import EffectService
from serving.errors import (
    ActorMissingError,
    ImpersonationError,
    MediaTypeError,
    PersonUnknownError,
    UnauthorizedError,
)
from serving.events.service import EventService
from serving.health.service import HealthService
from serving.invoices.deciding import InvoiceDecisions
from serving.invoices.service import InvoiceService
from serving.policies.service import PolicyService
from serving.recommendations.assignment import AssignmentService
from serving.recommendations.carriers import CarrierService
from serving.recommendations.nodes import NodeService
from serving.reviews.service import ReviewService
from serving.scores.service import ScoreService
from serving.shortages.deciding import ShortageDecisions
from serving.shortages.service import ShortageService
from serving.step_ups.service import StepUpService

_bearer = HTTPBearer(auto_error=False, description="needed where the service was started with an API token")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


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


async def _arrivals(container: App) -> ArrivalService:
    container.following.catch_up_if_possible()
    return container.arrivals


async def _carriers(container: App) -> CarrierService:
    container.following.catch_up_if_possible()
    return container.carriers


async def _nodes(container: App) -> NodeService:
    container.following.catch_up_if_possible()
    return NodeService(container.carriers, container.state)


async def _assignments(container: App) -> AssignmentService:
    container.following.catch_up_if_possible()
    return AssignmentService(container.carriers, container.reviews)


async def _invoices(container: App) -> InvoiceService:
    container.following.catch_up_if_possible()
    return container.invoices


async def _shortages(container: App) -> ShortageService:
    container.following.catch_up_if_possible()
    return container.shortages


async def _invoice_decisions(container: App) -> InvoiceDecisions:
    return container.invoice_decisions


async def _shortage_decisions(container: App) -> ShortageDecisions:
    return container.shortage_decisions


async def _decisions(container: App) -> DecisionService:
    return container.decisions


async def _reviews(container: App) -> ReviewService:
    return container.reviews


async def _directives(container: App) -> DirectiveService:
    return container.directives


async def _causes(container: App) -> CauseService:
    return container.causes


async def _step_ups(container: App) -> StepUpService:
    return container.step_ups


async def _policies(container: App) -> PolicyService:
    return container.policies


async def _effects(container: App) -> EffectService:
    return container.effects


async def _health(container: App) -> HealthService:
    return container.health


def _token(credentials: HTTPAuthorizationCredentials | None) -> str | None:
    return None if credentials is None else credentials.credentials


async def require_token(container: App, credentials: Credentials) -> None:
    """Refuse a call without the token, where the service was given one; a token of a person will do."""
    token = _token(credentials)
    if not container.settings.accepts(token) and container.people.known_by(token) is None:
        raise UnauthorizedError


async def require_json(request: Request) -> None:
    """Refuse a body that is not announced as JSON."""
    found = request.headers.get("content-type")
    media_type = (found or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise MediaTypeError(found, ("application/json",))


async def _caller(
    container: App,
    credentials: Credentials,
    x_actor: Annotated[str | None, Header(max_length=100, description="who acts")] = None,
) -> str | None:
    """Return who acts: whoever the token belongs to, else whom the header names, if that is nobody with a token."""
    claimed, person = (x_actor or "").strip() or None, container.people.known_by(_token(credentials))
    if claimed is not None and claimed != (person.name if person else None):
        if person is not None or container.people.is_listed(claimed) or is_of_the_service(claimed):
            raise ImpersonationError(claimed, None if person is None else person.name)
        return claimed
    return None if person is None else person.name


async def _actor(container: App, credentials: Credentials, caller: Annotated[str | None, Depends(_caller)]) -> str:
    """Return who answers: where people are listed, one of them by their own token; a header proves nothing."""
    if container.people and container.people.known_by(_token(credentials)) is None:
        raise PersonUnknownError
    if caller is None:
        raise ActorMissingError
    return caller


async def _actor_or_system(caller: Annotated[str | None, Depends(_caller)]) -> str:
    return caller or SYSTEM


async def _reporter(container: App, caller: Annotated[str | None, Depends(_caller)]) -> str:
    return caller or container.settings.target


async def _person(container: App, credentials: Credentials, _: Annotated[str | None, Depends(_caller)]) -> Person:
    person = container.people.known_by(_token(credentials))
    if person is None:
        raise PersonUnknownError
    return person


async def _key(
    idempotency_key: Annotated[
        str | None, Header(description="required; new for each new call, the same for each retry, e.g. a UUID")
    ] = None,
) -> str:
    return read_key(idempotency_key)


Actor = Annotated[str, Depends(_actor)]
Reporter = Annotated[str, Depends(_reporter)]
ActorOrSystem = Annotated[str, Depends(_actor_or_system)]
Known = Annotated[Person, Depends(_person)]
Key = Annotated[str, Depends(_key)]
Events = Annotated[EventService, Depends(_events)]
Arrivals = Annotated[ArrivalService, Depends(_arrivals)]
Invoices = Annotated[InvoiceService, Depends(_invoices)]
InvoiceDecider = Annotated[InvoiceDecisions, Depends(_invoice_decisions)]
Shortages = Annotated[ShortageService, Depends(_shortages)]
ShortageDecider = Annotated[ShortageDecisions, Depends(_shortage_decisions)]
Scores = Annotated[ScoreService, Depends(_scores)]
Carriers = Annotated[CarrierService, Depends(_carriers)]
Nodes = Annotated[NodeService, Depends(_nodes)]
Assignments = Annotated[AssignmentService, Depends(_assignments)]
Decisions = Annotated[DecisionService, Depends(_decisions)]
Reviews = Annotated[ReviewService, Depends(_reviews)]
Directives = Annotated[DirectiveService, Depends(_directives)]
Effects = Annotated[EffectService, Depends(_effects)]
Causes = Annotated[CauseService, Depends(_causes)]
StepUps = Annotated[StepUpService, Depends(_step_ups)]
Policies = Annotated[PolicyService, Depends(_policies)]
Health = Annotated[HealthService, Depends(_health)]
