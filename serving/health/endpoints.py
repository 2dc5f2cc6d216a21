"""`GET /healthz` (the process lives) and `GET /readyz` (it can do its work)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel

from serving.dependencies import Health

router = APIRouter(tags=["health"])


class LivenessAnswer(BaseModel):
    """The process answers."""

    status: str = "alive"


class CheckShape(BaseModel):
    """One part, whether it is well, and why."""

    name: str
    ok: bool
    reason: str


class ReadinessAnswer(BaseModel):
    """Whether the service can do its work; every part is listed, well or not."""

    ready: bool
    checks: list[CheckShape]


@router.get("/healthz")
async def live() -> LivenessAnswer:
    """Say that the process lives. A process that does not answer is to be restarted."""
    return LivenessAnswer()


@router.get("/readyz", responses={503: {"model": ReadinessAnswer, "description": "a part is not well"}})
async def ready(response: Response, health: Health) -> ReadinessAnswer:
    """Say whether database, record log, model and policy are well; 503 if one is not."""
    checks = [CheckShape(name=check.name, ok=check.ok, reason=check.reason) for check in health.readiness()]
    if not all(check.ok for check in checks):
        response.status_code = 503
    return ReadinessAnswer(ready=response.status_code != 503, checks=checks)
