"""A limit is raised on evidence and by a second person, or not at all; it is lowered at once."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import httpx
import pytest

from features.vocabulary import Branch
from routing.directives import Directive, DirectiveKind
from routing.policy import Mode, Policy
from serving.auth.people import NOBODY, People
from serving.db.tables import AuditRow, DirectiveRow
from serving.step_ups.evidence import newly_acting
from tests.serving.answers import answered
from tests.serving.bundles import changed
from tests.serving.house import NOW, House, Json, at, problem_in, staff

PEOPLE = staff(
    dana=["customer-service"], ben=["duty-manager"], cora=["customer-service"], pat=["process-owner"],
    **{"analyst-0": ["customer-service"], "analyst-1": ["customer-service"]},
)  # fmt: skip
RECOMMEND: Json = {
    "kind": "limit",
    "mode": "recommend",
    "branch": "notify",
    "owner": "customer-service",
    "reason": "a new template",
}
STOP: Json = {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"}
ENOUGH = 59


@pytest.fixture
def people() -> People:
    return PEOPLE


def propose(house: House, limit: Json, *, mode: str | None = None, by: str = "dana", key: str | None = None) -> Any:
    path = f"/v1/directives/{limit['directive_id']}/step-ups"
    return house.said(path, {"mode": mode, "reason": "people agree with it"}, by=by, key=key)


def approve(house: House, step_up: Json, *, by: str = "cora", **changes: Any) -> httpx.Response:
    body = {"digest": step_up["digest"], **changes}
    return house.said(f"/v1/step-ups/{step_up['step_up_id']}/approve", body, by=by)


class TestTheWayUp:
    def test_is_proposed_on_evidence_and_approved_by_a_second_person(self, any_house: House) -> None:
        limit = any_house.ordered(**RECOMMEND)
        answered(any_house, ENOUGH)

        step_up = propose(any_house, limit).json()
        assert step_up["evidence"] == [
            {
                "subject": "shipment",
                "branch": "notify",
                "against_at_most": 0.05,
                "answers": 59,
                "against": 0,
                "people": 2,
                "needed": 59,
            }
        ]
        any_house.announce("SH-a", "SH-b")
        assert any_house.decided("SH-a", risk=0.5)["branch"] == "review", "a proposal alone changes nothing"
        approved = approve(any_house, step_up).json()

        assert (approved["status"], approved["decided_by"]) == ("approved", "cora")
        assert any_house.decided("SH-b", risk=0.5)["branch"] == "notify"
        (row,) = any_house.rows(DirectiveRow)
        assert row.ended_because == f"raised by {step_up['step_up_id']}, which dana proposed"
        proposed, signed, ended = [each for each in any_house.rows(AuditRow) if each.action in _MOVES]
        assert (proposed.actor, signed.actor, ended.actor) == ("dana", "cora", "cora")
        assert json.loads(signed.new or "")["signed"] == step_up["digest"]

    def test_without_evidence_is_refused_with_what_is_missing(self, any_house: House) -> None:
        limit = any_house.ordered(**RECOMMEND)
        answered(any_house, 2)
        detail = problem_in(propose(any_house, limit), 409, "step-up")["detail"]
        assert "notify has 2 answers, 0 of them against, and needs 59 to show that at most 5% are" in detail
        assert any_house.api.get("/v1/step-ups?settled=true").json()["step_ups"] == []

    def test_out_of_a_stop_leads_to_people_first_and_takes_two(self, any_house: House) -> None:
        stop = any_house.ordered(by="ben", **STOP)
        any_house.announce("SH-1", "SH-2")
        assert "needs 59" in problem_in(propose(any_house, stop, by="pat"), 409, "step-up")["detail"]
        step_up = propose(any_house, stop, mode="recommend", by="ben").json()
        assert step_up["evidence"] == []
        problem_in(approve(any_house, step_up, by="ben"), 409, "step-up")
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "none"
        assert approve(any_house, step_up, by="pat").status_code == 200
        assert any_house.decided("SH-2", risk=0.5)["branch"] == "review"
        listed = any_house.api.get("/v1/directives").json()["directives"]
        assert [(each["mode"], each["owner"], each["issued_by"]) for each in listed] == [
            ("recommend", "duty-manager", "pat")
        ]

    def test_down_is_at_once_and_takes_one(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "notify"
        any_house.ordered(**RECOMMEND)
        assert any_house.decided("SH-2")["branch"] == "review"


_MOVES = ("step_up.proposed", "step_up.approved", "directive.ended")


@pytest.fixture
def proposed(house: House) -> Json:
    """A proposal to lift a limit that has its evidence."""
    limit = house.ordered(**RECOMMEND)
    answered(house, ENOUGH)
    body: Json = propose(house, limit).json()
    return body


class TestApproving:
    def test_is_for_a_second_person_with_the_role_who_has_read_it(self, house: House, proposed: Json) -> None:
        assert "dana proposed it" in problem_in(approve(house, proposed, by="dana"), 409, "step-up")["detail"]
        assert "customer-service" in problem_in(approve(house, proposed, by="ben"), 403, "role-missing")["detail"]
        assert "what was signed" in problem_in(approve(house, proposed, digest="0" * 64), 409, "step-up")["detail"]
        assert approve(house, proposed, by="pat").status_code == 200
        assert "pat has approved it" in problem_in(approve(house, proposed), 409, "step-up")["detail"]

    def test_fails_if_people_disagree_meanwhile(self, house: House, proposed: Json) -> None:
        answered(house, 1, first=100, verb="dismiss", reason_code="not_late")
        detail = problem_in(approve(house, proposed), 409, "step-up")["detail"]
        assert "notify has 60 answers, 1 of them against, and needs 93" in detail
        assert house.decided("SH-100")["already_decided"]

    def test_fails_under_another_bundle(self, house: House, proposed: Json) -> None:
        bundle = changed(lambda data: data.update(version=2))
        with House(house.database_url, bundle, clock=house.clock, people=PEOPLE) as other:
            detail = problem_in(approve(other, proposed), 409, "step-up")["detail"]
        assert "a bundle is not the one it was proposed under" in detail

    def test_by_two_at_once_is_done_once(self, house: House, proposed: Json) -> None:
        start = Barrier(2)
        with house.another() as one, house.another() as other, ThreadPoolExecutor(2) as pool:

            def sign(each: tuple[House, str]) -> int:
                each[0].api.get("/v1/step-ups")
                start.wait(10)
                return approve(each[0], proposed, by=each[1]).status_code

            assert sorted(pool.map(sign, [(one, "cora"), (other, "pat")])) == [200, 409]
        assert house.audited()["step_up.approved"] == house.audited()["directive.ended"] == 1

    def test_the_same_key_gets_the_same_answer(self, house: House, proposed: Json) -> None:
        path, body = f"/v1/step-ups/{proposed['step_up_id']}/approve", {"digest": proposed["digest"]}
        first, again = (house.said(path, body, by="cora", key="k") for _ in range(2))
        assert (first.status_code, first.content) == (200, again.content)


class TestProposing:
    def test_twice_is_refused_until_the_first_is_settled(self, house: House) -> None:
        stop = house.ordered(by="ben", **STOP)
        first = propose(house, stop, mode="recommend", by="ben", key="k")
        assert propose(house, stop, mode="recommend", by="ben", key="k").content == first.content
        problem = problem_in(propose(house, stop, mode="recommend", by="pat"), 409, "step-up")
        assert "ben has proposed one already" in problem["detail"]
        step_up_id = first.json()["step_up_id"]
        rejected = house.said(f"/v1/step-ups/{step_up_id}/reject", {"reason": "not yet"}, by="pat").json()
        assert (rejected["status"], rejected["note"]) == ("rejected", "not yet")
        assert propose(house, stop, mode="recommend", by="pat").status_code == 201
        assert len(house.api.get("/v1/step-ups").json()["step_ups"]) == 1
        page = house.api.get("/v1/step-ups?settled=true&limit=1").json()
        older = house.api.get(f"/v1/step-ups?settled=true&limit=1&before={page['next']}").json()
        assert older["step_ups"][0] == house.api.get(f"/v1/step-ups/{step_up_id}").json()

    @pytest.mark.parametrize(
        ("mode", "by", "status", "slug", "said"),
        [
            ("observe", "ben", 409, "step-up", "observe is not above observe. To step down, issue a limit"),
            ("recommend", "dana", 403, "role-missing", "to raise a limit of duty-manager"),
        ],
    )
    def test_what_is_no_step_up_or_not_theirs_is_refused(
        self, house: House, mode: str, by: str, status: int, slug: str, said: str
    ) -> None:
        stop = house.ordered(by="ben", **STOP)
        assert said in problem_in(propose(house, stop, mode=mode, by=by), status, slug)["detail"]

    def test_what_is_no_limit_is_ended_instead(self, house: House) -> None:
        forbid = {"kind": "forbid", "branch": "notify", "owner": "customer-service", "reason": "mail is down"}
        ordered = house.ordered(**forbid, until=at(hours=1))
        assert "it is no limit, but of kind forbid" in problem_in(propose(house, ordered), 409, "step-up")["detail"]

    def test_what_is_over_or_not_there_is_said(self, house: House) -> None:
        limit = house.ordered(**RECOMMEND, until=at(hours=1))
        house.advance(hours=1)
        problem_in(propose(house, limit), 409, "directive-ended")
        problem_in(house.api.get("/v1/step-ups/stp_0"), 404, "unknown-step-up")


class TestWhoseAnswersCount:
    def test_not_those_of_who_is_not_listed(self, any_house: House) -> None:
        limit = any_house.ordered(**RECOMMEND)
        listed, any_house.container = any_house.container, replace(any_house.container, people=NOBODY)
        with any_house.another() as open_to_all:
            answered(open_to_all, ENOUGH, by=["ghost", "mallory"])
        any_house.container = listed
        detail = problem_in(propose(any_house, limit), 409, "step-up")["detail"]
        assert "notify has 0 answers" in detail

    def test_nor_those_of_one_person_alone(self, any_house: House) -> None:
        limit = any_house.ordered(**RECOMMEND)
        answered(any_house, ENOUGH, by=["dana"])
        detail = problem_in(propose(any_house, limit), 409, "step-up")["detail"]
        assert "fewer than 2 people have answered the suggestions of notify" in detail
        answered(any_house, 1, first=100, by=["cora"])
        assert propose(any_house, limit).status_code == 201


class TestWhatCounts:
    def test_only_answers_to_what_would_then_have_acted(self, house: House) -> None:
        limit = house.ordered(**RECOMMEND, where={"customer_id": "C-1"})
        answered(house, 2)
        answered(house, 1, first=10, verb="dismiss", reason_code="too_late_to_act")
        answered(house, 1, first=20, verb="override", branch="escalate", reason_code="better_option")
        forbid = {"kind": "forbid", "branch": "notify", "owner": "customer-service", "reason": "mail is down"}
        house.ordered(**forbid, until=at(hours=1))
        house.announce("SH-30")
        item = house.decided("SH-30", risk=0.5)["review_item_id"]
        token = house.claimed(item, "analyst-1")
        given: Json = {"claim_token": token, "reason_code": "not_late"}
        assert house.answer(item, "dismiss", actor="analyst-1", **given).status_code == 200
        house.advance(hours=1)
        assert "notify has 3 answers, 1 of them against, and needs 93" in propose(house, limit).json()["detail"]

    def test_only_cases_that_fall_under_the_limit(self, house: House) -> None:
        house.ordered(**RECOMMEND, until=at(hours=1))
        answered(house, 2)
        house.advance(hours=1)
        for customer, answers in (("C-1", 2), ("C-2", 0)):
            narrow = house.ordered(**RECOMMEND, where={"customer_id": customer})
            assert f"notify has {answers} answers" in propose(house, narrow).json()["detail"]

    def test_nothing_is_asked_for_what_another_limit_holds_all_the_same(self, house: House) -> None:
        house.ordered(**RECOMMEND)
        second = house.ordered(**RECOMMEND)
        assert propose(house, second).json()["evidence"] == []

    def test_only_answers_under_the_bundle_of_today(self, house: House) -> None:
        limit = house.ordered(**RECOMMEND)
        answered(house, 2)
        bundle = changed(lambda data: data.update(version=2))
        with House(house.database_url, bundle, clock=house.clock, people=PEOPLE) as other:
            assert "notify has 0 answers" in propose(other, limit).json()["detail"]


class TestNewlyActing:
    LIMIT = Directive(
        id="dir-1", kind=DirectiveKind.LIMIT, owner="a", reason="b", since=NOW - timedelta(1), mode=Mode.OBSERVE
    )

    @pytest.mark.parametrize(
        ("mode", "others", "acting"),
        [
            (Mode.RECOMMEND, [], []),
            (Mode.ACT_NON_FINANCIAL, [], ["notify", "escalate"]),
            (None, [], ["notify", "escalate"]),
            (None, [{"branch": Branch.NOTIFY}], ["escalate"]),
            (None, [{}], []),
            (None, [{"where": {"customer_id": "C-1"}}], ["notify", "escalate"]),
        ],
    )
    def test_are_those_no_other_limit_holds(
        self, late_shipments: Policy, mode: Mode | None, others: list[Json], acting: list[str]
    ) -> None:
        held = [replace(self.LIMIT, id="dir-2", mode=Mode.RECOMMEND, **each) for each in others]
        assert [terms.branch for terms in newly_acting(late_shipments, self.LIMIT, mode, held)] == acting

    def test_of_money_are_those_the_bundle_lets_act(self) -> None:
        def bold(data: dict[str, Any]) -> None:
            data["mode"] = "act_financial"
            data["branches"]["rebook"]["segments"] = [{"where": {"customer_tier": "critical"}, "mode": "act_financial"}]

        limit = replace(self.LIMIT, branch=Branch.REBOOK)
        assert [terms.branch for terms in newly_acting(changed(bold), limit, None, [])] == ["rebook"]
        assert newly_acting(changed(bold), limit, Mode.ACT_NON_FINANCIAL, []) == ()
