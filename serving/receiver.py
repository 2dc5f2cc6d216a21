"""A stand-in for the orchestrator: believes signed calls only, lets each have its effect once, and fails on demand.

With `--report-to` it also says what became of each, see `serving.reporting`.

Effects go to an append-only file, one JSON object a line, each flushed to the disk before the answer. They survive the
process and can be counted from outside; on starting, the file is what the receiver remembers.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from routing.canonical import canonical_json
from routing.dispatch.errors import DispatchError, SignatureError
from routing.dispatch.signing import Secret, verify
from routing.effects import Outcome
from serving.clock import Clock, SystemClock
from serving.reporting import Reporter, ReportSettings
from serving.worker.options import (
    EpochFileOption,
    RealEpochOption,
    SimulatedFromOption,
    SimulatedUntilOption,
    SpeedOption,
    clock_for,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Failure(StrEnum):
    """Ways to fail a call."""

    REFUSED = "refused"
    """500 before the effect."""
    ANSWER_LOST = "answer_lost"
    """The effect happens, the answer is 500."""
    SILENT = "silent"
    """No effect and no answer until long after the caller has gone."""
    SILENT_AFTER = "silent_after"
    """The effect happens, the answer comes long after the caller has gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """What the receiver is told.

    Attributes
    ----------
    secrets
        Every secret that is believed.
    log
        The file of effects.
    fail_share
        Share of calls that fail, 0 to 1; each attempt of a call is drawn anew.
    silent_share
        Share of the failures that leave the caller waiting.
    silence
        How long.
    seed
        With the call's id and its attempt it decides which fail, whatever the order in which they come.
    reports
        To whom outcomes are reported; to nobody if None.
    """

    secrets: tuple[Secret, ...] = field(repr=False)
    log: Path
    fail_share: float = 0.0
    silent_share: float = 0.0
    silence: timedelta = timedelta(seconds=30)
    seed: int = 0
    tolerance: timedelta = timedelta(minutes=5)
    reports: ReportSettings | None = None

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name, share in (("fail_share", self.fail_share), ("silent_share", self.silent_share)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is {share}; give a share from 0 to 1")


class EffectLog:
    """Which calls had their effect, in the order in which they had it; on disk before it is believed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.seen: set[str] = set()
        self.by_branch: Counter[str] = Counter()
        whole = 0
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else []:
            if not line.endswith(b"\n"):
                break  # half a line: the machine stopped before the effect was on disk, and it was never answered for
            self._remember(json.loads(line))
            whole += len(line)
        self._file: BinaryIO = path.open("ab")
        self._file.truncate(whole)

    def record(self, effect: dict[str, object]) -> None:
        """Write one effect down and flush it to the disk."""
        self._file.write(canonical_json(effect).encode("ascii") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._remember(effect)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _remember(self, effect: dict[str, object]) -> None:
        self.seen.add(str(effect["webhook_id"]))
        self.by_branch[str(effect["branch"])] += 1


class Receiver:
    """The orchestrator's part: verify, know repeats, have the effect, answer."""

    def __init__(self, settings: ReceiverSettings, *, clock: Clock, reporter: Reporter | None = None) -> None:
        self.settings = settings
        self._reporter = reporter
        self.effects = EffectLog(settings.log)
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._attempts: Counter[str] = Counter()

    async def take(self, request: Request) -> Response:
        """Take one call."""
        self.counts["calls"] += 1
        try:
            body = await request.body()
        except ClientDisconnect:  # the caller died while it sent; it comes again
            self.counts["broken_off"] += 1
            return Response(status_code=400)
        try:
            webhook_id = verify(
                self.settings.secrets,
                headers=request.headers,
                body=body,
                now=self._clock.now(),
                tolerance=self.settings.tolerance,
            )
        except SignatureError as error:
            self.counts["not_believed"] += 1
            return JSONResponse({"detail": str(error)}, status_code=401)
        failure = self._failure(webhook_id)
        if failure is not None:
            self.counts[failure.value] += 1
        if failure is Failure.REFUSED:
            return JSONResponse({"detail": "told to fail, without effect"}, status_code=500)
        if failure is Failure.SILENT:
            await asyncio.sleep(self.settings.silence.total_seconds())
            return JSONResponse({"detail": "told to be silent, without effect"}, status_code=500)
        try:
            answer = self._have_effect(webhook_id, body)
        except (ValueError, KeyError, TypeError) as error:
            self.counts["not_understood"] += 1
            return JSONResponse({"detail": f"not a branch call: {error!r}"}, status_code=422)
        if failure is Failure.ANSWER_LOST:
            return JSONResponse({"detail": "told to fail, after the effect"}, status_code=500)
        if failure is Failure.SILENT_AFTER:
            await asyncio.sleep(self.settings.silence.total_seconds())
        return JSONResponse({"status": answer})

    async def summary(self, _request: Request) -> Response:
        """Say what happened so far: counts of this run, and all effects on file."""
        told: dict[str, object] = {
            "effects": len(self.effects.seen),
            "by_branch": dict(sorted(self.effects.by_branch.items())),
            "this_run": dict(sorted(self.counts.items())),
        }
        if self._reporter is not None:
            told["reports"] = {**self._reporter.counts, "underway": self._reporter.underway}
        return JSONResponse(told)

    def _have_effect(self, webhook_id: str, body: bytes) -> str:
        # Nothing is awaited between the question and the record, so two attempts at once cannot both pass.
        if webhook_id in self.effects.seen:
            self.counts["repeats"] += 1
            return "repeated"
        event = json.loads(body)
        effect = {
            "webhook_id": webhook_id,
            "id": event["id"],
            "shipment_id": event["subject"],
            "branch": event["type"].rpartition(".")[2],
            "decision_id": event["correlationid"],
            "taken_at": self._clock.now(),
        }
        outcome = Outcome.DONE
        if self._reporter is not None:
            undoes = event["data"].get("undoes")
            outcome = self._reporter.settings.outcome_of(webhook_id, undoes=undoes is not None)
            effect |= {"undoes": undoes, "outcome": outcome.value}
        self.effects.record(effect)
        self.counts["effects"] += 1
        if self._reporter is not None:
            self._reporter.tell(webhook_id, outcome)
        return "done"

    def _failure(self, webhook_id: str) -> Failure | None:
        self._attempts[webhook_id] += 1
        rng = Random(f"{self.settings.seed}:{webhook_id}:{self._attempts[webhook_id]}")
        if rng.random() >= self.settings.fail_share:
            return None
        if rng.random() < self.settings.silent_share:
            return rng.choice((Failure.SILENT, Failure.SILENT_AFTER))
        return rng.choice((Failure.REFUSED, Failure.ANSWER_LOST))


def create_receiver(
    settings: ReceiverSettings, *, clock: Clock | None = None, business_clock: Clock | None = None
) -> Starlette:
    """Return the receiver as an app: `POST /calls`, `GET /effects`, `GET /health`.

    Parameters
    ----------
    clock
        The machine's, by which signatures are judged.
    business_clock
        By which outcomes are dated.
    """
    clock = clock or SystemClock()
    reporter = None if settings.reports is None else Reporter(settings.reports, clock=business_clock or clock)
    receiver = Receiver(settings, clock=clock, reporter=reporter)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        if reporter is not None:
            await reporter.close()
        receiver.effects.close()

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/calls", receiver.take, methods=["POST"]),
            Route("/effects", receiver.summary),
            Route("/health", health),
        ],
        lifespan=lifespan,
    )


def run_receiver(
    log: Annotated[Path, typer.Option(help="File of effects; appended to, one JSON object a line.")],
    secret: Annotated[
        list[str], typer.Option(envvar="TRIAGE_WEBHOOK_SECRETS", help="whsec_…; give several while one is replaced.")
    ],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 8081,
    fail_share: Annotated[float, typer.Option(min=0, max=1, help="Share of calls that fail.")] = 0.0,
    silent_share: Annotated[float, typer.Option(min=0, max=1, help="Share of failures that do not answer.")] = 0.0,
    silence_seconds: Annotated[float, typer.Option(min=0, help="How long such a failure lasts.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Decides which calls fail.")] = 0,
    report_to: Annotated[
        list[str] | None, typer.Option(help="Address of the service to report outcomes to; several are tried in turn.")
    ] = None,
    failed_share: Annotated[float, typer.Option(min=0, max=1, help="Share of effects that fail.")] = 0.0,
    partial_share: Annotated[float, typer.Option(min=0, max=1, help="Share that fail in part.")] = 0.0,
    lost_share: Annotated[float, typer.Option(min=0, max=1, help="Share of outcomes that are never reported.")] = 0.0,
    repeat_share: Annotated[float, typer.Option(min=0, max=1, help="Share that are reported twice.")] = 0.0,
    simulated_from: SimulatedFromOption = None,
    speed: SpeedOption = 1.0,
    real_epoch: RealEpochOption = None,
    epoch_file: EpochFileOption = None,
    simulated_until: SimulatedUntilOption = None,
) -> None:
    """Play the orchestrator on this machine."""
    try:
        settings = ReceiverSettings(
            secrets=tuple(Secret.parse(text) for text in secret),
            log=log,
            fail_share=fail_share,
            silent_share=silent_share,
            silence=timedelta(seconds=silence_seconds),
            seed=seed,
            reports=None
            if not report_to
            else ReportSettings(
                to=tuple(report_to),
                fail_share=failed_share,
                partial_share=partial_share,
                lost_share=lost_share,
                repeat_share=repeat_share,
                seed=seed,
            ),
        )
    except DispatchError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    business_clock = clock_for(simulated_from, speed, real_epoch, simulated_until, epoch_file)
    uvicorn.run(
        create_receiver(settings, business_clock=business_clock),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    typer.run(run_receiver)
