"""Requests that are answered once for each `Idempotency-Key`: what identifies one, and the answer over HTTP."""

from __future__ import annotations

import hashlib
import json

from fastapi import Response
from pydantic import BaseModel

from serving.decisions.idempotency import Answer, Keyed


def keyed_by(path: str, body: BaseModel, key: str) -> Keyed:
    """Digest what was asked where; the order of keys and the blanks between them do not count."""
    sent = json.dumps([path, body.model_dump(exclude_defaults=True)], sort_keys=True)
    return Keyed(key, hashlib.sha256(sent.encode()).hexdigest())


def respond(answer: Answer) -> Response:
    """Answer as the first time."""
    headers = {"Idempotent-Replayed": "true"} if answer.is_replayed else None
    return Response(answer.body, status_code=answer.status, media_type="application/json", headers=headers)
