"""NATS JetStream: a call counts as taken at the stream's acknowledgement (PubAck).

Within the stream's duplicate window JetStream keeps one message of an id (`Nats-Msg-Id`), however often it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nats.aio.client import Client
from nats.errors import Error, MaxPayloadError
from nats.js.errors import NoStreamResponseError

from routing.dispatch.brokers.caller import CallMessage
from routing.dispatch.brokers.targets import NatsTarget
from routing.dispatch.errors import MessageRefusedError, NotConfirmedError

_log = logging.getLogger(__name__)


class NatsSession:
    """A connection to NATS, for one subject."""

    def __init__(self, connection: Client, target: NatsTarget) -> None:
        self._connection = connection
        self._target = target
        self._jetstream = connection.jetstream(timeout=target.timeout.total_seconds())

    @property
    def is_open(self) -> bool:
        """Whether something may be published."""
        return self._connection.is_connected

    async def publish(self, message: CallMessage) -> str:
        """Publish a message; return where the stream has it. See `Session.publish`."""
        headers = {**message.headers, "content-type": message.content_type, "Nats-Msg-Id": message.message_id}
        try:
            taken = await self._jetstream.publish(self._target.subject, message.body, headers=headers)
        except MaxPayloadError as error:
            raise MessageRefusedError(
                self._target.place, f"{len(message.body)} bytes are more than it takes"
            ) from error
        except NoStreamResponseError as error:
            raise NotConfirmedError(self._target.place, "no stream holds the subject") from error
        except (Error, OSError) as error:
            raise NotConfirmedError(self._target.place, str(error) or type(error).__name__) from error
        known = ", which it had before" if taken.duplicate else ""
        return f"message {taken.seq} of stream {taken.stream}{known}"

    async def close(self) -> None:
        """End the connection."""
        await self._connection.close()


def require_tls(connection: Client, servers: Sequence[str]) -> None:
    """Refuse a connection in plain text where a URL asks for TLS: the library takes what the server offers.

    Raises
    ------
    Error
        The server offers none.
    """
    asked = any(server.startswith("tls://") for server in servers)
    if asked and not connection._server_info.get("tls_required"):  # nothing public tells it
        raise Error("the server offers no TLS, which the URL asks for")


async def connect(target: NatsTarget) -> NatsSession:
    """Connect; the dispatcher decides when to try again, so the library does not."""

    async def note(error: Exception) -> None:
        _log.debug("NATS: %s", error)

    connection = Client()
    try:
        await connection.connect(
            target.servers,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # each server is tried twice, then this attempt is over
            reconnect_time_wait=0,
            connect_timeout=max(1, round(target.timeout.total_seconds())),
            error_cb=note,
            tls=None if target.tls is None else target.tls.context(),
        )
        require_tls(connection, target.servers)
    except BaseException as error:
        await connection.close()
        if isinstance(error, (Error, OSError)):
            raise NotConfirmedError(target.place, str(error) or type(error).__name__) from error
        raise
    return NatsSession(connection, target)
