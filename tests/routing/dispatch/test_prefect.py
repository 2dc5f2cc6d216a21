"""A call as a flow run of Prefect, against a fake that answers as a real server did (`tests/serving/prefect`)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.dispatch.envelope import BranchCall, compensation_envelope, envelope
from routing.dispatch.errors import AddressRefusedError, DeploymentNameError, MessageRefusedError, TargetUrlError
from routing.dispatch.http import HttpClient
from routing.dispatch.ports import Answer
from routing.dispatch.prefect import PrefectCaller, PrefectTarget
from routing.effects import Outcome, Report
from tests.routing.dispatch.fake_prefect import FakePrefect
from tests.routing.dispatch.fakes import NOON, FakeResolver

PUBLIC = "93.184.216.34"


def a_prefect(**changes: Any) -> PrefectTarget:
    given: dict[str, Any] = {
        "name": "orchestrator",
        "url": "https://prefect.example/api",
        "deployments": {Branch.REBOOK: "rebook-shipment/test", Branch.SPLIT: "split-shipment/test"},
        "undoing": {Branch.REBOOK: "cancel-booking/test"},
        "authorization": "Bearer pnu_hunter2",
    }
    return PrefectTarget(**given | changes)


def a_call(branch: Branch = Branch.REBOOK, **payload: object) -> BranchCall:
    return BranchCall(
        call_id=f"dec_1_{branch.value}_1",
        decision_id="dec_1",
        subject_id="SH-1",
        branch=branch,
        decided_at=NOON,
        payload=payload,
    )


def with_prefect(
    fake: FakePrefect, test: Callable[[PrefectCaller], Awaitable[object]], *, address: str = PUBLIC
) -> Any:
    async def run() -> object:
        resolver = FakeResolver(**{"prefect.example": [address]})
        async with aclosing(HttpClient(resolver=resolver, transport=fake)) as http:
            return await test(PrefectCaller(http))

    return asyncio.run(run())


def called(fake: FakePrefect, body: str, target: PrefectTarget | None = None, *, address: str = PUBLIC) -> Answer:
    call_id = json.loads(body)["id"]

    async def call(caller: PrefectCaller) -> Answer:
        return await caller.call(target or a_prefect(), message_id=call_id, body=body.encode())

    answer: Answer = with_prefect(fake, call, address=address)
    return answer


def asked(fake: FakePrefect, call_id: str = "dec_1_rebook_1") -> Report | None:
    async def ask(caller: PrefectCaller) -> Report | None:
        return await caller.ask(a_prefect(), message_id=call_id)

    report: Report | None = with_prefect(fake, ask)
    return report


class TestCall:
    def test_it_creates_a_run_of_the_branchs_deployment_with_the_calls_id_as_its_key(self) -> None:
        fake = FakePrefect()
        body = envelope(a_call(carrier_id="NWX"))
        assert called(fake, body).status == 201
        looked_up, created = fake.requests
        assert str(looked_up.url) == f"https://{PUBLIC}/api/deployments/name/rebook-shipment/test"
        assert {request.headers["authorization"] for request in fake.requests} == {"Bearer pnu_hunter2"}
        assert {request.headers["host"] for request in fake.requests} == {"prefect.example"}
        assert json.loads(created.content) == {
            "name": "dec_1_rebook_1",
            "idempotency_key": "dec_1_rebook_1",
            "parameters": {"call": json.loads(body)},
            "tags": ["freight-triage"],
        }

    def test_the_same_call_again_is_answered_and_makes_no_second_run(self) -> None:
        fake = FakePrefect()
        assert [called(fake, envelope(a_call())).status for _ in range(2)] == [201, 200]
        assert list(fake.runs) == ["dec_1_rebook_1"]

    def test_a_deployment_given_by_its_id_is_not_looked_up(self) -> None:
        fake = FakePrefect()
        target = a_prefect(deployments={Branch.REBOOK: fake.recorded["deployment"][1]["id"]})
        assert called(fake, envelope(a_call()), target).status == 201
        assert len(fake.requests) == 1

    def test_a_call_that_undoes_another_goes_to_the_deployment_for_that(self) -> None:
        fake = FakePrefect()
        assert called(fake, compensation_envelope(a_call())).status == 201
        assert fake.requests[0].url.path == "/api/deployments/name/cancel-booking/test"

    def test_a_server_that_asks_for_nothing_is_told_nothing(self) -> None:
        fake = FakePrefect()
        called(fake, envelope(a_call()), a_prefect(authorization=None))
        assert all("authorization" not in request.headers for request in fake.requests)

    def test_a_deployment_that_is_not_there_is_a_404_and_makes_no_run(self) -> None:
        fake = FakePrefect()
        answer = called(fake, envelope(a_call(Branch.SPLIT)))
        assert (answer.status, fake.runs) == (404, {})
        assert "Deployment not found" in answer.excerpt

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (envelope(a_call(Branch.NOTIFY)), r"no deployment is given for freight\.branch\.notify"),
            (compensation_envelope(a_call(Branch.SPLIT)), r"given for freight\.compensation\.split"),
            (envelope(a_call(note={"__prefect_kind": "jinja", "template": "{{ 7 }}"})), "Prefect would carry out"),
        ],
    )
    def test_what_no_flow_may_get_is_refused_and_nothing_is_sent(self, body: str, problem: str) -> None:
        fake = FakePrefect()
        with pytest.raises(MessageRefusedError, match=problem):
            called(fake, body)
        assert fake.requests == []

    def test_an_address_inside_the_house_is_not_called_unless_it_is_meant(self) -> None:
        fake = FakePrefect()
        with pytest.raises(AddressRefusedError):
            called(fake, envelope(a_call()), address="10.0.0.7")
        assert fake.requests == []
        assert called(fake, envelope(a_call()), a_prefect(allow_private=True), address="10.0.0.7").status == 201


class TestAsk:
    def told(self, state: str) -> Report | None:
        fake = FakePrefect()
        called(fake, envelope(a_call()))
        fake.states["dec_1_rebook_1"] = state
        return asked(fake)

    def test_a_run_that_is_completed_was_done(self) -> None:
        report = self.told("completed")
        assert report is not None
        (run,) = FakePrefect().recorded["completed"][1]
        assert (report.outcome, report.reference) == (Outcome.DONE, run["id"])
        assert report.occurred_at == datetime.fromisoformat(run["end_time"])

    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            ("failed", "the flow run is failed: .*the carrier did not answer"),
            ("crashed", "the flow run is crashed: .+"),
        ],
    )
    def test_a_run_that_began_and_did_not_complete_may_have_done_a_part(self, state: str, reason: str) -> None:
        report = self.told(state)
        assert report is not None
        assert report.outcome is Outcome.PARTIAL
        assert re.fullmatch(reason, str(report.reason))

    def test_a_run_that_never_began_has_failed(self) -> None:
        report = self.told("cancelled_before_start")
        assert report is not None
        assert (report.outcome, report.reason) == (Outcome.FAILED, "the flow run is cancelled: not wanted")

    @pytest.mark.parametrize("state", ["scheduled", "running"])
    def test_of_one_that_is_under_way_nothing_is_known(self, state: str) -> None:
        assert self.told(state) is None

    def test_nor_of_one_that_is_not_there_or_is_anothers(self) -> None:
        fake = FakePrefect()
        assert asked(fake) is None
        fake.recorded["no_run"] = fake.recorded["completed"]
        assert asked(fake) is None, "a server that does not know the filter answers with any run"


class TestTarget:
    @pytest.mark.parametrize("name", ["rebook", "/test", "rebook/", "a/b/c", ""])
    def test_a_name_that_no_deployment_has_is_refused(self, name: str) -> None:
        with pytest.raises(DeploymentNameError, match="Expected its id, or flow/deployment"):
            a_prefect(deployments={Branch.REBOOK: name})

    def test_its_url_is_one_that_may_be_called_and_its_token_in_no_repr(self) -> None:
        with pytest.raises(TargetUrlError, match="holds credentials"):
            a_prefect(url="https://dana:hunter2@prefect.example/api")
        assert "hunter2" not in repr(a_prefect())
