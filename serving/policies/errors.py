"""Errors of the life of policy bundles.

LifeError
 ├─ BundleRefusedError        a bundle has mistakes and cannot be submitted
 ├─ BundleNotFoundError
 ├─ WindowError               nothing can lie in the past that a bundle is to be tried on
 ├─ BundleStepError           a bundle cannot take that step now
 ├─ BundleDamagedError        what is kept is not what was handed in
 ├─ NothingInForceError       the database has no bundle yet
 ├─ ServiceRefusedError       a command is refused by the service, or not answered
 ├─ AnotherBundleError        the service is started with a bundle that the database does not know
 └─ AnotherSubjectError       the service is started with a bundle on other subjects than it is given for
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from features.vocabulary import SubjectType
from routing.errors import Problem
from serving.errors import Fault, ServingError

_OPTIONS = {
    SubjectType.SHIPMENT: "--policy",
    SubjectType.INVOICE: "--invoice-policy",
    SubjectType.SHORTAGE: "--shortage-policy",
}
"""How `triage serve` is given the first bundle on a type of subject."""


class LifeError(ServingError):
    """A bundle cannot be handed in, read or put in force like that."""


class BundleRefusedError(LifeError):
    """A bundle has mistakes. `faults` holds all of them, each with its line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.faults = tuple(
            Fault(problem.where, f"line {problem.line}, column {problem.column}: {problem.message}")
            for problem in problems
        )
        super().__init__(f"The bundle has {len(problems)} mistake(s), nothing is submitted. Mend them all.")


class BundleNotFoundError(LifeError):
    """No bundle of that digest is kept."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(f"Bundle {digest[:12]}… is unknown. List them: GET /v1/policies")


class BundleStepError(LifeError):
    """A bundle cannot take that step now."""

    def __init__(self, step: str, why: str, what_to_do: str) -> None:
        self.why = why
        super().__init__(f"To {step} is refused: {why}. {what_to_do}")


class WindowError(LifeError):
    """Nothing can lie in the past that a bundle is to be tried on."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since = since
        self.until = until
        super().__init__(
            f"A bundle cannot be tried on the past from {since.isoformat()} until {until.isoformat()}. "
            "Give a `since` that lies before `until`; by default it is now."
        )


class BundleDamagedError(LifeError):
    """What is kept is not what was handed in."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(
            f"The bytes kept for bundle {digest[:12]}… are not those that were handed in, so nothing is decided by "
            "them. Restore table policy_bundles, or put another bundle in force: `triage policy break-glass`."
        )


class NothingInForceError(LifeError):
    """The database has no bundle on a type of subject yet."""

    def __init__(self, subject: SubjectType) -> None:
        self.subject = subject
        super().__init__(
            f"No bundle on {subject}s is in force in this database yet. Start `triage serve {_OPTIONS[subject]} FILE` "
            "once; it brings the first."
        )


class ServiceRefusedError(LifeError):
    """The service refused what a command asked of it, or does not answer."""


class AnotherBundleError(LifeError):
    """The service is started with a bundle that the database does not know."""

    def __init__(self, path: str, given: str, live: str) -> None:
        self.path = path
        super().__init__(
            f"{path} (digest {given[:12]}…) is not the bundle in force ({live[:12]}…), and this database does not know "
            f"it. Start without --policy and hand it in, `triage policy submit {path}`: a second person approves it. "
            f'In an emergency: `triage policy break-glass {path} --by NAME --reason "…"`.'
        )


class AnotherSubjectError(LifeError):
    """The service is started with a bundle on other subjects than it is given for."""

    def __init__(self, path: str, found: SubjectType, expected: SubjectType) -> None:
        self.path = path
        given = _OPTIONS[found]
        super().__init__(f"{path} decides about {found}s, expected a bundle on {expected}s. Give it as {given}.")
