"""A carrier bills every load by a wrong table: one item in place of its bills, each decided anew after it, once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from features.vocabulary import SubjectType
from routing.policy import Policy
from routing.replay import replay
from serving.db.subjects import SubjectKey
from serving.db.tables import CauseRow, ChildRow, DecisionRow, LookRow, OutgoingCallRow, ReviewItemRow
from serving.decisions.verification import verify
from serving.policies.preview import preview
from serving.web import causes as pages
from tests.serving.bundles import Edit
from tests.serving.causes.bills import agree, at_desk, bill, carried, decided, playbook, told
from tests.serving.causes.outage import drained, names
from tests.serving.house import House, Json
from tests.serving.invoices.test_scoring import invoice
from tests.serving.web.visitor import coded

FEW = {
    "declare": {"at_least": 3, "share_at_least": 0.5, "within_minutes": 10_080},
    "over": {"seen_at_least": 3, "share_below": 0.3, "within_minutes": 60},
}
FEW_DECLARE = playbook("wrong_rate_table", **FEW), playbook("tariff_not_on_file", **FEW)
WRONG = 12_00
Under = Callable[..., House]


@pytest.fixture
def under(any_url: str, late_shipments: Policy) -> Iterator[Under]:
    """Start a service at the one database under the bundle on invoices, after edits."""
    with ExitStack() as stack:
        yield lambda *edits: stack.enter_context(at_desk(any_url, late_shipments, told(*edits)))


@pytest.fixture
def wrong(under: Under) -> House:
    """A house that was sent six bills of one carrier by a wrong rate; the third declares the cause."""
    return sent_wrong(under(*FEW_DECLARE))


@pytest.fixture
def desk(sqlite_url: str, late_shipments: Policy) -> Iterator[House]:
    """The same where the database makes no difference."""
    with at_desk(sqlite_url, late_shipments, told(*FEW_DECLARE)) as house:
        yield sent_wrong(house)


def sent_wrong(house: House) -> House:
    carried(house, names(6))
    bill(house, names(6), rate_minor=WRONG)
    return house


def bills(count: int) -> list[str]:
    return [f"B-{name}" for name in names(count)]


def cause_of(house: House) -> CauseRow:
    (cause,) = house.rows(CauseRow)
    return cause


def say(house: House, verb: str) -> None:
    path = f"/v1/causes/{cause_of(house).cause_id}/{verb}"
    assert house.api.post(path, json={}, headers={"X-Actor": "dana"}).status_code == 200


def statuses(house: House) -> dict[str, str]:
    return {child.subject_id: child.status for child in house.rows(ChildRow)}


def all_of_it(house: House) -> None:
    while house.container.tending.tend().is_more:
        pass


def limited(amount: float) -> Edit:
    """Let so many payments be proposed a day, and held bills wait for two days."""

    def edit(data: Json) -> None:
        terms = {"unit": "payments", "owner": "accounts-payable", "why": "as the bank takes them"}
        data["capacity"] = {"payments": {"amount": amount, "per_hours": 24, **terms}}
        data["branches"]["approve"]["uses"] = {"payments": 1}
        data["playbooks"]["wrong_rate_table"]["drain"] = {"at_most": 300, "per_minutes": 10, "waits_hours": 48}

    return edit


def wrong_table(url: str, shipments: Policy, count: int) -> None:
    """Live through so many bills by a wrong table, until the last of them is settled."""
    singly = 19  # the bundle declares it with the twentieth
    with at_desk(url, shipments, told()) as house:
        carried(house, names(count))
        bill(house, names(count), rate_minor=WRONG)
        answers = decided(house, *bills(count))
        assert Counter(answer["branch"] for answer in answers) == {"review": singly, "none": count - singly}
        cause = cause_of(house)
        held = {answer["invoice_id"] for answer in answers if answer["cause_id"] == cause.cause_id}
        assert held == set(statuses(house)) == set(bills(count)[singly:])
        assert house.count(ReviewItemRow) == singly
        all_of_it(house)
        assert cause_of(house).status == "standing", "every bill that is looked at again shows it still"

        say(house, "close")
        turns = drained(house)
        assert turns >= (count - singly - 1) // 100, "a hundred in ten minutes, as the playbook says"
        assert set(statuses(house).values()) == {"drained"}
        decisions = house.rows(DecisionRow)
        assert Counter(row.subject_id for row in decisions) == {name: 2 if name in held else 1 for name in bills(count)}
        assert Counter(row.subject_id for row in house.rows(ReviewItemRow)) == dict.fromkeys(bills(count), 1)
        assert house.count(OutgoingCallRow) == 0
        bodies = {row.decision_id: json.loads(row.body) for row in decisions}
        for child in house.rows(ChildRow):
            if child.subject_id in held:
                assert bodies[child.decision_id]["cause"]["cause_id"] == cause.cause_id
                assert "cause" not in bodies[str(child.settled_decision_id)]
            else:
                assert child.settled_decision_id == child.decision_id, "a person was asked, and is asked the same"
        with house.container.reads() as session:
            policy = house.container.bundles.live(session, SubjectType.INVOICE)
            assert all(replay(row.body, policy).body == row.body for row in decisions)
            assert verify(session).problems == ()


def test_bills_by_a_wrong_table_become_one_item_and_none_is_decided_twice(any_url: str, late_shipments: Policy) -> None:
    wrong_table(any_url, late_shipments, 30)


@pytest.mark.slow
def test_three_hundred_bills_by_a_wrong_table(any_url: str, late_shipments: Policy) -> None:
    wrong_table(any_url, late_shipments, 300)


class TestWhatIsHeld:
    def test_the_decision_seals_the_cause_and_the_same_bill_is_not_decided_again(self, wrong: House) -> None:
        answers = decided(wrong, *bills(6))
        assert [answer["branch"] for answer in answers] == ["review"] * 2 + ["none"] * 4
        (again,) = decided(wrong, "B-SH-0005")
        assert (again["already_decided"], again["cause_id"]) == (True, cause_of(wrong).cause_id)
        body = json.loads(wrong.rows(DecisionRow)[2].body)
        assert body["cause"] == {
            "cause_id": cause_of(wrong).cause_id,
            "playbook": "wrong_rate_table",
            "key": "C",
            "verdict": "declared",
            "shown": 3,
            "seen": 3,
        }
        assert (body["branch"], body["recommended_branch"]) == ("none", "short_pay")

    def test_what_does_not_show_it_goes_on(self, desk: House) -> None:
        decided(desk, *bills(4))
        carried(desk, ["RIGHT"])
        bill(desk, ["RIGHT"])
        desk.advance(hours=1)
        bill(desk, ["SH-0005"], rate_minor=WRONG, prefix="AGAIN", invoice_number="NB-SH-0005")
        right, twice = decided(desk, "B-RIGHT", "AGAIN-SH-0005")
        assert (right["branch"], right["cause_id"]) == ("approve", None)
        assert (twice["recommended_branch"], twice["branch"], twice["cause_id"]) == ("dispute", "review", None)

    def test_looks_at_shipments_by_a_playbook_of_the_same_name_do_not_count(self, desk: House) -> None:
        look = {"playbook": "wrong_rate_table", "key": "C", "looked_at": desk.clock.now(), "shows": True}
        with desk.container.sessions.begin() as session:
            session.execute(
                insert(LookRow),
                [{**look, "subject_type": "shipment", "subject_id": f"B-{name}"} for name in names(6)],
            )
        assert [answer["branch"] for answer in decided(desk, *bills(4))] == ["review"] * 2 + ["none"] * 2
        assert desk.count(LookRow) == 6 + 4 * 3, "of each bill one for each playbook"

    def test_a_cause_of_shipments_by_a_playbook_of_the_same_name_is_another_one(self, desk: House) -> None:
        decided(desk, *bills(3))
        own = cause_of(desk)
        columns = {each.key: getattr(own, each.key) for each in CauseRow.__table__.columns if each.key != "position"}
        with desk.container.sessions.begin() as session:
            session.execute(insert(CauseRow).values({**columns, "cause_id": "other", "subject_type": "shipment"}))
        desk.advance(hours=1)
        assert decided(desk, "B-SH-0003")[0]["cause_id"] == own.cause_id
        assert desk.count(CauseRow) == 2

    def test_another_carrier_and_a_shipment_with_the_same_names_are_apart(self, desk: House) -> None:
        decided(desk, *bills(4))
        carried(desk, ["OTHER"], carrier_id="Q")
        bill(desk, ["OTHER"], rate_minor=WRONG, carrier_id="Q")
        assert decided(desk, "B-OTHER")[0]["cause_id"] is None
        assert {row.subject_type for row in desk.rows(LookRow)} == {"invoice"}

    def test_bills_without_a_rate_on_file_wait_for_the_tariff_and_are_then_in_order(self, desk: House) -> None:
        loads = [f"Q-{number}" for number in range(5)]
        carried(desk, loads, carrier_id="Q")
        lines = invoice("any")["lines"][:2]
        of_q = bill(desk, loads, carrier_id="Q", lines=lines, net_due_minor=27_50)
        assert [answer["branch"] for answer in decided(desk, *of_q)] == ["review"] * 2 + ["none"] * 3
        assert cause_of(desk).playbook == "tariff_not_on_file"
        desk.advance(hours=2)
        agree(desk, 10_00, rate_id="Q", carrier_id="Q")
        for _ in range(3):
            all_of_it(desk)
        assert (cause_of(desk).status, cause_of(desk).ended_by) == ("over", "system")
        assert set(statuses(desk).values()) == {"drained"}
        assert {row.branch for row in desk.rows(OutgoingCallRow)} == {"approve"}
        assert desk.count(OutgoingCallRow) == 3


class TestItsEnd:
    def test_bills_judged_anew_by_the_right_table_show_that_it_is_over_and_are_paid(self, wrong: House) -> None:
        decided(wrong, *bills(6))
        wrong.advance(hours=2)
        agree(wrong, WRONG)
        for _ in range(3):
            all_of_it(wrong)
        assert (cause_of(wrong).status, cause_of(wrong).ended_by) == ("over", "system")
        assert set(statuses(wrong).values()) == {"drained"}
        assert {row.subject_id for row in wrong.rows(OutgoingCallRow)} == set(bills(6)[2:])
        assert [row.branch for row in wrong.rows(DecisionRow)][:6] == ["review"] * 2 + ["none"] * 4
        assert Counter(row.branch for row in wrong.rows(DecisionRow)[6:]) == {"approve": 4, "none": 2}
        assert {row.moment for row in wrong.rows(DecisionRow)[6:]} == {"anew"}

    def test_bills_that_people_were_asked_about_before_it_was_declared_are_judged_anew_as_well(
        self, wrong: House
    ) -> None:
        decided(wrong, *bills(6))
        claimed, _ = wrong.rows(ReviewItemRow)
        wrong.advance(hours=2)
        wrong.claimed(claimed.item_id)
        agree(wrong, WRONG)
        for _ in range(3):
            all_of_it(wrong)
        for item in wrong.rows(ReviewItemRow):
            assert "Judged anew at" in item.why
            assert "It would now go to approve." in item.why
            assert item.value_at_stake_minor == 0
        assert [row.status for row in wrong.rows(ReviewItemRow)] == ["claimed", "open"]
        assert len(wrong.rows(ChildRow)) == 6

    def test_what_is_still_wrong_then_goes_on_asking_what_it_asked(self, desk: House) -> None:
        decided(desk, *bills(6))
        before = {item.item_id: item.why for item in desk.rows(ReviewItemRow)}
        say(desk, "close")
        all_of_it(desk)
        assert {item.item_id: item.why for item in desk.rows(ReviewItemRow) if item.item_id in before} == before
        assert [row.branch for row in desk.rows(DecisionRow)] == ["review"] * 2 + ["none"] * 4 + ["review"] * 4

    def test_what_was_seen_before_its_end_declares_no_other(self, desk: House) -> None:
        decided(desk, *bills(5))
        desk.advance(hours=2)
        agree(desk, WRONG)
        for _ in range(3):
            all_of_it(desk)
        assert cause_of(desk).status == "over"
        carried(desk, ["NEXT"])
        bill(desk, ["NEXT"], rate_minor=WRONG + 2_00)
        assert decided(desk, "B-NEXT")[0]["cause_id"] is None, (
            "three of six have shown it this week, two before the end"
        )
        assert desk.count(CauseRow) == 1

    def test_budgets_are_waited_for_in_the_order_of_value(self, under: Under) -> None:
        house = under(playbook("wrong_rate_table", **FEW), limited(2))
        carried(house, names(6))
        for number, name in enumerate(names(6)):
            bill(house, [name], rate_minor=WRONG + 10 * number)
        decided(house, *bills(6))
        house.advance(hours=2)
        agree(house, WRONG + 1_00)  # by which each of them asks too little, within the tolerance
        say(house, "close")
        all_of_it(house)
        assert Counter(statuses(house).values()) == {"drained": 2 + 2, "held": 2}
        house.advance(hours=25)
        all_of_it(house)
        assert set(statuses(house).values()) == {"drained"}
        assert [row.subject_id for row in house.rows(OutgoingCallRow)] == bills(6)[:1:-1], "most at stake first"

    def test_two_processes_at_once_let_go_of_each_bill_once(self, wrong: House) -> None:
        decided(wrong, *bills(6))
        say(wrong, "decline")
        houses = [wrong.another() for _ in range(2)]
        try:
            with ThreadPoolExecutor(2) as pool:
                done = list(pool.map(lambda house: house.container.tending.tend().settled, houses))
        finally:
            for house in houses:
                house.close()
        all_of_it(wrong)
        assert sum(done) <= 6
        assert set(statuses(wrong).values()) == {"drained"}
        assert Counter(row.subject_id for row in wrong.rows(DecisionRow)).most_common()[-1][1] == 1
        assert wrong.count(DecisionRow) == 6 + 4
        assert wrong.count(ReviewItemRow) == 6

    def test_a_bill_that_was_decided_before_it_was_held_is_decided_anew_all_the_same(self, wrong: House) -> None:
        carried(wrong, ["PAID"])
        bill(wrong, ["PAID"])
        (paid,) = decided(wrong, "B-PAID")
        decided(wrong, *bills(6))
        wrong.advance(hours=2)
        agree(wrong, 8_00)  # now the bill asks too much as well
        (held,) = decided(wrong, "B-PAID", anew=True)
        assert (held["recommended_branch"], held["cause_id"]) == ("short_pay", cause_of(wrong).cause_id)
        wrong.advance(hours=2)
        agree(wrong, 10_00)  # and it does not, as when it came in
        say(wrong, "close")
        all_of_it(wrong)
        key = SubjectKey.invoice("B-PAID")
        newest = wrong.container.decisions.of_subject(key, before=None, limit=5)
        assert [row.branch for row in newest] == ["none", "none", "approve"]
        assert newest[0].subject_version == f"{newest[2].subject_version}~2"
        assert "approve was taken or suggested before" in json.loads(newest[0].body)["suppressed_because"]
        assert [row.call_id for row in wrong.rows(OutgoingCallRow) if row.subject_id == "B-PAID"] == [paid["call_id"]]

    def test_a_preview_takes_it_as_it_stood(self, desk: House) -> None:
        decided(desk, *bills(6))
        say(desk, "decline")
        all_of_it(desk)
        span = (desk.clock.now() - timedelta(days=1), desk.clock.now() + timedelta(days=1))

        def without(data: Json) -> None:
            del data["playbooks"]["wrong_rate_table"]
            del data["scenarios"]

        with desk.container.reads() as session:
            live = desk.container.bundles.live(session, SubjectType.INVOICE)
            same = list(preview(session, live, *span))
            other = list(preview(session, told(without), *span))
        assert (len(same), [each.why for each in same if each.why is not None]) == (10, [])
        assert Counter(each.why for each in other)["no common cause holds it any more"] == 4


class TestForPeople:
    def test_the_queue_and_the_page_name_invoices(self, desk: House) -> None:
        decided(desk, *bills(6))
        queue = desk.api.get("/queue").text
        assert "<b>4</b> invoices held" in queue
        assert queue.index("Carrier C bills its loads") < queue.index("Invoice NB-SH-0000"), "the parent comes first"
        assert "invoices held" in desk.api.get("/queue?about=invoice").text
        assert "invoices held" not in desk.api.get("/queue?about=shipment").text
        page = desk.api.get(f"/causes/{cause_of(desk).cause_id}").text
        assert "3 of 3 cases show it within 7 days" in page
        assert "Held invoices" in page
        assert "B-SH-0005" in page
        assert "Invoice NB-SH-0005 of C over 36.00 EUR" in page
        assert "22.00 EUR</b> at stake" in page
        assert "Compare a few of the bills with the contract." in page
        assert coded(page) == []

    def test_what_it_holds_is_leafed_through(self, desk: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "SHOWN", 3)
        decided(desk, *bills(6))
        first = desk.api.get(f"/causes/{cause_of(desk).cause_id}").text
        (more,) = re.findall(r'id="more" href="([^"]+)"', first)
        second = desk.api.get(more).text
        seen = [re.findall(r'<span class="code">(B-SH-\d+)</span>', page) for page in (first, second)]
        assert [len(each) for each in seen] == [3, 1]
        assert sorted({*seen[0], *seen[1]}) == seen[0] + seen[1], "each once, in order"
        assert ('id="more"' in second, 'id="first"' in second) == (False, True)

    def test_its_children_are_listed_as_invoices(self, desk: House) -> None:
        decided(desk, *bills(6))
        path = f"/v1/causes/{cause_of(desk).cause_id}"
        cause = desk.api.get(path).json()
        assert (cause["subject_type"], cause["at_stake_minor"], cause["currency"]) == ("invoice", 4 * 5_50, "EUR")
        first = desk.api.get(f"{path}/children?limit=3").json()
        rest = desk.api.get(f"{path}/children?limit=3&after={first['next']}").json()
        listed = first["children"] + rest["children"]
        assert [child["subject_id"] for child in listed] == bills(6)[2:]
        assert {(child["subject_type"], child["shipment_id"]) for child in listed} == {("invoice", None)}
        of_type = {
            kind: len(desk.api.get(f"/v1/causes?about={kind}").json()["causes"]) for kind in ("invoice", "shipment")
        }
        assert of_type == {"invoice": 1, "shipment": 0}

    def test_it_is_counted_and_audited(self, desk: House) -> None:
        decided(desk, *bills(6))
        say(desk, "confirm")
        told_of = desk.api.get("/metrics").text
        assert 'triage_causes{status="standing",subject_type="invoice"} 1.0' in told_of
        assert 'triage_cause_children{status="held",subject_type="invoice"} 4.0' in told_of
        actions = {row.action for row in desk.audited_of(f"cause:{cause_of(desk).cause_id}")}
        assert actions == {"cause.declared", "cause.confirmed"}

    def test_a_bill_that_cannot_be_judged_any_more_has_failed_and_holds_up_no_other(
        self, desk: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decided(desk, *bills(6))
        invoices: Any = desk.container.state.invoices
        known = type(invoices).__contains__
        monkeypatch.setattr(type(invoices), "__contains__", lambda of, name: name != "B-SH-0004" and known(of, name))
        all_of_it(desk)
        assert statuses(desk)["B-SH-0004"] == "failed"
        assert [row.action for row in desk.audited_of("invoice:B-SH-0004")] == ["child.failed"]
        say(desk, "decline")
        all_of_it(desk)
        assert Counter(statuses(desk).values()) == {"drained": 5, "failed": 1}
