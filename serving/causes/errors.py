"""Errors of common causes."""

from __future__ import annotations

from serving.errors import ServingError


class CauseError(ServingError):
    """A common cause cannot be read or changed like that."""


class CauseNotFoundError(CauseError):
    """No common cause has that id."""

    def __init__(self, cause_id: str) -> None:
        self.cause_id = cause_id
        super().__init__(f"Common cause '{cause_id}' is unknown. List them: GET /v1/causes?ended=true")


class CauseEndedError(CauseError):
    """The common cause does not stand any more."""

    def __init__(self, cause_id: str, status: str, ended_by: str) -> None:
        self.cause_id = cause_id
        self.status = status
        super().__init__(
            f"Nothing was changed: common cause '{cause_id}' is {status} already, by {ended_by}. What it held is "
            "decided anew, in order."
        )
