"""The bundles that the closed loop is tried with: what ships beside this file, and what is changed in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from routing.loader import parse_policy, read_text
from routing.policy import Policy

BY_COST = Path(__file__).with_name("by_cost.yaml")
SHARE = 0.2
TELLS_FROM_MINOR = 2_000


def logging_bundle() -> Policy:
    """Return the bundle with a fifth of those who would be told, or not, left to chance."""

    def explore(data: dict[str, Any]) -> None:
        data["exploration"] = {
            "share": SHARE,
            "among": ["none", "notify"],
            "salt": "generated",
            "owner": "process-owner",
            "review_by": date(2027, 6, 30),
            "why": "what telling saves is to be known",
        }

    return _changed(explore)


def candidate_bundle() -> Policy:
    """Return the bundle that tells only those with 20.00 EUR at stake."""

    def later(data: dict[str, Any]) -> None:
        data["thresholds"]["worth_a_message"]["value"] = TELLS_FROM_MINOR

    return _changed(later)


def _changed(edit: Callable[[dict[str, Any]], None]) -> Policy:
    data = yaml.safe_load(read_text(BY_COST))
    edit(data)
    return parse_policy(yaml.safe_dump(data, sort_keys=False), name=BY_COST.name)
