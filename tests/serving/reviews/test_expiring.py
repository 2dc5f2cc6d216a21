"""Items that nobody answered in time: closed once nothing is of use any more, and not before."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.orm import Session

from routing.loader import parse_policy
from routing.policy import Policy
from serving.app import create_app
from serving.config import bundled_policy
from serving.db.tables import OutgoingCallRow, ReviewItemRow
from serving.decisions.verification import verify
from serving.policies.bundles import Bundles
from tests.serving.house import House, at, problem_in

END = 48 + 24
"""Hours from now to the end of the last branch that is of use: escalate, a day after the promise."""


def still_useful(branch: str) -> Any:
    """Return the bundle with a branch that is of use for ever."""
    data = yaml.safe_load(Path(bundled_policy()).read_text(encoding="utf-8"))
    del data["branches"][branch]["latest_useful"]
    return parse_policy(yaml.safe_dump(data, sort_keys=False))


def test_an_item_is_closed_once_no_answer_is_of_use(any_house: House) -> None:
    item_id = any_house.for_review("SH-1", risk=0.8)  # the suggestion, to rebook, is of use for ten hours
    any_house.advance(hours=END, seconds=-1)
    assert any_house.container.expiring.expire() == []
    any_house.advance(seconds=1)
    assert any_house.container.expiring.expire() == [item_id]

    item = any_house.api.get(f"/v1/reviews/{item_id}").json()
    assert (item["status"], item["verdict"], item["verdict_branch"]) == ("done", "expired", "none")
    assert (item["reason_code"], item["closed_by"]) == ("nobody_answered", "system")
    assert "nobody answered by 2026-03-05T06:00:00Z, after which no branch" in item["note"]
    (entry,) = (row for row in any_house.audited_of(f"review:{item_id}") if row.action == "review.expired")
    assert '"verdict":"expired"' in str(entry.new)
    assert any_house.count(OutgoingCallRow) == 0
    with any_house.container.reads() as session:
        assert not verify(session).problems


def test_an_item_that_somebody_holds_is_theirs_to_answer(any_house: House) -> None:
    item_id = any_house.for_review("SH-1", risk=0.8)
    any_house.advance(hours=END)
    token = any_house.claimed(item_id)
    assert any_house.container.expiring.expire() == []
    answer = any_house.answer(item_id, "dismiss", claim_token=token, reason_code="too_late_to_act")
    assert answer.json()["verdict"] == "dismiss"
    assert any_house.container.expiring.expire() == []


def test_a_claim_that_ran_out_holds_nothing_and_a_late_answer_changes_nothing(house: House) -> None:
    item_id = house.for_review("SH-1", risk=0.8)
    house.advance(hours=END, minutes=-1)
    token = house.claimed(item_id)
    house.advance(hours=1)
    assert house.container.expiring.expire() == [item_id]
    problem = problem_in(
        house.answer(item_id, "dismiss", claim_token=token, reason_code="too_late_to_act"), 409, "item-closed"
    )
    assert "expired" in problem["detail"]


def test_two_processes_close_it_once(any_house: House) -> None:
    item_id = any_house.for_review("SH-1", risk=0.8)
    any_house.advance(hours=END)
    with any_house.another() as other:
        closed = [*any_house.container.expiring.expire(), *other.container.expiring.expire()]
    assert closed == [item_id]
    assert any_house.audited()["review.expired"] == 1


def test_what_is_of_use_for_ever_keeps_an_item_open(sqlite_url: str) -> None:
    with House(sqlite_url, still_useful("escalate")) as house:
        house.for_review("SH-1", risk=0.8)
        house.advance(days=30)
        assert house.container.expiring.expire() == []
        assert house.rows(ReviewItemRow)[0].status == "open"


def test_a_branch_that_cannot_be_carried_out_keeps_none_open(sqlite_url: str) -> None:
    """Without a customer nobody can be notified."""
    with House(sqlite_url, still_useful("notify")) as house:
        house.for_review("SH-1", risk=0.8, customer_id=None)
        house.advance(hours=END)
        assert len(house.container.expiring.expire()) == 1


def test_what_nothing_helped_any_more_when_it_was_opened_is_still_to_be_seen(house: House) -> None:
    """A shipment long overdue goes before a person for want of a branch that is of use: no answer can come in time."""
    item_id = house.for_review("SH-1", risk=0.8, planned_at=at(hours=-60), promised_at=at(hours=-25))
    house.advance(days=30)
    assert house.container.expiring.expire() == []
    assert house.api.get(f"/v1/reviews/{item_id}").json()["status"] == "open"


def test_an_item_of_which_it_cannot_be_told_keeps_no_other_open(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A release may not read the bundle of an old decision any more."""
    broken, whole = house.for_review("SH-1", risk=0.8), house.for_review("SH-2", risk=0.8)
    house.advance(hours=END)
    of_decision = Bundles.of_decision

    def reading(bundles: Bundles, session: Session, body: dict[str, Any]) -> Policy:
        if body["subject"]["id"] == "SH-1":
            raise ValueError("a bundle of another release")
        return of_decision(bundles, session, body)

    monkeypatch.setattr(Bundles, "of_decision", reading)
    assert house.container.expiring.expire() == [whole]
    assert broken in caplog.text


def test_the_app_closes_them_by_itself(house: House) -> None:
    house.for_review("SH-1", risk=0.8, promised_at=at(hours=13))
    house.advance(hours=END)

    async def run() -> None:
        app = create_app(house.container)
        async with app.router.lifespan_context(app):
            for _ in range(500):
                if house.rows(ReviewItemRow)[0].status == "done":
                    return
                await asyncio.sleep(0.01)

    asyncio.run(run())
    assert house.rows(ReviewItemRow)[0].verdict == "expired"


@pytest.mark.parametrize("fails", [OSError("no disk"), ValueError("a mistake")])
def test_a_round_that_fails_is_told_and_tried_again(
    house: House, fails: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.for_review("SH-1", risk=0.8)
    house.advance(hours=END)
    expiring, decisions = house.container.expiring, house.container.bundles
    whole = decisions.of_decision
    faults = [fails]

    def failing(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return whole(*given)

    monkeypatch.setattr(type(decisions), "of_decision", lambda _, *given: failing(*given))

    async def run() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(expiring.keep_expiring(every_seconds=0.01), 0.2)

    asyncio.run(run())
    assert "It cannot be told whether review item" in caplog.text
    assert house.rows(ReviewItemRow)[0].verdict == "expired"
