"""A preview comes to what the service itself decides under a bundle, and to nothing else if it is the same one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from routing.policy import Policy
from routing.preview.comparing import Compared
from routing.preview.summary import Summary
from serving.db.tables import AuditRow, DecisionRow, OutgoingCallRow, ReviewItemRow
from serving.policies.preview import in_words, preview
from tests.routing.conftest import choosing_by_cost
from tests.serving.bundles import Edit, changed, confirmed, messages, resting, text_of
from tests.serving.house import NOW, House, delivery, staff
from tests.serving.policies.days import a_day, keeping, run

ROOT = Path(__file__).parents[3]
PEOPLE = staff(dana=["transport-operations", "customer-service"], eve=["customer-service"])


def keeping_apart(data: dict[str, Any]) -> None:
    """The same, with messages for each tier of this very bundle, and slots for each customer."""
    keeping(data)
    data["capacity"]["messages"].update(amount=2, per=["bundle", "customer_tier"])
    data["capacity"]["slots"].update(amount=1, per=["customer_id"])


def bolder(data: dict[str, Any]) -> None:
    """The same with other thresholds, budgets and rests."""
    keeping(data)
    data["version"] = 2
    data["thresholds"]["notify_from"].update(value=0.41, release=0.3)
    data["thresholds"]["rebook_from"]["value"] = 0.7
    data["capacity"]["messages"].update(amount=3, per_hours=2)
    data["capacity"]["slots"]["amount"] = 1
    data["costs"]["lateness_share"]["critical"] = 0.1
    resting(2)(data)


def previewed(house: House, policy: Policy, *, since: float = 0, until: float = 100) -> list[Compared]:
    """Preview a bundle on what was decided so many hours from NOW."""
    with house.container.reads() as session:
        return list(preview(session, policy, NOW + timedelta(hours=since), NOW + timedelta(hours=until)))


class TestTheSameBundle:
    @pytest.mark.parametrize(("edit", "seed"), [(keeping, 10), (keeping_apart, 16)])
    def test_comes_to_the_same_everywhere(self, houses: ExitStack, any_url: str, edit: Edit, seed: int) -> None:
        policy = changed(edit)
        house = houses.enter_context(House(any_url, policy, people=PEOPLE))
        a_day(house, seed=seed, decisions=45, with_people=True)
        rows = house.rows(DecisionRow)
        assert house.count(OutgoingCallRow) > sum(row.branch not in ("none", "review") for row in rows)
        bodies = {row.decision_id: json.loads(row.body) for row in rows}
        reasons = " ".join(str(body["suppressed_because"]) for body in bodies.values())
        assert "rests for" in reasons
        assert any(body["passed_over"] for body in bodies.values())
        assert any(body["propensity"] < 0.5 for body in bodies.values())

        everything, later = previewed(house, policy), previewed(house, policy, since=2)

        assert (len(everything), 10 < len(later) < 35) == (45, True)
        for each in (*everything, *later):
            body = bodies[each.decision_id]
            assert each.why is None
            assert each.choice.reason_staff == body["explanation"]["staff"]
            assert [list(result) for result in each.choice.rule_results] == [
                [one["rule_id"], one["branch"], one["outcome"], one["why"]] for one in body["rules"]
            ]


class TestAnotherBundle:
    def test_comes_to_what_the_service_decides_under_it(
        self, houses: ExitStack, any_url: str, migrated_sqlite: Path, tmp_path: Path
    ) -> None:
        other_url = f"sqlite:///{tmp_path / 'other.db'}"
        (tmp_path / "other.db").write_bytes(migrated_sqlite.read_bytes())
        house = houses.enter_context(House(any_url, changed(keeping), people=PEOPLE))
        other = houses.enter_context(House(other_url, changed(bolder), people=PEOPLE))
        for each in (house, other):
            a_day(each, seed=2, decisions=45)

        compared = previewed(house, changed(bolder))

        really = [json.loads(row.body) for row in other.rows(DecisionRow)]
        assert [
            (each.choice.branch, each.choice.recommended_branch, each.choice.held_because) for each in compared
        ] == [(body["branch"], body["recommended_branch"], body["held_because"]) for body in really]
        assert [each.choice.suppressed_because for each in compared] == [body["suppressed_because"] for body in really]
        assert len({each.why for each in compared}) >= 4

    def test_with_budgets_where_there_were_none_counts_what_went_out_before(
        self, houses: ExitStack, any_url: str
    ) -> None:
        house = houses.enter_context(House(any_url, changed()))
        house.announce("SH-1", "SH-2", "SH-3", "SH-4")
        house.decided("SH-1", risk=0.5)
        house.advance(hours=1)
        house.decided("SH-2")
        house.advance(hours=23)
        house.decided("SH-3")
        house.decided("SH-4")

        after = [each.after.branch.value for each in previewed(house, changed(messages(2)), since=0.5)]
        assert after == ["notify", "notify", "review"]
        resting_too = [each.after.branch.value for each in previewed(house, changed(resting(2)), since=0.5)]
        assert resting_too == ["none", "notify", "none"]

    def test_tells_what_one_more_of_a_budget_would_have_saved_in_each_window(
        self, houses: ExitStack, any_url: str
    ) -> None:
        house = houses.enter_context(House(any_url, changed(choosing_by_cost)))
        for number in range(4):
            house.announce(f"SH-{number}", value_minor=(1 + number) * 500_000)
            house.decided(f"SH-{number}", risk=0.5)
            house.advance(hours=2)

        policy = changed(choosing_by_cost, messages(1, per_hours=3))
        summary = Summary(policy)
        compared = previewed(house, policy)
        for each in compared:
            summary.add(each)
        assert [each.after.branch.value for each in compared] == ["notify", "review", "notify", "review"]
        found = summary.as_json()["budgets"]
        assert isinstance(found, dict)
        costs = [policy.costs.compare(policy.offers, each.choice.trace.read.known) for each in compared]
        saved = [
            next(a.expected_cost_minor or 0 for a in each if a.branch == "review")
            - next(a.expected_cost_minor or 0 for a in each if a.branch == "notify")
            for each in costs
        ]
        lesser = [min(saved[:2]), min(saved[2:])]  # the dearer of two would have had the one there is
        assert found["messages"] == {
            "amount": 1,
            "unit": "messages",
            "per_hours": 3.0,
            "cases": 2,
            "used": 2.0,
            "most_used": 1.0,
            "passed_over": 2,
            "windows": 2,
            "scarce_windows": 2,
            "went_without": 2,
            "shadow_price_minor": {
                "mean": pytest.approx(sum(lesser) / 2, abs=1),
                "most": pytest.approx(max(lesser), abs=1),
            },
        }
        said = next(line for line in in_words(summary) if line.startswith("One more of messages"))
        assert said.endswith("(2 windows of 3 h; 2 cases went without).")
        told = (
            "Of messages at most 1 of 1 messages are used within 3 h, 2 in all; 2 come to something else for want of it"
        )
        assert f"{told}." in in_words(summary)

    def test_that_looks_back_is_told_what_went_before(self, houses: ExitStack, any_url: str) -> None:
        house = houses.enter_context(House(any_url, changed()))
        house.announce("SH-1", "SH-2")
        house.decided("SH-1", risk=0.46)
        house.advance(hours=2)
        house.decided("SH-2", risk=0.5)
        house.send(delivery("d-1", "in_transit"))
        house.decided("SH-1", risk=0.5)

        twice = previewed(house, changed(confirmed(2, within_hours=6)), since=1)
        assert [str(each.after) for each in twice] == ["review", "none"]
        assert [each.why for each in twice] == ["rule likely_late: hit → snoozed", None]
        assert [each.choice.recommended_branch.value for each in twice] == ["review", "notify"]

    def test_what_people_let_out_counts_where_they_would_have_been_asked(self, houses: ExitStack, any_url: str) -> None:
        def careful(data: dict[str, Any]) -> None:
            data["mode"] = "recommend"

        house = houses.enter_context(House(any_url, changed(careful)))
        house.announce("SH-1", "SH-2")
        item = house.decided("SH-1", risk=0.5)["review_item_id"]
        house.answer(item, "accept", actor="eve", claim_token=house.claimed(item, "eve"))
        house.advance(hours=1)
        house.decided("SH-2")

        def quiet(data: dict[str, Any]) -> None:
            careful(data)
            resting(4)(data)

        def deaf(data: dict[str, Any]) -> None:
            quiet(data)
            data["thresholds"]["notify_from"]["value"] = 0.55
            data["thresholds"]["review_from"]["value"] = 0.52

        assert [str(each.after) for each in previewed(house, changed(quiet))] == ["review (notify)", "none"]
        assert [str(each.after) for each in previewed(house, changed(deaf))] == ["none", "none"]
        assert [each.choice.suppressed_because for each in previewed(house, changed(deaf))] == [None, None]


def sooner(data: dict[str, Any]) -> None:
    data["thresholds"]["notify_from"]["value"] = 0.41


class TestTheCommand:
    def test_says_what_comes_to_something_else_why_and_at_what_cost(self, ledger: House, tmp_path: Path) -> None:
        result = run(ledger, tmp_path, sooner, "--show", "2")
        assert result.exit_code == 0, result.output
        lines = result.stdout.splitlines()
        compared = previewed(ledger, changed(sooner))
        flips = [each for each in compared if each.why is not None]
        assert lines[0] == f"60 decisions, {len(flips)} come to something else."
        assert any(line.endswith("review → notify") for line in lines)
        assert any(line.endswith("rule likely_late: no_hit → hit") for line in lines)
        told = [sum(each.after.branch == "notify" for each in compared), len(ledger.rows(OutgoingCallRow))]
        assert told[0] > sum(row.branch == "notify" for row in ledger.rows(DecisionRow))
        assert f"→ {told[0]}. Analyst minutes:" in result.output
        assert lines[-1].startswith(flips[1].subject_id)

    def test_all_counts_are_one_object_with_json(self, ledger: House, tmp_path: Path) -> None:
        told = json.loads(run(ledger, tmp_path, sooner, "--json").stdout)
        summary = Summary(changed(sooner))
        for each in previewed(ledger, changed(sooner)):
            summary.add(each)
        assert told.pop("queue")["before"]["opened"] > 0
        assert told == json.loads(json.dumps(summary.as_json()))
        assert told["expected_cost_of_flips_minor"]["after"] < told["expected_cost_of_flips_minor"]["before"]

    def test_every_flip_is_written_out_on_demand(self, ledger: House, tmp_path: Path) -> None:
        out = tmp_path / "flips.jsonl"
        run(ledger, tmp_path, sooner, "--out", str(out))
        written = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        flips = [each for each in previewed(ledger, changed(sooner)) if each.why is not None]
        assert [each["decision_id"] for each in written] == [each.decision_id for each in flips]

    def test_a_fact_that_the_record_does_not_hold_is_named(self, ledger: House, tmp_path: Path) -> None:
        def asks_more(data: dict[str, Any]) -> None:
            data["facts"]["has_papers"] = {"type": "flag", "meaning": "all papers are there"}
            data["guardrails"][1]["when"] = {"fact": "has_papers", "is": False}

        result = run(ledger, tmp_path, asks_more)
        assert "Not in the record, and so unknown: has_papers 60 times." in result.output

    def test_changes_nothing(self, ledger: House, tmp_path: Path) -> None:
        tables = (DecisionRow, OutgoingCallRow, ReviewItemRow, AuditRow)
        before = [ledger.count(table) for table in tables]
        run(ledger, tmp_path, sooner)
        assert [ledger.count(table) for table in tables] == before

    def test_a_day_that_is_none_is_said(self, ledger: House, tmp_path: Path) -> None:
        result = run(ledger, tmp_path, sooner, "--from", "yesterday")
        assert result.exit_code == 2
        assert "--from is 'yesterday'" in result.output

    @pytest.mark.parametrize("until", ["2026-03-01", "2026-02-01"])
    def test_a_window_that_ends_before_it_begins_is_said(self, ledger: House, tmp_path: Path, until: str) -> None:
        result = run(ledger, tmp_path, sooner, "--from", "2026-03-01", "--to", until)
        assert result.exit_code == 2
        assert "nothing lies between them" in " ".join(result.output.replace("│", " ").split())

    def test_an_empty_window_has_no_decisions(self, ledger: House, tmp_path: Path) -> None:
        result = run(ledger, tmp_path, sooner, "--from", "2026-02-01", "--to", "2026-02-02")
        assert result.stdout.startswith("0 decisions, 0 come to something else.")


WATCH = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(event) if event.startswith("socket.") else None)
from serving.cli import main
sys.argv = ["triage", *sys.argv[1:]]
main_ended = None
try:
    main()
except SystemExit as ended:
    main_ended = ended.code
print(sorted(set(opened) & {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind"}), main_ended)
"""


def test_it_opens_no_connection(ledger: House, tmp_path: Path) -> None:
    bundle = tmp_path / "new.yaml"
    bundle.write_text(text_of(sooner), encoding="utf-8")
    window = ["--from", "2026-03-02", "--to", "2026-03-04", "--database", ledger.database_url]
    asked = [sys.executable, "-c", WATCH, "policy", "preview", "--bundle", str(bundle), *window]
    said = subprocess.run(
        asked, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("60 decisions,")
    assert said.stdout.splitlines()[-1] == "[] 0"
