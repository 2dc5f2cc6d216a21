"""The target that the worker's options describe; the scheme of its URL says of which kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from features.vocabulary import Branch
from routing.dispatch.brokers.targets import KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.prefect import PrefectTarget
from routing.dispatch.signing import Secret
from routing.dispatch.targets import Limits, Target, TargetMode, Window
from routing.dispatch.tls import Sasl, Tls
from routing.dispatch.webhooks import WebhookTarget
from serving.decisions.calls import is_called
from serving.worker.errors import DeploymentOptionError, TargetOptionsError

_PREFECT = "prefect+"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """What the worker is told of a target, on the command line or in a file; None or empty where it is not."""

    name: str
    url: str
    timeout: timedelta
    secret: Sequence[str] = ()
    allow_private: bool = False
    status_url: str | None = None
    subject: str | None = None
    exchange: str | None = None
    routing_key: str | None = None
    topic: str | None = None
    deployment: Sequence[str] = ()
    undo_deployment: Sequence[str] = ()
    authorization: str | None = field(default=None, repr=False)
    tls: Tls | None = None
    sasl: Sasl | None = None
    held: bool = False
    windows: tuple[Window, ...] = ()
    limits: Limits | None = None


_KINDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "http": ("a webhook", ("secret",), ("allow_private", "status_url", "authorization", "tls")),
    "nats": ("a subject of NATS", ("secret", "subject"), ("tls",)),
    "amqp": ("an exchange or queue of RabbitMQ", ("secret",), ("exchange", "routing_key", "tls")),
    "kafka": ("a topic of Kafka", ("secret", "topic"), ("tls", "sasl")),
    "prefect": ("Prefect", ("deployment",), ("undo_deployment", "authorization", "allow_private", "tls")),
}
"""By scheme: what the target is, the options that it needs, and those that it may have."""
_OF_SCHEME = {"tls": "nats", "amqps": "amqp", "prefect+http": "prefect", "prefect+https": "prefect"}
_SHARED = ("name", "url", "timeout", "held", "windows", "limits")
_IGNORED = ("secret",)
"""May be given where it has no meaning: it comes from the environment."""


def target_from(options: TargetOptions) -> Target:
    """Return the target that options describe.

    Raises
    ------
    TargetOptionsError, DeploymentOptionError
        An option is missing, or has no meaning for this kind of target.
    DispatchError
        What an option says cannot be used.
    """
    scheme = options.url.partition("://")[0].lower()
    kind = _OF_SCHEME.get(scheme, scheme if scheme in _KINDS else "http")
    _check(options, kind)
    shared: dict[str, Any] = {
        "name": options.name,
        "timeout": options.timeout,
        "mode": TargetMode.HELD if options.held else TargetMode.LIVE,
        "windows": options.windows,
        "limits": options.limits,
        "tls": options.tls,
    }
    if kind == "prefect":
        return PrefectTarget(
            url=options.url.removeprefix(_PREFECT),
            allow_private=options.allow_private,
            deployments=_deployments(options.deployment),
            undoing=_deployments(options.undo_deployment),
            authorization=options.authorization,
            **shared,
        )
    shared |= {"url": options.url, "secrets": tuple(Secret.parse(text) for text in options.secret)}
    match kind:
        case "nats":
            return NatsTarget(subject=options.subject or "", **shared)
        case "amqp":
            return RabbitTarget(exchange=options.exchange or "", routing_key=options.routing_key or "", **shared)
        case "kafka":
            return KafkaTarget(topic=options.topic or "", sasl=options.sasl, **shared)
    return WebhookTarget(
        allow_private=options.allow_private,
        status_url=options.status_url,
        authorization=options.authorization,
        **shared,
    )


def _check(options: TargetOptions, kind: str) -> None:
    what, needed, allowed = _KINDS[kind]
    given = {name for name in TargetOptions.__slots__ if name not in _SHARED and getattr(options, name)}
    missing = [name for name in needed if name not in given]
    meaningless = sorted(given.difference(needed, allowed, _IGNORED))
    if missing or meaningless:
        raise TargetOptionsError(what, missing=missing, meaningless=meaningless, allowed=(*needed, *allowed))


def _deployments(written: Sequence[str]) -> dict[Branch, str]:
    called = {branch.value: branch for branch in Branch if is_called(branch)}
    found: dict[Branch, str] = {}
    for text in written:
        branch, _, deployment = text.partition("=")
        if branch not in called or not deployment or called[branch] in found:
            raise DeploymentOptionError(text, tuple(called))
        found[called[branch]] = deployment
    return found
