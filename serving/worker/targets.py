"""The target that the worker's options describe; the scheme of its URL says of which kind it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from features.vocabulary import Branch
from routing.dispatch.brokers.targets import KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.prefect import PrefectTarget
from routing.dispatch.signing import Secret
from routing.dispatch.targets import Target
from routing.dispatch.webhooks import WebhookTarget
from serving.decisions.calls import is_called
from serving.worker.errors import DeploymentOptionError, TargetOptionsError

_PREFECT = "prefect+"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """What the worker is told of its target, as it is written on the command line; None or empty where it is not."""

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
    authorization: str | None = None


_KINDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "http": ("a webhook", ("secret",), ("allow_private", "status_url")),
    "nats": ("a subject of NATS", ("secret", "subject"), ()),
    "amqp": ("an exchange or queue of RabbitMQ", ("secret",), ("exchange", "routing_key")),
    "kafka": ("a topic of Kafka", ("secret", "topic"), ()),
    "prefect": ("Prefect", ("deployment",), ("undo_deployment", "authorization", "allow_private")),
}
"""By scheme: what the target is, the options that it needs, and those that it may have."""
_OF_SCHEME = {"tls": "nats", "amqps": "amqp", "prefect+http": "prefect", "prefect+https": "prefect"}
_SHARED = ("name", "url", "timeout")
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
    name, url, timeout = options.name, options.url, options.timeout
    secrets = tuple(Secret.parse(text) for text in options.secret)
    match kind:
        case "nats":
            subject = options.subject or ""
            return NatsTarget(name=name, url=url, timeout=timeout, secrets=secrets, subject=subject)
        case "amqp":
            return RabbitTarget(
                name=name,
                url=url,
                timeout=timeout,
                secrets=secrets,
                exchange=options.exchange or "",
                routing_key=options.routing_key or "",
            )
        case "kafka":
            return KafkaTarget(name=name, url=url, timeout=timeout, secrets=secrets, topic=options.topic or "")
        case "prefect":
            return PrefectTarget(
                name=name,
                url=url.removeprefix(_PREFECT),
                timeout=timeout,
                allow_private=options.allow_private,
                deployments=_deployments(options.deployment),
                undoing=_deployments(options.undo_deployment),
                authorization=options.authorization,
            )
    return WebhookTarget(
        name=name,
        url=url,
        timeout=timeout,
        secrets=secrets,
        allow_private=options.allow_private,
        status_url=options.status_url,
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
