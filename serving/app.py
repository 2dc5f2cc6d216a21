"""The web application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from serving import error_handlers, problems
from serving.arrivals import endpoints as arrivals
from serving.bootstrap import Container
from serving.causes import endpoints as causes
from serving.decisions import endpoints as decisions
from serving.dependencies import require_token
from serving.directives import endpoints as directives
from serving.documentation import DESCRIPTION, TAGS, complete
from serving.effects import endpoints as effects
from serving.events import endpoints as events
from serving.health import endpoints as health
from serving.health import metrics
from serving.invoices import endpoints as invoices
from serving.limits import BodyLimit
from serving.policies import endpoints as policies
from serving.recommendations import endpoints as recommendations
from serving.reviews import endpoints as reviews
from serving.scores import endpoints as scores
from serving.shortages import endpoints as shortages
from serving.step_ups import endpoints as step_ups
from serving.web import pages, trouble

_API = (
    events.router,
    scores.router,
    arrivals.router,
    recommendations.router,
    invoices.router,
    shortages.router,
    decisions.router,
    effects.router,
    directives.router,
    step_ups.router,
    policies.router,
    causes.router,
    reviews.router,
)


def create_app(container: Container) -> FastAPI:
    """Make the application of a container; nothing else is shared between two of them."""
    app = _Api(
        title="Freight Triage",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
        generate_unique_id_function=_operation_id,
        lifespan=_keeping_up,
    )
    app.state.container = container
    app.add_middleware(BodyLimit, limit_bytes=container.settings.body_limit_bytes, shown=trouble.shown)
    for router in _API:
        app.include_router(router, dependencies=[Depends(require_token)])
    app.include_router(metrics.router, dependencies=[Depends(require_token)])
    app.include_router(health.router)
    app.include_router(problems.router)
    app.include_router(pages.router)
    error_handlers.install(app, shown=trouble.shown)
    return app


@asynccontextmanager
async def _keeping_up(app: FastAPI) -> AsyncIterator[None]:
    """Follow the record log and what became of shipments, look after common causes, and close what has expired in the
    review queue, while the application runs.
    """
    container: Container = app.state.container
    works = (
        container.following.keep_up(),
        container.tending.keep_tending(),
        container.arrivals.keep_up(),
        container.expiring.keep_expiring(),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the shapes FastAPI cannot see."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi())
        return self.openapi_schema


def _operation_id(route: APIRoute) -> str:
    return route.name
