"""What tests of a bundle's life do again and again."""

from __future__ import annotations

from typing import Any

import httpx

from serving.policies.life import Step
from tests.serving.bundles import Edit, text_of
from tests.serving.house import House, Json, staff

PEOPLE = staff(
    ann=["process-owner"], pat=["process-owner"], dana=["customer-service"], ben=["duty-manager"],
    dan=["transport-operations"], eve=["freight-audit"],
)  # fmt: skip
"""Two who act for the owner of the bundle, three who act for branches of it, and one who acts for neither."""


def version(number: int, *edits: Edit) -> str:
    """Write the bundle that ships as another version, after edits."""
    return text_of(lambda data: data.update(version=number), *edits)


def bolder(data: dict[str, Any]) -> None:
    """Tell customers earlier."""
    data["thresholds"]["notify_from"]["value"] = 0.4


def submit(house: House, text: str, *, by: str = "ann", **more: Any) -> httpx.Response:
    return house.said("/v1/policies", {"text": text, "reason": "try it", **more}, by=by)


def submitted(house: House, text: str, *, by: str = "ann") -> Json:
    """Submit a bundle that must be taken."""
    answer = submit(house, text, by=by)
    assert answer.status_code == 201, answer.text
    body: Json = answer.json()
    return body


def step(house: House, bundle: Json, verb: str, *, by: str = "pat", **body: Any) -> httpx.Response:
    given = {"reason": "so agreed", **body} if verb not in ("approve", "shadow", "end-shadow") else body
    return house.said(f"/v1/policies/{bundle['digest']}/{verb}", given, by=by)


def approve(house: House, bundle: Json, *, by: str = "pat", signs: str | None = None) -> httpx.Response:
    """Approve a bundle, however few decisions it was tried on."""
    return step(house, bundle, "approve", by=by, signs=signs or bundle["signs"], waives="few in a test")


def stepped(answer: httpx.Response) -> Json:
    """Return the bundle after a step that must be taken."""
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def approved(house: House, text: str) -> Json:
    """Submit and approve a bundle."""
    return stepped(approve(house, submitted(house, text)))


def live(house: House, text: str, *, share: float = 1.0) -> Json:
    """Lead a bundle to be in force."""
    return stepped(step(house, approved(house, text), "publish", share=share))


def back(house: House, *, by: str = "ben") -> httpx.Response:
    return house.said("/v1/policies/rollback", {"reason": "wrong messages"}, by=by)


def moves(house: House) -> list[Step]:
    """Return all steps, oldest first."""
    found = house.api.get("/v1/policies/history?limit=200").json()["moves"]
    return [Step(each["action"]) for each in reversed(found)]
