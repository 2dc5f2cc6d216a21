"""What keeps the worker from starting."""

from __future__ import annotations

from collections.abc import Sequence

from serving.errors import ServingError


class WorkerError(ServingError):
    """The worker cannot start as it was told."""


class TargetOptionsError(WorkerError):
    """An option is missing, or has no meaning for the target."""

    def __init__(
        self, what: str, *, missing: Sequence[str], meaningless: Sequence[str], allowed: Sequence[str]
    ) -> None:
        self.missing = tuple(missing)
        self.meaningless = tuple(meaningless)
        faults = [f"{_option(name)} is missing" for name in missing]
        faults += [f"{_option(name)} has no meaning" for name in meaningless]
        takes = ", ".join(_option(name) for name in allowed)
        super().__init__(f"By its URL the target is {what}, and {'; '.join(faults)}. Expected options: {takes}.")


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
