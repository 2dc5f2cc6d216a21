from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from features.vocabulary import Branch
from routing.dispatch.brokers.targets import KafkaTarget, NatsTarget, RabbitTarget
from routing.dispatch.prefect import PrefectTarget
from routing.dispatch.targets import Target
from routing.dispatch.webhooks import WebhookTarget
from serving.worker.errors import DeploymentOptionError, TargetOptionsError
from serving.worker.targets import TargetOptions, target_from
from tests.routing.dispatch.fakes import SECRET

TIMEOUT = timedelta(seconds=3)


def made(url: str, **options: Any) -> Target:
    given = {"secret": (SECRET.text(),), **options}
    return target_from(TargetOptions(name="orchestrator", url=url, timeout=TIMEOUT, **given))


class TestTargetFrom:
    @pytest.mark.parametrize(
        ("url", "options", "expected"),
        [
            (
                "https://orchestrator.example/calls",
                {"status_url": "https://orchestrator.example/{call_id}"},
                WebhookTarget(
                    name="orchestrator",
                    url="https://orchestrator.example/calls",
                    timeout=TIMEOUT,
                    secrets=(SECRET,),
                    status_url="https://orchestrator.example/{call_id}",
                ),
            ),
            (
                "tls://broker.example",
                {"subject": "freight.calls"},
                NatsTarget(
                    name="orchestrator",
                    url="tls://broker.example",
                    timeout=TIMEOUT,
                    secrets=(SECRET,),
                    subject="freight.calls",
                ),
            ),
            (
                "amqp://broker.example/freight",
                {"exchange": "calls"},
                RabbitTarget(
                    name="orchestrator",
                    url="amqp://broker.example/freight",
                    timeout=TIMEOUT,
                    secrets=(SECRET,),
                    exchange="calls",
                ),
            ),
            (
                "kafka://broker.example:9092",
                {"topic": "calls"},
                KafkaTarget(
                    name="orchestrator",
                    url="kafka://broker.example:9092",
                    timeout=TIMEOUT,
                    secrets=(SECRET,),
                    topic="calls",
                ),
            ),
            (
                "prefect+https://prefect.example/api",
                {
                    "secret": (),
                    "deployment": ("rebook=rebook-shipment/live", "notify=tell/live"),
                    "undo_deployment": ("rebook=cancel-booking/live",),
                    "authorization": "Bearer pnu_1",
                },
                PrefectTarget(
                    name="orchestrator",
                    url="https://prefect.example/api",
                    timeout=TIMEOUT,
                    deployments={Branch.REBOOK: "rebook-shipment/live", Branch.NOTIFY: "tell/live"},
                    undoing={Branch.REBOOK: "cancel-booking/live"},
                    authorization="Bearer pnu_1",
                ),
            ),
        ],
        ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
    )
    def test_the_scheme_of_the_url_says_of_which_kind_it_is(
        self, url: str, options: dict[str, Any], expected: Target
    ) -> None:
        assert made(url, **options) == expected

    @pytest.mark.parametrize(
        ("url", "options", "problem"),
        [
            ("https://orchestrator.example/", {"secret": ()}, "a webhook, and --secret is missing"),
            ("https://orchestrator.example/", {"subject": "x"}, "a webhook, and --subject has no meaning"),
            ("nats://broker.example", {}, "a subject of NATS, and --subject is missing"),
            ("nats://broker.example", {"subject": "x", "topic": "y"}, "--topic has no meaning"),
            ("nats://broker.example", {"subject": "x", "allow_private": True}, "--allow-private has no meaning"),
            ("kafka://broker.example", {"exchange": "x"}, "--topic is missing; --exchange has no meaning"),
            ("prefect+http://prefect.example/api", {}, "Expected options: --deployment, --undo-deployment"),
        ],
    )
    def test_an_option_of_another_kind_and_one_that_is_missing_are_told(
        self, url: str, options: dict[str, Any], problem: str
    ) -> None:
        with pytest.raises(TargetOptionsError) as caught:
            made(url, **options)
        assert problem in str(caught.value)

    @pytest.mark.parametrize("written", ["rebook", "rebook=", "review=flow/live", "rebok=flow/live"])
    def test_a_deployment_is_given_for_a_branch_that_is_called(self, written: str) -> None:
        with pytest.raises(DeploymentOptionError, match=r"Expected a branch \(notify, split, rebook, .*\), each once"):
            made("prefect+https://prefect.example/api", deployment=(written,))

    def test_and_only_one_for_each(self) -> None:
        with pytest.raises(DeploymentOptionError, match="each once"):
            made("prefect+https://prefect.example/api", deployment=("rebook=a/b", "rebook=c/d"))
