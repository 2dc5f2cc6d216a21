"""Makes each call in the way its target takes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from routing.dispatch.brokers.caller import BrokerCaller
from routing.dispatch.brokers.connecting import connect_to
from routing.dispatch.brokers.targets import BrokerTarget
from routing.dispatch.http import HttpClient
from routing.dispatch.ports import Answer
from routing.dispatch.prefect import PrefectCaller, PrefectTarget
from routing.dispatch.targets import Target
from routing.dispatch.webhooks import WebhookCaller, WebhookTarget
from routing.effects import Report


class TargetCaller:
    """Calls targets of every kind (the port `Caller`); connections open as they are needed.

    Parameters
    ----------
    targets
        Those that will be called.

    Raises
    ------
    ModuleNotFoundError
        The library of a broker is not installed.
    """

    def __init__(self, targets: Sequence[Target], *, http: HttpClient | None = None) -> None:
        self._http = http or HttpClient()
        self._webhooks = WebhookCaller(self._http)
        self._prefect = PrefectCaller(self._http)
        brokers = [target for target in targets if isinstance(target, BrokerTarget)]
        self._brokers = BrokerCaller({target.name: connect_to(target) for target in brokers})

    async def __aenter__(self) -> Self:
        """Open nothing yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close every connection."""
        await self._brokers.aclose()
        await self._http.aclose()

    async def call(self, target: Target, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        """Send a call. See `Caller.call`."""
        match target:
            case WebhookTarget():
                return await self._webhooks.call(target, message_id=message_id, body=body, sent_at=sent_at)
            case BrokerTarget():
                return await self._brokers.call(target, message_id=message_id, body=body, sent_at=sent_at)
            case PrefectTarget():
                return await self._prefect.call(target, message_id=message_id, body=body)
        raise TypeError(f"{type(target).__name__} is no target that is known here")

    async def ask(self, target: Target, *, message_id: str, sent_at: datetime) -> Report | None:
        """Ask what became of a call. See `Caller.ask`."""
        match target:
            case WebhookTarget():
                return await self._webhooks.ask(target, message_id=message_id, sent_at=sent_at)
            case PrefectTarget():
                return await self._prefect.ask(target, message_id=message_id)
        return None
