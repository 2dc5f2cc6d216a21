"""Rounds of kills from start to end, and what must be left after them.

Two processes of the API and a worker share a database; the receiver fails half of the calls, some of them by silence,
and reports what became of the others: done, failed or in part, some twice and some never.
`TRIAGE_KILL_ROUNDS` says how many rounds the long tests have.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine, func, select

from serving.clock import SystemClock
from serving.db.engine import engine_while, session_factory
from serving.db.tables import DecisionRow, OutgoingCallRow
from serving.reporting import ReportSettings
from serving.worker.dead_letters import NotADeadLetterError, dead_letters, replay
from tests.serving.killed import left_behind
from tests.serving.killed.clients import Clients
from tests.serving.killed.parts import APIS, Service, times_from_now, url_at
from tests.serving.killed.rounds import Rounds
from tests.serving.worker.processes import effects, free_port, receiver, summary

ROUNDS = int(os.environ.get("TRIAGE_KILL_ROUNDS", "200"))
FAILING = ("--fail-share", "0.5", "--silent-share", "0.1", "--silence-seconds", "1")
OUTCOMES = {"failed_share": 0.1, "partial_share": 0.15, "lost_share": 0.1, "repeat_share": 0.2}
"""What becomes of effects, and of the reports of them."""
UNSETTLED = {"intended", "sent", "accepted", "compensating"}


def survives(database_url: str, folder: Path, *, rounds: int, seed: int) -> Rounds:
    """Play the rounds, let everything settle, and check what is left."""
    log, messages = folder / "effects.jsonl", 2 * rounds
    ports, times = [free_port() for _ in range(APIS)], times_from_now()
    shares = [part for name, share in OUTCOMES.items() for part in (f"--{name.replace('_', '-')}", f"{share}")]
    reporting = [*(part for port in ports for part in ("--report-to", url_at(port))), *shares, *times]
    with (
        engine_while(database_url) as engine,
        receiver(log, *FAILING, "--seed", f"{seed}", *reporting) as receiver_url,
    ):
        service = Service(database_url, receiver_url, folder, messages=messages, ports=ports, times=times)
        with service.running():
            played = Rounds(service, Clients(service.urls, seed), engine, seed)
            asyncio.run(played.play(rounds))
            service.worker.kill()
            dead = settle(service, engine, receiver_url)
        told = {**told_of(played), "dead letters": dead, "receiver": summary(receiver_url)}
        with session_factory(engine)() as session:
            left_behind.check_answers(session, played.clients)
            left_behind.check_what_was_set_in_motion(session, played.clients)
            left_behind.check_effects(session, effects(log))
            told["effects"] = left_behind.check_outcomes(session, effects(log), reports_of(seed))
            left_behind.check_budgets(session, messages)
            left_behind.check_the_record(session, database_url)
            branches = select(DecisionRow.branch, func.count()).group_by(DecisionRow.branch)
            told["decisions"] = dict(session.execute(branches).all())
    print(json.dumps(told))
    return played


def reports_of(seed: int) -> ReportSettings:
    """Return by what the receiver draws what becomes of its effects."""
    shares = {"fail_share" if name == "failed_share" else name: share for name, share in OUTCOMES.items()}
    return ReportSettings(to=(), seed=seed, **shares)


def settle(service: Service, engine: Engine, receiver_url: str) -> int:
    """Deliver every call, have each dead letter sent again, and wait until each effect is reported or overdue.

    Return how many dead letters there were.
    """
    found = 0
    for _ in range(40):
        service.last_worker.run(seconds=120)
        letters = dead_letters(engine)
        for letter in letters:
            with suppress(NotADeadLetterError):  # its outcome has come meanwhile
                replay(engine, letter.call_id, actor="user:dana", now=SystemClock().now())
        found += len(letters)
        with session_factory(engine)() as session:
            statuses = set(session.scalars(select(OutgoingCallRow.status)))
            states = set(session.scalars(select(OutgoingCallRow.effect)))
        if statuses == {"delivered"} and not states & UNSETTLED and not summary(receiver_url)["reports"]["underway"]:
            return found
        if not letters:
            time.sleep(1.5)
    raise AssertionError(f"not settled: {statuses}, {states}")


def told_of(played: Rounds) -> dict[str, object]:
    counts, service = played.clients.counts, played.service
    return {
        "kills": {part.log.stem: part.kills for part in (*service.apis, service.worker)},
        "requests": counts.sent,
        "cut": counts.cut,
        "of those done though unanswered": counts.done_unanswered,
        "refused": counts.refused,
        "told to wait": counts.told_to_wait,
        "answers by people": len(played.clients.overridden),
        "calls left leased": played.left_leased,
    }
