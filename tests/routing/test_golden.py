"""What was sealed by an earlier release is decided again to the same bytes, under the bundle it was made under.

The files in `golden/` were written by the release that had this form of a decision, and never change. All in
them is generated; of the features a few are left, since a decision is made from facts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.vocabulary import SubjectType
from routing.decision import SCHEMA
from routing.directives import DirectiveKind
from routing.loader import load_policy
from routing.replay import replay

GOLDEN = Path(__file__).parent / "golden"


def sealed() -> Iterator[tuple[str, int, str]]:
    for path in sorted(GOLDEN.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            yield path.stem, number, line


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.jsonl")))
def test_every_sealed_decision_replays_to_its_own_bytes(name: str) -> None:
    policy = load_policy(GOLDEN / f"{name}.yaml")
    bodies = [line for stem, _, line in sealed() if stem == name]
    assert len(bodies) >= 40
    for body in bodies:
        again = replay(body, policy)
        assert (again.body, again.differences) == (body, ())


def test_every_kind_of_subject_is_there_with_what_people_are_asked_about_it() -> None:
    recommended: dict[str, set[str]] = {}
    for _, _, line in sealed():
        body = json.loads(line)
        recommended.setdefault(body["subject"]["type"], set()).add(body["recommended_branch"])
    assert set(recommended) == set(SubjectType)
    assert recommended["invoice"] == {"approve", "review", "short_pay", "dispute"}
    assert recommended["shortage"] == {"none", "review", "reallocate"}


def test_every_part_of_a_context_has_made_a_difference_somewhere() -> None:
    bodies = [json.loads(line) for _, _, line in sealed()]
    now = [body for body in bodies if body["schema"] == SCHEMA]
    read = {part for body in now for part in body["context"]}
    assert read == {"capacity", "directives", "history", "last_taken", "overdue", "subject_id", "watches"}
    applied = {
        each["kind"] for body in now for each in body["context"].get("directives", ()) if each["id"] in body["applied"]
    }
    assert applied == set(DirectiveKind)
    assert all(any(body[part] for body in now) for part in ("passed_over", "uses", "applied"))
    assert {body["cause"]["verdict"] for body in now if "cause" in body} == {"declared", "stands"}
    assert {body["subject"]["type"] for body in now if "cause" in body} == set(SubjectType)
    drawn = {
        body["branch"] for body in now if "exploration" in body and body["branch"] != body["exploration"]["without"]
    }
    assert drawn == {"none", "review"}
    assert any("is over" in note for body in now for note in body["notes"])
    reasons = " ".join(str(body["suppressed_because"]) for body in now)
    assert "rests for 3 hours" in reasons
    told = {note.split(" counts as ")[0] for body in now for note in body["notes"] if "its safe value" in note}
    assert told == {"threshold notify_from", "threshold escalate_stake"}
    assert any("spends money, and the review of" in str(body["held_because"]) for body in now)
    assert any("it cannot be told whose" in each["because"] for body in now for each in body["passed_over"])
    outcomes = {result["outcome"] for body in now for result in body["rules"]}
    assert outcomes == {"hit", "no_hit", "unknown", "snoozed"}
