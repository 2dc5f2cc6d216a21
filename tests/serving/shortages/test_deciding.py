"""Order lines through the governed engine: decided once, sealed in the one chain, put before people, called out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import yaml
from sqlalchemy import update

from features.vocabulary import SubjectType
from routing.loader import load_policy, parse_policy
from routing.policy import Policy
from serving.config import bundled_policy
from serving.db.subjects import SubjectKey
from serving.db.tables import DecisionRow, OutgoingCallRow, ReviewItemRow, ShadowDecisionRow, StockPromiseRow
from serving.decisions.replaying import replay_all
from serving.decisions.verification import verify
from serving.policies import repository
from serving.policies.life import Step
from serving.policies.preview import preview
from serving.shortages import deciding
from tests.serving.decisions.auditing import problems_of
from tests.serving.effects.calls import claimed
from tests.serving.house import NOW, House, Json, at, problem_in, put_in_force
from tests.serving.policies.queued import assert_both_sides_are_the_queue
from tests.serving.shortages.lines import (
    FakeShortageModel,
    acting_bundle,
    believe,
    decided,
    let_act,
    lies,
    one,
    opened,
    order,
    pick,
    sources,
    tell,
    triage,
)


@pytest.fixture
def desk(any_url: str, late_shipments: Policy) -> Iterator[House]:
    """A service that decides about shortages: six of A lie where ten are wanted, and nobody else has any."""
    with opened(any_url, late_shipments) as house:
        tell(house, order("O-1"), pick("O-1"), lies(6))
        yield house


@pytest.fixture
def acting(desk: House) -> House:
    """The same with every branch let off the leash, and five of A at ATVIE."""
    let_act(desk)
    tell(desk, lies(5, place="ATVIE"))
    return desk


def sent(house: House) -> list[Json]:
    """Return the events of the calls in the outbox, in their order."""
    return [json.loads(row.body) for row in house.rows(OutgoingCallRow)]


def became(house: House, call_id: str, **columns: Any) -> None:
    with house.container.sessions.begin() as session:
        session.execute(update(OutgoingCallRow).where(OutgoingCallRow.call_id == call_id).values(**columns))


def cover(house: House) -> None:
    """Tell that all that is wanted at DEHAM lies there now."""
    house.advance(minutes=6)
    tell(house, lies(100, hours=0.05))


class TestWhatIsDecided:
    def test_a_line_that_can_go_in_part_waits_for_a_person_with_its_stake(self, desk: House) -> None:
        found = one(desk, "O-1")
        assert (found["recommended_branch"], found["branch"]) == ("split_order", "review")
        assert (found["verdict"], found["cause"], found["quantity_at_risk"]) == ("short", "not_enough", 4.0)
        (item,) = desk.api.get("/v1/reviews").json()["items"]
        assert (item["subject_type"], item["subject_id"], item["suggested_branch"]) == (
            "shortage",
            "O-1/10",
            "split_order",
        )
        assert item["title"] == "A at DEHAM: 4 of 10 at risk for order O-1, line 10"
        assert (item["value_at_stake_minor"], item["currency"]) == (found["expected_loss_minor"], "EUR")
        assert item["value_at_stake_minor"] > 0

    def test_ship_complete_is_never_split(self, desk: House) -> None:
        let_act(desk)
        tell(desk, order("O-2", ship_complete=True), pick("O-2"))
        assert {one(desk, each, substitutes=[])["branch"] for each in ("O-2", "O-1")} == {"notify", "split_order"}
        assert [event["type"] for event in sent(desk)] == ["freight.shortage.notify", "freight.shortage.split_order"]

    def test_a_person_cannot_split_what_ships_complete_either(self, desk: House) -> None:
        tell(desk, order("O-2", ship_complete=True), pick("O-2"), lies(5, place="ATVIE"))
        item_id = one(desk, "O-2")["review_item_id"]
        body = {"claim_token": desk.claimed(item_id), "branch": "split_order", "reason_code": "better_option"}
        assert "all of it or none" in desk.answer(item_id, "override", **body).text

    def test_the_call_names_line_place_quantity_and_until_when(self, acting: House) -> None:
        found = one(acting, "O-1")
        (event,) = sent(acting)
        assert (event["type"], event["subject"]) == ("freight.shortage.reallocate", "O-1/10")
        data = event["data"]
        assert (data["facts"], data["sku"], data["to"]) == ({"order_id": "O-1", "line_id": "10"}, "A", "DEHAM")
        assert (sources(data), data["quantity"]) == ([("ATVIE", 4.0)], 4.0)
        assert found["latest_useful_at"] == at(hours=16).replace("+00:00", "Z")

    def test_an_article_that_the_customer_takes_goes_instead(self, desk: House) -> None:
        let_act(desk)
        tell(desk, lies(9, sku="B"), lies(3, sku="C"))
        named = [{"sku": "A", "instead": each, "is_accepted": True} for each in ("B", "C", "D")]
        assert one(desk, "O-1", substitutes=named)["branch"] == "substitute"
        (event,) = sent(desk)
        assert (event["data"]["instead"], event["data"]["quantity"]) == ("B", 4.0)

    def test_a_wave_is_decided_about_the_line_with_most_at_stake_first(self, desk: House) -> None:
        tell(
            desk, order("O-2", quantity=40), pick("O-2"), order("O-3", sku="Z"), pick("O-3", sku="Z"), lies(50, sku="Z")
        )
        answer = decided(desk, wave_id="W-1")
        assert [line["order_id"] for line in answer["lines"]] == ["O-2", "O-1", "O-3"]
        assert answer["branches"] == {"review": 2, "none": 1}
        (common,) = answer["common_causes"]
        assert (common["place"], common["sku"], common["cause"], common["lines"]) == ("DEHAM", "A", "not_enough", 2)

    def test_a_line_without_stock_on_record_goes_before_a_person(self, desk: House) -> None:
        tell(desk, order("O-2", sku="Q"), pick("O-2", sku="Q"))
        found = one(desk, "O-2")
        assert (found["branch"], found["probability"], found["verdict"]) == ("review", None, "cannot_determine")


class TestOnce:
    def test_the_same_outcome_makes_no_second_decision_and_no_second_call(self, acting: House) -> None:
        first = triage(acting, "O-1", key="k")
        again = triage(acting, "O-1", key="k")
        assert (again.text, again.headers["Idempotent-Replayed"]) == (first.text, "true")
        assert triage(acting, "O-1", "O-1", key="k").status_code == 422
        acting.advance(minutes=10)
        believe(acting, 0.8)
        other = one(acting, "O-1")
        assert (other["already_decided"], other["decision_id"]) == (True, first.json()["lines"][0]["decision_id"])
        assert (acting.count(DecisionRow), acting.count(OutgoingCallRow)) == (1, 1)

    def test_more_that_lacks_makes_no_second_call_of_the_same(self, acting: House) -> None:
        one(acting, "O-1")
        acting.advance(hours=1)
        tell(acting, lies(5.5, hours=0.5))
        found = one(acting, "O-1")
        assert (found["already_decided"], found["branch"], found["recommended_branch"]) == (False, "none", "reallocate")
        assert "reallocate was taken or suggested before" in found["suppressed_because"]
        assert acting.count(OutgoingCallRow) == 1
        assert one(acting, "O-1")["already_decided"]

    def test_an_item_that_nobody_holds_gives_way_to_what_is_known_now(self, desk: House) -> None:
        old = one(desk, "O-1")["review_item_id"]
        desk.advance(hours=1)
        tell(desk, lies(5, hours=0.5))
        new = one(desk, "O-1")["review_item_id"]
        assert {row.item_id: row.status for row in desk.rows(ReviewItemRow)} == {old: "done", new: "open"}
        desk.claimed(new)
        desk.advance(minutes=1)
        tell(desk, lies(4, hours=1.01))
        assert "was taken or suggested before" in one(desk, "O-1")["suppressed_because"]

    def test_a_key_is_required_and_lines_must_have_been_sent(self, desk: House) -> None:
        assert desk.api.post("/v1/triage/shortages", json={"wave_id": "W-1"}).status_code == 400
        problem_in(triage(desk, wave_id="W-9"), 404, "unknown-wave")
        problem_in(triage(desk, place="NOWHERE"), 404, "unknown-place")
        same = [{"sku": "A", "instead": "A"}]
        problem_in(triage(desk, "O-1", substitutes=same), 422, "invalid-request")

    def test_nothing_is_decided_without_a_model_or_a_bundle(self, house: House) -> None:
        assert "--shortage-model" in problem_in(triage(house, "O-1"), 409, "no-shortage-model")["detail"]
        with house.another(shortage_model=FakeShortageModel()) as judging:
            tell(judging, order("O-1"))
            assert "--shortage-policy" in problem_in(triage(judging, "O-1"), 409, "no-bundle")["detail"]


class TestCapacity:
    def test_a_budget_that_is_kept_apart_lets_each_article_have_its_own(self, desk: House) -> None:
        data = yaml.safe_load(acting_bundle().text)
        terms = {"amount": 1, "unit": "splits", "per_hours": 24, "owner": "warehouse-operations", "why": "hands"}
        data |= {"version": 3, "capacity": {"splits": {**terms, "per": ["sku"]}}}
        data["branches"]["split_order"]["uses"] = {"splits": 1}
        policy = parse_policy(yaml.safe_dump(data, sort_keys=False))
        with desk.container.sessions.begin() as session:
            put_in_force(session, policy, desk.clock.now())
        tell(desk, order("O-2"), pick("O-2"), order("O-3", sku="Z"), pick("O-3", sku="Z"), lies(6, sku="Z"))
        branches = {each: one(desk, each, substitutes=[])["branch"] for each in ("O-1", "O-2", "O-3")}
        assert branches == {"O-1": "split_order", "O-2": "notify", "O-3": "split_order"}
        with desk.container.reads() as session:
            replayed = list(replay_all(session, {}))
            again = list(preview(session, policy, NOW, desk.clock.now() + timedelta(hours=1)))
        assert [(each.differences, each.why_not) for each in replayed] == [((), None)] * 3
        assert [each.why for each in again] == [None] * 3


class TestStockIsPromisedOnce:
    def test_two_lines_of_one_batch_do_not_get_the_same_stock(self, acting: House) -> None:
        tell(acting, order("O-2", quantity=9), pick("O-2"), lies(0, hours=-6))
        first, second = decided(acting, wave_id="W-1")["lines"]
        assert (first["order_id"], first["recommended_branch"], first["branch"]) == ("O-1", "reallocate", "review")
        assert (second["branch"], acting.rows(StockPromiseRow)) == ("review", [])  # five do not cover ten, nor nine
        acting.advance(hours=1)
        tell(acting, lies(15, place="ATVIE", hours=0.5))
        lines = decided(acting, wave_id="W-1")["lines"]
        assert [(line["order_id"], line["branch"]) for line in lines] == [("O-1", "reallocate"), ("O-2", "review")]
        assert "together lack 4 of 9" in lines[1]["held_because"]
        promised = [(row.subject_id, row.quantity_thousandths) for row in acting.rows(StockPromiseRow)]
        assert promised == [("O-1/10", 10_000)]

    def test_nor_lines_of_two_batches_until_the_books_say_it(self, acting: House) -> None:
        tell(acting, lies(0, hours=-6), lies(12, place="ATVIE", hours=-5))
        call_id = one(acting, "O-1")["call_id"]
        tell(acting, order("O-2", quantity=4), pick("O-2"))
        assert "together lack 2 of 4" in one(acting, "O-2")["held_because"]
        claimed(acting)
        acting.advance(hours=2)
        outcome = {"call_id": call_id, "outcome": "done", "occurred_at": at(hours=1)}
        told = acting.api.post("/v1/outcomes", json=outcome, headers={"Idempotency-Key": "done"})
        assert told.status_code == 200, told.text
        assert one(acting, "O-2")["already_decided"]
        tell(acting, lies(4, place="ATVIE", hours=1.5))  # ten are gone, and two more came in
        assert one(acting, "O-2")["branch"] == "reallocate"

    def test_nor_lines_of_two_processes_that_ask_at_once(self, acting: House) -> None:
        tell(acting, order("O-2"), pick("O-2"), lies(6, hours=-6))
        with acting.another() as other, ThreadPoolExecutor(2) as pool:
            together = Barrier(2)

            def ask(house: House, order_id: str) -> str:
                together.wait()
                return str(one(house, order_id)["branch"])

            ends = pool.map(ask, (acting, other), ("O-1", "O-2"))
        assert sorted(ends) == ["reallocate", "review"]
        assert acting.count(OutgoingCallRow) == 1

    def test_what_was_withdrawn_is_free_again(self, acting: House) -> None:
        tell(acting, order("O-2", quantity=9), pick("O-2"))
        assert one(acting, "O-1")["branch"] == "reallocate"
        tell(acting, order("O-1", quantity=0, occurred_at=at(hours=0)))
        assert one(acting, "O-1")["branch"] == "none"
        assert one(acting, "O-2")["branch"] == "reallocate"

    def test_what_is_suggested_to_a_person_is_kept_for_them(self, desk: House) -> None:
        tell(desk, order("O-2", quantity=9), pick("O-2"), lies(5, place="ATVIE"))
        first, second = decided(desk, wave_id="W-1")["lines"]
        assert (first["order_id"], first["recommended_branch"]) == ("O-1", "reallocate")
        assert "lack" in second["held_because"]
        token = desk.claimed(first["review_item_id"])
        assert desk.answer(first["review_item_id"], "accept", claim_token=token).status_code == 200
        assert sources(sent(desk)[0]["data"]) == [("ATVIE", 4.0)]
        assert desk.count(StockPromiseRow) == 1

    def test_a_person_does_not_hand_out_what_another_line_was_promised_since(self, desk: House) -> None:
        tell(desk, order("O-2", quantity=9), pick("O-2"), lies(5, place="ATVIE"))
        believe(desk, 0.3)
        item_id = one(desk, "O-1")["review_item_id"]
        believe(desk, 0.7)
        assert one(desk, "O-2")["recommended_branch"] == "reallocate"
        desk.advance(minutes=1)
        tell(desk, lies(7, hours=0.01))
        assert one(desk, "O-2")["recommended_branch"] == "reallocate"
        body = {"branch": "reallocate", "reason_code": "better_option", "claim_token": desk.claimed(item_id)}
        refused = desk.answer(item_id, "override", **body)
        assert refused.status_code == 422, refused.text
        assert "were promised to O-2/10 since" in refused.text
        assert desk.count(OutgoingCallRow) == 0


class TestCoveredMeanwhile:
    def test_an_open_item_is_withdrawn(self, desk: House) -> None:
        item_id = one(desk, "O-1")["review_item_id"]
        cover(desk)
        found = one(desk, "O-1")
        assert (found["branch"], found["recommended_branch"]) == ("none", "none")
        (item,) = desk.rows(ReviewItemRow)
        assert (item.item_id, item.status, item.verdict, item.reason_code) == (
            item_id, "done", "superseded", "newer_decision",
        )  # fmt: skip
        assert item.note == f"The line is covered now. By {found['decision_id']}"

    def test_whoever_holds_the_item_is_told(self, desk: House) -> None:
        item_id = one(desk, "O-1")["review_item_id"]
        desk.claimed(item_id)
        cover(desk)
        one(desk, "O-1")
        (item,) = desk.rows(ReviewItemRow)
        assert (item.status, item.why.endswith(" The line is covered now.")) == ("claimed", True)
        assert problems_of(desk) == ()

    def test_a_call_that_was_not_sent_is_cancelled(self, acting: House) -> None:
        one(acting, "O-1")
        cover(acting)
        one(acting, "O-1")
        (call,) = acting.rows(OutgoingCallRow)
        assert (call.status, call.effect, call.effect_because) == ("dismissed", "withdrawn", "The line is covered now.")
        assert acting.audited()["call.dismissed"] == 1

    @pytest.mark.service
    def test_what_a_person_lets_out_meanwhile_is_cancelled(
        self, postgresql_url: str, late_shipments: Policy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with opened(postgresql_url, late_shipments) as desk, desk.another() as other, ThreadPoolExecutor(1) as pool:
            tell(desk, order("O-1"), pick("O-1"), lies(6), lies(5, place="ATVIE"))
            item_id = one(desk, "O-1")["review_item_id"]
            token, locked = desk.claimed(item_id), deciding.lock_calls
            cover(desk)
            answers: list[int] = []

            def accept_after(*given: Any, **named: Any) -> Any:
                found = locked(*given, **named)
                if not answers:
                    answer = pool.submit(other.answer, item_id, "accept", claim_token=token).result(20)
                    answers.append(answer.status_code)
                return found

            monkeypatch.setattr(deciding, "lock_calls", accept_after)
            one(desk, "O-1")
            assert answers == [200]
            (call,) = desk.rows(OutgoingCallRow)
            assert (call.status, call.effect) == ("dismissed", "withdrawn")

    def test_a_wave_that_is_held_is_released(self, desk: House) -> None:
        let_act(desk)
        tell(
            desk, order("O-2", ship_complete=True), pick("O-2", wave="W-2"), lies(30, hours=-6, disposition="reserved")
        )
        found = one(desk, "O-2")
        assert (found["cause"], found["branch"]) == ("for_others", "hold_wave")
        became(desk, found["call_id"], status="delivered", effect="accepted")
        cover(desk)
        one(desk, "O-2")
        event = sent(desk)[-1]
        assert event["type"] == "freight.compensation.hold_wave"
        assert (event["data"]["action"], event["data"]["facts"]["wave_id"]) == ("release_wave", "W-2")

    def test_of_a_transfer_that_is_under_way_a_person_is_asked(self, acting: House) -> None:
        call_id = one(acting, "O-1")["call_id"]
        became(acting, call_id, status="delivered", effect="accepted")
        cover(acting)
        one(acting, "O-1")
        (item,) = acting.rows(ReviewItemRow)
        assert (item.call_id, item.status) == (call_id, "open")
        assert "Is it so because of reallocate" in item.why
        assert acting.rows(OutgoingCallRow)[0].effect == "with_person"

    def test_a_transfer_that_is_done_stands(self, acting: House) -> None:
        call_id = one(acting, "O-1")["call_id"]
        became(acting, call_id, status="delivered", effect="verified")
        cover(acting)
        one(acting, "O-1")
        (call,) = acting.rows(OutgoingCallRow)
        assert (call.effect, acting.rows(ReviewItemRow)) == ("verified", [])

    def test_short_again_it_is_decided_about_again(self, acting: House) -> None:
        first = one(acting, "O-1")
        cover(acting)
        one(acting, "O-1")
        acting.advance(hours=1)
        tell(acting, lies(6, hours=1.05))
        again = one(acting, "O-1")
        assert (again["branch"], again["already_decided"]) == ("reallocate", False)
        assert again["decision_id"] != first["decision_id"]
        assert acting.count(OutgoingCallRow) == 2

    def test_a_place_also_names_what_waits_for_lines_that_are_picked(self, desk: House) -> None:
        one(desk, "O-1")
        desk.advance(hours=1)
        tell(desk, pick("O-1", status="done", hours=0.5, done_quantity=10))
        (line,) = decided(desk, place="DEHAM")["lines"]
        assert (line["order_id"], line["branch"], line["needed"]) == ("O-1", "none", 0.0)
        assert [item.status for item in desk.rows(ReviewItemRow)] == ["done"]


class TestTheRecord:
    def test_every_decision_is_made_again_and_stands_in_the_one_chain(self, acting: House) -> None:
        acting.announce("O-1/10")  # a shipment of the same name
        acting.decided("O-1/10", risk=0.5)
        one(acting, "O-1")
        cover(acting)
        one(acting, "O-1")
        with acting.container.reads() as session:
            assert verify(session).problems == ()
            assert [(each.differences, each.why_not) for each in replay_all(session, {})] == [((), None)] * 3
        listed = acting.api.get("/v1/decisions?order_id=O-1&line_id=10").json()["decisions"]
        assert [(each["branch"], each["moment"]) for each in listed] == [
            ("none", "before_wave"),
            ("reallocate", "before_wave"),
        ]
        assert acting.api.get("/v1/decisions?order_id=O-1").status_code == 422

    def test_calls_are_listed_by_line_and_by_shipment_of_the_same_name(self, acting: House) -> None:
        acting.announce("O-1/10")
        acting.decided("O-1/10", risk=0.5)
        one(acting, "O-1")

        def listed(asked: str) -> list[str]:
            return [each["branch"] for each in acting.api.get(f"/v1/calls{asked}").json()["calls"]]

        assert listed("") == ["reallocate", "notify"]
        assert listed("?order_id=O-1&line_id=10") == ["reallocate"]
        assert listed("?shipment_id=O-1/10") == ["notify"]
        assert listed("?invoice_id=O-1/10") == []
        assert listed("?effect=verified") == []
        for asked in ("?order_id=O-1", "?shipment_id=A&invoice_id=B", "?customer_id=C"):
            problem_in(acting.api.get(f"/v1/calls{asked}"), 422, "invalid-request")

    def test_a_preview_sees_the_queue_from_which_lines_are_taken_again(self, desk: House) -> None:
        since, policy = desk.clock.now(), load_policy(bundled_policy(SubjectType.SHORTAGE))
        tell(desk, order("O-2"), pick("O-2"), order("O-3", sku="Z"), pick("O-3", sku="Z"), lies(2, sku="Z"))
        for name in ("O-1", "O-2", "O-3"):
            assert one(desk, name)["branch"] == "review"
        desk.advance(minutes=1)
        tell(desk, order("O-2", ship_complete=True))
        assert one(desk, "O-2")["branch"] == "notify", "its customer is told, and nobody is asked any more"
        rows = assert_both_sides_are_the_queue(desk, policy, since)
        assert [row.status for row in rows].count("open") == 2
        cover(desk)
        for name in ("O-1", "O-3"):
            one(desk, name)
        rows = assert_both_sides_are_the_queue(desk, policy, since)
        assert sorted(f"{row.subject_id} {row.status}" for row in rows) == ["O-1/10 done", "O-2/10 done", "O-3/10 open"]

    def test_a_preview_and_a_shadow_look_at_lines_alone(self, desk: House) -> None:
        shadowing = acting_bundle(7)
        with desk.container.sessions.begin() as session:
            repository.keep(session, shadowing, desk.clock.now())
            before = repository.standing(session, SubjectType.SHORTAGE)
            given = {"shadow_digest": shadowing.digest}
            repository.move(
                session, Step.SHADOWED, shadowing.digest, by="a", at=desk.clock.now(), before=before, **given
            )
        desk.announce("SH-9")
        desk.decided("SH-9", risk=0.5)
        one(desk, "O-1", substitutes=[])
        (looked,) = desk.rows(ShadowDecisionRow)
        assert json.loads(str(looked.body))["branch"] == "split_order"
        with desk.container.reads() as session:
            (compared,) = preview(session, shadowing, desk.clock.now(), desk.clock.now().replace(year=2027))
        assert (compared.subject_id, str(compared.before)) == ("O-1/10", "review (split_order)")
        assert str(compared.after) == "split_order"


def test_no_two_lines_share_a_key_and_a_long_name_is_one() -> None:
    assert SubjectKey.line("O/1", "2").id != SubjectKey.line("O", "1/2").id
    long, other = (SubjectKey.line("O" * 200, end * 200).id for end in "ab")
    assert (len(long), long != other) == (200, True)
