"""The shape of a file of targets: whom the worker calls, and which calls go to whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from features.vocabulary import Branch
from routing.part import Part, Words

_CALLED = tuple(branch.value for branch in Branch if branch not in (Branch.NONE, Branch.REVIEW))
CalledBranch = Literal.__getitem__(_CALLED)
Seconds = Annotated[float, Field(gt=0)]


class SecretPart(Part):
    """Where a secret is found; it never stands in the file itself. One of the two."""

    env: Words | None = Field(default=None, description="name of an environment variable")
    file: Words | None = Field(default=None, description="path of a file that holds nothing else")


class TlsPart(Part):
    """Files of a TLS connection, in PEM; `{}` for the authorities of the system and no certificate of one's own."""

    ca_file: Words | None = None
    certificate_file: Words | None = None
    key_file: Words | None = None


class SaslPart(Part):
    """A user of Kafka."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: Words
    password: SecretPart


class BreakerPart(Part):
    """When a target that keeps failing is left alone, and for how long."""

    threshold: int = Field(default=10, ge=1, description="failures in a row")
    cool_down_seconds: float = Field(default=30.0, ge=0)


class RetryPart(Part):
    """When a failed call is tried again."""

    max_attempts: int = Field(default=20, ge=1)
    first_wait_seconds: Seconds = 5.0
    longest_wait_seconds: Seconds = 3600.0


class WindowPart(Part):
    """A maintenance window: calls wait, and go out in order afterwards."""

    since: Annotated[AwareDatetime, Field(strict=False)]
    until: Annotated[AwareDatetime, Field(strict=False)]


class TargetPart(Part):
    """One target. Which fields it may have follows from the scheme of its URL."""

    url: str | SecretPart = Field(description="or where it is found, if it holds a password")
    secrets: list[SecretPart] = Field(default_factory=list, description="signing secrets, the current one first")
    timeout_seconds: Seconds = 15.0
    concurrency: int = Field(default=8, ge=1, description="calls in flight at once")
    retry: RetryPart = Field(default_factory=RetryPart)
    breaker: BreakerPart = Field(default_factory=BreakerPart)
    held: bool = Field(default=False, description="its calls wait until this is false again")
    maintenance: list[WindowPart] = Field(default_factory=list)
    allow_private: bool = False
    status_url: Words | None = None
    authorization: SecretPart | None = Field(default=None, description="the header of that name, e.g. Bearer …")
    tls: TlsPart | None = None
    sasl: SaslPart | None = None
    subject: Words | None = None
    exchange: Words | None = None
    routing_key: Words | None = None
    topic: Words | None = None
    deployments: dict[CalledBranch, Words] = Field(default_factory=dict)  # type: ignore[valid-type]
    undo_deployments: dict[CalledBranch, Words] = Field(default_factory=dict)  # type: ignore[valid-type]


class RoutePart(Part):
    """Which calls go to a target: those of some branches with what undoes them, or those whose type fits a pattern."""

    target: Words
    branches: list[CalledBranch] = Field(default_factory=list)  # type: ignore[valid-type]
    types: list[Words] = Field(default_factory=list, description="e.g. freight.invoice.*")


class TargetsPart(Part):
    """The whole file."""

    owner: Words = Field(description="who answers for it, as told in the log")
    targets: dict[str, TargetPart] = Field(min_length=1)
    routes: list[RoutePart] = Field(default_factory=list, description="the first that takes a call counts")
    otherwise: Words | None = Field(default=None, description="the target of all other calls")
