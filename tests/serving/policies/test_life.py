"""A bundle is in force when two people have agreed on its bytes, and not before; one is enough to take it back."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import update

from routing.loader import parse_policy
from routing.replay import replay
from serving.auth.people import People
from serving.db.tables import AuditRow, DecisionRow, OutgoingCallRow, PolicyBundleRow
from serving.policies import steps
from serving.policies.evidence import WINDOW
from serving.policies.queue import Staffing
from tests.serving.bundles import changed, messages, text_of
from tests.serving.health.test_metrics import figures
from tests.serving.house import House, at, delivery, problem_in
from tests.serving.policies.lives import (
    PEOPLE,
    approve,
    approved,
    back,
    bolder,
    live,
    moves,
    step,
    stepped,
    submit,
    submitted,
    version,
)
from tests.serving.policies.queued import queues_of

RISKY = 0.42
"""A risk at which the bundle that ships asks a person, and the bolder one tells the customer."""


@pytest.fixture
def people() -> People:
    return PEOPLE


def branch(house: House, shipment_id: str, risk: float = RISKY) -> str:
    house.announce(shipment_id)
    return str(house.decided(shipment_id, risk=risk)["branch"])


class TestTheWayToBeInForce:
    def test_leads_from_a_submission_over_a_second_person(self, any_house: House) -> None:
        assert branch(any_house, "SH-1") == "review"
        any_house.advance(minutes=1)
        bundle = submitted(any_house, version(2, bolder))
        assert (bundle["status"], bundle["share"], bundle["submitted_by"]) == ("submitted", 0, ["ann"])
        preview = bundle["evidence"]["preview"]
        assert (preview["decisions"], preview["flips"]) == (
            1,
            [{"before": "review", "after": "notify", "count": 1}],
        )
        assert branch(any_house, "SH-2") == "review"
        assert stepped(approve(any_house, bundle))["status"] == "approved"
        assert branch(any_house, "SH-3") == "review", "approved is not in force"
        published = stepped(step(any_house, bundle, "publish", by="ann"))

        assert (published["status"], published["share"], published["unapproved"]) == ("live", 1, False)
        assert branch(any_house, "SH-4") == "notify"
        assert moves(any_house) == ["bootstrapped", "submitted", "approved", "published"]
        listed = any_house.api.get("/v1/policies").json()["policies"]
        assert [(each["version"], each["status"]) for each in listed] == [(2, "live"), (1, "retired")]
        audited = [(row.actor, row.action) for row in any_house.rows(AuditRow) if row.action.startswith("policy.")]
        assert audited == [("ann", "policy.submitted"), ("pat", "policy.approved"), ("ann", "policy.published")]

    def test_back_is_one_call_of_one_person(self, any_house: House) -> None:
        bundle = live(any_house, version(2, bolder))
        assert branch(any_house, "SH-1") == "notify"
        returned = stepped(back(any_house))
        assert (returned["version"], returned["status"]) == (1, "live")
        assert branch(any_house, "SH-2") == "review"
        again = any_house.api.get(f"/v1/policies/{bundle['digest']}").json()
        assert again["status"] == "retired"
        assert "nobody has approved" in problem_in(step(any_house, bundle, "publish"), 409, "bundle-step")["detail"]
        assert "no bundle that may return" in problem_in(back(any_house), 409, "bundle-step")["detail"]

    def test_another_process_is_under_it_at_once(self, any_house: House) -> None:
        with any_house.another() as other:
            live(any_house, version(2, bolder))
            other.container.following.catch_up()
            assert branch(other, "SH-1") == "notify"
            stepped(back(other))
            assert branch(any_house, "SH-2") == "review"


class TestTheEvidence:
    def test_is_signed_together_with_the_bytes(self, house: House) -> None:
        bundle = submitted(house, version(2, bolder))
        assert bundle["evidence"]["bundle"]["content_hash"] == bundle["content_hash"]
        assert bundle["text"] == version(2, bolder)
        problem = problem_in(approve(house, bundle, signs="0" * 64), 409, "bundle-step")
        assert "what was signed is 000000000000…" in problem["detail"]

    def test_on_few_decisions_is_approved_by_who_says_why_they_are_enough(self, any_house: House) -> None:
        bundle = submitted(any_house, version(2, bolder))
        assert bundle["evidence"]["fewest_decisions"] == 100
        refused = problem_in(step(any_house, bundle, "approve", signs=bundle["signs"]), 409, "bundle-step")
        assert "it was tried on 0 past decisions, expected 100 at least" in refused["detail"]
        why = "the service begins today"
        stepped(step(any_house, bundle, "approve", signs=bundle["signs"], waives=why))
        assert any_house.api.get("/v1/policies/history").json()["moves"][0]["reason"] == why
        (entry,) = [row for row in any_house.rows(AuditRow) if row.action == "policy.approved"]
        assert json.loads(entry.new or "")["reason"] == why

    def test_on_enough_needs_no_more_words(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(steps, "FEWEST_DECISIONS", 2)
        house.announce("SH-1", "SH-2")
        for name in ("SH-1", "SH-2"):
            house.decided(name, risk=0.42)
        house.advance(hours=1)
        bundle = submitted(house, version(2, bolder))
        stepped(step(house, bundle, "approve", signs=bundle["signs"]))

    @pytest.mark.parametrize(
        "window",
        [
            {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
            {"since": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
            {"since": "2027-01-01T00:00:00Z"},
        ],
    )
    def test_is_not_gathered_of_a_past_in_which_nothing_can_lie(self, house: House, window: Any) -> None:
        problem = problem_in(submit(house, version(2, bolder), **window), 422, "window")
        assert "cannot be tried on the past from" in problem["detail"]
        assert moves(house) == ["bootstrapped"]

    def test_tells_how_the_queue_would_go_with_the_people_named(self, house: House) -> None:
        for number, name in enumerate(("SH-1", "SH-2", "SH-3")):
            house.announce(name)
            house.decided(name, risk=(0.3, 0.42, 0.42)[number])
            house.advance(minutes=20)
        first = submitted(house, version(2, bolder))["evidence"]
        assert (first["queue"]["reviewers"], first["queue"]["first_look_minutes"]) == (["1"], 60)
        people: dict[str, Any] = {"reviewers": ["2 mon-fri 08:00-17:00 Europe/Berlin", "1"], "first_look_minutes": 15}
        queue = submit(house, version(3, bolder), **people).json()["evidence"]["queue"]
        assert {name: queue[name] for name in people} == people
        assert queue["before"]["opened"] > queue["after"]["opened"], "it tells customers where people looked"
        policy, now = parse_policy(version(3, bolder)), house.clock.now()
        alone = queues_of(house, policy, now - WINDOW, now)
        assert queue == alone.preview(Staffing.parse(people["reviewers"], 15), now - WINDOW, now).as_json()

    @pytest.mark.parametrize("reviewers", ["few", "3 mon-fri 8-17", "1 Europe/Nowhere"])
    def test_is_not_gathered_for_people_who_cannot_be_read(self, house: House, reviewers: str) -> None:
        problem = problem_in(submit(house, version(2, bolder), reviewers=["1", reviewers]), 422, "reviewers")
        assert reviewers in problem["detail"]
        assert moves(house) == ["bootstrapped"]

    def test_an_edit_is_another_bundle_and_needs_its_own_approval(self, house: House) -> None:
        first = approved(house, version(2, bolder))
        edited = submitted(house, version(2))
        assert edited["digest"] != first["digest"]
        problem_in(step(house, edited, "publish"), 409, "bundle-step")
        problem_in(approve(house, edited, signs=first["signs"]), 409, "bundle-step")

    def test_bytes_that_were_changed_in_the_database_are_never_in_force(self, house: House) -> None:
        bundle = approved(house, version(2, bolder))
        with house.another() as other, other.container.sessions.begin() as session:
            session.execute(update(PolicyBundleRow).values(text=PolicyBundleRow.text + "\n# a comment"))
        with house.another() as other:
            problem_in(step(other, bundle, "publish"), 409, "bundle-damaged")
        assert moves(house)[-1] == "approved"

    def test_a_second_submission_voids_the_approval_of_the_first(self, house: House) -> None:
        bundle = approved(house, version(2, bolder))
        again = submitted(house, version(2, bolder), by="pat")
        problem_in(step(house, bundle, "publish"), 409, "bundle-step")
        for author in ("ann", "pat"):
            assert f"{author} proposed it" in problem_in(approve(house, again, by=author), 409, "bundle-step")["detail"]

    def test_is_gathered_anew_once_another_bundle_is_live(self, house: House) -> None:
        waiting, signed = submitted(house, version(2, bolder)), approved(house, version(3, bolder))
        live(house, version(4))
        for refused in (approve(house, waiting), step(house, signed, "publish")):
            assert "is live now" in problem_in(refused, 409, "bundle-step")["detail"]
        again = submitted(house, version(2, bolder))
        assert again["evidence"]["in_force"] != waiting["evidence"]["in_force"]
        problem_in(approve(house, again, signs=waiting["signs"]), 409, "bundle-step")
        stepped(approve(house, again))
        assert stepped(step(house, again, "publish"))["status"] == "live"

    def test_tells_what_came_of_each_scenario(self, house: House) -> None:
        suite = submitted(house, version(2))["evidence"]["suite"]
        assert {ran["id"]: ran["branch"] for ran in suite["scenarios"]}["standard_customer_is_told"] == "notify"
        assert [ran["mistake"] for ran in suite["scenarios"]] == [None] * 6

    def test_a_bundle_that_breaks_a_scenario_is_not_taken(self, house: House) -> None:
        broken = version(2).replace("branch: notify\n    decided_by", "branch: rebook\n    decided_by")
        problem = problem_in(submit(house, broken), 422, "bundle")
        assert "comes to notify by `likely_late`, expected rebook" in str(problem)

    def test_tells_what_would_have_been_missed_of_what_came_late(self, house: House) -> None:
        house.announce("SH-1", "SH-2", "SH-3")
        for name, risk in (("SH-1", 0.5), ("SH-2", 0.1), ("SH-3", 0.1)):
            house.decided(name, risk=risk)
        house.advance(hours=60)
        for name, hours in (("SH-1", 50), ("SH-2", 55), ("SH-3", 40)):
            house.send(delivery(f"d-{name}", "delivered", name, occurred_at=at(hours=hours)))
        bound = submitted(house, version(2))["evidence"]["bound"]
        assert (bound["delivered"], bound["late"], bound["missed"]) == (3, 2, 1)
        assert bound["missed_share_at_most"] == pytest.approx(0.9747, abs=1e-4)


class TestWhoMay:
    @pytest.mark.parametrize(
        ("verb", "body"),
        [("approve", {"signs": "0" * 64}), ("publish", {}), ("break-glass", {}), ("shadow", {}), ("reject", {})],
    )
    def test_what_changes_what_is_in_force_is_for_its_owner(self, house: House, verb: str, body: Any) -> None:
        bundle = submitted(house, version(2), by="dana")
        problem_in(step(house, bundle, verb, by="ben", **body), 403, "role-missing")

    def test_an_author_does_not_approve(self, house: House) -> None:
        bundle = submitted(house, version(2))
        assert "ann proposed it" in problem_in(approve(house, bundle, by="ann"), 409, "bundle-step")["detail"]

    def test_one_takes_back_ones_own(self, house: House) -> None:
        bundle = submitted(house, version(2), by="dana")
        assert stepped(step(house, bundle, "reject", by="dana"))["status"] == "rejected"
        problem_in(approve(house, bundle), 409, "bundle-step")

    def test_who_has_no_token_does_nothing(self, house: House) -> None:
        problem_in(submit(house, version(2), by="mallory"), 401, "person-unknown")

    def test_only_who_acts_for_a_branch_rolls_back(self, house: House) -> None:
        live(house, version(2))
        problem_in(back(house, by="eve"), 403, "role-missing")


class TestWhatIsRefused:
    def test_a_bundle_with_mistakes_with_all_of_them_and_their_lines(self, house: House) -> None:
        text = version(2).replace("at_least: $notify_from", "at_least: $notify_form").replace("0.45", "a lot")
        problem = problem_in(submit(house, text), 422, "bundle")
        assert len(problem["errors"]) >= 2
        assert all(each["detail"].startswith("line ") for each in problem["errors"])
        assert moves(house) == ["bootstrapped"]

    def test_a_bundle_whose_review_is_overdue(self, house: House) -> None:
        def old(data: dict[str, Any]) -> None:
            data["review_by"] = "2026-03-01"

        text = version(2, old).replace("'2026-03-01'", "2026-03-01")
        assert "the review was due" in problem_in(submit(house, text), 422, "bundle")["errors"][0]["detail"]

    def test_conditions_that_are_nested_too_deeply(self, house: House) -> None:
        def deep(data: dict[str, Any]) -> None:
            for _ in range(300):
                data["rules"][0]["when"] = {"not": data["rules"][0]["when"]}

        assert "inside 16 others" in problem_in(submit(house, version(2, deep)), 422, "bundle")["errors"][0]["detail"]

    def test_what_waits_or_is_live_is_not_submitted_again(self, house: House) -> None:
        submitted(house, version(2))
        assert "submitted already" in problem_in(submit(house, version(2)), 409, "bundle-step")["detail"]
        assert "live already" in problem_in(submit(house, house.policy.text), 409, "bundle-step")["detail"]

    def test_the_same_document_in_other_words_is_not_told_apart(self, house: House) -> None:
        submitted(house, version(2))
        problem = problem_in(submit(house, "# another comment\n" + version(2)), 409, "bundle-step")
        assert "other comments" in problem["detail"]

    def test_an_unknown_bundle(self, house: House) -> None:
        problem_in(step(house, {"digest": "0" * 64}, "publish"), 404, "unknown-bundle")


class TestAShare:
    def test_only_grows_and_what_is_under_way_is_brought_to_its_end(self, house: House) -> None:
        bundle, other = approved(house, version(2, bolder)), approved(house, version(3, bolder))
        assert stepped(step(house, bundle, "publish", share=0.25))["share"] == 0.25
        less = problem_in(step(house, bundle, "publish", share=0.1), 409, "bundle-step")
        assert "it has 25.00% of its subjects, and a share only grows" in less["detail"]
        assert "being rolled out" in problem_in(step(house, other, "publish"), 409, "bundle-step")["detail"]
        assert stepped(step(house, bundle, "publish"))["share"] == 1

    def test_is_taken_back_as_a_whole(self, house: House) -> None:
        bundle = live(house, version(2, bolder), share=0.5)
        names = [f"SH-{number}" for number in range(20)]
        house.announce(*names)
        assert {house.decided(name, risk=RISKY)["branch"] for name in names} == {"review", "notify"}
        assert stepped(back(house))["version"] == 1
        assert house.api.get(f"/v1/policies/{bundle['digest']}").json()["status"] == "retired"
        house.announce(*(f"{name}-b" for name in names))
        assert {house.decided(f"{name}-b", risk=RISKY)["branch"] for name in names} == {"review"}

    def test_both_bundles_count_what_either_lets_out(self, any_house: House) -> None:
        live(any_house, version(2, messages(3)), share=0.5)
        names = [f"SH-{number}" for number in range(24)]
        any_house.announce(*names)
        decided = {name: any_house.decided(name, risk=0.5)["branch"] for name in names}
        bodies = [replayed(any_house, row) for row in any_house.rows(DecisionRow)]
        first_full = next(index for index, body in enumerate(bodies) if body["branch"] == "review")
        let_out = [body for body in bodies[:first_full] if body["branch"] == "notify"]
        assert {body["policy"]["version"] for body in bodies} == {1, 2}
        assert len(let_out) >= 3, "the first to be held back finds three messages gone, whichever bundle let them out"
        assert all(decided[body["subject"]["id"]] == "notify" for body in bodies if body["policy"]["version"] == 1)


def replayed(house: House, row: DecisionRow) -> Any:
    """Return the body of a decision, after seeing that its own bundle decides it again to the same bytes."""
    body = json.loads(row.body)
    with house.container.reads() as session:
        policy = house.container.bundles.of_decision(session, body)
    assert policy.digest == body["policy"]["digest"]
    assert replay(row.body, policy).body == row.body
    return body


class TestBreakingTheGlass:
    def test_is_recorded_and_alarmed_until_a_second_person_approves(self, any_house: House) -> None:
        assert figures(any_house)["triage_policy_unapproved"] == 0
        bundle = submitted(any_house, version(2, bolder))
        broken = stepped(step(any_house, bundle, "break-glass", by="ann"))
        assert (broken["status"], broken["unapproved"]) == ("live", True)
        assert branch(any_house, "SH-1") == "notify"
        assert figures(any_house)["triage_policy_unapproved"] == 1
        assert figures(any_house)["triage_policy_steps broke_glass"] == 1
        checks = {each["name"]: each["reason"] for each in any_house.api.get("/readyz").json()["checks"]}
        assert "nobody but whoever put it in force has approved" in checks["policy"]

        problem_in(approve(any_house, bundle, by="ann"), 409, "bundle-step")
        assert not stepped(approve(any_house, bundle))["unapproved"]
        assert figures(any_house)["triage_policy_unapproved"] == 0
        assert moves(any_house) == ["bootstrapped", "submitted", "broke_glass", "approved"]

    def test_a_rollback_never_returns_to_it(self, house: House) -> None:
        stepped(step(house, submitted(house, version(2, bolder)), "break-glass"))
        live(house, version(3))
        assert stepped(back(house))["version"] == 1


class TestOnce:
    def test_the_same_key_gets_the_same_answer(self, house: House) -> None:
        body = {"text": version(2), "reason": "try it"}
        first, again = (house.said("/v1/policies", body, by="ann", key="k") for _ in range(2))
        assert (first.status_code, first.content) == (201, again.content)
        assert moves(house) == ["bootstrapped", "submitted"]

    def test_two_who_publish_at_once_are_one(self, any_house: House) -> None:
        bundles = [approved(any_house, version(number, bolder)) for number in (2, 3)]
        start = Barrier(2)
        with any_house.another() as one, any_house.another() as other, ThreadPoolExecutor(2) as pool:

            def publish(each: tuple[House, Any]) -> int:
                each[0].api.get("/v1/policies")
                start.wait(10)
                return step(each[0], each[1], "publish", share=0.5).status_code

            assert sorted(pool.map(publish, zip((one, other), bundles, strict=True))) == [200, 409]
        assert moves(any_house).count("published") == 1


class TestAfterwards:
    def test_an_answer_is_built_under_the_bundle_of_its_decision(self, any_house: House) -> None:
        item = any_house.for_review("SH-1", risk=0.3)

        def faster(data: dict[str, Any]) -> None:
            data["branches"]["escalate"]["plan"]["sla_minutes"] = 5

        live(any_house, version(2, faster))
        token = any_house.claimed(item, "dana")
        given = {"branch": "escalate", "reason_code": "better_option", "claim_token": token}
        answer = any_house.answer(item, "override", actor="dana", **given)
        assert answer.status_code == 200, answer.text
        (call,) = any_house.rows(OutgoingCallRow)
        assert json.loads(call.body)["data"]["sla_minutes"] == 30
        (entry,) = [row for row in any_house.rows(AuditRow) if row.action == "review.override"]
        sealed = replayed(any_house, any_house.rows(DecisionRow)[0])
        assert json.loads(entry.new or "")["policy_digest"] == sealed["policy"]["digest"] != any_house.policy.digest


def test_the_text_of_a_bundle_is_what_was_written() -> None:
    assert changed().text == text_of()
