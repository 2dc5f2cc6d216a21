"""Reads a file of targets: every problem at once, each with its line; no secret stands in it, nor in any message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from features.vocabulary import Branch
from routing.dispatch.errors import DispatchError
from routing.dispatch.retry import RetryPolicy
from routing.dispatch.routes import Route, Routes
from routing.dispatch.targets import Limits, Target, Window
from routing.dispatch.tls import Sasl, SaslMechanism, Tls
from routing.errors import did_you_mean, listed
from routing.marks import Findings, read_yaml
from routing.marks import Path as Place
from routing.shape import note_shape, read_part
from serving.worker.errors import TargetOptionsError, TargetsFileError, WorkerError
from serving.worker.targets import TargetOptions, target_from
from serving.worker.targets_document import SaslPart, SecretPart, TargetPart, TargetsPart, TlsPart


@dataclass(frozen=True, slots=True)
class Directory:
    """Whom a worker calls, which calls go to whom, and who answers for that."""

    owner: str
    targets: tuple[Target, ...]
    routes: Routes


def read_targets(path: Path, environment: Mapping[str, str]) -> Directory:
    """Read a file of targets.

    Parameters
    ----------
    environment
        Where secrets are looked up that the file names by `env`.

    Raises
    ------
    TargetsFileError
        With everything that is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        findings = Findings()
        findings.error((), f"the file cannot be read: {error}. Give the path of a YAML file in UTF-8.")
        raise TargetsFileError(path.name, findings.in_order()) from error
    data, findings = read_yaml(text)
    if not isinstance(data, dict):
        if not findings.has_errors:
            findings.error((), "found no mapping, expected `owner`, `targets`, `routes`.")
        raise TargetsFileError(path.name, findings.in_order())
    note_shape(TargetsPart, data, findings)
    part = read_part(TargetsPart, data)
    if part is None or findings.has_errors:
        raise TargetsFileError(path.name, findings.in_order())
    reader = _Reader(path.parent, environment, findings)
    targets = [reader.target(name, each, ("targets", name)) for name, each in part.targets.items()]
    routes = _routes(part, findings)
    if findings.has_errors:
        raise TargetsFileError(path.name, findings.in_order())
    return Directory(part.owner, tuple(target for target in targets if target is not None), routes)


def _routes(part: TargetsPart, findings: Findings) -> Routes:
    routes = Routes(
        tuple(
            Route(
                target=each.target,
                branches=frozenset(Branch(branch) for branch in each.branches),
                types=tuple(each.types),
            )
            for each in part.routes
        ),
        part.otherwise,
    )
    named: dict[Place, str] = {("routes", index, "target"): each.target for index, each in enumerate(part.routes)}
    named |= {("otherwise",): part.otherwise} if part.otherwise is not None else {}
    for place, name in named.items():
        if name not in part.targets:
            hint = did_you_mean(name, part.targets) or f" Declared: {listed(part.targets)}."
            findings.error(place, f"'{name}' is not among `targets`.{hint}")
    for index in routes.idle():
        given = bool(part.routes[index].branches or part.routes[index].types)
        why = "no call goes this way: routes before it take them all, or no type fits" if given else "it takes nothing"
        findings.error(("routes", index), f"{why}. Give branches or types that are left, or drop it.")
    for name in part.targets:
        if name not in routes.by_target:
            findings.error(("targets", name), f"no call goes to '{name}'. Add a route to it, or drop it.")
    return routes


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one target. Paths are taken from where the file lies."""

    folder: Path
    environment: Mapping[str, str]
    findings: Findings

    def target(self, name: str, part: TargetPart, place: Place) -> Target | None:
        url = part.url if isinstance(part.url, str) else self._secret(part.url, (*place, "url"))
        secrets = [self._secret(each, (*place, "secrets", index)) for index, each in enumerate(part.secrets)]
        authorization = (
            None if part.authorization is None else self._secret(part.authorization, (*place, "authorization"))
        )
        sasl = None if part.sasl is None else self._sasl(part.sasl, (*place, "sasl"))
        before = len(self.findings.problems)
        windows = [self._window(each.since, each.until, place) for each in part.maintenance]
        if self.findings.has_errors and (url is None or None in secrets or len(self.findings.problems) > before):
            return None
        try:
            return target_from(
                TargetOptions(
                    name=name,
                    url=url or "",
                    timeout=timedelta(seconds=part.timeout_seconds),
                    secret=[each for each in secrets if each is not None],
                    allow_private=part.allow_private,
                    status_url=part.status_url,
                    subject=part.subject,
                    exchange=part.exchange,
                    routing_key=part.routing_key,
                    topic=part.topic,
                    deployment=[f"{branch}={written}" for branch, written in part.deployments.items()],
                    undo_deployment=[f"{branch}={written}" for branch, written in part.undo_deployments.items()],
                    authorization=authorization,
                    tls=None if part.tls is None else self._tls(part.tls),
                    sasl=sasl,
                    held=part.held,
                    windows=tuple(windows),
                    limits=_limits(part),
                )
            )
        except TargetOptionsError as error:
            self.findings.error(place, error.in_file())
            return None
        except (DispatchError, WorkerError, ValueError) as error:
            self.findings.error(place, str(error))
            return None

    def _secret(self, part: SecretPart, place: Place) -> str | None:
        found: str | None = None
        if (part.env is None) == (part.file is None):
            self.findings.error(place, "give `env`, the name of a variable, or `file`, a path; one of them.")
            return None
        if part.env is not None:
            found = self.environment.get(part.env)
            lacks = f"the environment has no {part.env}. Set it for the worker."
        else:
            path = self.folder / str(part.file)
            lacks = f"there is no secret at {path}. Write it there, and nothing else."
            try:
                found = path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                found = None
        if not found:
            self.findings.error(place, lacks)
            return None
        return found

    def _tls(self, part: TlsPart) -> Tls:
        files: dict[str, Any] = {
            name: None if written is None else self.folder / written for name, written in part.model_dump().items()
        }
        return Tls(**files)

    def _sasl(self, part: SaslPart, place: Place) -> Sasl | None:
        password = self._secret(part.password, (*place, "password"))
        if password is None:
            return None
        return Sasl(mechanism=SaslMechanism(part.mechanism), username=part.username, password=password)

    def _window(self, since: Any, until: Any, place: Place) -> Window:
        if until <= since:
            self.findings.error(
                (*place, "maintenance"), f"a window ends at {until}, before it begins. Give a later end."
            )
        return Window(since=since, until=until)


def _limits(part: TargetPart) -> Limits:
    return Limits(
        concurrency=part.concurrency,
        retry=RetryPolicy(
            first=timedelta(seconds=part.retry.first_wait_seconds),
            longest=timedelta(seconds=part.retry.longest_wait_seconds),
            max_attempts=part.retry.max_attempts,
        ),
        breaker_threshold=part.breaker.threshold,
        breaker_cool_down=timedelta(seconds=part.breaker.cool_down_seconds),
    )
