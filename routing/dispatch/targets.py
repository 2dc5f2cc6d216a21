"""Whom we call: what dispatch knows of every target, and of one that is called over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from routing.dispatch.errors import TargetUrlError
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.tls import Tls

_DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetMode(StrEnum):
    """Whether calls go out. Those of a held target wait (a maintenance window) and drain in order afterwards."""

    LIVE = "live"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a target is called, and when no more.

    Attributes
    ----------
    concurrency
        Calls in flight at once.
    retry
        When a failed call is tried again.
    breaker_threshold, breaker_cool_down
        See `routing.dispatch.breaker.CircuitBreaker`.
    """

    concurrency: int = 8
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker_threshold: int = 10
    breaker_cool_down: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A maintenance window: from `since` until just before `until` nothing is sent."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whoever takes calls, in whatever way.

    Attributes
    ----------
    name
        What the outbox calls it.
    timeout
        For one call, altogether, in real time.
    windows
        When its calls wait; they drain in order afterwards. By the business's time.
    limits
        Its own; None for those of the dispatcher.
    tls
        None where the connection has none of its own files.
    """

    name: str
    timeout: timedelta = timedelta(seconds=15)
    mode: TargetMode = TargetMode.LIVE
    windows: tuple[Window, ...] = ()
    limits: Limits | None = None
    tls: Tls | None = None

    def is_held(self, now: datetime) -> bool:
        """Tell whether its calls wait."""
        return self.mode is TargetMode.HELD or any(each.since <= now < each.until for each in self.windows)

    @property
    def can_be_asked(self) -> bool:
        """Whether it can be asked what became of a call that it has taken."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget(Target):
    """A target that is called over HTTP, behind the guard (`routing.dispatch.guard`).

    Attributes
    ----------
    url
        `http` or `https`, without credentials; redirects are not followed.
    allow_private
        Whether private and loopback addresses are meant. Link-local ones (cloud metadata) never are.
    response_limit_bytes
        How much of an answer is read; the rest is cut off, and the connection closed.
    """

    url: str
    allow_private: bool = False
    response_limit_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        """Refuse a URL we would not call."""
        parsed = parse_http_url(self.name, self.url)
        if parsed.username is not None or parsed.password is not None:
            raise TargetUrlError(self.name, without_credentials(parsed), "holds credentials")

    @property
    def host(self) -> str:
        """The host, without brackets and port."""
        return str(parse_http_url(self.name, self.url).hostname)

    @property
    def port(self) -> int:
        """The port, given or implied."""
        parsed = parse_http_url(self.name, self.url)
        return parsed.port or _DEFAULT_PORTS[parsed.scheme]

    def _check_authorization(self, header: str | None) -> None:
        """Refuse to send what opens a door to where everybody between reads it."""
        parsed = parse_http_url(self.name, self.url)
        if header is not None and parsed.scheme == "http" and not _is_this_machine(self.host):
            raise TargetUrlError(
                self.name, without_credentials(parsed), "would send the authorization header without TLS"
            )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_http_url(name: str, url: str) -> SplitResult:
    """Take the URL of a target apart; raise `TargetUrlError` if it is not one we call."""
    try:
        parsed = urlsplit(url)
        port = parsed.port
    except ValueError as error:
        raise TargetUrlError(name, "that cannot be read", f"is not a URL ({error})") from error
    shown = without_credentials(parsed)
    if parsed.scheme not in _DEFAULT_PORTS:
        raise TargetUrlError(name, shown, f"has the scheme '{parsed.scheme}'")
    if not parsed.hostname:
        raise TargetUrlError(name, shown, "has no host")
    if port == 0:
        raise TargetUrlError(name, shown, "has port 0")
    return parsed


def without_credentials(parsed: SplitResult) -> str:
    """Return a URL as it may be shown: without user, password, query and fragment."""
    return parsed._replace(netloc=parsed.netloc.rpartition("@")[2], query="", fragment="").geturl()
