"""The `Idempotency-Key` header (IETF draft): one key, one payload, one answer, kept with what it set in motion."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from serving.decisions import repository
from serving.errors import KeyInUseError, KeyMissingError, KeyReusedError

_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(header: str | None) -> str:
    """Read the key from its header: a quoted string after the draft, or the bare text that most clients send.

    Raises
    ------
    KeyMissingError
        If there is none, or it is empty, too long or not printable.
    """
    if header is None:
        raise KeyMissingError(None)
    key = header.strip()
    if len(key) >= 2 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not _VISIBLE.fullmatch(key):
        raise KeyMissingError(header)
    return key


@dataclass(frozen=True, slots=True)
class Keyed:
    """The key of a request, and the digest of all that was sent with it."""

    key: str
    request_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, as it was given the first time."""

    status: int
    body: str
    is_replayed: bool


def answer_once(
    sessions: sessionmaker[Session], keyed: Keyed, *, status: int, act: Callable[[Session], tuple[datetime, str]]
) -> Answer:
    """Do in one transaction what a request asks for and keep its answer, or return the answer it got before.

    Parameters
    ----------
    status
        Of the answer, when it is given the first time.
    act
        Does what is asked; returns the time, and the body of the answer.

    Raises
    ------
    KeyInUseError, KeyReusedError
        If the key is taken.
    """
    with sessions.begin() as session:
        if not repository.lock_key(session, keyed.key):
            raise KeyInUseError(keyed.key)
        kept = repository.find_key(session, keyed.key)
        if kept is not None:
            if kept.request_hash != keyed.request_hash:
                raise KeyReusedError(keyed.key, kept.started_at)
            if kept.status_code is None or kept.response is None:
                raise KeyInUseError(keyed.key)
            return Answer(kept.status_code, kept.response, is_replayed=True)
        now, body = act(session)
        repository.keep_key(
            session, key=keyed.key, request_hash=keyed.request_hash, started_at=now, status=status, body=body
        )
    return Answer(status, body, is_replayed=False)
