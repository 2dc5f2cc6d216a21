"""Places of brokers that take calls: a subject of NATS, an exchange or queue of RabbitMQ, a topic of Kafka."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

from routing.dispatch.errors import BrokerPlaceError, SecretError
from routing.dispatch.signing import Secret
from routing.dispatch.targets import Target
from routing.dispatch.tls import Sasl

_SUBJECT = re.compile(r"[^\s.*>]+(\.[^\s.*>]+)*")
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTarget(Target):
    """A place of a broker, from which an orchestrator takes calls.

    Attributes
    ----------
    url
        The broker; for NATS and Kafka several servers with commas between. In no repr, for it may hold credentials.
    secrets
        Every call is signed with each; the current one first.
    """

    SCHEMES: ClassVar[tuple[str, ...]]
    TLS_SCHEME: ClassVar[str | None] = None

    url: str = field(repr=False)
    secrets: tuple[Secret, ...]

    def __post_init__(self) -> None:
        """Refuse a URL of something else, and a target without secret."""
        if not self.secrets:
            raise SecretError(f"of target '{self.name}' is absent")
        try:
            is_read = all(_is_server(server, self.SCHEMES) for server in self.servers)
        except ValueError:  # a port that is no number
            is_read = False
        if not is_read:
            expected = " or ".join(f"{scheme}://host:port" for scheme in self.SCHEMES)
            raise BrokerPlaceError(self.name, "has a URL that cannot be read", expected)
        if self.tls is not None and self.TLS_SCHEME is not None and not self.url.startswith(f"{self.TLS_SCHEME}://"):
            raise BrokerPlaceError(
                self.name, "has files for TLS and a URL without it", f"{self.TLS_SCHEME}://host:port"
            )

    @property
    def servers(self) -> list[str]:
        """The URL of each server."""
        return self.url.split(",")

    @property
    def place(self) -> str:
        """Where a call is put, without credentials, e.g. `nats:freight.calls`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsTarget(BrokerTarget):
    """A subject that a stream of JetStream holds."""

    SCHEMES = ("nats", "tls")
    TLS_SCHEME = "tls"

    subject: str

    def __post_init__(self) -> None:
        """Refuse a subject that nothing can be published on."""
        BrokerTarget.__post_init__(self)
        if not _SUBJECT.fullmatch(self.subject):
            raise BrokerPlaceError(self.name, f"has the subject {self.subject!r}", "one without blanks and wildcards")

    @property
    def place(self) -> str:
        """Where a call is put."""
        return f"nats:{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitTarget(BrokerTarget):
    """An exchange of RabbitMQ and a routing key; the default exchange puts a call into the queue of that name."""

    SCHEMES = ("amqp", "amqps")
    TLS_SCHEME = "amqps"

    exchange: str = ""
    routing_key: str = ""

    def __post_init__(self) -> None:
        """Refuse a place that is none."""
        BrokerTarget.__post_init__(self)
        if not self.exchange and not self.routing_key:
            raise BrokerPlaceError(self.name, "has neither exchange nor routing key", "one of them, or both")

    @property
    def servers(self) -> list[str]:
        """The URL of the server: the library takes one."""
        return [self.url]

    @property
    def place(self) -> str:
        """Where a call is put."""
        return f"rabbitmq:{self.exchange}/{self.routing_key}" if self.exchange else f"rabbitmq:{self.routing_key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaTarget(BrokerTarget):
    """A topic of Kafka; the calls of a shipment go to one partition. `sasl` is the user, where one is asked for."""

    SCHEMES = ("kafka",)

    topic: str
    sasl: Sasl | None = None

    def __post_init__(self) -> None:
        """Refuse a name that no topic has."""
        BrokerTarget.__post_init__(self)
        if not _TOPIC.fullmatch(self.topic):
            raise BrokerPlaceError(
                self.name, f"has the topic {self.topic!r}", "1 to 249 letters, digits, '.', '_', '-'"
            )

    @property
    def servers(self) -> list[str]:
        """The URL of each server; those after the first need no scheme."""
        first, *others = self.url.split(",")
        return [first, *(other if "://" in other else f"kafka://{other}" for other in others)]

    @property
    def place(self) -> str:
        """Where a call is put."""
        return f"kafka:{self.topic}"


def _is_server(server: str, schemes: tuple[str, ...]) -> bool:
    parsed = urlsplit(server)
    return parsed.scheme in schemes and bool(parsed.hostname) and parsed.port != 0
