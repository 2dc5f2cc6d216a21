"""No sequence of calls, roles or keys puts bytes in force that two people have not agreed on.

The machine keeps its own, obvious account of who has signed what, and holds the service to it after every step.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from routing.policy import Policy
from serving.db.tables import PolicyBundleRow, PolicyMoveRow
from tests.serving.house import House, copy_of
from tests.serving.policies.lives import PEOPLE, version
from tests.serving.worker.stores import SqlStore, emptied

NAMES = ["ann", "pat", "ann", "pat", "dana", "mallory"]
"""Two who act for the owner of the bundle, one who does not, and one whose token nobody knows."""
TEXTS = {number: version(number) for number in (2, 3)} | {9: version(2) + "# the same document in other bytes\n"}
people = st.sampled_from(NAMES)
numbers = st.sampled_from([2, 2, 3, 3, 9])
keys = st.sampled_from([None, None, None, None, "k1", "k2"])


class NoWayAround(RuleBasedStateMachine):
    """Calls in any order, by anybody, under keys that are used again and for other things."""

    opened: Callable[[], AbstractContextManager[str]]
    bundle: Policy

    def __init__(self) -> None:
        super().__init__()
        self.database = type(self).opened()
        self.house = House(self.database.__enter__(), self.bundle, people=PEOPLE)
        self.digests: dict[int, str] = {}
        self.authors: dict[str, set[str]] = {}
        self.signed: dict[str, str] = {}
        self.evidence: dict[str, str] = {}
        self.broken: set[str] = set()
        self.first = self.house.policy.digest
        self.looked_at = 0

    def teardown(self) -> None:
        self.house.close()
        self.database.__exit__(None, None, None)

    def said(self, path: str, body: Any, by: str, key: str | None) -> Any:
        """Post something; return the bundle it answers with, None if it was refused or answers as it did before."""
        answer = self.house.said(path, body, by=by, key=key)
        assert answer.status_code < 500, answer.text
        was_given = answer.is_success and "Idempotent-Replayed" not in answer.headers
        return answer.json() if was_given else None

    def step(self, number: int, verb: str, by: str, key: str | None, **body: Any) -> Any:
        given = {"reason": "because", **body} if "signs" not in body else body
        return self.said(f"/v1/policies/{self.digests.get(number, 'f' * 64)}/{verb}", given, by, key)

    @rule(number=numbers, by=people, key=keys)
    def submit(self, number: int, by: str, key: str | None) -> None:
        bundle = self.said("/v1/policies", {"text": TEXTS[number], "reason": "try it"}, by, key)
        if bundle is not None:
            digest = bundle["digest"]
            assert by in PEOPLE_KNOWN
            assert bundle["text"] == TEXTS[number]
            self.digests[number] = digest
            self.authors.setdefault(digest, set()).add(by)
            self.evidence[digest] = bundle["signs"]
            self.signed.pop(digest, None)

    @precondition(lambda self: self.digests)
    @rule(number=numbers, by=people, key=keys, other=st.sampled_from([None, None, None, 2, 3]))
    def approve(self, number: int, by: str, key: str | None, other: int | None) -> None:
        signs = self.evidence.get(self.digests.get(other or number, ""), "0" * 64)
        bundle = self.step(number, "approve", by, key, signs=signs, waives="few")
        if bundle is not None:
            digest = bundle["digest"]
            assert by in ("ann", "pat")
            assert by not in self.authors[digest]
            assert signs == self.evidence[digest]
            self.signed[digest] = by
            self.broken.discard(digest)

    @rule(number=numbers, by=people, key=keys)
    def reject(self, number: int, by: str, key: str | None) -> None:
        bundle = self.step(number, "reject", by, key)
        if bundle is not None:
            self.signed.pop(bundle["digest"], None)

    @precondition(lambda self: self.digests)
    @rule(number=numbers, by=people, key=keys, share=st.sampled_from([0.1, 0.5, 1.0]))
    def publish(self, number: int, by: str, key: str | None, share: float) -> None:
        bundle = self.step(number, "publish", by, key, share=share)
        if bundle is not None:
            assert by in ("ann", "pat")
            assert bundle["digest"] in self.signed

    @precondition(lambda self: self.digests)
    @rule(number=numbers, by=people, key=keys)
    def shadow(self, number: int, by: str, key: str | None) -> None:
        self.step(number, "shadow", by, key)

    @precondition(lambda self: self.digests)
    @rule(by=people, key=keys)
    def roll_back(self, by: str, key: str | None) -> None:
        before = self.standing()
        bundle = self.said("/v1/policies/rollback", {"reason": "because"}, by, key)
        if bundle is not None:
            self.signed.pop(before.candidate_digest or before.live_digest, None)

    @precondition(lambda self: len(self.digests) > 1)
    @rule(number=numbers, by=people, key=keys)
    def break_glass(self, number: int, by: str, key: str | None) -> None:
        bundle = self.step(number, "break-glass", by, key)
        if bundle is not None:
            assert by in ("ann", "pat")
            assert bundle["unapproved"]
            self.broken.add(bundle["digest"])
            self.signed.pop(bundle["digest"], None)

    @invariant()
    def what_is_in_force_was_agreed_on_or_is_alarmed(self) -> None:
        standing = self.standing()
        if standing.position == self.looked_at:
            return  # nothing has changed
        self.looked_at = standing.position
        listed = self.house.api.get("/v1/policies").json()["policies"]
        alarmed = {each["digest"] for each in listed if each["unapproved"]}
        for digest in {standing.live_digest, standing.candidate_digest} - {None, self.first}:
            ever_signed = [
                row.actor
                for row in self.house.rows(PolicyMoveRow)
                if (row.digest, row.action) == (digest, "approved") and row.actor not in self.authors[digest]
            ]
            assert digest in self.broken or ever_signed
            assert (digest in alarmed) == (digest in self.broken)

    @invariant()
    def what_is_kept_is_what_was_handed_in(self) -> None:
        kept = {row.digest: row.text for row in self.house.rows(PolicyBundleRow)}
        assert all(kept[digest] == TEXTS[number] for number, digest in self.digests.items())

    def standing(self) -> PolicyMoveRow:
        return self.house.rows(PolicyMoveRow)[-1]


PEOPLE_KNOWN = {person.name for person in PEOPLE.by_digest.values()}


@pytest.mark.parametrize(
    ("examples", "steps"), [(8, 30), pytest.param(60, 50, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_no_way_around(
    migrated_sqlite: Path, disk_of_memory: Path, late_shipments: Policy, examples: int, steps: int
) -> None:
    search(lambda: copy_of(migrated_sqlite, disk_of_memory / "way.db"), late_shipments, examples, steps)


@pytest.mark.service
@pytest.mark.parametrize(
    ("examples", "steps"), [(2, 20), pytest.param(20, 50, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_nor_on_postgresql(fresh_postgresql: SqlStore, late_shipments: Policy, examples: int, steps: int) -> None:
    search(lambda: emptied(fresh_postgresql), late_shipments, examples, steps)


def search(opened: Callable[[], AbstractContextManager[str]], bundle: Policy, examples: int, steps: int) -> None:
    """Look for a way, on a new database in every example."""
    run_state_machine_as_test(
        type("Here", (NoWayAround,), {"opened": staticmethod(opened), "bundle": bundle}),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
