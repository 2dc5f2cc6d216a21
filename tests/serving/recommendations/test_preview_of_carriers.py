"""A preview under another cost table prices the carriers of a recorded decision as a decision under it would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from routing.canonical import canonical_json
from routing.preview.comparing import Compared
from routing.recording import encode_facts
from serving.policies.preview import preview
from tests.serving.bundles import Edit, changed
from tests.serving.house import House, Json, delivery
from tests.serving.recommendations.agreed import contracts
from tests.serving.recommendations.test_recommend_carriers import KnowsCarriers

Decided = Callable[..., tuple[House, Json]]


def minutes_at(minor: int) -> Edit:
    """Let an analyst's minute cost so much."""
    return lambda data: data["costs"].update(analyst_minute_minor=minor)


def lateness_at(times: float) -> Edit:
    """Let lateness cost so many times as much."""

    def edit(data: dict[str, Any]) -> None:
        share = data["costs"]["lateness_share"]
        data["costs"]["lateness_share"] = {tier: round(each * times, 4) for tier, each in share.items()}

    return edit


def in_dollars(data: dict[str, Any]) -> None:
    data["costs"]["currency"] = "USD"
    del data["scenarios"]


@pytest.fixture
def decided(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Decided]:
    """Decide about one shipment under the bundle that ships, after edits; return the house and what was sealed."""
    with ExitStack() as stack:

        def decide(*edits: Edit, **plan: Any) -> tuple[House, Json]:
            known = {"model": KnowsCarriers(0.8), "contracts": contracts(NWX=20_000, ACE=24_000)}
            url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / f'{len(list(tmp_path.iterdir()))}.db')}"
            house = stack.enter_context(House(url, changed(*edits), **known))
            house.announce("SH-A", carrier_id="ACE")
            house.send(delivery("A-1", "departed", shipment_id="SH-A"))  # ACE is heard of
            house.announce("SH-1", **plan)
            body = house.api.get(f"/v1/decisions/{house.decided('SH-1')['decision_id']}").json()["body"]
            return house, body

        yield decide


def previewed(house: House, *edits: Edit) -> Compared:
    """Preview the decision of a house under the bundle after edits."""
    now = house.clock.now()
    with house.container.reads() as session:
        (compared,) = preview(session, changed(*edits), now - timedelta(days=1), now + timedelta(days=1))
    return compared


def options_in(compared: Compared) -> Any:
    return json.loads(canonical_json(encode_facts(compared.facts)))["rebook_options"]


@pytest.mark.parametrize(
    ("edits", "plan"),
    [
        pytest.param((), {}, id="the same"),
        pytest.param((minutes_at(9_000),), {}, id="people's time costs more than another carrier saves"),
        pytest.param((lateness_at(0.5),), {}, id="lateness costs less"),
        pytest.param((lateness_at(0.5),), {"late_penalty_minor": 150_000}, id="a penalty was agreed"),
    ],
)
def test_carriers_cost_what_they_would_in_a_decision_under_that_bundle(
    decided: Decided, edits: tuple[Edit, ...], plan: Json
) -> None:
    house, _ = decided(**plan)
    _, there = decided(*edits, **plan)
    here = previewed(house, *edits)
    assert options_in(here) == there["facts"]["rebook_options"]
    assert json.loads(canonical_json(here.choice.payload)) == there["payload"]
    assert here.choice.held_because == there["held_because"]


def test_in_a_currency_that_lateness_is_not_counted_in_nobody_can_be_compared(decided: Decided) -> None:
    house, _ = decided()
    _, there = decided(in_dollars)
    here = previewed(house, in_dollars)
    assert there["facts"].get("rebook_options", []) == options_in(here) == []


def test_what_was_not_priced_is_unknown_where_it_could_be(decided: Decided) -> None:
    house, here = decided(in_dollars)
    assert here["facts"]["rebook_options"] == []
    assert "rebook_options" not in previewed(house).facts
