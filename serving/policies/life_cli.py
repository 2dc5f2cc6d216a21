"""`triage policy submit`, `approve`, `shadow`, `publish`, `rollback`, …: the life of bundles, asked of the service.

Who acts is told by their token, so the commands call the API. `break-glass` alone takes the database: for when there is
no service, or nobody else, to ask.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from features.vocabulary import SubjectType
from routing.loader import read_text
from routing.preview.roster import FIRST_LOOK_MINUTES
from serving.auth.people import Person
from serving.clock import SystemClock
from serving.db.engine import engine_while, session_factory
from serving.db.migrate import require_head
from serving.options import of_a_person
from serving.policies.errors import ServiceRefusedError
from serving.policies.options import FirstLookOption, ReviewersOption
from serving.worker.options import DEFAULT_DATABASE, DatabaseOption

Api = Annotated[str, typer.Option(envvar="TRIAGE_API", help="Where the service answers.")]
Token = Annotated[str, typer.Option(envvar="TRIAGE_TOKEN", help="Your own token.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the history.")]
Bundle = Annotated[str, typer.Argument(help="Digest of the bundle, or its first digits.")]
HERE = "http://127.0.0.1:8000"
_PATIENCE_SECONDS = 120


def register(app: typer.Typer) -> None:
    """Add the commands to `triage policy`."""
    for name, command in (
        ("submit", submit),
        ("list", list_bundles),
        ("show", show),
        ("approve", approve),
        ("reject", reject),
        ("shadow", shadow),
        ("publish", publish),
        ("rollback", rollback),
        ("history", history),
        ("break-glass", break_glass),
    ):
        app.command(name)(command)


def submit(
    bundle: Annotated[Path, typer.Argument(help="The bundle to hand in (YAML).")],
    reason: Reason,
    token: Token,
    since: Annotated[str | None, typer.Option("--from", help="Try it on the past since then. Default: a week.")] = None,
    reviewers: ReviewersOption = None,
    first_look_minutes: FirstLookOption = FIRST_LOOK_MINUTES,
    api: Api = HERE,
) -> None:
    """Freeze a bundle, with the evidence on it; a second person approves it."""
    body = {"text": read_text(bundle), "reason": reason, "first_look_minutes": first_look_minutes}
    body |= ({} if since is None else {"since": since}) | ({} if reviewers is None else {"reviewers": reviewers})
    _tell(_ask(api, token, "POST", "/v1/policies", body))


def list_bundles(token: Token = "", api: Api = HERE) -> None:
    """List all bundles and where each stands."""
    for each in _ask(api, token, "GET", "/v1/policies")["policies"]:
        alarm = "  UNAPPROVED" if each["unapproved"] and each["share"] else ""
        named = f"{each['name']} version {each['version']}"
        on = f"on {each['subject']}s"
        typer.echo(f"{each['digest'][:12]}  {each['status']:<9} {each['share']:>7.2%}  {named} {on}{alarm}")


def show(bundle: Bundle, token: Token = "", api: Api = HERE) -> None:
    """Print the evidence on a bundle, and the digest that an approval signs."""
    found = _ask(api, token, "GET", f"/v1/policies/{_resolved(api, token, bundle)}")
    typer.echo(json.dumps(found["evidence"], ensure_ascii=False, indent=2))
    _tell(found)


def approve(
    bundle: Bundle,
    signs: Annotated[str, typer.Option(help="Digest of the evidence, as `triage policy show` prints it.")],
    token: Token,
    waive: Annotated[
        str | None, typer.Option(help="Why so few past decisions are enough, where the evidence asks for more.")
    ] = None,
    api: Api = HERE,
) -> None:
    """Approve what another has submitted; it is in force when somebody publishes it."""
    _step(api, token, bundle, "approve", {"signs": signs} | ({} if waive is None else {"waives": waive}))


def reject(bundle: Bundle, reason: Reason, token: Token, api: Api = HERE) -> None:
    """Reject what is not in force, or take back what you have submitted."""
    _step(api, token, bundle, "reject", {"reason": reason})


def shadow(
    bundle: Bundle, token: Token, end: Annotated[bool, typer.Option("--end", help="End it.")] = False, api: Api = HERE
) -> None:
    """Let a bundle decide beside the one in force; nothing comes of it but a record."""
    _step(api, token, bundle, "end-shadow" if end else "shadow", None)


def publish(
    bundle: Bundle,
    reason: Reason,
    token: Token,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share of its subjects, which only grows. 1: all.")] = 1.0,
    api: Api = HERE,
) -> None:
    """Put an approved bundle in force, for all or for a share of its subjects."""
    _step(api, token, bundle, "publish", {"share": share, "reason": reason})


def rollback(
    reason: Reason,
    token: Token,
    subject: Annotated[SubjectType, typer.Option(help="Whose bundle is taken back.")] = SubjectType.SHIPMENT,
    api: Api = HERE,
) -> None:
    """Take back what came last, at once."""
    _tell(_ask(api, token, "POST", "/v1/policies/rollback", {"reason": reason, "subject": subject.value}))


def history(token: Token = "", api: Api = HERE) -> None:
    """List the newest steps of all bundles."""
    for each in _ask(api, token, "GET", "/v1/policies/history")["moves"]:
        share = "" if each["share"] is None else f" at {each['share']:.2%}"
        reason = f": {each['reason']}" if each["reason"] else ""
        typer.echo(f"{each['at']}  {each['actor']} {each['action']} {each['digest'][:12]}{share}{reason}")


def break_glass(
    bundle: Annotated[Path, typer.Argument(help="The bundle to put in force (YAML).")],
    reason: Reason,
    by: Annotated[str, typer.Option(callback=of_a_person, help="Who you are, for the history.")],
    database: DatabaseOption = DEFAULT_DATABASE,
) -> None:
    """Put a bundle in force without a second person and without the service. It is alarmed until one approves it."""
    from serving.policies.glass import break_with_database  # slow to import, as below

    with engine_while(database) as engine:
        require_head(engine)
        with session_factory(engine).begin() as session:
            now = SystemClock().now()
            policy = break_with_database(session, read_text(bundle), Person(by, frozenset()), now, reason=reason)
    typer.echo(f"{policy.name} version {policy.version} is live, unapproved ({policy.digest}).")


def _step(api: str, token: str, bundle: str, verb: str, body: dict[str, Any] | None) -> None:
    _tell(_ask(api, token, "POST", f"/v1/policies/{_resolved(api, token, bundle)}/{verb}", body))


def _tell(found: dict[str, Any]) -> None:
    share = f" for {found['share']:.2%} of {found['subject']}s" if found["share"] else ""
    typer.echo(f"{found['name']} version {found['version']} ({found['digest']}) is {found['status']}{share}.")
    if found["signs"] and found["status"] == "submitted":
        tried, fewest = found["evidence"]["preview"]["decisions"], found["evidence"].get("fewest_decisions", 0)
        if tried < fewest:
            typer.echo(f"It was tried on {tried} past decisions, fewer than {fewest}: --waive says why that is enough.")
        typer.echo(f"A second person approves it with --signs {found['signs']}")


def _resolved(api: str, token: str, begins: str) -> str:
    """Return the one digest that begins so."""
    digests = [each["digest"] for each in _ask(api, token, "GET", "/v1/policies")["policies"]]
    found = [each for each in digests if each.startswith(begins)]
    if len(found) != 1:
        raise ServiceRefusedError(f"{len(found)} bundles begin with '{begins}'. List them: triage policy list")
    return str(found[0])


def _ask(api: str, token: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    import httpx

    headers = {"Idempotency-Key": str(uuid4())} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        answer = httpx.request(method, f"{api}{path}", json=body, headers=headers, timeout=_PATIENCE_SECONDS)
    except httpx.HTTPError as error:
        raise ServiceRefusedError(f"The service at {api} does not answer ({error}). Give --api.") from error
    try:
        found: dict[str, Any] = answer.json()
    except ValueError as error:
        why = f"What answers at {api} is not the service: {answer.status_code}, and no JSON. Give --api."
        raise ServiceRefusedError(why) from error
    if answer.is_error:
        listed = "".join(f"\n  - {each['path']}: {each['detail']}" for each in found.get("errors", ()))
        raise ServiceRefusedError(f"{found['detail']}{listed}")
    return found
