"""No call without a target: refused when the worker starts, and said aloud if it comes about later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine

from features.vocabulary import Branch
from routing.dispatch.errors import OutboxUnavailableError
from routing.dispatch.routes import CallKind, Routes, kinds_of, to_owners
from routing.errors import listed
from serving.db.engine import read_only, session_factory
from serving.policies import repository
from serving.policies.bundles import Bundles
from serving.worker.errors import NoTargetError
from serving.worker.outbox import SqlOutbox

EVERY_SECONDS = 30.0
_log = logging.getLogger(__name__)


def require_targets(engine: Engine, outbox: SqlOutbox, routes: Routes, owner: str) -> None:
    """Make sure that every call which a bundle in force can lead to, and every open one, has a target.

    Raises
    ------
    NoTargetError
        Some have none.
    """
    kinds, bundles = set[CallKind](outbox.without_target()), Bundles()
    with session_factory(read_only(engine))() as session:
        for subject in bundles.all_live(session):
            standing = repository.standing(session, subject)
            for digest in (standing.live_digest, standing.candidate_digest):
                if digest is not None:
                    policy = bundles.policy(session, digest)
                    kinds.update(kinds_of(subject, policy.branches))
                    if any(playbook.parent.branch is Branch.ESCALATE for playbook in policy.playbooks.values()):
                        kinds.add(to_owners(subject))
    lacking = routes.without_target(kinds)
    if lacking:
        raise NoTargetError(lacking, owner)


@asynccontextmanager
async def watching(outbox: SqlOutbox, owner: str, *, every_seconds: float = EVERY_SECONDS) -> AsyncIterator[None]:
    """Say meanwhile, now and again, which open calls no target takes: a bundle put in force later may lead to some."""
    task = asyncio.create_task(_watch(outbox, owner, every_seconds), name="unrouted")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(outbox: SqlOutbox, owner: str, every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        try:
            found = await asyncio.to_thread(outbox.without_target)
        except OutboxUnavailableError as error:
            _log.warning("%s", error)
            continue
        if found:
            told = listed(f"{count} of {kind}" for kind, count in found.items())
            _log.error(
                "Calls wait that no target takes: %s. %s is to add a route, then restart the worker.", told, owner
            )
