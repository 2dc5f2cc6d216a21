"""What people order holds from the moment it is answered, is theirs to order, and is sealed with each decision."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest

from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import Explanation
from routing.replay import replay
from serving.auth.people import People
from serving.clock import ManualClock
from serving.db.tables import AuditRow, DecisionRow, DirectiveRow, OutgoingCallRow
from serving.worker.outbox import SqlOutbox
from tests.serving.house import JSON, NOW, FakeModel, House, Json, at, planned, problem_in, staff

PEOPLE = staff(
    dana=["transport-operations", "customer-service"], ben=["duty-manager"], pat=["process-owner", "customer-service"]
)
STOP: Json = {"kind": "limit", "mode": "observe", "owner": "duty-manager", "reason": "wrong messages go out"}
EXCLUDE: Json = {
    "kind": "exclude",
    "owner": "transport-operations",
    "reason": "strike at its hub",
    "until": at(hours=24),
    "rows_of": "alternate_carriers",
    "column": "carrier_id",
    "value": "ACE",
}
SUPPRESS: Json = {
    "kind": "suppress",
    "owner": "customer-service",
    "reason": "they are told by telephone",
    "until": at(hours=24),
    "where": {"customer_id": "C-1"},
}


@pytest.fixture
def people() -> People:
    return PEOPLE


def last_body(house: House) -> Json:
    """Return the newest decision, after seeing that it is decided again to the same bytes."""
    text = house.rows(DecisionRow)[-1].body
    assert replay(text, house.policy).body == text
    body: Json = json.loads(text)
    return body


class TestWhatAnOrderDoes:
    def test_a_carrier_is_left_out_until_friday(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        assert any_house.decided("SH-1", risk=0.8)["recommended_branch"] == "rebook"
        ordered = any_house.ordered(**EXCLUDE)
        assert any_house.decided("SH-2")["recommended_branch"] == "notify"
        body = last_body(any_house)
        assert body["applied"] == [ordered["directive_id"]]
        assert [each["id"] for each in body["context"]["directives"]] == [ordered["directive_id"]]
        any_house.advance(hours=24)
        any_house.announce("SH-3", planned_at=at(hours=40), promised_at=at(hours=70))
        assert any_house.decided("SH-3")["recommended_branch"] == "rebook"
        assert last_body(any_house)["context"] == {}

    def test_what_is_suppressed_stays_countable_with_its_reason(self, any_house: House) -> None:
        any_house.announce("SH-1")
        any_house.announce("SH-2", customer_id="C-2")
        ordered = any_house.ordered(**SUPPRESS)
        silent = any_house.decided("SH-1", risk=0.5)
        assert (silent["recommended_branch"], silent["branch"]) == ("notify", "none")
        assert "they are told by telephone" in silent["suppressed_because"]
        assert last_body(any_house)["applied"] == [ordered["directive_id"]]
        assert any_house.decided("SH-2")["branch"] == "notify"
        assert last_body(any_house)["context"] == {}, "what names other cases is not sealed with this one"

    def test_a_forbidden_branch_goes_to_the_next(self, any_house: House) -> None:
        any_house.announce("SH-1")
        forbid = {"kind": "forbid", "branch": "notify", "owner": "customer-service", "reason": "mail is down"}
        any_house.ordered(**forbid, until=at(hours=1))
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "review"
        last_body(any_house)

    def test_a_snoozed_rule_is_recorded_as_such(self, any_house: House) -> None:
        any_house.announce("SH-1")
        snooze = {"kind": "snooze", "rule": "likely_late", "owner": "customer-service", "reason": "being mended"}
        any_house.ordered(**snooze, until=at(hours=1))
        assert any_house.decided("SH-1", risk=0.5)["recommended_branch"] == "review"
        assert {each["rule_id"]: each["outcome"] for each in last_body(any_house)["rules"]}["likely_late"] == "snoozed"

    def test_an_order_for_later_holds_from_then_on(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        assert any_house.ordered(**{**SUPPRESS, "since": at(hours=1)})["state"] == "coming"
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "notify"
        any_house.advance(hours=1)
        assert any_house.decided("SH-2", risk=0.5)["branch"] == "none"


class TestTheKillSwitch:
    def test_stops_what_is_decided_and_what_waits_to_go_out(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        any_house.decided("SH-1", risk=0.5)
        any_house.ordered(by="ben", **STOP)

        stopped = any_house.decided("SH-2")
        assert (stopped["recommended_branch"], stopped["branch"], stopped["call_id"]) == ("notify", "none", None)
        assert claimed(any_house) == []
        assert last_body(any_house)["mode"] == "observe"

    def test_with_an_end_lets_everything_go_on_by_itself(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        any_house.decided("SH-1", risk=0.5)
        any_house.ordered(by="ben", until=at(hours=1), **STOP)
        assert claimed(any_house) == []
        any_house.advance(hours=1)
        assert claimed(any_house) == ["SH-1"]
        assert any_house.decided("SH-2")["branch"] == "notify"

    def test_of_one_branch_leaves_the_others(self, any_house: House) -> None:
        any_house.announce("SH-1")
        any_house.announce("SH-2", customer_tier="critical")
        any_house.decided("SH-1", risk=0.5)
        any_house.ordered(by="ben", branch="notify", **STOP)
        assert any_house.decided("SH-2", risk=0.8)["branch"] == "escalate"
        assert claimed(any_house) == ["SH-2"]

    def test_of_one_branch_leaves_the_others_of_the_same_shipment(self, any_house: House) -> None:
        any_house.announce("SH-1", customer_tier="critical", value_minor=100_000)
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "notify"
        stop = any_house.ordered(by="ben", branch="notify", until=at(hours=1), **STOP)
        any_house.advance(minutes=1)
        any_house.send(planned("SH-1", customer_tier="critical", value_minor=9_000_000) | {"id": "plan-anew"})
        assert any_house.decided("SH-1", risk=0.8)["branch"] == "escalate"
        assert called(any_house) == ["escalate"]

        any_house.advance(hours=1)
        assert called(any_house) == ["notify"], f"{stop['directive_id']} has ended"

    def test_for_some_cases_leaves_what_was_let_out(self, any_house: House) -> None:
        any_house.announce("SH-1")
        any_house.decided("SH-1", risk=0.5)
        any_house.ordered(by="ben", where={"carrier_id": "NWX"}, **STOP)
        assert claimed(any_house) == ["SH-1"]

    def test_is_not_answered_while_a_decision_is_under_way_that_has_not_seen_it(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        model = _Pondering()
        with any_house.another(model=model) as deciding, ThreadPoolExecutor(2) as pool:
            for house in (deciding, any_house):
                house.api.get("/v1/directives")
            decision = pool.submit(deciding.decided, "SH-1")
            assert model.has_begun.wait(10)
            order = pool.submit(any_house.order, by="ben", **STOP)
            assert not model.may_go_on.wait(0.2)
            assert not order.done()
            model.may_go_on.set()
            assert decision.result()["branch"] == "notify"
            assert order.result().status_code == 201
            assert deciding.decided("SH-2")["branch"] == "none"

    def test_holds_for_a_process_whose_clock_is_behind(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        any_house.decided("SH-2", risk=0.5)
        with any_house.another(clock=ManualClock(NOW + timedelta(minutes=1))) as ahead:
            ahead.ordered(by="ben", **STOP)
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "none"
        assert claimed(any_house) == []
        last_body(any_house)


def claimed(house: House) -> list[str]:
    """Lease what is due, and return the shipments of it."""
    now = house.clock.now()
    lease = timedelta(minutes=1)
    leased = SqlOutbox(house.engine).claim(
        target="orchestrator", owner="w", limit=10, now=now, real_now=now, lease=lease
    )
    return [call.subject_id for call in leased]


def called(house: House) -> list[str]:
    """Deliver what is due, and return the branches of it."""
    outbox, now = SqlOutbox(house.engine), house.clock.now()
    minute = timedelta(minutes=1)
    calls = outbox.claim(target="orchestrator", owner="w", limit=10, now=now, real_now=now, lease=minute)
    assert all(outbox.delivered(each, now=now) for each in calls)
    return [row.branch for row in house.rows(OutgoingCallRow) if row.call_id in {each.call_id for each in calls}]


class TestWhoMayOrder:
    def test_nobody_without_a_token_of_their_own(self, house: House) -> None:
        answer = house.api.post("/v1/directives", json=STOP, headers={"Idempotency-Key": "k", "X-Actor": "eve"})
        assert "token of their own" in problem_in(answer, 401, "person-unknown")["detail"]
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert house.count(DirectiveRow) == 0

    def test_nobody_in_the_name_of_another(self, house: House) -> None:
        headers = {"Idempotency-Key": "k", "X-Actor": "ben"}
        problem_in(house.api.post("/v1/directives", json=STOP, headers=headers), 403, "impersonation")

    def test_only_on_behalf_of_an_owner_they_act_for(self, house: House) -> None:
        detail = problem_in(house.order(by="dana", **STOP), 403, "role-missing")["detail"]
        assert "dana acts for customer-service, transport-operations" in detail
        assert "takes duty-manager" in detail
        assert house.count(DirectiveRow) == house.count(AuditRow) == 0

    def test_what_does_not_fit_the_bundle_is_refused_with_all_that_is_wrong(self, house: House) -> None:
        flawed = {**EXCLUDE, "column": "carrier", "until": at(hours=-1), "since": at(hours=-2), "owner": "dana"}
        problem = problem_in(house.order(**flawed), 422, "directive")
        assert [fault["detail"][:30] for fault in problem["errors"]] == [
            "`owner`: 'dana' is not in the ",
            "`column`: 'carrier' is not in ",
            "it begins at 2026-03-02T04:00:",
        ]

    @pytest.mark.parametrize("value", [r"\ud800", r"C-1\u0000"])
    @pytest.mark.parametrize("part", ["where", "value"])
    def test_a_text_that_no_database_holds_is_refused(self, house: House, part: str, value: str) -> None:
        order = {**EXCLUDE, "where": {"customer_id": "?"}} if part == "where" else {**EXCLUDE, "value": "?"}
        headers = {"Authorization": "Bearer dana-token", "Idempotency-Key": "k", **JSON}
        written = json.dumps(order).replace('"?"', f'"{value}"')
        problem_in(house.api.post("/v1/directives", content=written, headers=headers), 422, "invalid-request")

    def test_an_unknown_part_is_refused(self, house: House) -> None:
        problem_in(house.order(**STOP, until_further_notice=True, by="ben"), 422, "invalid-request")


class TestOnce:
    def test_the_same_key_orders_once(self, any_house: House) -> None:
        first, again = any_house.order(key="k", **EXCLUDE), any_house.order(key="k", **EXCLUDE)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert again.headers["Idempotent-Replayed"] == "true"
        assert any_house.count(DirectiveRow) == 1

    def test_the_same_key_of_another_order_or_person_is_refused(self, house: House) -> None:
        house.order(key="k", **SUPPRESS)
        problem_in(house.order(key="k", **EXCLUDE), 422, "idempotency-key-reused")
        problem_in(house.order(key="k", by="pat", **SUPPRESS), 422, "idempotency-key-reused")

    def test_without_a_key_nothing_is_ordered(self, house: House) -> None:
        answer = house.api.post("/v1/directives", json=STOP, headers={"Authorization": "Bearer ben-token"})
        problem_in(answer, 400, "idempotency-key-missing")

    def test_every_move_is_audited_with_who_and_why(self, any_house: House) -> None:
        ordered = any_house.ordered(**EXCLUDE)
        end(any_house, ordered, reason="the strike is over")
        issued, ended = any_house.rows(AuditRow)
        assert (issued.action, issued.actor) == ("directive.issued", "dana")
        assert json.loads(issued.new or "")["reason"] == "strike at its hub"
        assert (ended.action, ended.subject) == ("directive.ended", f"directive:{ordered['directive_id']}")
        assert json.loads(ended.new or "")["because"] == "the strike is over"


def end(house: House, ordered: Json, *, by: str = "dana", reason: str = "over", key: str | None = None) -> Json:
    answer = house.said(f"/v1/directives/{ordered['directive_id']}/end", {"reason": reason}, by=by, key=key)
    body: Json = answer.json()
    return body


class TestEnding:
    def test_an_ended_order_holds_no_more(self, any_house: House) -> None:
        any_house.announce("SH-1")
        ordered = any_house.ordered(**SUPPRESS)
        ended = end(any_house, ordered, key="k")
        assert (ended["state"], ended["ended_by"], ended["ended_because"]) == ("over", "dana", "over")
        assert end(any_house, ordered, key="k") == ended
        assert any_house.decided("SH-1", risk=0.5)["branch"] == "notify"
        assert end(any_house, ordered)["type"] == "/problems/directive-ended"

    def test_the_owner_of_the_bundle_may_end_any(self, house: House) -> None:
        ordered = house.ordered(**EXCLUDE)
        assert end(house, ordered, by="ben")["type"] == "/problems/role-missing"
        assert end(house, ordered, by="pat")["ended_by"] == "pat"

    def test_a_limit_is_not_ended_by_one_alone(self, house: House) -> None:
        ordered = house.ordered(by="ben", **STOP)
        problem = end(house, ordered, by="pat")
        assert problem["type"] == "/problems/limit"
        assert f"POST /v1/directives/{ordered['directive_id']}/step-ups" in problem["detail"]

    def test_one_that_ended_by_itself_says_so(self, house: House) -> None:
        ordered = house.ordered(**SUPPRESS)
        house.advance(hours=24)
        assert "it ended by itself at 2026-03-03T06:00:00Z" in end(house, ordered)["detail"]

    def test_what_is_not_there_is_404(self, house: House) -> None:
        problem_in(house.api.get("/v1/directives/dir_0"), 404, "unknown-directive")
        assert end(house, {"directive_id": "dir_0"})["status"] == 404


class TestListing:
    def test_shows_what_stands_newest_first_and_what_is_over_on_demand(self, any_house: House) -> None:
        first, second = any_house.ordered(**EXCLUDE), any_house.ordered(**SUPPRESS)
        third = any_house.ordered(by="ben", since=at(hours=30), **STOP)
        end(any_house, first)
        listed = any_house.api.get("/v1/directives").json()
        assert [(each["directive_id"], each["state"]) for each in listed["directives"]] == [
            (third["directive_id"], "coming"),
            (second["directive_id"], "standing"),
        ]
        everything = any_house.api.get("/v1/directives?ended=true&limit=2").json()
        rest = any_house.api.get(f"/v1/directives?ended=true&limit=2&before={everything['next']}").json()
        assert [each["state"] for each in everything["directives"] + rest["directives"]] == [
            "coming",
            "standing",
            "over",
        ]
        read = any_house.api.get(f"/v1/directives/{second['directive_id']}").json()
        assert read == second


class _Pondering(FakeModel):
    """Explains only when it is told to go on: a decision is made by then, and not yet sealed."""

    def __init__(self) -> None:
        super().__init__(0.5)
        self.has_begun, self.may_go_on = Event(), Event()

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        self.has_begun.set()
        self.may_go_on.wait(10)
        return super().explain(row, moment)
