"""A preview shows what a bundle does to the review queue: the items that are opened, in the order people take them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from routing.loader import load_policy
from routing.policy import Policy
from routing.preview.comparing import compare
from routing.preview.past import PastDecision
from routing.preview.queue import Opened, serve
from routing.preview.roster import Shift
from serving.db.engine import engine_while, session_factory
from serving.db.tables import CauseRow
from serving.policies.past import SEALED
from serving.policies.queue import QueuePreview, Queues, Staffing
from tests.serving.bundles import changed
from tests.serving.causes.outage import SILENT_HOURS, departed, names
from tests.serving.causes.outage import told as told_of_outages
from tests.serving.house import NOW, House, at
from tests.serving.policies.days import a_day, keeping, run
from tests.serving.policies.queued import assert_both_sides_are_the_queue, queues_of

GOLDEN = Path(__file__).parents[2] / "routing" / "golden"
MONTH = timedelta(days=30)
WINDOW = {"since": NOW.isoformat(), "until": (NOW + MONTH).isoformat()}


def previewed(house: House, policy: Policy, *reviewers: str, first_look: float = 60) -> QueuePreview:
    queues = queues_of(house, policy, NOW, NOW + MONTH)
    return queues.preview(Staffing.parse(reviewers, first_look), NOW, NOW + MONTH)


def slow_to_tell(data: dict[str, Any]) -> None:
    """Let people look where customers are told by itself."""
    data["branches"]["notify"]["mode"] = "recommend"


class TestItems:
    @pytest.mark.parametrize("hours", [0, 80])
    def test_are_those_that_the_service_opens(self, houses: ExitStack, any_url: str, hours: int) -> None:
        policy = changed(keeping, slow_to_tell)
        house = houses.enter_context(House(any_url, policy))
        a_day(house, seed=4)
        house.advance(hours=hours)
        rows = assert_both_sides_are_the_queue(house, policy, NOW)
        assert len({row.suggested_branch for row in rows}) > 1
        assert any(row.verdict == "superseded" for row in rows)
        assert any(row.verdict == "expired" for row in rows) is (hours == 80)

    def test_are_taken_in_the_order_in_which_people_take_them(self, house: House) -> None:
        for number, (value_minor, risk) in enumerate([(500, 0.3), (90_000, 0.65), (20_000, 0.3), (20_000, 0.3)]):
            house.for_review(f"SH-{number}", risk=risk, value_minor=value_minor * 100)
            house.advance(minutes=1)
        house.for_review("SH-F", value_minor=90_000_000, promised_at=at(hours=13))
        house.advance(hours=14, minutes=-4)
        until = house.clock.now() + timedelta(hours=2)
        queues = queues_of(house, house.policy, NOW, until)

        taken = []
        while (claim := house.container.reviews.take_next(actor="dana")) is not None:
            taken.append((claim.item.item_id, house.clock.now()))
            house.advance(minutes=claim.item.matter.minutes)
            told = {"claim_token": claim.token, "reason_code": "not_late"}
            assert house.answer(claim.item.item_id, "dismiss", **told).status_code == 200
        for moves in (queues.before, queues.after):
            course = serve(moves, [Shift.parse("1 mon 20:00-23:00")], NOW, until)
            looked = sorted((item.looked_at, item) for item in course.items if item.looked_at is not None)
            assert [(item.opened.item_id, moment) for moment, item in looked] == taken
            subjects = [item.opened.subject_id for _, item in looked]
            assert subjects == ["SH-2", "SH-3", "SH-0", "SH-F", "SH-1"], "the last two are too late by then"

    def test_of_one_cause_count_once(self, houses: ExitStack, any_url: str) -> None:
        few = {"declare": {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120}}
        policy = told_of_outages(**few)
        house = houses.enter_context(House(any_url, policy))
        departed(house, names(6))
        house.advance(hours=SILENT_HOURS)
        for name in names(6):
            house.decided(name, risk=0.42)
        (cause,) = house.rows(CauseRow)
        rows = assert_both_sides_are_the_queue(house, policy, NOW)
        queues = queues_of(house, policy, NOW, NOW + MONTH)
        assert queues.before == queues.after
        assert len(queues.before) == len(rows) + 1 == 3, "two before it was declared, and one for the other four"
        opened = queues.before[-1]
        assert isinstance(opened, Opened)
        assert (opened.is_cause, opened.item_id, opened.answer_by) == (True, cause.cause_id, cause.answer_by)
        assert opened.minutes == 6 + 45, "looking, and what it takes to escalate"

        def without(data: dict[str, Any]) -> None:
            del data["playbooks"]["carrier_outage"]

        alone = queues_of(house, changed(without), NOW, NOW + MONTH)
        assert (len(alone.before), len(alone.after)) == (3, 6), "without the playbook each is asked about alone"
        figures = previewed(house, changed(without)).as_json()
        assert [figures[side]["causes"] for side in ("before", "after")] == [1, 0]  # type: ignore[index]


class TestBothSides:
    def test_are_the_same_under_the_same_bundle(self, houses: ExitStack, sqlite_url: str) -> None:
        policy = changed(keeping)
        house = houses.enter_context(House(sqlite_url, policy))
        a_day(house, seed=5)
        for reviewers in ("1", "2 mon-fri 08:00-17:00 Europe/Berlin"):
            both = previewed(house, policy, reviewers)
            assert both.before == both.after
            assert both.before.opened > 5

    def test_go_by_their_own_bundle(self, houses: ExitStack, sqlite_url: str) -> None:
        house = houses.enter_context(House(sqlite_url, changed()))
        house.for_review("SH-1", risk=0.3, customer_tier="critical")

        def dearer(data: dict[str, Any]) -> None:
            data["costs"]["lateness_share"]["critical"] *= 2
            data["branches"]["review"]["cost"]["analyst_minutes"] = 12

        queues = queues_of(house, changed(dearer), NOW, NOW + MONTH)
        (was,), (would,) = queues.before, queues.after
        assert isinstance(was, Opened)
        assert isinstance(would, Opened)
        assert (was.minutes, would.minutes) == (6, 12)
        assert would.stake_minor == 2 * was.stake_minor
        assert would.rate * 2 == pytest.approx(was.rate, abs=1)

    def test_show_what_a_candidate_puts_before_people(self, houses: ExitStack, sqlite_url: str) -> None:
        house = houses.enter_context(House(sqlite_url, changed()))
        for number in range(4):
            house.announce(f"SH-{number}")
            house.decided(f"SH-{number}", risk=0.5)
        both = previewed(house, changed(slow_to_tell), "1", first_look=15)
        assert both.before.opened == 0
        after = both.after
        assert (after.opened, after.peak, after.peak_at) == (4, 4, NOW)
        minutes = [each / timedelta(minutes=1) for each in (after.waited_median, after.waited_nine_in_ten)]
        assert minutes == [6, 18], "each takes six minutes, and the last waits for three"
        assert (after.looked_at_late, after.worked, after.left) == (1, timedelta(minutes=24), 0)


def test_a_record_of_an_early_release_that_holds_no_shipment_has_nothing_at_stake(sqlite_url: str) -> None:
    """The database has no bundle either: both sides go by the one that is tried."""
    policy = load_policy(GOLDEN / "decision_1_shipped.yaml")
    texts = (GOLDEN / "decision_1_shipped.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = [SEALED.validate_json(text) for text in texts]
    past = [PastDecision(number, f"S-{number}", NOW, body) for number, body in enumerate(bodies, start=1)]
    with engine_while(sqlite_url) as engine, session_factory(engine)() as session:
        queues = Queues(session, policy)
        for compared in compare(policy, past):
            queues.add(compared)
    assert queues.before == queues.after
    assert {move.stake_minor for move in queues.before if isinstance(move, Opened)} == {0}


class TestTheCommand:
    def test_says_how_the_queue_goes_on_both_sides(self, ledger: House, tmp_path: Path) -> None:
        options = ["--reviewers", "2 mon-fri 08:00-17:00", "--reviewers", "1 sat", "--first-look-minutes", "90"]
        told = json.loads(run(ledger, tmp_path, slow_to_tell, *options, "--json", **WINDOW).stdout)["queue"]
        both = previewed(ledger, changed(slow_to_tell), "2 mon-fri 08:00-17:00", "1 sat", first_look=90)
        assert told == both.as_json()
        assert told["reviewers"] == ["2 mon-fri 08:00-17:00", "1 sat"]
        before, after = told["before"], told["after"]
        assert after["opened"] > before["opened"] > 0

        lines = run(ledger, tmp_path, slow_to_tell, *options, "--show", "0", **WINDOW).stdout.splitlines()
        begin = lines.index("The queue, looked at by 2 mon-fri 08:00-17:00 and 1 sat around the clock:")
        said = dict(line.strip().split("  ", 1) for line in lines[begin + 1 :])
        assert said["opened"] == f"{before['opened']} → {after['opened']}"
        assert said["open at the peak"] == " → ".join(
            f"{side['open_at_peak']} at {side['peak_at']}" for side in (before, after)
        )
        assert said["waited for more than 90 min"].startswith(f"{before['looked_at_late']['count']} (")
        assert list(said) == [
            "opened",
            "open at the peak",
            "waited, half at most",
            "waited, nine in ten at most",
            "waited for more than 90 min",
            "answered too late or not at all",
            "gave way to a newer decision",
            "expired",
            "left at the end",
            "at work",
        ]

    def test_is_one_person_around_the_clock_if_nothing_is_said(self, ledger: House, tmp_path: Path) -> None:
        told = json.loads(run(ledger, tmp_path, slow_to_tell, "--json", **WINDOW).stdout)["queue"]
        assert (told["reviewers"], told["first_look_minutes"]) == (["1"], 60)
        assert told["before"]["staffed_minutes"] == 30 * 24 * 60

    def test_refuses_reviewers_that_it_cannot_read(self, ledger: House, tmp_path: Path) -> None:
        result = run(ledger, tmp_path, slow_to_tell, "--reviewers", "few", **WINDOW)
        assert result.exit_code == 2
        assert "'few' is no number of people" in " ".join(result.output.replace("│", " ").split())
