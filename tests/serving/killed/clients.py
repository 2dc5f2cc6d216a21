"""The other side of the service: senders of events, orchestrators and people, who try again whatever was cut off."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Self

import httpx

from tests.serving.house import CLOUD_EVENT, Json, planned

AGAIN = {"/problems/idempotency-key-in-use", "/problems/database-unavailable"}
"""What the service asks to be sent again in a moment."""
LOST = {"/problems/already-claimed", "/problems/claim-lost"}
_PAUSE = 0.05


@dataclass(frozen=True)
class Order:
    """A shipment to come: its plan, whether two ask about it at once, and whether a person answers its item."""

    shipment_id: str
    plan: Json
    has_twin: bool
    is_answered: bool


def orders_of(rng: Random, name: str, number: int) -> list[Order]:
    """Make up orders for every branch."""
    return [
        Order(
            f"{name}-{each}",
            {
                "customer_tier": rng.choice(["critical", "priority", "standard", "standard"]),
                "value_minor": rng.choice([10_000, 2_000_000, 2_000_000]),
                "customer_id": f"C-{rng.randrange(1000)}",
            },
            has_twin=rng.random() < 0.3,
            is_answered=rng.random() < 0.7,
        )
        for each in range(number)
    ]


@dataclass(eq=False)
class _Asked:
    """A request on its way; `was_cut` if the process it went to was killed meanwhile."""

    was_cut: bool = False


@dataclass
class Counts:
    """What became of the requests."""

    sent: int = 0
    refused: int = 0
    cut: Counter[str] = field(default_factory=Counter)
    """By kind: on their way to a process when it was killed, and never answered."""
    done_unanswered: Counter[str] = field(default_factory=Counter)
    """Of those: done all the same, as the answer to the second try told."""
    told_to_wait: int = 0


class Clients:
    """All clients of the service's processes, each of which can do everything."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self.urls = urls
        self.counts = Counts()
        self.answers: dict[str, tuple[str, str]] = {}
        """By idempotency key: the shipment that was asked about, and the body of the answer."""
        self.announced: set[str] = set()
        """Shipments whose plan was taken, as the sender was told."""
        self.overridden: set[str] = set()
        """Decisions whose item a person answered, and was told that it is done."""
        self._seed = seed
        self._underway: dict[int, set[_Asked]] = defaultdict(set)
        self._http = httpx.AsyncClient(timeout=60)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def up(self, api: int) -> None:
        """Wait until a process answers."""
        while True:
            try:
                if (await self._http.get(f"{self.urls[api]}/healthz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(_PAUSE)

    def cut_off(self, apis: Collection[int]) -> None:
        """Note that processes are killed at this moment."""
        for api in apis:
            for asked in self._underway[api]:
                asked.was_cut = True

    async def carry_out(self, orders: Sequence[Order], lines: int) -> None:
        """Carry out orders, several at a time."""
        waiting = iter(orders)

        async def line() -> None:
            for order in waiting:
                await self._carry_out(order)

        await asyncio.gather(*(line() for _ in range(lines)))

    async def _carry_out(self, order: Order) -> None:
        rng = Random(f"{self._seed}:{order.shipment_id}")
        await self._announce(order, rng)
        asking = [self._ask(order, f"{order.shipment_id}:first", rng)]
        if order.has_twin:
            asking.append(self._ask(order, f"{order.shipment_id}:twin", rng))
        answer, *_ = await asyncio.gather(*asking)
        if order.is_answered and answer["review_item_id"] is not None:
            await self._override(answer, rng)

    async def _announce(self, order: Order, rng: Random) -> None:
        event = json.dumps(planned(order.shipment_id, **order.plan))
        answer, was_cut = await self._post("event", "/v1/events", rng, content=event, headers=CLOUD_EVENT)
        status = answer.raise_for_status().json()["status"]
        assert status == "accepted" or (was_cut and status == "duplicate"), answer.text
        self.counts.done_unanswered["event"] += status == "duplicate"
        self.announced.add(order.shipment_id)

    async def _ask(self, order: Order, key: str, rng: Random) -> Json:
        question = {"shipment_id": order.shipment_id}
        answer, was_cut = await self._post("triage", "/v1/triage", rng, json=question, headers={"Idempotency-Key": key})
        body: Json = answer.raise_for_status().json()
        was_replayed = "Idempotent-Replayed" in answer.headers
        assert was_cut or not was_replayed, "answered as a repeat though it was none"
        self.counts.done_unanswered["triage"] += was_replayed
        self.answers[key] = (order.shipment_id, answer.text)
        return body

    async def _override(self, decision: Json, rng: Random) -> None:
        """Answer an item as a person would: claim it, answer, look how it stands if in doubt, and claim it again."""
        path = f"/v1/reviews/{decision['review_item_id']}"
        chosen = {"branch": "escalate", "reason_code": "better_option"}
        actor = {"X-Actor": "dana"}
        had_answered = False
        while True:
            claimed, _ = await self._post("claim", f"{path}/claim", rng, json={}, headers=actor)
            if claimed.status_code == 200:
                token = {"claim_token": claimed.json()["claim_token"]}
                answer, was_cut = await self._post(
                    "answer", f"{path}/override", rng, json=chosen | token, headers=actor
                )
                had_answered |= was_cut
                if answer.status_code == 200:
                    break
                assert answer.json()["type"] in LOST, answer.text
            elif claimed.json()["type"] == "/problems/item-closed":
                assert had_answered, "closed before it was answered"
                self.counts.done_unanswered["answer"] += 1
                break
            else:
                assert claimed.json()["type"] in LOST, claimed.text
            await asyncio.sleep(_PAUSE)
        self.overridden.add(decision["decision_id"])

    async def _post(self, kind: str, path: str, rng: Random, **options: Any) -> tuple[httpx.Response, bool]:
        """Post until there is an answer; return it, and whether a process was killed over an earlier try."""
        was_cut = False
        while True:
            api = rng.randrange(len(self.urls))
            asked = _Asked()
            self._underway[api].add(asked)
            self.counts.sent += 1
            try:
                answer = await self._http.post(f"{self.urls[api]}{path}", **options)
            except httpx.TransportError:
                was_cut |= asked.was_cut
                self.counts.cut[kind] += asked.was_cut
                self.counts.refused += not asked.was_cut
            else:
                if not (answer.is_error and answer.json()["type"] in AGAIN):
                    return answer, was_cut
                self.counts.told_to_wait += 1
            finally:
                self._underway[api].discard(asked)
            await asyncio.sleep(_PAUSE)
