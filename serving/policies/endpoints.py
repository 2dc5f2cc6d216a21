"""The life of policy bundles over HTTP: submit, approve, shadow, publish, roll back, history."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Response

from serving.dependencies import Key, Known, Policies, require_json
from serving.directives.endpoints import keyed
from serving.policies import steps
from serving.policies.schemas import (
    BudgetList,
    BudgetShape,
    BundleAnswer,
    BundleList,
    BundleShape,
    MoveList,
    OverdueList,
    PublishBody,
    ReasonBody,
    RollBackBody,
    ShadowAnswer,
    ShadowBody,
    ShadowPriceList,
    ShadowPriceShape,
    SignBody,
    SubmitBody,
)
from serving.policies.service import Asking
from serving.replies import respond
from serving.shapes import Position

router = APIRouter(prefix="/v1/policies", tags=["policies"])
_json = [Depends(require_json)]
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="of the bundle")]
_WHY = {"reason": "customers are told two hours earlier"}


@router.post("", status_code=201, response_model=BundleAnswer, dependencies=_json)
def submit_policy(  # not async: the evidence takes a second, and other requests go on meanwhile
    body: Annotated[SubmitBody, Body(examples=[{"text": "policy: late_shipments\nversion: 2\n…", **_WHY}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Submit a bundle: its bytes are frozen, and the service gathers the evidence on it.

    The evidence holds what `lint` says, what the bundle would have decided about the past (at most the newest 5,000
    decisions of the window), how the review queue would have gone with the `reviewers` named, and the share of late
    shipments that it would have left alone, with its upper 95 % bound.
    """
    asking = Asking(person, keyed("", body, person, key), _render)
    return respond(
        policies.submit(
            asking, body.text, since=body.since, until=body.until, staffing=body.staffing, reason=body.reason
        )
    )


@router.get("")
async def list_policies(policies: Policies) -> BundleList:
    """List all bundles and where each stands."""
    return BundleList(policies=[BundleShape.of(known) for known in policies.known()])


@router.get("/history")
async def list_policy_history(
    policies: Policies,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> MoveList:
    """List every step of every bundle, newest first."""
    return MoveList.of(policies.history(before=before, limit=limit), limit)


@router.get("/budgets")
async def list_budgets(
    policies: Policies,
    limit: Annotated[int, Query(ge=1, le=1000, description="parts of a budget that is kept apart")] = 100,
) -> BudgetList:
    """Tell what is left of the budgets of the live bundles, as a decision made now would find it."""
    return BudgetList(budgets=[BudgetShape.of(found) for found in policies.budgets(limit=limit)])


@router.get("/budgets/shadow-prices")
def list_shadow_prices(  # not async: thousands of decisions may be looked at, and other requests go on meanwhile
    policies: Policies,
    limit: Annotated[int, Query(ge=1, le=1000, description="parts of a budget that is kept apart")] = 100,
) -> ShadowPriceList:
    """Tell what one more unit of each budget would have saved, had the decisions of its hours shared it out at best.

    Looked at is what the live bundles decided within the budget's hours, by the records alone. A budget that nobody
    went without is worth nothing more. Where it stays worth more than its `price_minor`, that or the amount is too low.
    """
    return ShadowPriceList(budgets=[ShadowPriceShape.of(found, limit) for found in policies.budget_prices()])


@router.get("/overdue")
async def list_overdue_reviews(
    policies: Policies,
    closed: Annotated[bool, Query(description="list those that somebody has looked at as well")] = False,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> OverdueList:
    """List the parts of bundles that nobody has looked at by their day, with what is otherwise meanwhile.

    Each is opened, and its owner called, by the first decision under the bundle since. It is closed when a bundle is
    put in force in which it is reviewed.
    """
    return OverdueList.of(policies.overdue(only_open=not closed, before=before, limit=limit), limit)


@router.post("/rollback", response_model=BundleAnswer, dependencies=_json)
async def roll_policy_back(
    body: Annotated[RollBackBody, Body(examples=[{"reason": "wrong messages go out"}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Take back what came last, at once: a rollout under way, else the live bundle for the approved one before it."""
    asking = Asking(person, keyed("", body, person, key), _render)
    return respond(policies.roll_back(asking, subject=body.subject, reason=body.reason))


@router.get("/{digest}")
async def get_policy(digest: Digest, policies: Policies) -> BundleAnswer:
    """Return one bundle with its text, its evidence and its life."""
    return BundleAnswer.answer(policies.one(digest))


@router.get("/{digest}/shadow")
def get_policy_shadow(
    digest: Digest,
    policies: Policies,
    before: Annotated[Position | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=5000, description="decisions that are summed up")] = 1000,
) -> ShadowAnswer:
    """Sum up what a bundle would have decided while it was in shadow: the newest decisions first, a page at a time."""
    return ShadowAnswer.of(policies.shadow_report(digest, before=before, limit=limit))


@router.post("/{digest}/approve", response_model=BundleAnswer, dependencies=_json)
async def approve_policy(
    digest: Digest,
    body: Annotated[SignBody, Body(examples=[{"signs": "9f86d081884c7d65" * 4}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Approve what another has submitted, by the digest of its evidence. It is in force when somebody publishes it."""
    return respond(policies.approve(_asking(digest, body, person, key), digest, signed=body.signs, waives=body.waives))


@router.post("/{digest}/reject", response_model=BundleAnswer, dependencies=_json)
async def reject_policy(
    digest: Digest,
    body: Annotated[ReasonBody, Body(examples=[{"reason": "too many messages"}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Reject a bundle that is not in force, or take back one's own."""
    return respond(policies.reject(_asking(digest, body, person, key), digest, reason=body.reason))


@router.post("/{digest}/shadow", response_model=BundleAnswer)
async def put_policy_in_shadow(digest: Digest, policies: Policies, person: Known, key: Key) -> Response:
    """Let a bundle decide beside the one in force. What it would have done is recorded; nothing is sent or asked."""
    return respond(policies.put_in_shadow(_asking(digest, ShadowBody(on=True), person, key), digest))


@router.post("/{digest}/end-shadow", response_model=BundleAnswer)
async def end_policy_shadow(digest: Digest, policies: Policies, person: Known, key: Key) -> Response:
    """Let it decide beside the one in force no longer; what it has recorded stays."""
    return respond(policies.end_shadow(_asking(digest, ShadowBody(on=False), person, key), digest))


@router.post("/{digest}/publish", response_model=BundleAnswer, dependencies=_json)
async def publish_policy(
    digest: Digest,
    body: Annotated[PublishBody, Body(examples=[{"share": 0.1, **_WHY}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Put an approved bundle in force, for all or for a share of its subjects.

    What the share has reached stays with the bundle as the share grows. What was decided before is carried out,
    overridden and replayed under the bundle it was decided under.
    """
    asking = _asking(digest, body, person, key)
    return respond(policies.publish(asking, digest, share_millionths=body.share_millionths, reason=body.reason))


@router.post("/{digest}/break-glass", response_model=BundleAnswer, dependencies=_json)
async def break_glass(
    digest: Digest,
    body: Annotated[ReasonBody, Body(examples=[{"reason": "every message is wrong and nobody answers"}])],
    policies: Policies,
    person: Known,
    key: Key,
) -> Response:
    """Put a submitted bundle in force without a second person.

    The service says so in its log, in `/metrics` (`triage_policy_unapproved`), in `/readyz` and in the list of bundles,
    until somebody else approves it or it is rolled back.
    """
    return respond(policies.break_glass(_asking(digest, body, person, key), digest, reason=body.reason))


def _asking(digest: str, body: ReasonBody | SignBody | PublishBody | ShadowBody, person: Known, key: str) -> Asking:
    return Asking(person, keyed(digest, body, person, key), _render)


def _render(known: steps.Known) -> str:
    return BundleAnswer.answer(known).model_dump_json()
