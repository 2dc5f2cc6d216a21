"""What a preview reads of a sealed body is all that it looks at."""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from routing.loader import load_policy
from routing.policy import Policy
from routing.preview.comparing import compare
from routing.preview.past import PastDecision
from routing.restating import restate
from serving.policies.past import SEALED
from serving.reviews.asking import suggested_branch
from serving.reviews.stakes import stake_in

GOLDEN = Path(__file__).parents[2] / "routing" / "golden"
OTHER = {"shipment": "decision_1_bold", "invoice": "decision_2_bills_held", "shortage": "decision_2_lines_held"}
"""By type of subject, a bundle that comes to something else than the others."""


def previewed(policy: Policy, texts: list[str], *, in_part: bool) -> list[Any]:
    """Preview a bundle on sealed bodies, read in part or as a whole, and return what it tells of each."""
    past = []
    for sequence, text in enumerate(texts, start=1):
        whole = json.loads(text)
        body = SEALED.validate_json(text) if in_part else whole
        at = datetime.fromisoformat(whole["decided_at"])
        past.append(PastDecision(sequence, whole["subject"]["id"], at, body))
    told = compare(policy, past, restate=partial(restate, policy=policy))
    return [(*each[:7], each.choice.branch, each.choice.reason_staff, each.choice.payload) for each in told]


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.jsonl")))
def test_a_body_read_in_part_comes_to_what_the_whole_one_does(name: str) -> None:
    texts = (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    for bundle in (name, OTHER[json.loads(texts[0])["subject"]["type"]]):
        policy = load_policy(GOLDEN / f"{bundle}.yaml")
        assert previewed(policy, texts, in_part=True) == previewed(policy, texts, in_part=False)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.jsonl")))
def test_of_what_is_put_before_people_all_is_read_that_the_queue_goes_by(name: str) -> None:
    costs = load_policy(GOLDEN / f"{name}.yaml").costs
    for text in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        whole, part = json.loads(text), SEALED.validate_json(text)
        for key in ("latest_useful_at", "suppressed_because", "recommended_branch"):
            assert part[key] == whole[key]
        assert suggested_branch(part["payload"]) == suggested_branch(whole["payload"])
        assert part["policy"]["digest"] == whole["policy"]["digest"]
        if whole["model"] is not None and "shipment" in whole["model"]:
            assert stake_in(part, costs) == stake_in(whole, costs)


@pytest.mark.parametrize("model", [None, {"probability": 0.5, "shipment": {"late_penalty_minor": 5, "currency": None}}])
def test_of_the_model_only_the_risk_and_the_terms_of_the_shipment_are_read(model: dict[str, Any] | None) -> None:
    shipment = None if model is None else {**model["shipment"], "pieces": 3}
    whole = model and {"name": "delay", "probability": 0.5, "shipment": shipment}
    assert SEALED.validate_json(json.dumps({"model": whole})) == {"model": model}


def test_features_are_not_read() -> None:
    text = (GOLDEN / "decision_2_kept.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert {"features", "alternatives"} <= json.loads(text).keys() - SEALED.validate_json(text).keys()
