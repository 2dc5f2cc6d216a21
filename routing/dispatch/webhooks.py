"""Targets that take calls as Standard Webhooks: one signed POST each, and a signed GET to ask what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from routing.dispatch.envelope import CONTENT_TYPE
from routing.dispatch.errors import SecretError, TargetUrlError
from routing.dispatch.http import HttpClient, within
from routing.dispatch.ports import Answer
from routing.dispatch.reports import LONGEST, UnreadableError, read_json, read_moment, read_text
from routing.dispatch.signing import Secret, sign
from routing.dispatch.targets import HttpTarget, parse_http_url, without_credentials
from routing.effects import REPORTABLE, Report

CALL_ID = "{call_id}"
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget(HttpTarget):
    """An orchestrator that takes calls at its `url`.

    Attributes
    ----------
    secrets
        Every call is signed with each; the current one first.
    status_url
        Where the target is asked what became of a call, with `{call_id}` in it; on the same host as `url`. None if it
        reports by itself.
    authorization
        The header of that name, e.g. `Bearer …`, for an orchestrator that asks for one besides the signature.
    """

    secrets: tuple[Secret, ...]
    status_url: str | None = None
    authorization: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse a URL we would not call, and a target without secret."""
        HttpTarget.__post_init__(self)
        self._check_authorization(self.authorization)
        if not self.secrets:
            raise SecretError(f"of target '{self.name}' is absent")
        if self.status_url is not None:
            self._check_status_url(self.status_url)

    @property
    def can_be_asked(self) -> bool:
        """Whether it can be asked what became of a call that it has taken."""
        return self.status_url is not None

    def status_url_of(self, call_id: str) -> str:
        """Return where to ask about a call."""
        return str(self.status_url).replace(CALL_ID, quote(call_id, safe=""))

    def _check_status_url(self, written: str) -> None:
        asked, called = parse_http_url(self.name, written), parse_http_url(self.name, self.url)
        found = without_credentials(asked)
        if CALL_ID not in written:
            raise TargetUrlError(self.name, found, f"has no {CALL_ID}")
        if (asked.scheme, asked.netloc) != (called.scheme, called.netloc):
            raise TargetUrlError(self.name, found, f"is not at {without_credentials(called)}, where calls go")


class WebhookCaller:
    """Calls targets by webhook."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def call(self, target: WebhookTarget, *, message_id: str, body: bytes, sent_at: datetime) -> Answer:
        """Send `body` to `target`, signed with each of its secrets. See `Caller.call`."""
        headers = sign(target.secrets, message_id=message_id, sent_at=sent_at, body=body)
        headers |= {"content-type": CONTENT_TYPE, **_authorized(target)}
        async with within(target):
            return await self._http.send(target, "POST", target.url, headers=headers, body=body)

    async def ask(self, target: WebhookTarget, *, message_id: str, sent_at: datetime) -> Report | None:
        """Ask what became of a call, signed with an empty body. See `Caller.ask`."""
        headers = sign(target.secrets, message_id=message_id, sent_at=sent_at, body=b"")
        headers |= {"accept": "application/json", **_authorized(target)}
        async with within(target):
            return read_report(await self._http.send(target, "GET", target.status_url_of(message_id), headers=headers))


def _authorized(target: WebhookTarget) -> dict[str, str]:
    return {} if target.authorization is None else {"authorization": target.authorization}


def read_report(answer: Answer) -> Report | None:
    """Read the answer to the question what became of a call; None if it says that nothing is known yet.

    A report is 200 with a JSON object that has the fields of `POST /v1/outcomes`. What cannot be read is no report.
    """
    if answer.status != _OK:
        return None
    try:
        told = read_json(answer.body)
        if not isinstance(told, dict):
            return None
        outcome = next((each for each in REPORTABLE if each.value == told.get("outcome")), None)
        occurred_at = read_moment(told.get("occurred_at"))
    except UnreadableError:
        return None
    if outcome is None:
        return None
    return Report(
        outcome=outcome, occurred_at=occurred_at, **{part: read_text(told.get(part), part) for part in LONGEST}
    )
