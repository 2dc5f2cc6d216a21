"""A common cause as people meet it: declared once, answered once, found over HTTP and on the page."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import DelayScore, Explanation
from routing.policy import Policy
from routing.preview.queue import Closed
from routing.replay import replay
from serving.causes.service import CauseService
from serving.db.subjects import SubjectKey
from serving.db.tables import CauseRow, ChildRow, DecisionRow, LookRow, OutgoingCallRow, ReviewItemRow
from serving.policies.preview import preview
from tests.serving.bundles import changed
from tests.serving.causes.outage import SILENT_HOURS, departed, heard, names, told
from tests.serving.effects.calls import claimed, reported
from tests.serving.house import NOW, FakeModel, House, Json, at, cloud_event, problem_in, shipment
from tests.serving.policies.lives import PEOPLE, live, version
from tests.serving.policies.queued import queues_of
from tests.serving.web.visitor import coded, note_of

FEW = {"declare": {"at_least": 3, "share_at_least": 0.5, "within_minutes": 120}}
PATIENT = {"at_most": 300, "per_minutes": 10, "waits_hours": 2}
Under = Callable[[Policy], House]


@pytest.fixture
def under(any_url: str) -> Iterator[Under]:
    """Start a service at the one database under a bundle."""
    with ExitStack() as stack:
        yield lambda policy, **given: stack.enter_context(House(any_url, policy, **given))


@pytest.fixture
def silent(under: Under) -> House:
    """A house of whose six shipments nothing was heard; the third declares the outage."""
    house = under(told(**FEW))
    departed(house, names(6))
    house.advance(hours=SILENT_HOURS)
    return house


def decided(house: House, *shipments: str, risk: float = 0.5) -> list[Json]:
    return [house.decided(name, risk=risk) for name in shipments]


def standing(house: House) -> CauseRow:
    (cause,) = house.rows(CauseRow)
    return cause


def statuses(house: House) -> dict[str, str]:
    return {child.shipment_id: child.status for child in house.rows(ChildRow)}


def say(house: House, verb: str, **options: Any) -> Any:
    headers = {"X-Actor": "dana"}
    return house.api.post(f"/v1/causes/{standing(house).cause_id}/{verb}", json=options, headers=headers)


def test_what_became_of_the_call_to_an_owner_is_no_question_about_the_case_that_came_first(silent: House) -> None:
    decided(silent, *names(4))
    cause = standing(silent)
    claimed(silent)
    item_id = reported(silent, str(cause.call_id), "failed")["review_item_id"]
    (title,) = [row.title for row in silent.rows(ReviewItemRow) if row.item_id == item_id]
    assert title == f"{cause.title.removesuffix('.')}: what became of escalate?"
    token, calls = silent.claimed(item_id), silent.count(OutgoingCallRow)
    body = {"branch": "notify", "reason_code": "better_option", "claim_token": token}
    told_of = problem_in(silent.answer(item_id, "override", **body), 422, "answer")["detail"]
    assert "it asks about a call that is about no single case" in told_of
    assert silent.count(OutgoingCallRow) == calls
    dismissed = silent.answer(item_id, "dismiss", reason_code="already_handled", claim_token=token)
    assert dismissed.status_code == 200, dismissed.text


class TestDeclaring:
    def test_the_decision_that_declares_it_seals_what_it_was_declared_by(self, silent: House) -> None:
        answers = decided(silent, *names(4))
        assert [answer["branch"] for answer in answers] == ["notify", "notify", "none", "none"]
        bodies = [json.loads(row.body) for row in silent.rows(DecisionRow)]
        cause = standing(silent)
        assert bodies[2]["context"]["watches"] == [{"playbook": "carrier_outage", "key": "NWX", "shown": 2, "seen": 2}]
        assert bodies[2]["cause"] == {
            "cause_id": cause.cause_id,
            "playbook": "carrier_outage",
            "key": "NWX",
            "verdict": "declared",
            "shown": 3,
            "seen": 3,
        }
        assert bodies[3]["cause"]["verdict"] == "stands"
        assert (cause.decision_id, cause.status) == (bodies[2]["decision_id"], "standing")
        assert "carrier_outage of NWX is declared: 3 of 3 cases show it" in bodies[2]["notes"][0]
        for row in silent.rows(DecisionRow):
            assert replay(row.body, silent.policy).body == row.body

    def test_its_owner_is_called_once_and_in_no_shipments_turn(self, silent: House) -> None:
        decided(silent, *names(6))
        (call,) = [row for row in silent.rows(OutgoingCallRow) if row.branch == "escalate"]
        cause = standing(silent)
        assert (call.call_id, call.shipment_id) == (cause.call_id, cause.cause_id)
        data = json.loads(call.body)["data"]
        assert data["to"] == {"owner": "duty-manager", "channel": "pager:duty-manager"}
        known_by = {"cause_id": cause.cause_id, "subject": "shipment", "playbook": "carrier_outage", "key": "NWX"}
        assert data["cause"] == known_by
        assert data["runbook"][0].startswith("Call the control tower")

    def test_nobody_is_called_where_escalating_is_left_to_people(self, under: Under) -> None:
        house = under(changed(lambda data: data.update(mode="recommend"), few))
        departed(house, names(3))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(3))
        cause = standing(house)
        assert (cause.call_id, cause.not_called_because) == (None, "mode recommend leaves escalating to a person")
        assert house.count(OutgoingCallRow) == 0

    def test_a_report_of_any_shipment_shows_that_the_carriers_feed_works(self, silent: House) -> None:
        heard(silent, ["SH-0000"])
        decided(silent, *names(6))
        assert silent.rows(CauseRow) == []
        assert {row.shows for row in silent.rows(LookRow)} == {False}

    def test_a_few_silent_ones_among_many_are_no_common_cause(self, under: Under) -> None:
        house = under(changed(by_scan))
        departed(house, names(6))
        house.advance(hours=SILENT_HOURS)
        heard(house, names(6)[:4])
        decided(house, *names(6))
        assert house.rows(CauseRow) == []
        looks = {row.subject_id: row.shows for row in house.rows(LookRow) if row.playbook == "carrier_outage"}
        assert looks == {name: name in names(6)[4:] for name in names(6)}

    def test_what_nothing_is_to_be_done_about_is_not_held(self, silent: House) -> None:
        decided(silent, *names(3))
        (calm,) = decided(silent, "SH-0003", risk=0.1)
        assert (calm["branch"], calm["cause_id"]) == ("none", None)
        assert "SH-0003" not in statuses(silent)

    def test_a_guardrail_goes_before_it(self, silent: House) -> None:
        decided(silent, *names(3))
        silent.announce("SH-NEW", carrier_id="ZZZ")
        assert silent.decided("SH-NEW")["branch"] == "review"

    def test_many_who_decide_at_once_declare_one(self, silent: House) -> None:
        houses = [silent.another() for _ in range(3)]

        def decide_two(number: int) -> list[str]:
            return [houses[number].decided(name)["branch"] for name in names(6)[number::3]]

        try:
            with ThreadPoolExecutor(3) as pool:
                branches = [branch for found in pool.map(decide_two, range(3)) for branch in found]
        finally:
            for house in houses:
                house.close()
        assert sorted(branches) == ["none"] * 4 + ["notify"] * 2
        assert len(silent.rows(CauseRow)) == 1


class TestChildren:
    def test_an_event_of_its_own_lets_a_shipment_be_decided_by_itself_once_it_is_over(self, silent: House) -> None:
        decided(silent, *names(6))
        heard(silent, names(6))
        again = decided(silent, *names(6))
        assert {answer["branch"] for answer in again} == {"none"}
        assert {child.decision_id for child in silent.rows(ChildRow)} == {
            answer["decision_id"] for answer in again if answer["cause_id"] is not None
        }

    def test_a_delivered_one_is_gone(self, silent: House) -> None:
        decided(silent, *names(6))
        heard(silent, ["SH-0004"], "delivered")
        silent.container.tending.tend()
        assert statuses(silent)["SH-0004"] == "gone"
        assert "SH-0004" not in {row.subject_id for row in silent.rows(LookRow)}

    def test_are_listed_with_the_decision_that_names_the_cause(self, silent: House) -> None:
        answers = decided(silent, *names(6))
        path = f"/v1/causes/{standing(silent).cause_id}"
        cause = silent.api.get(path).json()
        assert cause["children"] == {"held": 4, "drained": 0, "decided": 0, "gone": 0, "failed": 0}
        assert cause["at_stake_minor"] == sum(row.value_at_stake_minor for row in silent.rows(ChildRow)) > 0
        first = silent.api.get(f"{path}/children?status=held&limit=3").json()
        rest = silent.api.get(f"{path}/children?after={first['next']}&limit=3").json()
        listed = first["children"] + rest["children"]
        assert [child["shipment_id"] for child in listed] == names(6)[2:]
        assert [child["decision_id"] for child in listed] == [answer["decision_id"] for answer in answers[2:]]
        assert rest["next"] is None

    def test_one_described_with_the_question_is_decided_anew_as_it_was_described(self, silent: House) -> None:
        decided(silent, *names(3))
        described = {
            **inline("SH-INLINE"),
            "stops": [
                {"place": "DEHAM", "kind": "pickup", "planned_at": silent.clock.now().isoformat()},
                {"place": "ATVIE", "kind": "delivery", "promised_at": later(silent, 24)},
            ],
        }
        assert silent.decided(shipment=described)["cause_id"] is not None
        say(silent, "decline")
        silent.container.tending.tend()
        assert statuses(silent)["SH-INLINE"] == "drained"
        (newest, _) = silent.container.decisions.of_subject(SubjectKey.shipment("SH-INLINE"), before=None, limit=2)
        assert (newest.branch, newest.subject_version[-2:]) == ("notify", "~2")


class TestAnswers:
    def test_declining_lets_everything_go_and_it_is_not_declared_again_for_a_while(self, silent: House) -> None:
        decided(silent, *names(6))
        answer = say(silent, "decline", note="they really stand still")
        assert (answer.status_code, answer.json()["status"]) == (200, "declined")
        silent.container.tending.tend()
        assert set(statuses(silent).values()) == {"drained"}
        silent.container.tending.tend()
        assert standing(silent).drained_at is not None
        branches = [row.branch for row in silent.rows(DecisionRow)]
        assert branches == ["notify"] * 2 + ["none"] * 4 + ["notify"] * 4
        again = decided(silent, *names(6))
        assert all(answer["already_decided"] for answer in again)
        assert {answer["branch"] for answer in again} == {"notify"}
        assert len(silent.rows(CauseRow)) == 1

    def test_it_is_declared_again_when_the_rest_is_over(self, silent: House) -> None:
        decided(silent, *names(3))
        say(silent, "close", note="their feed is back")
        silent.advance(hours=12)
        departed(silent, [f"T-{number}" for number in range(3)])
        silent.advance(hours=SILENT_HOURS)
        decided(silent, *(f"T-{number}" for number in range(3)))
        assert [row.status for row in silent.rows(CauseRow)] == ["closed", "standing"]

    def test_confirming_says_who_has_looked_and_changes_nothing_else(self, silent: House) -> None:
        decided(silent, *names(6))
        for _ in range(2):
            assert say(silent, "confirm").json()["confirmed_by"] == "dana"
        silent.container.tending.tend()
        assert set(statuses(silent).values()) == {"held"}
        assert silent.audited()["cause.confirmed"] == 1

    def test_of_two_answers_the_first_holds(self, silent: House) -> None:
        decided(silent, *names(3))
        assert say(silent, "close").status_code == 200
        assert say(silent, "close").status_code == 200, "the same answer again"
        problem_in(say(silent, "decline"), 409, "cause-ended")
        problem_in(say(silent, "confirm"), 409, "cause-ended")
        missing = silent.api.post("/v1/causes/cause_x/close", json={}, headers={"X-Actor": "dana"})
        problem_in(missing, 404, "unknown-cause")


class TestPage:
    def test_the_queue_shows_one_item_for_all_of_them(self, silent: House) -> None:
        decided(silent, *names(6))
        page = silent.api.get("/queue").text
        assert page.count('class="happened cause"') == 1
        assert "Carrier NWX has gone silent" in page
        assert "<b>4</b> shipments held" in page
        assert "Nothing waits" not in page

    def test_its_page_says_what_to_do_and_takes_an_answer(self, silent: House) -> None:
        decided(silent, *names(6))
        path = f"/causes/{standing(silent).cause_id}"
        page = silent.api.get(path).text
        assert "Call the control tower" in page
        assert "SH-0005" in page
        assert "to answer" in page
        assert coded(page) == []
        assert "Carrier outage of NWX is declared" in page
        assert "The duty manager was called." in page
        assert '<time datetime="2026-' in page
        assert "50\u00a0% likely late" in page
        here = {"Origin": "http://triage"}
        silent.api.post("/sign-in", data={"name": "dana", "then": path}, headers=here)
        assert "do-decline" in silent.api.get(path).text
        answer = silent.api.post(f"{path}/decline", data={"note": "no"}, headers=here)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert standing(silent).status == "declined"
        late = silent.api.post(f"{path}/close", data={"note": "yes, it is back"}, headers=here)
        assert (late.status_code, note_of(late.text, "kept")) == (409, "yes, it is back")
        assert silent.api.get("/causes/none").status_code == 404

    def test_signed_out_meanwhile_what_was_typed_is_there_to_copy(self, silent: House) -> None:
        decided(silent, *names(6))
        path = f"/causes/{standing(silent).cause_id}"
        here = {"Origin": "http://triage"}
        answer = silent.api.post(f"{path}/close", data={"note": "the feed is back"}, headers=here)
        assert (answer.status_code, note_of(answer.text, "kept")) == (401, "the feed is back")
        assert standing(silent).status == "standing"


class TestOtherCauses:
    def test_a_disruption_on_record_is_declared_with_the_first_case_and_over_when_it_ends(self, under: Under) -> None:
        house = under(changed(weather_event))
        told_of = {"disruption_id": "D-1", "kind": "weather", "severity": "severe", "place": "ATVIE"}
        times = {"occurred_at": at(hours=-1), "valid_from": at(hours=-1), "valid_until": at(hours=3)}
        house.send(cloud_event("freight.disruption", {**told_of, **times}, event_id="d-1", source="/weather"))
        house.announce("SH-1", "SH-2")
        assert [answer["branch"] for answer in decided(house, "SH-1", "SH-2")] == ["none", "none"]
        cause = standing(house)
        assert (cause.playbook, cause.key, cause.call_id) == ("weather_event", "DEHAM → ATVIE", None)

        house.advance(hours=2, minutes=30)
        house.container.tending.tend()
        assert standing(house).status == "standing"
        house.advance(minutes=45)
        for _ in range(2):
            house.container.tending.tend()
        assert (standing(house).status, standing(house).ended_by) == ("over", "system")
        assert "0 of 2 cases show it" in str(standing(house).ended_because)
        queues = queues_of(house, house.policy, NOW, house.clock.now() + timedelta(hours=1))
        assert queues.before == queues.after
        opened, closed = queues.after
        assert isinstance(closed, Closed), "what is over waits for nobody any more"
        assert (opened.at, closed.at) == (standing(house).declared_at, standing(house).ended_at)
        assert [row.branch for row in house.rows(DecisionRow)] == ["none", "none", "notify", "notify"]

    def test_what_cannot_be_determined_because_data_are_missing_is_one_item(self, under: Under) -> None:
        house = under(changed(data_failure))
        house.announce(*names(4), promised_at=None)
        answers = decided(house, *names(4))
        assert [answer["branch"] for answer in answers] == ["review", "none", "none", "none"]
        assert standing(house).playbook == "data_failure"
        assert {row.value_at_stake_minor for row in house.rows(ChildRow)} == {60_000}, "as likely late as not"


class TestDraining:
    def test_two_processes_at_once_let_go_of_each_shipment_once(self, silent: House) -> None:
        decided(silent, *names(6))
        say(silent, "decline")
        houses = [silent.another() for _ in range(2)]
        try:
            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(lambda house: house.container.tending.tend().settled, houses))
        finally:
            for house in houses:
                house.close()
        silent.container.tending.tend()
        assert sum(done) <= 4
        assert set(statuses(silent).values()) == {"drained"}
        per_shipment = Counter(row.shipment_id for row in silent.rows(DecisionRow))
        assert [per_shipment[name] for name in names(6)] == [1, 1, 2, 2, 2, 2]
        assert Counter(row.branch for row in silent.rows(OutgoingCallRow)) == {"notify": 6, "escalate": 1}

    def test_what_dies_half_way_leaves_the_shipment_held_and_the_next_one_goes_on(self, silent: House) -> None:
        decided(silent, *names(6))
        say(silent, "decline")
        with silent.another(model=Dying(after=2, of=SystemExit)) as other, pytest.raises(SystemExit, match="died"):
            other.container.tending.tend()
        assert Counter(statuses(silent).values()) == {"drained": 2, "held": 2}
        silent.container.tending.tend()
        assert Counter(statuses(silent).values()) == {"drained": 4}
        assert len(silent.rows(DecisionRow)) == 6 + 4

    def test_the_service_tends_by_itself_and_goes_on_after_a_mistake(self, silent: House) -> None:
        decided(silent, *names(6))
        say(silent, "decline")

        async def while_it_runs(house: House) -> None:
            task = asyncio.create_task(house.container.tending.keep_tending(every_seconds=0.01))
            async with asyncio.timeout(20):
                while set(statuses(house).values()) != {"drained"}:
                    await asyncio.sleep(0.02)
                    house.advance(seconds=1)
            task.cancel()

        with silent.another(model=Dying(after=2)) as other:
            asyncio.run(while_it_runs(other))
        assert len(silent.rows(DecisionRow)) == 6 + 4

    def test_goes_no_faster_than_the_playbook_says(self, under: Under) -> None:
        house = under(told(**FEW, drain={"at_most": 2, "per_minutes": 10}))
        departed(house, names(8))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(8))
        say(house, "decline")
        counts = []
        for _ in range(3):
            house.container.tending.tend()
            counts.append(Counter(statuses(house).values())["drained"])
            house.container.tending.tend()
            house.advance(minutes=10)
        assert counts == [2, 4, 6]

    def test_a_budget_that_is_used_up_is_waited_for_and_then_a_person_decides(self, under: Under) -> None:
        house = under(told(3, **FEW, drain={"at_most": 300, "per_minutes": 10, "waits_hours": 2}))
        departed(house, names(6))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(6))
        say(house, "decline")
        house.container.tending.tend()
        assert Counter(statuses(house).values()) == {"drained": 1, "held": 3}, "two of three messages were told before"
        house.advance(hours=1)
        house.container.tending.tend()
        assert Counter(statuses(house).values()) == {"drained": 4}
        assert Counter(row.branch for row in house.rows(OutgoingCallRow))["notify"] == 6

    def test_who_needs_no_budget_that_is_used_up_does_not_wait_behind_who_does(self, under: Under) -> None:
        model = Relenting(after=8 + 5)
        house = under(told(3, **FEW, drain={"at_most": 300, "per_minutes": 10, "waits_hours": 2}), model=model)
        departed(house, names(8))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(8))
        say(house, "decline")
        low = names(8)[2]  # of least value, and so last in the line: the sixth that is decided anew
        house.container.tending.tend()
        held = {name for name, status in statuses(house).items() if status == "held"}
        assert low not in held, "a review takes of no budget"
        assert held == set(names(8)[3:7]), "one message was left, for the most valuable"
        assert {row.waits_for for row in house.rows(ChildRow) if row.status == "held"} == {"messages"}
        house.advance(hours=1)
        while house.container.tending.tend().is_more:
            pass
        sent = [row.shipment_id for row in house.rows(OutgoingCallRow) if row.branch == "notify"]
        assert sent[2:] == list(reversed(names(8)[4:])), "in the order of value, whoever waited"

    def test_where_a_budget_is_kept_apart_nobody_waits_for_what_is_kept_for_another(self, under: Under) -> None:
        house = under(told(2, per=["customer_id"], **FEW, drain=PATIENT))
        mine, theirs = names(6), ["SH-A", "SH-B"]
        departed(house, mine)
        departed(house, theirs, customer_id="C-2")
        house.advance(hours=SILENT_HOURS)
        decided(house, *mine, *theirs)
        assert Counter(statuses(house).values()) == {"held": 6}, "the first two customers' messages went out before"
        say(house, "decline")
        house.container.tending.tend()
        assert {name for name, status in statuses(house).items() if status == "drained"} == set(theirs)
        assert {row.waits_for for row in house.rows(ChildRow) if row.status == "held"} == {'messages["C-1"]'}
        house.advance(hours=1)
        house.container.tending.tend()
        sent = [row.subject_id for row in house.rows(OutgoingCallRow) if row.branch == "notify"]
        assert sent[2:] == ["SH-B", "SH-A", mine[5], mine[4]], "in the order of value, whoever waited"

    def test_whoever_can_go_goes_however_many_wait_before_for_what_is_kept_for_them(self, under: Under) -> None:
        house = under(told(1, per=["customer_id"], per_hours=24, **FEW, drain=PATIENT))
        customers = [f"C-{number}" for number in range(4)]
        for number, customer in enumerate([*customers, *customers, "C-8", "C-9", "C-10"]):
            departed(house, [f"SH-{number}"], customer_id=customer, value_minor=900_000 - number)
        decided(house, *(f"SH-{number}" for number in range(4)))
        house.advance(hours=SILENT_HOURS)
        decided(house, "SH-9", "SH-10", *(f"SH-{number}" for number in range(4, 9)))
        say(house, "decline")
        parts = house.container
        tending = replace(parts.tending, at_a_time=2)
        rounds = []
        for _ in range(4):
            tending.tend()
            rounds.append({name for name, status in statuses(house).items() if status == "drained"})
        assert rounds == [set(), set(), {"SH-8"}, {"SH-8"}], "two customers are tried in each round, then who is behind"
        assert len({row.waits_for for row in house.rows(ChildRow) if row.status == "held"}) == 4

    def test_who_has_waited_long_enough_goes_to_a_person(self, under: Under) -> None:
        house = under(told(2, **FEW, drain={"at_most": 300, "per_minutes": 10, "waits_hours": 0}))
        departed(house, names(6))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(6))
        say(house, "decline")
        house.container.tending.tend()
        assert Counter(statuses(house).values()) == {"drained": 4}
        assert {row.shipment_id for row in house.rows(ReviewItemRow)} == set(names(6)[2:])


class TestPreview:
    def test_the_same_bundle_flips_nothing_and_one_without_the_playbook_says_why(self, silent: House) -> None:
        decided(silent, *names(6))
        say(silent, "decline")
        silent.container.tending.tend()
        span = (silent.clock.now() - timedelta(days=1), silent.clock.now() + timedelta(days=1))
        with silent.container.reads() as session:
            same = list(preview(session, silent.policy, *span))
            other = list(preview(session, told(), *span))
        assert (len(same), [each.why for each in same if each.why is not None]) == (10, [])
        assert Counter(each.why for each in other)["no common cause holds it any more"] == 1


class TestAnotherBundle:
    def test_a_cause_whose_playbook_is_gone_is_over(self, silent: House) -> None:
        decided(silent, *names(6))
        cause = standing(silent)
        with House(silent.database_url, changed(without), clock=silent.clock, model=silent.model) as other:
            assert other.decided("SH-0005", risk=0.5)["cause_id"] == cause.cause_id, "it is decided already"
            for _ in range(3):
                other.container.tending.tend()
            assert standing(other).status == "over"
            assert set(statuses(other).values()) == {"drained"}
            assert isinstance(other.container.causes, CauseService)


class Relenting(FakeModel):
    """Says once that the risk is low, after so many scores."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        self.left -= 1
        scored = super().score(row, moment)
        return replace(scored, probability=0.3) if self.left == -1 else scored


class Dying(FakeModel):
    """Dies once, when it was asked to explain so many times."""

    def __init__(self, after: int, of: type[BaseException] = RuntimeError) -> None:
        super().__init__()
        self.left, self.of = after, of

    def explain(self, row: FeatureRow, moment: Moment) -> Explanation:
        self.left -= 1
        if self.left == -1:
            raise self.of("died")
        return super().explain(row, moment)


def by_scan(data: dict[str, Any]) -> None:
    data["facts"]["hours_since_scan"] = {"type": "hours", "meaning": "since anything of it was reported"}
    when = {"fact": "hours_since_scan", "at_least": "$silent_hours"}
    declare = {"at_least": 2, "share_at_least": 0.5, "within_minutes": 120}
    data["playbooks"]["carrier_outage"].update(when=when, declare=declare)


def weather_event(data: dict[str, Any]) -> None:
    fact = {"type": "number", "unit": "disruptions", "meaning": "what is out of order at the destination"}
    data["facts"]["destination_disruptions"] = fact
    data["playbooks"]["weather_event"] = {
        **deepcopy(data["playbooks"]["carrier_outage"]),
        "watches": ["origin", "destination"],
        "when": {"fact": "destination_disruptions", "at_least": 1},
        "declare": {"at_least": 1, "share_at_least": 0.5, "within_minutes": 60},
        "over": {"seen_at_least": 2, "share_below": 0.5, "within_minutes": 30},
        "parent": {"branch": "review", "to": "transport-operations", "sla_minutes": 60},
        "sentence_staff": "The weather at {destination} is too bad to deliver.",
    }


def data_failure(data: dict[str, Any]) -> None:
    del data["guardrails"][2]
    data["playbooks"]["data_failure"] = {
        **deepcopy(data["playbooks"]["carrier_outage"]),
        "when": {"fact": "late_probability", "known": False},
        "declare": {"at_least": 2, "share_at_least": 0.5, "within_minutes": 60},
        "suspends": ["review", "notify", "split", "rebook", "escalate"],
        "sentence_staff": "What carrier {carrier_id} sends is not enough to judge by.",
    }


def few(data: dict[str, Any]) -> None:
    data["playbooks"]["carrier_outage"].update(FEW)


def without(data: dict[str, Any]) -> None:
    del data["playbooks"]["carrier_outage"]
    del data["thresholds"]["silent_hours"]
    del data["facts"]["carrier_hours_silent"]


def later(house: House, hours: float) -> str:
    return (house.clock.now() + timedelta(hours=hours)).isoformat()


def inline(name: str) -> Json:
    return shipment(name)


def test_what_a_bundle_without_playbooks_decides_in_a_rollout_is_held_no_more(sqlite_url: str) -> None:
    with House(sqlite_url, told(**FEW), people=PEOPLE) as house:
        departed(house, names(6))
        house.advance(hours=SILENT_HOURS)
        decided(house, *names(6))
        rolled_out = live(house, version(2, lambda data: data.pop("playbooks")), share=0.99)
        house.advance(minutes=5)
        heard(house, names(6))
        decided(house, *names(6)[2:], risk=0.95)
        theirs = [row for row in house.rows(DecisionRow) if row.policy_digest == rolled_out["digest"]]
        assert theirs, "of four it reaches one at least, but for one time in a hundred million"
        assert {statuses(house)[row.subject_id] for row in theirs} == {"decided"}
