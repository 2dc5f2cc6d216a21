"""What was sealed by an earlier release is decided again to the same bytes, under the bundle it was made under.

The files in `golden/` were written by the release that had this form of a decision, and never change.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
