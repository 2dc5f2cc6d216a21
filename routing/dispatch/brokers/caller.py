"""A call as a message of a broker: the same body and the same signature as a webhook, taken when the broker says so.

The id of the call is the id of the message, so a repeat is known by it, by the broker where it looks (JetStream) and by
whoever consumes. Whether the action was taken is not known yet: that is reported, as for a webhook.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from routing.dispatch.brokers.targets import BrokerTarget
from routing.dispatch.envelope import CONTENT_TYPE
from routing.dispatch.errors import MessageRefusedError, NotConfirmedError
from routing.dispatch.ports import Answer
from routing.dispatch.signing import sign

_ACCEPTED = 202
_CLOSING_SECONDS = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMessage:
    """A call as it is published.

    Attributes
    ----------
    message_id
        The id of the call, the same for every attempt.
    subject
        The shipment; None if the body names none.
    headers
        The signature, as a webhook has it.
    """

    message_id: str
    subject: str | None
    body: bytes
    headers: Mapping[str, str]
    content_type: str = CONTENT_TYPE


class Session(Protocol):
    """A connection to one broker."""

    @property
    def is_open(self) -> bool:
        """Whether something may be published."""
        ...

    async def publish(self, message: CallMessage) -> str:
        """Publish a message and wait until the broker confirms it; return what it said.

        Raises
        ------
        NotConfirmedError
            It did not.
        MessageRefusedError
            It will never take this message.
        """
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


Connect = Callable[[], Awaitable[Session]]
"""Opens a connection; raises `NotConfirmedError` if that fails."""


class BrokerCaller:
    """Publishes calls. A connection is opened when it is needed, and anew after a failure.

    Parameters
    ----------
    connects
        How to connect, by the name of the target.
    """

    def __init__(self, connects: Mapping[str, Connect]) -> None:
        self._lines = {name: _Line(connect) for name, connect in connects.items()}

    async def aclose(self) -> None:
        """End every connection."""
        for line in self._lines.values():
            await line.close()

    async def call(self, target: BrokerTarget, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        """Publish `body`, signed, within the target's timeout. See `Caller.call`."""
        message = CallMessage(
            message_id=message_id,
            subject=json.loads(body).get("subject"),
            body=body,
            headers=sign(target.secrets, message_id=message_id, sent_at=sent_at, body=body),
        )
        seconds = target.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                confirmed = await self._lines[target.name].publish(message)
        except TimeoutError as error:
            raise NotConfirmedError(target.place, f"no word within {seconds:g} s") from error
        return Answer(status=_ACCEPTED, excerpt=confirmed)


class _Line:
    """The connection to one broker, shared by the calls in flight."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._connecting = asyncio.Lock()
        self._session: Session | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, message: CallMessage) -> str:
        session = await self._opened()
        try:
            return await session.publish(message)
        except MessageRefusedError:
            raise
        except BaseException:  # a timeout too: nobody knows what a connection is worth that has failed once
            self._drop(session)
            raise

    async def close(self) -> None:
        if self._session is not None:
            self._drop(self._session)
        await asyncio.gather(*self._closing)

    async def _opened(self) -> Session:
        async with self._connecting:
            if self._session is not None and not self._session.is_open:
                self._drop(self._session)
            if self._session is None:
                self._session = await self._connect()
            return self._session

    def _drop(self, session: Session) -> None:
        """Use a connection no more; closing it takes no time from the call."""
        if session is not self._session:
            return
        self._session = None
        closing = asyncio.create_task(_close(session))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _close(session: Session) -> None:
    try:
        async with asyncio.timeout(_CLOSING_SECONDS):
            await session.close()
    except Exception as error:
        _log.debug("A connection to a broker did not end well: %s", error)
