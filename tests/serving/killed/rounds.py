"""The rounds: clients are busy, and in their midst parts of the service are killed and started again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from sqlalchemy import Engine, func, select

from serving.db.engine import read_only, session_factory
from serving.db.tables import DecisionRow, OutgoingCallRow
from tests.serving.killed.clients import Clients, orders_of
from tests.serving.killed.parts import APIS, Service

ORDERS, LINES = 12, 5
"""Shipments of a round, and how many are looked after at a time."""
REQUESTS = 30
"""About as many as a round has: a kill comes after one of them was sent, …"""
REQUEST_SECONDS = 0.03
"""… at most that much later."""
START_SECONDS = 0.6
"""In every fifth round the same parts are killed again while they start."""


@dataclass
class Rounds:
    """Plays rounds, the same for the same seed but for what the machine's pace makes of them."""

    service: Service
    clients: Clients
    engine: Engine
    seed: int
    left_leased: int = 0
    """Calls that a worker had on its hands when it was killed."""

    async def play(self, rounds: int) -> None:
        """Play rounds; each ends when every client has its answers."""
        async with self.clients as clients:
            for api in range(APIS):
                await clients.up(api)
            for number in range(rounds):
                rng = Random(f"{self.seed}:{number}")
                busy = asyncio.create_task(clients.carry_out(orders_of(rng, f"SH-{number}", ORDERS), LINES))
                async with asyncio.timeout(120):
                    await asyncio.gather(busy, self._kill(rng, busy))

    async def _kill(self, rng: Random, busy: asyncio.Task[None]) -> None:
        counts = self.clients.counts
        after = counts.sent + rng.randrange(REQUESTS)
        while counts.sent < after and not busy.done():
            await asyncio.sleep(0.0005)
        if rng.random() < 0.3:
            apis, with_worker = (0, 1), False
            await self._next_decision(busy)
        else:
            apis, with_worker = rng.choice([((0,), False), ((1,), False), ((), True), ((0, 1), True)])
            await asyncio.sleep(rng.uniform(0, REQUEST_SECONDS))
        self._kill_now(apis, with_worker=with_worker)
        if rng.random() < 0.2:
            await asyncio.sleep(rng.uniform(0, START_SECONDS))
            self._kill_now(apis, with_worker=with_worker)

    def _kill_now(self, apis: tuple[int, ...], *, with_worker: bool) -> None:
        parts = [self.service.apis[api] for api in apis] + [self.service.worker] * with_worker
        self.clients.cut_off(apis)
        for part in parts:
            part.send_kill()
        for part in parts:
            part.kill()
        if with_worker:
            with session_factory(self.engine)() as session:
                leased = select(func.count()).where(OutgoingCallRow.status == "leased")
                self.left_leased += session.scalar(leased) or 0
        for part in parts:
            part.start()

    async def _next_decision(self, busy: asyncio.Task[None]) -> None:
        """Return as soon as one more decision is kept: its answer may not have left yet."""
        newest = select(func.max(DecisionRow.sequence))
        with read_only(self.engine).connect() as connection:
            seen = connection.scalar(newest)
            while connection.scalar(newest) == seen and not busy.done():
                connection.rollback()
                await asyncio.sleep(0)
