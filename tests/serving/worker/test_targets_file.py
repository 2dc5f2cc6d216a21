from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from features.vocabulary import Branch, SubjectType
from routing.dispatch.brokers.targets import KafkaTarget
from routing.dispatch.routes import CallKind, Route, Routes
from routing.dispatch.targets import Limits, Window
from routing.dispatch.webhooks import WebhookTarget
from serving.worker.errors import NoTargetError, TargetsFileError
from serving.worker.outbox import SqlOutbox
from serving.worker.targets_document import TargetsPart
from serving.worker.targets_file import Directory, read_targets
from serving.worker.unrouted import require_targets, watching
from tests.routing.dispatch.fakes import NOON, OTHER_SECRET, SECRET
from tests.serving.house import House
from tests.serving.worker.stores import SqlStore

FILE = """
owner: transport-integration
targets:
  tms:
    url: https://tms.example/calls
    secrets: [{env: TMS_SECRET}, {file: old-secret}]
    authorization: {env: TMS_TOKEN}
    timeout_seconds: 5
    concurrency: 2
    retry: {max_attempts: 4, first_wait_seconds: 1, longest_wait_seconds: 60}
    breaker: {threshold: 3, cool_down_seconds: 9}
    maintenance: [{since: 2026-03-07T22:00:00Z, until: 2026-03-08T02:00:00Z}]
  erp:
    url: {env: ERP_URL}
    secrets: [{env: TMS_SECRET}]
    topic: freight.calls
    sasl: {mechanism: SCRAM-SHA-512, username: triage, password: {env: ERP_PASSWORD}}
routes:
  - {branches: [approve, short_pay], target: erp}
  - {types: [freight.invoice.dispute], target: erp}
otherwise: tms
"""
ENVIRONMENT = {
    "TMS_SECRET": SECRET.text(),
    "TMS_TOKEN": "Bearer t-1",
    "ERP_URL": "kafka://broker.example:9092",
    "ERP_PASSWORD": "a-password",
}


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Directory]:
    def read(text: str = FILE, **environment: str) -> Directory:
        (tmp_path / "old-secret").write_text(OTHER_SECRET.text() + "\n")
        path = tmp_path / "targets.yaml"
        path.write_text(text)
        return read_targets(path, {**ENVIRONMENT, **environment})

    return read


class TestReading:
    def test_each_target_has_its_own_place_credentials_and_limits(self, read: Callable[..., Directory]) -> None:
        directory = read()
        tms, erp = directory.targets
        assert directory.owner == "transport-integration"
        assert isinstance(tms, WebhookTarget)
        assert (tms.secrets, tms.authorization) == ((SECRET, OTHER_SECRET), "Bearer t-1")
        assert tms.limits is not None
        assert (tms.limits.concurrency, tms.limits.retry.max_attempts, tms.limits.breaker_threshold) == (2, 4, 3)
        evening = datetime(2026, 3, 7, 22, tzinfo=UTC)
        assert tms.windows == (Window(since=evening, until=evening + timedelta(hours=4)),)
        assert isinstance(erp, KafkaTarget)
        assert (erp.url, erp.topic, erp.limits) == ("kafka://broker.example:9092", "freight.calls", Limits())
        assert erp.sasl is not None
        assert (erp.sasl.username, erp.sasl.password) == ("triage", "a-password")

    def test_calls_go_by_their_route_and_otherwise(self, read: Callable[..., Directory]) -> None:
        routes = read().routes
        found = {
            branch: routes.target_of(CallKind(subject, branch))
            for subject, branch in [
                (SubjectType.INVOICE, Branch.APPROVE),
                (SubjectType.INVOICE, Branch.DISPUTE),
                (SubjectType.SHIPMENT, Branch.REBOOK),
            ]
        }
        assert found == {Branch.APPROVE: "erp", Branch.DISPUTE: "erp", Branch.REBOOK: "tms"}

    @pytest.mark.parametrize(
        ("old", "new", "line", "said"),
        [
            ("otherwise: tms", "otherwise: tmz", 21, "'tmz' is not among `targets`. Did you mean 'tms'?"),
            ("    topic: freight.calls\n", "", 13, "the target is a topic of Kafka, and topic is missing"),
            ("timeout_seconds: 5", "timeout: 5", 8, "`timeout` is not known here"),
            ("[freight.invoice.dispute]", "[freight.invoice.approve]", 20, "no call goes this way"),
            ("{env: TMS_TOKEN}", "{env: NOWHERE}", 7, "the environment has no NOWHERE"),
            ("{file: old-secret}", "{file: no-secret}", 6, "there is no secret at"),
            ("{env: TMS_SECRET}, ", "{}, ", 6, "give `env`, the name of a variable, or `file`"),
            ("until: 2026-03-08T02:00:00Z", "until: 2026-03-07T02:00:00Z", 12, "before it begins"),
            ("[approve, short_pay]", "[approve, review]", 19, "expected"),
            ("url: https://tms.example/calls", "url: https://u:pw-1@tms.example/calls", 4, "holds credentials"),
        ],
    )
    def test_what_is_wrong_is_told_with_its_line(
        self, old: str, new: str, line: int, said: str, read: Callable[..., Directory]
    ) -> None:
        with pytest.raises(TargetsFileError) as caught:
            read(FILE.replace(old, new))
        assert any(each.line == line and said in each.message for each in caught.value.problems), str(caught.value)
        assert "pw-1" not in str(caught.value)

    def test_all_of_it_at_once(self, read: Callable[..., Directory]) -> None:
        with pytest.raises(TargetsFileError) as caught:
            read(FILE.replace("{env: TMS_TOKEN}", "{env: NOWHERE}").replace("otherwise: tms", "otherwise: tmz"))
        assert len(caught.value.problems) >= 2

    def test_a_target_that_no_call_goes_to_is_told(self, read: Callable[..., Directory]) -> None:
        data = yaml.safe_load(FILE)
        data["otherwise"] = "erp"
        with pytest.raises(TargetsFileError, match="no call goes to 'tms'"):
            read(yaml.safe_dump(data))

    def test_a_weak_secret_is_refused_and_not_shown(self, read: Callable[..., Directory]) -> None:
        with pytest.raises(TargetsFileError) as caught:
            read(TMS_SECRET="hunter2")
        assert "hunter2" not in str(caught.value)


def test_the_example_of_the_documentation_has_the_right_shape() -> None:
    page = (Path(__file__).parents[3] / "docs" / "targets.md").read_text(encoding="utf-8")
    part = TargetsPart.model_validate(yaml.safe_load(page.partition("```yaml")[2].partition("```")[0]))
    assert set(part.targets) == {"tms", "erp", "flows"}


TO_MAIL = Routes([Route(target="mail", branches=frozenset({Branch.NOTIFY}))])


class TestTheOutbox:
    """Calls bear the name by which the service put them there; whom they go to follows from their kind."""

    def outbox(self, database: SqlStore, routes: Routes) -> SqlOutbox:
        return SqlOutbox(database.engine, routes)

    def claimed(self, outbox: SqlOutbox, target: str) -> list[str]:
        minute = timedelta(minutes=1)
        found = outbox.claim(target=target, owner="w", limit=9, now=NOON, real_now=NOON, lease=minute)
        return [call.call_id for call in found]

    def test_each_target_gets_its_own(self, database: SqlStore) -> None:
        database.put("c1", "s1")
        routes = Routes([*TO_MAIL.routes, Route(target="tms", branches=frozenset({Branch.REBOOK}))])
        outbox = self.outbox(database, routes)
        assert (outbox.open_calls(["tms"]), outbox.open_calls(["mail"]), outbox.open_calls([])) == (0, 1, 0)
        assert self.claimed(outbox, "tms") == []
        assert self.claimed(outbox, "orchestrator") == []
        assert self.claimed(outbox, "mail") == ["c1"]

    def test_what_has_no_target_is_told_and_keeps_the_worker_from_starting(self, database: SqlStore) -> None:
        database.put("c1", "s1")
        tms = Routes([Route(target="tms", branches=frozenset({Branch.REBOOK}))])
        outbox = self.outbox(database, tms)
        notify = CallKind(SubjectType.SHIPMENT, Branch.NOTIFY)
        assert outbox.without_target() == {notify: 1}
        assert self.outbox(database, TO_MAIL).without_target() == {}
        with pytest.raises(NoTargetError, match=r"freight\.branch\.notify.*desk is to add a route"):
            require_targets(database.engine, outbox, tms, "desk")

    def test_one_that_comes_later_is_said_aloud(self, database: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
        outbox = self.outbox(database, Routes([Route(target="tms", branches=frozenset({Branch.REBOOK}))]))

        async def run() -> None:
            async with watching(outbox, "desk", every_seconds=0.01):
                database.put("c1", "s1")
                while not caplog.records:
                    await asyncio.sleep(0.01)

        with caplog.at_level(logging.ERROR):
            asyncio.run(asyncio.wait_for(run(), 10))
        assert "1 of freight.branch.notify" in caplog.text


def test_every_branch_of_the_bundles_in_force_needs_a_target(any_house: House) -> None:
    outbox = SqlOutbox(any_house.engine, TO_MAIL)
    with pytest.raises(NoTargetError) as caught:
        require_targets(any_house.engine, outbox, TO_MAIL, "desk")
    types = {kind.type for kind in caught.value.kinds}
    assert {"freight.branch.rebook", "freight.branch.escalate", "freight.compensation.split"} <= types
    assert not {each for each in types if "notify" in each or "invoice" in each}
    require_targets(any_house.engine, outbox, Routes(TO_MAIL.routes, otherwise="tms"), "desk")
