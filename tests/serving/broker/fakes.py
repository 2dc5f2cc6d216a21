"""Messages, deliveries and a handler that do as they are told."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.broker.dead_letters import DeadLetter
from serving.broker.handler import DatabaseUnavailableError
from serving.broker.headers import http_headers
from serving.broker.messages import Handled, Message, Outcome, Refusal
from tests.serving.house import Json

PROBLEM = {"type": "/problems/invalid-record", "title": "t", "status": 422, "detail": "it lacks a carrier"}
REFUSED = Handled(Outcome.REFUSED, (Refusal(PROBLEM, 0, "e-1", "/erp"),))


def message(content: object, **headers: str) -> Message:
    """Write a message: bytes as they are, anything else as JSON; underscores in header names are dashes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Message(body, http_headers({name.replace("_", "-"): value for name, value in headers.items()}))


def binary(event: Json) -> tuple[bytes, dict[str, str]]:
    """Write an event in binary mode: data as the body, attributes as `ce-…`."""
    attributes = {f"ce-{name}": str(value) for name, value in event.items() if name != "data"}
    return json.dumps(event["data"]).encode(), {**attributes, "content-type": "application/json"}


@dataclass
class FakeDelivery:
    """A message in hand; notes what the broker is told about it."""

    message: Message
    told: list[str] = field(default_factory=list)
    is_broker_away: bool = False

    async def acknowledge(self) -> None:
        if self.is_broker_away:
            raise ConnectionError("the broker is away")
        self.told.append("acknowledge")

    async def hold(self) -> None:
        self.told.append("hold")

    async def give_back(self) -> None:
        self.told.append("give back")


@dataclass
class FakeHandler:
    """Answers what it is told to, in turn, then that all was taken; notes the groups it was given."""

    answers: deque[Handled | Exception] = field(default_factory=deque)
    groups: list[list[bytes]] = field(default_factory=list)
    on_handle: Callable[[], Any] = lambda: None

    def handle(self, messages: Sequence[Message]) -> list[Handled]:
        self.on_handle()
        self.groups.append([one.body for one in messages])
        if self.answers and isinstance(self.answers[0], Exception):
            raise self.answers.popleft()  # type: ignore[misc]
        return [self.answers.popleft() if self.answers else Handled(Outcome.TAKEN) for _ in messages]  # type: ignore[misc]


@dataclass
class FakePlace:
    """Where dead letters lie; fails as often as told."""

    letters: list[DeadLetter] = field(default_factory=list)
    failures: deque[Exception] = field(default_factory=deque)

    async def publish(self, letter: DeadLetter) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.letters.append(letter)


def database_down(times: int) -> deque[Handled | Exception]:
    return deque(DatabaseUnavailableError("it is away") for _ in range(times))
