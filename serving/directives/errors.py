"""Errors of directives and of steps up.

OrderError
 ├─ DirectiveError             a directive does not fit the bundle
 ├─ DirectiveNotFoundError
 ├─ DirectiveEndedError        it has ended already
 ├─ LimitError                 a limit is not ended by one person alone
 ├─ StepUpError                a step up cannot be proposed, approved or rejected
 └─ StepUpNotFoundError
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.errors import Fault, ServingError


class OrderError(ServingError):
    """A directive or a step up cannot be given, read or changed like that."""


class DirectiveError(OrderError):
    """A directive does not fit the bundle. `faults` holds all that is wrong with it."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.faults = tuple(Fault("body", mistake) for mistake in mistakes)
        super().__init__(f"The directive has {len(mistakes)} mistake(s), nothing is ordered: {' '.join(mistakes)}")


class DirectiveNotFoundError(OrderError):
    """No directive has that id."""

    def __init__(self, directive_id: str) -> None:
        self.directive_id = directive_id
        super().__init__(f"Directive '{directive_id}' is unknown. List those that stand: GET /v1/directives")


class DirectiveEndedError(OrderError):
    """The directive has ended."""

    def __init__(self, directive_id: str, how: str) -> None:
        self.directive_id = directive_id
        super().__init__(
            f"Directive '{directive_id}' does not stand any more: {how}. Issue a new one if one is needed."
        )


class LimitError(OrderError):
    """A limit is not ended by one person alone."""

    def __init__(self, directive_id: str) -> None:
        self.directive_id = directive_id
        super().__init__(
            f"Directive '{directive_id}' limits how far branches go by themselves, so ending it is a step up, which a "
            f"second person approves. Propose one: POST /v1/directives/{directive_id}/step-ups"
        )


class StepUpError(OrderError):
    """A step up cannot be proposed, approved or rejected."""

    def __init__(self, subject: str, why: str, what_to_do: str) -> None:
        self.why = why
        super().__init__(f"The step up of '{subject}' is refused: {why}. {what_to_do}")


class StepUpNotFoundError(OrderError):
    """No step up has that id."""

    def __init__(self, step_up_id: str) -> None:
        self.step_up_id = step_up_id
        super().__init__(f"Step up '{step_up_id}' is unknown. List them: GET /v1/step-ups")
