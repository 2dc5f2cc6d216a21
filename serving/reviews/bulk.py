"""Several items answered alike, in one request: each as if it had been answered alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from features.vocabulary import Branch
from serving.error_handlers import problem_of
from serving.errors import RoleMissingError
from serving.reviews.errors import ReviewError
from serving.reviews.items import Item
from serving.reviews.reasons import ReasonCode
from serving.reviews.schemas import ItemAnswer, Note, Token
from serving.reviews.service import ReviewService
from serving.shapes import NO_NUL, Body

MOST = 200
"""Items that are answered in one request."""


class BulkItem(Body):
    """An item that is held, with the token of its claim."""

    item_id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
    claim_token: Token


class BulkBody(Body):
    """One answer to several items. `override` takes a branch, and `override` and `dismiss` a reason."""

    items: Annotated[list[BulkItem], Field(min_length=1, max_length=MOST)]
    answer: Literal["accept", "override", "dismiss"]
    branch: Branch | None = None
    reason_code: ReasonCode | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        needs_branch, needs_reason = self.answer == "override", self.answer != "accept"
        if (self.branch is not None) != needs_branch or (self.reason_code is not None) != needs_reason:
            raise ValueError("override takes branch and reason_code, dismiss takes reason_code, accept takes neither")
        if len({each.item_id for each in self.items}) < len(self.items):
            raise ValueError("an item is named twice; name each once")
        return self


class BulkResult(BaseModel):
    """What became of one item: the item as it is now, or the problem it alone would have been answered with."""

    item_id: str
    item: ItemAnswer | None
    problem: dict[str, Any] | None


class BulkAnswer(BaseModel):
    """What became of each item, in the order of the request; one that is refused stops no other."""

    answered: int
    refused: int
    results: list[BulkResult]

    @classmethod
    def of(cls, results: Sequence[BulkResult]) -> Self:
        """Count what became of the items."""
        refused = sum(each.problem is not None for each in results)
        return cls(answered=len(results) - refused, refused=refused, results=list(results))


def answer_all(reviews: ReviewService, body: BulkBody, *, actor: str) -> BulkAnswer:
    """Answer items one after the other, each in a transaction of its own."""
    return BulkAnswer.of([_result(reviews, body, each, actor) for each in body.items])


def _answer(reviews: ReviewService, body: BulkBody, each: BulkItem, actor: str) -> Item:
    item_id, token, note = each.item_id, each.claim_token, body.note
    if body.reason_code is None:
        return reviews.accept(item_id, actor=actor, token=token, note=note)
    if body.branch is None:
        return reviews.dismiss(item_id, actor=actor, token=token, reason=body.reason_code, note=note)
    return reviews.override(item_id, actor=actor, token=token, branch=body.branch, reason=body.reason_code, note=note)


def _result(reviews: ReviewService, body: BulkBody, each: BulkItem, actor: str) -> BulkResult:
    try:
        item = ItemAnswer.of(_answer(reviews, body, each, actor))
    except (ReviewError, RoleMissingError) as error:
        return BulkResult(item_id=each.item_id, item=None, problem=problem_of(error))
    return BulkResult(item_id=each.item_id, item=item, problem=None)
