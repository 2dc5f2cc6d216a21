"""`Idempotency-Key`: one key, one payload, one answer; however many ask at once, one decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Barrier, BrokenBarrierError

import httpx
import pytest

from features.state import FeatureRow
from features.vocabulary import Moment
from models.contracts import DelayScore
from serving.db.tables import DecisionRow, IdempotencyRow, OutgoingCallRow
from serving.decisions.idempotency import read_key
from serving.errors import KeyMissingError
from tests.serving.house import FakeModel, House, delivery, problem_in

AT_ONCE = 6


@pytest.fixture
def processes(any_house: House) -> Iterator[list[House]]:
    """Several processes at one database, which all know of SH-1 to SH-3."""
    any_house.announce("SH-1", "SH-2", "SH-3")
    with ExitStack() as stack:
        houses = [stack.enter_context(any_house.another()) for _ in range(AT_ONCE)]
        for house in houses:  # FastAPI completes a route at its first call, which no two threads can
            house.triage("SH-404")
        yield houses


def at_once(processes: list[House], call: Callable[[int, House], httpx.Response]) -> list[httpx.Response]:
    """Let every process do a call in the same moment, each in a thread of its own."""
    start = Barrier(len(processes))

    def run(number: int) -> httpx.Response:
        start.wait(10)
        return call(number, processes[number])

    with ThreadPoolExecutor(len(processes)) as pool:
        return list(pool.map(run, range(len(processes))))


class TestReadKey:
    @pytest.mark.parametrize(("header", "key"), [("abc", "abc"), ('"abc"', "abc"), (" abc ", "abc"), ('""x', '""x')])
    def test_takes_the_drafts_quoted_form_and_the_bare_one(self, header: str, key: str) -> None:
        assert read_key(header) == key

    @pytest.mark.parametrize("header", [None, "", " ", '""', "a b", "k\u00e9y", "x" * 256])
    def test_refuses_what_is_no_key(self, header: str | None) -> None:
        with pytest.raises(KeyMissingError):
            read_key(header)


class TestOneAfterTheOther:
    def test_the_same_key_and_payload_get_the_same_answer(self, any_house: House) -> None:
        any_house.announce("SH-1")
        first = any_house.triage(key="k")
        any_house.advance(hours=1)
        second = any_house.triage(key="k")

        assert first.content == second.content
        assert "Idempotent-Replayed" not in first.headers
        assert second.headers["Idempotent-Replayed"] == "true"
        assert any_house.count(DecisionRow) == any_house.count(OutgoingCallRow) == 1

    def test_the_answer_is_the_first_one_even_if_more_is_known_now(self, house: House) -> None:
        house.announce("SH-1")
        first = house.triage(key="k")
        house.send(delivery("d-1", "delivered"))
        assert house.triage(key="k").content == first.content

    def test_the_answer_outlives_the_process(self, any_house: House) -> None:
        any_house.announce("SH-1")
        first = any_house.triage(key="k")
        with any_house.another() as restarted:
            assert restarted.triage(key="k").content == first.content

    def test_blanks_and_order_of_keys_make_no_other_payload(self, house: House) -> None:
        house.announce("SH-1")
        headers = {"Idempotency-Key": "k", "content-type": "application/json"}
        answers = [
            house.api.post("/v1/triage", content=content, headers=headers)
            for content in (
                '{"shipment_id":"SH-1","moment":"2h_before"}',
                '{ "moment":"2h_before", "shipment_id":"SH-1"}',
            )
        ]
        assert answers[0].content == answers[1].content

    def test_another_payload_is_refused_and_decides_nothing(self, any_house: House) -> None:
        any_house.announce("SH-1", "SH-2")
        any_house.triage("SH-1", key="k")

        problem = problem_in(any_house.triage("SH-2", key="k"), 422, "idempotency-key-reused")

        assert "Send a new call with a new key" in problem["detail"]
        assert any_house.count(DecisionRow) == 1

    def test_without_a_key_nothing_is_decided(self, house: House) -> None:
        house.announce("SH-1")
        answer = house.api.post("/v1/triage", json={"shipment_id": "SH-1"})

        assert "Idempotency-Key is absent" in problem_in(answer, 400, "idempotency-key-missing")["detail"]
        assert house.count(DecisionRow) == 0

    def test_a_refused_request_leaves_its_key_free(self, any_house: House) -> None:
        problem_in(any_house.triage("SH-1", key="k"), 404, "unknown-shipment")
        any_house.announce("SH-1")
        assert any_house.triage("SH-1", key="k").status_code == 200


class TestAtOnce:
    def test_one_key_decides_once_and_all_get_that_answer(self, processes: list[House]) -> None:
        answers = at_once(processes, lambda _, house: house.triage("SH-1", key="k"))

        for answer in answers:
            if answer.status_code != 200:
                problem_in(answer, 409, "idempotency-key-in-use")
        given = {answer.content for answer in answers if answer.status_code == 200}
        assert given == {processes[0].triage("SH-1", key="k").content}
        assert [processes[0].count(table) for table in (DecisionRow, IdempotencyRow, OutgoingCallRow)] == [1, 1, 1]

    def test_many_keys_decide_a_version_once(self, processes: list[House]) -> None:
        answers = at_once(processes, lambda number, house: house.triage("SH-1", key=f"k-{number}"))

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["decision_id"] for answer in answers}) == 1
        assert sorted(answer.json()["already_decided"] for answer in answers) == [False] + [True] * (AT_ONCE - 1)
        assert processes[0].count(DecisionRow) == processes[0].count(OutgoingCallRow) == 1

    def test_one_key_with_several_payloads_belongs_to_one(self, processes: list[House]) -> None:
        answers = at_once(processes, lambda number, house: house.triage(f"SH-{number % 3 + 1}", key="k"))

        decided = {answer.json()["shipment_id"] for answer in answers if answer.status_code == 200}
        assert len(decided) == 1
        assert {answer.status_code for answer in answers} <= {200, 409, 422}
        assert processes[0].count(DecisionRow) == 1

    def test_decisions_made_at_once_make_one_gapless_chain(self, processes: list[House]) -> None:
        answers = at_once(
            processes, lambda number, house: house.triage(f"SH-{number % 3 + 1}", moment=list(Moment)[number // 3])
        )

        assert {answer.status_code for answer in answers} == {200}
        rows = processes[0].rows(DecisionRow)
        assert [row.sequence for row in rows] == list(range(1, AT_ONCE + 1))
        assert [row.previous_hash for row in rows[1:]] == [row.hash for row in rows[:-1]]

    def test_two_moments_of_one_shipment_do_not_act_twice(self, any_house: House) -> None:
        any_house.announce("SH-1")
        meeting = _Meeting(2)
        with any_house.another(model=meeting) as one, any_house.another(model=meeting) as other:
            for house in (one, other):
                house.triage("SH-404")
            answers = at_once(
                [one, other], lambda number, house: house.triage("SH-1", moment=list(Moment)[number], key=f"k-{number}")
            )

        assert sorted(answer.json()["branch"] for answer in answers) == ["none", "notify"]
        assert any_house.count(OutgoingCallRow) == 1


class _Meeting(FakeModel):
    """Waits a moment for another thread to be scoring too, so that both are between look and write."""

    def __init__(self, parties: int) -> None:
        super().__init__(0.5)
        self._barrier = Barrier(parties)

    def score(self, row: FeatureRow, moment: Moment) -> DelayScore:
        with suppress(BrokenBarrierError):  # broken when the other one is kept waiting, as it should be
            self._barrier.wait(0.05)
        return super().score(row, moment)
