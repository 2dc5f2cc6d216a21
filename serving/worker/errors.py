"""What keeps the worker from starting."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from routing.dispatch.routes import CallKind
from routing.errors import Problem, listed
from serving.errors import ServingError

_IN_FILE = {"secret": "secrets", "deployment": "deployments", "undo_deployment": "undo_deployments"}


class WorkerError(ServingError):
    """The worker cannot start as it was told."""


class TargetOptionsError(WorkerError):
    """An option is missing, or has no meaning for the target."""

    def __init__(
        self, what: str, *, missing: Sequence[str], meaningless: Sequence[str], allowed: Sequence[str]
    ) -> None:
        self.what = what
        self.missing = tuple(missing)
        self.meaningless = tuple(meaningless)
        self.allowed = tuple(allowed)
        super().__init__(self._told(_option, "options"))

    def in_file(self) -> str:
        """Say it of a file of targets, whose keys have other names than the options."""
        return self._told(lambda name: _IN_FILE.get(name, name), "keys")

    def _told(self, named: Callable[[str], str], them: str) -> str:
        faults = [f"{named(name)} is missing" for name in self.missing]
        faults += [f"{named(name)} has no meaning" for name in self.meaningless]
        takes = ", ".join(named(name) for name in self.allowed)
        return f"By its URL the target is {self.what}, and {'; '.join(faults)}. Expected {them}: {takes}."


class TargetsFileError(WorkerError):
    """A file of targets cannot be used. `problems` holds all that is wrong with it, in the order of the file."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{name}:{problem}" for problem in self.problems))


class NoTargetError(WorkerError):
    """Calls would be kept for ever, since no target takes them."""

    def __init__(self, kinds: Sequence[CallKind], owner: str) -> None:
        self.kinds = tuple(kinds)
        super().__init__(
            f"No target takes {listed(str(kind) for kind in kinds)}, which a bundle in force or a call in the outbox "
            f"leads to. {owner} is to add a route, or `otherwise`, to the file of targets."
        )


class DeploymentOptionError(WorkerError):
    """A deployment is not given as `branch=deployment`, or given twice for a branch."""

    def __init__(self, found: str, branches: Sequence[str]) -> None:
        self.found = found
        super().__init__(
            f"Found {found!r}. Expected a branch ({', '.join(branches)}), each once, and its deployment: "
            f"rebook=flow/deployment."
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
