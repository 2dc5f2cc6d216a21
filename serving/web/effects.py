"""The three answers to an item that asks what became of a call: it was done, it was not, undo it."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from serving.effects.service import EffectService
from serving.reviews.items import Item
from serving.shapes import PathId
from serving.web.item import move
from serving.web.visit import GUARDED, Answered, Here, Text

router = APIRouter(include_in_schema=False)


@router.post("/queue/{item_id}/happened", dependencies=GUARDED)
async def happened(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Say that the call was done."""
    return move(visit, item_id, typed, _settling(visit.app.effects, item_id, token, typed.said, happened=True))


@router.post("/queue/{item_id}/not_happened", dependencies=GUARDED)
async def not_happened(item_id: PathId, visit: Here, typed: Answered, token: Text) -> Response:
    """Say that the call was not done."""
    return move(visit, item_id, typed, _settling(visit.app.effects, item_id, token, typed.said, happened=False))


@router.post("/queue/{item_id}/undo", dependencies=GUARDED)
async def undo(item_id: PathId, visit: Here, typed: Answered, token: Text, call_id: Text = "") -> Response:
    """Undo the call, or the booking that it waits for."""
    effects = visit.app.effects
    return move(
        visit,
        item_id,
        typed,
        lambda actor: effects.undo_from(item_id, actor=actor, token=token, call_id=call_id or None, note=typed.said),
    )


def _settling(
    effects: EffectService, item_id: str, token: str, note: str | None, *, happened: bool
) -> Callable[[str], Item]:
    return lambda actor: effects.settle(item_id, happened=happened, actor=actor, token=token, note=note)
