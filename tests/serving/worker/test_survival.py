"""The promise as a whole, with real processes: a failing receiver, a worker killed in the middle, every effect once."""

from __future__ import annotations

import signal
import time
from collections import Counter
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from features.vocabulary import Branch
from routing.dispatch.envelope import BranchCall, call_id_for, envelope
from serving.db.engine import session_factory
from serving.db.tables import OutgoingCallRow
from tests.routing.dispatch.fakes import NOON
from tests.serving.worker.processes import effects, receiver, start_worker, summary, wait_for_effects
from tests.serving.worker.stores import SqlStore

CALLS, SHIPMENTS, KILLS = 120, 50, 3
BRANCHES = (Branch.NOTIFY, Branch.REBOOK, Branch.ESCALATE)
OPTIONS = (
    *("--timeout-seconds", "0.4", "--lease-seconds", "0.8", "--concurrency", "4", "--max-attempts", "500"),
    *("--first-wait-seconds", "0.02", "--longest-wait-seconds", "0.1", "--breaker-threshold", "1000"),
)


def fill(store: SqlStore, rng: Random) -> dict[str, list[str]]:
    """Put calls for shipments in random order; return each shipment's calls in the order they must take effect."""
    calls: list[tuple[str, str, str]] = []
    expected: dict[str, list[str]] = {}
    for number in range(CALLS):
        shipment = f"SHP-{number if number < SHIPMENTS else rng.randrange(SHIPMENTS)}"
        branch = BRANCHES[number % len(BRANCHES)]
        call = BranchCall(
            call_id=call_id_for(f"dec-{number}", branch),
            decision_id=f"dec-{number}",
            subject_id=shipment,
            branch=branch,
            decided_at=NOON,
            payload={"number": number},
        )
        calls.append((call.call_id, shipment, envelope(call)))
        expected.setdefault(shipment, []).append(call.call_id)
    store.put_many(calls)
    return expected


def survives(store: SqlStore, log: Path, *, seed: int) -> None:
    rng = Random(seed)
    expected = fill(store, rng)
    url = store.engine.url.render_as_string(hide_password=False)
    kill_at = sorted(rng.sample(range(10, CALLS - 20), KILLS))
    left_leased = 0
    with receiver(
        log, "--fail-share", "0.5", "--silent-share", "0.05", "--silence-seconds", "0.6", "--seed", str(seed)
    ) as receiver_url:
        for number_of_effects in kill_at:
            worker = start_worker(url, receiver_url, *OPTIONS)
            wait_for_effects(log, number_of_effects)
            time.sleep(rng.random() * 0.01)
            worker.kill()
            worker.communicate(timeout=10)
            assert worker.returncode == -signal.SIGKILL
            left_leased += count(store, "leased")
        worker = start_worker(url, receiver_url, *OPTIONS, "--until-empty")
        _, errors = worker.communicate(timeout=30)
        assert worker.returncode == 0, errors
        seen = summary(receiver_url)["this_run"]
    assert seen["refused"] + seen["answer_lost"] > 0.35 * seen["calls"], "the receiver did not fail as told"
    assert seen["repeats"] > 0, "no call came again after it had had its effect"
    taken = effects(log)
    assert len(taken) == CALLS
    assert Counter(effect["id"] for effect in taken) == Counter(chain.from_iterable(expected.values()))
    in_order: dict[str, list[str]] = {}
    for effect in taken:
        in_order.setdefault(effect["shipment_id"], []).append(effect["id"])
    assert in_order == expected
    assert count(store, "delivered") == CALLS
    assert left_leased > 0, "no worker was killed in the middle of a call"
    delivered = Counter(row.subject for row in store.audit() if row.action == "call.delivered")
    assert set(delivered.values()) == {1}
    assert len(delivered) == CALLS


def count(store: SqlStore, status: str) -> int:
    with session_factory(store.engine)() as session:
        return session.scalar(select(func.count()).where(OutgoingCallRow.status == status)) or 0


class TestSurvival:
    @pytest.mark.slow
    def test_every_call_takes_effect_once_and_in_order_though_the_worker_is_killed_in_the_middle(
        self, sqlite: SqlStore, tmp_path: Path
    ) -> None:
        survives(sqlite, tmp_path / "effects.jsonl", seed=20260302)

    @pytest.mark.service
    @pytest.mark.slow
    def test_on_postgresql_too(self, postgresql: SqlStore, tmp_path: Path) -> None:
        survives(postgresql, tmp_path / "effects.jsonl", seed=20260303)

    def test_a_worker_told_to_stop_ends_its_calls_first(self, sqlite: SqlStore, tmp_path: Path) -> None:
        fill(sqlite, Random(1))
        log = tmp_path / "effects.jsonl"
        with receiver(log) as receiver_url:
            url = sqlite.engine.url.render_as_string()
            worker = start_worker(url, receiver_url, "--concurrency", "2")
            wait_for_effects(log, 5)
            worker.send_signal(signal.SIGTERM)
            said, errors = worker.communicate(timeout=20)
        assert worker.returncode == 0, errors
        assert count(sqlite, "leased") == 0
        assert count(sqlite, "delivered") == len(effects(log))
        assert said.strip() == f"delivered {len(effects(log))}"
